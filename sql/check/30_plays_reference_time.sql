-- Healthy when empty: every play to publish has its instant among the instants to publish.
{% if brings.events %}
select
    plays.songplay_id,
    plays.start_time
from {{ staging }}.new_songplays as plays
left join {{ staging }}.new_time as times on plays.start_time = times.start_time
where times.start_time is null;
{% endif %}
