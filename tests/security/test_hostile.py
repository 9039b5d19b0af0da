"""Hostile input: what others can put into messages, files, names and certificates."""

from __future__ import annotations

import datetime as dt
import http.server
import io
import json
import logging
import resource
import subprocess
import sys
import tarfile
import time
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID

from dashboards import influxql
from dashboards.grafana import boards, render
from dashboards.html import el
from fieldlab.logs import Discreet, Lines
from fieldlab.output import render as printed
from fieldlab.output import table
from fieldlab_configs import parse
from gateways import sparkplug_payload
from gateways.errors import CertificateUnusable, Undecodable, Untrusted
from gateways.payload import MOST_BYTES, Field, Plan
from gateways.pki import Pki
from gateways.pki_facts import Names, describe, read
from gateways.sparkplug_schema import Payload
from ingest import influx_ql
from ingest.archive import MANIFEST, Manifest
from ingest.errors import ArchiveError
from ingest.influx_http import InfluxHttp
from tests import servers
from tests.dashboards.fakes import CONFIG
from tests.fieldlab.command import REPOSITORY, fieldlab
from tests.gateways.certificates import key
from tests.gateways.test_opcua_trust import trusting

MB = 1_000_000


# -- configuration


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: &a [x, x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}' if i else '*a'] * 9)}]\n"
                                    for i in range(9)), "aliases counted"),
        ("fieldlab: !!python/object/apply:os.system ['true']\n", "tags are not used here"),
        ("[" * 100_000, "nested deeper than"),
        ("fieldlab: a\nfieldlab: b\n", "stands here twice"),
        ("fieldlab: " + "x" * 3 * MB, "no configuration is that long"),
        ("fieldlab: a\ntimezone: UTC\ncell_s: " + "9" * 5000 + "\n", "cell_s: must be"),
    ],
    ids=["aliases", "tag", "deep", "twice", "huge", "number"],
)  # fmt: skip
def test_a_hostile_config_is_one_clear_message_in_bounded_time_and_memory(tmp_path, text, said) -> None:
    """In a process that may take 1 GB and ten seconds of processor time."""
    path = tmp_path / "lab.yaml"
    path.write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "fieldlab", "check", path], cwd=REPOSITORY, capture_output=True, text=True,
        check=False, preexec_fn=_bounded,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr) < 20_000


def _bounded() -> None:
    resource.setrlimit(resource.RLIMIT_DATA, (1 << 30, 1 << 30))
    resource.setrlimit(resource.RLIMIT_CPU, (10, 10))


# -- messages


@pytest.mark.parametrize(
    "content",
    [
        b'{"v": 1, "t": ' + b"1" * 4000 + b"}",
        b'{"v": 1, "t": -' + b"9" * 4000 + b"}",
        b'{"v": 1, "t": 1e400}',
        b'{"v": 1, "t": "' + b"9" * 4000 + b'"}',
        b'{"v": ' + b"9" * 4000 + b', "t": 1}',
        b"[" * 500_000,
        b'{"v":' * 100_000,
        b"x" * (MOST_BYTES + 1),
    ],
    ids=["time", "negative", "infinite", "text", "number", "deep", "objects", "long"],
)
def test_a_hostile_message_is_refused_and_nothing_else(content) -> None:
    """Anything but Undecodable would end the source's connection, and the broker would send it again."""
    began = time.process_time()
    try:
        records, wrong = Plan([Field("m", "x", ("v",), ("t",))]).read(content)
    except Undecodable:
        records, wrong = [], ["refused"]
    assert not records
    assert wrong
    assert time.process_time() - began < 2


def test_a_sparkplug_time_that_no_store_can_keep_is_as_if_not_told() -> None:
    """The largest that the wire can carry, of the message and of a metric; too many metrics are refused."""
    payload = Payload(timestamp=2**64 - 1, seq=0)
    payload.metrics.add(name="a", timestamp=2**64 - 1, is_historical=True)
    heard = sparkplug_payload.read(bytes(payload.SerializeToString()))
    assert heard.time_ns is None
    assert heard.metrics[0].time_ns is None
    with pytest.raises(Undecodable, match="500000 metrics; at most"):
        sparkplug_payload.read(b"\x12\x00" * 500_000)


