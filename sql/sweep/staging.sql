-- Drops the staging schemas that failed runs left behind, as the plan names them.
-- Safe to run again, and by two runs at once: it skips what is already gone, and the second run
-- starts over. It takes no other lock: a reader of such a schema holds up nothing else.
{% for schema in abandoned %}
drop schema if exists {{ schema.schema }} cascade;

delete from ops.staging_schemas
where schema_name = {{ schema.name }};
{% endfor %}
