#!/usr/bin/env bash
# Installs Quix Streams into .cache/quix, an environment of its own: it wants another pydantic than Wayfold.
set -euo pipefail
cd "$(dirname "$0")/../.."
readonly WANTED=benchmarks/quix/requirements.txt HAVE=.cache/quix/installed.txt
export UV_HTTP_TIMEOUT=120 UV_HTTP_RETRIES=5 UV_PYTHON_DOWNLOADS=never UV_NO_PROGRESS=1
cmp --silent "$WANTED" "$HAVE" && exit 0
echo "Installing Quix Streams into .cache/quix, to compare with"
rm -rf .cache/quix
mkdir -p .cache
.venv/bin/uv venv --quiet --python .venv/bin/python .cache/quix
VIRTUAL_ENV=.cache/quix .venv/bin/uv pip install --quiet --require-hashes --requirement "$WANTED"
cp "$WANTED" "$HAVE"
