"""``fieldlab store setup``: a token or user for each, that opens what it must and nothing else."""

from __future__ import annotations

import json
import stat
import urllib.parse
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fieldlab_configs import load
from ingest.influx import InfluxStore
from ingest.influx_ql import values
from ingest.pipeline import Ledger, Pipeline
from ingest.samples import Sample
from ingest.store import Row, StoreUnavailable
from ingest.stores import open_store
from tests import servers
from tests.fieldlab.command import fieldlab
from tests.gateways.helpers import until
from tests.influxes import Influxes, kinds_of

pytestmark = pytest.mark.service

CONFIG = """\
fieldlab: {lab}
timezone: Europe/Amsterdam
lines: [{{id: l1, machines: [{{id: m1, signals: {{power: {{source: b, topic: p, unit: kW}}}}}}]}}]
companies: [{companies}]
sources: {{b: {{kind: mqtt, host: 127.0.0.1}}}}
gateways: {{edge1: {{sources: [b]}}, edge2: {{sources: [b]}}}}
store: {{{store}, retention: {{raw: 400d}}}}
"""
T0 = 1_795_000_000_000_000_000
ROW = Row(
    "machine",
    (("fieldlab", "lab"), ("line", "l1"), ("machine", "m1")),
    "power",
    T0,
    1.0,
)


class Lab:
    """A fieldlab with two companies, its config, and its store as anybody sees it."""

    def __init__(self, folder: Path, server: servers.InfluxServer) -> None:
        self.id = uuid.uuid4().hex[:10]
        self.acme, self.beta = f"acme{self.id}", f"beta{self.id}"
        self.server = server
        self.path = folder / "lab.yaml"
        self.tokens = folder / "tokens"
        self.configure(self.acme, self.beta)

    def configure(self, *companies: str) -> None:
        """Write the config with these companies."""
        told = ", ".join(f"{{id: {company}, name: {company}}}" for company in companies)
        self.path.write_text(CONFIG.format(lab=self.id, companies=told, store=self.server.config))

    def set_up(self, *more: object) -> list[str]:
        """What setup says of each token."""
        done = fieldlab("store", "setup", self.path, *more)
        assert (done.returncode, done.stderr) == (0, "")
        return [line.strip() for line in done.stdout.splitlines() if line.startswith("  ")]

    def token(self, name: str) -> str:
        """What is in a file."""
        return (self.tokens / f"{name}.token").read_text().rstrip("\n")

    def store(self, token: str | None) -> InfluxStore:
        """The store, to whoever has that token."""
        return InfluxStore(
            self.server.url, self.id, token=token, org=self.server.org, companies=[self.acme, self.beta]
        )

    def switch(self, gateway: str, *, on: bool) -> None:
        """Let a gateway's token write or not, as whoever manages the server would."""
        admin = self.store(self.server.token)
        http = admin._http
        if admin.server_version < (2, 0):
            verb, way = ("GRANT", "TO") if on else ("REVOKE", "FROM")
            values(http, f'{verb} WRITE ON "{self.id}_raw" {way} "{self.id}_gateway_{gateway}"')
        else:
            told = http.request("GET", "/api/v2/authorizations").json()["authorizations"]
            title = f"fieldlab {self.id}: gateway {gateway}"
            (token,) = (t["id"] for t in told if t["description"] == title)
            http.request(
                "PATCH", f"/api/v2/authorizations/{token}", json={"status": "active" if on else "inactive"}
            )
        admin.close()

    @property
    def buckets(self) -> list[str]:
        """All of them."""
        return ["raw", "kpi", f"shared:{self.acme}", f"shared:{self.beta}"]


def may(store: InfluxStore, buckets: list[str]) -> dict[str, set[str]]:
    """In which buckets whoever has a store's token can really write and read."""
    found: dict[str, set[str]] = {"write": set(), "read": set()}
    for bucket in buckets:
        with refused("answers 403"):
            assert store.write(bucket, [ROW]) == []
            found["write"].add(bucket)
        with refused("may read it", "not authorized"):
            found["read"] |= {bucket} if store.read(bucket, "machine") else set()
    return found


