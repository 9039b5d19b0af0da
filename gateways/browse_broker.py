"""The topics that a broker tells within a while, and what stands in their messages."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Iterator
from typing import Any, Final

from fieldlab_configs.broker_sources import BrokerSource
from gateways.browse import Bounds, Progress, Result, Seen, held
from gateways.clock import SECOND_NS
from gateways.errors import LinkLost, Undecodable
from gateways.inbox import Message
from gateways.mqtt_address import address_of
from gateways.mqtt_link import ANSWER_S, TRIAL_S, BrokerLink, WrongProtocol
from gateways.mqtt_tls import NoAnswer, explain
from gateways.payload_times import time_of
from gateways.sparkplug_nodes import topic_of
from gateways.sparkplug_payload import datatype_name, read, value

MOST_BYTES: Final = 1_000_000
MOST_FIELDS: Final = 200
_TIMES: Final = frozenset({"t", "ts", "time", "timestamp", "datetime", "date_time", "_time"})


async def browse_broker(
    config: BrokerSource, name: str, topic: str, bounds: Bounds, progress: Progress
) -> Result:
    """Every value in the messages that come within a while.

    Parameters
    ----------
    config : BrokerSource
        How to connect.
    name : str
        The source's, for messages.
    topic : str
        What to subscribe to; ``#`` for everything.
    bounds : Bounds
    progress : callable
        Told now and then how far it is.

    Raises
    ------
    LinkLost
        If the broker cannot be had; the message says why.
    """
    try:
        link = await _open(config, name)
    except OSError as error:
        raise LinkLost(explain(error, config, name)) from error
    listener = _Listener(bounds)
    try:
        link.subscribe([(topic, True)])
        await listener.listen(link, progress)
    finally:
        await link.close(1.5)
    if link.refused:
        raise LinkLost(f"the broker refuses {topic}; look at its access rules")
    kind = "sparkplug" if topic.startswith("spBv1.0") else "mqtt"
    source: dict[str, Any] = {"kind": kind, "host": config.host, "port": config.port_number}
    address = f"mqtt://{config.host}:{config.port_number}/{topic}"
    return Result(address, source | ({"tls": True} if config.tls else {}), listener.seen(), listener.cut)


async def _open(config: BrokerSource, name: str) -> BrokerLink:
    versions = ["5", "3.1.1"] if config.protocol == "auto" else [config.protocol]
    while True:
        version = versions.pop(0)
        # A client id of its own: with the gateway's the broker would end the gateway's connection.
        address = address_of(config, name, f"fieldlab-browse-{os.getpid()}", keeps=False)
        link = BrokerLink(version, address, time.time_ns)
        try:
            await link.open(within_s=TRIAL_S if versions else ANSWER_S)
        except (WrongProtocol, NoAnswer):
            await link.close(0.5)
            if not versions:
                raise
        except BaseException:
            await link.close(0.5)
            raise
        else:
            return link


class _Listener:
    """Keeps the last message of each topic."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._last: dict[str, Message] = {}
        self._count = 0
        self.cut: str | None = None

    async def listen(self, link: BrokerLink, progress: Progress) -> None:
        """Listen until the time is over or there are enough topics."""
        until = time.monotonic() + self._bounds.seconds
        told = 0.0
        while (left := until - time.monotonic()) > 0 and self.cut is None:
            try:
                async with asyncio.timeout(min(left, 1.0)):
                    messages = await link.inbox.take()
            except TimeoutError:
                messages = []
            if not messages and not link.alive:
                raise LinkLost(link.why)
            link.acknowledge(messages)
            for message in messages:
                self._keep(message)
            if time.monotonic() - told >= 1.0:
                told = time.monotonic()
                progress(f"{len(self._last)} topics, {self._count} messages; {max(left, 0):.0f} s to go")

    def _keep(self, message: Message) -> None:
        self._count += 1
        topic = message.topic.decode("utf-8", "backslashreplace")
        if topic not in self._last and len(self._last) >= self._bounds.most:
            self.cut = f"stopped at {self._bounds.most} topics (--limit)"
            return
        self._last[topic] = message

    def seen(self) -> list[Seen]:
        """Every value in the last message of every topic."""
        found: list[Seen] = []
        for topic, message in sorted(self._last.items()):
            sparkplug = topic.startswith("spBv1.0/")
            for each in (
                _sparkplug(topic, message) if sparkplug else _plain(topic, message, self._bounds.depth)
            ):
                if len(found) >= self._bounds.most:
                    self.cut = f"stopped at {self._bounds.most} values (--limit)"
                    return found
                found.append(each)
        return found


