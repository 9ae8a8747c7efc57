-- Reads what has been published, for the plan to subtract.
-- Grain: one row per published source object.
select
    source,
    uri,
    etag
from ops.loaded_objects;
