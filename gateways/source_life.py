"""What one instance of a driver says of life; once another has taken its place, its word no longer counts."""

from __future__ import annotations

import asyncio

from gateways.life import Life


class SourceLife:
    """Life as one instance of a driver tells it.

    Parameters
    ----------
    life : Life
        Of the gateway.
    """

    def __init__(self, life: Life) -> None:
        self._life = life
        self._relieved = False
        self.risen = asyncio.Event()
        """Set once it has proof of life of any machine."""
        self.machines: set[str] = set()
        """Of which it ever had one."""

    def relieve(self) -> None:
        """Another instance takes over: that this one goes is no end of life."""
        self._relieved = True

    def rise(self, source: str, machine: str, *, hold_s: float | None = None) -> None:
        """As Life's."""
        self.machines.add(machine)
        self.risen.set()
        if not self._relieved:
            self._life.rise(source, machine, hold_s=hold_s)

    def fall(self, source: str, machine: str | None = None) -> None:
        """As Life's."""
        if not self._relieved:
            self._life.fall(source, machine)

    def is_up(self, source: str, machine: str) -> bool:
        """As Life's."""
        return self._life.is_up(source, machine)

    def advance(self) -> None:
        """As Life's."""
        self._life.advance()

    async def flush(self) -> None:
        """As Life's."""
        await self._life.flush()
