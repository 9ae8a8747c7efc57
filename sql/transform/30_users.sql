-- Chooses the newest staged event of each user, and notes who has played a song.
-- Grain of new_users: one row per user_id of any event; the newest wins (time, session, item).
-- Safe to run again: it starts from scratch.
{% if brings.events %}
{% if is_repeated %}
drop table if exists {{ staging }}.new_users;
{% endif %}
create table {{ staging }}.new_users as
with versions as (
    select
        user_id,
        nullif(first_name, '') as first_name,
        nullif(last_name, '') as last_name,
        nullif(gender, '') as gender,
        nullif(level, '') as level,
        ts as as_of,
        to_char(ts, 'YYYYMMDDHH24MISSUS')
        || lpad(cast(session_id as varchar), 20, '0')
        || lpad(cast(item_in_session as varchar), 10, '0') as position_in_time
    from {{ staging }}.staging_events
    where user_id is not null
),

ranked as (
    select
        user_id,
        first_name,
        last_name,
        gender,
        level,
        as_of,
        position_in_time || md5(
            coalesce(first_name, '') || chr(31) || coalesce(last_name, '') || chr(31)
            || coalesce(gender, '') || chr(31) || coalesce(level, '')
        ) as row_version
    from versions
),

preferred as (
    select
        user_id,
        first_name,
        last_name,
        gender,
        level,
        as_of,
        row_version,
        row_number() over (partition by user_id order by row_version desc) as preference
    from ranked
)

select
    user_id,
    first_name,
    last_name,
    gender,
    level,
    as_of,
    row_version
from preferred
where preference = 1;

-- Grain of new_players: one row per user_id with a play among the staged events.
{% if is_repeated %}
drop table if exists {{ staging }}.new_players;
{% endif %}
create table {{ staging }}.new_players as
select distinct user_id
from {{ staging }}.staging_events
where
    page = 'NextSong'
    and user_id is not null;
{% endif %}
