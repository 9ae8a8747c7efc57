-- Drops this run's own staging schema once it is published. After the commit, because a drop waits
-- for everybody who reads the schema, and the publishing transaction would hold its locks so long.
-- Safe to run again: what is gone already is left out. If it fails, a later run sweeps the schema.
drop schema if exists {{ staging }} cascade;

delete from ops.staging_schemas
where schema_name = {{ staging_name }};
