"""Recordings through real servers."""

from __future__ import annotations

import asyncio
import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from asyncua import Client

from fieldlab_configs import Site, load, parse
from ingest.recording import RecordingError
from simulator.errors import CannotSimulate
from simulator.opcua_space import moment
from simulator.replay import AHEAD_NS, Replay
from tests.servers import MosquittoServer
from tests.simulator.listeners import Heard, free_port, listen, subscriber, until
from tests.simulator.sites import MONDAY_8, line

RECORDED = Path("fieldlab_configs/examples/recorded.yaml")
HURCO = Path("../shared/data/nist_sms_testbed/hurco01_2017.shdr")

CSV = """time,machine,signal,value,quality
2026-01-05T07:00:00Z,mill,state,6,
2026-01-05T07:00:00Z,mill,total_count,100,
2026-01-05T07:00:10Z,mill,product,a,
2026-01-05T07:00:20Z,mill,state,,BadSensorFailure
2026-01-05T07:00:30.000001Z,mill,state,6,
2026-01-05T07:00:31Z,mill,power,3.5,UncertainLastUsableValue
2026-01-29T07:00:00Z,mill,total_count,150.5,
2026-01-29T07:00:00Z,pack,state,RUN,
2026-01-29T07:00:00Z,pack,good_count,12,
"""


def at_free_ports(site: Site) -> Site:
    (name,) = site.sources
    source = site.sources[name].model_copy(update={"endpoint": f"opc.tcp://127.0.0.1:{free_port()}"})
    return site.model_copy(update={"sources": {name: source}})


def good(heard: Heard, name: str) -> list[tuple[Any, Any]]:
    """Good values of a signal, each with its time."""
    return [(value, stamp) for value, status, stamp in heard.of(name) if status == "Good"]


@pytest.mark.skipif(not HURCO.exists(), reason="the recordings of the NIST SMS Test Bed are not there")
async def test_a_recorded_mill_arrives_reading_by_reading() -> None:
    """93 readings of the part counter, 13 of them spurious zeros: 1418 parts, as published."""
    site = at_free_ports(load(RECORDED))
    heard = Heard()
    async with Replay(site, [("hurco01", HURCO)]) as replay:
        running = asyncio.create_task(replay.run())
        async with Client(site.sources["replay"].endpoint) as client:
            await listen(client, site, "hurco01", heard, source="replay")
            await asyncio.sleep(0.3)
            assert not running.done()  # one machine of two is watched: it waits for the other
            await listen(client, site, "gfagie01", heard, source="replay")
            await asyncio.wait_for(running, 120)
            await until(lambda: len(good(heard, "total_count")) >= 93)
    counts = good(heard, "total_count")
    values = [value for value, _ in counts]
    assert len(values) == 93
    assert values.count(0) == 13
    parts = [value for value in values if value]
    assert (parts[0], parts[-1], parts == sorted(parts)) == (2379, 3797, True)
    assert counts[0][1] == dt.datetime(2017, 2, 2, 12, 43, 31, 406250, tzinfo=dt.UTC)


@pytest.mark.service
async def test_values_qualities_and_times_of_a_csv_come_through_both_protocols(
    tmp_path: Path, mosquitto: MosquittoServer, topics: str
) -> None:
    """Bad is Bad, Uncertain keeps its value, text is text, and nothing is rounded."""
    path = tmp_path / "recording.csv"
    path.write_text(CSV)
    site = line(plc=free_port(), broker=mosquitto.port, topics=topics)
    heard = Heard()
    async with (
        Replay(site, [(None, path)]) as replay,
        Client(site.sources["plc"].endpoint) as client,
        subscriber(mosquitto.port, topics) as inbox,
    ):
        await listen(client, site, "mill", heard)
        await asyncio.wait_for(replay.run(), 120)
        await until(lambda: bool(inbox.of("t/pack/count")) and bool(inbox.of("t/pack/state")))
        wanted = {"state": 4, "total_count": 3, "product": 2, "power": 2}  # with that there is none yet
        await until(lambda: all(len(heard.of(name)) >= count for name, count in wanted.items()))
    assert [row[:2] for row in heard.of("state")[1:]] == [
        (6.0, "Good"),
        (None, "BadSensorFailure"),
        (6.0, "Good"),
    ]
    assert heard.of("state")[-1][2] == moment(MONDAY_8 + 30_000_001_000)
    assert [row[0] for row in heard.of("total_count")[1:]] == [100, 150.5]
    assert [row[:2] for row in heard.of("product")[1:]] == [("a", "Good")]
    assert [row[:2] for row in heard.of("power")[1:]] == [(3.5, "UncertainLastUsableValue")]
    assert inbox.of("t/pack/state")[-1] == {"value": "RUN", "ts": "2026-01-29T07:00:00Z"}
    assert inbox.of("t/pack/count")[-1] == {"n": {"good": 12}, "ts": "2026-01-29T07:00:00Z"}


async def test_no_reading_is_far_from_the_clock_that_was_told(tmp_path: Path) -> None:
    """At most 60 s ahead and 7 days behind: a gateway believes every timestamp, across any gap."""
    path = tmp_path / "recording.csv"
    path.write_text("\n".join(row for row in CSV.splitlines() if ",pack," not in row))
    site = line(plc=free_port())
    site = site.model_copy(
        update={"sources": {"plc": site.sources["plc"]}, "lines": tuple(
            ln.model_copy(update={"machines": ln.machines[:1]}) for ln in site.lines)}
    )  # fmt: skip
    heard = Heard()
    async with Replay(site, [(None, path)]) as replay, Client(site.sources["plc"].endpoint) as client:
        await listen(client, site, "mill", heard)
        await asyncio.wait_for(replay.run(), 120)
        await until(lambda: heard.of("total_count")[-1][0] == 150.5)
    clock = moment(MONDAY_8)
    for name, value, status, stamp in heard.rows:
        if name == "clock":
            assert value >= clock
            clock = value
        elif status != "BadWaitingForInitialData":
            assert clock - dt.timedelta(days=7) < stamp <= clock + dt.timedelta(seconds=AHEAD_NS / 1e9)
    assert clock == dt.datetime(2026, 1, 29, 7, tzinfo=dt.UTC)


async def test_an_empty_recording_is_one_clear_message(tmp_path: Path) -> None:
    """And so is one of signals that nothing serves."""
    empty = tmp_path / "empty.csv"
    empty.write_text("time,machine,signal,value\n")
    with pytest.raises(RecordingError, match="no row"):
        async with Replay(line(), [(None, empty)]):
            pass
    other = tmp_path / "other.csv"
    other.write_text("time,machine,signal,value\n2026-01-05T07:00:00Z,m,state,6\n")
    site = parse(
        "fieldlab: x\ntimezone: UTC\n"
        "lines: [{id: l, machines: [{id: m, states: packml, signals: {state: {item: s}}}]}]"
    )
    with pytest.raises(CannotSimulate, match="nothing of any signal with a source"):
        async with Replay(site, [(None, other)]):
            pass
