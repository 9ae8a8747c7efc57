-- Healthy when empty: no row to publish lacks what its table of `mart` requires.
{% for table in tables if table.is_brought %}
{% if not loop.first %}union all{% endif %}
select
    {{ table.name }} as table_name,
    {% for column in table.key -%}
    {% if not loop.first %} || '-' || {% endif %}cast({{ column }} as varchar)
    {%- endfor %} as row_key
from {{ staging }}.{{ table.staged }}
where
    {% for column in table.required %}
    {% if not loop.first %}or {% endif %}{{ column }} is null
    {% endfor %}
{% endfor %};
