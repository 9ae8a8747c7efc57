-- Drops the staging schemas that failed runs left behind, as the plan names them.
-- Safe to run again, and by two runs at once: what is gone already is left out, and the run that
-- comes second begins again. Takes no other lock: whoever reads such a schema holds up nobody else.
{% for schema in abandoned %}
drop schema if exists {{ schema.schema }} cascade;

delete from ops.staging_schemas
where schema_name = {{ schema.name }};
{% endfor %}
