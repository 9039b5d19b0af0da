#!/bin/sh
# Make .venv from a lock: `env.sh dev` (everything), `env.sh demo` (what the demo needs) or `env.sh bench`
# (everything, and the peers that are measured beside it).
# Nothing that is not in the lock with its hash is downloaded. Running it again does nothing,
# until a lock, pyproject.toml, the Python or the folder changes.
set -eu
cd "$(dirname "$0")/.."

case "${1:-dev}" in
    demo) lock=requirements-demo.lock ;;
    dev) lock=requirements.lock ;;
    bench) lock=requirements-bench.lock ;;
    *) echo "usage: env.sh dev|demo|bench" >&2; exit 2 ;;
esac

python=.venv/bin/python
# The version of Python and the folder count too: a .venv that was moved has broken scripts.
mark() {
    { cat "$1" pyproject.toml; pwd; "$python" -V; } 2>/dev/null | sha256sum | cut -c 1-64
}
done_for() {
    [ -x "$python" ] && [ -x .venv/bin/fieldlab ] &&
        [ "$(cat ".venv/.installed-$1" 2>/dev/null)" = "$(mark "$2")" ]
}
if { [ "$1" != bench ] && done_for dev requirements.lock; } || { [ "$1" != dev ] && done_for "$1" "$lock"; }; then
    exit 0
fi

new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}
find_python() {
    for name in python3.13 python3.12 python3.11 python3; do
        if command -v "$name" >/dev/null && new_enough "$name"; then
            command -v "$name"
            return
        fi
    done
    echo "Fieldlab needs Python 3.11 or later; none was found." >&2
    echo "Debian 12 or Ubuntu 24.04 and later: sudo apt-get install python3 python3-venv" >&2
    exit 2
}
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo -n "$@"
    fi
}
need_venv() {
    # Debian splits venv off its Python; a versioned Python has a package of its own.
    "$1" -c 'import ensurepip, venv' 2>/dev/null && return
    package=$("$1" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    if command -v apt-get >/dev/null && as_root true 2>/dev/null; then
        echo "Installing $package (this Python has no venv) ..."
        as_root apt-get update -qq || true
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$package" >/dev/null || true
        "$1" -c 'import ensurepip, venv' 2>/dev/null && return
    fi
    echo "$1 comes without venv. Install it, then run make again: sudo apt-get install $package" >&2
    exit 2
}

if ! { [ -x "$python" ] && new_enough "$python" && "$python" -m pip --version >/dev/null 2>&1; }; then
    base=$(find_python)
    need_venv "$base"
    echo "Making .venv with $("$base" -V) ..."
    "$base" -m venv --clear .venv
fi
rm -f .venv/.installed-*
echo "Installing from $lock (the first time this takes a minute or so) ..."
# Only what goes wrong is shown: setuptools warns at length about editable installations.
pip() {
    "$python" -m pip --disable-pip-version-check "$@" >.venv/install.log 2>&1 || {
        cat .venv/install.log >&2
        echo "The installation failed: see above. If it was the network, run make again to go on." >&2
        exit 1
    }
}
pip install --require-hashes --requirement "$lock"
pip install --no-deps --no-build-isolation --editable .
mark "$lock" >".venv/.installed-$1"
[ "$1" != bench ] || mark requirements.lock >.venv/.installed-dev
