-- Turns the staged events into plays; publishing decides which song each was, against the whole
-- catalogue.
-- Grain: one row per session and item; if records differ, the latest wins, then the greatest
-- content.
-- Safe to run again: it starts from scratch.
{% if brings.events %}
{% if is_repeated %}
drop table if exists {{ staging }}.new_songplays;
{% endif %}
create table {{ staging }}.new_songplays
distkey (session_id) as
with plays as (
    select
        session_id,
        item_in_session,
        ts as start_time,
        user_id,
        nullif(level, '') as level,
        nullif(song, '') as song_title,
        nullif(artist, '') as artist_name,
        length,
        nullif(location, '') as location,
        nullif(user_agent, '') as user_agent
    from {{ staging }}.staging_events
    where page = 'NextSong'
),

versions as (
    select
        session_id,
        item_in_session,
        start_time,
        user_id,
        level,
        song_title,
        artist_name,
        length,
        location,
        user_agent,
        to_char(start_time, 'YYYYMMDDHH24MISSUS') || md5(
            coalesce(cast(user_id as varchar), '') || chr(31) || coalesce(level, '') || chr(31)
            || coalesce(song_title, '') || chr(31) || coalesce(artist_name, '') || chr(31)
            || coalesce(cast(length as varchar), '') || chr(31) || coalesce(location, '')
            || chr(31) || coalesce(user_agent, '')
        ) as row_version
    from plays
),

ranked as (
    select
        session_id,
        item_in_session,
        start_time,
        user_id,
        level,
        song_title,
        artist_name,
        length,
        location,
        user_agent,
        row_version,
        row_number() over (
            partition by session_id, item_in_session
            order by row_version desc
        ) as preference,
        min(row_version) over (partition by session_id, item_in_session) as least_version
    from versions
)

select
    cast(session_id as varchar) || '-' || cast(item_in_session as varchar) as songplay_id,
    start_time,
    user_id,
    level,
    session_id,
    item_in_session,
    song_title,
    artist_name,
    length,
    location,
    user_agent,
    row_version,
    row_version <> least_version as has_variants
from ranked
where preference = 1;
{% endif %}
