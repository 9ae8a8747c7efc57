-- Reads what has been published or set aside, for a person who asks what the next run would load.
-- A run never reads it whole.
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

-- Names the staging schemas of failed runs that nobody needs: all but the newest, with room for
-- this run's own, and all old ones. A few per run, the oldest first.
-- Grain: one row per staging schema.
with
kept as (
    select
        schema_name,
        run_id,
        max(created_at) as created_at
    from ops.staging_schemas
    group by
        schema_name,
        run_id
),

ranked as (
    select
        schema_name,
        run_id,
        created_at,
        case
            when created_at < dateadd(day, -{{ staging_retention_days }}, getdate()) then 1
            else 0
        end as is_old,
        row_number() over (
            order by
                created_at desc,
                schema_name
        ) as newest
    from kept
)

select
    schema_name,
    run_id,
    is_old
from ranked
where
    is_old = 1
    or newest >= {{ staging_schemas_max }}
order by
    created_at,
    schema_name
limit 10;

-- Counts the published objects by the JSONPaths that they were loaded with.
-- Grain: one row per source and digest of paths.
select
    loaded_objects.source,
    run_paths.paths,
    count(*) as objects
from ops.loaded_objects
inner join ops.run_paths
    on
        loaded_objects.run_id = run_paths.run_id
        and loaded_objects.source = run_paths.source
group by
    loaded_objects.source,
    run_paths.paths;
