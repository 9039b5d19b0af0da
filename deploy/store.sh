#!/bin/sh
# Makes the buckets, and a token for each reader and writer that can do no more than it must; a second run
# changes nothing. InfluxDB keeps tokens hashed: a token that was lost is made anew.
set -eu
umask 077
INFLUX_TOKEN=$(cat /secrets/influxdb/admin.token)
export INFLUX_TOKEN

bucket_id() { influx bucket list --name "$1" --hide-headers 2>/dev/null | awk 'NR == 1 { print $1 }'; }

bucket() { # NAME RETENTION
    if [ -z "$(bucket_id "$1")" ]; then
        influx bucket create --name "$1" --retention "$2" >/dev/null
        echo "made bucket $1"
    fi
}

token() { # FILE OWNER DESCRIPTION RIGHTS...
    file=$1 owner=$2 description=$3
    shift 3
    if [ ! -s "$file" ]; then
        influx auth create --json --description "$description" "$@" |
            sed -n 's/.*"token": *"\([^"]*\)".*/\1/p' >"$file.new"
        [ -s "$file.new" ] || { echo "InfluxDB gave no token for $description" >&2; exit 1; }
        chown "$owner" "$file.new"
        chmod 400 "$file.new"
        mv "$file.new" "$file"
        echo "made $file"
    fi
}

bucket "${FIELDLAB}_raw" 400d
bucket "${FIELDLAB}_kpi" 520w
raw=$(bucket_id "${FIELDLAB}_raw")
kpi=$(bucket_id "${FIELDLAB}_kpi")
token /secrets/fieldlab/influx.token 10001:10001 fieldlab \
    --read-bucket "$raw" --write-bucket "$raw" --read-bucket "$kpi" --write-bucket "$kpi"
token /secrets/grafana/influx.token 472:0 grafana --read-bucket "$kpi" --read-bucket "$raw"
