-- Publishes the staged artists: of all versions of an artist the greatest wins.
-- Grain: one row per artist_id. Safe to run again: an equal version changes nothing.
{% if brings.songs %}
delete from {{ staging }}.new_artists
using {{ staging }}.known_artists as published
where
    new_artists.artist_id = published.artist_id
    and new_artists.row_version <= published.row_version;

merge into mart.artists
using {{ staging }}.new_artists as loaded
    on mart.artists.artist_id = loaded.artist_id
when matched then update set
    name = loaded.name,
    location = loaded.location,
    latitude = loaded.latitude,
    longitude = loaded.longitude,
    row_version = loaded.row_version,
    run_id = {{ run_id }},
    loaded_at = getdate()
when not matched then insert (
    artist_id, name, location, latitude, longitude, row_version, run_id, loaded_at
) values (
    loaded.artist_id, loaded.name, loaded.location, loaded.latitude, loaded.longitude,
    loaded.row_version, {{ run_id }}, getdate()
);
{% endif %}
