"""A store of rows in memory, for tests of analytics alone."""

from __future__ import annotations

from collections import defaultdict
from types import SimpleNamespace

import numpy as np


class MemoryStore:
    """Rows in a dict; the later of two with one series, field and time wins."""

    def __init__(self):
        self.rows = {}

    def write(self, bucket, rows):
        """Keep rows."""
        for measurement, tags, field, time, value in rows:
            self.rows[bucket, measurement, tuple(tags), field, time] = value
        return []

    def delete(self, bucket, measurement, *, start_ns=None, end_ns=None, where=None):
        """Delete rows of a range."""
        for key in [k for k in self.rows if k[:2] == (bucket, measurement)]:
            inside = (start_ns is None or key[4] >= start_ns) and (end_ns is None or key[4] < end_ns)
            if inside and (where or {}).items() <= dict(key[2]).items():
                del self.rows[key]

    def content(self):
        """Always the same."""
        return ""

    def _matching(self, bucket, measurement, where):
        for (b, m, tags, field, time), value in self.rows.items():
            if (b, m) == (bucket, measurement) and (where or {}).items() <= dict(tags).items():
                yield tags, field, time, value

    def read(self, bucket, measurement, *, start_ns=None, end_ns=None, where=None, fields=None):
        """Every series as columns."""
        series = defaultdict(dict)
        for tags, field, time, value in self._matching(bucket, measurement, where):
            inside = (start_ns is None or time >= start_ns) and (end_ns is None or time < end_ns)
            if inside and (fields is None or field in fields):
                series[tags].setdefault(time, {})[field] = value
        tables = []
        for tags, points in sorted(series.items()):
            times = sorted(points)
            columns = {}
            for name in sorted({f for p in points.values() for f in p}):
                values = [points[t].get(name) for t in times]
                if any(isinstance(v, str) for v in values):
                    columns[name] = np.array(values, dtype=object)
                elif name in {"from_ns", "to_ns"}:
                    columns[name] = np.array([v or 0 for v in values], dtype=np.int64)
                else:
                    columns[name] = np.array([np.nan if v is None else v for v in values], dtype=float)
            tables.append(
                SimpleNamespace(tags=dict(tags), time_ns=np.array(times, np.int64), columns=columns)
            )
        return tables

    def _edge(self, bucket, measurement, keep, best, where):
        found = {}
        for tags, field, time, value in self._matching(bucket, measurement, where):
            if keep(time) and ((tags, field) not in found or best(time, found[tags, field][0])):
                found[tags, field] = (time, value)
        return [(measurement, tags, field, time, value) for (tags, field), (time, value) in found.items()]

    def last_before(self, bucket, measurement, time_ns, *, where=None):
        """The last row of each series and field before a time."""
        return self._edge(bucket, measurement, lambda t: t < time_ns, lambda a, b: a > b, where)

    def first_from(self, bucket, measurement, time_ns, *, where=None):
        """The first row of each series and field from a time on."""
        return self._edge(bucket, measurement, lambda t: t >= time_ns, lambda a, b: a < b, where)
