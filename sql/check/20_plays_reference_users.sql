-- Healthy when empty: every play to publish has its user among the users to publish.
{% if brings.events %}
select
    plays.songplay_id,
    plays.user_id
from {{ staging }}.new_songplays as plays
left join {{ staging }}.new_users as users on plays.user_id = users.user_id
where
    plays.user_id is not null
    and users.user_id is null;
{% endif %}
