-- Records in which sessions each title was played: those of this run's plays or, if the titles of
-- earlier runs are not complete, of all.
-- Grain: one row per title and artist. Safe to run again: a span only grows, or is computed
-- from all plays.
{% if rebuild or (brings.songs and not has_titles) %}
delete from ops.played_titles;

insert into ops.played_titles (
    song_title, artist_name, first_session, last_session
)
select
    song_title,
    artist_name,
    min(session_id) as first_session,
    max(session_id) as last_session
from mart.songplays
where
    song_title is not null
    and artist_name is not null
group by
    song_title,
    artist_name;
{% elif sessions %}
create table {{ staging }}.new_titles as
with brought as (
    select
        song_title,
        artist_name,
        min(session_id) as first_session,
        max(session_id) as last_session
    from {{ staging }}.new_songplays
    where
        song_title is not null
        and artist_name is not null
    group by
        song_title,
        artist_name
)

select
    brought.song_title,
    brought.artist_name,
    least(brought.first_session, coalesce(known.first_session, brought.first_session))
        as first_session,
    greatest(brought.last_session, coalesce(known.last_session, brought.last_session))
        as last_session
from brought
left join ops.played_titles as known
    on
        brought.song_title = known.song_title
        and brought.artist_name = known.artist_name;

merge into ops.played_titles
using {{ staging }}.new_titles as loaded
    on ops.played_titles.song_title = loaded.song_title
    and ops.played_titles.artist_name = loaded.artist_name
when matched then update set
    first_session = loaded.first_session,
    last_session = loaded.last_session
when not matched then insert (
    song_title, artist_name, first_session, last_session
) values (
    loaded.song_title, loaded.artist_name, loaded.first_session, loaded.last_session
);
{% endif %}
