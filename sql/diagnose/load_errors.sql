-- Reads what a COPY rejected and why: the first bad fields, as Redshift recorded them. The COPY is
-- found by its process and its time, and by its number in the SYS views if that is known.
-- Grain: one row per rejected field.
select
    trim(file_name) as file_name,
    line_number,
    trim(column_name) as column_name,
    trim(column_type) as column_type,
    trim(column_length) as column_length,
    error_code,
    trim(error_message) as error_message,
    count(*) over () as refused
from sys_load_error_detail
where
    session_id = {{ process_id }}
    and start_time >= {{ earliest }}
    and start_time <= {{ latest }}
    {% if query_id %}and query_id = {{ query_id }}{% endif %}
order by
    file_name,
    line_number,
    position
limit {{ rows_max }};
