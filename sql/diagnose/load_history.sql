-- Reads what the warehouse recorded about a COPY, which it does seconds later. The COPY is
-- found by its process, its time and its table: a cluster's SYS views number statements differently
-- from the Data API, so the number only decides between several.
-- Grain: one row per COPY that the process ran into the table in that time.
select
    query_id,
    trim(status) as status,
    loaded_rows,
    error_count
from sys_load_history
where
    session_id = {{ process_id }}
    and start_time >= {{ earliest }}
    and start_time <= {{ latest }}
    and strpos(table_name, {{ table }}) > 0
order by start_time;
