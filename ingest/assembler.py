"""Samples to rows: typing, quality on change, and which of them replace an earlier one."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right, insort
from collections.abc import Sequence
from typing import Final

from fieldlab_configs import Site
from ingest.account import DeadLetter
from ingest.assembled import Assembled, Numbers
from ingest.columns import INT64
from ingest.frames import REPLACES, SAMPLE
from ingest.rows import LINK, NONE, MachineSeries, Untypable, is_bad, quality_code, typed, wants
from ingest.samples import Sample
from ingest.store import Row, Tags

REMEMBERED: Final = 4096
"""At most so many times per signal tell whether a sample replaces an earlier one; at least half of them."""
_QUALITIES: Final = 64
CONTENT_BYTES: Final = 1000
"""So much of a value that cannot be stored is kept."""

Quality = tuple[int, str, str]
"""From when on, code, clock."""


class _Signal:
    """What is known of one signal of one machine: its series, and its recent past."""

    __slots__ = (
        "_lines", "_series", "fresh", "good_by", "home", "last", "name", "number", "qualities", "text",
        "times", "want",
    )  # fmt: skip

    def __init__(
        self, series: MachineSeries, name: str, gateway: str, source: str | None, numbers: Numbers
    ) -> None:
        self.name = name
        self.want = wants(name)
        self.text = f"{name}_text"
        self.times = array("q")
        self.fresh: list[int] = []
        """Times behind those, each later than the one before, that came in this turn."""
        self.last = -INT64 - 1
        self.qualities: list[Quality] = []
        self.good_by: str | None = None
        """By whose clock the latest reading was good; None where it was not, or there is no `home`."""
        self._series = series
        lines = {line for _, line in series.line.entries}
        link = series.link_tags(gateway, source)
        self._lines: dict[str, tuple[Tags, Tags]] = {
            line: (link if name == LINK else series.tags(line), series.quality_tags(line, name))
            for line in lines
        }
        self.home: Tags | None = None
        """Tags of its values where they never change; None for a link, a text, a machine that moves."""
        if len(lines) == 1 and name != LINK and self.want != "text":
            ((self.home, _),) = self._lines.values()
        self.number = numbers.of("machine", self.home, name) if self.home is not None else -1
        """Of its values' series, where there is only one."""

    def tags(self, time_ns: int) -> tuple[Tags, Tags]:
        """Tags of its values and of its quality, of the line that the machine then stood in."""
        line = self._series.line
        return self._lines[line.latest if len(line.entries) == 1 else line.at(time_ns)]


