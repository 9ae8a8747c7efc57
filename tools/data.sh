#!/usr/bin/env bash
# Says at once, before anything is built, that there is no directory $DATA; without DATA all is well.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ -z "${DATA:-}" ] || [ -d "$DATA" ]; then
    exit 0
fi
printf 'error: there is no directory %s\n' "$DATA" >&2
case $DATA in
    '~'*) echo 'hint: ~ was not expanded: write $HOME, or DATA=~/… without quotes in a shell that expands it' >&2 ;;
    *) echo 'hint: DATA is a directory with song_data/, log_data/ or both' >&2 ;;
esac
exit 2
