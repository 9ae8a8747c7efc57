-- Stages the song files: keys have the columns' names, so they map by name.
-- Lands in: song_data
-- Safe to run again: a failed COPY has loaded nothing, and if it did load rows although it was
-- reported as failed, they are deleted first.
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

-- What the COPY did, queried in its own session: the Data API does not count the rows of a COPY.
{% if not noload %}
select
    pg_last_copy_count() as rows_loaded,
    pg_last_copy_id() as copy_id,
    pg_backend_pid() as process_id;
{% endif %}