@contextmanager
def answering(status: int, body: bytes) -> Iterator[str]:
    """A store that answers every question with a compressed body."""

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(204)
            self.send_header("X-Influxdb-Version", "1.8.0")
            self.end_headers()

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with suppress(OSError):
                self.wfile.write(body)

    with servers.answering(Answer) as url:
        yield url


@pytest.mark.parametrize("status", [200, 500])
def test_an_answer_of_the_store_that_unpacks_without_end_is_given_up(status) -> None:
    """1.2 GB in 1 MB: in a process that may take 1 GB it is one clear failure."""
    packer = zlib.compressobj(1, wbits=31)
    block = b"x" * MB
    bomb = b"".join(packer.compress(block) for _ in range(1200)) + packer.flush()
    code = (
        "import sys, resource; resource.setrlimit(resource.RLIMIT_DATA, (1 << 30, 1 << 30))\n"
        "from ingest.influx_http import InfluxHttp\nfrom ingest.store import StoreUnavailable\n"
        "try: list(InfluxHttp(sys.argv[1], None, None, 30.0).ask('d', 'SELECT 1'))\n"
        "except StoreUnavailable as error: print(str(error)[:200])"
    )
    with answering(status, bomb) as url:
        done = subprocess.run(
            [sys.executable, "-c", code, url], cwd=REPOSITORY, capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, done.stderr[-500:]
    assert done.stdout.startswith(url)


@pytest.mark.parametrize(
    "content", [b"PAR1" * 1000, b"\x00" * MB, b"time,machine,signal,value\n" + b"9" * 2 * MB]
)
def test_a_hostile_recording_is_one_clear_message(tmp_path, content) -> None:
    """No Parquet, no text, a line without end."""
    config = tmp_path / "lab.yaml"
    config.write_text(
        "fieldlab: lab\ntimezone: UTC\nlines: [{id: l, machines: [{id: m, ideal_cycle_time_s: 1}]}]\n"
    )
    for name in ("a.csv", "a.parquet", "a.shdr"):
        (tmp_path / name).write_bytes(content)
        done = fieldlab("kpi", config, "--input", f"m={tmp_path / name}")
        assert done.returncode in (0, 2), (name, done.stderr)
        assert len(done.stderr) < 2000


# -- archives and backups


def _archive(folder: Path, **part: object) -> Path:
    folder.mkdir(exist_ok=True)
    good = {"path": "raw/m1/2026-11-23.parquet", "bucket": "raw", "machine": "m1", "day": "2026-11-23",
            "tallies": {"machine": [1, 1]}, "sha256": "0" * 64}  # fmt: skip
    head = {"fieldlab_archive": 1, "fieldlab": "lab", "buckets": ["raw"], "start_ns": None, "end_ns": None}
    lines = [head, {**good, **part}, {"complete": True, "files": 1, "rows": 1}]
    (folder / MANIFEST).write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


@pytest.mark.parametrize(
    "part",
    [
        {"path": "../secret.parquet"},
        {"path": "/etc/passwd"},
        {"path": "raw/m1/../../../x"},
        {"day": "../../x", "path": "raw/m1/../../x.parquet"},
    ],
)
def test_a_manifest_cannot_lead_out_of_its_archive(tmp_path, part) -> None:
    """Only the paths that an export itself would have written."""
    assert Manifest(_archive(tmp_path / "good")).complete
    with pytest.raises(ArchiveError, match="which no export of ours has"):
        Manifest(_archive(tmp_path / "bad", **part))


@pytest.mark.parametrize("kind", ["parent", "absolute", "link"])
def test_a_backup_cannot_write_outside_of_where_it_is_unpacked(tmp_path, kind) -> None:
    """A tar file with a path or a link that leads out: one message, nothing written."""
    backup = tmp_path / "in" / "lab.backup"
    backup.parent.mkdir()
    outside = tmp_path / "outside"
    with tarfile.open(backup, "w") as tar:
        member = tarfile.TarInfo({"parent": "../../outside", "absolute": str(outside)}.get(kind, "a"))
        if kind == "link":
            member.type, member.linkname = tarfile.SYMTYPE, str(tmp_path)
            tar.addfile(member)
            member = tarfile.TarInfo("a/outside")
        member.size = 4
        tar.addfile(member, io.BytesIO(b"evil"))
    config = tmp_path / "lab.yaml"
    config.write_text(
        'fieldlab: lab\ntimezone: UTC\nlines: [{id: l, machines: [{id: m, ideal_cycle_time_s: 1}]}]\n'
        'store: {kind: influxdb, url: "http://127.0.0.1:9"}\n'
    )  # fmt: skip
    done = fieldlab("store", "restore", config, backup)
    assert done.returncode in (1, 2), done.stderr
    assert not outside.exists()
    assert len(done.stderr.splitlines()) == 1


# -- names in queries, pages, boards and files

EVIL = "x\"'; DROP DATABASE \"lab_raw\" -- \n<script>alert(1)</script>${__from} =cmd|' /C calc'!A0"


def test_a_name_stays_a_name_in_influxql() -> None:
    """Quotes, backslashes and line ends of a name or text end neither."""
    for quoted, mark in ((influxql.text(EVIL), "'"), (influx_ql.literal(EVIL), "'"),
                         (influxql.name(EVIL), '"'), (influx_ql.identifier(EVIL), '"')):  # fmt: skip
        inner = quoted[1:-1].replace("\\\\", "").replace("\\" + mark, "")
        assert (quoted[0], quoted[-1]) == (mark, mark)
        assert mark not in inner
        assert "\n" not in inner


@pytest.mark.service
def test_a_name_stays_a_name_in_a_real_influxdb(influxes) -> None:
    """Databases by hostile names are made under those names or refused, and no other is gone."""
    try:
        server = InfluxHttp(influxes("influx1").url, None, None, 10.0)
    except servers.ServerMissingError as missing:
        pytest.skip(str(missing))
    names = (
        "keep",
        'a" DROP DATABASE "keep',
        "b'; DROP DATABASE keep; --",
        'c\\" DROP DATABASE keep',
        "d\n;e",
    )
    try:
        for name in names:
            list(server.ask(None, f"CREATE DATABASE {influx_ql.identifier(name)}"))
        there = {row[0] for row in influx_ql.values(server, "SHOW DATABASES")}
        assert there & set(names) == set(names[:3])  # a backslash and a line end InfluxDB itself refuses
        assert not {name for name in there if "DROP" in name} - set(names)
    finally:
        for name in names:
            list(server.ask(None, f"DROP DATABASE {influx_ql.identifier(name)}"))
        server.close()


def test_names_from_the_config_are_texts_in_grafanas_boards() -> None:
    """JSON stays JSON, and every query of a board has its quotes in pairs."""
    name = json.dumps(EVIL.replace("\n", " "))
    text = CONFIG.replace("name: Freesbank 1", f"name: {name}")
    assert name in text
    for board in boards(parse(text), "en"):
        made = json.loads(json.dumps(render(board)))
        for panel in made["panels"]:
            for target in panel.get("targets", ()):
                assert "DROP" not in target["query"].upper().replace("DROPPED", "")


def test_names_are_escaped_in_html() -> None:
    """In texts and in attributes."""
    made = el("p", EVIL, title=EVIL)
    assert "<script" not in made
    assert made.count('"') == 2


def test_what_people_typed_is_no_formula_in_a_csv_of_the_command_line() -> None:
    """As in the app's own files; numbers stay numbers, and JSON stays what it is."""
    rows = [{"reason": "=cmd|' /C calc'!A0", "minutes": -1.5}, {"reason": "@SUM(A1)", "minutes": 2}]
    out = printed(rows, ["reason"], "csv")
    assert "'=cmd" in out
    assert "'@SUM" in out
    assert out.splitlines()[1].endswith(",-1.5")
    assert json.loads(printed(rows, ["reason"], "json")) == rows


@pytest.mark.parametrize("form", ["table", "json"])
def test_a_product_or_reason_that_a_terminal_would_obey_is_written_out(form) -> None:
    """It stays on its line, in columns and in JSON."""
    evil = "a\x1b[2J\x9b31m\nb\u2028c"
    out = table([{"reason": evil, "n": 1}], ["reason"], [("n", "number", "")], form)
    assert all(line.isprintable() for line in out.splitlines())
    assert len(out.splitlines()) == (2 if form == "table" else 1)
    if form == "json":
        assert json.loads(out)[0]["reason"] == evil


# -- lines of a log


def test_a_message_from_elsewhere_makes_one_line_of_the_log() -> None:
    """A name with a line end or a terminal's colours; a traceback keeps its lines."""
    form = Discreet(Lines())
    record = logging.LogRecord(
        "gateways", logging.WARNING, "", 0, "from %s", ("a\nERROR x: y\x1b[31m\r",), None
    )
    assert form.format(record) == "WARNING gateways: from a\\nERROR x: y\\x1b[31m\\r"
    try:
        raise ValueError("b")  # noqa: TRY301
    except ValueError:
        record.exc_info = sys.exc_info()
    assert len(form.format(record).splitlines()) > 2


def _certificate(*names: x509.NameAttribute) -> bytes:
    now = dt.datetime.now(dt.UTC)
    name = x509.Name(names)
    builder = x509.CertificateBuilder(name, name, key().public_key(), 5, now, now + dt.timedelta(days=9))
    return builder.sign(key(), hashes.SHA256()).public_bytes(serialization.Encoding.DER)


@pytest.mark.filterwarnings("ignore:Attribute's length")  # of making it
def test_what_is_odd_in_a_certificate_is_neither_a_warning_nor_a_line() -> None:
    """An empty country, as some PLCs have it; a name with a line end."""
    shown = _certificate(
        x509.NameAttribute(NameOID.COUNTRY_NAME, "", _validate=False),
        x509.NameAttribute(NameOID.COMMON_NAME, "plc\nERROR x"),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        said = describe(read(shown, "it"))
    assert (said.subject, said.issuer) == ("plc\\nERROR x", "plc\\nERROR x")


# -- certificates that were taken back


def test_a_revoked_certificate_is_refused_where_the_list_is(tmp_path) -> None:
    """By a gateway, and by OpenSSL; it can neither be renewed nor revoked twice, and its files stay."""
    folder = tmp_path / "pki"
    pki = Pki(folder)
    pki.init("lab")
    for name in ("plc1", "plc2"):
        pki.issue(name, "opcua", Names((f"urn:{name}",), (), ("127.0.0.1",)))
    shown = {name: (folder / "own" / f"{name}.der").read_bytes() for name in ("plc1", "plc2")}
    trust = trusting(folder)
    trust.check_server(shown["plc1"], "urn:plc1")
    done = fieldlab("pki", "revoke", folder, "plc1")
    assert (done.returncode, "is revoked" in done.stdout) == (0, True), done.stderr
    with pytest.raises(Untrusted, match="plc1 was revoked"):
        trust.check_server(shown["plc1"], "urn:plc1")
    trust.check_server(shown["plc2"], "urn:plc2")
    assert "nothing is changed" in fieldlab("pki", "revoke", folder, "plc1").stdout
    pki.renew("ca")
    assert pki.due(10_000) == ["ca", "plc2"]
    with pytest.raises(CertificateUnusable, match="was revoked: remove it and its key"):
        pki.renew("plc1")
    listed = fieldlab("pki", "list", folder)
    assert (listed.returncode, "is revoked" in listed.stdout) == (0, True)
    trust_ = [*("-CAfile", folder / "ca/ca.pem", "-crl_check", "-CRLfile", folder / "crl/ca.crl.pem")]
    for name, good in (("plc1", False), ("plc2", True)):
        done = subprocess.run(
            ["openssl", "verify", *trust_, folder / f"own/{name}.pem"], capture_output=True, check=False
        )
        assert (done.returncode == 0) == good, done.stderr
    assert fieldlab("pki", "revoke", folder, "nobody").returncode == 2
