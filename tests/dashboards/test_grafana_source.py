"""Grafana before an InfluxDB with accounts: what its data source sends, as provisioned and as pushed.

No Grafana is run here. Its requests are made as its sources have them: createRequest of
`pkg/tsdb/influxdb/influxql/influxql.go` and `DataSourceInstanceSettings.HTTPClientOptions` of its plugin SDK
for what the backend asks, `pkg/api/pluginproxy/ds_proxy.go` for what goes through the proxy. Headers of
jsonData are set last in both.
"""

from __future__ import annotations

import base64
import json
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from dashboards.grafana import boards, render
from dashboards.grafana_scope import Board, uid
from dashboards.grafana_source import in_environment
from fieldlab_configs import load
from ingest.store import Row
from ingest.stores import open_store
from tests import servers
from tests.dashboards.asking import filled
from tests.dashboards.grafana_double import ADMIN, Double, serving
from tests.fieldlab.command import fieldlab

pytestmark = pytest.mark.service

CONFIG = """\
fieldlab: lab
timezone: Europe/Amsterdam
lines:
  - id: l1
    machines:
      - {{id: m1, ideal_cycle_time_s: 10, states: packml,
         signals: {{state: {{item: a}}, total_count: {{item: b}}}}}}
companies: [{{id: acme, name: Acme}}]
sources: {{plc: {{kind: opcua, endpoint: "opc.tcp://10.0.0.5:4840", security: none}}}}
gateways: {{edge1: {{sources: [plc]}}}}
store: {{kind: influxdb, url: "{url}", token: {{file: root.token}}}}
"""
T0 = 1_795_413_600 * 10**9


class Source:
    """A data source of Grafana: what it was given, and what it sends for that."""

    def __init__(self, settings: Mapping[str, Any], secrets: Mapping[str, str]) -> None:
        self.settings, self.secrets = settings, secrets

    def headers(self) -> dict[str, str]:
        """Basic for a user, and then each header of its own."""
        found = {}
        user = self.settings.get("user", "")
        if user:
            both = f"{user}:{self.secrets.get('password', '')}"
            found["Authorization"] = f"Basic {base64.b64encode(both.encode()).decode()}"
        data, number = self.settings["jsonData"], 1
        while f"httpHeaderName{number}" in data:
            found[data[f"httpHeaderName{number}"]] = self.secrets[f"httpHeaderValue{number}"]
            number += 1
        return found

    def ask(self, query: str, database: str | None = None) -> tuple[int, dict[str, Any]]:
        """Status and result of one query."""
        assert self.settings["jsonData"]["httpMode"] == "GET"
        asked = {"db": database or self.settings["jsonData"]["dbName"], "epoch": "ms", "q": query}
        url = f"{self.settings['url']}/query?{urllib.parse.urlencode(asked)}"
        request = urllib.request.Request(url, headers=self.headers())  # noqa: S310 - our own server
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - our own server
                return answer.status, json.loads(answer.read())["results"][0]
        except urllib.error.HTTPError as refused:
            return refused.code, json.loads(refused.read())


