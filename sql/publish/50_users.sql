-- Publishes the staged users: the newest event of a user, play or not, decides name and level,
-- and every user who has ever played a song is shown.
-- Grain: one row per user_id. Safe to run again: an older or equal event changes nothing.
{% if brings.events %}
delete from {{ staging }}.new_users
using ops.latest_user_events as latest
where
    new_users.user_id = latest.user_id
    and new_users.row_version <= latest.row_version;

merge into ops.latest_user_events
using {{ staging }}.new_users as loaded
    on ops.latest_user_events.user_id = loaded.user_id
when matched then update set
    first_name = loaded.first_name,
    last_name = loaded.last_name,
    gender = loaded.gender,
    level = loaded.level,
    as_of = loaded.as_of,
    row_version = loaded.row_version
when not matched then insert (
    user_id, first_name, last_name, gender, level, as_of, row_version
) values (
    loaded.user_id, loaded.first_name, loaded.last_name, loaded.gender, loaded.level,
    loaded.as_of, loaded.row_version
);

-- Two ways to change: a newer event of a user who is shown, or a first play of one who is not.
create table {{ staging }}.changed_users as
with touched as (
    select user_id
    from {{ staging }}.new_users
    union
    select user_id
    from {{ staging }}.new_players
)

select
    latest.user_id,
    latest.first_name,
    latest.last_name,
    latest.gender,
    latest.level,
    latest.as_of,
    latest.row_version,
    shown.user_id is null as is_new
from touched
inner join ops.latest_user_events as latest on touched.user_id = latest.user_id
left join mart.users as shown on touched.user_id = shown.user_id
left join {{ staging }}.new_players as players on touched.user_id = players.user_id
where
    latest.row_version > shown.row_version
    or (shown.user_id is null and players.user_id is not null);

merge into mart.users
using {{ staging }}.changed_users as changed
    on mart.users.user_id = changed.user_id
when matched then update set
    first_name = changed.first_name,
    last_name = changed.last_name,
    gender = changed.gender,
    level = changed.level,
    as_of = changed.as_of,
    row_version = changed.row_version,
    run_id = {{ run_id }},
    loaded_at = getdate()
when not matched then insert (
    user_id, first_name, last_name, gender, level, as_of, row_version, run_id, loaded_at
) values (
    changed.user_id, changed.first_name, changed.last_name, changed.gender, changed.level,
    changed.as_of, changed.row_version, {{ run_id }}, getdate()
);
{% endif %}
