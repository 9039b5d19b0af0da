"""What the messages of each topic are for, and what to subscribe to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import Final

from paho.mqtt.matcher import MQTTMatcher

from gateways.payload import Field, Plan, parse
from gateways.source import Point

KNOWN_TOPICS: Final = 20_000  # behind wildcards; more of them are looked up again
_DEEPEST: Final = 8


@dataclass(slots=True)
class Route:
    """What the messages of one topic are for."""

    fields: list[Field] = field(default_factory=list)
    lives: list[Field] = field(default_factory=list)
    clock: bool = False
    plan: Plan = field(default_factory=lambda: Plan(()))

    @property
    def rank(self) -> int:
        """Order of subscription; 0 for plain values."""
        return -1 if self.clock else int(bool(self.lives))


class Routes:
    """From topics, and filters with wildcards, to what their messages are for.

    Parameters
    ----------
    points : iterable of Point
    clock_topic : str or None
    share : str or None
        Group of gateways that share plain values; births and the clock are for each of them.
    """

    def __init__(self, points: Iterable[Point], clock_topic: str | None, share: str | None) -> None:
        self._filters: dict[str, Route] = {}
        self._share = share
        if clock_topic is not None:
            self._filters[clock_topic] = Route(clock=True)
        for point in points:
            topic = point.signal.topic
            if topic is None:
                continue
            route = self._filters.setdefault(topic, Route())
            signal = point.signal
            place = parse(signal.field), parse(signal.time_field), signal.time_unit or "auto"
            wanted = Field(point.machine, point.name, *place)
            (route.lives if point.name == "link" else route.fields).append(wanted)
        self._wild: MQTTMatcher = MQTTMatcher()  # type: ignore[no-untyped-call]
        self._known: dict[bytes, tuple[str, Route] | None] = {}
        for topic, route in self._filters.items():
            route.plan = Plan(route.fields)
            if "+" in topic or "#" in topic:
                self._wild[topic] = route

    def subscriptions(self) -> Iterator[tuple[str, bool]]:
        """Filters, and whether kept messages are wanted on every connection.

        The clock first, for others need the time; births last, for life means that values come through.
        """
        for topic in sorted(self._filters, key=lambda topic: self._filters[topic].rank):
            rank = self._filters[topic].rank
            shared = self._share is not None and rank == 0
            yield f"$share/{self._share}/{topic}" if shared else topic, rank != 0

    def of(self, topic: bytes) -> tuple[str, Route] | None:
        """What a topic's messages are for; None where the configuration knows no such topic.

        Raises
        ------
        UnicodeDecodeError
            If it is no text.
        """
        try:
            return self._known[topic]
        except KeyError:
            found = self._look_up(topic.decode())
            if len(self._known) >= KNOWN_TOPICS:
                self._known.clear()
            self._known[topic] = found
            return found

    def _look_up(self, topic: str) -> tuple[str, Route] | None:
        routes = [self._filters[topic]] if topic in self._filters else []
        routes += [route for route in self._wild.iter_match(topic) if route not in routes]  # type: ignore[no-untyped-call]
        if not routes:
            return None
        if len(routes) == 1:
            return topic, routes[0]
        fields = [wanted for route in routes for wanted in route.fields]
        lives = [wanted for route in routes for wanted in route.lives]
        return topic, Route(fields, lives, any(route.clock for route in routes), Plan(fields))

    def left_over(self, topic: str) -> list[str]:
        """Every filter that may have brought a topic that is not ours: one of an older configuration."""
        levels = topic.split("/")
        if len(levels) > _DEEPEST:
            return [topic]
        found = ["/".join(made) for made in product(*((level, "+") for level in levels))]
        for depth in range(len(levels) + 1):
            found += ["/".join([*made, "#"]) for made in product(*((level, "+") for level in levels[:depth]))]
        found = [made for made in found if made not in self._filters]
        return found + ([f"$share/{self._share}/{made}" for made in found] if self._share else [])
