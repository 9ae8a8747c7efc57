-- Records a migration, in its own transaction: both happen or neither.
-- Grain: one row per migration. Safe to run again: a migration is recorded once.
insert into ops.migrations (
    number, name, run_id, applied_at
)
select
    {{ migration.number }} as number,
    {{ migration.name }} as name,
    {{ run_id }} as run_id,
    getdate() as applied_at
from (select 1 as one) as always
where
    not exists (
        select 1 from ops.migrations
        where migrations.number = {{ migration.number }}
    );
