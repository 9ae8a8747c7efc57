-- Counts changes: rows that this run inserts into and updates in each table. All of it is read from
-- the run's own tables, so it costs what the run brings, not what is published.
-- Grain: one or two rows per table. Safe to run again: it only reads.
{% if brings.songs %}
select
    'songs' as changed,
    count(case when published.song_id is null then 1 end) as inserted,
    count(published.song_id) as updated
from {{ staging }}.new_songs as loaded
left join {{ staging }}.known_songs as published on loaded.song_id = published.song_id
union all
select
    'artists' as changed,
    count(case when published.artist_id is null then 1 end) as inserted,
    count(published.artist_id) as updated
from {{ staging }}.new_artists as loaded
left join {{ staging }}.known_artists as published on loaded.artist_id = published.artist_id
{% if not rebuild and late_sessions %}
union all
select
    'songplays' as changed,
    0 as inserted,
    count(*) as updated
from {{ staging }}.late_matches
{% endif %}
{% endif %}
{% if brings.songs and brings.events %}
union all
{% endif %}
{% if brings.events %}
select
    'users' as changed,
    count(case when changed.is_new then 1 end) as inserted,
    count(case when not changed.is_new then 1 end) as updated
from {{ staging }}.changed_users as changed
{% if sessions %}
union all
select
    'time' as changed,
    count(case when published.start_time is null then 1 end) as inserted,
    0 as updated
from {{ staging }}.new_time as loaded
left join {{ staging }}.known_instants as published on loaded.start_time = published.start_time
union all
select
    'songplays' as changed,
    count(case when published.session_id is null then 1 end) as inserted,
    count(published.session_id) as updated
from {{ staging }}.new_songplays as loaded
left join {{ staging }}.known_plays as published
    on
        loaded.session_id = published.session_id
        and loaded.item_in_session = published.item_in_session
{% endif %}
{% endif %};
