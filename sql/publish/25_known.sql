-- Reads what is published under the keys that this run brings, once; the rest of the transaction
-- compares with these copies. Plays are read within the run's sessions, a range at a time, so that
-- a scan skips all other blocks. A session is part of a play's key, so a play never lies elsewhere,
-- while its versions may lie years apart.
-- Grain: one row per song, artist and play. Safe to run again: it only reads `mart`.
{% if brings.songs %}
create table {{ staging }}.known_songs as
select
    published.song_id,
    published.title,
    published.artist_id,
    published.artist_name,
    published.duration,
    published.row_version
from mart.songs as published
inner join {{ staging }}.new_songs as loaded on published.song_id = loaded.song_id;

create table {{ staging }}.known_artists as
select
    published.artist_id,
    published.row_version
from mart.artists as published
inner join {{ staging }}.new_artists as loaded on published.artist_id = loaded.artist_id;
{% endif %}

{% if sessions %}
create table {{ staging }}.known_plays
distkey (session_id) as
{% for range in sessions %}
{% if not loop.first %}union all{% endif %}
select
    published.session_id,
    published.item_in_session,
    published.row_version,
    loaded.row_version > published.row_version as is_superseded
from mart.songplays as published
inner join {{ staging }}.new_songplays as loaded
    on
        published.session_id = loaded.session_id
        and published.item_in_session = loaded.item_in_session
where published.session_id between {{ range.first }} and {{ range.last }}
{% endfor %};
{% endif %}
