#!/usr/bin/env bash
# Loads the directory $DATA into the local warehouse and says what to type next: run.sh GENERATED
# Without DATA, it generates a data set in GENERATED, once, and loads that.
set -euo pipefail
cd "$(dirname "$0")/.."
data=${DATA:-}
generated=$1
segue=target/bin/segue

if [ -z "$data" ]; then
    data=$generated
    if [ ! -f "$data.complete" ]; then
        rm -rf "$data"
        "$segue" generate --out "$data" --seed 1
        touch "$data.complete"
    fi
fi
"$segue" local run --data "$data"

# Quoted for the shell, so that the line can be pasted.
printf -v pasted '%q' "$data"
cat <<END

The star schema is in the local warehouse. Try next:
  $segue report --local --data --open     (the run as a page, with charts of the data)
  $segue query --local "select level, count(*) as users from mart.users group by level"
  $segue local run --data $pasted     (load again: nothing changes)
  $segue local status
  make down                         (stops it; the data stays)
END
