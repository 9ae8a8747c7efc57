#!/usr/bin/env bash
# Builds everything that people run: the command line, the local warehouse and the functions.
#
# One call of cargo compiles all programs of the workspace side by side, so that they share what they
# depend on; the real `sam build` then finds each function compiled and lays out .aws-sam/local: not
# .aws-sam/build, from where a bare `sam deploy` would take programs that only this machine can run.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ "$(uname -s)" != Linux ]; then
    echo "error: functions are built and run as Linux programs, and this is $(uname -s)" >&2
    echo "hint: use a Linux machine, container or WSL" >&2
    exit 2
fi
case $(uname -m) in
    x86_64) architecture=x86_64 flags=() ;;
    aarch64 | arm64) architecture=arm64 flags=(--arm64) ;;
    *)
        echo "error: Lambda has no processor like $(uname -m); expected x86_64 or arm64" >&2
        exit 2
        ;;
esac

export PATH="$PWD/.tools/sam/bin:$PATH"
export CARGO_TARGET_DIR="$PWD/target"
# The machine's own linker, and no other from elsewhere on the path.
export CARGO_LAMBDA_COMPILER=cargo
# Features are resolved over the whole workspace in each call: else the dependencies of one function
# would differ a little from those of the next, and nearly all of them be compiled again for it.
compiled=--workspace
# What is deployed deserves every optimisation; what only runs on this machine is ready in a third
# of the time without. There one small test is compiled as well: with any test, cargo resolves the
# features that tests ask for, so that programs and tests share what they depend on, whoever comes first.
case ${PROFILE:-dev} in
    dev)
        export SAM_BUILD_MODE=debug
        compiled+=' --test semantics'
        ;;
    release) flags+=(--release) ;;
    *)
        echo "error: PROFILE is $PROFILE; expected dev or release" >&2
        exit 2
        ;;
esac

export CARGO_LAMBDA_COMPILER_EXTRA_ARGS=$compiled

# As `sam build` will call it, or it would compile everything once more.
cargo lambda build --locked --bins "${flags[@]}"

# It leaves every program under the name that Lambda wants; people find theirs under their own.
built=target/lambda
mkdir -p target/bin
for program in segue redshift-local; do
    [ "$built/$program/bootstrap" -ef "target/bin/$program" ] ||
        ln -f "$built/$program/bootstrap" "target/bin/$program"
done

# The programs are written anew by every call: only their content tells whether there is work left.
laid_out=.aws-sam/fingerprint
fingerprint=$(cat template.yaml samconfig.toml "$built"/segue-*/bootstrap | sha256sum)
if [ -f .aws-sam/local/template.yaml ] && [ "$fingerprint" = "$(cat "$laid_out" 2>/dev/null)" ]; then
    exit 0
fi
echo "functions: sam build for $architecture …"
if ! output=$(sam build --template template.yaml --build-dir .aws-sam/local \
    --parameter-overrides "Architecture=$architecture" 2>&1); then
    echo "$output" >&2
    exit 1
fi
bootstraps=(.aws-sam/local/*/bootstrap)
if [ ! -f "${bootstraps[0]}" ]; then
    echo "error: sam build made no bootstrap; expected one a function in .aws-sam/local" >&2
    exit 1
fi
"${PYTHON:-python3}" tools/glibc.py "${bootstraps[@]}"
echo "$fingerprint" >"$laid_out"
echo "functions: ${#bootstraps[@]} stand in .aws-sam/local"
