-- Records how often each column was filled, for later runs to compare with.
-- Grain: one row per run, source and column. Safe to run again: a run is recorded once.
insert into ops.column_fill (
    run_id, source, column_name, rows_staged, rows_filled
)
select
    {{ run_id }} as run_id,
    filled.source,
    filled.column_name,
    filled.rows_staged,
    filled.rows_filled
from {{ staging }}.column_fill as filled
where
    filled.rows_staged > 0
    and not exists (
        select 1 from ops.column_fill as known
        where known.run_id = {{ run_id }}
    );
