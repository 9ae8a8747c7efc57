-- At which hours of the day (UTC) do people listen?
select
    times.hour,
    count(*) as plays,
    count(distinct songplays.user_id) as listeners
from mart.songplays as songplays
inner join mart.time as times on songplays.start_time = times.start_time
group by times.hour
order by times.hour;
