"""Recordings: files as a store."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path

import numpy as np
import pytest

from fieldlab_configs import parse
from ingest.embedded import EmbeddedStore
from ingest.pipeline import Pipeline
from ingest.recording import RecordingError, RecordingStore
from ingest.samples import Sample
from ingest.store import Row
from tests.ingest.contract import Holding, ReadingContract, edges, flat, nearest, row
from tests.ingest.sites import small_site

M1 = (("fieldlab", "lab"), ("line", "l1"), ("machine", "m1"))
T = 1_795_392_000_000_000_000  # 2026-11-23T00:00:00Z
HEADER = "time,machine,signal,value,quality\n"
NIST = Path(__file__).parents[3] / "shared" / "data" / "nist_sms_testbed"


def recording(
    folder: Path, content: str | bytes, name: str = "r.csv", machine: str | None = None
) -> RecordingStore:
    """A recording with that content."""
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return RecordingStore(small_site(folder), [(machine, path)])


class TestRecordingStore(ReadingContract):
    """As much of the contract as a store that is read only can keep: all of reading."""

    @pytest.fixture
    def holding(self, tmp_path: Path) -> Holding:
        """A recording of rows."""
        machines = ", ".join(
            f"{{id: {m}, states: packml, signals:"
            " {power: {item: p}, state: {item: s}, good_count: {item: g}}}"
            for m in ("m1", "m2")
        )
        text = f"fieldlab: lab\ntimezone: Europe/Amsterdam\nlines: [{{id: l1, machines: [{machines}]}}]\n"
        site = parse(text, tmp_path / "lab.yaml")

        def recorded(rows: list[Row]) -> RecordingStore:
            lines = [
                f"{r.time_ns},{dict(r.tags)['machine']},{r.field.removesuffix('_text')},{r.value!s},\n"
                for r in rows
            ]
            (tmp_path / "r.csv").write_text(HEADER + "".join(lines))
            return RecordingStore(site, [(None, tmp_path / "r.csv")])

        return recorded

    def test_it_is_read_only(self, holding: Holding) -> None:
        """Other buckets are empty, and nothing can be written."""
        store = holding([row("power", 1, 1.0)])
        assert store.read("kpi", "machine") == []
        with pytest.raises(RecordingError):
            store.write("raw", [row("power", 1, 1.0)])


def numbers(store: RecordingStore, field: str = "total_count") -> dict[int, object]:
    """Values of a field by time."""
    return {t: v for (_, f, t), v in flat(store.read("raw", "machine")).items() if f == field}


def test_times_with_zones_fractions_and_plain_nanoseconds(tmp_path: Path) -> None:
    """Every way of writing a time, to the nanosecond."""
    store = recording(
        tmp_path,
        HEADER
        + "2026-11-23T00:00:00Z,m1,total_count,1,\n"
        + "2026-11-23T01:00:00.000000001+01:00,m1,total_count,2,\n"
        + "2026-11-22t19:00:00.123456789123-05:00,m1,total_count,3,\n"
        + f"{T + 2},m1,total_count,4,\n"
        + "2026-11-23 00:00:01z,m1,total_count,5,\n",
    )
    assert numbers(store) == {T: 1.0, T + 1: 2.0, T + 123_456_789: 3.0, T + 2: 4.0, T + 10**9: 5.0}
    assert store.dead == []
    assert (store.first_ns, store.last_ns, store.machines) == (T, T + 10**9, ["m1"])


def test_a_zone_that_no_clock_shows_is_no_time(tmp_path: Path) -> None:
    """A row four days off would stretch the whole range."""
    store = recording(
        tmp_path,
        HEADER + "2026-11-23T00:00:00Z,m1,total_count,1,\n2026-11-23T00:00:00+24:00,m1,total_count,2,\n",
    )
    assert numbers(store) == {T: 1.0}
    assert [d.where.rpartition(":")[2] for d in store.dead] == ["3"]


def test_csv_as_spreadsheets_write_it(tmp_path: Path) -> None:
    """A byte order mark, CRLF, quotes with commas and line ends in them, columns in any order, others too."""
    text = (
        'note,Signal,Machine,value,TIME\r\n"a, ""b""\r\nc",product,m1,"P ""1"", x",5\r\n'
        "z,total_count,m1,7,6\r\n,total_count,m1,x,9\r\n"
    )
    store = recording(tmp_path, b"\xef\xbb\xbf" + text.encode())
    assert numbers(store, "product_text") == {5: 'P "1", x'}
    assert numbers(store) == {6: 7.0}
    assert [d.where.rpartition(":")[2] for d in store.dead] == ["5"]


@pytest.mark.parametrize(
    ("times", "said"),
    [
        (("1767600000", "1767600060"), "seconds, add 000000000 to each"),
        (("1767600000000", "1767600060000"), "milliseconds, add 000000 to each"),
        (("1767600000000000", "1767600060000000"), "microseconds, add 000 to each"),
        (("1767600000000000000", "1767600060000000000"), None),
        (("1", "1767600060000"), None),
    ],
)
def test_whole_numbers_of_another_unit_are_said(tmp_path: Path, times, said) -> None:
    """Times are nanoseconds, as the contract has it; of a file that lies in 1970 altogether it is said."""
    rows = "".join(f"{time},m1,total_count,{n},\n" for n, time in enumerate(times))
    (heard,) = recording(tmp_path, HEADER + rows).complaints() or [None]
    assert (heard is None) is (said is None)
    assert (
        heard is None
        or heard == f"{tmp_path}/r.csv: its times lie in 1970: integers are nanoseconds; if these are {said}"
    )


def test_unsorted_rows_are_sorted_and_the_later_row_of_one_time_wins(tmp_path: Path) -> None:
    """In the file's own order, not in that of values."""
    store = recording(tmp_path, HEADER + "5,m1,total_count,9,\n1,m1,total_count,3,\n5,m1,total_count,4,\n")
    assert numbers(store) == {1: 3.0, 5: 4.0}


