"""A bounded queue from a network thread to the loop."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Sequence
from typing import Final, NamedTuple

log = logging.getLogger(__name__)

WINDOW: Final = 1_000  # messages on their way that are not yet acknowledged


class Message(NamedTuple):
    """A message as it came; its topic may be anything but UTF-8."""

    topic: bytes
    payload: bytes
    qos: int
    number: int
    retained: bool
    arrived_ns: int


class Inbox:
    """A bounded queue from the network thread to the loop.

    Full, it makes the network thread wait: then the broker's window closes, and that is the back-pressure.
    It is full from `most` on; what comes in one piece is taken in one piece.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, most: int = WINDOW) -> None:
        self._loop = loop
        self._most = most
        self._items: deque[Message] = deque()
        self._room = threading.Condition()
        self._ready = asyncio.Event()
        self._closed = False

    def put(self, messages: Sequence[Message]) -> None:
        """From the network thread: append, waiting for room. Closed, it takes nothing more."""
        with self._room:
            while len(self._items) >= self._most and not self._closed:
                self._room.wait()
            if self._closed:
                return
            first = not self._items
            self._items.extend(messages)
        if first:
            self._wake()

    def close(self) -> None:
        """From either side: nothing more comes in; what is in can still be taken."""
        with self._room:
            self._closed = True
            self._room.notify_all()
        self._wake()

    async def take(self) -> list[Message]:
        """From the loop: all that waits. Empty once the inbox is closed and everything was taken."""
        while True:
            await self._ready.wait()
            with self._room:
                taken = list(self._items)
                self._items.clear()
                if not self._closed:
                    self._ready.clear()
                self._room.notify_all()
                if taken or self._closed:
                    return taken

    def _wake(self) -> None:
        try:
            self._loop.call_soon_threadsafe(self._ready.set)
        except RuntimeError:
            log.debug("the loop is gone; nobody is left to wake")
