#!/bin/sh
# Prints what this machine lacks, one line each, and how to get it:
# prerequisites.sh PYTHON [deploy|bundle]
# Deploying needs less than building and testing everything; deploying a bundle needs no compiler.
set -u
cd "$(dirname "$0")/.." || exit 2
python=${1:-python3}
purpose=${2:-all}
# The only place that states the minimum version.
rust=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml)
missing=0

lacks() {
    printf 'missing: %s\n   hint: %s\n' "$1" "$2" >&2
    missing=1
}

# Whether the first of two versions is at least the second.
is_at_least() {
    [ "$(printf '%s\n%s\n' "$1" "$2" | sort -t. -k1,1n -k2,2n -k3,3n | head -n 1)" = "$2" ]
}

"$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
    lacks "Python 3.11 or newer with venv ($python)" \
        'Debian: apt install python3 python3-venv; another interpreter: make PYTHON=python3.12 …'
[ "$purpose" = bundle ] && exit "$missing"
found=$(rustc --version 2>/dev/null | cut -d ' ' -f 2 | cut -d - -f 1)
command -v cargo >/dev/null 2>&1 && is_at_least "${found:-0}" "$rust" ||
    lacks "Rust $rust or newer with cargo; found ${found:-none}" \
        'install rustup, then: rustup toolchain install stable'
command -v cc >/dev/null 2>&1 ||
    lacks 'a C compiler and linker (cc)' \
        'Debian: apt install build-essential; macOS: xcode-select --install'
[ "$purpose" = deploy ] && exit "$missing"
cargo fmt --version >/dev/null 2>&1 && cargo clippy --version >/dev/null 2>&1 ||
    lacks 'rustfmt and clippy' 'rustup component add rustfmt clippy'
node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' 2>/dev/null ||
    lacks 'Node.js 20 or newer' 'install Node.js with npm from your package manager'
command -v npm >/dev/null 2>&1 ||
    lacks 'npm' 'it comes with Node.js; Debian: apt install npm'
command -v git >/dev/null 2>&1 ||
    lacks 'git' 'Debian: apt install git'
exit "$missing"
