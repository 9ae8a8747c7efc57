-- Healthy when empty: no row to publish lacks its key.
{% if brings.events %}
select
    'songplays' as row_of,
    songplay_id as row_key
from {{ staging }}.new_songplays
where
    songplay_id is null
    or session_id is null
    or item_in_session is null
    or start_time is null
union all
select
    'users' as row_of,
    cast(user_id as varchar) as row_key
from {{ staging }}.new_users
where user_id is null
union all
select
    'time' as row_of,
    cast(start_time as varchar) as row_key
from {{ staging }}.new_time
where start_time is null
{% endif %}
{% if brings.events and brings.songs %}
union all
{% endif %}
{% if brings.songs %}
select
    'songs' as row_of,
    song_id as row_key
from {{ staging }}.new_songs
where
    song_id is null
    or artist_id is null
union all
select
    'artists' as row_of,
    artist_id as row_key
from {{ staging }}.new_artists
where artist_id is null
{% endif %};