def _plain(topic: str, message: Message, depth: int) -> Iterator[Seen]:
    path, place = tuple(topic.split("/")), {"topic": topic}
    arrived_s = (time.time_ns() - message.arrived_ns) / SECOND_NS
    age_s = None if message.retained else arrived_s
    if len(message.payload) > MOST_BYTES:
        yield Seen(path, place, "", None, f"{len(message.payload)} bytes", age_s)
        return
    try:
        text = message.payload.decode()
    except UnicodeDecodeError:
        yield Seen(path, place, "bytes", None, f"{len(message.payload)} bytes, no text", age_s)
        return
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        yield Seen(path, place, "text", text[:MOST_FIELDS], "good", age_s)
        return
    if not isinstance(document, dict | list):
        yield _scalar(path, place, document, age_s)
        return
    record = document[0] if isinstance(document, list) and document else document
    time_field, told_ns = _time_of(record)
    if told_ns is not None:
        age_s = (time.time_ns() - told_ns) / SECOND_NS
    if time_field is not None:
        place |= {"time_field": time_field}
    fields = [each for each in _fields(document, (), depth) if ".".join(each[0]) != time_field]
    for keys, content in fields[:MOST_FIELDS]:
        yield _scalar((*path, *keys), place | {"field": _joined(keys)}, content, age_s)


def _scalar(path: tuple[str, ...], place: dict[str, str], content: Any, age_s: float | None) -> Seen:
    if isinstance(content, bool | int | float):
        return Seen(path, place, type(content).__name__, *held(content), age_s)
    if content is None:
        return Seen(path, place, "null", None, "nothing in it", age_s)
    return Seen(path, place, "text", str(content), "good", age_s)


def _fields(document: Any, keys: tuple[str, ...], depth: int) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every scalar; of an array of records, those of the first, for all have the same fields."""
    if isinstance(document, dict) and depth > 0:
        for key, inner in document.items():
            yield from _fields(inner, (*keys, key), depth - 1)
    elif isinstance(document, list) and depth > 0:
        if document and isinstance(document[0], dict):
            yield from _fields(document[0], keys, depth - 1)
        else:
            for number, inner in enumerate(document):
                yield from _fields(inner, (*keys, str(number)), depth - 1)
    elif not isinstance(document, dict | list):
        yield keys, document


def _joined(keys: tuple[str, ...]) -> str:
    return ".".join(f'"{key}"' if any(c in key for c in ".[]") else key for key in keys)


def _time_of(document: Any) -> tuple[str | None, int | None]:
    """The field that holds the message's own time, as far as its name and value say so."""
    for key, content in document.items() if isinstance(document, dict) else ():
        if key.lower() in _TIMES:
            try:
                return key, time_of(content)
            except Undecodable:
                continue
    return None, None


def _sparkplug(topic: str, message: Message) -> Iterator[Seen]:
    """The metrics of an edge node's message that has their names: a birth, as a rule."""
    try:
        where, heard = topic_of(topic), read(message.payload)
    except Undecodable as error:
        yield Seen(tuple(topic.split("/")), {"topic": topic}, "bytes", None, str(error))
        return
    device = where.place
    for told in heard.metrics:
        if told.name is None or told.datatype is None:
            continue
        path = (*device.split("/"), *told.name.split("/"))
        age_s = None if told.time_ns is None else (time.time_ns() - told.time_ns) / SECOND_NS
        place = {"device": device, "metric": told.name}
        try:
            content, quality = value(told, told.datatype), "good"
        except Undecodable as error:
            content, quality = None, str(error)
        yield Seen(path, place, datatype_name(told.datatype), content, quality, age_s)
