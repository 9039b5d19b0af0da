"""One spool and several stores: what each has, lacks and lost is its own affair."""

import asyncio
import json
import random
import signal
import sqlite3
import struct
import subprocess
import sys
import zlib
from contextlib import closing

import pytest

from ingest.account import DeadLetter, Gap, Ledger, Outcome
from ingest.embedded import EmbeddedStore
from ingest.errors import SpoolNewer, SpoolUnavailable
from ingest.frames import decode
from ingest.ledger import read_books
from ingest.pipeline import Pipeline
from ingest.resend import resend
from ingest.spool import Spool
from ingest.spool_schema import SCHEMA, schema_of
from ingest.store import Row
from tests.fieldlab.command import fieldlab
from tests.ingest.killed_gateway import TWO
from tests.ingest.sites import SMALL, small_site
from tests.ingest.test_failing_disk import batch as large
from tests.ingest.test_pipeline import IN_TIME_S, T0, Flaky, sample, until, values
from tests.ingest.test_spool import REPOSITORY, TAGS, batch, flip_a_payload_bit, patiently, run_and_kill

BOTH = ("store", "copy")


def opened(folder, stores=BOTH, max_bytes=100_000_000, **how):
    """A spool of several stores, open."""
    spool = Spool(folder, "g", max_bytes, stores=stores, **how)
    spool.open()
    return spool


