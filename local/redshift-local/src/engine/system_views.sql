-- Redshift's system views, over what the warehouse keeps and over the engine's own catalog.

-- The views lag behind what happened: a session sees what has become visible by its own time.
create macro redshift.main.is_visible(visible_at) as
    coalesce(visible_at <= getvariable('system_time'), visible_at is null);

create view redshift.main.visible_queries as
select * from {database}.redshift_local.queries where redshift.main.is_visible(visible_at);

create view redshift.main.visible_load_errors as
select * from {database}.redshift_local.load_errors where redshift.main.is_visible(visible_at);

create view redshift.main.visible_load_files as
select * from {database}.redshift_local.load_files where redshift.main.is_visible(visible_at);

-- A COPY that runs writes itself down again and again: the newest that is visible counts, and its
-- end where both are of one instant.
create view redshift.main.visible_loads as
select * from {database}.redshift_local.loads where redshift.main.is_visible(visible_at)
qualify row_number() over (partition by query_id order by visible_at desc, end_time nulls last) = 1;

-- STL views of a cluster number statements otherwise than SYS views do.
create macro redshift.main.stl_number(query_id) as query_id + {stl_offset};
create view redshift.main.sys_load_error_detail as
select 100 as user_id, query_id, table_id, transaction_id, session_id, database_name, table_name,
    start_time, file_name, line_number, column_name, column_type, column_length, position,
    error_code, error_message
from redshift.main.visible_load_errors;

create view redshift.main.stl_load_errors as
select 100 as userid, 0 as slice, table_id as tbl, start_time as starttime, session_id as session,
    redshift.main.stl_number(query_id) as query, file_name as filename, line_number, column_name as colname,
    column_type as type, column_length as col_length, position, raw_line, raw_field_value,
    error_code as err_code, error_message as err_reason, false as is_partial, 0 as start_offset,
    0 as copy_job_id
from redshift.main.visible_load_errors;

create view redshift.main.stl_loaderror_detail as
select 100 as userid, 0 as slice, session_id as session, redshift.main.stl_number(query_id) as query, file_name as filename,
    line_number, 0 as field, column_name as colname, raw_field_value as value,
    case when error_code = 0 then 0 else 1 end as is_null, column_type as type,
    column_length as col_length
from redshift.main.visible_load_errors;

create view redshift.main.sys_load_history as
select 100 as user_id, query_id, transaction_id, session_id, '{database}' as database_name, status,
    table_name, start_time, end_time, duration, data_source, file_format, loaded_rows,
    loaded_bytes, source_file_count, source_file_bytes, file_count_scanned, file_bytes_scanned,
    error_count, 0 as copy_job_id
from redshift.main.visible_loads;

create view redshift.main.sys_load_detail as
select 100 as user_id, query_id, file_name, bytes_scanned, lines_scanned,
    0 as splits_scanned, end_time as record_time, start_time, end_time, rejected_lines
from redshift.main.visible_load_files;

create view redshift.main.stl_load_commits as
select 100 as userid, redshift.main.stl_number(query_id) as query, 0 as slice, file_name as name, file_name as filename,
    0 as byte_offset, lines_scanned, rejected_lines as errors, end_time as curtime, 1 as status,
    'n/a' as file_format, false as is_partial, 0 as start_offset
from redshift.main.visible_load_files;

-- An UNLOAD writes itself down when it begins and when it ends.
create view redshift.main.sys_unload_history as
select 100 as user_id, query_id, transaction_id, session_id, '{database}' as database_name, status,
    start_time, end_time, duration, file_format, compression_type, unloaded_location,
    unloaded_rows, unloaded_files_count, unloaded_files_size, error_message
from {database}.redshift_local.unloads where redshift.main.is_visible(visible_at)
qualify row_number() over (partition by query_id order by visible_at desc, end_time nulls last) = 1;

create view redshift.main.visible_unload_files as
select * from {database}.redshift_local.unload_files where redshift.main.is_visible(visible_at);

create view redshift.main.sys_unload_detail as
select 100 as user_id, query_id, session_id, transaction_id, file_name, start_time, end_time,
    line_count, transfer_size, file_format
from redshift.main.visible_unload_files;

create view redshift.main.stl_unload_log as
select 100 as userid, redshift.main.stl_number(query_id) as query, slice, session_id as pid,
    file_name as path, start_time, end_time, line_count, transfer_size, file_format
from redshift.main.visible_unload_files;

create view redshift.main.sys_query_history as
select 100 as user_id, query_id, coalesce(label, '') as query_label, transaction_id, session_id,
    '{database}' as database_name, query_type, status, false as result_cache_hit, start_time,
    end_time, elapsed_time, 0 as queue_time, elapsed_time as execution_time, error_message,
    returned_rows, returned_bytes, query_text,
    '00000000-0000-4000-8000-' || lpad(lower(to_hex(query_id)), 12, '0') as query_uuid
