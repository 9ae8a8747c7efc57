-- Writes down what this run has published, in the same transaction: both happen or neither.
-- Grain of loaded_objects: one row per source object; of runs: one row per run and source.
-- Safe to run again: the client token lets a transaction through once, and the merge counts
-- nothing twice.
merge into ops.loaded_objects
using {{ staging }}.planned_objects as planned
    on loaded_objects.source = planned.source
    and loaded_objects.uri = planned.uri
when matched then update set
    etag = planned.etag,
    bytes = planned.bytes,
    run_id = {{ run_id }},
    loaded_at = getdate()
when not matched then insert (
    source, uri, etag, bytes, run_id, loaded_at
) values (
    planned.source, planned.uri, planned.etag, planned.bytes, {{ run_id }}, getdate()
);

insert into ops.runs (
    run_id, source, objects, bytes, rows_staged, published_at
)
{% for source in sources %}
{% if not loop.first %}union all{% endif %}
select
    {{ run_id }} as run_id,
    {{ source.name }} as source,
    count(*) as objects,
    coalesce(sum(bytes), 0) as bytes,
    (select count(*) from {{ staging }}.{{ source.table }}) as rows_staged,
    getdate() as published_at
from {{ staging }}.planned_objects
where source = {{ source.name }}
{% endfor %};

-- By which paths each source was mapped, so that a later run can tell when they have changed.
{% for source in paths %}
insert into ops.run_paths (
    run_id, source, paths
)
select
    {{ run_id }} as run_id,
    {{ source.source }} as source,
    {{ source.digest }} as paths;
{% endfor %}

-- A run that has succeeded leaves no staging schema behind; one that fails keeps it for a look.
delete from ops.staging_schemas
where schema_name = {{ staging_name }};

drop schema {{ staging }} cascade;
