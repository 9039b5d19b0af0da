"""Fields of JSON documents: `values.temp`, `axes.0.load`, `values[id=temp].v`, each record of an array."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from fieldlab_configs.paths import Path, Pick, Step
from gateways.errors import Undecodable

ABSENT: Final = object()
"""In place of a document that is no JSON, and of what is not there."""


def shown(path: Sequence[Step]) -> str:
    """A path, for a message."""
    said = "".join(f"[{s.key}={s.text}]" if isinstance(s, Pick) else f".{s}" for s in path)
    return said.removeprefix(".")


def find(document: Any, path: Sequence[Step]) -> Any:
    """What stands there; ABSENT where nothing does, Undecodable where nothing could."""
    if document is ABSENT:
        raise Undecodable("not JSON")
    for step in path:
        document = _into(document, step, path)
        if document is ABSENT:
            return ABSENT
    return document


def each(document: Any, path: Path, time_path: Path, time: Any = ABSENT) -> Iterator[tuple[Any, Any]]:
    """What stands there in each record of the arrays on the way, and the time that goes with it.

    A time that stands in the same record is that record's, also of one that is picked; one that stands
    further out is all records'.
    Both are ABSENT where they are not there; a value may also be Undecodable.
    """
    for place, step in enumerate(path):
        if isinstance(document, list) and not _names_one(step):
            for record in document:
                yield from each(record, path[place:], time_path, time)
            return
        if time_path and time_path[0] == step:
            time_path = time_path[1:]
        elif time_path and not (isinstance(document, list) and not _names_one(time_path[0])):
            time, time_path = find(document, time_path), ()
        try:
            document = _into(document, step, path)
        except Undecodable as wrong:
            yield wrong, time
            return
        if document is ABSENT:
            return
    yield document, time


def _names_one(step: Step) -> bool:
    return isinstance(step, Pick) or step.isdecimal()


def _into(document: Any, step: Step, path: Sequence[Step]) -> Any:
    if isinstance(document, dict):
        if isinstance(step, str):
            return document.get(step, ABSENT)
    elif isinstance(document, list) and _names_one(step):
        if isinstance(step, Pick):
            picked = (r for r in document if isinstance(r, dict) and str(r.get(step.key)) == step.text)
            return next(picked, ABSENT)
        number = int(step) if len(step) < 10 else len(document)  # noqa: PLR2004 - no array is that long
        return document[number] if number < len(document) else ABSENT
    raise Undecodable(f"no object that could hold {shown(path)!r}")
