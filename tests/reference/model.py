"""Atoms and KPIs of a recording, the slow and plain way."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction

from . import figures, plan
from .machine import CLASSES, cut, quantities, weighed
from .recording import SECOND, Recording, read_csv, time_ns
from .signals import Signals
from .steps import combine

QUANTITIES = ("produced_quantity", "good_quantity", "scrap_quantity")
IDEALS = (
    *("ideal_production_time_s", "ideal_good_time_s", "ideal_production_unknown_s"),
    *("ideal_good_low_s", "ideal_good_high_s"),
)
METERED = ("energy_kwh", *(f"energy_{name}_kwh" for name in CLASSES), "energy_missing_s")
FIELDS = (
    "calendar_time_s",
    *(f"state_{name}_s" for name in CLASSES),
    *("planned_busy_time_s", "actual_production_time_s", "actual_unit_setup_time_s"),
    *("actual_unit_delay_time_s", "minor_stop_s", "breakdown_s", "starved_s", "blocked_s", "idle_s"),
    *("unknown_time_s", "overtime_production_s", *QUANTITIES, "rework_quantity", *IDEALS, "count_missing_s"),
    *(*METERED, "co2_kg", "energy_cost_eur", "material_kg"),
    *("line_produced_quantity", "line_good_quantity"),
    *("line_ideal_good_time_s", "line_planned_busy_time_s"),
)
# Summed over the machines that measure them; any other None makes the sum None (rules, 27).
OF_THOSE_THAT_MEASURE = (*METERED, "co2_kg", "energy_cost_eur", "material_kg", "rework_quantity")
DELAYS = ("idle", "starved", "blocked", "stopped", "down", "maintenance", "off")


class Day:
    """A config and a recording, read."""

    def __init__(self, config, rows, links=(), machines=None):
        self.config = plan.read(config)
        if isinstance(rows, str):
            rows = read_csv(rows)
        self.lines = {line["id"]: line for line in self.config["lines"]}
        described = {}
        for line in self.config["lines"]:
            for machine in line["machines"]:
                described[machine["id"]] = {**machine, "_line": line["id"]}
        known = {name: set(machine.get("signals") or {}) for name, machine in described.items()}
        self.recording = Recording(rows, known, links)
        self.signals = {n: Signals(self.config, m, self.recording) for n, m in described.items()}
        self.shown = list(described) if machines is None else list(machines)

    def role_of(self, line, role):
        """The machine that is a line's output or bottleneck."""
        output = self.lines[line].get("output") or self.lines[line]["machines"][-1]["id"]
        return output if role == "output" else self.lines[line].get("bottleneck") or output

    def bounds(self, start_ns, end_ns):
        """The range shown, and the whole that must be read for it."""
        start = self.recording.first if start_ns is None else time_ns(start_ns)
        end = self.recording.last if end_ns is None else time_ns(end_ns)
        if start is None or end is None:  # an empty recording, and no range given
            return 0, 0, (0, 0)
        if self.recording.first is None:
            return start, end, (start, end)
        return start, end, (min(start, self.recording.first), max(end, self.recording.last))

    def pieces(self, name, start, end, whole):
        """A machine's elementary intervals within ``[start, end)``."""
        common = {
            "shift": plan.shift_steps(self.config, *whole),
            "day": plan.local_days(self.config, *whole),
            "factors": combine(lambda f: f or {}, plan.dated_steps(self.config.get("energy"))),
        }
        line = self.signals[name].machine["_line"]
        bottleneck = self.signals[self.role_of(line, "bottleneck")]
        # Reading: a stop that is not over lasts to the end of the data or of the range, the later.
        edges = {start, end}
        found = cut(self.signals[name], bottleneck, whole, common, edges)
        return [piece for piece in found if start <= piece.start and piece.end <= end]