@contextmanager
def refused(*words: str) -> Iterator[None]:
    """A block that the server may refuse, if it says so in these words."""
    try:
        yield
    except StoreUnavailable as error:
        if not any(word in str(error) for word in words):
            raise


@pytest.fixture(scope="module")
def accounts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.InfluxServer]:
    """A real InfluxDB 1 that asks who one is, with its first user."""
    folder = tmp_path_factory.mktemp("accounts")
    with servers.influxd(folder, auth=True) as (server, _process):
        query = urllib.parse.urlencode({"q": "CREATE USER admin WITH PASSWORD 'first' WITH ALL PRIVILEGES"})
        urllib.request.urlopen(f"{server.url}/query?{query}", data=b"", timeout=60).close()  # noqa: S310 - ours
        yield servers.given_influx(server.url, "admin:first", None, folder)


@pytest.fixture(params=[*kinds_of(2), "accounts"])
def lab(request: pytest.FixtureRequest, influxes: Influxes, tmp_path: Path) -> Lab:
    """A fieldlab on each server that can tell people apart."""
    try:
        server = (
            request.getfixturevalue("accounts") if request.param == "accounts" else influxes(request.param)
        )
    except servers.ServerMissingError as missing:
        pytest.skip(str(missing))
    made = Lab(tmp_path, server)
    store = made.store(server.token)
    version = store.server_version
    store.close()
    if request.param == "given" and not (2, 0) <= version < (3, 0):
        pytest.skip(f"the InfluxDB of FIELDLAB_TEST_INFLUX_URL is a {version[0]}.{version[1]}")
    return made


def test_each_may_do_what_it_must_and_nothing_else(lab: Lab) -> None:
    """Gateways only write raw data, a company only reads its own bucket, analytics does both in all."""
    told = lab.set_up("--tokens", lab.tokens)
    assert [line.split(":")[0].split(" only")[0].split(" reads")[0] for line in told] == [
        "gateway edge1", "gateway edge2", "analytics", "dashboards", "reports",
        f"company {lab.acme}", f"company {lab.beta}",
    ]  # fmt: skip
    assert all(": new; in " in line for line in told)
    for file in lab.tokens.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    everything = set(lab.buckets)
    expected = [
        ("analytics", everything, everything),  # first, so that there is something to read everywhere
        ("gateway-edge1", {"raw"}, set()),
        ("gateway-edge2", {"raw"}, set()),
        ("dashboards", set(), {"raw", "kpi"}),
        ("reports", set(), everything),
        (f"company-{lab.acme}", set(), {f"shared:{lab.acme}"}),
        (f"company-{lab.beta}", set(), {f"shared:{lab.beta}"}),
    ]
    assert {f.name for f in lab.tokens.iterdir()} == {f"{name}.token" for name, _, _ in expected}
    for name, write, read in expected:
        store = lab.store(lab.token(name))
        assert may(store, lab.buckets) == {"write": write, "read": read}, name
        store.close()


async def test_a_gateway_analytics_and_reports_work_with_their_own_tokens(lab: Lab) -> None:
    """Samples come through by a token that cannot read; figures are made by another, and told by a third."""
    lab.set_up("--tokens", lab.tokens)
    admin = str(lab.server.token_file)
    lab.path.write_text(lab.path.read_text().replace(admin, str(lab.tokens / "gateway-edge1.token")))
    site = load(lab.path)
    store = open_store(site)
    async with Pipeline(site, "edge1", store, now_ns=lambda: T0) as pipe:
        await pipe.accept([Sample("m1", "power", T0 + n * 10**9, 6.0) for n in range(60)])
        assert await pipe.drained(30)
        assert pipe.ledger() == Ledger(received=60, stored=60)
    store.close()
    assert fieldlab("kpi", lab.path, "--format", "json").returncode == 1  # not even by mistake
    text = lab.path.read_text()
    lab.path.write_text(text.replace("gateway-edge1.token", "analytics.token"))
    done = fieldlab("analytics", lab.path, "--recompute")
    assert (done.returncode, done.stderr) == (0, "")
    (row,) = json.loads(fieldlab("kpi", lab.path, "--format", "json").stdout)
    assert row["energy_kwh"] == pytest.approx(0.1, abs=0.002)
    lab.path.write_text(text.replace("gateway-edge1.token", "reports.token"))
    done = fieldlab("report", lab.path, "--week", "2026-W47", "--out", lab.path.parent / "reports")
    assert (done.returncode, done.stderr) == (0, "")
    assert "0.1" in next((lab.path.parent / "reports").glob("*-week-2026-W47-*.html")).read_text()
    assert fieldlab("analytics", lab.path, "--recompute").returncode == 1


