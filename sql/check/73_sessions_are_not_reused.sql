-- Warns: one session and item belong to plays of several users or days; only one is published.
{% if brings.events %}
with keys as (
    select
        session_id,
        item_in_session
    from {{ staging }}.staging_events
    where page = 'NextSong'
    group by
        session_id,
        item_in_session
    having
        min(user_id) <> max(user_id)
        or datediff(hour, min(ts), max(ts)) > 24
)

select
    count(*) as plays,
    min(session_id) as a_session,
    max(session_id) as another_session
from keys
having count(*) > 0;
{% endif %}
