"""What a spool does that is nearly full, what its dead letters can become, and how it survives a cut file."""

import datetime as dt
import json
import logging
import os
import random
import shutil
import sqlite3

import pytest

from ingest.account import DeadLetter, Gap, Outcome
from ingest.embedded import EmbeddedStore
from ingest.errors import SpoolLocked, SpoolUnavailable
from ingest.frames import SAMPLE, encode
from ingest.ledger import read_books
from ingest.pipeline import Ledger, Pipeline
from ingest.resend import resend
from ingest.room import Alarm, Room
from ingest.spool import Spool
from ingest.store import Row
from tests.fieldlab.command import RECORDINGS, fieldlab
from tests.ingest.sites import SMALL, small_site
from tests.ingest.test_failing_disk import batch as large
from tests.ingest.test_pipeline import IN_TIME_S, T0, Flaky, sample, values
from tests.ingest.test_spool import batch, deliver_all, opened


@pytest.fixture
def store(tmp_path):
    """An embedded store."""
    made = EmbeddedStore(tmp_path / "lab.db", "lab")
    yield made
    made.close()


def test_full_it_drops_the_oldest_where_told_to_and_says_what(tmp_path):
    """The newest stay; what went is a gap with its reach and count, and dead in the account."""
    spool = Spool(tmp_path, "g", 400_000, drops_oldest=True)
    spool.open()
    for n in range(60):
        spool.append([large(n)])
    account = spool.ledger()
    kept = account.waiting // 2000
    assert account.balances
    assert account.received == 120_000
    assert 5 < kept < 55
    assert account.dead == 120_000 - account.waiting
    gaps = list(spool.untold_gaps().values())
    assert {gap.reason for gap in gaps} == {"spool-full"}
    assert {gap.machine for gap in gaps} == {"m1"}
    assert sum(gap.count for gap in gaps) == account.dead
    assert gaps[0].start_ns == 0
    assert gaps[-1].end_ns == (60 - kept - 1) * 10**6 + 2000
    rows = deliver_all(spool)
    assert sorted({row.time_ns // 10**6 for row in rows}) == list(range(60 - kept, 60))
    assert spool.ledger().stored == kept * 2000
    assert spool.ledger().balances
    spool.close()


def test_what_is_on_its_way_to_the_store_is_not_dropped(tmp_path):
    """Handed out and then delivered, it is stored; never dead and stored at once."""
    spool = Spool(tmp_path, "g", 400_000, drops_oldest=True)
    spool.open()
    spool.append([large(0)])
    on_its_way = spool.waiting(1)
    for n in range(1, 60):
        spool.append([large(n)])
    spool.delivered(on_its_way, Outcome())
    account = spool.ledger()
    assert account.balances
    assert account.stored == 2000
    deliver_all(spool)
    assert spool.ledger().balances
    assert spool.ledger().waiting == 0
    spool.close()
    spool.open()
    assert spool.ledger().balances
    assert spool.ledger().gaps == len(spool.untold_gaps())
    spool.close()


async def test_dead_letters_live_again_once_the_config_knows_their_signal(tmp_path, store):
    """A letter that died of an unknown signal waits again; one that could not be read stays."""
    flaky = Flaky(store)
    async with Pipeline(small_site(tmp_path, "100MB"), "g", flaky, now_ns=lambda: T0) as pipe:
        await pipe.accept([sample("spindle_c", 1, 1.0), sample("new_one", 2, 7.5), sample("new_one", 3, 8.5)])
        await pipe.undecodable("plc", "topic/x", b"\\xff", "not JSON")
        assert await pipe.drained(IN_TIME_S)
        assert pipe.ledger() == Ledger(received=4, stored=1, dead=3)
        with pytest.raises(SpoolLocked):
            resend(small_site(tmp_path, "100MB"), "g")
    text = SMALL.replace("spindle_c:", "new_one: {source: broker, topic: lab/new}\n          spindle_c:", 1)
    site = small_site(tmp_path, "100MB", text=text)
    done = resend(site, "g")
    assert (done.waiting, done.left) == (2, {"a message that could not be read": 1})
    async with Pipeline(site, "g", store, now_ns=lambda: T0) as pipe:
        assert await pipe.drained(IN_TIME_S)
        assert pipe.ledger() == Ledger(received=4, stored=3, dead=1)
    assert values(store, "new_one") == {2: 7.5, 3: 8.5}
    assert resend(site, "g").waiting == 0


def test_a_quarter_left_is_said_once_and_its_end_too(caplog):
    """The alarm does not chatter around its limit."""
    alarm = Alarm("edge")
    with caplog.at_level(logging.WARNING):
        for used in (10, 74, 76, 74, 90, 72, 69, 10):
            alarm.look(Room(used, 100, 5.0))
    said = [r.getMessage() for r in caplog.records]
    assert len(said) == 2
    assert "76 % full, enough for 4.8 more hours" in said[0]
    assert "room again" in said[1]


def test_how_long_the_room_lasts():
    """What is left, at the rate of late."""
    assert Room(200, 1000, 100.0).autonomy_h == 8
    assert Room(2000, 1000, 100.0).autonomy_h == 0
    assert Room(0, 1000, None).autonomy_h is None


def recorded_rows(path):
    """Every reading of an SHDR recording as the row that it is in a store."""
    tags = (("fieldlab", "lab"), ("line", "l1"), ("machine", "m1"))
    found = []
    for line in path.read_text(errors="replace").splitlines():
        stamp, *pairs = line.split("|")
        for item, value in zip(pairs[::2], pairs[1::2], strict=False):
            seconds, _, part = stamp.removesuffix("Z").partition(".")
            at = dt.datetime.fromisoformat(seconds + "+00:00")
            time_ns = int(at.timestamp()) * 10**9 + int(part.ljust(9, "0")[:9] or 0)
            try:
                found.append(Row("machine", tags, item, time_ns, float(value)))
            except ValueError:
                found.append(Row("machine", tags, f"{item}_text", time_ns, value))
    return found


def test_autonomy_is_measured_by_what_a_spool_takes_on_disk(tmp_path, monkeypatch):
    """From within and from outside: bytes of pages, not of payloads, over the time in which they came."""
    now = iter(range(T0, T0 + 10**18, 36 * 10**9))  # a batch every 36 s: a hundred an hour
    monkeypatch.setattr("ingest.spool.time.time_ns", lambda: next(now))
    spool = Spool(tmp_path, "g", 100_000_000)
    spool.open()
    empty = spool.used_bytes()
    assert spool.room().autonomy_h is None
    for n in range(101):
        spool.append([large(n)])
    took = spool.used_bytes() - empty
    room = spool.room()
    assert room.waiting_bytes == pytest.approx(took, rel=0.1)
    assert room.bytes_per_h == pytest.approx(took, rel=0.1)
    assert room.autonomy_h == pytest.approx((room.max_bytes - took) / took, rel=0.15)
    assert read_books(tmp_path, "g", 100_000_000).room == room
    deliver_all(spool)
    assert spool.room().waiting_bytes == 0
    spool.close()


@pytest.mark.parametrize(("size", "max_bytes"), [(20, 150_000), (2000, 600_000)])
def test_the_alarm_comes_before_the_spool_is_full(tmp_path, caplog, size, max_bytes):
    """Of small batches and of large ones: about a quarter of what it can take is left when it is raised."""
    spool, alarm, taken, raised, full = Spool(tmp_path, "g", max_bytes), Alarm("g"), 0, None, ""
    spool.open()
    while not full:
        try:
            spool.append([large(taken, size)])
        except SpoolUnavailable as error:
            full = str(error)
        taken += 1
        alarm.look(spool.room())
        if raised is None and caplog.records:
            raised = taken
    assert "is full" in full
    assert 0.6 * taken < raised < 0.9 * taken
    spool.close()


@pytest.mark.parametrize("recorded", ["hurco01_2017.shdr", "gfagie01_2016.shdr"])
def test_values_of_real_machines_take_few_bytes(tmp_path, recorded):
    """Two recorded machine tools, in batches small and large: at most 16 bytes a value, names and all."""
    path = RECORDINGS / recorded
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    rows = recorded_rows(path)
    assert len(rows) > 2000
    for size in (20, 100, 1000):
        whole = range(0, len(rows) - size, size)
        taken = [len(encode(rows[begin : begin + size], [SAMPLE] * size)) for begin in whole]
        assert sum(taken) / (size * len(whole)) <= 16, size


FRAME = 24 + 4096
"""Of SQLite's log: a head, and a page."""
EDGES = (0, 1, 23, 24, 25, FRAME - 1, FRAME)


@pytest.mark.parametrize("part", ["g.spool-wal", "g.mark"])
def test_cut_at_any_byte_it_starts_and_every_loss_is_counted(tmp_path, part):
    """The last batch's frames, cut short: it is there whole, or it is known to be missing."""
    live, cut = tmp_path / "live", tmp_path / "cut"
    spool = opened(live)
    spool.append([batch(1)])
    spool.append([batch(2)])
    before = (live / "g.spool-wal").stat().st_size
    spool.append([batch(3)])
    whole = (live / part).read_bytes()
    first = before if part == "g.spool-wal" else 0
    seen = set()
    # Every byte of the last frame takes minutes; its edges, and every 97th byte of them all, take seconds.
    last = len(whole) - FRAME if part == "g.spool-wal" else 0
    edges = range(FRAME + 1) if "FIELDLAB_TEST_EVERY_BYTE" in os.environ else EDGES
    lengths = {*range(first, len(whole), 97), *(last + edge for edge in edges)}
    for length in sorted(n for n in lengths if first <= n <= len(whole)):
        shutil.rmtree(cut, ignore_errors=True)
        shutil.copytree(live, cut)
        (cut / "g.spool-shm").unlink()
        (cut / part).write_bytes(whole[:length])
        again = opened(cut)
        rows = deliver_all(again)
        account = again.ledger()
        assert account.balances, length
        assert account.received == 30, length
        assert account.stored == len(rows), length
        assert account.dead == 30 - len(rows), length
        assert (account.gaps > 0) == (len(rows) < 30), length
        seen.add(len(rows))
        again.close()
    spool.close()
    assert seen == ({20, 30} if part == "g.spool-wal" else {30})


def test_flipped_bits_in_the_log_are_no_silent_loss(tmp_path):
    """SQLite drops the rest of a damaged log without a word; the mark knows."""
    live, cut = tmp_path / "live", tmp_path / "cut"
    spool = opened(live)
    for n in range(1, 6):
        spool.append([batch(n)])
    whole = bytearray((live / "g.spool-wal").read_bytes())
    rng = random.Random(3)
    for _ in range(40):
        shutil.rmtree(cut, ignore_errors=True)
        shutil.copytree(live, cut)
        (cut / "g.spool-shm").unlink()
        spoilt = bytearray(whole)
        spoilt[rng.randrange(len(spoilt))] ^= 1 << rng.randrange(8)
        (cut / "g.spool-wal").write_bytes(spoilt)
        again = opened(cut)
        rows = deliver_all(again)
        account = again.ledger()
        assert all(row.value == float(row.time_ns) for row in rows)
        assert account.balances
        assert (account.received, account.stored, account.dead) == (50, len(rows), 50 - len(rows))
        again.close()
    spool.close()


def test_the_ledger_shows_dead_letters_and_the_room(tmp_path):
    """By hand and by machine; a running gateway is said in words."""
    (tmp_path / "lab.yaml").write_text(SMALL)
    folder = small_site(tmp_path, "100MB").gateways["g"].spool.path
    spool = Spool(folder, "g", 100_000_000)
    spool.open()
    letter = DeadLetter("m1", "total_count", T0, b"warm", "not a number")
    spool.append([batch(1)], [letter], [Gap("m1", "none", "outage", 1, 2, 3)])
    running = fieldlab("ledger", tmp_path / "lab.yaml", "--resend")
    assert running.returncode == 2
    assert "in use by another gateway process" in running.stderr
    spool.close()
    shown = fieldlab("ledger", tmp_path / "lab.yaml", "--dead")
    assert shown.returncode == 1
    assert "m1.total_count  'warm'  not a number" in shown.stdout
    (document,) = json.loads(fieldlab("ledger", tmp_path / "lab.yaml", "--dead", "--format", "json").stdout)
    assert document["dead_letters"][0]["content"] == "warm"
    assert document["waiting_bytes"] > 0
    assert document["autonomy_h"] is None
    again = fieldlab("ledger", tmp_path / "lab.yaml", "--resend", "--reason", "not a number")
    assert "0 dead letters wait again" in again.stdout
    with sqlite3.connect(folder / "g.spool") as db:
        assert db.execute("SELECT count(*) FROM dead").fetchone() == (1,)


def test_a_spool_that_was_cut_off_when_it_was_made_says_so_and_is_made_by_the_gateway(tmp_path):
    """A full disk leaves a file without a table."""
    (tmp_path / "g.spool").touch()
    with pytest.raises(SpoolUnavailable, match=r"is empty: .* starting the gateway makes it"):
        read_books(tmp_path, "g", 100_000_000)
    opened(tmp_path).close()
    assert read_books(tmp_path, "g", 100_000_000).ledger.balances
