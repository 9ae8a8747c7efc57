-- Healthy when empty: no song, artist, user or instant appears twice among the rows to publish.
{% if brings.songs %}
select
    'songs' as dimension,
    song_id as row_key
from {{ staging }}.new_songs
group by song_id
having count(*) > 1
union all
select
    'artists' as dimension,
    artist_id as row_key
from {{ staging }}.new_artists
group by artist_id
having count(*) > 1
{% endif %}
{% if brings.songs and brings.events %}
union all
{% endif %}
{% if brings.events %}
select
    'users' as dimension,
    cast(user_id as varchar) as row_key
from {{ staging }}.new_users
group by user_id
having count(*) > 1
union all
select
    'time' as dimension,
    cast(start_time as varchar) as row_key
from {{ staging }}.new_time
group by start_time
having count(*) > 1
{% endif %};
