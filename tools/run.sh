#!/usr/bin/env bash
# Loads the directory $DATA into the local warehouse and says what to type next: run.sh GENERATED
# Without DATA a data set is generated there, once, and loaded.
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

# Quoted as the shell reads it, so that the line can be pasted.
printf -v pasted '%q' "$data"
cat <<END

The star schema stands in the local warehouse. What you can type next:
  $segue query --local "select level, count(*) as users from mart.users group by level"
  $segue local run --data $pasted     (again: nothing changes)
  $segue local status
  make down                         (stops it; the data stays)
END
