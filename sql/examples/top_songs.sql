-- Which songs are played most?
select
    song_title,
    artist_name,
    count(*) as plays
from mart.songplays
group by
    song_title,
    artist_name
order by
    plays desc,
    song_title,
    artist_name
limit 10;
