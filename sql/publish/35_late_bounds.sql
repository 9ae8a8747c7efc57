-- Stops the transaction if this run's songs may have plays outside the sessions that the check
-- found: since then another run has published such plays, or changed the songs. The next attempt
-- reads all plays.
-- Grain: one row, which is refused, for each title that is not covered and each run without titles.
-- Safe to run again: it never adds a row.
{% if brings.songs and has_late_bounds %}
insert into {{ staging }}.guards (late_bounds_hold)
select cast(null as boolean) as late_bounds_hold
from {{ staging }}.titles_to_match as titles
inner join ops.played_titles as played
    on
        titles.title = played.song_title
        and titles.artist_name = played.artist_name
where
    not (
        1 = 0
        {% for range in late_sessions %}
        or (
            played.first_session >= {{ range.first }}
            and played.last_session <= {{ range.last }}
        )
        {% endfor %}
    )
union all
select cast(null as boolean) as late_bounds_hold
from ops.runs as runs
left join ops.titled_runs as titled on runs.run_id = titled.run_id
where titled.run_id is null;
{% endif %}
