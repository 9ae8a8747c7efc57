-- Publishes the new instants; an instant never changes. If a record loses to another version of its
-- play, its instant stays, like its artist or user: everything ever named is kept, so the order of
-- runs cannot matter.
-- Grain: one row per distinct instant. Safe to run again: it skips existing instants.
{% if instants %}
insert into mart.time (
    start_time, hour, day, week, month, year, weekday, run_id, loaded_at
)
select
    loaded.start_time,
    loaded.hour,
    loaded.day,
    loaded.week,
    loaded.month,
    loaded.year,
    loaded.weekday,
    {{ run_id }} as run_id,
    getdate() as loaded_at
from {{ staging }}.new_time as loaded
left join {{ staging }}.known_instants as published on loaded.start_time = published.start_time
where published.start_time is null
order by loaded.start_time;
{% endif %}
