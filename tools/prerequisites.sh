#!/bin/sh
# Says in one line each what this machine lacks to build Segue, and how to get it.
set -u
python=${1:-python3}
missing=0

lacks() {
    printf 'missing: %s\n   hint: %s\n' "$1" "$2" >&2
    missing=1
}

command -v cargo >/dev/null 2>&1 && command -v rustc >/dev/null 2>&1 ||
    lacks 'Rust 1.90 or newer (cargo, rustc)' \
        'install rustup, then: rustup toolchain install stable'
cargo fmt --version >/dev/null 2>&1 && cargo clippy --version >/dev/null 2>&1 ||
    lacks 'rustfmt and clippy' 'rustup component add rustfmt clippy'
command -v cc >/dev/null 2>&1 ||
    lacks 'a C compiler and linker (cc)' \
        'Debian: apt install build-essential; macOS: xcode-select --install'
"$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
    lacks "Python 3.11 or newer with venv ($python)" \
        'Debian: apt install python3 python3-venv; another interpreter: make PYTHON=python3.12 …'
node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' 2>/dev/null ||
    lacks 'Node.js 20 or newer' 'install Node.js with npm from your package manager'
command -v npm >/dev/null 2>&1 ||
    lacks 'npm' 'it comes with Node.js; Debian: apt install npm'
command -v git >/dev/null 2>&1 ||
    lacks 'git' 'Debian: apt install git'
exit "$missing"
