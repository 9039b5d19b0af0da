#!/bin/sh
# Write the locks anew: `lock.sh UV_VERSION`. uv lives in a throw-away environment; it is no part of the project.
set -eu
cd "$(dirname "$0")/.."

if [ -x .venv/bin/uv ]; then
    uv=.venv/bin/uv
else
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    python3 -m venv "$work"
    "$work/bin/python" -m pip install --quiet --disable-pip-version-check "uv==$1"
    uv=$work/bin/uv
fi
# Universal: one lock for every Python from 3.11 and every platform. setuptools (group `build`) is in it
# because the project itself is built without an isolated, unpinned build environment.
compile() {
    UV_CUSTOM_COMPILE_COMMAND='make lock' "$uv" pip compile --quiet --universal --python-version 3.11 \
        --generate-hashes --group build "$@" pyproject.toml
}
upgrade=${UPGRADE:+--upgrade}
# shellcheck disable=SC2086  # one word or none
compile $upgrade --extra dev --output-file requirements.lock
# shellcheck disable=SC2086
compile --extra dev --extra bench --constraint requirements.lock --output-file requirements-bench.lock
compile --extra app --constraint requirements.lock --output-file requirements-demo.lock
# What an edge box needs for its gateway, and what the image has: all but the tools.
compile --constraint requirements.lock --output-file requirements-edge.lock
compile --extra app --extra archive --constraint requirements.lock --output-file requirements-image.lock
