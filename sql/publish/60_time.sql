-- Publishes the new instants; an instant never changes. If a record loses to another version of its
-- play, its instant stays, like its artist or user: everything ever named is kept, so the order of
-- runs cannot matter. What is published is read within the run's instants, a range at a time, so
-- that a scan skips all other blocks.
-- Grain: one row per distinct instant. Safe to run again: it skips existing instants.
{% if instants %}
delete from {{ staging }}.new_time
where
    start_time in (
        {% for range in instants %}
        {% if not loop.first %}union all{% endif %}
        select known.start_time
        from mart.time as known
        where
            {% if range.first %}known.start_time >= {{ range.first }}{% else %}true{% endif %}
            and {% if range.last %}known.start_time <= {{ range.last }}{% else %}true{% endif %}
        {% endfor %}
    );

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
order by loaded.start_time;
{% endif %}
