-- Matches published plays with songs that this run brings late: all plays with a title that has
-- changed, against the whole catalogue, by the rule by which new plays are matched. A rebuild has
-- matched all plays already.
-- Grain: one row per play whose song changes. Safe to run again: the same catalogue gives the same
-- match.
{% if brings.songs and not rebuild and late_sessions %}
create table {{ staging }}.late_matches
distkey (session_id) as
with plays as (
    {% for range in late_sessions %}
    {% if not loop.first %}union all{% endif %}
    select
        songplays.session_id,
        songplays.item_in_session,
        songplays.song_title,
        songplays.artist_name,
        songplays.length,
        songplays.song_id,
        songplays.artist_id
    from mart.songplays as songplays
    inner join {{ staging }}.titles_to_match as titles
        on
            songplays.song_title = titles.title
            and songplays.artist_name = titles.artist_name
    where songplays.session_id between {{ range.first }} and {{ range.last }}
    {% endfor %}
),

ranked as (
    select
        plays.session_id,
        plays.item_in_session,
        plays.song_id as former_song_id,
        plays.artist_id as former_artist_id,
        songs.song_id,
        songs.artist_id,
        row_number() over (
            partition by plays.session_id, plays.item_in_session
            order by abs(songs.duration - plays.length) nulls last, songs.song_id
        ) as preference
    from plays
    left join mart.songs as songs
        on
            plays.song_title = songs.title
            and plays.artist_name = songs.artist_name
)

select
    session_id,
    item_in_session,
    song_id,
    artist_id
from ranked
where
    preference = 1
    and (
        coalesce(former_song_id, '') <> coalesce(song_id, '')
        or coalesce(former_artist_id, '') <> coalesce(artist_id, '')
    );

{% for range in late_sessions %}
update mart.songplays set
    song_id = matches.song_id,
    artist_id = matches.artist_id
from {{ staging }}.late_matches as matches
where
    songplays.session_id = matches.session_id
    and songplays.item_in_session = matches.item_in_session
    and songplays.session_id between {{ range.first }} and {{ range.last }};
{% endfor %}
{% endif %}
