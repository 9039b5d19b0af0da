"""What a store remembers of its signals, so that a config cannot change their meaning in silence."""

from __future__ import annotations

import time
from collections.abc import Callable

from fieldlab_configs import Site
from fieldlab_configs.known import Known, check_known, known_of
from ingest.store import Row, Store

_DAY_NS = 86_400 * 1_000_000_000
_EVER = 2**62


def check_signals(site: Site, store: Store) -> None:
    """Refuse a config that says something else of a signal than the store remembers.

    Raises
    ------
    ConfigError
    StoreUnavailable
    """
    check_known(site, {key: known for key, (known, _) in _remembered(store).items()})


def remember_signals(site: Site, store: Store, *, now_ns: Callable[[], int] = time.time_ns) -> None:
    """Remember what the config says of its signals; a signal that it no longer names stays known.

    Twice a day changes nothing; what is older is written again, so that retention never takes it.

    Raises
    ------
    ConfigError
        What is remembered says otherwise.
    StoreUnavailable
    """
    remembered = _remembered(store)
    check_known(site, {key: known for key, (known, _) in remembered.items()})
    wanted = {key: known for key, (known, _) in remembered.items()} | known_of(site)
    at_ns = now_ns()
    rows = []
    for key, known in wanted.items():
        before, since_ns = remembered.get(key, (None, 0))
        if known != before or at_ns - since_ns > _DAY_NS:
            machine, signal = key
            tags = (("fieldlab", site.fieldlab), ("machine", machine), ("signal", signal))
            rows.append(Row("signal", tags, "unit_text", at_ns, known.unit))
            rows.append(Row("signal", tags, "read_from_text", at_ns, known.read_from))
    if rows:
        store.write("kpi", rows)


def _remembered(store: Store) -> dict[tuple[str, str], tuple[Known, int]]:
    """What the store knows of each signal, and since when it does."""
    told: dict[tuple[str, str], dict[str, str]] = {}
    since: dict[tuple[str, str], int] = {}
    for row in store.last_before("kpi", "signal", _EVER):
        tags = dict(row.tags)
        key = tags["machine"], tags["signal"]
        told.setdefault(key, {})[row.field] = str(row.value)
        since[key] = row.time_ns
    return {
        key: (Known(fields.get("unit_text", ""), fields.get("read_from_text", "")), since[key])
        for key, fields in told.items()
    }