def test_a_later_file_wins_over_an_earlier_one(tmp_path: Path) -> None:
    """Several inputs are one recording."""
    for name, value in (("a.csv", 1), ("b.csv", 2)):
        (tmp_path / name).write_text(HEADER + f"5,m1,total_count,{value},\n{value},m1,total_count,0,\n")
    store = RecordingStore(small_site(tmp_path), [(None, tmp_path / "a.csv"), (None, tmp_path / "b.csv")])
    assert numbers(store) == {1: 0.0, 2: 0.0, 5: 2.0}


def test_bad_rows_end_a_value_and_carry_none(tmp_path: Path) -> None:
    """Bad by its quality or by UNAVAILABLE; quality is told on change."""
    store = recording(
        tmp_path,
        HEADER + "1,m1,state,6,\n2,m1,state,UNAVAILABLE,\n3,m1,state,7,BadSensorFailure\n4,m1,state,7,Good\n"
        "5,m1,state,8,uncertain\n6,m1,state,,bad\n",
    )
    assert numbers(store, "state") == {1: 6.0, 4: 7.0, 5: 8.0}
    (quality,) = store.read("raw", "quality")
    assert quality.time_ns.tolist() == [1, 2, 3, 4, 5, 6]
    assert quality.columns["code"].tolist() == ["good", "bad", "BadSensorFailure", "Good", "uncertain", "bad"]


def test_links_of_a_recording_stand_for_all_sources(tmp_path: Path) -> None:
    """A signal named link is a heartbeat, and needs no place in the config."""
    store = recording(tmp_path, HEADER + "1,m1,link,1,\n2,m1,link,0,\n")
    (link,) = store.read("raw", "link")
    assert link.tags == {"fieldlab": "lab", "gateway": "none", "machine": "m1", "source": "none"}
    assert link.columns["up"].tolist() == [1.0, 0.0]


def test_what_cannot_be_used_is_counted_with_its_line(tmp_path: Path) -> None:
    """No time, no zone, no number, cut short, too long, no value: each a dead letter, the rest is read."""
    store = recording(
        tmp_path,
        HEADER
        + "yesterday,m1,total_count,1,\n2026-11-23T00:00:00,m1,total_count,1,\n1,m1,total_count,many,\n"
        "2,m1,total_count,nan,\n3,m1\n\n4,m1,total_count,12,5,\n5,m1,product,,\n"
        "2026-02-30T00:00:00Z,m1,state,1,\n"
        "99999999999999999999,m1,state,1,\n6,m1,total_count,1_0,\n7,m1,total_count,8,\n",
    )
    assert numbers(store) == {7: 8.0}
    assert (store.first_ns, store.last_ns) == (7, 7)
    lines = sorted(int(d.where.rpartition(":")[2]) for d in store.dead)
    assert lines == [2, 3, 4, 5, 6, 8, 9, 10, 11, 12]
    assert store.dead_count == 10
    assert all(line.startswith(str(tmp_path / "r.csv:")) for line in store.complaints())


def test_what_the_config_does_not_know_is_left_out_and_said(tmp_path: Path) -> None:
    """Unknown machines and signals are counted, and do not stretch the recording."""
    store = recording(tmp_path, HEADER + "1,m9,state,1,\n2,m1,state,6,\n3,m1,humidity,40,\n")
    assert (store.first_ns, store.last_ns) == (2, 2)
    assert len(store.complaints()) == 2
    assert any("'m9'" in line for line in store.complaints())
    assert any("'humidity'" in line for line in store.complaints())


