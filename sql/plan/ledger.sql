-- Reads what has been published or set aside, for the plan to subtract.
-- Grain: one row per source object and outcome.
select
    source,
    uri,
    etag,
    'loaded' as outcome
from ops.loaded_objects
union all
select
    source,
    uri,
    etag,
    'set aside' as outcome
from ops.set_aside_objects;

-- Names what failed runs left behind longer ago than it is kept: a few a run, the oldest first.
-- Grain: one row per staging schema.
select
    schema_name,
    run_id
from ops.staging_schemas
group by
    schema_name,
    run_id
having max(created_at) < dateadd(day, -{{ staging_retention_days }}, getdate())
order by
    max(created_at),
    schema_name
limit 10;

-- Counts the published objects by the JSONPaths that they were loaded by.
-- Grain: one row per source and digest of paths.
select
    loaded_objects.source,
    run_paths.paths,
    count(*) as objects
from ops.loaded_objects
inner join ops.run_paths
    on loaded_objects.run_id = run_paths.run_id
    and loaded_objects.source = run_paths.source
group by
    loaded_objects.source,
    run_paths.paths;