from redshift.main.visible_queries;

create view redshift.main.stl_query as
select 100 as userid, redshift.main.stl_number(query_id) as query, coalesce(label, 'default') as label, transaction_id as xid,
    session_id as pid, '{database}' as database, query_text as querytxt, start_time as starttime,
    end_time as endtime, case when status = 'aborted' then 1 else 0 end as aborted
from redshift.main.visible_queries;

create view redshift.main.svl_qlog as
select 100 as userid, redshift.main.stl_number(query_id) as query, transaction_id as xid, session_id as pid,
    start_time as starttime, end_time as endtime, elapsed_time as elapsed,
    case when status = 'aborted' then 1 else 0 end as aborted, coalesce(label, 'default') as label,
    query_text as substring
from redshift.main.visible_queries;

create view redshift.main.relations as
select t.schema_name as schemaname, t.table_name as relname, d.object_id, 'r' as kind,
    d.distribution_style, d.distribution_key, d.sort_style, d.sort_keys, d.primary_key, d.comment,
    t.estimated_size
from duckdb_tables() as t
left join {database}.redshift_local.tables as d
    on t.schema_name = d.schema_name and t.table_name = d.table_name
where t.database_name = '{database}' and t.schema_name not in ('redshift_local')
union all
select v.schema_name, v.view_name, d.object_id, 'v', null, null, null, null, null, null, 0
from duckdb_views() as v
left join {database}.redshift_local.views as d
    on v.schema_name = d.schema_name and v.view_name = d.view_name
where v.database_name = '{database}' and not v.internal and v.schema_name not in ('redshift_local');

create view redshift.main.relation_columns as
select c.schema_name, c.table_name, c.column_name,
    cast(row_number() over (partition by c.schema_name, c.table_name order by c.column_index) as integer) as ordinal,
    coalesce(d.type, case
        when c.data_type = 'BIGINT' or c.data_type = 'HUGEINT' then 'bigint'
        when c.data_type = 'DOUBLE' then 'double precision'
        when c.data_type = 'FLOAT' then 'real'
        when c.data_type = 'VARCHAR' then 'character varying(65535)'
        when c.data_type = 'TIMESTAMP' then 'timestamp without time zone'
        when c.data_type = 'TIMESTAMP WITH TIME ZONE' then 'timestamp with time zone'
        when starts_with(c.data_type, 'DECIMAL') then replace('numeric' || substr(c.data_type, 8), ', ', ',')
        else lower(c.data_type) end) as type,
    d.encoding, coalesce(d.not_null, not c.is_nullable) as not_null,
    coalesce(d.default_text, case when d.identity_seed is not null
        then '"identity"(' || d.identity_seed || ', ' || d.identity_step || ')' end) as default_text,
    d.identity_seed is not null as is_identity, d.comment
from duckdb_columns() as c
left join {database}.redshift_local.columns as d
    on c.schema_name = d.schema_name and c.table_name = d.table_name
    and c.column_name = d.column_name
where c.database_name = '{database}' and not c.internal and c.schema_name not in ('redshift_local');

-- What the current user owns or has any right to.
create view redshift.main.permitted_relations as
select r.schemaname, r.relname, r.kind, r.comment
from redshift.main.relations as r
left join {database}.redshift_local.owners as o
    on r.schemaname = o.schema_name and r.relname = o.name
where cast(getvariable('superuser') as boolean)
    or coalesce(o.owner, 'awsuser') = cast(getvariable('user_name') as varchar)
    or exists (
        select 1
        from {database}.redshift_local.grants as g
        where g.kind = 'table' and g.schema_name = r.schemaname and g.name = r.relname
            and list_contains(cast(getvariable('principals') as varchar[]), g.grantee)
    );

create view redshift.main.svv_tables as
select '{database}' as table_catalog, schemaname as table_schema, relname as table_name,
    case kind when 'r' then 'BASE TABLE' else 'VIEW' end as table_type, comment as remarks
from redshift.main.permitted_relations;

create view redshift.main."information_schema.tables" as
select table_catalog, table_schema, table_name, table_type from redshift.main.svv_tables;

create view redshift.main."information_schema.views" as
select '{database}' as table_catalog, schema_name as table_schema, view_name as table_name,
    definition as view_definition
from {database}.redshift_local.views;