def test_shdr_pairs_devices_alarms_and_cut_lines(tmp_path: Path) -> None:
    """Several items on a line, a device before the name, alarms left alone, damaged lines counted."""
    text = (
        "2026-11-23T00:00:00Z|execution|ACTIVE|PartCount|5\n"
        "2026-11-23T00:00:01.5Z@60.0|dev1:PartCount|6\n"
        "* PING\n\n"
        "2026-11-23T00:00:02Z|system|FAULT|E12|3|HIGH|spindle hot\n"
        "2026-11-23T00:00:03|program|A12\n"
        "2026-11-23T00:00:04Z|PartCount|UNAVAILABLE\n"
        "2026-11-23T00:00:05Z|execution|READY|PartCount\n"
        "2026-11-23T00:00:06Z|PartCo\n"
        "2026-11-2\n"
        "noon|execution|READY\n"
        "2026-11-23T00:00:07Z|execution|\n"
        "2026-11-23T00:00:08Z|coolant|ON\n"
    )
    store = recording(tmp_path, text, "r.SHDR", "m1")
    assert numbers(store) == {T: 5.0, T + 1_500_000_000: 6.0}
    assert numbers(store, "state_text") == {T: "ACTIVE", T + 5 * 10**9: "READY"}
    assert numbers(store, "product_text") == {T + 3 * 10**9: "A12"}
    assert sorted(int(d.where.rpartition(":")[2]) for d in store.dead) == [8, 9, 10, 11, 12]
    assert (store.first_ns, store.last_ns) == (T, T + 5 * 10**9)


def test_parquet_has_the_same_columns(tmp_path: Path) -> None:
    """Timestamps of any unit, numbers for texts, missing values."""
    pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    from pyarrow import parquet  # noqa: PLC0415 - an extra

    moment = dt.datetime(2026, 11, 23, tzinfo=dt.UTC)
    table = pa.table(
        {
            "time": pa.array([moment, moment, None], pa.timestamp("us", "UTC")),
            "machine": ["m1"] * 3,
            "signal": ["total_count", "product", "state"],
            "value": [5.0, 11.0, 1.0],
            "quality": [None, "good", None],
        }
    )
    parquet.write_table(table, tmp_path / "r.parquet")
    store = RecordingStore(small_site(tmp_path), [(None, tmp_path / "r.parquet")])
    assert (numbers(store), numbers(store, "product_text")) == ({T: 5.0}, {T: "11"})
    assert store.dead_count == 1


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("missing.csv", None, "does not exist"),
        ("empty.csv", b"", "is empty"),
        ("header.csv", HEADER.encode(), "no row"),
        ("headless.csv", b"1,m1,state,6\n", "no column time"),
        ("semicolons.csv", b"time;machine;signal;value\n", "commas"),
        ("latin.csv", HEADER.encode() + "1,m1,state,\xe9\n".encode("latin-1"), "UTF-8"),
        ("binary.csv", bytes(range(256)) * 9, "not a text file"),
        ("book.xlsx", b"PK", "xlsx"),
        ("not.parquet", b"hello", "not a Parquet file"),
        ("whose.shdr", b"2026-11-23T00:00:00Z|execution|ACTIVE\n", "MACHINE="),
        ("other.csv", HEADER.encode() + b"1,m9,state,6,\n", "m9"),
        (
            "strange.csv",
            HEADER.encode() + b"1,m1,humidity,6,\n",
            "no sample of any signal.*'humidity' of machine m1",
        ),
        (
            "late.csv",
            HEADER.encode() + b"9223372036854775806,m1,state,6,\n",
            "beyond what nanoseconds can tell",
        ),
        ("nan.csv", HEADER.encode() + b"1,m1,total_count,nan,\n", "no sample of any signal.*nan.csv:2"),
        ("dead.csv", HEADER.encode() + b"x,m1,state,6,\n", "not a time"),
        (".", None, "folder"),
    ],
)
def test_a_file_that_cannot_be_used_says_what_to_do(
    tmp_path: Path, name: str, content: bytes | None, told: str
) -> None:
    """One clear message with the file's name."""
    if content is not None:
        (tmp_path / name).write_bytes(content)
    store = RecordingStore(small_site(tmp_path), [(None, tmp_path / name)])
    with pytest.raises(RecordingError, match=told) as error:
        store.read("raw", "machine")
    assert str(tmp_path / name) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_pipe_or_a_device_is_not_said_to_be_missing(tmp_path: Path) -> None:
    """A recording is read more than once."""
    os.mkfifo(tmp_path / "pipe.csv")
    for path in (tmp_path / "pipe.csv", Path("/dev/null")):
        with pytest.raises(
            RecordingError, match="is a device or a pipe, and a recording is read more than once"
        ):
            RecordingStore(small_site(tmp_path), [(None, path)]).read("raw", "machine")


