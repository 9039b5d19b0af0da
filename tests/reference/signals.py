"""One machine's signals as steps: life, state, product, cycle time, power; its stops."""

from __future__ import annotations

from itertools import pairwise

from . import plan, tables
from .counting import pairs
from .recording import SECOND, code_text, number
from .steps import Steps, combine, during

CLASSES = (
    *("producing", "setup", "idle", "starved", "blocked"),
    *("stopped", "down", "maintenance", "off", "unknown"),
)
QUANTITY_ROLES = ("total_count", "good_count", "scrap_count")


class Signals:
    """A machine of the config with what a recording tells of it."""

    def __init__(self, config, machine, recording):
        self.config = config
        self.machine = machine
        self.recording = recording
        self.id = machine["id"]
        self.known = machine.get("signals") or {}
        self.beat_ns = int(number(config.get("heartbeat_s", 10)) * SECOND * 5 / 2)
        self.has_link = any(key[0] == self.id for key in recording.beats)

    def readings(self, role):
        """All rows of a role, the Bad ones with None."""
        return self.recording.readings(self.id, role)

    def life(self, source):
        """Whether some gateway's link for a source is up."""
        if not self.has_link:
            return Steps(first=True)
        alive = []
        for (machine, _, of_source), beats in self.recording.beats.items():
            if machine != self.id or of_source not in (None, source):
                continue
            ends = [*(time for time, _ in beats[1:]), None]
            for (time, up), following in zip(beats, ends, strict=True):
                if up:
                    until = time + self.beat_ns
                    alive.append((time, until if following is None else min(until, following)))
        return during(alive)

    def live(self, role):
        """Whether a signal is live: its link is up and its own last row was not Bad."""
        quality = Steps(first=True, changes=[(r.time, r.value is not None) for r in self.readings(role)])
        source = (self.known.get(role) or {}).get("source")
        return combine(lambda link, good: link and good, self.life(source), quality)

    def held(self, role):
        """A signal's value from each row to the next; None before the first and under Bad quality."""
        return Steps(None, [(r.time, r.value) for r in self.readings(role)])

    # Values

    def product(self):
        """The product's tag over time."""
        named = {code_text(product) for product in self.machine.get("products") or {}}

        def tag(value):
            return "none" if value is None else value if value in named else "unlisted"

        return combine(tag, self.held("product"))

    def cycle_time(self):
        """The PRI over time [s]: the signal's, else the product's, else the machine's; None without any."""
        own = plan.dated_steps(self.machine.get("ideal_cycle_time_s"))
        products = {
            code_text(name): plan.dated_steps((product or {}).get("ideal_cycle_time_s"))
            for name, product in (self.machine.get("products") or {}).items()
        }
        names = list(products)

        def choose(signal, product, default, *of_products):
            if signal is not None:
                return signal
            if product in products and of_products[names.index(product)] is not None:
                return number(of_products[names.index(product)])
            return None if default is None else number(default)

        return combine(choose, self.held("ideal_cycle_time"), self.product(), own, *products.values())

    def has_cycle_time(self):
        """Whether anything at all could tell a PRI."""
        products = (self.machine.get("products") or {}).values()
        return (
            "ideal_cycle_time" in self.known
            or self.machine.get("ideal_cycle_time_s") is not None
            or any((product or {}).get("ideal_cycle_time_s") is not None for product in products)
        )

    def counter(self, role):
        """The pairs of a counter, in its own units."""
        rollover = (self.known.get(role) or {}).get("rollover")
        readings = [r for r in self.readings(role) if r.value is not None]
        return pairs(readings, None if rollover is None else number(rollover))

    def parts_per_count(self, role):
        """What one count is worth."""
        signal = self.known[role] or {}
        return plan.factor(signal) * number(signal.get("per_count", 1))

    # Power

    def power(self):
        """Power on change [kW] while it lasts, else None."""
        signal = self.known.get("power") or {}
        held = self.held("power")
        hold_ns = int(number(signal.get("max_hold_s", 900)) * SECOND)
        if self.has_link:
            lasts = self.live("power")
        else:
            lasts = during(
                [(r.time, r.time + hold_ns) for r in self.readings("power") if r.value is not None]
            )
            # A row, Bad or not, ends the one before: `held` already says so.
        scale = plan.factor(signal)
        return combine(
            lambda value, lasting: value * scale if lasting and value is not None else None, held, lasts
        )

    def power_segments(self):
        """``(start, end, kW at start, kW at end)`` of sampled power."""
        signal = self.known.get("power") or {}
        hold_ns = int(number(signal.get("max_hold_s", 900)) * SECOND)
        scale = plan.factor(signal)
        # Reading: a Bad row is no neighbour; the trapezoid spans it if its neighbours are near enough.
        readings = [r for r in self.readings("power") if r.value is not None]
        return [
            (a.time, b.time, a.value * scale, b.value * scale)
            for a, b in pairwise(readings)
            if b.time - a.time <= hold_ns
        ]

    def power_for_states(self):
        """Power [kW] as a state is made from it."""
        if not (self.known.get("power") or {}).get("sampled"):
            return self.power()
        # Reading: of sampled power the earlier of two neighbours decides, as far as the trapezoid goes.
        lasts = during([(start, end) for start, end, _, _ in self.power_segments()])
        scale = plan.factor(self.known["power"] or {})
        return combine(
            lambda value, lasting, live: value * scale if lasting and live and value is not None else None,
            *(self.held("power"), lasts, self.live("power")),
        )

    # States

    def state(self):
        """The state class over time."""
        entries = plan.dated(self.machine.get("states"))
        made = [self.state_by(how) for _, how in entries]
        chosen = Steps(0, [(time, index) for index, (time, _) in enumerate(entries) if index])
        return combine(lambda index, *values: values[index], chosen, *made)

    def state_by(self, how):
        """The state class over time if one entry of `states` held for ever."""
        if isinstance(how, dict) and "from_count" in how:
            return self.state_from_count((how["from_count"] or {}).get("stop_after_s"))
        if isinstance(how, dict) and "from_power" in how:
            off, idle = (number(how["from_power"][key]) for key in ("off_below_kw", "idle_below_kw"))

            def by_power(power):
                if power is None:
                    return "unknown"
                return "off" if power < off else "idle" if power < idle else "producing"

            return combine(by_power, self.power_for_states())
        codes = tables.merged(how)
        return combine(
            lambda code, live: codes.get(code, "unknown") if live and code is not None else "unknown",
            *(self.held("state"), self.live("state")),
        )

    def state_from_count(self, stop_after_s):
        """Producing between two increments near enough to each other, else stopped."""
        role = "total_count" if "total_count" in self.known else "good_count"
        readings = [r for r in self.readings(role) if r.value is not None]
        if not readings:
            return Steps("unknown")
        shown = [pair.end for pair in self.counter(role) if pair.amount > 0]
        cycle = self.cycle_time()
        running = []
        for a, b in pairwise(shown):
            limit = number(stop_after_s) if stop_after_s is not None else 3 * (cycle.at(a) or 0)
            if b - a <= limit * SECOND:
                running.append((a, b))
        first = Steps(first=False, changes=[(readings[0].time, True)])
        return combine(
            lambda begun, live, runs: ("producing" if runs else "stopped") if begun and live else "unknown",
            *(first, self.live(role), during(running)),
        )

    def stops(self, state, horizon):
        """``(start, end, state of its beginning)`` of every stop: an unbroken run of stopped and down."""
        halted = combine(lambda value: value in ("stopped", "down"), state)
        if not halted.times:
            return []
        runs = halted.runs(halted.times[0], max(horizon, halted.times[0]))
        return [(start, end, state.at(start)) for start, end, value in runs if value]

    def stop_kind(self, state, horizon):
        """``minor`` or ``breakdown`` during a stop, else None."""
        limit = number(self.machine.get("minor_stop_s", 300)) * SECOND
        changes = {}
        for start, end, _ in self.stops(state, horizon):
            changes[start] = "minor" if end - start < limit else "breakdown"
            changes.setdefault(end, None)
        return Steps(None, list(changes.items()))

    # Energy

    def energy(self, horizon):
        """``(start, end, kW at start, kW at end)`` of all energy that could be read; None if not metered."""
        if "energy" not in self.known and "power" not in self.known:
            return None
        if any(r.value is not None for r in self.readings("energy")):
            return self.register_segments()
        if "power" not in self.known:
            return []
        if (self.known["power"] or {}).get("sampled"):
            return self.power_segments()
        power = self.power()
        if not power.times:
            return []
        runs = power.runs(power.times[0], max(power.times[0], horizon))
        return [(a, b, kw, kw) for a, b, kw in runs if kw is not None]

    def register_segments(self):
        """Differences of an energy register, each spread evenly."""
        signal = self.known["energy"] or {}
        scale = plan.factor(signal)
        most = signal.get("max_power_kw")
        segments = []
        pairs_found = self.counter("energy")
        for pair in pairs_found:
            kw = pair.amount * scale * 3600 * SECOND / (pair.end - pair.start)
            refused = pair.kind == "reset" and most is not None and kw > number(most)
            if not refused:
                segments.append((pair.start, pair.end, kw, kw))
        # Reading: a trailing low is a reading of nothing used, up to the last of its run.
        last = max(r.time for r in self.readings("energy") if r.value is not None)
        if pairs_found and pairs_found[-1].kind == "trailing" and pairs_found[-1].end < last:
            segments.append((pairs_found[-1].end, last, 0, 0))
        return segments
