-- Creates the star schema: one fact, four dimensions.
-- Safe to run again: nothing that exists is touched.
--
-- Widths are bytes and fit the longest text of the full data set with room to spare.
-- Redshift does not enforce keys, but its planner trusts them: the publish step keeps them true.
-- `row_version` is the total order under which the greatest version of a row wins; because every
-- merge takes that maximum, the order in which files arrive cannot change the outcome.
-- `run_id` and `loaded_at` say which run wrote a row's winning version, and when; a run that brings
-- the same version again, or an older one, changes neither. Both are null in rows that are older
-- than these columns. They are last, as in a warehouse to which a migration has added them.
-- Dimensions are distributed automatically: while they are small, each node keeps a copy for its
-- joins; a copy of a hundred million songs on every node would slow down each merge.

-- Grain: one row per user who has ever played a song.
-- Source: events
create table if not exists mart.users (
    user_id bigint not null,
    first_name varchar(256),
    last_name varchar(256),
    gender varchar(16),
    level varchar(16),
    as_of timestamp not null,
    row_version varchar(96) not null,
    run_id varchar(80),
    loaded_at timestamp,
    primary key (user_id)
)
diststyle auto
sortkey (user_id);

-- Grain: one row per artist.
-- Source: songs
create table if not exists mart.artists (
    artist_id varchar(64) not null,
    name varchar(1024) not null,
    location varchar(1024),
    latitude numeric(9, 5),
    longitude numeric(9, 5),
    row_version varchar(96) not null,
    run_id varchar(80),
    loaded_at timestamp,
    primary key (artist_id)
)
diststyle auto
sortkey (artist_id);

-- Grain: one row per song. `artist_name` is the name under which the song is catalogued; plays
-- are matched by it, because an artist may have several names. A year of 0 means unknown, as in the
-- source.
-- Source: songs
create table if not exists mart.songs (
    song_id varchar(64) not null,
    title varchar(1024) not null,
    artist_id varchar(64) not null,
    artist_name varchar(1024) not null,
    year smallint,
    duration numeric(12, 5) not null,
    row_version varchar(96) not null,
    run_id varchar(80),
    loaded_at timestamp,
    primary key (song_id),
    foreign key (artist_id) references mart.artists (artist_id)
)
diststyle auto
sortkey (song_id);

-- Grain: one row per distinct instant at which a song was played, to the millisecond.
-- `weekday` counts from Sunday = 0. Nearly as long as the fact table: distributed, sorted by time.
-- Source: events
create table if not exists mart.time (
    start_time timestamp not null,
    hour smallint not null,
    day smallint not null,
    week smallint not null,
    month smallint not null,
    year smallint not null,
    weekday smallint not null,
    run_id varchar(80),
    loaded_at timestamp,
    primary key (start_time)
)
distkey (start_time)
sortkey (start_time);

-- Grain: one row per play, identified by session and item. `song_id` and `artist_id` stay null
-- until the catalogue has the song; title, artist and length are kept as they were logged.
-- A song that comes late sets both without changing the play's `run_id` and `loaded_at`: the song's
-- own row says which run brought it.
-- Distributed by session, like the staged events: the merge moves no rows between nodes, and most
-- `song_id`s are null, which would pile up on one node. Sorted by time, the most common filter.
-- Source: events
create table if not exists mart.songplays (
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
    run_id varchar(80),
    loaded_at timestamp,
    primary key (songplay_id),
    foreign key (start_time) references mart.time (start_time),
    foreign key (user_id) references mart.users (user_id),
    foreign key (song_id) references mart.songs (song_id),
    foreign key (artist_id) references mart.artists (artist_id)
)
distkey (session_id)
sortkey (start_time);
