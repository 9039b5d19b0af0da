"""Whether an InfluxDB is what the config wants: reachable, set up, writable, readable, of a known schema."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from ingest.embedded_check import Health
from ingest.errors import StoreMisconfigured
from ingest.influx import InfluxStore
from ingest.moving import ABOUT_STORE, LAST_NS
from ingest.store import Bucket, Row, StoreUnavailable

SCHEMA_VERSION: Final = 1
"""Of what is kept in an InfluxDB; one without a note of it is of version 1."""
_SETUP: Final = "make it with: fieldlab store setup"


def note_schema(store: InfluxStore, now_ns: Callable[[], int] = time.time_ns) -> None:
    """Note in a store which schema it has; where a newer one is noted, refuse it instead."""
    if schema_of(store) <= SCHEMA_VERSION:
        note = Row(ABOUT_STORE, (("fieldlab", store.fieldlab),), "version", now_ns(), float(SCHEMA_VERSION))
        store.write("raw", [note])


def schema_of(store: InfluxStore) -> int:
    """The schema that a store's note tells; StoreMisconfigured where it is newer than ours.

    Where there is no note, or retention has taken it, there never was another than the first.
    """
    notes = store.last_before("raw", ABOUT_STORE, LAST_NS)
    version = max((int(row.value) for row in notes if row.field == "version"), default=1)
    if version > SCHEMA_VERSION:
        raise StoreMisconfigured(
            f"fieldlab {store.fieldlab}: its InfluxDB was written by a newer Fieldlab (schema {version};"
            f" this one knows {SCHEMA_VERSION}): update this one"
        )
    return version


class KnownInfluxStore(InfluxStore):
    """An InfluxDB whose schema is looked at before it is first used: a newer one is refused.

    Where the note cannot be read now (no answer, a token that may only write), the work itself tells why,
    and the note is looked for again later.
    """

    _AGAIN_S: Final = 60.0
    _looked = -math.inf
    _known = False

    def _look(self) -> None:
        if self._known or time.monotonic() - self._looked < self._AGAIN_S:
            return
        self._looked = time.monotonic()
        try:
            schema_of(self)
        except StoreMisconfigured:
            self._looked = -math.inf
            raise
        except StoreUnavailable:
            return
        self._known = True

    def database(self, bucket: Bucket) -> str:
        """InfluxDB's name of a bucket: every use of one asks for it."""
        self._look()
        return super().database(bucket)


def check_influx(store: InfluxStore, retention_s: Mapping[Bucket, int]) -> Health:
    """Look at each bucket of a fieldlab's InfluxDB, and write the note of its schema to see that one can."""
    health = Health(about=f"InfluxDB {store.url}")
    try:
        _look_at(store, retention_s, health)
    except StoreMisconfigured as error:
        health.wrong.append(str(error))
    except StoreUnavailable as error:
        health.wrong.append(f"{error}; check store: url and token, and that it runs")
    return health


def _look_at(store: InfluxStore, retention_s: Mapping[Bucket, int], health: Health) -> None:
    major, minor = store.server_version
    health.about += f", version {major}.{minor}"
    kept = store.kept_s()
    for bucket in ("raw", "kpi"):
        name = store.database(bucket)
        if name not in kept:
            health.wrong.append(f"{name} is not there, or the token may not read it: {_SETUP}")
            continue
        want = retention_s.get(bucket)
        if kept[name] != want:
            health.wrong.append(
                f"{name} keeps data {_said(kept[name])}, the config says {_said(want)}: fieldlab store setup"
            )
        _try(health, name, partial(store.measurements, bucket), "read")
        if bucket == "raw":
            _try(health, name, partial(note_schema, store), "write")


def _try(health: Health, name: str, work: Callable[[], object], what: str) -> None:
    try:
        work()
    except StoreUnavailable as error:
        health.wrong.append(f"{name}: cannot {what}: {error}; give the token that right")


def _said(keep_s: int | None) -> str:
    return "for ever" if keep_s is None else f"{keep_s / 86_400:g} days"
