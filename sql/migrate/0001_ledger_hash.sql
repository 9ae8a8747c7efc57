-- Gives the ledger a hash of each object's URI, and distributes and sorts it by the hash: a sort
-- key compares the first eight bytes of a text, and all URIs begin alike. Copies the ledger: an
-- added column cannot be NOT NULL without a default, and the copy is sorted at once. It
-- has the grants that the schema's default privileges give; those on the old table are lost.
-- Adds: ops.loaded_objects.uri_hash
-- Grain: one row per source object. Safe to run again: a copy of the copy is the same.
{% if "ops.loaded_objects.uri_hash" in missing %}
create table ops.loaded_objects_next (
    uri_hash bigint not null,
    source varchar(64) not null,
    uri varchar(1100) not null,
    etag varchar(128) not null,
    bytes bigint not null,
    run_id varchar(80) not null,
    loaded_at timestamp not null,
    primary key (source, uri)
)
distkey (uri_hash)
sortkey (uri_hash);

insert into ops.loaded_objects_next (
    uri_hash, source, uri, etag, bytes, run_id, loaded_at
)
select
    strtol(substring(md5(uri), 1, 15), 16) as uri_hash,
    source,
    uri,
    etag,
    bytes,
    run_id,
    loaded_at
from ops.loaded_objects
order by uri_hash;

drop table ops.loaded_objects;

alter table ops.loaded_objects_next rename to loaded_objects;
{% endif %}
