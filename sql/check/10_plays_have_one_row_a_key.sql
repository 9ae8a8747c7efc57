-- Healthy when empty: no play appears twice among the rows to publish.
select
    session_id,
    item_in_session,
    count(*) as plays
from {{ staging }}.new_songplays
group by
    session_id,
    item_in_session
having count(*) > 1;
