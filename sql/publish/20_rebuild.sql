-- Forgets everything published, when this run was asked to rebuild from all files.
-- Uses delete, because truncate would commit and show readers an empty star schema.
-- Safe to run again: a rebuild that is already published forgets nothing, in particular not
-- what others have published since.
{% if rebuild %}
{% for table in tables %}
delete from mart.{{ table.table }}
where not exists (
    select 1 from ops.runs
    where run_id = {{ run_id }}
);
{% endfor %}

delete from ops.latest_user_events
where not exists (
    select 1 from ops.runs
    where run_id = {{ run_id }}
);

delete from ops.loaded_objects
where not exists (
    select 1 from ops.runs
    where run_id = {{ run_id }}
);
{% endif %}
