"""What is known of an edge node and its devices: births, sequence, session. Nothing here knows a broker."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from gateways.errors import Undecodable
from gateways.sparkplug_payload import Heard, Told, bd_seq

SEQUENCE: Final = 256
NAMESPACE: Final = "spBv1.0"
NODE: Final = ""
"""In place of a device: the node itself."""
_STALE_MOST: Final = 128


class Topic(NamedTuple):
    """Where a message came from."""

    group: str
    kind: str  # NBIRTH, DDATA and so on
    node: str
    device: str

    @property
    def key(self) -> str:
        """Group and node."""
        return f"{self.group}/{self.node}"

    @property
    def place(self) -> str:
        """Group, node and device: as a signal of the configuration names it."""
        return f"{self.key}/{self.device}" if self.device else self.key


def topic_of(text: str) -> Topic:
    """A topic of Sparkplug B; Undecodable where it is none."""
    levels = text.split("/")
    if len(levels) not in (4, 5) or levels[0] != NAMESPACE or not all(levels):
        raise Undecodable("not a topic of Sparkplug B")
    device = levels[4] if len(levels) > 4 else NODE  # noqa: PLR2004 - the fifth
    if levels[2].startswith("D") != bool(device):
        raise Undecodable("not a topic of Sparkplug B")
    return Topic(levels[1], levels[2], levels[3], device)


class Meant(NamedTuple):
    """What a metric of a message means."""

    name: str
    datatype: int


@dataclass(slots=True)
class Birth:
    """What a birth says of the metrics that follow it."""

    by_name: dict[str, int] = field(default_factory=dict)
    by_alias: dict[int, Meant] = field(default_factory=dict)


class Missing(NamedTuple):
    """A loss: since the last message before it."""

    since_ns: int | None
    messages: int
    reason: str = "sequence"


@dataclass(slots=True)
class Node:
    """An edge node.

    Attributes
    ----------
    births : dict
        By device; of those that have one.
    doubtful : set of str
        Devices whose aliases may mean something else since messages were missed: a birth may have been
        among them.
    """

    births: dict[str, Birth] = field(default_factory=dict)
    doubtful: set[str] = field(default_factory=set)
    session: int | None = None
    missing: Missing | None = None
    heard_ns: int | None = None
    _next: int | None = None

    def born(self, heard: Heard, at_ns: int) -> bool:
        """The node's own birth; whether it begins another session, with other devices."""
        session = bd_seq(heard)
        another = NODE not in self.births or session != self.session
        self.session = session
        self.births = {NODE: _definitions(heard)}
        self.doubtful.clear()
        self._follow(heard, at_ns)
        return another

    def device_born(self, device: str, heard: Heard) -> None:
        """A device's birth; it needs the node's."""
        self.births[device] = _definitions(heard)
        self.doubtful.discard(device)

    def died(self, heard: Heard) -> bool:
        """The node's death; False for that of an earlier session, which a slow broker may tell late."""
        session = bd_seq(heard)
        if session is not None and self.session is not None:
            behind = (self.session - session) % SEQUENCE
            if 0 < behind < _STALE_MOST:
                return False
        self.births.clear()
        self.doubtful.clear()
        self._next = None
        return True

    def device_died(self, device: str) -> None:
        """A device's death."""
        self.births.pop(device, None)

    def in_sequence(self, heard: Heard, at_ns: int) -> bool:
        """Follow the sequence; False where messages are missing, which `missing` then tells."""
        seq = heard.seq
        good = seq is None or self._next is None or seq == self._next
        if not good and seq is not None and self._next is not None:
            before = self.missing or Missing(self.heard_ns, 0)
            self.missing = before._replace(messages=before.messages + (seq - self._next) % SEQUENCE)
            self.doubtful.update(self.births)
        self._follow(heard, at_ns)
        return good

    def _follow(self, heard: Heard, at_ns: int) -> None:
        if heard.seq is not None:
            self._next = (heard.seq + 1) % SEQUENCE
        self.heard_ns = at_ns

    def meaning(self, device: str, told: Told) -> Meant | None:
        """What a metric of a data message is; None where only a new birth can say it.

        Raises
        ------
        Undecodable
            If its device has had no birth.
        """
        birth = self.births.get(device)
        if birth is None:
            raise Undecodable("no birth has been heard of it yet; it was asked for one")
        if told.name is None:
            doubtful = device in self.doubtful or told.alias is None
            return None if doubtful or told.alias is None else birth.by_alias.get(told.alias)
        if told.datatype is not None:
            return Meant(told.name, told.datatype)
        datatype = birth.by_name.get(told.name)
        return None if datatype is None or device in self.doubtful else Meant(told.name, datatype)


def _definitions(heard: Heard) -> Birth:
    birth = Birth()
    for told in heard.metrics:
        if told.name is None or told.datatype is None:
            continue
        birth.by_name[told.name] = told.datatype
        if told.alias is not None:
            birth.by_alias[told.alias] = Meant(told.name, told.datatype)
    return birth
