-- Records what this run has published, in the same transaction: both happen or neither.
-- Grain of loaded_objects: one row per source object; of runs: one row per run and source.
-- Safe to run again: a run is recorded once; a repetition replaces nothing, because other runs may
-- have loaded the same objects since.
{% if not rebuild %}
delete from ops.loaded_objects
using {{ staging }}.planned_objects as planned
where
    loaded_objects.uri_hash = planned.uri_hash
    and loaded_objects.source = planned.source
    and loaded_objects.uri = planned.uri
    {% if uri_hashes %}
    and loaded_objects.uri_hash in (
        {% for hash in uri_hashes %}
        {{ hash }}{% if not loop.last %},{% endif %}
        {% endfor %}
    )
    {% endif %}
    and not exists (
        select 1 from ops.runs
        where runs.run_id = {{ run_id }}
    );
{% endif %}

insert into ops.loaded_objects (
    uri_hash, source, uri, etag, bytes, run_id, loaded_at
)
select
    planned.uri_hash,
    planned.source,
    planned.uri,
    planned.etag,
    planned.bytes,
    {{ run_id }} as run_id,
    getdate() as loaded_at
from {{ staging }}.planned_objects as planned
where
    not exists (
        select 1 from ops.runs
        where runs.run_id = {{ run_id }}
    )
order by planned.uri_hash;

insert into ops.runs (
    run_id, source, objects, bytes, rows_staged, published_at
)
select
    run_id,
    source,
    objects,
    bytes,
    rows_staged,
    published_at
from (
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
    {% endfor %}
) as published
where not exists (
    select 1 from ops.runs
    where runs.run_id = {{ run_id }}
);

-- The paths that mapped each source, so that a later run notices when they have changed.
{% if paths %}
insert into ops.run_paths (
    run_id, source, paths
)
select
    run_id,
    source,
    paths
from (
    {% for source in paths %}
    {% if not loop.first %}union all{% endif %}
    select
        {{ run_id }} as run_id,
        {{ source.source }} as source,
        {{ source.digest }} as paths
    {% endfor %}
) as used
where not exists (
    select 1 from ops.run_paths
    where run_paths.run_id = {{ run_id }}
);
{% endif %}