class Assembler:
    """Turns samples into rows; remembers enough of the past to do so, and can take the last turn back.

    Parameters
    ----------
    site : Site
    gateway : str
    """

    def __init__(self, site: Site, gateway: str) -> None:
        self.gateway = gateway
        self._machines = {m.id: MachineSeries.of(site, m) for m in site.machines()}
        self._sources = {(m.id, name): s.source for m in site.machines() for name, s in m.signals.items()}
        self._signals: dict[tuple[str, str], _Signal] = {}
        self._numbers = Numbers()
        self._touched: list[_Signal] = []
        self._added: list[tuple[_Signal, int]] = []
        self._qualities_before: dict[int, tuple[_Signal, list[Quality]]] = {}

    def adopt(self, site: Site) -> None:
        """Go over to another configuration; what it no longer names is known on, for what is on its way."""
        machines = {m.id: MachineSeries.of(site, m) for m in site.machines()}
        self._machines |= machines
        self._sources |= {(m.id, name): s.source for m in site.machines() for name, s in m.signals.items()}
        for key, before in self._signals.items():
            series = machines.get(key[0])
            if series is None or not series.knows(key[1]):
                continue
            signal = self._made(series, key)
            signal.times, signal.qualities, signal.last = before.times, before.qualities, before.last
            self._signals[key] = signal

    def take(self, samples: Sequence[Sample]) -> Assembled:
        """Samples to rows. Follow with :meth:`keep` or :meth:`undo`."""
        made = Assembled(self._numbers)
        known, touch = self._signals.get, self._touched.append
        number, at, value_of, mark = (
            made.index.append,
            made.times.append,
            made.values.append,
            made.marks.append,
        )
        for sample in samples:
            signal = known((sample.machine, sample.signal))
            if signal is not None and signal.good_by == sample.clock:
                # Nearly all: a good number, later than the last, of a signal whose quality stays as it is.
                value, time_ns = sample.value, sample.time_ns
                if (
                    type(value) is float
                    and value - value == 0.0
                    and sample.quality == "good"
                    and signal.last < time_ns < INT64
                ):
                    fresh = signal.fresh
                    if not fresh:
                        touch(signal)
                    fresh.append(time_ns)
                    signal.last = time_ns
                    number(signal.number)
                    at(time_ns)
                    value_of(value)
                    mark(SAMPLE)
                    continue
            try:
                if signal is None:
                    signal = self._new(sample)
                self._one(signal, sample, made)
            except Untypable as error:
                made.dead.append(dead_letter(sample, error.kind))
        made.samples = len(samples) - len(made.dead)
        return made

    def keep(self) -> None:
        """What was taken is durable."""
        for signal in self._touched:
            signal.times.fromlist(signal.fresh)
            signal.fresh.clear()
        for signal in (*self._touched, *(signal for signal, _ in self._added)):
            if len(signal.times) > REMEMBERED:
                del signal.times[: -REMEMBERED // 2]
        self._touched.clear()
        self._added.clear()
        self._qualities_before.clear()

    def undo(self) -> None:
        """What was taken is not durable: it never came."""
        for signal, time_ns in self._added:
            del signal.times[bisect_left(signal.times, time_ns)]
        for signal in (*self._touched, *(signal for signal, _ in self._added)):
            signal.fresh.clear()
            signal.last = signal.times[-1] if signal.times else -INT64 - 1
            signal.good_by = None
        for signal, before in self._qualities_before.values():
            signal.qualities = before
            signal.good_by = None
        self._touched.clear()
        self._added.clear()
        self._qualities_before.clear()

    def remember(self, rows: Sequence[Row]) -> None:
        """Rows of an earlier run: only the times count."""
        for row in rows:
            if row.measurement == "machine":
                machine, name = dict(row.tags)["machine"], row.field
                name = name.removesuffix("_text") if isinstance(row.value, str) else name
                series = self._machines.get(machine)
                if series is not None and series.knows(name):
                    signal = self._signal(series, name)
                    self._place(signal, row.time_ns)
        self.keep()

    def _new(self, sample: Sample) -> _Signal:
        series = self._machines.get(sample.machine)
        if series is None:
            raise Untypable(f"machine {sample.machine[:80]!r} is not in the configuration")
        if not series.knows(sample.signal):
            raise Untypable(
                f"machine {sample.machine} has no signal {sample.signal[:80]!r} in the configuration"
            )
        return self._signal(series, sample.signal)

    def _signal(self, series: MachineSeries, name: str) -> _Signal:
        key = series.machine, name
        if key not in self._signals:
            self._signals[key] = self._made(series, key)
        return self._signals[key]

    def _made(self, series: MachineSeries, key: tuple[str, str]) -> _Signal:
        return _Signal(series, key[1], self.gateway, self._sources.get(key, NONE), self._numbers)

    def _one(self, signal: _Signal, sample: Sample, made: Assembled) -> None:
        time_ns, value, quality = sample.time_ns, sample.value, sample.quality
        if not -INT64 <= time_ns < INT64:
            raise Untypable("its time does not fit in 64 bits of nanoseconds")
        bad = quality != "good" and is_bad(quality)
        if not bad:
            if value is None:
                raise Untypable("neither a value nor a Bad quality")
            if type(value) is not float or signal.want == "text" or value - value != 0.0:
                value = typed(signal.name, value)
        taken = self._place(signal, time_ns)
        made.replaced += taken
        tags, quality_tags = signal.tags(time_ns)
        if signal.name == LINK:
            up = 0.0 if bad or not value else 1.0
            made.add(Row("link", tags, "up", time_ns, up), REPLACES if taken else SAMPLE)
            return
        self._quality(signal, sample, quality_tags, made)
        _, code, clock = signal.qualities[-1]
        good = code == "good" and signal.last >= signal.qualities[-1][0] and signal.home is not None
        signal.good_by = clock if good else None
        if not bad and value is not None:
            name = signal.text if isinstance(value, str) else signal.name
            made.add(Row("machine", tags, name, time_ns, value), REPLACES if taken else SAMPLE)

    def _place(self, signal: _Signal, time_ns: int) -> bool:
        """Remember a time; whether it was taken already."""
        times = signal.times
        if signal.fresh:
            self._added += [(signal, fresh_ns) for fresh_ns in signal.fresh]
            times.fromlist(signal.fresh)
            signal.fresh.clear()
        if time_ns > signal.last:
            times.append(time_ns)
            signal.last = time_ns
        else:
            at = bisect_left(times, time_ns)
            if at < len(times) and times[at] == time_ns:
                return True
            insort(times, time_ns)
        self._added.append((signal, time_ns))
        return False

    def _quality(self, signal: _Signal, sample: Sample, tags: Tags, made: Assembled) -> None:
        """Write the quality where it changes, in the order of time and not of arrival."""
        past, time_ns = signal.qualities, sample.time_ns
        code, clock = quality_code(sample.quality), sample.clock
        if past and past[-1][1] == code and past[-1][2] == clock and time_ns >= past[-1][0]:
            return
        at = bisect_right(past, time_ns, key=lambda q: q[0])
        holding = past[at - 1] if at else None
        if holding is not None and holding[1:] == (code, clock):
            return
        self._qualities_before.setdefault(id(signal), (signal, list(past)))
        following = bisect_right(signal.times, time_ns)
        if holding is not None and following < len(signal.times):
            # A late one must not speak for readings that came before it with a time after it.
            then = signal.times[following]
            if at == len(past) or past[at][0] > then:
                past.insert(at, (then, *holding[1:]))
                self._write_quality(past[at], tags, made)
        if holding is not None and holding[0] == time_ns:
            past[at - 1] = (time_ns, code, clock)
        else:
            past.insert(at, (time_ns, code, clock))
        self._write_quality((time_ns, code, clock), tags, made)
        del past[:-_QUALITIES]

    @staticmethod
    def _write_quality(quality: Quality, tags: Tags, made: Assembled) -> None:
        time_ns, code, clock = quality
        made.add(Row("quality", tags, "code", time_ns, code))
        made.add(Row("quality", tags, "clock", time_ns, clock))


def dead_letter(sample: Sample, reason: str) -> DeadLetter:
    """A sample that cannot be stored."""
    content = str(sample.value).encode("utf-8", "backslashreplace")[:CONTENT_BYTES]
    time_ns = sample.time_ns if -INT64 <= sample.time_ns < INT64 else None
    return DeadLetter(sample.machine, sample.signal, time_ns, content, reason)
