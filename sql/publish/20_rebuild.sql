-- Forgets everything published, when this run was asked to rebuild from all files.
-- Deletes, because a truncate would commit and show readers an empty star schema.
{% if rebuild %}
delete from mart.songplays;

delete from mart.time;

delete from mart.songs;

delete from mart.artists;

delete from mart.users;

delete from ops.latest_user_events;

delete from ops.loaded_objects;
{% endif %}
