"""One job per fieldlab: a lease in the store, renewed while its holder lives."""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Callable
from typing import Final

from analytics.deliveries import Store
from analytics.query import DAY_NS
from analytics.signals import NS
from fieldlab_configs import Site

LASTS_S: Final = 10.0
RENEW_EVERY_S: Final = 2.0
_SETTLES_S: Final = 0.4
"""So long after writing its name a job looks whether another wrote over it."""
_LOOK_EVERY_S: Final = 0.5
_EVER: Final = 2**62


class LeaseHeld(Exception):  # noqa: N818 - it says what is
    """Another job has the lease, and lives."""


class Lease:
    """The right to write a fieldlab's atoms, held by one process at a time.

    Stores have no compare-and-swap, so a lease is a row: the last one written counts, and who finds another
    name in it stops. Should two ever hold it for a moment, both write the same figures.

    Parameters
    ----------
    site : Site
    store : Store
    lasts_s : float
        How long after its last renewal a dead holder's lease ends.
    clock_ns : callable
    sleep : callable
        Waits so many seconds.
    """

    def __init__(
        self,
        site: Site,
        store: Store,
        *,
        lasts_s: float = LASTS_S,
        clock_ns: Callable[[], int] = time.time_ns,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._tags = (("fieldlab", site.fieldlab), ("gateway", "none"))
        self._fieldlab = site.fieldlab
        self._store = store
        self._lasts_s = lasts_s
        self._clock_ns = clock_ns
        self._sleep = sleep
        self.holder = f"process {os.getpid()} on {socket.gethostname()} ({secrets.token_hex(4)})"
        self._since_ns = 0

    def acquire(self) -> None:
        """Take the lease, if need be after the time in which a dead holder's one ends.

        Raises
        ------
        LeaseHeld
            Its holder lives: it has renewed it meanwhile.
        """
        seen = self._last()
        while seen is not None and seen[0] != self.holder and seen[1] > self._clock_ns():
            self._sleep(_LOOK_EVERY_S)
            now = self._last()
            if now is not None and now != seen:
                raise self._held(now[0])
        self._since_ns = self._clock_ns()
        self._write(self._lasts_s)
        self._sleep(min(_SETTLES_S, self._lasts_s / 3))
        self._mine()

    def renew(self) -> None:
        """Say that its holder lives; LeaseHeld where another has taken it."""
        self._mine()
        if self._clock_ns() - self._since_ns > DAY_NS:  # one row a day, lest retention takes it
            self._since_ns = self._clock_ns()
        self._write(self._lasts_s)

    def release(self) -> None:
        """Let it go at once, where it is still held."""
        seen = self._last()
        if seen is not None and seen[0] == self.holder:
            self._write(0.0)

    def _mine(self) -> None:
        seen = self._last()
        if seen is None or seen[0] != self.holder:
            raise self._held(seen[0] if seen else "nobody")

    def _held(self, holder: str) -> LeaseHeld:
        return LeaseHeld(
            f"fieldlab {self._fieldlab}: another fieldlab analytics works on this store: {holder};"
            f" one job per fieldlab: stop that one first"
        )

    def _last(self) -> tuple[str, int] | None:
        """Holder and end of the lease that was written last."""
        rows = self._store.last_before("kpi", "job", _EVER, where=dict(self._tags))
        told = {row[2]: row[4] for row in rows}
        if "holder_text" not in told or "lease_until_ns" not in told:
            return None
        return str(told["holder_text"]), int(told["lease_until_ns"])

    def _write(self, lasts_s: float) -> None:
        until_ns = self._clock_ns() + round(lasts_s * NS)
        self._store.write(
            "kpi",
            [
                ("job", self._tags, "holder_text", self._since_ns, self.holder),
                ("job", self._tags, "lease_until_ns", self._since_ns, until_ns),
            ],
        )
