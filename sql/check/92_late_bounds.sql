-- Bounds: the sessions of published plays that may have a song which this run brings or changes, by
-- `ops.played_titles`; and whether the titles of all published runs are there. Publishing, once it
-- holds the lock, makes sure that this is still so. A rebuild matches all plays anyway.
-- Grain: one row per range of sessions, and one if the titles are complete.
{% if brings.songs and not rebuild %}
with changed as (
    select
        loaded.title,
        loaded.artist_name,
        published.title as former_title,
        published.artist_name as former_artist_name
    from {{ staging }}.new_songs as loaded
    left join mart.songs as published on loaded.song_id = published.song_id
    where
        published.song_id is null
        or loaded.row_version > published.row_version
),

titles as (
    select
        title,
        artist_name
    from changed
    union
    select
        former_title as title,
        former_artist_name as artist_name
    from changed
    where former_title is not null
),

spans as (
    select
        played.first_session,
        played.last_session
    from ops.played_titles as played
    inner join titles
        on
            played.song_title = titles.title
            and played.artist_name = titles.artist_name
),

gaps as (
    select
        first_session,
        last_session,
        cast(first_session as double precision) - max(last_session) over (
            order by
                first_session,
                last_session
            rows between unbounded preceding and 1 preceding
        ) as gap
    from spans
),

splits as (
    select
        first_session,
        last_session,
        case
            when
                gap > {{ session_gap_min }}
                and row_number() over (order by gap desc nulls last, first_session)
                < {{ late_ranges_max }}
                then 1
            else 0
        end as is_split
    from gaps
),

ranges as (
    select
        first_session,
        last_session,
        sum(is_split) over (
            order by
                first_session,
                last_session
            rows unbounded preceding
        ) as range_number
    from splits
),

untitled as (
    select count(*) as runs
    from ops.runs as runs
    left join ops.titled_runs as titled on runs.run_id = titled.run_id
    where titled.run_id is null
)

select
    'late_session' as bounded,
    cast(min(first_session) as varchar) as first_value,
    cast(max(last_session) as varchar) as last_value
from ranges
group by range_number
union all
select
    'played_titles' as bounded,
    null as first_value,
    null as last_value
from untitled
where runs = 0;
{% endif %}
