"""Random small plants and ragged recordings of them, by seed."""

from __future__ import annotations

import datetime as dt
import random

from .recording import SECOND, time_ns
from .written import Plain, block, utc

# Ordinary, across local midnight, into a weekend, autumn and spring changes of the clock.
STARTS = (
    *("2026-11-23T06:40:00Z", "2026-11-23T08:00:00Z", "2026-11-23T22:10:00Z", "2026-11-27T21:30:00Z"),
    *("2026-10-24T23:30:00Z", "2026-03-29T00:05:00Z"),
)
CLASSES = ("producing", "setup", "idle", "starved", "blocked", "stopped", "down", "maintenance", "off")
COUNTER_SETS = (
    *(("total_count", "good_count"), ("total_count", "scrap_count"), ("good_count", "scrap_count")),
    *(("total_count", "good_count", "scrap_count"), ("total_count",), ("good_count",), ()),
    *(("total_count", "good_count"), ("total_count", "scrap_count")),
)


class Maker:
    """One plant in the making."""

    def __init__(self, seed):
        self.rng = seed if isinstance(seed, random.Random) else random.Random(seed)
        self.start = time_ns(self.rng.choice(STARTS)) + self.rng.choice((0, 60, 137)) * SECOND
        self.end = self.start + self.rng.randint(60, 170) * 60 * SECOND
        self.grid = self.rng.choice((1, 1, SECOND, 10 * SECOND, 60 * SECOND))
        self.heartbeat_s = self.rng.choice((5, 10, 30))
        self.rows = []

    def chance(self, probability):
        """True that often."""
        return self.rng.random() < probability

    def moment(self, low=None, high=None):
        """A random time on the grid, within the recording."""
        low, high = self.start if low is None else low, self.end if high is None else high
        time = self.rng.randint(low, high)
        return min(max(time - time % self.grid, self.start), self.end)

    def moments(self, count):
        """That many random times, ascending."""
        return sorted(self.moment() for _ in range(count))

    def dated(self, make, probability=0.25):
        """One value, or a list of dated ones that change during the recording."""
        if not self.chance(probability):
            return make()
        before = self.start - 86400 * SECOND
        times = [
            before,
            *sorted(self.rng.sample(range(self.start, self.end, 60 * SECOND), self.rng.randint(1, 2))),
        ]
        return [{"from": Plain(utc(t)), "value": make()} for t in times]

    def row(self, machine, signal, time, value):
        """A row, now and then of uncertain or bad quality, or beside a dead letter or a duplicate."""
        draw = self.rng.random()
        quality = ""
        if draw < 0.03:
            value, quality = self.rng.choice((("", "Bad"), (value, "BadSensorFailure"), ("UNAVAILABLE", "")))
        elif draw < 0.06:
            quality = self.rng.choice(("Uncertain", "uncertain_last", "Good", "good"))
        self.rows.append((time, machine, signal, value, quality))
        if signal in ("state", "product"):
            return
        if self.chance(0.02):
            self.rows.append((self.moment(), machine, signal, self.rng.choice(("NaN", "inf", "text")), ""))

    # The config

    def shifts(self):
        """Two shifts around the recording, with breaks, or None."""
        if self.chance(0.3):
            return None
        # Whole steps of five minutes; the second begins where the first ends, so none ever overlap.
        local = dt.datetime.fromtimestamp(self.start // SECOND, dt.UTC).replace(minute=0)

        def clock(minutes):
            return (local + dt.timedelta(minutes=minutes)).strftime("%H:%M")

        first, middle = self.rng.randrange(-300, 60, 5), self.rng.randrange(90, 185, 5)
        last = middle + self.rng.randrange(65, 180, 5)
        days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
        if self.chance(0.3):
            days.remove(self.rng.choice(days))
        found = []
        for name, a, b in (("early", first, middle), ("late", middle, last)):
            shift = {"name": name, "days": [Plain(day) for day in days], "start": clock(a), "end": clock(b)}
            if self.chance(0.6) and a + 5 < b - 30:
                at = self.rng.randrange(a + 5, b - 30, 5)
                shift["breaks"] = [{"start": clock(at), "minutes": self.rng.choice((10, 15, 20))}]
            found.append(shift)
        return found[: self.rng.choice((1, 2, 2))]

    def config(self):
        """The whole configuration, and the recording into `rows`."""
        config = {"fieldlab": "lab", "timezone": "Europe/Amsterdam", "heartbeat_s": self.heartbeat_s}
        config["cell_s"] = self.rng.choice((300, 300, 60, 900))
        config["convention"] = Plain(self.rng.choice(("iso22400", "nakajima")))
        if self.chance(0.8):
            config["energy"] = self.dated(
                lambda: {
                    "price_eur_per_kwh": self.rng.randint(10, 40) / 100,
                    "co2_kg_per_kwh": self.rng.randint(5, 50) / 100,
                    "source": "made up",
                }
            )
        shifts = self.shifts()
        if shifts is not None:
            config["shifts"] = shifts
            if self.chance(0.15):
                config["shifts"] = self.dated(self.shifts_again, 1.0)
        if self.chance(0.12):
            config["holidays"] = [Plain(utc(self.start)[:10]), Plain("2026-12-25")]
        names = iter(("m1", "m2", "m3", "m4"))
        lines = []
        for line in ("alpha", "beta")[: self.rng.choice((1, 2))]:
            machines = [self.machine(next(names)) for _ in range(self.rng.choice((1, 2)))]
            lines.append({"id": line, "machines": machines})
            if self.chance(0.6):
                lines[-1]["bottleneck"] = self.rng.choice(machines)["id"]
            if self.chance(0.6):
                lines[-1]["output"] = self.rng.choice(machines)["id"]
        if len(lines) == 2 and self.chance(0.15):
            change = Plain(utc(self.moment()))
            lines[0]["machines"][0]["line"] = [
                {"from": Plain("2026-01-01T00:00:00Z"), "value": "beta"},
                {"from": change, "value": "alpha"},
            ]
        config["lines"] = lines
        return config

    def shifts_again(self):
        """Shifts, never None."""
        while True:
            found = self.shifts()
            if found:
                return found

    def machine(self, name):
        """One machine: its config, and its rows."""
        counters = self.rng.choice(COUNTER_SETS)
        signals = {}
        machine = {"id": name, "ideal_cycle_time_s": self.dated(lambda: self.rng.randint(8, 60) / 2)}
        if len(counters) == 1 and self.chance(0.5):
            machine["assume_quality"] = self.rng.choice((1, 0.75))
        machine["minor_stop_s"] = self.rng.choice((60, 180, 300))
        if self.chance(0.35):
            a = self.moment()
            machine["planned_downtime"] = [
                {"start": Plain(utc(a)), "end": Plain(utc(a + self.rng.randint(60, 1800) * SECOND))}
            ]
        self.meters(name, signals)
        machine["states"] = self.states(name, signals, counters)
        if self.chance(0.6):
            machine["products"] = self.products(name, signals)
        if self.chance(0.2):
            signals["ideal_cycle_time"] = {"item": "cycle"}
            for time in self.moments(self.rng.randint(1, 4)):
                self.row(name, "ideal_cycle_time", time, self.rng.randint(8, 80) / 2)
        for role in counters:
            signals[role] = self.counter(name, role, self.rng.choice((5, 20, 60, 120)))
        if self.chance(0.3):
            signals["rework_count"] = self.counter(name, "rework_count", 8)
        if self.chance(0.4):
            signals["material"] = self.counter(name, "material", 30)
        if self.chance(0.5):
            self.links(name)
        machine["signals"] = signals
        return machine

    def products(self, name, signals):
        """Products by config and signal."""
        signals["product"] = {"item": "product"}
        for time in self.moments(self.rng.randint(0, 6)):
            self.row(name, "product", time, self.rng.choice(("A12", "B7", "C", "zzz")))
        return {
            "A12": {"ideal_cycle_time_s": self.rng.randint(8, 60)},
            "B7": {"ideal_cycle_time_s": self.rng.randint(8, 60)},
            "C": {},
        }

    def states(self, name, signals, counters):
        """How states are known; their rows."""
        ways = ["map", "map", "map", "table"]
        if "total_count" in counters or "good_count" in counters:
            ways.append("count")
        if "power" in signals:
            ways.append("power")
        way = self.rng.choice(ways)
        if way == "count":
            return {
                "from_count": {"stop_after_s": self.rng.choice((30, 120, 300))} if self.chance(0.7) else {}
            }
        if way == "power":
            return {"from_power": {"off_below_kw": 0.2005, "idle_below_kw": 3.0005}}
        signals["state"] = {"item": "state"}
        codes = list(self.rng.choice((range(1, 10), "ABCDEFGHI")))
        # Few classes in most plants, so that runs of several samples are one stop.
        classes = (
            self.rng.sample(CLASSES, 9)
            if self.chance(0.5)
            else self.rng.choices(CLASSES[5:7] + CLASSES[:1], k=9)
        )
        told = dict(zip(codes, map(Plain, classes), strict=True))
        busy = self.chance(0.5)
        for time in [self.start, *self.moments(self.rng.randint(5, 60))]:
            code = self.rng.choice(codes[:3]) if busy and self.chance(0.6) else self.rng.choice(codes)
            self.row(name, "state", time, "?" if self.chance(0.03) else code)
        if way == "table":
            return {"table": Plain("packml"), "map": told}
        if self.chance(0.2):
            again = dict(zip(codes, [told[c] for c in reversed(codes)], strict=True))
            return [
                {"from": Plain("2026-01-01T00:00:00Z"), "value": {"map": told}},
                {"from": Plain(utc(self.moment())), "value": {"map": again}},
            ]
        return {"map": told}

    # The recording

    def counter(self, name, role, count):
        """A cumulative counter with everything that goes wrong with one; its config."""
        signal = {"item": role}
        step = 5 if role != "material" else 3.25
        value = self.rng.choice((0, 0, 12, 200)) * step
        if self.chance(0.2):
            signal["rollover"] = 256
            value %= 256
        if role != "material" and self.chance(0.15):
            signal["per_count"] = self.rng.choice((2, 4))
        if self.chance(0.1):
            signal["scale"] = 0.5
        low_left, low = 0, 0
        silences = [self.moment() for _ in range(self.rng.choice((0, 0, 1, 2)))]
        for time in self.moments(count):
            if any(at <= time < at + 900 * SECOND for at in silences):
                continue
            if low_left:
                low_left -= 1
                self.row(name, role, time, low)
                continue
            draw = self.rng.random()
            if draw < 0.75:
                value += self.rng.choice((0, 0, 1, 1, 1, 2, 3)) * (1 if step == 5 else 0.125)
            elif draw < 0.80:
                value = self.rng.choice((0, 0, 1, 2))
            elif draw < 0.84:
                value = max(0, value - self.rng.choice((1, 2)))
            elif draw < 0.90:
                low_left, low = self.rng.randint(0, 2), self.rng.choice((0, 0, 1))
                self.row(name, role, time, low)
                continue
            elif draw < 0.92:
                value += 40
            if "rollover" in signal:
                value %= 256
            self.row(name, role, time, value)
        return signal

    def meters(self, name, signals):
        """An energy register, power, both or neither."""
        kind = self.rng.choice(("none", "register", "power", "power", "sampled", "both"))
        if kind in ("register", "both"):
            unit = self.rng.choice(("kWh", "Wh"))
            signals["energy"] = {"item": "energy", "unit": Plain(unit)}
            if self.chance(0.4):
                signals["energy"]["max_power_kw"] = 40
            value = self.rng.choice((0, 1234.5))
            for time in self.moments(self.rng.choice((0, 1, 15, 60))):
                draw = self.rng.random()
                value = 0.125 * self.rng.randint(0, 40) if draw < 0.06 else value + self.rng.randint(0, 8) / 8
                shown = 0 if 0.06 < draw < 0.1 else value
                self.row(name, "energy", time, shown * 1000 if unit == "Wh" else shown)
        if kind in ("power", "sampled", "both"):
            unit = self.rng.choice(("kW", "W"))
            signals["power"] = {"item": "power", "unit": Plain(unit)}
            if kind == "sampled":
                signals["power"]["sampled"] = True
            if self.chance(0.6):
                signals["power"]["max_hold_s"] = self.rng.choice((60, 300))
            for time in self.moments(self.rng.choice((0, 1, 20, 80))):
                kw = self.rng.choice((0, 0.125, 1.5, 2.75, 6, 8.25, 11))
                self.row(name, "power", time, kw * 1000 if unit == "W" else kw)

    def links(self, name):
        """Heartbeats with losses, some of them said."""
        losses = [
            (at, at + self.rng.randint(20, 1500) * SECOND) for at in self.moments(self.rng.randint(0, 3))
        ]
        time = self.start + self.rng.choice((0, 0, 1, 700)) * SECOND
        while time < self.end:
            if not any(a <= time < b for a, b in losses):
                self.rows.append((time, name, "link", 1, ""))
            time += self.heartbeat_s * SECOND
        for a, _ in losses:
            if self.chance(0.5):
                self.rows.append((a, name, "link", 0, ""))

    def csv(self):
        """The recording as text: ragged, mostly in order, with duplicates and strangers."""
        rows = sorted(self.rows, key=lambda row: row[0])
        for _ in range(len(rows) // 25):
            a, b = self.rng.randrange(len(rows)), self.rng.randrange(len(rows))
            rows[a], rows[b] = rows[b], rows[a]
        for _ in range(len(rows) // 40):
            time, machine, signal, value, _ = self.rng.choice(rows)
            if signal not in ("link", "state", "product") and value not in ("", "UNAVAILABLE"):
                self_value = value if self.chance(0.5) or isinstance(value, str) else value + 1
                rows.insert(self.rng.randrange(len(rows)), (time, machine, signal, self_value, ""))
        rows.insert(len(rows) // 2, (self.moment(), "nobody", "state", "1", ""))
        rows.insert(len(rows) // 3, (self.moment(), "m1", "never_heard_of", "1", ""))
        as_text = self.chance(0.5)
        lines = ["time,machine,signal,value,quality"]
        for time, *rest in rows:
            lines.append(",".join(map(str, (utc(time) if as_text else time, *rest))))
        return "\n".join(lines) + "\n"


def plant(seed):
    """A random plant, by a seed or a generator: ``(config as YAML text, recording as CSV text)``."""
    maker = Maker(seed)
    config = maker.config()
    return block(config) + "\n", maker.csv()


def window(seed):
    """A range within the recording of :func:`plant`, ``(start_ns, end_ns)``, or Nones for all of it."""
    maker = Maker(seed)
    rng = random.Random(f"window {seed}")
    if rng.random() < 0.5:
        return None, None
    a, b = sorted(rng.sample(range(maker.start // SECOND, maker.end // SECOND), 2))
    return a * SECOND, b * SECOND
