"""Publishing: ask, take, hand over, acknowledge with the next request; in the order the server sends."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any, Final

from asyncua import ua
from asyncua.ua.uaerrors import UaError

from gateways.errors import LinkLost
from gateways.opcua_client import CappedClient
from gateways.opcua_out import Out
from gateways.opcua_reader import Reader
from gateways.opcua_values import time_ns

log = logging.getLogger(__name__)

MOST_REPUBLISHED: Final = 1_000
REORDER_S: Final = 0.3  # so long a message may come after the one that follows it
_LAST: Final = 0xFFFF_FFFF


def following(number: int) -> int:
    """The sequence number after another; it is a UInt32 that wraps to 1."""
    return 1 if number >= _LAST else number + 1


class Publishing:
    """The messages of one subscription.

    Parameters
    ----------
    client : CappedClient
    subscription : int
        Its id.
    out : Out
        Where its messages go.
    reader : Reader
    requests : int
        How many Publish requests wait at the server.
    missed : callable
        Called when messages are lost, after it was noted what is owed.
    """

    def __init__(
        self,
        client: CappedClient,
        subscription: int,
        out: Out,
        reader: Reader,
        requests: int,
        missed: Callable[[], None],
    ) -> None:
        self._client = client
        self._subscription = subscription
        self._out = out
        self._reader = reader
        self._requests = requests
        self._missed = missed
        self._next = 1
        self._old = 0
        self._done: list[ua.SubscriptionAcknowledgement] = []
        self._early: list[tuple[float, ua.PublishResult]] = []
        self.heard = False
        """Whether the subscription has said anything on this connection."""

    async def go_on(self, next_message: int) -> None:
        """Take over where another connection stopped: with what was sent to it and never arrived."""
        self._next = next_message
        self._old = next_message  # what was handed over before need not be kept any more
        while again := await self._republished(self._next):
            await self._out.hand_over(self._reader.read(again))
            self._done.append(self._acknowledgement(self._next))
            self._next = following(self._next)
            self._out.advance(self._next)

    async def drain(self) -> None:
        """Take what the server has of it by now, and no more."""
        more = True
        while more:
            done, self._done = self._done, []
            result = await self._client.publish(done)
            if result.SubscriptionId == self._subscription:
                await self._take(result)
                more = bool(result.MoreNotifications)

    async def work(self, silent_after_s: float) -> None:
        """Take messages until cancelled.

        Raises
        ------
        LinkLost
            If nothing is heard for `silent_after_s`, or the server ended the subscription.
        """
        asked: set[asyncio.Task[ua.PublishResult]] = set()
        answered: set[asyncio.Task[ua.PublishResult]] = set()
        limit = self._requests
        heard_s = time.monotonic()
        try:
            while True:
                while len(asked) < limit:
                    asked.add(asyncio.create_task(self._client.publish(self._done)))
                    self._done = []
                wait_s = REORDER_S if self._early else 1.0
                answered, asked = await asyncio.wait(
                    asked, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED
                )
                if not answered and (silence_s := time.monotonic() - heard_s) > silent_after_s:
                    raise LinkLost(f"no sign of life for {silence_s:.0f} s")
                for task in answered:
                    heard_s = time.monotonic()
                    try:
                        result = task.result()
                    except ua.uaerrors.BadTooManyPublishRequests:
                        limit = max(limit - 1, 1)
                    except (ua.uaerrors.BadTimeout, ua.uaerrors.UaStructParsingError):
                        log.debug("what could not be read shows as a jump in the numbers")
                    else:
                        if result.SubscriptionId == self._subscription:
                            self._early.append((heard_s, result))
                await self._take_in_order()
        finally:
            for task in asked:
                task.cancel()
            await asyncio.gather(*asked, *answered, return_exceptions=True)

    async def _take_in_order(self) -> None:
        """Take what has come, by number: with several requests open, answers may overtake each other."""
        self._early.sort(key=lambda early: early[1].NotificationMessage.SequenceNumber)
        while self._early:
            came_s, result = self._early[0]
            ahead = result.NotificationMessage.SequenceNumber > self._next
            if ahead and time.monotonic() - came_s < REORDER_S:
                return
            del self._early[0]
            await self._take(result)
            self.heard = True

    async def _take(self, result: ua.PublishResult) -> None:
        """Hand over one message, and those that are missing before it."""
        message = result.NotificationMessage
        number = int(message.SequenceNumber)
        finished: list[int] = []
        lost = await self._catch_up(number, finished) if number > self._next else 0
        batch = self._reader.read(message.NotificationData or ())
        if lost:
            log.warning("source %s: %d notifications are lost", self._out.source, lost)
            self._out.owe("sequence", time_ns(message.PublishTime), lost)
        if message.NotificationData:
            await self._out.hand_over(batch)
            finished.append(number)
            if number >= self._next:  # one that comes late, after others, changes nothing
                self._next = following(number)
        self._out.heard(time_ns(message.PublishTime), next_message=self._next)
        if lost:
            self._missed()
        # Only now: all of it is durable, and what is owed is written down.
        finished += [int(n) for n in result.AvailableSequenceNumbers or () if n < self._old]
        self._old = 0
        self._done += [self._acknowledgement(n) for n in finished]

    async def _catch_up(self, number: int, finished: list[int]) -> int:
        """Ask for the messages before one once more, in their order; how many the server no longer has."""
        lost = 0
        while self._next < number:
            again = await self._republished(self._next)
            if again:
                await self._out.hand_over(self._reader.read(again))
                finished.append(self._next)
            else:
                lost += 1
            self._next += 1
            if lost > MOST_REPUBLISHED:
                lost += number - self._next
                self._next = number
        return lost

    async def _republished(self, number: int) -> list[Any]:
        """A message that did not arrive, once more; nothing where the server has it no longer."""
        try:
            message = await self._client.uaclient.session.republish(self._subscription, number)
        except (UaError, ValueError, TypeError, RecursionError):
            return []  # not available, or as unreadable as before
        return list(message.NotificationData or ())

    def _acknowledgement(self, number: int) -> ua.SubscriptionAcknowledgement:
        return ua.SubscriptionAcknowledgement(ua.UInt32(self._subscription), ua.UInt32(number))
