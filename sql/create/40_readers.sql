-- Lets the readers that the deployment names read the star schema, its later tables included, and
-- nothing of `ops`. Without readers there is nothing to do.
-- Safe to run again: what is granted stays granted.
{% for reader in readers %}
grant usage on schema mart to {{ reader.kind }} {{ reader.name }};

grant select on all tables in schema mart to {{ reader.kind }} {{ reader.name }};

alter default privileges in schema mart
grant select on tables to {{ reader.kind }} {{ reader.name }};
{% endfor %}
