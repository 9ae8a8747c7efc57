#!/usr/bin/env bash
# Loads a directory into the local warehouse and says what to type next: run.sh DATA GENERATED
# Without DATA a data set is generated, once, and loaded.
set -euo pipefail
cd "$(dirname "$0")/.."
data=$1
generated=$2
segue=target/bin/segue

if [ -z "$data" ]; then
    data=$generated
    if [ ! -f "$data.complete" ]; then
        rm -rf "$data"
        "$segue" generate --out "$data" --seed 1
        touch "$data.complete"
    fi
fi
"$segue" local up
"$segue" local run --data "$data"

cat <<END

The star schema stands in the local warehouse. What you can type next:
  $segue query --local "select level, count(*) as users from mart.users group by level"
  $segue local run --data $data     (again: nothing changes)
  $segue local status
  make down                         (stops it; the data stays)
END
