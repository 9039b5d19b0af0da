"""What every source must do, whatever its protocol. A driver's tests inherit this and give a peer."""

from __future__ import annotations

import time
from typing import Any, Protocol

from fieldlab_configs import Signal
from tests.gateways.helpers import Collector, S, running, site, until

AT_ONCE_S = 8.0
"""Less than it takes to notice an other side that only falls silent: OPC UA asks its server every 10 s."""


class Peer(Protocol):
    """The other side of a source: a real server or broker, with a machine behind it."""

    @property
    def config(self) -> Any:
        """The source's configuration."""

    def signals(self) -> dict[str, Signal]:
        """`count` and `state` of m1; and `link` where that is how the protocol tells life."""

    async def start(self) -> None:
        """Come up, also again after `stop`, at the same address."""

    async def stop(self) -> None:
        """Go away, so that connections break."""

    async def publish(self, signal: str, value: object, time_ns: int) -> None:
        """The machine says a value, at its own time."""

    async def publish_garbage(self) -> None:
        """The machine says something of `count` that no signal can hold."""


class SourceContract:
    """Inherit, and give a fixture `peer` that has been started."""

    async def test_values_arrive_once_and_in_order(self, peer: Peer):
        """Every value arrives exactly once, in order, at its machine's time."""
        sink = Collector()
        begin = time.time_ns() // S * S - 60 * S
        async with running(site(peer.config, peer.signals()), sink):
            await until(sink.is_up)
            for n in range(1, 101):
                await peer.publish("count", float(n), begin + n * S // 10)
            await until(lambda: 100.0 in sink.values("count"))
        told = [(s.value, s.time_ns, s.quality, s.clock) for s in sink.of("count") if s.value]
        assert told == [(float(n), begin + n * S // 10, "good", "source") for n in range(1, 101)]

    async def test_texts_arrive_as_texts(self, peer: Peer):
        """A state told as text stays a text."""
        sink = Collector()
        async with running(site(peer.config, peer.signals()), sink):
            await until(sink.is_up)
            await peer.publish("state", "RUN", time.time_ns())
            await until(lambda: "RUN" in sink.values("state"))

    async def test_late_values_keep_their_own_time(self, peer: Peer):
        """A value from an hour ago that comes now is stored an hour ago."""
        sink = Collector()
        now = time.time_ns() // S * S
        async with running(site(peer.config, peer.signals()), sink):
            await until(sink.is_up)
            await peer.publish("count", 7.0, now)
            await peer.publish("count", 6.0, now - 3600 * S)
            await until(lambda: 6.0 in sink.values("count"))
        assert [(s.value, s.time_ns) for s in sink.of("count")][-2:] == [(7.0, now), (6.0, now - 3600 * S)]

    async def test_a_time_that_cannot_be_is_replaced_and_said(self, peer: Peer):
        """A machine that woke up in the year 2000 gets another clock's time, and the sample says so."""
        sink = Collector()
        async with running(site(peer.config, peer.signals()), sink):
            await until(sink.is_up)
            await peer.publish("count", 8.0, 946_684_800 * S)
            await until(lambda: 8.0 in sink.values("count"))
        sample = sink.of("count")[-1]
        assert abs(sample.time_ns - time.time_ns()) < 60 * S
        assert sample.clock in {"server", "gateway"}

    async def test_nothing_is_lost_while_the_spool_takes_nothing(self, peer: Peer):
        """A full disk stops acknowledging; when it has room again everything arrives, once."""
        sink = Collector()
        begin = time.time_ns() - 60 * S
        async with running(site(peer.config, peer.signals()), sink):
            await until(sink.is_up)
            sink.available = False
            for n in range(1, 31):
                await peer.publish("count", float(n), begin + n * S)
            await until(lambda: sink.refused >= 3)
            assert not sink.values("count") or sink.values("count")[-1] in (0.0, None)
            sink.available = True
            await until(lambda: 30.0 in sink.values("count"))
        assert [v for v in sink.values("count") if v] == [float(n) for n in range(1, 31)]

    async def test_what_no_signal_can_hold_is_a_dead_letter(self, peer: Peer):
        """A value that cannot be used is kept aside with its reason; the next good one arrives."""
        sink = Collector()
        async with running(site(peer.config, peer.signals()), sink):
            await until(sink.is_up)
            await peer.publish_garbage()
            await until(lambda: sink.letters)
            await peer.publish("state", "RUN", time.time_ns())
            await until(lambda: "RUN" in sink.values("state"))
        source, origin, payload, reason = sink.letters[0]
        assert source == "src"
        assert origin
        assert payload
        assert reason

    async def test_life_ends_with_the_connection_and_comes_back(self, peer: Peer):
        """The heartbeat says 0 at once when the other side goes, and 1 when it is back, and values flow."""
        sink = Collector()
        async with running(site(peer.config, peer.signals()), sink):
            await until(sink.is_up)
            before = time.time_ns()
            await peer.stop()
            await until(lambda: not sink.is_up(), within_s=AT_ONCE_S)
            assert sink.life()[-1][0] >= before
            await peer.start()
            await until(sink.is_up)
            await peer.publish("count", 77.0, time.time_ns())
            await until(lambda: 77.0 in sink.values("count"))
        assert sink.life()[-1][1] is False

    async def test_a_peer_that_is_away_at_first_is_waited_for(self, peer: Peer, caplog):
        """Started too early, the gateway says so once, and connects as soon as it can."""
        await peer.stop()
        sink = Collector()
        async with running(site(peer.config, peer.signals()), sink):
            await until(lambda: "nobody listens there" in caplog.text)
            await peer.start()
            await until(sink.is_up)
        assert caplog.text.count("nobody listens there") == 1
        assert not [r for r in caplog.records if r.name.startswith("gateways") and r.exc_info]
