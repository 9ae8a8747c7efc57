-- Says whether this run has been published: a transaction whose end nobody heard of may have been
-- committed. Waits for the lock first, so that one which is still publishing has ended.
-- Grain: one row per published source; none when nothing was published. Safe to run again: it
-- reads.
lock table ops.publish_lock;

select
    source,
    published_at
from ops.runs
where run_id = {{ run_id }};
