-- Stages the list of objects that this run loads.
-- Safe to run again: a COPY that failed has loaded nothing.
copy {{ staging }}.planned_objects
from {{ manifest }}
iam_role {{ copy_role }}
manifest
format as json 'auto'
gzip
compupdate off
statupdate off;