def deliver(spool, store, most=10**9):
    """Deliver what waits for a store; the numbers of the batches, by their first time."""
    numbers = []
    while len(numbers) < most and (batches := patiently(lambda: spool.waiting(1, store))):
        numbers += [b.first_ns // 1000 for b in batches]
        patiently(lambda done=batches: spool.delivered(done, Outcome(), store))
    return numbers


def test_each_store_has_a_cursor_of_its_own(tmp_path):
    """One takes all, the other nothing: over a restart each gets exactly what it lacks."""
    spool = opened(tmp_path)
    for n in (1, 2, 3):
        spool.append([batch(n)])
    assert deliver(spool, "copy") == [1, 2, 3]
    assert deliver(spool, "store", 1) == [1]
    assert spool.ledgers() == {
        "store": Ledger(received=30, stored=10, waiting=20),
        "copy": Ledger(received=30, stored=30),
    }
    spool.close()
    spool = opened(tmp_path)
    assert deliver(spool, "copy") == []
    assert deliver(spool, "store") == [2, 3]
    assert spool.ledger("store") == spool.ledger("copy") == Ledger(received=30, stored=30)
    spool.close()


def test_a_batch_stays_until_every_store_has_it(tmp_path):
    """What one store has is not deleted while another lacks it; then it is."""
    spool = opened(tmp_path)
    for n in range(200):
        spool.append([large(n)])
    assert len(deliver(spool, "store")) == 200
    full = spool.used_bytes()
    assert len(deliver(spool, "copy")) == 200
    assert spool.used_bytes() < full / 2
    spool.close()


def test_a_store_that_is_added_begins_with_what_is_still_there(tmp_path):
    """Delivered ones that are kept for a while too; gaps are told to it; its account is whole."""
    spool = opened(tmp_path, ("store",))
    spool.append([batch(1), batch(2)], [DeadLetter("m1", "x", 1, b"?", "before")], [GAP])
    assert deliver(spool, "store", 1) == [1]
    spool.close()
    spool = opened(tmp_path)
    assert spool.ledger("store") == Ledger(received=21, stored=10, dead=1, waiting=10, gaps=1)
    assert spool.ledger("copy") == Ledger(received=20, waiting=20, gaps=1)
    assert list(spool.untold_gaps("copy").values()) == [GAP]
    spool.append([batch(3)], [DeadLetter("m1", "x", 2, b"?", "after")])
    assert deliver(spool, "copy") == [1, 2, 3]
    assert spool.ledger("copy") == Ledger(received=31, stored=30, dead=1, gaps=1)
    spool.close()
    assert read_books(tmp_path, "g", 10**8).stores["copy"].reasons == {"after": 1}
    spool = opened(tmp_path)  # nothing is missed that was never there
    assert spool.ledger("copy").gaps == 1
    spool.close()


GAP = Gap("m1", "none", "outage", 5, 9, 3)


def test_a_store_that_is_removed_holds_nothing_back(tmp_path, caplog):
    """What waited for it alone is deleted with the next delivery, and said; added again it begins anew."""
    spool = opened(tmp_path)
    for n in range(100):
        spool.append([large(n)])
    deliver(spool, "store")
    full = spool.used_bytes()
    spool.close()
    spool = opened(tmp_path, ("store",))
    assert "store copy is not in the config any more; 200000 samples" in caplog.text
    assert list(spool.ledgers()) == ["store"]
    spool.append([large(100)])
    deliver(spool, "store")
    assert spool.used_bytes() < full / 2
    spool.close()
    spool = opened(tmp_path)
    account = spool.ledger("copy")
    assert 0 < account.waiting == account.received < 200_000
    assert len(deliver(spool, "copy")) == account.waiting // 2000
    assert spool.ledger("copy").balances
    spool.close()


def test_full_only_those_lose_who_lack_it(tmp_path):
    """The oldest goes: a gap and dead for the store that is behind, nothing for the one that has it."""
    spool = opened(tmp_path, max_bytes=400_000, drops_oldest=True)
    taken = []
    for n in range(60):
        spool.append([large(n)])
        taken += deliver(spool, "copy")
    behind, ahead = spool.ledger("store"), spool.ledger("copy")
    assert ahead == Ledger(received=120_000, stored=120_000)
    assert len(taken) == 60
    assert spool.untold_gaps("copy") == {}
    gaps = spool.untold_gaps("store").values()
    assert behind.balances
    assert {(gap.machine, gap.reason) for gap in gaps} == {("m1", "spool-full")}
    assert sum(gap.count for gap in gaps) == behind.dead > 0
    assert len(deliver(spool, "store")) == behind.waiting // 2000
    assert spool.ledger("store").balances
    spool.close()


def test_a_damaged_batch_is_a_loss_for_those_who_lack_it(tmp_path):
    """One had it already; the other gets its neighbours, a gap, and a dead count."""
    spool = opened(tmp_path)
    for n in (1, 2, 3):
        spool.append([batch(n)])
    assert deliver(spool, "copy", 2) == [1, 2]
    spool.close()
    flip_a_payload_bit(tmp_path)
    spool = opened(tmp_path)
    assert deliver(spool, "store") == [1, 3]
    assert deliver(spool, "copy") == [3]
    assert spool.ledger("store") == Ledger(received=30, stored=20, dead=10, gaps=1)
    assert spool.ledger("copy") == Ledger(received=30, stored=30)
    assert spool.untold_gaps("copy") == {}
    spool.close()


def test_damage_found_by_one_store_while_another_has_the_batch_in_hand(tmp_path):
    """It is not stored and dead at once: the other is told to fetch again, and what it wrote counts then."""
    spool = opened(tmp_path)
    for n in (1, 2, 3):
        spool.append([batch(n)])
    in_hand = spool.waiting(100, "copy")
    flip_a_payload_bit(tmp_path)
    assert deliver(spool, "store") == [1, 3]
    with pytest.raises(SpoolUnavailable, match="delivering again"):
        spool.delivered(in_hand, Outcome(), "copy")
    assert deliver(spool, "copy") == [1, 3]
    assert spool.ledger("copy") == spool.ledger("store") == Ledger(received=30, stored=20, dead=10, gaps=1)
    spool.close()


@pytest.mark.parametrize("seed", range(6))
def test_whatever_order_things_happen_in_every_account_holds(tmp_path, seed):
    """Taken in, delivered, not delivered, full, closed, a store added and removed: checked after each."""
    rng = random.Random(seed)
    stores = list(BOTH)
    spool = opened(tmp_path, stores, 300_000, drops_oldest=True)
    had = {name: [] for name in ("store", "copy", "third")}
    n = 0
    for _ in range(60):
        step = rng.choice(("take", "take", "take", "deliver", "deliver", "fail", "reopen", "config"))
        name = rng.choice(stores)
        if step == "take":
            spool.append([large(n, 1000)])
            n += 1
        elif step == "deliver":
            batches = spool.waiting(rng.choice((1, 3000)), name)
            had[name] += [b.first_ns // 10**6 for b in batches]
            spool.delivered(batches, Outcome(), name)
        elif step == "fail":
            spool.waiting(3000, name)
        else:
            spool.close()
            if step == "config":
                stores = ["store", *rng.sample(["copy", "third"], rng.randrange(3))]
                for gone in had.keys() - set(stores):
                    had[gone] = []
            spool = opened(tmp_path, stores, 300_000, drops_oldest=True)
        for name, account in spool.ledgers().items():
            assert account.balances
            assert account.stored == 1000 * len(had[name])
            assert had[name] == sorted(set(had[name]))
    assert n > 15
    for name in stores:
        dead = spool.ledger(name).dead
        while batches := spool.waiting(5000, name):
            had[name] += [b.first_ns // 10**6 for b in batches]
            spool.delivered(batches, Outcome(), name)
        assert had[name][-1:] == [n - 1][:1]
        assert spool.ledger(name) == Ledger(
            received=1000 * len(had[name]) + dead,
            stored=1000 * len(had[name]),
            dead=dead,
            gaps=spool.ledger(name).gaps,
        )
    spool.close()


# -- a spool of before


OLD_TABLES = """
CREATE TABLE account (id INTEGER PRIMARY KEY CHECK (id = 1), received INTEGER NOT NULL,
    stored INTEGER NOT NULL, replaced INTEGER NOT NULL, dead INTEGER NOT NULL, waiting INTEGER NOT NULL,
    gaps INTEGER NOT NULL, last_seq INTEGER NOT NULL, cursor INTEGER NOT NULL, gone INTEGER NOT NULL,
    delivery_ns INTEGER NOT NULL, seal INTEGER NOT NULL);
CREATE TABLE batch (
    seq INTEGER PRIMARY KEY, at_ns INTEGER NOT NULL, samples INTEGER NOT NULL, replaced INTEGER NOT NULL,
    first_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL, crc INTEGER NOT NULL, seal INTEGER NOT NULL,
    payload BLOB NOT NULL);
CREATE TABLE dead (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at_ns INTEGER NOT NULL, origin TEXT NOT NULL,
    signal TEXT NOT NULL, time_ns INTEGER, content BLOB NOT NULL, reason TEXT NOT NULL);
CREATE TABLE gap (
    id INTEGER PRIMARY KEY AUTOINCREMENT, machine TEXT NOT NULL, signal TEXT NOT NULL, reason TEXT NOT NULL,
    start_ns INTEGER NOT NULL, end_ns INTEGER NOT NULL, count INTEGER NOT NULL,
    told INTEGER NOT NULL DEFAULT 0);
CREATE TABLE damaged (id INTEGER PRIMARY KEY, seq INTEGER, payload BLOB);
"""


def sealed(*numbers):
    """Numbers, and the checksum that went with them."""
    return (*numbers, zlib.crc32(struct.pack(f"<{len(numbers)}q", *numbers)))


def old_spool(folder):
    """As it was before there could be several stores: one of three batches delivered, one gap told of two."""
    folder.mkdir(exist_ok=True)
    db = sqlite3.connect(folder / "g.spool")
    db.execute("PRAGMA auto_vacuum = INCREMENTAL")
    db.execute("PRAGMA journal_mode = WAL")
    db.executescript(OLD_TABLES)
    account = (32, 9, 1, 2, 20, 2, 3, 1, 1, 77)  # received ... delivery_ns
    db.execute("INSERT INTO account VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", sealed(*account))
    for seq in (1, 2, 3):
        b = batch(seq)
        numbers = (b.samples, b.replaced, b.first_ns, b.last_ns, seq, 1000 + seq, zlib.crc32(b.payload))
        db.execute(
            "INSERT INTO batch (samples, replaced, first_ns, last_ns, seq, at_ns, crc, seal, payload)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*sealed(*numbers), b.payload),
        )
    for told in (1, 0):
        db.execute(
            "INSERT INTO gap (machine, signal, reason, start_ns, end_ns, count, told)"
            " VALUES ('m1', 'none', 'outage', 5, 9, 3, ?)",
            (told,),
        )
    for reason in ("not a number", "not JSON"):
        db.execute(
            "INSERT INTO dead (at_ns, origin, signal, time_ns, content, reason)"
            " VALUES (1, 'm1', 'power', 5, x'31', ?)",
            (reason,),
        )
    db.commit()
    db.close()
    numbers = (5, 3, 32, 9, 1, 2, 2, 1, 1, 3009)  # turn, seq, account, cursor, gone, latest
    mark = struct.pack("<10q", *numbers)
    slot = (mark + struct.pack("<I", zlib.crc32(mark))).ljust(512, b"\0")
    (folder / "g.mark").write_bytes(bytes(512) + slot)


def test_an_old_spool_is_brought_up_to_date(tmp_path):
    """Account, cursor, dead letters and gaps are as they were; what waited arrives, and at a second store."""
    old_spool(tmp_path)
    was = Ledger(received=32, stored=9, replaced=1, dead=2, waiting=20, gaps=2)
    from_outside = read_books(tmp_path, "g", 10**8)
    assert from_outside.ledger == was
    assert from_outside.reasons == {"not JSON": 1, "not a number": 1}
    spool = opened(tmp_path, ("store",))
    assert spool.ledger() == was
    assert spool.delivery_ns() == 77
    assert list(spool.untold_gaps()) == [2]
    assert len(spool.letters()) == 2
    spool.close()
    assert read_books(tmp_path, "g", 10**8).stores["store"].ledger == was
    spool = opened(tmp_path)
    assert deliver(spool, "store") == [2, 3]
    assert deliver(spool, "copy") == [1, 2, 3]
    spool.append([batch(4)])
    assert deliver(spool, "store") == deliver(spool, "copy") == [4]
    assert spool.ledger() == Ledger(received=42, stored=39, replaced=1, dead=2, gaps=2)
    spool.close()


@pytest.mark.parametrize("damage", ["account", "cut", "lost"])
def test_an_old_spool_that_is_damaged_is_brought_up_to_date_too(tmp_path, damage):
    """Its old mark still tells what is missing."""
    old_spool(tmp_path)
    if damage == "account":
        with sqlite3.connect(tmp_path / "g.spool") as db:
            db.execute("UPDATE account SET received = 5000")
    elif damage == "cut":
        content = (tmp_path / "g.spool").read_bytes()
        (tmp_path / "g.spool").write_bytes(content[: len(content) - 4096])
    else:
        (tmp_path / "g.spool").unlink()
    spool = opened(tmp_path)
    there = deliver(spool, "store")
    account = spool.ledger("store")
    assert account.balances
    assert account.received == 32
    assert account.stored + account.replaced == 10 + 10 * len(there)
    assert (account.gaps > 2) == (len(there) < 2)
    assert spool.ledger("copy").balances
    assert there == {"account": [2, 3], "lost": []}.get(damage, there)
    spool.close()


def test_a_mark_is_read_whichever_half_of_it_is_torn(tmp_path):
    """The move from the old layout to the new never leaves a moment without a whole one."""
    old_spool(tmp_path)
    before = (tmp_path / "g.mark").read_bytes()
    spool = opened(tmp_path)  # its first write
    spool.close()
    after = (tmp_path / "g.mark").read_bytes()
    assert after[:1024] == before
    spool = opened(tmp_path)
    spool.append([batch(4)])
    spool.append([batch(5)])
    spool.close()
    whole = (tmp_path / "g.mark").read_bytes()
    (tmp_path / "g.spool").unlink()
    for torn in (0, 4096):
        (tmp_path / "g.mark").write_bytes(whole[:torn] + bytes(4096) + whole[torn + 4096 :])
        spool = opened(tmp_path)
        assert spool.ledger("copy").received in (40, 50)
        assert spool.ledger("copy").dead > 0
        spool.close()
        for part in tmp_path.glob("g.spool*"):
            part.unlink()


# -- the whole way


@pytest.fixture
def stores(tmp_path):
    """Two embedded stores."""
    made = {name: EmbeddedStore(tmp_path / f"{name}.db", "lab") for name in ("lab", "copy")}
    yield made["lab"], made["copy"]
    for store in made.values():
        store.close()


def piped(folder, store, also, text=TWO):
    """A pipeline to both."""
    site = small_site(folder, "100MB", text)
    return Pipeline(site, "g", store, also={"copy": also}, now_ns=lambda: T0 + 10**12)


@pytest.mark.parametrize("away", ["store", "copy"])
async def test_a_store_that_is_away_holds_up_none_but_itself(tmp_path, stores, away):
    """The other has everything; each has its account; the one that was away catches up."""
    first, second = stores
    flaky = Flaky(first if away == "store" else second)
    flaky.down = True
    ways = (flaky, second) if away == "store" else (first, flaky)
    other, there = ("copy", second) if away == "store" else ("store", first)
    async with piped(tmp_path, *ways) as pipe:
        for begin in range(0, 500, 100):
            await pipe.accept([sample("total_count", t, float(t)) for t in range(begin, begin + 100)])
        await until(lambda: pipe.ledgers()[other].stored == 500)
        assert pipe.ledgers()[away] == Ledger(received=500, waiting=500)
        assert values(there, "total_count") == {t: float(t) for t in range(500)}
        assert not await pipe.drained(0.05)
        flaky.down = False
        assert await pipe.drained(IN_TIME_S)
        assert pipe.ledgers() == dict.fromkeys(("store", "copy"), Ledger(received=500, stored=500))
    assert values(flaky.inner, "total_count") == {t: float(t) for t in range(500)}


async def test_what_one_store_refuses_is_sent_again_to_that_one_alone(tmp_path, stores):
    """A dead letter knows its store; once that takes it, the other is not written to again."""
    first, second = stores
    tags = (("fieldlab", "lab"), ("line", "l1"), ("machine", "m2"))
    second.write("raw", [Row("machine", tags, "spindle_c_text", T0, 1.0)])  # texts are refused from now on
    async with piped(tmp_path, first, second) as pipe:
        await pipe.accept([sample("spindle_c", 2, "hot"), sample("spindle_c", 3, 3.0)])
        await pipe.undecodable("plc", "topic/x", b"\xff", "not JSON")
        assert await pipe.drained(IN_TIME_S)
        assert pipe.ledgers() == {
            "store": Ledger(received=3, stored=2, dead=1),
            "copy": Ledger(received=3, stored=1, dead=2),
        }
    (tmp_path / "lab.yaml").write_text(TWO)
    shown = fieldlab("ledger", tmp_path / "lab.yaml", "--dead")
    assert "gateway g, store store: samples received 3 = stored 2" in shown.stdout
    assert "gateway g, store copy: samples received 3 = stored 1" in shown.stdout
    assert "(store copy)" in shown.stdout
    (document,) = json.loads(fieldlab("ledger", tmp_path / "lab.yaml", "--dead", "--format", "json").stdout)
    assert document["dead"] == document["stores"]["store"]["dead"] == 1
    assert document["stores"]["copy"]["dead"] == 2
    assert [letter["store"] for letter in document["dead_letters"]].count("copy") == 1

    site = small_site(tmp_path, "100MB", TWO)
    mended = EmbeddedStore(tmp_path / "mended.db", "lab")
    notes = first.read("raw", "delivery")[0].time_ns.tolist()
    done = resend(site, "g")
    assert (done.waiting, done.left) == (1, {"a message that could not be read": 1})
    async with piped(tmp_path, first, mended) as pipe:
        assert await pipe.drained(IN_TIME_S)
        assert pipe.ledgers() == {
            "store": Ledger(received=3, stored=2, dead=1),
            "copy": Ledger(received=3, stored=2, dead=1),
        }
    assert first.read("raw", "delivery")[0].time_ns.tolist() == notes
    assert values(mended, "spindle_c_text") == {2: "hot"}
    mended.close()


async def test_a_letter_of_a_store_that_is_gone_is_left(tmp_path, stores):
    """It is not sent to the stores that there are, which have the sample; and it is said why."""
    first, second = stores
    tags = (("fieldlab", "lab"), ("line", "l1"), ("machine", "m2"))
    second.write("raw", [Row("machine", tags, "spindle_c_text", T0, 1.0)])
    async with piped(tmp_path, first, second) as pipe:
        await pipe.accept([sample("spindle_c", 2, "hot")])
        assert await pipe.drained(IN_TIME_S)
    done = resend(small_site(tmp_path, "100MB", SMALL), "g")
    assert done.waiting == 0
    assert done.left == {"store copy, which did not take them, is not in the config": 1}
    assert read_books(small_site(tmp_path).gateways["g"].spool.path, "g", 10**8).ledger.dead == 0


async def test_every_store_hears_how_all_of_them_do(tmp_path, stores):
    """Account and lag of each by name, in each; with one store there is nothing to tell apart."""
    flaky = Flaky(stores[1])
    flaky.down = True
    async with piped(tmp_path, stores[0], flaky) as pipe:
        await pipe.accept([sample("spindle_c", t, 1.0) for t in range(10)])
        await until(lambda: bool(stores[0].read("raw", "gateway_store")))
    tables = {table.tags["store"]: table for table in stores[0].read("raw", "gateway_store")}
    assert tables.keys() == {"store", "copy"}
    assert set(tables["copy"].columns) == {"received", "stored", "replaced", "waiting", "dead", "lag_s"}
    assert tables["copy"].columns["stored"].tolist() == [0.0]


async def complete(folder):
    """Run what was killed to its end; both stores then have all that was acknowledged, once."""
    acknowledged = [int(n) for n in (folder / "acknowledged").read_text().split()]
    wanted = {n + i for n in acknowledged for i in range(20)}
    first, second = EmbeddedStore(folder / "lab.db", "lab"), EmbeddedStore(folder / "copy.db", "lab")
    async with piped(folder, first, second) as pipe:
        assert await pipe.drained(IN_TIME_S)
        accounts = pipe.ledgers()
    for store, account in zip((first, second), accounts.values(), strict=True):
        (table,) = store.read("raw", "machine")
        numbers = table.columns["total_count"]
        assert (numbers == table.time_ns - 1000).all()
        assert wanted <= set(numbers.astype(int).tolist())
        assert account.balances
        assert account.stored == len(numbers)
        assert (account.dead, account.gaps, account.waiting) == (0, 0, 0)
        store.close()
    return accounts


async def test_killed_at_any_time_neither_store_lacks_or_doubles_anything(tmp_path):
    """Kill -9, again and again, with one store behind the other."""
    moments = random.Random(11)
    for _ in range(4):
        await asyncio.to_thread(run_and_kill, tmp_path, moments.uniform(0.05, 0.6), "two")
    await complete(tmp_path)


async def test_killed_between_the_two_cursors(tmp_path):
    """Both stores have it, one cursor says so and the other does not: written again, stored once."""
    command = [sys.executable, "-m", "tests.ingest.killed_gateway", str(tmp_path), "between"]
    done = await asyncio.to_thread(
        subprocess.run, command, cwd=REPOSITORY, stdout=subprocess.DEVNULL, timeout=IN_TIME_S, check=False
    )
    assert done.returncode == -signal.SIGKILL
    spool = opened(small_site(tmp_path).gateways["g"].spool.path)
    ahead, behind = spool.ledger("store"), spool.ledger("copy")
    spool.close()
    assert ahead.stored > behind.stored == 0
    accounts = await complete(tmp_path)
    assert accounts["store"].stored == accounts["copy"].stored


async def test_stores_can_be_changed_while_it_runs_by_name(tmp_path, stores):
    """Each cursor goes on with the store that has its name now; the one before is not written to any more."""
    first, second = stores
    flaky = Flaky(second)
    flaky.down = True
    other = EmbeddedStore(tmp_path / "other.db", "lab")
    async with piped(tmp_path, first, flaky) as pipe:
        await pipe.accept([sample("spindle_c", 1, 1.0)])
        await until(lambda: flaky.tries > 0)
        await pipe.adopt(small_site(tmp_path, "100MB", TWO), first, {"copy": other})
        tries = flaky.tries
        assert await pipe.drained(IN_TIME_S)
        assert pipe.ledgers()["copy"] == Ledger(received=1, stored=1)
        assert flaky.tries == tries
    assert values(other, "spindle_c") == {1: 1.0}
    other.close()


def test_frames_of_both_are_the_same(tmp_path):
    """Each store is given the same rows in the same order."""
    spool = opened(tmp_path)
    spool.append([batch(1), batch(2)])
    given = [[decode(b.payload).rows for b in spool.waiting(10**6, name)] for name in BOTH]
    assert given[0] == given[1]
    assert given[0][0][0] == Row("machine", TAGS, "power", 1000, 1000.0)
    spool.close()


def of_schema(folder, number, said=None):
    """A spool with a batch, marked as one of another schema."""
    spool = opened(folder, ("store",))
    spool.append([batch(1)])
    spool.close()
    with closing(sqlite3.connect(folder / "g.spool")) as db, db:
        db.execute(f"PRAGMA user_version = {number}")
        db.execute("UPDATE about SET schema = ?", (number if said is None else said,))
    return (folder / "g.spool").read_bytes()


def test_a_spool_of_a_newer_fieldlab_is_refused_and_left_as_it_is(tmp_path):
    """To the gateway and to `fieldlab ledger`; what waits in it arrives once the newer one is back."""
    was = of_schema(tmp_path, SCHEMA + 1)
    for _ in range(2):
        with pytest.raises(SpoolNewer, match=r"of a newer Fieldlab .*install the newer one again"):
            opened(tmp_path, ("store",))
    with pytest.raises(SpoolNewer, match="of a newer Fieldlab"):
        read_books(tmp_path, "g", 10**8)
    assert (tmp_path / "g.spool").read_bytes() == was
    assert not list(tmp_path.glob("*damaged*"))


@pytest.mark.parametrize(("number", "said"), [(SCHEMA + 1, SCHEMA), (SCHEMA, SCHEMA + 1), (SCHEMA - 1, None)])
def test_one_number_of_a_schema_alone_is_damage_and_in_nobodys_way(tmp_path, number, said):
    """A flipped bit must not keep a gateway from starting."""
    of_schema(tmp_path, number, said)
    spool = opened(tmp_path, ("store",))
    assert deliver(spool, "store") == [1]
    spool.close()
    with closing(sqlite3.connect(tmp_path / "g.spool")) as db:
        assert schema_of(db) == SCHEMA
