"""A made-up day of two machines: states, parts, energy; told in seconds from its beginning."""

NS = 1_000_000_000
START_NS = 1_795_392_000 * NS  # 2026-11-23T00:00:00Z
CONFIG = """
lines:
  - id: l1
    machines:
      - id: m1
        ideal_cycle_time_s: 30
        states: {map: {1: producing, 2: stopped, 3: idle}}
        signals:
          {state: {item: s}, total_count: {item: c}, good_count: {item: g}, energy: {item: e, unit: kWh}}
      - id: m2
        ideal_cycle_time_s: 30
        states: {map: {1: producing, 2: stopped, 3: idle}}
        signals:
          {state: {item: s}, total_count: {item: c}, good_count: {item: g}, energy: {item: e, unit: kWh}}
"""


def at(seconds):
    """UTC nanoseconds of a moment of the day."""
    return START_NS + round(seconds * NS)


def day(start_s=0, end_s=7200, *, phase=0):
    """Readings each minute: twelve minutes producing, three stopped; two parts a minute, one in ten bad."""
    found = []
    for second in range(start_s, end_s, 60):
        minute = second // 60 + phase
        found.append((at(second), "state", 2.0 if minute % 15 >= 12 else 1.0))
        parts = 2 * (minute - minute // 15 * 3) if minute % 15 < 12 else 2 * (minute // 15 * 12 + 12)
        found.append((at(second), "total_count", float(parts)))
        found.append((at(second), "good_count", float(parts - parts // 10)))
        found.append((at(second), "energy", minute * 0.25))
    return found
