-- Subtracts what is known from the objects that may be new, and unloads the difference: the ledger
-- itself never leaves the warehouse. An object is known by its key and ETag; without an ETag it is
-- new. For a rebuild nothing was published.
-- Safe to run again: each attempt unloads to a prefix of its own.

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

-- Says whether anything was ever published: if not, what has arrived cannot be all that is missing.
-- Any row will do.
-- Grain: one row.
select count(*) as objects
from (
    select uri
    from ops.loaded_objects
    {% if rebuild %}
    where 1 = 0
    {% endif %}
    limit 1  -- noqa: AM09
) as any_object;

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
{% if rebuild or not is_complete %}
-- A rebuild forgets them, and a run on arrival does not read the whole ledger.
where 1 = 0
{% endif %}
group by
    loaded_objects.source,
    run_paths.paths;

{% if candidates > 0 %}
create temporary table candidates (
    source varchar(64) not null,
    uri varchar(1100) not null,
    etag varchar(128),
    bytes bigint not null,
    written_second bigint not null
);

copy candidates
from {{ manifest }}
iam_role {{ copy_role }}
manifest
format as json 'auto'
gzip
compupdate off
statupdate off;

create temporary table judged as
with set_aside as (
    select distinct
        source,
        uri,
        etag
    from ops.set_aside_objects
)

select
    candidates.source,
    candidates.uri,
    candidates.etag,
    candidates.bytes,
    candidates.written_second,
    case
        when set_aside.uri is not null then 'set aside'
        when known.uri is null then 'new'
        when coalesce(candidates.etag, '') = '' or candidates.etag <> known.etag then 'changed'
        else 'known'
    end as outcome
from (
    select
        source,
        uri,
        etag,
        bytes,
        written_second,
        strtol(substring(md5(uri), 1, 15), 16) as uri_hash
    from candidates
) as candidates
left join set_aside
    on
        candidates.source = set_aside.source
        and candidates.uri = set_aside.uri
        and candidates.etag = set_aside.etag
left join ops.loaded_objects as known
    on
        candidates.uri_hash = known.uri_hash
        and candidates.source = known.source
        and candidates.uri = known.uri
        {% if uri_hashes %}
        and known.uri_hash in (
            {% for hash in uri_hashes %}
            {{ hash }}{% if not loop.last %},{% endif %}
            {% endfor %}
        )
        {% endif %}
        {% if rebuild %}
        and 1 = 0
        {% endif %}
;

unload (
    'select source, uri, etag, bytes, written_second, outcome
    from judged
    where outcome in (''new'', ''changed'')
    order by source, uri'
)
to {{ new_objects }}
iam_role {{ copy_role }}
format json
gzip
manifest
parallel off
maxfilesize 64 mb;

-- Grain: one row per source and outcome, with the place of the difference.
select
    source,
    outcome,
    count(*) as objects,
    {{ new_objects }} as unloaded_to
from judged
group by
    source,
    outcome;
{% endif %}
