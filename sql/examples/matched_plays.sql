-- Which plays are of songs in the catalogue?
select
    songplays.start_time,
    songplays.user_id,
    songs.song_id,
    songs.title,
    artists.name as artist,
    songs.year
from mart.songplays as songplays
inner join mart.songs as songs on songplays.song_id = songs.song_id
inner join mart.artists as artists on songs.artist_id = artists.artist_id
order by songplays.start_time
limit 10;
