-- Publishes the staged songs: of all versions of a song the greatest wins.
-- Grain: one row per song_id. Safe to run again: an equal version changes nothing.

-- Plays with these titles are matched again at the end: the new titles, and the titles that a song
-- may lose.
create table {{ staging }}.titles_to_match as
select
    title,
    artist_name
from {{ staging }}.new_songs
union
select
    published.title,
    published.artist_name
from mart.songs as published
inner join {{ staging }}.new_songs as loaded on published.song_id = loaded.song_id;

delete from {{ staging }}.new_songs
using mart.songs as published
where
    new_songs.song_id = published.song_id
    and new_songs.row_version <= published.row_version;

merge into mart.songs
using {{ staging }}.new_songs as loaded
    on mart.songs.song_id = loaded.song_id
when matched then update set
    title = loaded.title,
    artist_id = loaded.artist_id,
    artist_name = loaded.artist_name,
    year = loaded.year,
    duration = loaded.duration,
    row_version = loaded.row_version
when not matched then insert (
    song_id, title, artist_id, artist_name, year, duration, row_version
) values (
    loaded.song_id, loaded.title, loaded.artist_id, loaded.artist_name, loaded.year,
    loaded.duration, loaded.row_version
);
