#!/usr/bin/env bash
# Builds every function of template.yaml with the real `sam build`: build-functions.sh ARCHITECTURE
set -euo pipefail
cd "$(dirname "$0")/.."
architecture=$1

# The machine's own linker, and no other from elsewhere on the path.
export PATH="$PWD/.tools/sam/bin:$PATH"
export CARGO_LAMBDA_COMPILER=cargo

echo "functions: building for $architecture …"
output=$(mktemp)
trap 'rm -f "$output"' EXIT
if ! sam build --template template.yaml --parallel \
    --parameter-overrides "Architecture=$architecture" >"$output" 2>&1; then
    cat "$output" >&2
    exit 1
fi
bootstraps=(.aws-sam/build/*/bootstrap)
if [ ! -f "${bootstraps[0]}" ]; then
    echo "error: sam build made no bootstrap; expected one a function in .aws-sam/build" >&2
    exit 1
fi
"${PYTHON:-python3}" tools/glibc.py "${bootstraps[@]}"
echo "functions: ${#bootstraps[@]} built into .aws-sam/build"
