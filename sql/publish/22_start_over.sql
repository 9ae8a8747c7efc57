-- Drops what an earlier attempt has compared and matched, if it was committed after all.
-- Safe to run again: only this run uses these tables.
{% if is_repeated %}
drop table if exists
{{ staging }}.known_songs,
{{ staging }}.known_artists,
{{ staging }}.known_plays,
{{ staging }}.titles_to_match,
{{ staging }}.changed_users,
{{ staging }}.matched_plays,
{{ staging }}.new_titles,
{{ staging }}.late_matches;
{% endif %}
