"""Each test of a life runs on the embedded store and on a real InfluxDB."""

import math
import uuid

import pytest

from analytics.job import Job
from analytics.shared import Shared
from fieldlab.stores import JobStore
from fieldlab_configs import load
from ingest.stores import open_store
from tests.influxes import kinds
from tests.servers import ServerMissingError


class Lab:
    """A fieldlab: its config file, its store, and what may be done with them."""

    def __init__(self, folder, store):
        self.path = folder / "lab.yaml"
        self.id = f"life{uuid.uuid4().hex[:10]}"
        self._store = store
        self.site = self.store = None

    def configure(self, text, keep=""):
        """Write the config anew, as its engineer would, and open its store by it."""
        head = f"fieldlab: {self.id}\ntimezone: Europe/Amsterdam\nheartbeat_s: 10\n"
        self.path.write_text(f"{head}store: {{{self._store}{keep}}}\n{text}")
        self.close()
        self.site = load(self.path)
        self.store = open_store(self.site)
        self.store.setup()
        return self

    def close(self):
        """Let go of the store."""
        if self.store is not None:
            self.store.close()

    def tags(self, machine, line="l1", **more):
        """Tags of a raw series."""
        return tuple(sorted({"fieldlab": self.id, "line": line, "machine": machine, **more}.items()))

    def put(self, machine, readings, line="l1", note=1):
        """Samples and their delivery note: ``(time_ns, field, value)``."""
        rows = [("machine", self.tags(machine, line), f, t, v) for t, f, v in readings]
        tags = (("fieldlab", self.id), ("gateway", "g"), ("machine", machine))
        times = [t for t, _, _ in readings]
        told = {"from_ns": min(times), "to_ns": max(times) + 1, "samples": float(len(rows))}
        rows += [("delivery", tags, f, min(times) // 1000 * 1000 + note, v) for f, v in told.items()]
        assert JobStore(self.store).write("raw", rows) is None

    def job(self, **more):
        """A new job."""
        return Job(self.site, JobStore(self.store), **more)

    def shared(self):
        """The companies' buckets."""
        return Shared(self.site, JobStore(self.store))

    def rows(self, bucket, measurement, holds=None, **span):
        """What a bucket holds: ``{(tags, time): {field: value}}``; with `holds`, only where that is not 0."""
        found = {}
        for table in self.store.read(bucket, measurement, **span):
            tags = tuple(sorted(table.tags.items()))
            for name, column in table.columns.items():
                for time, value in zip(table.time_ns.tolist(), column.tolist(), strict=True):
                    if value is not None and not (isinstance(value, float) and math.isnan(value)):
                        found.setdefault((tags, time), {})[name] = value
        return {key: row for key, row in found.items() if holds is None or row.get(holds)}

    def account(self, *measurements):
        """How many values each measurement of raw holds."""
        return {
            m: sum(len(row) for row in self.rows("raw", m).values()) for m in measurements or ("machine",)
        }


# InfluxDB 3 Core refuses companies and cannot delete: what a life on it can be, the contract of stores tests.
SERVERS = [kind for kind in kinds() if kind not in {"influx3", "front3"}]


@pytest.fixture(params=["embedded", *(pytest.param(kind, marks=pytest.mark.service) for kind in SERVERS)])
def lab(request, influxes, tmp_path):
    """A fieldlab on a store of its own."""
    if request.param == "embedded":
        made = Lab(tmp_path, "kind: embedded, path: lab.db")
    else:
        try:
            made = Lab(tmp_path, influxes(request.param).config)
        except ServerMissingError as missing:
            pytest.skip(str(missing))
    yield made
    made.close()
