"""What `fieldlab up` hands on of its environment."""

from __future__ import annotations

import asyncio
import dataclasses

from fieldlab import servers
from fieldlab.processes import Processes
from fieldlab.surroundings import handed_on
from fieldlab.up import parts_of
from fieldlab_configs import load
from tests.fieldlab.test_up import CANARY, USER, lab, until


def test_each_part_gets_the_secrets_that_it_reads_and_no_server_gets_any(tmp_path, monkeypatch) -> None:
    """Variables that the config names go to whoever reads them; what nobody names goes to nobody."""
    monkeypatch.setattr(servers, "found", lambda _: "/bin/true")
    path = lab(tmp_path)
    text = path.read_text().replace("security: none", "user: gw, password: {env: PLC_PW}")
    text = text.replace(USER, "").replace("kind: influxdb,", "kind: influxdb, token: {env: INFLUX_TOKEN},")
    path.write_text(
        f"{text}app: {{hosts: [lab.example], users: {{ines: {{password: {{env: INES_HASH}}}}}}}}\n"
        "reports: {server: {host: h, user: u, password: {env: SMTP_PW}, sender: a@b.nl},"
        " weekly: {all: {mail: [c@b.nl]}}}\n"
    )
    names = (
        "PLC_PW",
        "INFLUX_TOKEN",
        "INES_HASH",
        "SMTP_PW",
        "GRAFANA_ADMIN",
        "AWS_SECRET",
        "INFLUXDB_TOKEN",
    )
    around = {**dict.fromkeys(names, CANARY), "PATH": "/bin", "FIELDLAB_LOG": "info", "GF_SMTP_HOST": "h"}
    got = {
        part.name: {name for name, value in handed_on(around, part.takes).items() if value == CANARY}
        for part in parts_of(load(path), tmp_path, port=1, grafana_port=2, simulated=True)
    }
    assert got == {
        "broker": set(),
        "influxdb": set(),
        "setup": {"INFLUX_TOKEN"},
        "simulate": {"PLC_PW"},
        "gateway": {"INFLUX_TOKEN", "PLC_PW"},
        "analytics": {"INFLUX_TOKEN"},
        "app": {"INFLUX_TOKEN", "INES_HASH"},
        "report": {"INFLUX_TOKEN", "SMTP_PW"},
        "dashboards": set(),
        "grafana": set(),
    }


async def test_a_secret_of_the_environment_does_not_reach_grafana(tmp_path, monkeypatch) -> None:
    """What is started in its place tells what it got: its settings, its token, and no other secret."""
    program, told = tmp_path / "bin" / "grafana", tmp_path / "told"
    program.parent.mkdir()
    program.write_text(
        f"#!/bin/sh\ntr '\\0' '\\n' < /proc/$$/environ > {told}.new\nmv {told}.new {told}\nexec sleep 60\n"
    )
    program.chmod(0o700)
    monkeypatch.setattr(servers, "found", lambda name: str(program) if name == "grafana" else None)
    for name, value in (
        ("CLOUD_KEY", CANARY),
        ("GRAFANA_ADMIN", f"admin:{CANARY}"),
        ("GF_SMTP_HOST", "mail.example"),
    ):
        monkeypatch.setenv(name, value)
    (tmp_path / "dashboards.token").write_text("reads-only")
    grafana = servers.grafana(
        load(lab(tmp_path)), tmp_path / "grafana", 3000, token=tmp_path / "dashboards.token"
    )[-1]
    stop = asyncio.Event()
    part = dataclasses.replace(grafana, ready=None)
    await asyncio.gather(Processes([part], lambda _: None).run(stop), until(stop, told.exists))
    given = dict(line.partition("=")[::2] for line in told.read_text().splitlines())
    assert (given["INFLUX_READ_TOKEN"], given["GF_SMTP_HOST"]) == ("reads-only", "mail.example")
    assert CANARY not in told.read_text()
