#!/usr/bin/env bash
# Fails at once, before anything is built, if the directory $DATA does not exist. DATA is optional.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ -z "${DATA:-}" ] || [ -d "$DATA" ]; then
    exit 0
fi
printf 'error: the directory %s does not exist\n' "$DATA" >&2
case $DATA in
    '~'*) echo 'hint: ~ was not expanded: write $HOME, or DATA=~/… without quotes in a shell that expands it' >&2 ;;
    *) echo 'hint: DATA is a directory with song_data/, log_data/ or both' >&2 ;;
esac
exit 2
