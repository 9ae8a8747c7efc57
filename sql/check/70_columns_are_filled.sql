-- Warns: a column is (nearly) always null; check how the files spell its key: case matters.
-- Every run checks user, level, song and artist of plays. It checks any other column only if a
-- hundred records or more lack it, and earlier runs filled it at least twice as often.
with history as (
    select
        source,
        column_name,
        sum(rows_staged) as rows_staged,
        sum(rows_filled) as rows_filled
    from ops.column_fill
    group by
        source,
        column_name
)

select
    fill.source,
    fill.column_name,
    fill.rows_filled as filled,
    fill.rows_staged as records
from {{ staging }}.column_fill as fill
left join history
    on
        fill.source = history.source
        and fill.column_name = history.column_name
where
    (
        fill.rows_staged > 0
        and fill.rows_filled = 0
        and fill.source = 'events'
        and fill.column_name in ('user_id', 'level', 'song', 'artist')
    )
    or (
        fill.rows_staged >= 100
        and fill.rows_filled = 0
        and history.rows_staged is null
    )
    or (
        fill.rows_staged >= 100
        and history.rows_staged >= 100
        and fill.rows_filled * 2.0 / fill.rows_staged
        < history.rows_filled * 1.0 / history.rows_staged
    )
order by
    fill.source,
    fill.column_name;
