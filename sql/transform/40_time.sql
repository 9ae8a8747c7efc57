-- Splits the instants of the staged plays into hour, day, week and so on.
-- Grain: one row per distinct instant, to the millisecond.
-- Safe to run again: it starts from scratch.
{% if brings.events %}
{% if is_repeated %}
drop table if exists {{ staging }}.new_time;
{% endif %}
create table {{ staging }}.new_time as
select distinct
    ts as start_time,
    cast(extract(hour from ts) as smallint) as hour,
    cast(extract(day from ts) as smallint) as day,
    cast(extract(week from ts) as smallint) as week,
    cast(extract(month from ts) as smallint) as month,
    cast(extract(year from ts) as smallint) as year,
    cast(extract(dow from ts) as smallint) as weekday
from {{ staging }}.staging_events
where page = 'NextSong';
{% endif %}
