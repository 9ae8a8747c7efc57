-- Unloads one row, as a run unloads what is new: shows whether the copy role may write.
-- Safe to run again: it overwrites the row of the last time.
unload ('select 1 as row_number')
to {{ new_objects }}
iam_role {{ copy_role }}
format json
gzip
manifest
allowoverwrite
parallel off;
