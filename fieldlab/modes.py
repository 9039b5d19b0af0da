"""Who may read what commands write: owner and group, whatever umask they are started with."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

_OTHERS = 0o027


class _Umask:
    given: int | None = None


def shut_others_out() -> None:
    """From now on files are 640 at most and folders 750; a stricter umask stays.

    Data lie in stores, exports, backups, reports and the files of servers that are started here: for the
    process as a whole, so that no way to them is forgotten.
    """
    _Umask.given = os.umask(0o077)
    os.umask(_Umask.given | _OTHERS)


@contextmanager
def for_others() -> Iterator[None]:
    """What is written inside holds no data, and is there for others' programs: as the umask would have it."""
    if _Umask.given is None:
        yield
        return
    strict = os.umask(_Umask.given)
    try:
        yield
    finally:
        os.umask(strict)
