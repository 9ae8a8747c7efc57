-- On which days of the week do people listen?
select
    case times.weekday
        when 0 then 'Sunday'
        when 1 then 'Monday'
        when 2 then 'Tuesday'
        when 3 then 'Wednesday'
        when 4 then 'Thursday'
        when 5 then 'Friday'
        when 6 then 'Saturday'
    end as day_of_week,
    count(*) as plays,
    count(distinct songplays.user_id) as listeners
from mart.songplays as songplays
inner join mart.time as times on songplays.start_time = times.start_time
group by times.weekday
order by times.weekday;