def test_times_of_parquet_without_a_zone_are_taken_for_utc_and_that_is_said(tmp_path: Path) -> None:
    """Once; nothing is said of those with one."""
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet  # noqa: PLC0415 - an extra

    for zone in (None, "Europe/Amsterdam"):
        times = pa.array([T, T + 10**9], pa.timestamp("ns", zone))
        columns = {"time": times, "machine": ["m1"] * 2, "signal": ["total_count"] * 2, "value": [5.0, 6.0]}
        parquet.write_table(pa.table(columns), tmp_path / "r.parquet")
        store = RecordingStore(small_site(tmp_path), [(None, tmp_path / "r.parquet")])
        assert numbers(store) == {T: 5.0, T + 10**9: 6.0}
        said = [f"{tmp_path / 'r.parquet'}: column time has no zone: its times are taken for UTC"]
        assert store.complaints() == ([] if zone else said)


def test_reading_keeps_the_contract_of_stores(tmp_path: Path) -> None:
    """Ranges, tags, fields and neighbours, as of any store; nothing can be written."""
    rows = [(t, "m1", "total_count", float(t)) for t in range(0, 50, 7)]
    rows += [(t, m, "state", float(t % 3)) for t in range(0, 50, 5) for m in ("m1", "m2")]
    store = recording(tmp_path, HEADER + "".join(f"{t},{m},{s},{v},\n" for t, m, s, v in rows))
    truth = {((*M1[:2], ("machine", m)), s, t): v for t, m, s, v in rows}
    assert flat(store.read("raw", "machine")) == truth
    inside = {key: v for key, v in truth.items() if 7 <= key[2] < 35 and key[0] == M1 and key[1] == "state"}
    found = store.read("raw", "machine", start_ns=7, end_ns=35, where={"machine": "m1"}, fields=["state"])
    assert flat(found) == inside
    for time in (0, 7, 8, 49, 100):
        assert edges(store.last_before("raw", "machine", time)) == nearest(truth, time, before=True)
        assert edges(store.first_from("raw", "machine", time)) == nearest(truth, time, before=False)
    assert store.read("kpi", "atom") == []
    with pytest.raises(RecordingError):
        store.write("raw", [Row("machine", M1, "state", 1, 1.0)])


async def test_a_recording_gives_the_rows_that_a_gateway_would_have_stored(tmp_path: Path) -> None:
    """The same readings, once through spool and store, once from a file: the same tables."""
    readings = [
        (10, "state", 6.0, "good"),
        (11, "total_count", 5.0, "good"),
        (12, "state", "RUN", "uncertain"),
        (13, "product", "A12", "good"),
        (14, "total_count", None, "BadSensorFailure"),
        (15, "total_count", 6.0, "good"),
        (11, "total_count", 7.0, "good"),
        (16, "total_count", float("nan"), "good"),
    ]
    lines = [f"{t},m1,{signal},{'' if v is None else v},{q}\n" for t, signal, v, q in readings]
    file = recording(tmp_path, HEADER + "".join(lines))
    live = EmbeddedStore(tmp_path / "lab.db", "lab")
    async with Pipeline(small_site(tmp_path), "g", live, now_ns=lambda: T) as pipe:
        await pipe.accept([Sample("m1", s, t, v, q) for t, s, v, q in readings])
        assert await pipe.drained(20)
    for measurement in ("machine", "quality"):
        assert flat(file.read("raw", measurement)) == flat(live.read("raw", measurement))
    live.close()


@pytest.mark.skipif(
    not NIST.is_dir(), reason="the recordings of the NIST test bed are not beside the repository"
)
def test_the_nist_recordings_are_read_whole(tmp_path: Path) -> None:
    """Every Part_Count of the Hurco mill: 93 numeric readings, all else UNAVAILABLE."""
    text = (NIST / "hurco01_2017.shdr").read_text()
    rows = [line.split("|") for line in text.splitlines()]
    counts = [np.datetime64(r[0].rstrip("Z"), "ns") for r in rows if r[1] == "Part_Count"]
    want = [float(r[2]) for r in rows if r[1] == "Part_Count" and r[2] != "UNAVAILABLE"]
    store = recording(tmp_path, text.replace("|Part_Count|", "|PartCount|"), "h.shdr", "m1")
    got = list(numbers(store).values())
    assert len(want) == 93
    assert got == want
    assert store.dead == []
    assert (store.first_ns, store.last_ns) == (int(min(counts).astype(int)), int(max(counts).astype(int)))
