#!/usr/bin/env bash
# Builds all programs: the command line, the local warehouse and the functions.
#
# One call of cargo compiles all programs of the workspace in parallel, so that they share their
# dependencies; the real `sam build` then finds each function compiled and lays out .aws-sam/local:
# not .aws-sam/build, where a bare `sam deploy` would find programs that only this machine can run.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ "$(uname -s)" != Linux ]; then
    echo "error: expected Linux, since functions are built and run as Linux programs; found $(uname -s)" >&2
    echo "hint: use a Linux machine, container or WSL" >&2
    exit 2
fi
case $(uname -m) in
    x86_64) architecture=x86_64 flags=() ;;
    aarch64 | arm64) architecture=arm64 flags=(--arm64) ;;
    *)
        echo "error: expected a processor of Lambda, x86_64 or arm64; found $(uname -m)" >&2
        exit 2
        ;;
esac

export PATH="$PWD/.tools/sam/bin:$PATH"
export CARGO_TARGET_DIR="$PWD/target"
# The machine's own linker, not another one on the path.
export CARGO_LAMBDA_COMPILER=cargo
# Each call resolves features over the whole workspace: otherwise the dependencies of one function
# would differ a little from those of the next, and cargo would compile nearly all of them again.
compiled=--workspace
# Deployed programs get every optimisation; programs that only run on this machine compile in a third
# of the time without. For these, one small test is compiled as well: with any test, cargo resolves
# the features that tests need, so that programs and tests share their dependencies in either order.
case ${PROFILE:-dev} in
    dev)
        export SAM_BUILD_MODE=debug
        compiled+=' --test semantics'
        ;;
    release) flags+=(--release) ;;
    *)
        echo "error: expected the PROFILE dev or release, found $PROFILE" >&2
        exit 2
        ;;
esac

export CARGO_LAMBDA_COMPILER_EXTRA_ARGS=$compiled

built=target/lambda
# A program that is running, as the local warehouse may be, cannot be overwritten, but it can be replaced.
rm -f "$built"/{segue,redshift-local}/bootstrap

# Called as `sam build` calls it; otherwise that would compile everything once more.
cargo lambda build --locked --bins "${flags[@]}"

# Every program now has the name that Lambda wants; link those for people under their own names.
mkdir -p target/bin
for program in segue redshift-local; do
    [ "$built/$program/bootstrap" -ef "target/bin/$program" ] ||
        ln -f "$built/$program/bootstrap" "target/bin/$program"
done

# Every call rewrites the programs: only their content shows whether there is work left.
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
    echo "error: expected one bootstrap per function in .aws-sam/local after sam build, found none" >&2
    exit 1
fi
# Symbols are a third of what each deployment would zip, and nobody debugs a function there.
if command -v strip >/dev/null 2>&1; then
    strip "${bootstraps[@]}"
fi
python=${PYTHON:-python3}
"$python" tools/glibc.py "${bootstraps[@]}"
# Packed once, here, and not again by every deployment.
printf '%s\n' "${bootstraps[@]%/bootstrap}" |
    xargs -P 2 -I{} sh -c '"$1" -m zipfile -c "$2.zip" "$2/bootstrap" && rm -r "$2"' - "$python" {}
sed -i -E 's/^( +CodeUri: [A-Za-z]+Function)$/\1.zip/' .aws-sam/local/template.yaml
echo "$fingerprint" >"$laid_out"
echo "functions: ${#bootstraps[@]} built in .aws-sam/local"
