"""``fieldlab dashboards push``: twice changes nothing, broken off it is mended, no hand's work is lost."""

from __future__ import annotations

import os
import ssl
import stat
import threading
import uuid
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from dashboards.errors import GrafanaTrouble
from dashboards.grafana_api import Grafana
from dashboards.grafana_scope import uid
from gateways.pki_facts import Names
from tests.dashboards.grafana_double import ADMIN, Double, Refused, serving
from tests.fieldlab.command import Done, fieldlab
from tests.gateways.certificates import authorities
from tests.servers import free_port

URL, SECRET = "FIELDLAB_TEST_GRAFANA_URL", "FIELDLAB_TEST_GRAFANA_ADMIN"
CONFIG = """\
fieldlab: {lab}
name: Lab "1" / 🏭
timezone: Europe/Amsterdam
language: nl
lines:
  - id: l1
    machines:
      - {{id: m1, ideal_cycle_time_s: 10, states: packml,
         signals: {{state: {{item: a}}, total_count: {{item: b}}}}}}
companies:
  - {{id: {acme}, name: 'Acme "Fijn" / B.V. 🛠'}}
  - {{id: {beta}, name: O'Beta}}
experiments:
  - id: later
    company: {acme}
    question: Does 'it' "work" / 🌱?
    machines: [m1]
    arms:
      baseline: [{{start: 2031-01-06, end: 2031-01-11}}]
      trial: [{{start: 2031-01-13, end: 2031-01-18}}]
store: {{kind: influxdb, url: "http://127.0.0.1:8086", org: lab, token: {{env: INFLUX_TOKEN}}}}
"""


class Place:
    """A fieldlab with two companies, and the Grafana that it is pushed to."""

    def __init__(self, folder: Path, url: str, admin: str, double: Double | None) -> None:
        mark = uuid.uuid4().hex[:8]
        self.lab, self.acme, self.beta = f"lab{mark}", f"acme{mark}", f"beta{mark}"
        self.url, self.admin, self.double = url, admin, double
        self.config, self.tokens = folder / "lab.yaml", folder / "tokens"
        self.write(CONFIG.format(lab=self.lab, acme=self.acme, beta=self.beta))
        self.tokens.mkdir()
        for name in ("dashboards", f"company-{self.acme}", f"company-{self.beta}"):
            (self.tokens / f"{name}.token").write_text(f"secret-of-{name}\n")

    def write(self, text: str) -> None:
        """Another config."""
        self.config.write_text(text, encoding="utf-8")

    def push(self, *more: str, admin: bool = True) -> Done:
        """Run the command, with or without the server administrator's secret."""
        with pytest.MonkeyPatch.context() as patch:
            patch.delenv("GRAFANA_ADMIN", raising=False)
            if admin:
                patch.setenv("GRAFANA_ADMIN", self.admin)
            arguments = ("--grafana", self.url, "--tokens", str(self.tokens), *more)
            return fieldlab("dashboards", "push", self.config, *arguments)

    def inside(self, owner: str) -> Grafana:
        """The organisation of one, as its service account sees it."""
        key = (self.tokens / f"grafana-account-{owner}.token").read_text().strip()
        return Grafana(self.url, key, owner)

    def account(self, owner: str) -> Path:
        """The file of its service account's token."""
        return self.tokens / f"grafana-account-{owner}.token"


@pytest.fixture(params=["double", "real"])
def place(request, tmp_path) -> Iterator[Place]:
    """The double, and the real Grafana of FIELDLAB_TEST_GRAFANA_URL."""
    if request.param == "double":
        double = Double()
        with serving(double) as url:
            yield Place(tmp_path, url, ":".join(ADMIN), double)
    elif URL not in os.environ:
        pytest.skip(
            f"no Grafana: give its address in {URL}, and user:password of its administrator in {SECRET}"
        )
    else:
        made = Place(tmp_path, os.environ[URL], os.environ[SECRET], None)
        yield made
        user, _, password = made.admin.partition(":")
        admin = Grafana(made.url, (user, password), user)
        for org in admin.get("orgs", perpage=5000, page=1):
            if org["name"].endswith(tuple(f"({owner})" for owner in (made.lab, made.acme, made.beta))):
                admin.delete("orgs", str(org["id"]))


@pytest.fixture
def doubled(tmp_path) -> Iterator[Place]:
    """The double alone, for what no Grafana can be made to do."""
    double = Double()
    with serving(double) as url:
        yield Place(tmp_path, url, ":".join(ADMIN), double)


