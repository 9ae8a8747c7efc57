-- Counts: the rows that each COPY staged, to be reconciled with what was planned and merged.
select
    'planned_objects' as counted,
    count(*) as rows_staged
from {{ staging }}.planned_objects
union all
select
    'songs' as counted,
    count(*) as rows_staged
from {{ staging }}.staging_songs
union all
select
    'events' as counted,
    count(*) as rows_staged
from {{ staging }}.staging_events;
