-- Publishes the staged plays: of all versions of a play the greatest wins. Its song comes next.
-- Grain: one row per session and item. Safe to run again: an equal version changes nothing.
delete from {{ staging }}.new_songplays
using mart.songplays as published
where
    new_songplays.session_id = published.session_id
    and new_songplays.item_in_session = published.item_in_session
    and new_songplays.row_version <= published.row_version;

merge into mart.songplays
using {{ staging }}.new_songplays as loaded
    on mart.songplays.session_id = loaded.session_id
    and mart.songplays.item_in_session = loaded.item_in_session
when matched then update set
    start_time = loaded.start_time,
    user_id = loaded.user_id,
    level = loaded.level,
    song_title = loaded.song_title,
    artist_name = loaded.artist_name,
    length = loaded.length,
    location = loaded.location,
    user_agent = loaded.user_agent,
    row_version = loaded.row_version
when not matched then insert (
    songplay_id, start_time, user_id, level, session_id, item_in_session, song_title,
    artist_name, length, location, user_agent, row_version
) values (
    loaded.songplay_id, loaded.start_time, loaded.user_id, loaded.level, loaded.session_id,
    loaded.item_in_session, loaded.song_title, loaded.artist_name, loaded.length,
    loaded.location, loaded.user_agent, loaded.row_version
);
