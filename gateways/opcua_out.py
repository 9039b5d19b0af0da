"""What one source hands on: samples, gaps, dead letters, life; and how far its server was heard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gateways.memory import Memory, Owed
from gateways.opcua_reader import Batch
from gateways.sink import Gap
from gateways.source import EVERY_SIGNAL, Context, Point


class Out:
    """The way of one source to the spool.

    Parameters
    ----------
    context : Context
    source : str
        Its id.
    points : sequence of Point
        What it brings.
    memory : Memory
        Where it keeps how far it came.
    """

    def __init__(self, context: Context, source: str, points: Sequence[Point], memory: Memory) -> None:
        self.context = context
        self.source = source
        self.memory = memory
        self._points = points
        self._machines = tuple(dict.fromkeys(point.machine for point in points))

    async def hand_over(self, batch: Batch) -> None:
        """Give a batch to the spool; it is durable when this returns."""
        sink, life = self.context.sink, self.context.life
        for gap in batch.gaps:
            await sink.gap(gap)
        if batch.samples:
            await sink.accept(batch.samples)
        for origin, payload, reason in batch.letters:
            await sink.undecodable(self.source, origin, payload, reason)
        for machine, up in batch.lives:
            if up:
                life.rise(self.source, machine)
            else:
                life.fall(self.source, machine)
        await self.tell_life()

    def rise(self) -> None:
        """The server is there: so is every machine that does not say so itself."""
        for machine in self._machines:
            if not any(point.machine == machine and point.name == "link" for point in self._points):
                self.context.life.rise(self.source, machine)

    def fall(self) -> None:
        """The server is gone."""
        self.context.life.fall(self.source)

    async def tell_life(self) -> None:
        """Hand over the heartbeats that are due."""
        self.context.life.advance()
        await self.context.life.flush()

    def heard(self, server_ns: int | None, *, next_message: int | None = None) -> None:
        """All that the server said up to now is durable.

        Parameters
        ----------
        server_ns : int or None
            Its own time when it said it; None where it does not tell.
        next_message : int, optional
            Of the subscription: the message that comes next.
        """
        known = self.memory.known
        now = self.context.clock.reading_ns(self.source)
        if now is not None:
            known.heard_ns = now
            known.server_ns = server_ns if server_ns is not None else now
        if next_message is not None and known.subscribed is not None:
            known.subscribed.next_message = next_message
        self.memory.keep()

    def advance(self, next_message: int) -> None:
        """All messages of the subscription before this one are durable; it says nothing about now."""
        if self.memory.known.subscribed is not None:
            self.memory.known.subscribed.next_message = next_message
        self.memory.keep()

    def owe(self, reason: str, server_end_ns: int | None, count: int = 0) -> None:
        """Note that what came after the server was last heard is missing, up to now."""
        known = self.memory.known
        now = self.context.clock.reading_ns(self.source)
        if now is None or known.heard_ns is None or (now <= known.heard_ns and not count):
            return
        start, server_start = known.heard_ns, known.server_ns or known.heard_ns
        end = max(now, start + 1)
        server_end = max(server_end_ns or end, server_start + 1)
        known.owed.append(Owed(start, end, server_start, server_end, reason, count))
        self.memory.keep()

    def settle(self, owed: Owed) -> None:
        """What was owed is filled, or told as gaps."""
        self.memory.known.owed.remove(owed)
        self.memory.keep()

    async def tell_missing(self, owed: Owed, lacking: dict[tuple[str, str], tuple[int, int]]) -> None:
        """Tell what could not be filled as gaps: of a whole machine where it is all the same for it.

        Parameters
        ----------
        owed : Owed
        lacking : mapping of (machine, signal) to (start, end)
            For each signal the time that is missing; within that of `owed`.
        """
        whole = (owed.start_ns, owed.end_ns)
        gap = Gap("", EVERY_SIGNAL, owed.reason, *whole, owed.count)
        for machine in self._machines:
            names = [p.name for p in self._points if p.machine == machine and p.name != "link"]
            times = {name: lacking.get((machine, name)) for name in names}
            if all(time == whole for time in times.values()):
                await self.context.sink.gap(replace(gap, machine=machine))
                continue
            for name, time in times.items():
                if time is not None and time[1] > time[0]:
                    start, end = time
                    told = replace(gap, machine=machine, signal=name, start_ns=start, end_ns=end)
                    await self.context.sink.gap(told)
