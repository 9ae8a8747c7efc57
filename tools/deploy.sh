#!/usr/bin/env bash
# Builds the functions for Lambda and deploys the stack of one environment of samconfig.toml:
# deploy.sh ENVIRONMENT ARCHITECTURE [PARAMETER=VALUE ...]
# A parameter that is not named keeps the value of the last deployment.
set -euo pipefail
cd "$(dirname "$0")/.."
environment=$1
architecture=$2
shift 2

if ! grep -q "^\[$environment\.deploy\.parameters\]" samconfig.toml; then
    echo "error: samconfig.toml knows no environment $environment" >&2
    echo "hint: make deploy ENVIRONMENT=dev, or prod" >&2
    exit 2
fi

# The environment's python finds zig, by which cargo-lambda links for Lambda's C library, and for
# the other processor, on any machine.
export PATH="$PWD/.tools/zig/bin:$PWD/.tools/sam/bin:$PATH"
unset CARGO_LAMBDA_COMPILER

# Beside the build for this machine, which local mode runs.
build=.aws-sam/deploy
# Given each time: the processor of the functions and what they were built for are one thing.
parameters=("Architecture=$architecture" "$@")
sam build --config-env "$environment" --template template.yaml --build-dir "$build" \
    --parameter-overrides "${parameters[@]}"
sam deploy --config-env "$environment" --template "$build/template.yaml" \
    --parameter-overrides "${parameters[@]}"
