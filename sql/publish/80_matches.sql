-- Matches plays with songs: same title and artist, the nearest duration wins, ties by song_id.
-- Matches this run's plays, and all plays whose title is among this run's songs, against the whole
-- catalogue: a late song finds its earlier plays.
-- Grain: one row per play. Safe to run again: the same catalogue gives the same match.
create table {{ staging }}.matches
distkey (songplay_id) as
with plays as (
    select
        songplays.songplay_id,
        songplays.song_title,
        songplays.artist_name,
        songplays.length
    from mart.songplays as songplays
    left join {{ staging }}.new_songplays as loaded
        on
            songplays.session_id = loaded.session_id
            and songplays.item_in_session = loaded.item_in_session
    left join {{ staging }}.titles_to_match as titles
        on
            songplays.song_title = titles.title
            and songplays.artist_name = titles.artist_name
    where
        loaded.session_id is not null
        or titles.title is not null
),

ranked as (
    select
        plays.songplay_id,
        songs.song_id,
        songs.artist_id,
        row_number() over (
            partition by plays.songplay_id
            order by abs(songs.duration - plays.length) nulls last, songs.song_id
        ) as preference
    from plays
    left join mart.songs as songs
        on
            plays.song_title = songs.title
            and plays.artist_name = songs.artist_name
)

select
    songplay_id,
    song_id,
    artist_id
from ranked
where preference = 1;

update mart.songplays set
    song_id = matches.song_id,
    artist_id = matches.artist_id
from {{ staging }}.matches as matches
where
    songplays.songplay_id = matches.songplay_id
    and (
        coalesce(songplays.song_id, '') <> coalesce(matches.song_id, '')
        or coalesce(songplays.artist_id, '') <> coalesce(matches.artist_id, '')
    );
