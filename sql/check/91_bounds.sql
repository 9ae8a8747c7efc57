-- Bounds: where this run's plays lie, by session and by instant, so that publishing reads no more
-- of `mart` than it must. Split at the widest gaps, so that an outlier does not widen all the rest.
-- A date that four digits of a year cannot write leaves its range open.
-- Grain: one row per range of a column.
{% if brings.events %}
with session_blocks as (
    select
        min(session_id) as first_session,
        max(session_id) as last_session
    from {{ staging }}.new_songplays
    group by session_id / {{ session_gap_min }}
),

session_gaps as (
    select
        first_session,
        last_session,
        cast(first_session as double precision)
        - lag(last_session) over (order by first_session) as gap
    from session_blocks
),

session_splits as (
    select
        first_session,
        last_session,
        case
            when
                gap > {{ session_gap_min }}
                and row_number() over (order by gap desc nulls last, first_session)
                < {{ ranges_max }}
                then 1
            else 0
        end as is_split
    from session_gaps
),

session_ranges as (
    select
        first_session,
        last_session,
        sum(is_split) over (
            order by first_session
            rows unbounded preceding
        ) as range_number
    from session_splits
),

hours as (
    select
        min(start_time) as first_instant,
        max(start_time) as last_instant
    from {{ staging }}.new_time
    group by date_trunc('hour', start_time)
),

hour_gaps as (
    select
        first_instant,
        last_instant,
        datediff(hour, lag(last_instant) over (order by first_instant), first_instant) as gap
    from hours
),

hour_splits as (
    select
        first_instant,
        last_instant,
        case
            when
                gap > {{ hours_gap_min }}
                and row_number() over (order by gap desc nulls last, first_instant)
                < {{ ranges_max }}
                then 1
            else 0
        end as is_split
    from hour_gaps
),

hour_ranges as (
    select
        first_instant,
        last_instant,
        sum(is_split) over (
            order by first_instant
            rows unbounded preceding
        ) as range_number
    from hour_splits
)

select
    'session_id' as bounded,
    cast(min(first_session) as varchar) as first_value,
    cast(max(last_session) as varchar) as last_value
from session_ranges
group by range_number
union all
select
    'start_time' as bounded,
    case
        when extract(year from min(first_instant)) between 1 and 9999
            then to_char(min(first_instant), 'YYYY-MM-DD HH24:MI:SS.US')
    end as first_value,
    case
        when extract(year from max(last_instant)) between 1 and 9999
            then to_char(max(last_instant), 'YYYY-MM-DD HH24:MI:SS.US')
    end as last_value
from hour_ranges
group by range_number;
{% endif %}
