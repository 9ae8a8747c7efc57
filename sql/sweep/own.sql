-- Drops this run's own staging schema once it is published. After the commit, because a drop waits
-- for everybody who reads the schema, and the publishing transaction would hold its locks so long.
-- Safe to run again: it skips what is already gone. If it fails, a later run drops the schema.
drop schema if exists {{ staging }} cascade;

delete from ops.staging_schemas
where schema_name = {{ staging_name }};