def board(place: Place, owner: str, screen: str) -> dict[str, Any]:
    """A dashboard as Grafana has it."""
    return place.inside(owner).get("dashboards", "uid", uid(owner, screen))


def test_each_company_has_an_organisation_of_its_own(place) -> None:
    """With its own bucket and no other, its dashboards, a team, and a service account of its own."""
    done = place.push()
    assert done.returncode == 0, done.stderr
    for owner, buckets, screens in (
        (place.lab, ["kpi", "raw"], ["fieldlab", "line", "machine", "energy", "experiment", "gateways"]),
        (place.acme, ["shared"], ["machine", "energy", "experiment"]),
        (place.beta, ["shared"], ["machine", "energy", "experiment"]),
    ):
        grafana = place.inside(owner)
        assert grafana.get("org")["name"].endswith(f"({owner})")
        for kind in buckets:
            source = grafana.get("datasources", "uid", uid(owner, kind))
            assert source["jsonData"]["dbName"] == f"{owner}_{kind}"
            assert source["access"] == "proxy"
            assert source["secureJsonFields"] == {"httpHeaderValue1": True}
            assert "secret" not in str(source)
        for screen in screens:
            assert board(place, owner, screen)["meta"]["folderUid"] == uid(owner, "folder")
        rights = grafana.get("folders", uid(owner, "folder"), "permissions")
        assert {r["permission"] for r in rights if r.get("role") != "Admin"} == {1}
        assert stat.S_IMODE(place.account(owner).stat().st_mode) == 0o600
    assert place.inside(place.acme).get("dashboards", "uid", uid(place.acme, "gateways")) is None


def test_nothing_of_one_company_is_in_the_organisation_of_another(place) -> None:
    """Neither by uid nor by what its service account may ask for."""
    place.push()
    beta = place.inside(place.beta)
    for kind, ident in (
        ("datasources", uid(place.acme, "shared")),
        ("dashboards", uid(place.acme, "machine")),
    ):
        assert beta.get(kind, "uid", ident) is None
    acme_org = place.inside(place.acme).get("org")["id"]
    if place.double is None:  # which has no data sources to ask anything of
        source = uid(place.acme, "shared")
        query = {"refId": "A", "datasource": {"uid": source}, "rawQuery": True, "query": "SHOW MEASUREMENTS"}
        with pytest.raises(GrafanaTrouble):
            beta.post("ds", "query", body={"queries": [query], "from": "now-1h", "to": "now"})
        assert beta.get("datasources", "proxy", "uid", source, "query", q="SHOW MEASUREMENTS") is None
    try:
        told = beta.get("org", org=acme_org)
    except GrafanaTrouble:
        return  # refused
    assert told["name"].endswith(f"({place.beta})")  # not heard: it stays where it is


def test_the_second_push_changes_nothing(place) -> None:
    """And needs no server administrator."""
    assert place.push().returncode == 0
    if place.double is not None:
        place.double.asked.clear()
    done = place.push(admin=False)
    assert (done.returncode, done.stdout) == (0, "everything is as it should be\n"), done.stderr
    if place.double is not None:
        assert place.double.writes() == []
        assert {who for who, _, _ in place.double.asked} == {"account"}


def test_the_server_administrator_is_asked_only_for_organisations(doubled) -> None:
    """And its secret is written nowhere."""
    doubled.push()
    asked = {path.split("/")[1] for who, _, path in doubled.double.asked if who == "admin"}
    assert asked == {"orgs", "serviceaccounts"}
    kept = "".join(p.read_text() for p in doubled.tokens.iterdir())
    assert ADMIN[1] not in kept
    assert doubled.double.org(doubled.acme).secrets == {
        uid(doubled.acme, "shared"): {"httpHeaderValue1": f"Token secret-of-company-{doubled.acme}"}
    }


def reset() -> None:
    raise ConnectionResetError


def unauthorised() -> None:
    raise Refused(401, "Invalid API key")


def test_broken_off_anywhere_the_next_push_mends_it(doubled) -> None:
    """After any number of requests: one message, no traceback, and in the end what a whole push makes."""
    whole = Double()
    with serving(whole) as url:
        assert fieldlab_push(doubled, url, doubled.tokens.parent / "other").returncode == 0
    steps = len(whole.asked)
    for after in [*range(0, 20, 3), *range(20, steps, 29)]:
        double = doubled.double
        double.reset()
        for path in doubled.tokens.glob("grafana-account-*"):
            path.unlink()
        double.fail_after, double.failure = after, (reset, unauthorised)[after % 2]
        broken = doubled.push()
        assert broken.returncode == 1, after
        assert len(broken.stderr.splitlines()) == 1, broken.stderr
        double.fail_after = None
        done = doubled.push()
        assert done.returncode == 0, (after, done.stderr)
        assert content(double) == content(whole), after
    assert doubled.push(admin=False).stdout == "everything is as it should be\n"