class Place:
    """A fieldlab in an InfluxDB 1.x with accounts, set up, with an atom in it."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.config, self.tokens = folder, folder / "lab.yaml", folder / "tokens"
        first = {"q": "CREATE USER root WITH PASSWORD 'secret' WITH ALL PRIVILEGES"}
        body = urllib.parse.urlencode(first).encode()
        urllib.request.urlopen(f"{url}/query", body, timeout=20).close()  # noqa: S310 - our own server
        self.config.write_text(CONFIG.format(url=url))
        (folder / "root.token").touch(0o600)
        (folder / "root.token").write_text("root:secret")
        done = fieldlab("store", "setup", self.config, "--tokens", self.tokens)
        assert done.returncode == 0, done.stderr
        store = open_store(load(self.config))
        tags = (("fieldlab", "lab"), ("line", "l1"), ("machine", "m1"))
        assert store.write("kpi", [Row("atom", tags, "good_quantity", T0, 17.0)]) == []
        store.close()

    def provisioned(self, *more: object) -> dict[str, Source]:
        """The data sources of `dashboards build`, with Grafana's environment filled in."""
        out = self.folder / "grafana"
        done = fieldlab("dashboards", "build", self.config, "--out", out, *more)
        assert done.returncode == 0, done.stderr
        text = (out / "provisioning" / "datasources" / "fieldlab.yaml").read_text()
        token = (self.tokens / "dashboards.token").read_text().strip()
        assert token.partition(":")[2] not in text
        environment = {"INFLUX_READ_TOKEN": token, **in_environment(token)}
        filled = re.sub(r"\$\{(\w+)\}", lambda found: environment[found[1]], text)
        sources = YAML(typ="safe").load(filled)["datasources"]
        return {one["uid"]: Source(one, one["secureJsonData"]) for one in sources}

    def pushed(self, monkeypatch) -> dict[str, Source]:
        """The data sources that `dashboards push` makes."""
        double = Double()
        monkeypatch.setenv("GRAFANA_ADMIN", ":".join(ADMIN))
        with serving(double) as url:
            done = fieldlab("dashboards", "push", self.config, "--grafana", url, "--tokens", self.tokens)
        assert done.returncode == 0, done.stderr
        return {
            name: Source(one, org.secrets[name])
            for org in double.orgs.values()
            for name, one in org.sources.items()
        }


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Iterator[Place]:
    """One for all."""
    folder = tmp_path_factory.mktemp("accounts")
    try:
        with servers.influxd(folder / "influx", auth=True) as (server, _):
            yield Place(folder, server.url)
    except servers.ServerMissingError as missing:
        pytest.skip(str(missing))


def runs(source: Source, query: str, board: Board) -> None:
    """Whoever asks is let in, and the query is one."""
    status, found = source.ask(filled(query, {name: ["m1"] for name in board.variables}, T0, T0 + 10**12))
    assert (status, "error" in found) == (200, False), (board.uid, query, found)


@pytest.mark.parametrize("way", ["provisioned", "pushed"])
def test_grafana_reads_an_influxdb_1_with_accounts_and_may_do_nothing_else(place, monkeypatch, way) -> None:
    """The atom is seen, every query of every board runs; no other database opens and nothing is written."""
    tokens = ("--tokens", place.tokens)
    sources = place.provisioned(*tokens) if way == "provisioned" else place.pushed(monkeypatch)
    kpi = sources[uid("lab", "kpi")]
    status, found = kpi.ask('SELECT "good_quantity" FROM "atom"')
    assert (status, found["series"][0]["values"]) == (200, [[T0 // 10**6, 17]])
    for source in (kpi, sources[uid("lab", "raw")]):
        for query in ("SHOW RETENTION POLICIES", "SHOW MEASUREMENTS LIMIT 100"):
            status, found = source.ask(query)
            assert (status, "error" in found) == (200, False), (query, found)
    for board in boards(load(place.config), "en"):
        for name in board.variables:
            source = sources[uid("lab", "raw" if name == "gateway" else "kpi")]
            runs(source, board.values_of(name), board)
        for target in (t for panel in render(board)["panels"] for t in panel.get("targets", ())):
            named = str(target.get("datasource", {}).get("uid"))
            runs(sources[uid("lab", "raw" if "raw" in named else "kpi")], target["query"], board)
    status, found = kpi.ask("SHOW MEASUREMENTS", database="acme_shared")
    assert status == 403 or "not authorized" in found["error"], found
    for query in ('DROP MEASUREMENT "atom"', 'DELETE FROM "atom"', 'DROP DATABASE "lab_kpi"'):
        status, found = kpi.ask(query)
        assert status != 200 or "error" in found, (query, found)
    assert kpi.ask('SELECT "good_quantity" FROM "atom"')[1]["series"]


def test_the_header_that_later_versions_know_is_refused(place) -> None:
    """What is provisioned where nobody says that there are accounts: why it is asked for."""
    source = place.provisioned()[uid("lab", "kpi")]
    assert source.headers()["Authorization"].startswith("Token lab_dashboards:")
    status, found = source.ask("SHOW MEASUREMENTS")
    assert status == 401, found


def test_tokens_that_are_not_there_are_one_message(place, tmp_path) -> None:
    """A folder of a store that asks nobody is no trouble; one that is not there is."""
    empty = tmp_path / "empty"
    empty.mkdir()
    for folder, status in ((empty, 0), (tmp_path / "missing", 2)):
        done = fieldlab("dashboards", "build", place.config, "--out", tmp_path / "out", "--tokens", folder)
        assert (done.returncode, len(done.stderr.splitlines())) == (status, status // 2), done.stderr
