-- Records the migrations that this warehouse has had from the beginning: a run publishes only if
-- none is left to apply, so whatever is not recorded by now was never needed.
-- Grain: one row per migration. Safe to run again: a migration is recorded once.
insert into ops.migrations (
    number, name, run_id, applied_at
)
select
    known.number,
    known.name,
    {{ run_id }} as run_id,
    getdate() as applied_at
from (
    {% for migration in migrations %}
    {% if not loop.first %}union all{% endif %}
    select
        {{ migration.number }} as number,
        {{ migration.name }} as name
    {% endfor %}
) as known
left join ops.migrations as applied on known.number = applied.number
where applied.number is null;
