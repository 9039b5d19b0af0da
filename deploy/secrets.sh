#!/bin/sh
# Makes every password and token that can be made up, once; a second run changes nothing. Each lands in the
# one volume of the service that needs it, readable to that service alone. There is no default password.
set -eu
umask 077

new() { # FILE OWNER MODE
    if [ ! -s "$1" ]; then
        head -c 256 /dev/urandom | tr -dc 'A-Za-z0-9' | head -c 40 >"$1.new"
        [ "$(wc -c <"$1.new")" -ge 32 ] || { echo "no random numbers for $1" >&2; exit 1; }
        chown "$2" "$1.new"
        chmod "$3" "$1.new"
        mv "$1.new" "$1"
        echo "made $1"
    fi
}

new /secrets/fieldlab/mqtt.password 10001:10001 400
new /secrets/grafana/admin.password 472:0 400
# InfluxDB's image changes its user between versions; nobody else mounts this volume.
new /secrets/influxdb/admin.password 0:0 444
new /secrets/influxdb/admin.token 0:0 444
new /secrets/broker/health.password mosquitto:mosquitto 400

if [ ! -s /secrets/broker/passwd ]; then
    file=/secrets/broker/passwd.new
    : >"$file"
    mosquitto_passwd -b "$file" fieldlab "$(cat /secrets/fieldlab/mqtt.password)"
    mosquitto_passwd -b "$file" health "$(cat /secrets/broker/health.password)"
    chown mosquitto:mosquitto "$file"
    chmod 400 "$file"
    mv "$file" /secrets/broker/passwd
    echo "made /secrets/broker/passwd"
fi
# Volumes are made for root; their owners must be able to look into them.
chmod 755 /secrets/*
