-- Healthy when empty: every song to publish has its artist among the artists to publish.
{% if brings.songs %}
select
    songs.song_id,
    songs.artist_id
from {{ staging }}.new_songs as songs
left join {{ staging }}.new_artists as artists on songs.artist_id = artists.artist_id
where artists.artist_id is null;
{% endif %}
