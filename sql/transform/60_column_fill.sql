-- Counts how many staged records fill each nullable column. For events, only plays count: other
-- pages naturally have no song.
-- Grain: one row per source and column. Safe to run again: it starts from scratch.
{% if is_repeated %}
drop table if exists {{ staging }}.column_fill;
{% endif %}
create table {{ staging }}.column_fill (
    source varchar(64) not null,
    column_name varchar(128) not null,
    rows_staged bigint not null,
    rows_filled bigint not null
)
diststyle all;

{% for source in sources if source.is_brought and source.optional %}
insert into {{ staging }}.column_fill (
    source, column_name, rows_staged, rows_filled
)
with counted as (
    select
        {% for column in source.optional %}
        count({{ column.column }}) as {{ column.column }},
        {% endfor %}
        count(*) as rows_staged
    from {{ staging }}.{{ source.table }}
    {% if source.name == 'events' %}
    where page = 'NextSong'
    {% endif %}
)

{% for column in source.optional %}
{% if not loop.first %}union all{% endif %}
select
    {{ source.name }} as source,
    {{ column.name }} as column_name,
    rows_staged,
    {{ column.column }} as rows_filled
from counted
{% endfor %};
{% endfor %}
