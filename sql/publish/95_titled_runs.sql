-- Records that the titles of this run's plays are in `ops.played_titles`; if the run has recorded
-- those of all plays, of all runs.
-- Grain: one row per run. Safe to run again: a run is recorded once.
insert into ops.titled_runs (run_id)
select distinct runs.run_id
from ops.runs as runs
left join ops.titled_runs as titled on runs.run_id = titled.run_id
where
    titled.run_id is null
    {% if not rebuild and not (brings.songs and not has_titles) %}
    and runs.run_id = {{ run_id }}
    {% endif %};
