#!/bin/sh
# Peers that nobody here wrote, for the tests, into .cache: node-opcua's sample server from npm, every file checked by
# its hash; Eclipse Milo from Maven Central, with one class of ours that gives it a machine; axe-core from npm, which
# judges whether everybody can use the pages (MPL-2.0: read by the tests, part of nothing that is given away). What is
# not here or cannot be had costs only the tests that need it, and they are named in the last lines.
# FIELDLAB_NO_PEERS=1 installs nothing.
set -eu
cd "$(dirname "$0")/.."
[ -z "${FIELDLAB_NO_PEERS:-}" ] || exit 0

have() {
    for program in "$@"; do
        if ! command -v "$program" >/dev/null; then
            echo "$program is not here: tests against $what are skipped."
            return 1
        fi
    done
}

from_npm() {
    what="$1" from="$2" to="$3"
    if cmp -s "$from/package-lock.json" "$to/installed" || ! have node npm; then return; fi
    echo "Installing $what for the tests (once; this takes half a minute or so) ..."
    mkdir -p "$to"
    cp "$from/package.json" "$from/package-lock.json" "$to/"
    # No scripts of packages: they would only make certificates for samples that are not used here.
    if output=$(cd "$to" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error \
        --fetch-retries=1 --fetch-timeout=60000 2>&1); then
        cp "$from/package-lock.json" "$to/installed"
    else
        echo "$what could not be installed: $(printf '%s' "$output" | head -n 1)"
    fi
}

milo() {
    what="Eclipse Milo"
    from=tests/gateways/milo to=.cache/milo
    if cat "$from"/* | cmp -s - "$to/installed" || ! have mvn javac; then return; fi
    echo "Installing Eclipse Milo for the tests (once; this takes a minute or so) ..."
    mkdir -p "$to/classes"
    # -C: a file whose checksum is wrong is an error.
    if output=$(mvn -q -B -C -ntp -f "$from/pom.xml" "-Dmaven.repo.local=$PWD/$to/repository" \
        org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies \
        "-DoutputDirectory=$PWD/$to/jars" -DincludeScope=runtime 2>&1 &&
        javac -cp "$to/jars/*" -d "$to/classes" "$from/MiloMachine.java" 2>&1); then
        cat "$from"/* >"$to/installed"
        rm -rf "$to/repository"
    else
        echo "Eclipse Milo could not be installed: $(printf '%s' "$output" | head -n 1)"
    fi
}

from_npm "node-opcua's sample server" tests/gateways/node_opcua .cache/node-opcua
from_npm axe-core tests/dashboards/axe .cache/axe
milo
