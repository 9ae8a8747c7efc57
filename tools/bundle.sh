#!/usr/bin/env bash
# Compiles the functions and the command line for one of Lambda's processors, on any machine, and
# lays out what to deploy in .aws-sam/bundle/PROCESSOR: bundle.sh arm64|x86_64
set -euo pipefail
cd "$(dirname "$0")/.."
processor=$1
case $processor in
    arm64) target=aarch64-unknown-linux-gnu flag=--arm64 ;;
    x86_64) target=x86_64-unknown-linux-gnu flag=--x86-64 ;;
    *)
        echo "error: expected a processor of Lambda, arm64 or x86_64; found $processor" >&2
        exit 2
        ;;
esac

library() { rustc --print target-libdir --target "$target"; }
if ! [ -d "$(library)" ] && command -v rustup >/dev/null 2>&1; then
    rustup target add "$target" >&2 || true
fi
if ! [ -d "$(library)" ]; then
    echo "error: Rust has no standard library for $processor ($target) on this machine" >&2
    echo "hint: rustup target add $target; or choose the other processor:" >&2
    echo "      make deploy ARCHITECTURE=…, make dist PROCESSORS=…" >&2
    exit 2
fi

# The environment's python finds zig, with which cargo-lambda links for Lambda's C library.
export PATH="$PWD/.tools/zig/bin:$PWD/.tools/sam/bin:$PATH"
export CARGO_TARGET_DIR="$PWD/target"
unset CARGO_LAMBDA_COMPILER CARGO_LAMBDA_COMPILER_EXTRA_ARGS

# One call for all programs, so that they share their dependencies. The local warehouse is not
# deployed, and needs a library that only this machine has.
programs=target/lambda-$processor
cargo lambda build --locked --release "$flag" --lambda-dir "$programs" \
    --workspace --exclude segue-redshift-local --bins
"${PYTHON:-python3}" tools/glibc.py "$programs"/segue-*/bootstrap
.tools/sam/bin/python tools/bundle.py "$programs" "$processor" ".aws-sam/bundle/$processor"
