-- Drops the staging schemas of runs that failed long ago, as the plan names them.
-- Safe to run again, and by two runs at once: what is gone already is left out. Waits for whoever
-- publishes, so that neither has to begin anew.
lock table ops.publish_lock;
{% for schema in abandoned %}
drop schema if exists {{ schema.schema }} cascade;

delete from ops.staging_schemas
where schema_name = {{ schema.name }};
{% endfor %}
