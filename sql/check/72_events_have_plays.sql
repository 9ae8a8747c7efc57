-- Warns: none of these events is a play; a play is an event whose page is exactly NextSong.
-- A few events without a play are normal once plays have been published.
{% if brings.events %}
with counted as (
    select
        count(*) as events,
        count(case when page = 'NextSong' then 1 end) as plays,
        min(page) as a_page,
        max(page) as another_page
    from {{ staging }}.staging_events
)

select
    events,
    plays,
    a_page,
    another_page
from counted
where
    events > 0
    and plays = 0
    and (
        events >= 100
        or not exists (
            select 1 from ops.column_fill as earlier
            where earlier.source = 'events'
        )
    );
{% endif %}
