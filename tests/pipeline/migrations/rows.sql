insert into mart.users (user_id, first_name, level, as_of, row_version)
values (1, 'Ada', 'free', '2018-11-01 00:00:00', '0');
insert into mart.artists (artist_id, name, row_version) values ('A', 'N', '0');
insert into mart.songs (song_id, title, artist_id, artist_name, year, duration, row_version)
values ('S1', 'T1', 'A', 'N', 0, 2.5, '0');
insert into mart.time (start_time, hour, day, week, month, year, weekday)
values ('2018-11-01 00:00:00', 0, 1, 44, 11, 2018, 4);
insert into mart.songplays (
    songplay_id, start_time, user_id, level, song_id, artist_id, session_id, item_in_session,
    song_title, artist_name, length, row_version
)
values ('1-0', '2018-11-01 00:00:00', 1, 'free', 'S1', 'A', 1, 0, 'T1', 'N', 2.5, '0');
insert into ops.latest_user_events (user_id, first_name, level, as_of, row_version)
values (1, 'Ada', 'free', '2018-11-01 00:00:00', '0');
insert into ops.loaded_objects (source, uri, etag, bytes, run_id, loaded_at)
values ('events', 's3://landing/log_data/old.json', 'e', 1, 'old', '2018-11-02 00:00:00');
insert into ops.runs (run_id, source, objects, bytes, rows_staged, published_at)
values ('old', 'events', 1, 1, 1, '2018-11-02 00:00:00');
