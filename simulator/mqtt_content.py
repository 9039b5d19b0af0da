"""What a simulated machine says by MQTT: topics and messages in which a gateway finds its signals."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any, Final

from fieldlab_configs.paths import Path, Pick
from simulator.errors import CannotSimulate

_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_UNITS: Final = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}


def rfc3339(time_ns: int) -> str:
    """UTC nanoseconds as text, to the last digit that is not 0."""
    seconds, rest = divmod(time_ns, 1_000_000_000)
    whole = (_EPOCH + dt.timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")
    fraction = f"{rest:09d}".rstrip("0")
    return f"{whole}.{fraction}Z" if fraction else f"{whole}Z"


def written(time_ns: int, unit: str | None) -> str | int | float:
    """A time as the configuration says that it is written; RFC 3339 where it says nothing."""
    scale = _UNITS.get(unit or "")
    if scale is None:
        return rfc3339(time_ns)
    whole, rest = divmod(time_ns, scale)
    return whole if rest == 0 else time_ns / scale


def spoken(topic: str) -> str:
    """A topic that a filter matches: what stands for any level must be some level."""
    return topic.replace("+", "simulated").replace("#", "simulated")


def document(content: Mapping[Path, Any], topic: str) -> str:
    """JSON with every value at its path; a bare value where there is no path.

    Raises
    ------
    CannotSimulate
        If the paths contradict each other: an object here, an array there.
    """
    if list(content) == [()]:
        value = content[()]
        return value if isinstance(value, str) else json.dumps(value)
    root: Any = [] if any(path and isinstance(path[0], Pick) for path in content) else {}
    try:
        # Longest first: a record must be there before its time is.
        for path, value in sorted(content.items(), key=lambda item: -len(item[0])):
            _put(root, path, value)
    except (TypeError, AttributeError, IndexError):
        raise CannotSimulate(f"topic {topic}: its signals' fields do not fit into one message") from None
    return json.dumps(root)


def _put(place: Any, path: Path, value: Any) -> None:
    step, rest = path[0], path[1:]
    if isinstance(step, Pick):
        found = next((record for record in place if record.get(step.key) == step.text), None)
        if found is None:
            found = {step.key: step.text}
            place.append(found)
        _put(found, rest, value)
    elif isinstance(place, list):
        for record in place:
            _put(record, path, value)
    elif rest:
        _put(place.setdefault(step, [] if isinstance(rest[0], Pick) else {}), rest, value)
    else:
        place[step] = value
