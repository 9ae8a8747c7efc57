-- Counts changes: rows that this run inserts into and updates in each table. All is read from
-- the run's own tables, so it costs what the run brings.
-- Grain: one or more rows per table, to be added up. Safe to run again: it only reads.
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
    count(*) as inserted,
    0 as updated
from {{ staging }}.new_time
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
