-- Chooses the artist rows to publish from the staged catalogue.
-- Grain: one row per artist_id; the variant with most known facts wins, then the greatest content.
-- Safe to run again: it starts from scratch.
{% if brings.songs %}
{% if is_repeated %}
drop table if exists {{ staging }}.new_artists;
{% endif %}
create table {{ staging }}.new_artists as
with variants as (
    select
        artist_id,
        artist_name as name,
        nullif(artist_location, '') as location,
        artist_latitude as latitude,
        artist_longitude as longitude
    from {{ staging }}.staging_songs
),

versions as (
    select
        artist_id,
        name,
        location,
        latitude,
        longitude,
        cast(
            case when location is null then 0 else 1 end
            + case when latitude is null then 0 else 1 end
            + case when longitude is null then 0 else 1 end
            as varchar
        ) || md5(
            name || chr(31) || coalesce(location, '') || chr(31)
            || coalesce(cast(latitude as varchar), '') || chr(31)
            || coalesce(cast(longitude as varchar), '')
        ) as row_version
    from variants
),

ranked as (
    select
        artist_id,
        name,
        location,
        latitude,
        longitude,
        row_version,
        row_number() over (partition by artist_id order by row_version desc) as preference,
        min(row_version) over (partition by artist_id) as least_version
    from versions
)

select
    artist_id,
    name,
    location,
    latitude,
    longitude,
    row_version,
    row_version <> least_version as has_variants
from ranked
where preference = 1;
{% endif %}
