#!/usr/bin/env bash
# Deploys the stack of one environment of samconfig.toml: deploy.sh ENVIRONMENT ARCHITECTURE
#
# PARAMETERS (NAME=value NAME=value …) lists the changes since the last deployment: a value may
# contain blanks; an empty value clears it (`Schedule=rate(1 day) AlertEmail=`). A parameter that is
# not named keeps its value. BUILT names a folder with a built template.yaml, such as the one that a
# release has for each processor; without it the functions are built for Lambda first.
set -euo pipefail
cd "$(dirname "$0")/.."
environment=$1
architecture=$2

if ! grep -q "^\[$environment\.deploy\.parameters\]" samconfig.toml; then
    echo "error: samconfig.toml has no environment $environment" >&2
    echo "hint: make deploy ENVIRONMENT=dev, or prod" >&2
    exit 2
fi

# The processor is always passed: it must match what the functions were built for.
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# JSON is YAML, and SAM only reads files with that ending.
overrides=$scratch/parameters.yaml
"${PYTHON:-python3}" tools/parameters.py template.yaml "Architecture=$architecture" \
    "${PARAMETERS:-}" >"$overrides"

built=${BUILT:-}
if [ -z "$built" ]; then
    tools/bundle.sh "$architecture"
    built=.aws-sam/bundle/$architecture
fi
if [ ! -f "$built/template.yaml" ]; then
    echo "error: expected a built template.yaml in $built, found none" >&2
    echo "hint: without BUILT, the functions are built first" >&2
    exit 2
fi
# SAM looks for samconfig.toml next to the template, where there is none.
.tools/sam/bin/sam deploy --config-file "$PWD/samconfig.toml" --config-env "$environment" \
    --template "$built/template.yaml" --parameter-overrides "file://$overrides"
