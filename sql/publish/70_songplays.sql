-- Publishes the staged plays: of all versions of a play the greatest wins. Each is first matched
-- with its song, against the whole catalogue: same title and artist, the nearest duration, ties by
-- song_id. So a play is written once; only a late song writes it again.
-- Grain: one row per session and item. Safe to run again: an equal version changes nothing.
{% if sessions %}
delete from {{ staging }}.new_songplays
using {{ staging }}.known_plays as published
where
    new_songplays.session_id = published.session_id
    and new_songplays.item_in_session = published.item_in_session
    and not published.is_superseded;

create table {{ staging }}.matched_plays
distkey (session_id) as
with ranked as (
    select
        loaded.session_id,
        loaded.item_in_session,
        songs.song_id,
        songs.artist_id,
        row_number() over (
            partition by loaded.session_id, loaded.item_in_session
            order by abs(songs.duration - loaded.length) nulls last, songs.song_id
        ) as preference
    from {{ staging }}.new_songplays as loaded
    inner join mart.songs as songs
        on
            loaded.song_title = songs.title
            and loaded.artist_name = songs.artist_name
)

select
    session_id,
    item_in_session,
    song_id,
    artist_id
from ranked
where preference = 1;

-- A rebuild has deleted everything, or was published before and supersedes nothing.
{% for range in sessions if not rebuild %}
delete from mart.songplays
using {{ staging }}.known_plays as published
where
    songplays.session_id = published.session_id
    and songplays.item_in_session = published.item_in_session
    and published.is_superseded
    and songplays.session_id between {{ range.first }} and {{ range.last }};
{% endfor %}

insert into mart.songplays (
    songplay_id, start_time, user_id, level, song_id, artist_id, session_id, item_in_session,
    song_title, artist_name, length, location, user_agent, row_version, run_id, loaded_at
)
select
    loaded.songplay_id,
    loaded.start_time,
    loaded.user_id,
    loaded.level,
    matched.song_id,
    matched.artist_id,
    loaded.session_id,
    loaded.item_in_session,
    loaded.song_title,
    loaded.artist_name,
    loaded.length,
    loaded.location,
    loaded.user_agent,
    loaded.row_version,
    {{ run_id }} as run_id,
    getdate() as loaded_at
from {{ staging }}.new_songplays as loaded
left join {{ staging }}.matched_plays as matched
    on
        loaded.session_id = matched.session_id
        and loaded.item_in_session = matched.item_in_session
order by loaded.start_time;
{% endif %}