create view redshift.main.svv_columns as
select '{database}' as table_catalog, schema_name as table_schema, table_name, column_name,
    ordinal as ordinal_position, default_text as column_default,
    case when not_null then 'NO' else 'YES' end as is_nullable,
    regexp_replace(type, '\(.*\)', '') as data_type,
    case when starts_with(type, 'character') then cast(regexp_extract(type, '\((\d+)', 1) as integer) end
        as character_maximum_length,
    case when starts_with(type, 'numeric') then cast(regexp_extract(type, '\((\d+)', 1) as integer)
        when type = 'smallint' then 16 when type = 'integer' then 32 when type = 'bigint' then 64
        when type = 'double precision' then 53 when type = 'real' then 24 end as numeric_precision,
    case when starts_with(type, 'numeric') then cast(regexp_extract(type, ',(\d+)', 1) as integer)
        when type in ('smallint', 'integer', 'bigint') then 0 end as numeric_scale,
    comment as remarks
from redshift.main.relation_columns as c
where exists (
    select 1
    from redshift.main.permitted_relations as p
    where p.schemaname = c.schema_name and p.relname = c.table_name
);

create view redshift.main."information_schema.columns" as
select * exclude (remarks) from redshift.main.svv_columns;

create view redshift.main."information_schema.schemata" as
select '{database}' as catalog_name, schema_name, 'awsuser' as schema_owner
from duckdb_schemas()
where database_name = '{database}' and schema_name not in ('main', 'redshift_local', 'pg_catalog', 'information_schema');

create view redshift.main."information_schema.table_constraints" as
select '{database}' as constraint_catalog, schema_name as constraint_schema,
    table_name || '_pkey' as constraint_name, '{database}' as table_catalog,
    schema_name as table_schema, table_name, 'PRIMARY KEY' as constraint_type
from {database}.redshift_local.tables
where primary_key <> '';

create view redshift.main."information_schema.key_column_usage" as
select '{database}' as constraint_catalog, schema_name as constraint_schema,
    table_name || '_pkey' as constraint_name, '{database}' as table_catalog,
    schema_name as table_schema, table_name, unnest(string_split(primary_key, ',')) as column_name,
    cast(generate_subscripts(string_split(primary_key, ','), 1) as integer) as ordinal_position
from {database}.redshift_local.tables
where primary_key <> '';

create view redshift.main.svv_all_schemas as
select '{database}' as database_name, schema_name, 100 as schema_owner, 'local' as schema_type,
    '' as schema_acl, '' as source_database, '' as schema_option
from redshift.main."information_schema.schemata";

create view redshift.main.svv_redshift_schemas as
select database_name, schema_name, schema_owner, schema_type, schema_acl, schema_option
from redshift.main.svv_all_schemas;

create view redshift.main.svv_redshift_databases as
select '{database}' as database_name, 100 as database_owner, 'local' as database_type,
    '' as database_acl, '' as database_options, 'Snapshot Isolation' as database_isolation_level;

create view redshift.main.svv_all_tables as
select '{database}' as database_name, table_schema as schema_name, table_name,
    case table_type when 'VIEW' then 'VIEW' else 'TABLE' end as table_type, '' as table_acl, remarks
from redshift.main.svv_tables;

create view redshift.main.svv_redshift_tables as select * from redshift.main.svv_all_tables;

create view redshift.main.svv_all_columns as
select '{database}' as database_name, table_schema as schema_name, table_name, column_name,
    ordinal_position, column_default, is_nullable, data_type, character_maximum_length,
    numeric_precision, numeric_scale, remarks
from redshift.main.svv_columns;

create view redshift.main.svv_redshift_columns as select * from redshift.main.svv_all_columns;

create view redshift.main.svv_table_info as
select '{database}' as database, schemaname as schema, object_id as table_id, relname as "table",
    case when sort_keys <> '' then 'Y' else 'N' end as encoded,
    case when distribution_style = 'key' or (distribution_style is null and distribution_key <> '') then 'KEY(' || distribution_key || ')'
        when distribution_style = 'all' then 'ALL' when distribution_style = 'even' then 'EVEN'
        else 'AUTO(ALL)' end as diststyle,
    case when sort_style = 'interleaved' then 'INTERLEAVED' when sort_keys <> '' then split_part(sort_keys, ',', 1)
        else 'AUTO(SORTKEY)' end as sortkey1,
    65535 as max_varchar, '' as sortkey1_enc,
    case when sort_keys <> '' then len(string_split(sort_keys, ',')) else 0 end as sortkey_num,
    1 as size, 0.0 as pct_used, 0 as empty, 0.0 as unsorted, 0.0 as stats_off,
    cast(estimated_size as decimal(38, 0)) as tbl_rows, 0.0 as skew_sortkey1, 0.0 as skew_rows,
    cast(estimated_size as decimal(38, 0)) as estimated_visible_rows, '' as risk_event,
    0.0 as vacuum_sort_benefit, cast(now() as timestamp) as create_time
from redshift.main.relations
where kind = 'r';

