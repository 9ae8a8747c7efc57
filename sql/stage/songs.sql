-- Stages the song files: keys have the columns' names, so they map by name.
-- Safe to run again: a COPY that failed has loaded nothing, and if that was told wrongly, what it
-- loaded is deleted first.
{% if is_repeated %}
delete from {{ staging }}.staging_songs;
{% endif %}
copy {{ staging }}.staging_songs
from {{ manifest }}
iam_role {{ copy_role }}
manifest
format as json 'auto'
{% if max_errors %}maxerror {{ max_errors }}{% endif %}
{% if gzip %}gzip{% elif zstd %}zstd{% endif %}
{% if noload %}noload{% endif %}
compupdate off
statupdate off;
