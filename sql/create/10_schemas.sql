-- Creates the schemas that last: the star schema, and the pipeline's own records.
-- Safe to run again: nothing that exists is touched.
create schema if not exists mart;

create schema if not exists ops;
