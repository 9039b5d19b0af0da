#!/bin/sh
# OPC UA peers that nobody here wrote, for the tests: node-opcua's sample server, from npm, every file checked by
# its hash. Without npm, or without a network, the tests that need it are
# skipped, and named in their last lines. FIELDLAB_NO_NPM=1 installs nothing.
set -eu
cd "$(dirname "$0")/.."

from=tests/gateways/node_opcua
to=.cache/node-opcua
[ -z "${FIELDLAB_NO_NPM:-}" ] || exit 0
if cmp -s "$from/package-lock.json" "$to/installed.json"; then
    exit 0
fi
if ! command -v npm >/dev/null || ! command -v node >/dev/null; then
    echo "npm is not here (Debian, Ubuntu: apt install npm): tests against node-opcua are skipped."
    exit 0
fi
echo "Installing node-opcua's sample server for the tests (the first time this takes a minute or two) ..."
mkdir -p "$to"
cp "$from/package.json" "$from/package-lock.json" "$to/"
# No scripts of packages: they would only make certificates for samples that are not used here.
if output=$(cd "$to" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error \
    --fetch-retries=1 --fetch-timeout=60000 2>&1); then
    cp "$from/package-lock.json" "$to/installed.json"
else
    echo "node-opcua could not be installed: $(printf '%s' "$output" | head -n 1)"
fi