create view redshift.main.pg_table_def as
select c.schema_name as schemaname, c.table_name as tablename, c.column_name as "column", c.type,
    coalesce(c.encoding, 'none') as encoding, coalesce(r.distribution_key = c.column_name, false) as distkey,
    case when r.sort_keys <> '' then coalesce(list_position(string_split(r.sort_keys, ','), c.column_name), 0) else 0 end
        * case when r.sort_style = 'interleaved' and list_position(string_split(r.sort_keys, ','), c.column_name) % 2 = 0 then -1 else 1 end as sortkey,
    c.not_null as "notnull"
from redshift.main.relation_columns as c
inner join redshift.main.relations as r
    on c.schema_name = r.schemaname and c.table_name = r.relname
where r.kind = 'r'
    and list_contains(string_split(coalesce(getvariable('search_path'), 'public'), ','), r.schemaname);

create view redshift.main.pg_tables as
select schemaname, relname as tablename, 'awsuser' as tableowner, null as tablespace,
    false as hasindexes, false as hasrules, false as hastriggers
from redshift.main.relations
where kind = 'r';

create view redshift.main.pg_views as
select schema_name as schemaname, view_name as viewname, 'awsuser' as viewowner, definition
from {database}.redshift_local.views;

create view redshift.main.pg_namespace as
select s.oid, s.schema_name as nspname, 100 as nspowner, null as nspacl
from duckdb_schemas() as s
where s.database_name = '{database}' and s.schema_name not in ('main', 'redshift_local');

create view redshift.main.pg_class as
select coalesce(r.object_id, 0) as oid, r.relname, n.oid as relnamespace, 100 as relowner,
    r.kind as relkind, cast(r.estimated_size as float) as reltuples,
    cast(case when r.distribution_style = 'all' then 8 when r.distribution_key <> '' then 1 when r.distribution_style = 'even' then 0 else 10 end as smallint) as reldiststyle
from redshift.main.relations as r
inner join redshift.main.pg_namespace as n on r.schemaname = n.nspname;

create view redshift.main.pg_class_info as
select oid as reloid, relname, relnamespace, relowner, relkind, reltuples,
    reldiststyle as releffectivediststyle, reldiststyle, cast(now() as timestamp) as relcreationtime
from redshift.main.pg_class;

create view redshift.main.pg_description as
select object_id as objoid, 0 as classoid, 0 as objsubid, comment as description
from {database}.redshift_local.tables
where comment is not null
union all
select t.object_id, 0, c.ordinal, c.comment
from {database}.redshift_local.columns as c
inner join {database}.redshift_local.tables as t
    on c.schema_name = t.schema_name and c.table_name = t.table_name
where c.comment is not null;

create view redshift.main.pg_database as
select 1 as oid, '{database}' as datname, 100 as datdba;

create view redshift.main.pg_user as
select substr(principal, 6) as usename,
    cast(99 + row_number() over (order by not superuser, principal) as integer) as usesysid,
    superuser as usecreatedb, superuser as usesuper, superuser as usecatupd, '********' as passwd,
    null as valuntil, null as useconfig
from {database}.redshift_local.principals
where starts_with(principal, 'user:');

create view redshift.main.pg_group as
select substr(principal, 7) as groname,
    cast(99 + row_number() over (order by principal) as integer) as grosysid, null as grolist
from {database}.redshift_local.principals
where starts_with(principal, 'group:');

create view redshift.main.svv_roles as
select cast(99 + row_number() over (order by principal) as integer) as role_id,
    substr(principal, 6) as role_name, 'awsuser' as role_owner, null as external_id
from {database}.redshift_local.principals
where starts_with(principal, 'role:');

create view redshift.main.svv_relation_privileges as
select schema_name as namespace_name, name as relation_name, upper(privilege) as privilege_type,
    100 as identity_id, regexp_replace(grantee, '^[a-z]+:', '') as identity_name,
    split_part(grantee, ':', 1) as identity_type, false as admin_option
from {database}.redshift_local.grants
where kind = 'table';

create view redshift.main.svv_schema_privileges as
select schema_name as namespace_name, upper(privilege) as privilege_type, 100 as identity_id,
    regexp_replace(grantee, '^[a-z]+:', '') as identity_name,
    split_part(grantee, ':', 1) as identity_type, false as admin_option
from {database}.redshift_local.grants
where kind = 'schema';

create view redshift.main.stv_tbl_perm as
select 0 as slice, object_id as id, relname as name, estimated_size as rows, estimated_size as sorted_rows, 0 as temp, 1 as db_id
from redshift.main.relations
where kind = 'r';

create view redshift.main.stl_querytext as
select 100 as userid, transaction_id as xid, session_id as pid, redshift.main.stl_number(query_id) as query, 0 as sequence,
    query_text as text
from redshift.main.visible_queries;
