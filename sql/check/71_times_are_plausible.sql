-- Warns: events are dated before 2000 or over a day ahead; `ts` is in milliseconds since 1970.
{% if brings.events %}
select
    count(*) as events,
    min(ts) as earliest,
    max(ts) as latest
from {{ staging }}.staging_events
where
    ts < '2000-01-01'
    or ts > dateadd(day, 1, getdate())
having count(*) > 0;
{% endif %}
