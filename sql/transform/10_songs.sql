-- Chooses the song rows to publish from the staged catalogue.
-- Grain: one row per song_id; a variant with a known year wins, then the greatest content.
-- Safe to run again: it starts from scratch.
{% if brings.songs %}
{% if is_repeated %}
drop table if exists {{ staging }}.new_songs;
{% endif %}
create table {{ staging }}.new_songs as
with versions as (
    select
        song_id,
        title,
        artist_id,
        artist_name,
        year,
        duration,
        case when year > 0 then '1' else '0' end || md5(
            title || chr(31) || artist_id || chr(31) || artist_name || chr(31)
            || coalesce(cast(year as varchar), '') || chr(31) || cast(duration as varchar)
        ) as row_version
    from {{ staging }}.staging_songs
),

ranked as (
    select
        song_id,
        title,
        artist_id,
        artist_name,
        year,
        duration,
        row_version,
        row_number() over (partition by song_id order by row_version desc) as preference,
        min(row_version) over (partition by song_id) as least_version
    from versions
)

select
    song_id,
    title,
    artist_id,
    artist_name,
    year,
    duration,
    row_version,
    row_version <> least_version as has_variants
from ranked
where preference = 1;
{% endif %}
