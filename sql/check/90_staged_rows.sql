-- Counts: the rows that each COPY staged, to be reconciled with what was planned and merged.
select
    'planned_objects' as counted,
    count(*) as rows_staged
from {{ staging }}.planned_objects
{% for source in sources if source.is_brought %}
union all
select
    {{ source.name }} as counted,
    count(*) as rows_staged
from {{ staging }}.{{ source.table }}
{% endfor %};
