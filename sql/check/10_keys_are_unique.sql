-- Healthy when empty: no table of `mart` would get two rows with the same primary key.
{% for table in tables if table.is_brought %}
{% if not loop.first %}union all{% endif %}
select
    {{ table.name }} as table_name,
    {% for column in table.key -%}
    {% if not loop.first %} || '-' || {% endif %}cast({{ column }} as varchar)
    {%- endfor %} as row_key,
    count(*) as copies
from {{ staging }}.{{ table.staged }}
group by
    {{ table.key[0] }}{% for column in table.key[1:] %}, {{ column }}{% endfor %}

having count(*) > 1
{% endfor %};
