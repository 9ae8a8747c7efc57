-- Creates this run's own staging schema, empty: the shapes of the source files.
-- Safe to run again: only this run writes here, and it starts from scratch.
drop schema if exists {{ staging }} cascade;

create schema {{ staging }};

-- The columns are in the order of the JSONPaths file, which maps by position.
-- An event without page, time, session or item has no meaning, so loading rejects it.
create table {{ staging }}.staging_events (
    artist varchar(1024),
    auth varchar(64),
    first_name varchar(256),
    gender varchar(16),
    item_in_session integer not null,
    last_name varchar(256),
    length numeric(12, 5),
    level varchar(16),
    location varchar(1024),
    method varchar(16),
    page varchar(128) not null,
    registration double precision,
    session_id bigint not null,
    song varchar(1024),
    status integer,
    ts timestamp not null,
    user_agent varchar(4096),
    user_id bigint
)
distkey (session_id);

create table {{ staging }}.staging_songs (
    num_songs integer,
    artist_id varchar(64) not null,
    artist_latitude numeric(9, 5),
    artist_longitude numeric(9, 5),
    artist_location varchar(1024),
    artist_name varchar(1024) not null,
    song_id varchar(64) not null,
    title varchar(1024) not null,
    duration numeric(12, 5) not null,
    year smallint
)
diststyle even;

-- What this run is to load; becomes the ledger's entries when it is published.
create table {{ staging }}.planned_objects (
    uri_hash bigint not null,
    source varchar(64) not null,
    uri varchar(1100) not null,
    etag varchar(128) not null,
    bytes bigint not null
)
distkey (uri_hash);

-- Has no rows: publishing adds one that its column refuses if what it was given no longer holds.
create table {{ staging }}.guards (
    late_bounds_hold boolean not null
)
diststyle all;

-- Recorded, so that a later run can drop the schema if this run fails and leaves it behind; a
-- rehearsal leaves none behind.
{% if not noload %}
insert into ops.staging_schemas (
    schema_name, run_id, created_at
)
select
    {{ staging_name }} as schema_name,
    {{ run_id }} as run_id,
    getdate() as created_at;
{% endif %}
