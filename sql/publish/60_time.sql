-- Publishes the instants that are new; an instant never changes. That of a record which lost to
-- another version of its play stays, as its artist or user would: whatever was named is kept, so
-- the order of runs cannot matter.
-- Grain: one row per distinct instant. Safe to run again: what is there is left out.
insert into mart.time (
    start_time, hour, day, week, month, year, weekday
)
select
    loaded.start_time,
    loaded.hour,
    loaded.day,
    loaded.week,
    loaded.month,
    loaded.year,
    loaded.weekday
from {{ staging }}.new_time as loaded
left join mart.time as published on loaded.start_time = published.start_time
where published.start_time is null;
