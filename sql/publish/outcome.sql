-- Says whether this run has been published: a transaction of unknown outcome may have been
-- committed. Waits for the lock first, so that a transaction that is still publishing has ended.
-- Grain: one row per published source; none if nothing was published. Safe to run again: it only
-- reads.
lock table ops.publish_lock;

select
    source,
    published_at
from ops.runs
where run_id = {{ run_id }};
