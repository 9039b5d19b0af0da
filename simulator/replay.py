"""A recording, played through the same servers as simulated machines, at its own timestamps."""

from __future__ import annotations

import asyncio
import logging
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from fieldlab_configs import Site
from ingest.recording import RecordingStore
from ingest.samples import is_bad
from simulator.errors import CannotSimulate, NobodyListens
from simulator.opcua_server import OpcUaMachines
from simulator.plan import DAY_NS, SECOND_NS
from simulator.readings import Reading, Value
from simulator.serve import Front, fronts_of

# A gateway believes a timestamp at most 60 s ahead of the clock it was told, and at most 7 days behind it.
AHEAD_NS: Final = 50 * SECOND_NS
JUMP_NS: Final = 6 * DAY_NS
MOST: Final = 500
TAKEN_S: Final = 60.0
LOOK_S: Final = 0.05

Key = tuple[str, str]

log = logging.getLogger(__name__)


def readings_of(store: RecordingStore) -> list[Reading]:
    """Everything that a recording tells, in order of time; Bad quality as a reading without a value."""
    codes: dict[Key, list[tuple[int, str]]] = {}
    for table in store.read("raw", "quality", fields=["code"]):
        key = (table.tags["machine"], table.tags["signal"])
        told = zip(table.time_ns.tolist(), table.columns["code"].tolist(), strict=True)
        codes.setdefault(key, []).extend((t, str(code)) for t, code in told if code is not None)
    readings = [
        Reading(*key, t, None, quality=code)
        for key, told in codes.items()
        for t, code in told
        if is_bad(code)
    ]
    for (machine, signal), rows in _values(store).items():
        changes = sorted(codes.get((machine, signal), []))
        starts = [t for t, _ in changes]
        for t, value in rows:
            place = bisect_right(starts, t) - 1
            quality = changes[place][1] if place >= 0 else "good"
            readings.append(Reading(machine, signal, t, value, quality=quality))
    return sorted(readings, key=lambda reading: reading.time_ns)


def _values(store: RecordingStore) -> dict[Key, list[tuple[int, Value]]]:
    found: dict[Key, list[tuple[int, Value]]] = {}
    for measurement in ("machine", "link"):
        for table in store.read("raw", measurement):
            for name, column in table.columns.items():
                text = column.dtype == object
                signal = "link" if measurement == "link" else name.removesuffix("_text") if text else name
                rows = found.setdefault((table.tags["machine"], signal), [])
                for t, value in zip(table.time_ns.tolist(), column.tolist(), strict=True):
                    if value is not None and value == value:  # noqa: PLR0124 - NaN stands for nothing
                        rows.append((t, value))
    return found


class Replay:
    """A recording behind the sources of a configuration.

    The clock follows the recording. It begins when a gateway watches every node, and goes on as fast
    as that gateway acknowledges; of MQTT nobody can know who listens: there the broker's queue is
    what holds it, so let the gateway subscribe first.

    Parameters
    ----------
    site : Site
        Its signals say where each is served (`source`, with `node` or `topic`), and for SHDR which
        `item` of the recording it is.
    inputs : sequence of (str or None, Path)
        Files, each with the machine whose it is where one is named.
    speed : float, optional
        Recorded seconds per second. Default: as fast as possible.
    bind : str
        The address that OPC UA servers listen on.
    """

    def __init__(
        self,
        site: Site,
        inputs: Sequence[tuple[str | None, Path]],
        *,
        speed: float | None = None,
        bind: str = "127.0.0.1",
    ) -> None:
        self.now_ns = 0
        self._site = site
        self._inputs = list(inputs)
        self._speed = speed
        self._bind = bind
        self._fronts: list[Front] = []
        self._readings: list[Reading] = []
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Read the recording and start the servers; their clock stands at its first row.

        Raises
        ------
        RecordingError
            If a file cannot be read.
        CannotSimulate
            If nothing in it belongs to a signal that is served.
        """
        store = RecordingStore(self._site, self._inputs)
        every = await asyncio.to_thread(readings_of, store)
        served = {(m.id, name) for m in self._site.machines() for name, s in m.signals.items() if s.source}
        self._readings = [r for r in every if (r.machine, r.signal) in served]
        for complaint in store.complaints():
            log.warning("%s", complaint)
        if not self._readings:
            raise CannotSimulate(
                f"{self._site.path}: the recording tells nothing of any signal with a source; "
                "give its signals a source and a node or topic"
            )
        self.now_ns = self._readings[0].time_ns
        self._fronts = fronts_of(
            self._site, start_ns=self.now_ns, bind=self._bind, kinds=_kinds(self._readings)
        )
        async with AsyncExitStack() as stack:
            for front in self._fronts:
                await front.start()
                stack.push_async_callback(front.stop)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the servers."""
        await self._stack.aclose()

    async def run(self) -> None:
        """Wait for a gateway, and play everything to it.

        Raises
        ------
        NobodyListens
            If a gateway that watches stops acknowledging.
        """
        await self._listened()
        await self._taken()
        loop = asyncio.get_running_loop()
        began_s, began_ns = loop.time(), self.now_ns
        place = 0
        while place < len(self._readings):
            first_ns = self._readings[place].time_ns
            if self._speed is not None:
                await asyncio.sleep(began_s + (first_ns - began_ns) / SECOND_NS / self._speed - loop.time())
            # The clock goes first: to just before the next row, for all rows up to there were given.
            while first_ns - self.now_ns > AHEAD_NS:
                await self._give([], min(first_ns - 1000, self.now_ns + JUMP_NS))
            end = self._burst(place)
            burst = self._readings[place:end]
            await self._give(burst, max(burst[-1].time_ns, self.now_ns))
            place = end

    def _burst(self, place: int) -> int:
        """The end of what can be told before the clock has to be told again; never inside an instant."""
        end = place
        readings = self._readings
        while end < len(readings) and readings[end].time_ns <= self.now_ns + AHEAD_NS:
            if end - place >= MOST and readings[end].time_ns > readings[end - 1].time_ns:
                break
            end += 1
        return end

    async def _give(self, readings: list[Reading], now_ns: int) -> None:
        self.now_ns = now_ns
        for front in self._fronts:
            await front.give(readings)
            await front.tell_time(now_ns)
        await self._listened()
        await self._taken()

    async def _listened(self) -> None:
        # asyncua tells nobody who subscribes, so there is no event to wait for.
        while not all(not isinstance(f, OpcUaMachines) or f.subscribed() for f in self._fronts):  # noqa: ASYNC110
            await asyncio.sleep(LOOK_S)

    async def _taken(self) -> None:
        for front in self._fronts:
            if not isinstance(front, OpcUaMachines):
                await front.acknowledged()
            elif not await front.flush(TAKEN_S):
                raise NobodyListens(
                    f"source {front.name}: the gateway stopped acknowledging what it is given"
                )


def _kinds(readings: Iterable[Reading]) -> dict[Key, type]:
    """Text where any of a signal's values is one, else number."""
    kinds: dict[Key, type] = {}
    for reading in readings:
        if reading.value is not None:
            key = (reading.machine, reading.signal)
            if isinstance(reading.value, str) or key not in kinds:
                kinds[key] = str if isinstance(reading.value, str) else float
    return kinds


__all__: Sequence[str] = ["Replay", "readings_of"]
