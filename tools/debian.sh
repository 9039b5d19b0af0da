#!/bin/sh
# The servers and the browser that the tests use, from Debian or Ubuntu, where we may install them.
# Where we may not, the tests that need them are skipped, and named in their last lines.
# FIELDLAB_NO_APT=1 installs nothing.
set -eu

missing=''
PATH="$PATH:/usr/sbin:/sbin:/snap/bin"
command -v mosquitto >/dev/null || missing="$missing mosquitto"
command -v mosquitto_sub >/dev/null || missing="$missing mosquitto-clients"
command -v influxd >/dev/null || missing="$missing influxdb"
command -v strace >/dev/null || missing="$missing strace"
command -v chromium >/dev/null || command -v google-chrome >/dev/null || missing="$missing chromium"
command -v chromedriver >/dev/null || missing="$missing chromium-driver"
[ -n "$missing" ] || exit 0

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo -n "$@"
    fi
}
if [ -n "${FIELDLAB_NO_APT:-}" ] || ! command -v apt-get >/dev/null || ! as_root true 2>/dev/null; then
    echo "Not installed:$missing. The tests that need them are skipped; to run them: sudo apt-get install$missing"
    exit 0
fi

# Installing a server starts it on Debian; we only want the program. invoke-rc.d and systemd's
# maintainer scripts ask policy-rc.d first, and 101 means "may not".
policy=/usr/sbin/policy-rc.d
made_policy=''
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
    made_policy=1
fi
finish() {
    [ -z "$made_policy" ] || as_root rm -f "$policy"
}
trap finish EXIT
trap 'exit 130' INT TERM

echo "Installing$missing for the tests (their services are not started) ..."
apt() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq \
        -o Acquire::Retries=2 -o Acquire::http::Timeout=30 -o DPkg::Lock::Timeout=120 "$@"
}
apt update >/dev/null || true
for package in $missing; do
    # One by one: a package that this release does not have must not cost the others.
    if ! output=$(apt install -y --no-install-recommends "$package" 2>&1); then
        echo "$package could not be installed: $(printf '%s' "$output" | tail -n 1)"
        continue
    fi
    case "$package" in
        mosquitto | influxdb)
            # Nor at the next boot. Only what we installed just now: a server that somebody uses is left alone.
            if command -v systemctl >/dev/null; then
                as_root systemctl disable "$package" >/dev/null 2>&1 || true
            else
                as_root update-rc.d "$package" disable >/dev/null 2>&1 || true
            fi
            ;;
    esac
done
