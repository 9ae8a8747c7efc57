-- How do paying and free listeners differ?
select
    users.level,
    count(distinct users.user_id) as listeners,
    count(*) as plays,
    count(*) / count(distinct users.user_id) as plays_per_listener
from mart.songplays as songplays
inner join mart.users as users on songplays.user_id = users.user_id
group by users.level
order by users.level;
