-- What the warehouse keeps about itself, in the same file as the data.
create schema if not exists redshift_local;

create sequence if not exists redshift_local.object_ids start 100000;

create table if not exists redshift_local.tables (
    object_id bigint not null,
    schema_name varchar not null,
    table_name varchar not null,
    distribution_style varchar,
    distribution_key varchar,
    sort_style varchar,
    sort_keys varchar,
    primary_key varchar,
    comment varchar
);

create table if not exists redshift_local.columns (
    schema_name varchar not null,
    table_name varchar not null,
    ordinal integer not null,
    column_name varchar not null,
    type varchar not null,
    encoding varchar,
    not_null boolean not null,
    default_text varchar,
    identity_seed bigint,
    identity_step bigint,
    identity_explicit boolean,
    identity_sequence varchar,
    comment varchar
);

create table if not exists redshift_local.views (
    object_id bigint not null,
    schema_name varchar not null,
    view_name varchar not null,
    late_binding boolean not null,
    definition varchar not null,
    relations varchar not null,
    engine_text varchar not null
);

-- One row per statement that was submitted, and one per statement that has ended. The second is
-- written in the statement's own transaction: after a crash the two show what was committed.
create table if not exists redshift_local.statements (
    statement_id varchar not null,
    submitted_at double not null,
    submitted varchar not null
);

create table if not exists redshift_local.outcomes (
    statement_id varchar not null,
    outcome varchar not null
);

create table if not exists redshift_local.queries (
    query_id bigint not null,
    transaction_id bigint not null,
    session_id bigint not null,
    query_type varchar not null,
    status varchar not null,
    start_time timestamp not null,
    end_time timestamp not null,
    elapsed_time bigint not null,
    error_message varchar,
    returned_rows bigint,
    returned_bytes bigint,
    query_text varchar not null
);

-- What SET query_group calls it.
alter table redshift_local.queries add column if not exists label varchar;

create table if not exists redshift_local.load_errors (
    query_id bigint not null,
    table_id bigint not null,
    transaction_id bigint not null,
    session_id bigint not null,
    database_name varchar not null,
    table_name varchar not null,
    start_time timestamp not null,
    file_name varchar not null,
    line_number bigint not null,
    column_name varchar,
    column_type varchar,
    column_length varchar,
    position bigint not null,
    error_code integer not null,
    error_message varchar not null,
    raw_line varchar,
    raw_field_value varchar
);

create table if not exists redshift_local.loads (
    query_id bigint not null,
    transaction_id bigint not null,
    session_id bigint not null,
    status varchar not null,
    table_name varchar not null,
    start_time timestamp not null,
    end_time timestamp,
    duration bigint,
    data_source varchar not null,
    file_format varchar not null,
    loaded_rows bigint not null,
    loaded_bytes bigint not null,
    source_file_count bigint not null,
    source_file_bytes bigint not null,
    file_count_scanned bigint not null,
    file_bytes_scanned bigint not null,
    error_count bigint not null
);

create table if not exists redshift_local.load_files (
    query_id bigint not null,
    file_name varchar not null,
    bytes_scanned bigint not null,
    lines_scanned bigint not null,
    start_time timestamp not null,
    end_time timestamp not null,
    rejected_lines bigint not null
);

create table if not exists redshift_local.unloads (
    query_id bigint not null,
    transaction_id bigint not null,
    session_id bigint not null,
    status varchar not null,
    start_time timestamp not null,
    end_time timestamp,
    duration bigint,
    file_format varchar not null,
    compression_type varchar not null,
    unloaded_location varchar not null,
    unloaded_rows bigint not null,
    unloaded_files_count bigint not null,
    unloaded_files_size bigint not null,
    error_message varchar,
    visible_at timestamp
);

create table if not exists redshift_local.unload_files (
    query_id bigint not null,
    session_id bigint not null,
    transaction_id bigint not null,
    slice integer not null,
    file_name varchar not null,
    start_time timestamp not null,
    end_time timestamp not null,
    line_count bigint not null,
    transfer_size bigint not null,
    file_format varchar not null,
    visible_at timestamp
);

-- When the system views begin to show a row: they lag behind. Added for files that are older.
alter table redshift_local.queries add column if not exists visible_at timestamp;
alter table redshift_local.load_errors add column if not exists visible_at timestamp;
alter table redshift_local.loads add column if not exists visible_at timestamp;
alter table redshift_local.load_files add column if not exists visible_at timestamp;

-- Users, roles and groups as `user:name`, `role:name` and `group:name`; everybody is `public`.
create table if not exists redshift_local.principals (
    principal varchar not null,
    superuser boolean not null
);

create table if not exists redshift_local.members (
    principal varchar not null,
    member varchar not null
);

-- What has no row belongs to the administrator. An empty name is the schema itself.
create table if not exists redshift_local.owners (
    schema_name varchar not null,
    name varchar not null,
    owner varchar not null
);

create table if not exists redshift_local.grants (
    kind varchar not null,
    schema_name varchar not null,
    name varchar not null,
    privilege varchar not null,
    grantee varchar not null
);

create table if not exists redshift_local.default_grants (
    owner varchar not null,
    schema_name varchar not null,
    privilege varchar not null,
    grantee varchar not null
);

-- What everybody may do in a new database.
insert into redshift_local.grants
select given.*
from (values
    ('database', '', '', 'temporary', 'public'),
    ('assumerole', '', 'all', 'all', 'public'),
    ('schema', 'public', '', 'usage', 'public'),
    ('schema', 'public', '', 'create', 'public')
) as given
where not exists (select 1 from redshift_local.principals);

insert into redshift_local.principals
select 'user:awsuser', true
where not exists (select 1 from redshift_local.principals);

-- The temporary tables of sessions that ended with an earlier process.
delete from redshift_local.tables where starts_with(schema_name, 'pg_temp_');
delete from redshift_local.columns where starts_with(schema_name, 'pg_temp_');
