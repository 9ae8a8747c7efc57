-- Creates the pipeline's own records.
-- Safe to run again: nothing that exists is touched.

-- Grain: one row per source object that has been published, as it was when it was planned.
-- A key of S3 has at most 1,024 bytes, a bucket's name 63. `uri_hash` is a number made of the
-- first 15 hexadecimal digits of the URI's MD5 sum, which functions compute as well: literals of it
-- skip blocks, as those of a URI cannot, because all URIs begin alike. The URI itself decides.
create table if not exists ops.loaded_objects (
    uri_hash bigint not null,
    source varchar(64) not null,
    uri varchar(1100) not null,
    etag varchar(128) not null,
    bytes bigint not null,
    run_id varchar(80) not null,
    loaded_at timestamp not null,
    primary key (source, uri)
)
distkey (uri_hash)
sortkey (uri_hash);

-- Grain: one row per source object that is set aside whole: runs skip it until its content, and so
-- its ETag, changes.
create table if not exists ops.set_aside_objects (
    source varchar(64) not null,
    uri varchar(1100) not null,
    etag varchar(128) not null,
    bytes bigint not null,
    reason varchar(4096) not null,
    run_id varchar(80) not null,
    set_aside_at timestamp not null default getdate(),
    primary key (source, uri)
)
diststyle all
sortkey (set_aside_at);

-- Grain: one row per published run and source.
create table if not exists ops.runs (
    run_id varchar(80) not null,
    source varchar(64) not null,
    objects bigint not null,
    bytes bigint not null,
    rows_staged bigint not null,
    published_at timestamp not null,
    primary key (run_id, source)
)
diststyle all
sortkey (published_at);

-- Grain: one row per published run and source whose keys are mapped by a JSONPaths file. `paths` is
-- a digest, by which a later run finds objects that were loaded by other paths than the current.
create table if not exists ops.run_paths (
    run_id varchar(80) not null,
    source varchar(64) not null,
    paths varchar(64) not null,
    primary key (run_id, source)
)
diststyle all
sortkey (run_id);

-- Grain: one row per published run, source and nullable column. For events, only plays count.
create table if not exists ops.column_fill (
    run_id varchar(80) not null,
    source varchar(64) not null,
    column_name varchar(128) not null,
    rows_staged bigint not null,
    rows_filled bigint not null,
    primary key (run_id, source, column_name)
)
diststyle all
sortkey (source, column_name);

-- Grain: one row per record that a published run could not load and was allowed to skip.
-- `uri` is the object as it landed, `line` the line in it to fix.
create table if not exists ops.rejected_rows (
    run_id varchar(80) not null,
    source varchar(64) not null,
    uri varchar(1100) not null,
    line bigint not null,
    column_name varchar(128),
    code integer,
    reason varchar(4096) not null,
    raw_value varchar(65535),
    rejected_at timestamp not null default getdate()
)
diststyle even
sortkey (rejected_at);

-- Grain: one row per user of any event. The newest event decides a user's name and level, and it
-- need not be a play; so this table has users who are not in `mart.users`, too.
create table if not exists ops.latest_user_events (
    user_id bigint not null,
    first_name varchar(256),
    last_name varchar(256),
    gender varchar(16),
    level varchar(16),
    as_of timestamp not null,
    row_version varchar(96) not null,
    primary key (user_id)
)
diststyle auto
sortkey (user_id);

-- Grain: one row per title and artist of any play. Its plays lie in these sessions, perhaps not at
-- either end: a song that comes late looks for its plays only there.
create table if not exists ops.played_titles (
    song_title varchar(1024) not null,
    artist_name varchar(1024) not null,
    first_session bigint not null,
    last_session bigint not null,
    primary key (song_title, artist_name)
)
diststyle auto
sortkey (song_title);

-- Grain: one row per published run whose plays are in `ops.played_titles`. If a run is missing, the
-- titles are not complete: the next run that brings songs reads all plays, and completes them.
create table if not exists ops.titled_runs (
    run_id varchar(80) not null,
    primary key (run_id)
)
diststyle auto
sortkey (run_id);

-- Grain: one row per staging schema that a run created and has not dropped, and one more each time
-- the run starts over. An old schema belongs to a failed run, and a later run drops it.
create table if not exists ops.staging_schemas (
    schema_name varchar(127) not null,
    run_id varchar(80) not null,
    created_at timestamp not null
)
diststyle all
sortkey (created_at);

-- Grain: one row per migration (`sql/migrate`) that changed this warehouse, or that it has had from
-- the beginning.
create table if not exists ops.migrations (
    number integer not null,
    name varchar(127) not null,
    run_id varchar(80) not null,
    applied_at timestamp not null,
    primary key (number)
)
diststyle all
sortkey (number);

-- Has no rows. A publishing run locks it first, so that publishing runs queue up while
-- readers of the star schema are not affected.
create table if not exists ops.publish_lock (
    locked boolean
)
diststyle all;
