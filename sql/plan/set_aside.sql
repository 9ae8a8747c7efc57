-- Records the objects that this run sets aside whole, as its reports list them.
-- Grain: one row per object. Safe to run again: it replaces what the run has written before.
delete from ops.set_aside_objects
where run_id = {{ run_id }};

copy ops.set_aside_objects (
    source, uri, etag, bytes, reason, run_id
)
from {{ set_aside }}
iam_role {{ copy_role }}
format as json 'auto'
gzip
acceptinvchars
truncatecolumns
compupdate off
statupdate off;
