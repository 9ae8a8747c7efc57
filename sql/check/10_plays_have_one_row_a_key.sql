-- Healthy when empty: no play appears twice among the rows to publish.
{% if brings.events %}
select
    session_id,
    item_in_session,
    count(*) as plays
from {{ staging }}.new_songplays
group by
    session_id,
    item_in_session
having count(*) > 1;
{% endif %}
