-- Reads what has been published or set aside, for a person who asks what the next run would load.
-- A run never reads it whole.
-- Grain: one row per source object and outcome.
select
    source,
    uri,
    etag,
    'loaded' as outcome
from ops.loaded_objects
union all
select
    source,
    uri,
    etag,
    'set aside' as outcome
from ops.set_aside_objects;
