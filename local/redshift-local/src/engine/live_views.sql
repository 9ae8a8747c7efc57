-- What runs, waits and is locked while a statement looks: the session's variable `live` holds it.
create view redshift.main.live_processes as
select unnest(from_json(coalesce(getvariable('live'), '[]'), '[{"pid": "BIGINT", "opened": "BIGINT",
    "query": "BIGINT", "xid": "BIGINT", "started": "BIGINT", "begun": "BIGINT", "label": "VARCHAR",
    "text": "VARCHAR"}]'), recursive := true);

create view redshift.main.live_locks as
select unnest(from_json(coalesce(getvariable('live_locks'), '[]'), '[{"schema": "VARCHAR",
    "table": "VARCHAR", "xid": "BIGINT", "mode": "VARCHAR", "granted": "BOOLEAN"}]'), recursive := true);

create view redshift.main.stv_inflight as
select 100 as userid, 0 as slice, redshift.main.stl_number(query) as query, label, xid, pid, make_timestamp(started) as starttime,
    left(text, 100) as text, 0 as suspended, 0 as insert_pristine, 0 as concurrency_scaling_status
from redshift.main.live_processes
where query is not null;

create view redshift.main.stv_recents as
select 100 as userid, 'Running' as status, make_timestamp(started) as starttime,
    epoch_us(cast(now() as timestamp)) - started as duration, 'awsuser' as user_name,
    '{database}' as db_name, text as query, pid
from redshift.main.live_processes
where query is not null
union all
select 100, 'Done', starttime, elapsed, 'awsuser', '{database}', substring, -1
from redshift.main.svl_qlog;

create view redshift.main.stv_sessions as
select make_timestamp(opened) as starttime, pid as process, 'awsuser' as user_name,
    '{database}' as db_name, 0 as timeout_sec
from redshift.main.live_processes;

create view redshift.main.pg_stat_activity as
select 1 as datid, '{database}' as datname, pid as procpid, 100 as usesysid, 'awsuser' as usename,
    coalesce(text, '<IDLE>') as current_query, make_timestamp(started) as query_start
from redshift.main.live_processes;

create view redshift.main.svv_transactions as
select 'awsuser' as txn_owner, '{database}' as txn_db, p.xid, p.pid, make_timestamp(p.begun) as txn_start,
    l.mode as lock_mode, 'relation' as lockable_object_type, r.object_id as relation, l.granted
from redshift.main.live_locks as l
inner join redshift.main.live_processes as p on l.xid = p.xid
left join redshift.main.relations as r on l.schema = r.schemaname and l.table = r.relname;

create view redshift.main.pg_locks as
select relation, 1 as database, xid as transaction, pid, lock_mode as mode, granted
from redshift.main.svv_transactions;

create view redshift.main.stv_locks as
select relation as table_id, cast(null as timestamp) as last_commit, cast(null as timestamp) as last_update,
    xid as lock_owner, pid as lock_owner_pid, txn_start as lock_owner_start_ts,
    cast(null as timestamp) as lock_owner_end_ts,
    case when granted then 'Holding write lock' else 'Waiting for write lock' end as lock_status
from redshift.main.svv_transactions
where lock_mode <> 'AccessShareLock';

create view redshift.main.sys_query_text as
select user_id, query_id, transaction_id, session_id, start_time, 0 as sequence, query_text as text
from redshift.main.sys_query_history;

create view redshift.main.svl_statementtext as
select userid, xid, pid, label, starttime, endtime, 0 as sequence,
    case when regexp_matches(querytxt, '^\s*(create|alter|drop|truncate|comment)\b', 'i') then 'DDL'
        when regexp_matches(querytxt, '^\s*(select|with|insert|update|delete|merge|copy|unload)\b', 'i') then 'QUERY'
        else 'UTILITY' end as type,
    querytxt as text
from redshift.main.stl_query;

create view redshift.main.stl_ddltext as
select userid, xid, pid, label, starttime, endtime, sequence, text
from redshift.main.svl_statementtext
where type = 'DDL';

create view redshift.main.stl_utilitytext as
select userid, xid, pid, label, starttime, endtime, sequence, text
from redshift.main.svl_statementtext
where type = 'UTILITY';

-- Errors inside Redshift's own engine, not those of statements: there are none.
create view redshift.main.stl_error as
select 100 as userid, '' as process, cast(now() as timestamp) as recordtime, 0 as pid, 0 as errcode,
    '' as file, 0 as linenum, '' as context, '' as error
where false;
