"""Which machines are alive behind which source, and the heartbeats that say so."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Final

from gateways.clock import SECOND_NS, GatewayClock
from gateways.sink import Link, Sink

log = logging.getLogger(__name__)

CHUNK: Final = 5_000
MOST_BEATS: Final = 1_000_000  # a leap of the source clock beyond this is no life that anybody saw


@dataclass(slots=True)
class _Life:
    """What is known of one machine behind one source."""

    source: str
    machine: str
    up: bool = False
    told: bool = False  # whether the store has any heartbeat of ours
    first_ns: int | None = None  # when we began to look
    beaten_ns: int | None = None  # time of the last heartbeat
    proof_ns: int = 0  # time of the last proof of life, where life can run out
    until_ns: int | None = None  # steady time at which it runs out; None: only fall() ends it
    hold_ns: int = 0


class Life:
    """Heartbeats per source and machine.

    A driver says `rise` when it has proof of life and `fall` when life ends. With the system's clock,
    `tick` writes one heartbeat per interval; with a clock that follows its sources, `advance` writes
    one for every multiple of the interval between two readings, for what was up all along: a slow
    process must not look like a dead link, nor a dead link like a live one.

    Parameters
    ----------
    sink : Sink
        Takes the heartbeats.
    clock : GatewayClock
        Of the gateway.
    heartbeat_s : float
        The interval. [s]
    """

    def __init__(self, sink: Sink, clock: GatewayClock, heartbeat_s: float) -> None:
        self._sink = sink
        self._clock = clock
        self._beat_ns = round(heartbeat_s * SECOND_NS)
        self._lives: dict[tuple[str, str], _Life] = {}
        self._pending: list[Link] = []
        self._sending = asyncio.Lock()
        self.runs_out = asyncio.Event()
        """Set when a life begins that can run out: whoever sleeps until the next expiry must look again."""

    def expect(self, source: str, machine: str) -> None:
        """Look after a machine; one that shows no life within an interval is written as down."""
        self._lives.setdefault((source, machine), _Life(source, machine))

    def is_up(self, source: str, machine: str) -> bool:
        """Whether a machine is alive behind a source."""
        life = self._lives.get((source, machine))
        return life is not None and life.up

    def rise(self, source: str, machine: str, *, hold_s: float | None = None) -> None:
        """Proof of life: it lasts `hold_s`, or until `fall` where that is None."""
        self.expect(source, machine)
        life = self._lives[source, machine]
        now = self._clock.reading_ns(source)
        steady = self._clock.steady_ns(source)
        hold = 0 if hold_s is None else round(hold_s * SECOND_NS)
        if hold == 0:
            life.hold_ns, life.until_ns = 0, None
        elif now is None or steady is None:
            life.hold_ns = hold  # it begins to run with the clock's first reading
        elif not life.up or life.until_ns is None or steady + hold > life.until_ns:
            life.proof_ns, life.hold_ns, life.until_ns = now, hold, steady + hold
        if not life.up:
            life.up = True
            life.beaten_ns = None
            if life.until_ns is not None:
                self.runs_out.set()
            if now is not None:
                self._beat(life, now)

    def fall(self, source: str, machine: str | None = None) -> None:
        """Life ends now: of one machine, or of all behind a source."""
        for life in self._lives.values():
            if life.source == source and machine in (None, life.machine) and life.up:
                self._end(life, self._clock.reading_ns(source))

    def forget(self, source: str, machine: str) -> None:
        """Look after a machine no longer: its life ends, and nothing more is said of it."""
        self.fall(source, machine)
        self._lives.pop((source, machine), None)

    def fall_unless_it_runs_out(self, source: str, machine: str) -> None:
        """Life ends now where nothing else would end it: its last proof had no end of its own."""
        life = self._lives.get((source, machine))
        if life is not None and life.until_ns is None and not life.hold_ns:
            self.fall(source, machine)

    def beat_every(self, heartbeat_s: float) -> None:
        """Another interval from now on."""
        self._beat_ns = round(heartbeat_s * SECOND_NS)

    def all_up(self) -> dict[tuple[str, str], bool]:
        """Per source and machine, whether it is alive."""
        return {key: life.up for key, life in self._lives.items()}

    def advance(self) -> None:
        """The clock that we follow has moved: end what ran out, beat for what was up all along."""
        if not self._clock.follows:
            return
        for life in self._lives.values():
            reading = self._clock.reading_ns(life.source)
            if reading is None:
                continue
            if not life.up:
                self._tell_down(life, reading)
                continue
            if life.hold_ns and life.until_ns is None:
                life.proof_ns, life.until_ns = reading, reading + life.hold_ns
            ends = None if life.until_ns is None or life.until_ns > reading else life.until_ns
            self._back_fill(life, reading if ends is None else ends - 1)
            if ends is not None:
                self._end(life, ends)

    def tick(self) -> None:
        """One interval of real time has passed: a heartbeat for all that live, never back-filled."""
        self.expire()
        for life in self._lives.values():
            now = self._clock.reading_ns(life.source)
            if now is None:
                continue
            if life.up:
                self._beat(life, now)
            else:
                self._tell_down(life, now)

    def expire(self) -> None:
        """End the lives whose last proof is too old."""
        for life in self._lives.values():
            if not life.up or life.until_ns is None:
                continue
            steady = self._clock.steady_ns(life.source)
            if steady is not None and steady >= life.until_ns:
                self._end(life, life.proof_ns + life.hold_ns)

    def next_expiry_s(self) -> float | None:
        """Seconds until the next life runs out, where the clock is the system's; None for never."""
        waits = []
        for life in self._lives.values():
            steady = self._clock.steady_ns(life.source)
            if life.up and life.until_ns is not None and steady is not None:
                waits.append((life.until_ns - steady) / SECOND_NS)
        return max(min(waits), 0.0) if waits else None

    async def flush(self) -> None:
        """Hand all heartbeats that are due to the sink, in order."""
        async with self._sending:
            while self._pending:
                chunk = self._pending[:CHUNK]
                await self._sink.links(chunk)
                del self._pending[: len(chunk)]

    def _beat(self, life: _Life, time_ns: int) -> None:
        life.beaten_ns = time_ns
        life.told = True
        self._pending.append(Link(life.source, life.machine, up=True, time_ns=time_ns))

    def _end(self, life: _Life, time_ns: int | None) -> None:
        life.up = False
        life.until_ns = None
        if time_ns is not None:
            life.told = True
            self._pending.append(Link(life.source, life.machine, up=False, time_ns=time_ns))

    def _tell_down(self, life: _Life, now: int) -> None:
        if life.told:
            return
        if life.first_ns is None:
            life.first_ns = now
        if not self._clock.follows or now - life.first_ns >= self._beat_ns:
            self._end(life, now)

    def _back_fill(self, life: _Life, to_ns: int) -> None:
        if life.beaten_ns is None:
            self._beat(life, to_ns)
            return
        first = (life.beaten_ns // self._beat_ns + 1) * self._beat_ns
        beats = range(first, to_ns + 1, self._beat_ns)
        if len(beats) > MOST_BEATS:
            log.warning(
                "source %s: its clock leapt by %.0f s; that time counts as unknown",
                life.source,
                (to_ns - life.beaten_ns) / SECOND_NS,
            )
            beats = range(to_ns, to_ns + 1)
        for time_ns in beats:
            self._beat(life, time_ns)
