"""Hostile publishers: a message of 100 MB, topics and texts that try to be commands."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import time
from pathlib import Path

import pytest

from tests import servers
from tests.fieldlab.command import fieldlab
from tests.gateways.helpers import Collector, running, site, until
from tests.gateways.mqtt_peer import DATA, AmqttPeer, MqttPeer, Publisher

MB = 1_000_000
EVIL = "\x1b[2J\r\nERROR x: y\x9b31m"


def most_kib(which: str) -> int:
    """Memory of this process: now (VmRSS), or the most since :func:`anew` (VmHWM)."""
    return int(re.findall(rf"{which}:\s+(\d+) kB", Path("/proc/self/status").read_text())[0])


def anew() -> int:
    """Count the most memory anew; what there is now."""
    Path("/proc/self/clear_refs").write_text("5")
    return most_kib("VmRSS")


@pytest.mark.service
@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="only Linux tells")
@pytest.mark.parametrize("protocol", ["3.1.1", "5"])
async def test_a_message_of_100_mb_is_passed_over_as_it_comes(tmp_path, protocol) -> None:
    """Never held; kept aside in part, or by MQTT 5 withheld by the broker, as it is asked to; others flow."""
    peer = MqttPeer(tmp_path / "broker")
    peer.protocol = protocol
    try:
        program = servers.find_program("mosquitto_pub")
        await peer.start()
    except servers.ServerMissingError as missing:
        pytest.skip(str(missing))
    payload = tmp_path / "payload"
    payload.write_bytes(b'{"v": {"count": ' + b" " * 100 * MB + b"1}}")
    sink = Collector()
    try:
        async with running(site(peer.config, peer.signals()), sink):
            await until(sink.is_up)
            before = anew()
            words = [program, "-p", str(peer.port), "-q", "1", "-t", DATA, "-f", str(payload)]
            await asyncio.to_thread(subprocess.run, words, check=True, timeout=150)
            await peer.publish("count", 2.0, time.time_ns())
            await until(lambda: 2.0 in sink.values("count"))
            await until(lambda: sink.letters or protocol == "5")
            grown = most_kib("VmHWM") - before
    finally:
        await peer.stop()
    assert sink.values("count") == [2.0]
    told = [(origin, len(kept), reason[-24:]) for _, origin, kept, reason in sink.letters]
    assert told == ([] if protocol == "5" else [(DATA, 65_536, "at most so many are read")])
    assert grown < 40_000, grown


async def test_topics_and_texts_that_a_terminal_would_obey_are_shown_written_out(tmp_path) -> None:
    """By a broker that lets them pass; in the tree, in YAML and in JSON."""
    peer = AmqttPeer(tmp_path)
    await peer.start()
    try:
        machine = await asyncio.to_thread(Publisher, peer.port, name="evil")
        deep = "[" * 5_000 + "]" * 5_000
        for topic, text in (
            (f"see/{EVIL}/data", json.dumps({EVIL: EVIL, "n": 1})),
            ("see/text", EVIL),
            ("see/deep", deep),
            ("see/fine", "5"),
        ):
            await asyncio.to_thread(machine.publish, topic, text, retain=True)
        address = f"mqtt://127.0.0.1:{peer.port}/see/%23"
        for form in ([], ["--yaml"], ["--json"]):
            done = await asyncio.to_thread(fieldlab, "browse", address, "--seconds", "3", *form)
            assert done.returncode == 0, done.stderr
            out = done.stdout + done.stderr
            assert "see/fine" in out
            assert "2J" in out
            assert [letter for letter in set(out) if not letter.isprintable() and letter != "\n"] == []
            assert not [line for line in out.splitlines() if line.startswith("ERROR x")]
        await asyncio.to_thread(machine.close)
    finally:
        await peer.stop()