def fieldlab_push(place: Place, url: str, folder: Path) -> Done:
    """A push of the same fieldlab to another Grafana."""
    folder.mkdir()
    for path in place.tokens.iterdir():
        (folder / path.name).write_text(path.read_text())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRAFANA_ADMIN", place.admin)
        return fieldlab("dashboards", "push", place.config, "--grafana", url, "--tokens", folder)


def content(double: Double) -> list[Any]:
    """All that counts, without ids and versions."""
    return [
        (
            org.name,
            len(org.accounts),
            len(org.tokens),
            {key: {**s, "id": 0} for key, s in org.sources.items()},
            org.secrets,
            {key: f["title"] for key, f in org.folders.items()},
            [team["name"] for team in org.teams],
            {key: {**b["dashboard"], "id": 0, "version": 0} for key, b in org.boards.items()},
        )
        for org in double.orgs.values()
    ]


def test_a_dashboard_edited_by_hand_is_left_alone_and_the_difference_shown(place) -> None:
    """Until --force says otherwise; all others are brought up to date."""
    place.push()
    theirs = board(place, place.acme, "machine")["dashboard"]
    theirs["refresh"] = "5m"
    body = {"dashboard": theirs, "folderUid": uid(place.acme, "folder"), "overwrite": True}
    place.inside(place.acme).post("dashboards", "db", body=body)
    place.write(
        place.config.read_text(encoding="utf-8").replace(
            "timezone: Europe/Amsterdam", "timezone: Europe/Oslo"
        )
    )
    done = place.push()
    assert done.returncode == 1
    assert "was edited by hand and is left as it is" in done.stderr
    assert '-  "refresh": "30s",' in done.stderr
    assert '+  "refresh": "5m",' in done.stderr
    assert board(place, place.acme, "machine")["dashboard"]["refresh"] == "5m"
    assert board(place, place.acme, "energy")["dashboard"]["timezone"] == "Europe/Oslo"
    assert place.push("--force").returncode == 0
    again = board(place, place.acme, "machine")["dashboard"]
    assert (again["refresh"], again["timezone"]) == ("30s", "Europe/Oslo")
    assert place.push().stdout == "everything is as it should be\n"


def test_a_grafana_that_writes_json_its_own_way_is_no_hand(doubled) -> None:
    """What it keeps is remembered as it keeps it."""
    doubled.double.own_way = True
    assert doubled.push().returncode == 0
    assert doubled.push().stdout == "everything is as it should be\n"


def test_a_new_token_a_new_name_and_a_viewer_are_followed(place) -> None:
    """The organisation is found again by the company's id; an address is invited once."""
    place.push()
    (place.tokens / f"company-{place.acme}.token").write_text("reader:another-secret\n")  # as of 1.x
    place.write(place.config.read_text(encoding="utf-8").replace("O'Beta", "Beta & Zn."))
    place.account(place.beta).unlink()
    invite = ("--invite", f"{place.acme}=eva@acme.example")
    told = place.push(*invite).stdout
    assert f"data source {place.acme}_shared changed" in told
    assert f"Beta & Zn. ({place.beta}): organisation renamed" in told
    assert "eva@acme.example invited as a viewer" in told
    assert place.push(*invite).stdout == "everything is as it should be\n"
    invited = place.inside(place.acme).get("org", "invites")
    source = place.inside(place.acme).get("datasources", "uid", uid(place.acme, "shared"))
    assert (source["user"], source["secureJsonFields"]) == ("reader", {"password": True})
    assert [(i["email"], i["role"]) for i in invited] == [("eva@acme.example", "Viewer")]


def test_a_token_of_another_organisation_is_refused(place) -> None:
    """One company's data source must never be made in the organisation of another."""
    place.push()
    place.account(place.beta).write_text(place.account(place.acme).read_text())
    done = place.push()
    assert done.returncode == 1
    assert "opens the organisation" in done.stderr
    assert place.inside(place.acme).get("datasources", "uid", uid(place.beta, "shared")) is None


