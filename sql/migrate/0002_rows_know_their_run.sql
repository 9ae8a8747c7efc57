-- Lets every row of the star schema say which run wrote its winning version, and when; rows that
-- are there already say neither. Adding a column without a default touches no row.
-- Adds: mart.users.run_id, mart.users.loaded_at
-- Adds: mart.artists.run_id, mart.artists.loaded_at
-- Adds: mart.songs.run_id, mart.songs.loaded_at
-- Adds: mart.time.run_id, mart.time.loaded_at
-- Adds: mart.songplays.run_id, mart.songplays.loaded_at
-- Grain: as before. Safe to run again: it adds what is missing.
{% if "mart.users.run_id" in missing %}
alter table mart.users add column run_id varchar(80);
{% endif %}
{% if "mart.users.loaded_at" in missing %}
alter table mart.users add column loaded_at timestamp;
{% endif %}
{% if "mart.artists.run_id" in missing %}
alter table mart.artists add column run_id varchar(80);
{% endif %}
{% if "mart.artists.loaded_at" in missing %}
alter table mart.artists add column loaded_at timestamp;
{% endif %}
{% if "mart.songs.run_id" in missing %}
alter table mart.songs add column run_id varchar(80);
{% endif %}
{% if "mart.songs.loaded_at" in missing %}
alter table mart.songs add column loaded_at timestamp;
{% endif %}
{% if "mart.time.run_id" in missing %}
alter table mart.time add column run_id varchar(80);
{% endif %}
{% if "mart.time.loaded_at" in missing %}
alter table mart.time add column loaded_at timestamp;
{% endif %}
{% if "mart.songplays.run_id" in missing %}
alter table mart.songplays add column run_id varchar(80);
{% endif %}
{% if "mart.songplays.loaded_at" in missing %}
alter table mart.songplays add column loaded_at timestamp;
{% endif %}
