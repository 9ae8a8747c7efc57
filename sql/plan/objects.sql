-- Stages the list of objects that this run loads.
-- Safe to run again: a failed COPY has loaded nothing, and if it did load rows although it was
-- reported as failed, they are deleted first.
{% if is_repeated %}
delete from {{ staging }}.planned_objects;
{% endif %}
copy {{ staging }}.planned_objects
from {{ manifest }}
iam_role {{ copy_role }}
manifest
format as json 'auto'
gzip
compupdate off
statupdate off;
