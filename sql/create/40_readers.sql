-- Lets the readers that the deployment names read the star schema, including later tables, but not
-- `ops`. Without readers it does nothing.
-- Safe to run again: grants stay as they are.
{% for reader in readers %}
grant usage on schema mart to {{ reader.kind }} {{ reader.name }};

grant select on all tables in schema mart to {{ reader.kind }} {{ reader.name }};

alter default privileges in schema mart
grant select on tables to {{ reader.kind }} {{ reader.name }};
{% endfor %}
