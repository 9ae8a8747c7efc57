-- Records what this run could not load, in the same transaction as what it did load.
-- Grain: one row per skipped record. Safe to run again: it first deletes this run's rows.
{% if has_rejects %}
delete from ops.rejected_rows
where run_id = {{ run_id }};

copy ops.rejected_rows (
    run_id, source, uri, line, column_name, code, reason, raw_value
)
from {{ rejects }}
iam_role {{ copy_role }}
format as json 'auto'
gzip
acceptinvchars
truncatecolumns
compupdate off
statupdate off;
{% endif %}
