#!/usr/bin/env bash
# Tests the embedded exchange with the official Python SDK and a raw WebSocket client, and prints the coverage.
#
#   conformance/run.sh [--binary FILE] [pytest arguments...]
#
# Creates its own virtual environment in conformance/.venv. Exits with 3 if there is no Python 3.13.
set -euo pipefail

here="$(cd "$(dirname "$0")" && pwd)"

binary=
if [[ "${1:-}" == --binary ]]; then
    if [[ $# -lt 2 ]]; then
        echo "conformance: --binary needs a file" >&2
        exit 2
    fi
    binary="$(realpath -- "$2")"
    shift 2
fi

# A pyenv shim is on the path even if its version is not selected, so each candidate is tried.
find_python() {
    local candidate
    for candidate in python3.13 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.13*/bin/python3.13 python3; do
        if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info[:2] != (3, 13))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    return 1
}

if ! python="$(find_python)"; then
    echo "conformance: the official SDK's suite needs Python 3.13 with venv; python3.13 is neither on the path nor in pyenv" >&2
    exit 3
fi

environment="$here/.venv"
if ! cmp --silent "$here/requirements.txt" "$environment/requirements.txt"; then
    rm -rf "$environment"
    "$python" -m venv "$environment"
    "$environment/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"
    cp "$here/requirements.txt" "$environment/requirements.txt"
fi

if [[ -z "$binary" ]]; then
    # The development build, which `cargo test` may have built already and which is optimized.
    (cd "$here/.." && cargo build --locked --quiet)
    binary="$(cd "$here/.." && realpath -- "${CARGO_TARGET_DIR:-target}/debug/kalshi-actor")"
fi
if [[ ! -x "$binary" ]]; then
    echo "conformance: $binary is no program; expected the kalshi-actor binary" >&2
    exit 2
fi

cd "$here"
KALSHI_ACTOR="$binary" exec "$environment/bin/python" -m pytest "$@"
