-- Counts how many staged records fill each nullable column. For events, only plays count: other
-- pages naturally have no song.
-- Grain: one row per source and column. Safe to run again: it starts from scratch.
{% if is_repeated %}
drop table if exists {{ staging }}.column_fill;
{% endif %}
create table {{ staging }}.column_fill as
with
{% if brings.events %}
events as (
    select
        count(*) as rows_staged,
        count(artist) as artist,
        count(auth) as auth,
        count(first_name) as first_name,
        count(gender) as gender,
        count(last_name) as last_name,
        count(length) as length,
        count(level) as level,
        count(location) as location,
        count(method) as method,
        count(registration) as registration,
        count(song) as song,
        count(status) as status,
        count(user_agent) as user_agent,
        count(user_id) as user_id
    from {{ staging }}.staging_events
    where page = 'NextSong'
){% if brings.songs %},{% endif %}
{% endif %}

{% if brings.songs %}
songs as (
    select
        count(*) as rows_staged,
        count(num_songs) as num_songs,
        count(artist_latitude) as artist_latitude,
        count(artist_longitude) as artist_longitude,
        count(artist_location) as artist_location,
        count(year) as year
    from {{ staging }}.staging_songs
)
{% endif %}

{% if brings.events %}
select
    'events' as source,
    'artist' as column_name,
    rows_staged,
    artist as rows_filled
from events
union all
select
    'events' as source,
    'auth' as column_name,
    rows_staged,
    auth as rows_filled
from events
union all
select
    'events' as source,
    'first_name' as column_name,
    rows_staged,
    first_name as rows_filled
from events
union all
select
    'events' as source,
    'gender' as column_name,
    rows_staged,
    gender as rows_filled
from events
union all
select
    'events' as source,
    'last_name' as column_name,
    rows_staged,
    last_name as rows_filled
from events
union all
select
    'events' as source,
    'length' as column_name,
    rows_staged,
    length as rows_filled
from events
union all
select
    'events' as source,
    'level' as column_name,
    rows_staged,
    level as rows_filled
from events
union all
select
    'events' as source,
    'location' as column_name,
    rows_staged,
    location as rows_filled
from events
union all
select
    'events' as source,
    'method' as column_name,
    rows_staged,
    method as rows_filled
from events
union all
select
    'events' as source,
    'registration' as column_name,
    rows_staged,
    registration as rows_filled
from events
union all
select
    'events' as source,
    'song' as column_name,
    rows_staged,
    song as rows_filled
from events
union all
select
    'events' as source,
    'status' as column_name,
    rows_staged,
    status as rows_filled
from events
union all
select
    'events' as source,
    'user_agent' as column_name,
    rows_staged,
    user_agent as rows_filled
from events
union all
select
    'events' as source,
    'user_id' as column_name,
    rows_staged,
    user_id as rows_filled
from events
{% endif %}
{% if brings.events and brings.songs %}
union all
{% endif %}
{% if brings.songs %}
select
    'songs' as source,
    'num_songs' as column_name,
    rows_staged,
    num_songs as rows_filled
from songs
union all
select
    'songs' as source,
    'artist_latitude' as column_name,
    rows_staged,
    artist_latitude as rows_filled
from songs
union all
select
    'songs' as source,
    'artist_longitude' as column_name,
    rows_staged,
    artist_longitude as rows_filled
from songs
union all
select
    'songs' as source,
    'artist_location' as column_name,
    rows_staged,
    artist_location as rows_filled
from songs
union all
select
    'songs' as source,
    'year' as column_name,
    rows_staged,
    year as rows_filled
from songs
{% endif %};
