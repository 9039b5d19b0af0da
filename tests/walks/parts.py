"""Servers and data that a document's reader has before the first line."""

from __future__ import annotations

import csv
import datetime as dt
import io
import os
import shutil
import sys
from pathlib import Path
from textwrap import dedent
from zoneinfo import ZoneInfo

from paho.mqtt import publish

from fieldlab.stores import JobStore
from fieldlab.times import time_ns
from fieldlab_configs import load
from ingest.stores import open_store
from tests import servers
from tests.fieldlab.trial import recording
from tests.repo.documents import ROOT, blocks
from tests.walks.walk import Walk
from tests.walks.world import BROKER, OTHER

ZONE = ZoneInfo("Europe/Amsterdam")
_WEEKS_LATER = 30
"""The trial of the tests begins on a Monday in March; documents speak of the autumn."""


def certificates(walk: Walk) -> None:
    """Those of the how-to on certificates."""
    walk.run("fieldlab pki init pki --fieldlab workshop")
    walk.run("fieldlab pki issue pki edge1")
    walk.run("fieldlab pki issue pki browse")
    walk.run("fieldlab pki issue pki plc1 --for opcua --uri urn:plc1:server --host 10.0.0.5")
    walk.run(f"fieldlab pki issue pki broker --for broker --host broker.local --host {BROKER} --host {OTHER}")


def plc(walk: Walk, pki: str = "pki", like: str = "") -> None:
    """A PLC at 10.0.0.5."""
    walk.start(f"python -m tests.walks.plc {pki} {like}", "serving", ours=True)


def talking(walk: Walk) -> None:
    """A broker, and machines that speak to it."""
    certificates(walk)
    broker(walk)
    walk.start("python -m tests.walks.talk", "talking", ours=True)


def broker(walk: Walk) -> None:
    """A broker with TLS at broker.local, and one in clear for the machine that speaks to it."""
    folder = walk.folder / "mosquitto"
    folder.mkdir()
    pki = walk.folder / "pki"
    user = "root" if os.geteuid() == 0 else "mosquitto"
    (folder / "mosquitto.conf").write_text(
        f"user {user}\nallow_anonymous true\nlistener 1883 127.0.0.1\nlistener 8883 {BROKER}\n"
        f"cafile {pki}/ca/ca.pem\ncertfile {pki}/own/broker.pem\nkeyfile {pki}/own/broker.key\n"
    )
    command = [servers.find_program("mosquitto"), "-c", str(folder / "mosquitto.conf")]
    walk.stack.enter_context(servers.running(command, folder, lambda: servers.listens(1883)))
    publish.single(
        "workshop/oven1/count", '{"total": 7, "good": 6}', qos=1, retain=True, hostname="127.0.0.1"
    )


def settings(walk: Walk, document: Path) -> None:
    """A broker takes the settings that the document says."""
    (said,) = (block.text for block in blocks(document) if block.file == "mosquitto.conf")
    folder = walk.folder / "broker"
    folder.mkdir()
    (folder / "mosquitto.conf").write_text(f"listener 1883 127.0.0.1\nuser root\n{dedent(said)}")
    command = [servers.find_program("mosquitto"), "-c", str(folder / "mosquitto.conf")]
    walk.stack.enter_context(servers.running(command, folder, lambda: servers.listens(1883)))


def influx(walk: Walk, *, auth: bool = False, port: int = 8086) -> str:
    """An InfluxDB 1.x on this computer; its administrator as ``user:password``, if it asks for one."""
    folder = walk.folder / f"influx{port}"
    walk.stack.enter_context(servers.influxd(folder, port, auth=auth))
    if not auth:
        return ""
    ask = "curl -sS -XPOST http://127.0.0.1:8086/query --data-urlencode"
    walk.run(f"{ask} \"q=CREATE USER admin WITH PASSWORD 'only-for-tests' WITH ALL PRIVILEGES\"")
    return "admin:only-for-tests"


def box(walk: Walk, mill: str, document: Path) -> None:
    """What the document has copied to an edge box, and how its words are taken where no systemd runs."""
    said, _ = (block.text for block in blocks(document) if block.language == "yaml")
    kept, _, _ = mill.partition("gateways:")
    walk.put("lab.yaml", kept.replace(", security: none", "") + said)
    walk.put("gateway-edge1.token", "only-for-tests")
    (walk.folder / "pki/rejected").mkdir(exist_ok=True)
    shutil.copytree(ROOT / "deploy/edge", walk.folder / "edge")
    walk.skips["/opt/fieldlab/bin/pip"] = (
        "no registry here; tests/deploy/test_wheel.py installs by these lines"
    )
    program = Path(sys.executable).with_name("fieldlab")
    walk.before["--require-hashes"] = lambda: Path("/opt/fieldlab/bin/fieldlab").symlink_to(program)
    walk.instead["&& systemctl daemon-reload"] = (
        "&& systemd-analyze verify --man=no fieldlab-gateway@edge1.service"
    )
    walk.instead["systemctl enable --now"] = "systemctl --root=/ enable"
    walk.skips["systemctl restart"] = "no systemd runs here"
    walk.until["fieldlab doctor"] = r"secrets: 1 can be read"
    # systemd itself opens the credential; all else is the user's own to open.
    service = "setpriv --reuid=fieldlab --regid=fieldlab --clear-groups"
    opened = ("lab.yaml", "pki/own/edge1.pem", "pki/own/edge1.key", "pki/trusted/ca.pem", "pki/crl/ca.crl")
    walk.before["systemctl enable"] = lambda: walk.run(
        f"cd /etc/fieldlab && {service} cat {' '.join(opened)} > /dev/null && {service} test -w pki/rejected"
        f" && ! {service} cat secrets/gateway-edge1.token"
        " && test ! -e pki/ca && ls pki/own/*.key | wc -l | grep -qx 1"  # no others' keys
    )


def days(text: str | None = None) -> list[dict[str, str]]:
    """The recording of twenty working days before a trial and nineteen after, in the autumn of 2026."""
    rows = list(csv.DictReader(io.StringIO(text or recording(faster=0.04))))
    for row in rows:
        then = dt.datetime.fromisoformat(row["time"]).replace(tzinfo=None) + dt.timedelta(weeks=_WEEKS_LATER)
        row["time"] = then.replace(tzinfo=ZONE).isoformat()
    return rows


def written(rows: list[dict[str, str]]) -> str:
    """Rows as a CSV."""
    out = io.StringIO()
    table = csv.DictWriter(out, ["time", "machine", "signal", "value"], lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    return out.getvalue()


def filled(config: Path) -> None:
    """The recording's samples in the store of a config, as a gateway would have written them."""
    site = load(config)
    lines = {machine.id: line.id for line in site.lines for machine in line.machines}
    rows = []
    for row in days():
        tags = {"fieldlab": site.fieldlab, "line": lines[row["machine"]], "machine": row["machine"]}
        value: str | float = row["value"]
        if row["signal"] not in {"state", "product"}:
            value = float(value)
        at = time_ns(row["time"], site, "the recording")
        rows.append(("machine", tuple(sorted(tags.items())), row["signal"], at, value))
    store = open_store(site)
    try:
        store.setup()
        assert JobStore(store).write("raw", rows) is None
    finally:
        store.close()