@pytest.mark.parametrize(
    ("spoil", "status", "said"),
    [
        (lambda p: p.push("--invite", "nobody=a@b.example"), 2, "must be WHO=E-MAIL"),
        (lambda p: p.push(admin=False), 1, "give user:password of a server administrator in GRAFANA_ADMIN"),
        (lambda p: (setattr(p, "admin", "admin:wrong"), p.push())[1], 1, "does not let the server admin"),
        (lambda p: (setattr(p, "admin", "nocolon"), p.push())[1], 2, "must be user:password"),
        (lambda p: (setattr(p, "url", "ftp://x"), p.push())[1], 2, "must be an address such as"),
        (lambda p: (setattr(p, "url", "http://"), p.push())[1], 2, "must be an address such as"),
        (lambda p: (setattr(p, "url", "http://[::1"), p.push())[1], 2, "must be an address such as"),
        (lambda p: (setattr(p, "url", "http://127.0.0.1:1"), p.push())[1], 1, "cannot be reached"),
        (lambda p: (setattr(p.double, "version", "9.5.2"), p.push())[1], 1, "is a Grafana 9.5.2; 11 or"),
        (lambda p: ((p.tokens / "dashboards.token").unlink(), p.push())[1], 2, "store setup"),
        (lambda p: ((p.tokens / "dashboards.token").write_text(""), p.push())[1], 2, "is empty"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_message(
    doubled, spoil: Callable[[Place], Done], status: int, said: str
) -> None:
    """What, where, what to do; and no secret in it."""
    done = spoil(doubled)
    assert (done.returncode, len(done.stderr.splitlines())) == (status, 1), done.stderr
    assert said in done.stderr
    assert "secret-of" not in done.stderr + done.stdout
    assert doubled.admin.partition(":")[2] not in done.stderr or doubled.admin == "nocolon"


@pytest.mark.parametrize("body", [b"<html>log in</html>", b"{}", b"[]"])
def test_another_server_is_told_from_a_grafana(doubled, body: bytes) -> None:
    """A login page, or the API of something else."""

    class Other(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Other) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        doubled.url = f"http://127.0.0.1:{server.server_port}"
        done = doubled.push()
        server.shutdown()
    assert (done.returncode, done.stderr) == (
        1, f"{doubled.url} does not answer like a Grafana: check the address\n",
    )  # fmt: skip


def test_an_embedded_store_cannot_be_pushed(doubled) -> None:
    """There is no server that Grafana could ask."""
    text = doubled.config.read_text(encoding="utf-8")
    doubled.write(text[: text.index("store:")] + "store: {kind: embedded, path: lab.db}\n")
    done = doubled.push()
    assert (done.returncode, "a store of kind influxdb" in done.stderr) == (2, True)


def test_what_goes_to_another_computer_in_clear_is_warned_of(doubled) -> None:
    """An administrator's password is read by whoever listens; on this computer nobody does."""
    said = {}
    for host in ("127.0.0.2", "127.0.0.1"):
        doubled.url = f"http://{host}:{free_port()}"
        said[host] = doubled.push().stderr.splitlines()
    assert [line.startswith("warning: --grafana: GRAFANA_ADMIN and tokens go to 127.0.0.2 in clear")
            for line in said["127.0.0.2"]] == [True, False]  # fmt: skip
    assert len(said["127.0.0.1"]) == 1
    assert "warning" not in said["127.0.0.1"][0]


@pytest.mark.parametrize(
    ("certificate", "authority", "told"),
    [
        ("expired", "lab", False),
        ("elsewhere", "lab", False),
        ("good", "stranger", False),
        ("good", "lab", True),
    ],
)
def test_a_grafana_that_is_not_who_it_should_be_is_told_nothing(
    doubled, tmp_path, monkeypatch, certificate, authority, told
) -> None:
    """Its certificate has ended, is of another host, or of another authority: one message, no password."""
    authorities(tmp_path / "pki", "good", Names((), ("grafana.example",), ("10.9.9.9",)))
    own = tmp_path / "pki" / "lab" / "own"
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "pki" / authority / "ca" / "ca.pem"))
    heard: list[str | None] = []

    class Ears(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.append(self.headers["Authorization"])
            self.send_error(503)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    trusted = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trusted.load_cert_chain(own / f"{certificate}.pem", own / f"{certificate}.key")
    with ThreadingHTTPServer(("127.0.0.1", 0), Ears) as server:
        server.socket = trusted.wrap_socket(server.socket, server_side=True)
        server.handle_error = lambda *_: None  # type: ignore[method-assign]
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        doubled.url = f"https://127.0.0.1:{server.server_port}"
        done = doubled.push()
        server.shutdown()
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1), done.stderr
    assert ("certificate" in done.stderr) is not told
    assert bool(heard) is told
    assert all((word or "").startswith("Basic ") for word in heard)
