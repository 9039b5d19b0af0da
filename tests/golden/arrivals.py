"""The golden day's files: read, and worked out anew with the reference.

``python -m tests.golden.arrivals`` writes the expected files.
"""

from __future__ import annotations

import json
from pathlib import Path

from tests.reference import model
from tests.reference.recording import SECOND, time_ns

HERE = Path(__file__).parent
CONFIG = HERE / "day.yaml"
FIELDLAB = "golden"
LINE = "milling"
GROUPS = ("", "machine", "line", "shift", "machine,shift", "machine,product", "hour")
NUMERIC_SIGNALS = ("total_count", "good_count", "scrap_count", "power", "energy")


def load(name):
    """One of the day's JSON files."""
    return json.loads((HERE / name).read_text(encoding="utf-8"))


def clock_ns(text, date="2026-11-23"):
    """UTC nanoseconds of a clock time of the day; ``24:00:00`` is the midnight that ends it."""
    hours, minutes, seconds = map(int, text.split(":"))
    return time_ns(f"{date}T00:00:00Z") + (hours * 3600 + minutes * 60 + seconds) * SECOND


def clock_text(time):
    """The clock time of the day that a time is."""
    seconds = (time - clock_ns("00:00:00")) // SECOND
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def beats(step):
    """The times of a run of heartbeats; `to` is the last of them."""
    return range(clock_ns(step["from"]), clock_ns(step["to"]) + 1, step["every_s"] * SECOND)


START, END = clock_ns("20:00:00"), clock_ns("24:00:00")


def samples():
    """Every sample as ``(time, machine, signal, value, quality, clock)``, in order of arrival."""
    for arrival in load("arrivals.json")["arrivals"]:
        for machine, signal, time, value, *rest in arrival.get("accept", ()):
            quality, clock = (*rest, *("good", "source")[len(rest) :])
            yield clock_ns(time), machine, signal, value, quality, clock


def links():
    """Every heartbeat as ``(gateway, source, machine, time, up)``."""
    for arrival in load("arrivals.json")["arrivals"]:
        if "beats" in arrival:
            step = arrival["beats"]
            for time in beats(step):
                yield "edge", step["source"], step["machine"], time, True
        if "down" in arrival:
            step = arrival["down"]
            yield "edge", step["source"], step["machine"], clock_ns(step["time"]), False


def usable(machine, signal, value):
    """Whether a sample of the day is no dead letter; written for this day alone."""
    if (machine, signal) == ("mill", "coolant"):
        return False
    return not (signal in NUMERIC_SIGNALS and isinstance(value, str))


def raw():
    """The raw rows that the day must leave: series by series, the heartbeats in runs."""
    fields, qualities, last = {}, {}, {}
    for time, machine, signal, value, quality, clock in samples():
        if not usable(machine, signal, value):
            continue
        if value is not None:
            name = f"{signal}_text" if isinstance(value, str) else signal
            number = value if isinstance(value, str) else float(value)
            fields.setdefault(machine, {}).setdefault(time, {})[name] = number
        if last.get((machine, signal)) != (quality, clock):
            last[machine, signal] = (quality, clock)
            qualities.setdefault((machine, signal), {})[time] = {"code": quality, "clock": clock}
    series = []

    def put(measurement, tags, rows):
        rows = [[clock_text(time), rows[time]] for time in sorted(rows)]
        series.append({"measurement": measurement, "tags": {"fieldlab": FIELDLAB, **tags}, "rows": rows})

    for machine in sorted(fields):
        put("machine", {"line": LINE, "machine": machine}, fields[machine])
    for machine, signal in sorted(qualities):
        put("quality", {"line": LINE, "machine": machine, "signal": signal}, qualities[machine, signal])
    steps = [a["gap"] for a in load("arrivals.json")["arrivals"] if "gap" in a]
    for step in steps:
        tags = {"gateway": "edge", **{key: step[key] for key in ("machine", "reason", "signal")}}
        put(
            "gap",
            tags,
            {clock_ns(step["from"]): {"to_ns": clock_ns(step["to"]), "count": float(step["count"])}},
        )
    return {"series": series, "links": heartbeats()}


def heartbeats():
    """The runs of heartbeats of each link, joined where one run follows the other."""
    found = {}
    for _, source, machine, time, up in links():
        runs = found.setdefault((source, machine), [])
        previous = runs[-1] if runs else None
        if up and previous and previous["up"] and time - previous["to"] == 60 * SECOND:
            previous["to"] = time
        else:
            runs.append({"up": float(up), "from": time, "to": time, "every_s": 60})
    return [
        {
            "tags": {"fieldlab": FIELDLAB, "gateway": "edge", "machine": machine, "source": source},
            "runs": [{**run, "from": clock_text(run["from"]), "to": clock_text(run["to"])} for run in runs],
        }
        for (source, machine), runs in sorted(found.items())
    ]


def reference_inputs():
    """Config, rows and links as the reference takes them."""
    rows = [(time, machine, signal, value, quality) for time, machine, signal, value, quality, _ in samples()]
    return CONFIG, rows, list(links())


def expectations():
    """Everything that is expected of the day, by file name."""
    config, rows, beating = reference_inputs()
    atoms = model.atoms(config, rows, START, END, links=beating)
    for atom in atoms:
        atom["time"] = clock_text(atom["time"])
    kpis = {
        by: model.kpis(config, rows, START, END, tuple(filter(None, by.split(","))), links=beating)
        for by in GROUPS
    }
    stops = [
        {"machine": machine, "time": clock_text(start), "state": state, "duration_s": (end - start) / SECOND}
        for machine in ("mill", "pack")
        for start, end, state in model.stops(config, rows, machine, START, END, links=beating)
    ]
    return {"raw.json": raw(), "atoms.json": atoms, "kpis.json": kpis, "stops.json": stops}


def rounded(value):
    """Figures to nine decimals, so that the files can be read."""
    if isinstance(value, float):
        return round(value, 9)
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    return [rounded(item) for item in value] if isinstance(value, list) else value


def one_per_line(items, pad):
    """A JSON list with a line for each item."""
    return "[\n" + ",\n".join(f"{pad}  {item}" for item in items) + f"\n{pad}]"


def text_of(name, value):
    """JSON with a line for each thing that a reader would call one: a row, an atom, a figure's group."""
    if name == "raw.json":
        series = []
        for one in value["series"]:
            head = f'{{"measurement": {json.dumps(one["measurement"])}, "tags": {json.dumps(one["tags"])},'
            series.append(f'{head} "rows": {one_per_line(map(json.dumps, one["rows"]), "    ")}}}')
        links = one_per_line(map(json.dumps, value["links"]), "  ")
        return f'{{\n  "series": {one_per_line(series, "  ")},\n  "links": {links}\n}}\n'
    if name == "kpis.json":
        groups = [f'"{by}": {one_per_line(map(json.dumps, rows), "  ")}' for by, rows in value.items()]
        return "{\n  " + ",\n  ".join(groups) + "\n}\n"
    return one_per_line(map(json.dumps, value), "") + "\n"


def main():
    """Write the expected files."""
    for name, value in expectations().items():
        (HERE / name).write_text(text_of(name, rounded(value)), encoding="utf-8")


if __name__ == "__main__":
    main()
