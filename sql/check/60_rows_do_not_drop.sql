-- Healthy when empty: no source has less than half the rows per byte of earlier runs.
-- It compares ratios, because a run may bring a month or a minute: it notices a half-written
-- export, a changed format or silently missing records, but not fewer or empty files. A source with
-- fewer than five earlier runs, or with fewer than 100 expected rows, counts as healthy, too.
-- `allowDrop` in a run's input skips the check, for example when files are no longer compressed.
{% if not allow_drop %}
with loaded as (
    {% for source in sources if source.is_brought %}
    {% if not loop.first %}union all{% endif %}
    select
        {{ source.name }} as source,
        coalesce(sum(bytes), 0) as bytes,
        (select count(*) from {{ staging }}.{{ source.table }}) as rows_staged
    from {{ staging }}.planned_objects
    where source = {{ source.name }}
    {% endfor %}
),

earlier as (
    select
        source,
        bytes,
        rows_staged,
        row_number() over (partition by source order by published_at desc, run_id desc) as age
    from ops.runs
    where bytes > 0
),

history as (
    select
        source,
        count(*) as runs,
        cast(sum(rows_staged) as double precision) / sum(bytes) as rows_per_byte
    from earlier
    where age <= 20
    group by source
    having count(*) >= 5
)

select
    loaded.source,
    loaded.bytes,
    loaded.rows_staged,
    cast(loaded.bytes * history.rows_per_byte as bigint) as rows_expected,
    history.runs as runs_compared
from loaded
inner join history on loaded.source = history.source
where
    loaded.bytes * history.rows_per_byte >= 100
    and loaded.rows_staged * 2 < loaded.bytes * history.rows_per_byte;
{% endif %}
