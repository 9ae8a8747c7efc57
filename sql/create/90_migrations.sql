-- Lists the applied migrations, and a row with the number 0 if anything was ever published.
-- Grain: one row per migration. Safe to run again: it only reads.
select
    number,
    name
from ops.migrations
union
select
    0 as number,
    'published' as name
from ops.runs;

-- Lists the columns that exist, so that a migration adds only those that do not. The catalogue is
-- on the leader node and may not be read in one statement with tables.
-- Grain: one row per column.
select
    table_schema,
    table_name,
    column_name
from information_schema.columns
where table_schema in ('mart', 'ops');
