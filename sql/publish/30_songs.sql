-- Publishes the staged songs: of all versions of a song the greatest wins.
-- Grain: one row per song_id. Safe to run again: an equal version changes nothing.
{% if brings.songs %}
delete from {{ staging }}.new_songs
using {{ staging }}.known_songs as published
where
    new_songs.song_id = published.song_id
    and new_songs.row_version <= published.row_version;

-- Plays with these titles are matched again at the end: what a song is newly called, and what it
-- was called before. A song that changes in nothing that a match depends on has no such titles.
create table {{ staging }}.titles_to_match as
with changed as (
    select
        loaded.title,
        loaded.artist_name,
        published.title as former_title,
        published.artist_name as former_artist_name
    from {{ staging }}.new_songs as loaded
    left join {{ staging }}.known_songs as published on loaded.song_id = published.song_id
    where
        published.song_id is null
        or loaded.title <> published.title
        or loaded.artist_name <> published.artist_name
        or loaded.artist_id <> published.artist_id
        or loaded.duration <> published.duration
)

select
    title,
    artist_name
from changed
union
select
    former_title as title,
    former_artist_name as artist_name
from changed
where former_title is not null;

merge into mart.songs
using {{ staging }}.new_songs as loaded
    on mart.songs.song_id = loaded.song_id
when matched then update set
    title = loaded.title,
    artist_id = loaded.artist_id,
    artist_name = loaded.artist_name,
    year = loaded.year,
    duration = loaded.duration,
    row_version = loaded.row_version,
    run_id = {{ run_id }},
    loaded_at = getdate()
when not matched then insert (
    song_id, title, artist_id, artist_name, year, duration, row_version, run_id, loaded_at
) values (
    loaded.song_id, loaded.title, loaded.artist_id, loaded.artist_name, loaded.year,
    loaded.duration, loaded.row_version, {{ run_id }}, getdate()
);
{% endif %}
