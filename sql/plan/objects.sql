-- Stages the list of objects that this run loads.
-- Safe to run again: a failed COPY has loaded nothing, and if it did load rows although it was
-- reported as failed, they are deleted first.
{% if is_repeated %}
delete from {{ staging }}.planned_objects;
{% endif %}
create temporary table listed (
    source varchar(64) not null,
    uri varchar(1100) not null,
    etag varchar(128) not null,
    bytes bigint not null
);

copy listed
from {{ manifest }}
iam_role {{ copy_role }}
manifest
format as json 'auto'
gzip
compupdate off
statupdate off;

insert into {{ staging }}.planned_objects (
    uri_hash, source, uri, etag, bytes
)
select
    strtol(substring(md5(uri), 1, 15), 16) as uri_hash,
    source,
    uri,
    etag,
    bytes
from listed;