def keys_of(piece, name, cell_s):
    """Every group key of a piece."""
    cell = piece.start - piece.start % (cell_s * SECOND)
    hour = dt.datetime.fromtimestamp(piece.start // (3600 * SECOND) * 3600, dt.UTC)
    return {
        "machine": name,
        "line": piece.at["line"],
        "shift": piece.at["shift"][0],
        "shift_date": piece.at["shift"][1],
        "product": piece.at["product"],
        "day": piece.at["day"],
        "hour": hour.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "time": cell,
    }


def fields_of(piece, day, name, whole_quantities):
    """What one piece adds to each field."""
    signals = day.signals[name]
    s, state, planned = piece.seconds, piece.at["state"], piece.at["planned"]
    none = Fraction(0)
    pbt = s if planned else none
    f = {"calendar_time_s": s, "planned_busy_time_s": pbt}
    for each in CLASSES:
        f[f"state_{each}_s"] = s if state == each else none
    f["actual_production_time_s"] = pbt if state == "producing" else none
    f["actual_unit_setup_time_s"] = pbt if state == "setup" else none
    f["actual_unit_delay_time_s"] = pbt if state in DELAYS else none
    f["minor_stop_s"] = pbt if piece.at["stop"] == "minor" else none
    f["breakdown_s"] = pbt if piece.at["stop"] == "breakdown" else none
    for each in ("starved", "blocked", "idle"):
        f[f"{each}_s"] = pbt if state == each else none
    f["unknown_time_s"] = pbt if state == "unknown" else none
    f["overtime_production_s"] = s - pbt if state == "producing" else none
    f["count_missing_s"] = pbt if piece.at["missing"] else none
    for quantity in QUANTITIES:
        f[quantity] = weighed(piece.counted, whole_quantities[quantity])
    for field, role in (("rework_quantity", "rework_count"), ("material_kg", "material")):
        f[field] = piece.counted.get(role, none) if role in signals.known else None
    f.update(ideals_of(piece, signals, whole_quantities, f))
    f.update(energy_of(piece, signals))
    f.update(line_of(piece, day, name, f))
    return f


def ideal(parts, pri):
    """The ideal time of some parts; no part needs none."""
    return None if parts is None else Fraction(0) if parts == 0 else None if pri is None else parts * pri


def ideals_of(piece, signals, of, f):
    """The ideal times of a piece."""
    if not signals.has_cycle_time():
        return dict.fromkeys(IDEALS)
    pri = piece.at["pri"]
    inside = piece.at["planned"]
    unseen = inside and piece.at["state"] == "unknown"
    produced, good = f["produced_quantity"], f["good_quantity"]

    def within(parts, there):
        return None if parts is None else ideal(parts if there else Fraction(0), pri)

    return {
        "ideal_production_time_s": within(produced, inside),
        "ideal_good_time_s": within(good, inside),
        "ideal_production_unknown_s": within(produced, unseen),
        "ideal_good_low_s": weighed(piece.low, of["good_quantity"]),
        "ideal_good_high_s": weighed(piece.high, of["good_quantity"]),
    }


def energy_of(piece, signals):
    """Energy, and what follows from it."""
    found = dict.fromkeys((*METERED, "co2_kg", "energy_cost_eur"))
    found["_metered_s"] = piece.seconds
    found["energy_missing_s"] = piece.seconds
    if "energy" not in signals.known and "power" not in signals.known:
        return found
    kwh = piece.energy or Fraction(0)
    found["energy_kwh"] = kwh
    for each in CLASSES:
        found[f"energy_{each}_kwh"] = kwh if piece.at["state"] == each else Fraction(0)
    found["energy_missing_s"] = piece.seconds if piece.energy is None else Fraction(0)
    for field, key in (("co2_kg", "co2_kg_per_kwh"), ("energy_cost_eur", "price_eur_per_kwh")):
        value = piece.at["factors"].get(key)
        found[field] = None if value is None else kwh * plan.number(value)
    return found


def line_of(piece, day, name, f):
    """The line's figures, on the machines that carry them."""
    line = piece.at["line"]
    zero = Fraction(0)
    output, limits = name == day.role_of(line, "output"), name == day.role_of(line, "bottleneck")
    return {
        "line_produced_quantity": f["produced_quantity"] if output else zero,
        "line_good_quantity": f["good_quantity"] if output else zero,
        "line_ideal_good_time_s": ideal(f["good_quantity"], piece.at["bottleneck_pri"]) if output else zero,
        "line_planned_busy_time_s": f["planned_busy_time_s"] if limits else zero,
    }


def summed(day, start_ns, end_ns, by):
    """``{group: {machine: {field: sum}}}`` over the pieces within the range."""
    start, end, whole = day.bounds(start_ns, end_ns)
    cell_s = day.config.get("cell_s", 300)
    groups = {}
    for name in day.shown:
        of = quantities(day.signals[name])
        for piece in day.pieces(name, start, end, whole):
            keys = keys_of(piece, name, cell_s)
            sums = groups.setdefault(tuple(keys[key] for key in by), {}).setdefault(name, {})
            for field, value in fields_of(piece, day, name, of).items():
                if field in sums:
                    before = sums[field]
                    sums[field] = None if before is None or value is None else before + value
                else:
                    sums[field] = value
    return groups


def pooled(by_machine):
    """The sum of a group over its machines."""
    total = {}
    for field in (*FIELDS, "_metered_s"):
        values = [sums[field] for sums in by_machine.values()]
        if field in OF_THOSE_THAT_MEASURE:
            values = [value for value in values if value is not None]
            total[field] = sum(values, Fraction(0)) if values else None
        else:
            total[field] = None if None in values else sum(values, Fraction(0))
    return total


def plain(value):
    """A float, or None."""
    return None if value is None else float(value)


def kpis(config, rows, start_ns=None, end_ns=None, by=(), *, links=(), machines=None):
    """What ``fieldlab kpi --format json --by ...`` prints, as a list of dicts.

    Parameters
    ----------
    config : dict or path or YAML text
        The configuration.
    rows : list of tuple, or CSV text
        ``(time, machine, signal, value[, quality])`` in order of arrival.
    start_ns, end_ns : int or None
        The range shown; by default from the first to the last sample of any machine.
    by : sequence of str
        Of machine, line, shift, shift_date, day, hour, product.
    links : sequence of tuple
        Heartbeats ``(gateway, source, machine, time, up)``, beside `link` rows of a recording.
    machines : sequence of str or None
        The machines reported; all by default.
    """
    day = Day(config, rows, links, machines)
    convention = day.config.get("convention", "iso22400")
    groups = summed(day, start_ns, end_ns, tuple(by))
    found = []
    for group in sorted(groups):
        sums = pooled(groups[group])
        row = dict(zip(by, group, strict=True))
        row.update({field: plain(sums[field]) for field in FIELDS})
        own = figures.kpis(sums, convention, line="machine" not in by)
        row.update({name: plain(value) for name, value in own.items()})
        if "machine" not in by:
            over_machines = figures.kpis(sums, convention, line=False)
            row.update({f"machines_{name}": plain(value) for name, value in over_machines.items()})
        found.append(row)
    return found


def atoms(config, rows, start_ns=None, end_ns=None, *, links=(), machines=None):
    """Every atom: its time (start of its cell), line, machine, shift, product and fields."""
    day = Day(config, rows, links, machines)
    by = ("time", "line", "machine", "shift", "product")
    groups = summed(day, start_ns, end_ns, by)
    return [
        {
            **dict(zip(by, group, strict=True)),
            **{field: plain(pooled(groups[group])[field]) for field in FIELDS},
        }
        for group in sorted(groups)
    ]


def timeline(config, rows, machine, start_ns=None, end_ns=None, *, links=()):
    """``(start, end, state)`` runs of one machine."""
    day = Day(config, rows, links)
    start, end, _ = day.bounds(start_ns, end_ns)
    return day.signals[machine].state().runs(start, end)


def stops(config, rows, machine, start_ns=None, end_ns=None, *, links=()):
    """``(start, end, state)`` of every stop of one machine, whole, to the end of the data or the range."""
    day = Day(config, rows, links)
    _, _, whole = day.bounds(start_ns, end_ns)
    signals = day.signals[machine]
    return signals.stops(signals.state(), whole[1])