async def test_what_a_token_may_no_longer_is_held_until_it_may_again(
    lab: Lab, caplog: pytest.LogCaptureFixture
) -> None:
    """Switched off, while samples come in: an alarm that says what to do. Switched on: all of them arrive."""
    lab.set_up("--tokens", lab.tokens)
    admin = str(lab.server.token_file)
    lab.path.write_text(lab.path.read_text().replace(admin, str(lab.tokens / "gateway-edge1.token")))
    site = load(lab.path)
    store = open_store(site)
    async with Pipeline(site, "edge1", store, now_ns=lambda: T0) as pipe:
        lab.switch("edge1", on=False)
        await pipe.accept([Sample("m1", "power", T0 + n * 10**9, 6.0) for n in range(60)])
        await until(lambda: "give the token the right to this bucket" in caplog.text)
        assert pipe.ledger() == Ledger(received=60, waiting=60)
        lab.switch("edge1", on=True)
        assert await pipe.drained(30)
        assert pipe.ledger() == Ledger(received=60, stored=60)
    store.close()


def test_twice_changes_nothing_and_names_them(lab: Lab) -> None:
    """The tokens stay, and are not told again; retention stays."""
    lab.set_up("--tokens", lab.tokens)
    before = {file.name: file.read_text() for file in lab.tokens.iterdir()}
    store = lab.store(lab.server.token)
    kept = store.kept_s()
    told = lab.set_up("--tokens", lab.tokens)
    assert len(told) == 7
    assert all(": there already (" in line for line in told)
    assert {file.name: file.read_text() for file in lab.tokens.iterdir()} == before
    assert store.kept_s() == kept
    assert kept[f"{lab.id}_raw"] == 400 * 86_400
    assert kept[f"{lab.id}_kpi"] is None
    store.close()


def test_without_a_folder_they_are_shown_once(lab: Lab) -> None:
    """What is shown works; the second time nothing is shown."""
    told = lab.set_up()
    assert all("shown only now: " in line for line in told)
    store = lab.store(told[2].rpartition(" ")[2])
    assert may(store, ["kpi"]) == {"write": {"kpi"}, "read": {"kpi"}}
    store.close()
    assert not any("shown" in line for line in lab.set_up())


def test_a_company_that_comes_later_is_let_in(lab: Lab) -> None:
    """Its own token is made, and analytics gets another, where one cannot be widened, for its bucket."""
    lab.configure(lab.acme)
    lab.set_up("--tokens", lab.tokens)
    before = lab.token("analytics")
    lab.configure(lab.acme, lab.beta)
    told = lab.set_up("--tokens", lab.tokens)
    analytics = next(line for line in told if line.startswith("analytics"))
    assert sum(": new; in " in line for line in told) == 1
    store, former = lab.store(lab.token("analytics")), lab.store(before)
    assert may(store, lab.buckets) == {"write": set(lab.buckets), "read": set(lab.buckets)}
    if store.server_version >= (2, 0):
        assert "new, for it opens more than before; in " in analytics
        assert "still opens what it did: delete it" in analytics
        assert may(former, lab.buckets)["write"] == set(lab.buckets[:3])
    else:
        assert "there already, opens more now" in analytics
        assert lab.token("analytics") == before
    assert all("there already (" in line for line in lab.set_up("--tokens", lab.tokens))
    store.close()
    former.close()


