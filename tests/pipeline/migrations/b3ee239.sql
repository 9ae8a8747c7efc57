create schema mart;
create schema ops;

create table mart.users (
    user_id bigint not null,
    first_name varchar(256),
    last_name varchar(256),
    gender varchar(16),
    level varchar(16),
    as_of timestamp not null,
    row_version varchar(96) not null,
    primary key (user_id)
)
diststyle all
sortkey (user_id);

create table mart.artists (
    artist_id varchar(64) not null,
    name varchar(1024) not null,
    location varchar(1024),
    latitude numeric(9, 5),
    longitude numeric(9, 5),
    row_version varchar(96) not null,
    primary key (artist_id)
)
diststyle all
sortkey (artist_id);

create table mart.songs (
    song_id varchar(64) not null,
    title varchar(1024) not null,
    artist_id varchar(64) not null,
    artist_name varchar(1024) not null,
    year smallint,
    duration numeric(12, 5) not null,
    row_version varchar(96) not null,
    primary key (song_id),
    foreign key (artist_id) references mart.artists (artist_id)
)
diststyle all
sortkey (song_id);

create table mart.time (
    start_time timestamp not null,
    hour smallint not null,
    day smallint not null,
    week smallint not null,
    month smallint not null,
    year smallint not null,
    weekday smallint not null,
    primary key (start_time)
)
distkey (start_time)
sortkey (start_time);

create table mart.songplays (
    songplay_id varchar(48) not null,
    start_time timestamp not null,
    user_id bigint,
    level varchar(16),
    song_id varchar(64),
    artist_id varchar(64),
    session_id bigint not null,
    item_in_session integer not null,
    song_title varchar(1024),
    artist_name varchar(1024),
    length numeric(12, 5),
    location varchar(1024),
    user_agent varchar(4096),
    row_version varchar(96) not null,
    primary key (songplay_id),
    foreign key (start_time) references mart.time (start_time),
    foreign key (user_id) references mart.users (user_id),
    foreign key (song_id) references mart.songs (song_id),
    foreign key (artist_id) references mart.artists (artist_id)
)
distkey (session_id)
sortkey (start_time);

create table ops.loaded_objects (
    source varchar(64) not null,
    uri varchar(1100) not null,
    etag varchar(128) not null,
    bytes bigint not null,
    run_id varchar(80) not null,
    loaded_at timestamp not null,
    primary key (source, uri)
)
distkey (uri)
sortkey (source, uri);

create table ops.runs (
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

create table ops.rejected_rows (
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

create table ops.latest_user_events (
    user_id bigint not null,
    first_name varchar(256),
    last_name varchar(256),
    gender varchar(16),
    level varchar(16),
    as_of timestamp not null,
    row_version varchar(96) not null,
    primary key (user_id)
)
diststyle all
sortkey (user_id);

create table ops.staging_schemas (
    schema_name varchar(127) not null,
    run_id varchar(80) not null,
    created_at timestamp not null
)
diststyle all
sortkey (created_at);

create table ops.publish_lock (
    locked boolean
)
diststyle all;
