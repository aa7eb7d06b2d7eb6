#!/usr/bin/env bash
# Makes .venv with everything in uv.lock. Needs Python 3.11 or newer and, the first time, a network.
# WAYFOLD_PYTHON names the Python to use; otherwise the system's python3 is taken, or what else there is:
# Debian's folded a quarter faster than one that pyenv had compiled without profiles (PGO).
# Arguments are uv's: `--inexact --only-group page` adds the Node that builds the page.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly UV_VERSION=0.13.9
readonly ATTEMPTS=3
readonly PYTHONS=${WAYFOLD_PYTHON:-/usr/bin/python3 python3 python3.13 python3.12 python3.11 python3.14}
# A download that stalls is tried again instead of hanging, and no Python is fetched: the chosen one is used.
export UV_HTTP_TIMEOUT=120 UV_HTTP_RETRIES=5 UV_PYTHON_DOWNLOADS=never UV_NO_PROGRESS=1
unset VIRTUAL_ENV UV_PROJECT_ENVIRONMENT

main() {
    local python
    python=$(choose_python)
    if [[ ! -x .venv/bin/python ]] || ! suits .venv/bin/python; then
        make_environment "$python"
    fi
    if [[ "$(.venv/bin/uv --version 2>/dev/null)" != "uv $UV_VERSION"* ]]; then
        retry .venv/bin/python -m pip install --quiet --disable-pip-version-check --timeout 60 --retries 5 \
            "uv==$UV_VERSION"
    fi
    retry .venv/bin/uv sync --frozen --quiet "$@"
}

suits() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

has_venv() {
    "$1" -c 'import ensurepip, venv' 2>/dev/null
}

# One that can make an environment as it is; else one that needs a package for it.
choose_python() {
    local candidate condition
    for condition in has_venv suits; do
        for candidate in $PYTHONS; do
            if command -v "$candidate" >/dev/null && suits "$candidate" && "$condition" "$candidate"; then
                echo "$candidate"
                return
            fi
        done
    done
    echo "Wayfold needs Python 3.11 or newer, and found none (tried: $PYTHONS)." \
        "Install one, or name it: WAYFOLD_PYTHON=/path/to/python3 make install" >&2
    return 1
}

make_environment() {
    local python=$1 version
    echo "Making .venv with $("$python" --version)"
    rm -rf .venv
    if has_venv "$python"; then
        "$python" -m venv .venv
        return
    fi
    # Debian keeps venv in a package of its own.
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    if [[ $(id -u) != 0 ]] || ! command -v apt-get >/dev/null; then
        echo "$python has no venv module. On Debian or Ubuntu: sudo apt-get install python$version-venv" >&2
        return 1
    fi
    retry apt-get update -qq
    retry env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
        "python$version-venv" >/dev/null
    "$python" -m venv .venv
}

retry() {
    local attempt
    for ((attempt = 1; attempt <= ATTEMPTS; attempt++)); do
        if "$@" </dev/null; then
            return
        fi
        echo "Attempt $attempt of $ATTEMPTS failed: $*" >&2
    done
    return 1
}

main "$@"
