-- Counts variants: keys under which this run brings records that differ from each other or from
-- what is published; the greatest version is published. Users are not counted: each of their events
-- is a new version by design.
-- Grain: one row per table. Safe to run again: it only reads.
{% if brings.songs %}
select
    'songs' as counted,
    count(case when loaded.has_variants then 1 end) as within_run,
    count(case when loaded.row_version <> published.row_version then 1 end) as beside_published
from {{ staging }}.new_songs as loaded
left join {{ staging }}.known_songs as published on loaded.song_id = published.song_id
union all
select
    'artists' as counted,
    count(case when loaded.has_variants then 1 end) as within_run,
    count(case when loaded.row_version <> published.row_version then 1 end) as beside_published
from {{ staging }}.new_artists as loaded
left join {{ staging }}.known_artists as published on loaded.artist_id = published.artist_id
{% endif %}
{% if brings.songs and sessions %}
union all
{% endif %}
{% if sessions %}
select
    'songplays' as counted,
    count(case when loaded.has_variants then 1 end) as within_run,
    count(case when loaded.row_version <> published.row_version then 1 end) as beside_published
from {{ staging }}.new_songplays as loaded
left join {{ staging }}.known_plays as published
    on
        loaded.session_id = published.session_id
        and loaded.item_in_session = published.item_in_session
{% endif %};