def test_a_removed_company_takes_its_token_with_it(lab: Lab) -> None:
    """Its bucket and whoever opened it alone; the other company's stays, and analytics goes on."""
    lab.set_up("--tokens", lab.tokens)
    analytics = lab.store(lab.token("analytics"))
    assert may(analytics, lab.buckets)["write"] == set(lab.buckets)
    done = fieldlab("company", "remove", lab.path, lab.acme)
    assert (done.returncode, done.stderr) == (0, "")
    assert (
        f"opened it alone: {'fieldlab ' if analytics.server_version >= (2, 0) else ''}{lab.id}" in done.stdout
    )
    gone = lab.store(lab.token(f"company-{lab.acme}"))
    with pytest.raises(StoreUnavailable, match="401"):
        gone.read(f"shared:{lab.acme}", "machine")
    left = lab.store(lab.token(f"company-{lab.beta}"))
    assert may(left, ["raw", "kpi", f"shared:{lab.beta}"]) == {"write": set(), "read": {f"shared:{lab.beta}"}}
    kept = lab.store(lab.server.token).kept_s()
    assert f"{lab.acme}_shared" not in kept
    assert f"{lab.beta}_shared" in kept
    for store in (analytics, gone, left):
        store.close()


def test_a_file_of_another_server_is_not_written_over(lab: Lab) -> None:
    """One message, before anything is made."""
    lab.tokens.mkdir()
    (lab.tokens / "analytics.token").write_text("of the old server\n")
    done = fieldlab("store", "setup", lab.path, "--tokens", lab.tokens)
    assert done.returncode == 2
    assert "analytics.token is there, but not of this server" in done.stderr
    assert (lab.tokens / "analytics.token").read_text() == "of the old server\n"
    (lab.tokens / "analytics.token").unlink()
    told = lab.set_up("--tokens", lab.tokens)
    assert [": new; in" in line for line in told] == [False, False, True, True, True, True, True]


def test_a_token_that_may_not_manage_is_told_what_it_takes(lab: Lab) -> None:
    """With analytics' own token, for a company that is new."""
    lab.configure(lab.acme)
    lab.set_up("--tokens", lab.tokens)
    store = lab.store(lab.token("analytics"))
    version = store.server_version
    store.close()
    lab.configure(lab.acme, lab.beta)
    text = lab.path.read_text().replace(str(lab.server.token_file), str(lab.tokens / "analytics.token"))
    lab.path.write_text(text)
    done = fieldlab("store", "setup", lab.path)
    assert done.returncode in {1, 2}
    assert ("may manage" in done.stderr or "knows no organisation" in done.stderr
            if version >= (2, 0) else "not authorized" in done.stderr)  # fmt: skip


def test_where_nobody_is_asked_who_they_are_there_are_none(influxes: Influxes, tmp_path: Path) -> None:
    """An InfluxDB 1 without accounts: said, and no error."""
    try:
        lab = Lab(tmp_path, influxes("influx1"))
    except servers.ServerMissingError as missing:
        pytest.skip(str(missing))
    done = fieldlab("store", "setup", lab.path, "--tokens", lab.tokens)
    assert (done.returncode, done.stderr) == (0, "")
    assert "tokens: none, for the server asks nobody who they are" in done.stdout
    assert not lab.tokens.exists()


def test_an_embedded_store_has_no_tokens(tmp_path: Path) -> None:
    """Wrong use, and nothing is made."""
    path = tmp_path / "lab.yaml"
    path.write_text("fieldlab: lab\ntimezone: UTC\nlines: []\nstore: {kind: embedded, path: lab.db}\n")
    done = fieldlab("store", "setup", path, "--tokens", tmp_path / "t")
    assert done.returncode == 2
    assert "--tokens: an embedded store has none" in done.stderr
