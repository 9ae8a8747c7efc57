-- Healthy when empty: every row to publish refers to rows that this run prepares, or to none. What
-- another source brings is looked up while publishing.
{% for reference in references %}
{% if not loop.first %}union all{% endif %}
select
    {{ reference.name }} as reference,
    cast(loaded.{{ reference.column }} as varchar) as missing
from {{ staging }}.{{ reference.staged }} as loaded
left join {{ staging }}.{{ reference.referenced }} as referenced
    on loaded.{{ reference.column }} = referenced.{{ reference.key }}
where
    loaded.{{ reference.column }} is not null
    and referenced.{{ reference.key }} is null
{% endfor %};
