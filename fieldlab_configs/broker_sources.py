"""An MQTT broker: where it is, how it is trusted, and what its topics mean; plain, or Sparkplug B."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field

from fieldlab_configs.base import Fault, Model
from fieldlab_configs.kinds import File, Number, OneOf, Text
from fieldlab_configs.secret import Secret

Port = Annotated[int, Number("a port", least=1, most=65535, whole=True)]
Host = Annotated[str, Text(r"[^\s/@]+", "must be a host name or address, without a scheme, port or path")]
_PLAIN_TOPIC = "must be one MQTT topic, without + or #"

PLACES: Final = ("line", "machine", "signal")
"""What a pattern may leave open, between braces: each signal's own names are filled in."""
TIME_UNITS: Final = ("auto", "s", "ms", "us", "ns", "rfc3339")

_LEVEL = r"(\+|[^+#/]*)"
Filter = Annotated[
    str,
    Text(
        rf"(?!\$share/)(#|{_LEVEL}(/{_LEVEL})*(/#)?)",
        "must be an MQTT topic; + stands for one whole level, # for all that follow",
    ),
]
_STEP = r'("[^"]+"|[^".\[\]]+)?(\[[^\[\]=]+=[^\[\]]*\])?'
Path_ = Annotated[
    str, Text(rf"(?=.){_STEP}(\.(?=.){_STEP})*", "must be a field such as values.temp or values[id=temp].v")
]
TimeUnit = Annotated[str | None, OneOf(TIME_UNITS, {"µs": "us"}, "a unit of time")]
_ID = r"[^+#/]+"
Device = Annotated[
    str, Text(rf"{_ID}/{_ID}(/{_ID})?", "must be group/node or group/node/device, as Sparkplug names it")
]
Names = dict[Annotated[str, Text()], Annotated[str, Text(r"[^+#]+", "must be a name without + or #")]]


def open_places(text: str) -> list[str]:
    """The words between braces."""
    return re.findall(r"\{(.*?)\}", text)


def wrong_place(text: str | None) -> str | None:
    """What is wrong with the places that a pattern leaves open."""
    wrong = [place for place in open_places(text or "") if place not in PLACES]
    known = ", ".join(f"{{{place}}}" for place in PLACES)
    return f"knows {known}, got {{{wrong[0]}}}" if wrong else None


class Topics(Model):
    """Where the signals of all machines are found that name no topic of their own."""

    short_for: ClassVar[str | None] = "topic"

    topic: Filter
    field: Path_ | None = None
    time_field: Path_ | None = None
    time_unit: TimeUnit = None

    def faults(self) -> Iterator[Fault]:
        """A place that nobody can fill in; a pattern that is the same for all."""
        for key in ("topic", "field", "time_field"):
            if wrong := wrong_place(getattr(self, key)):
                yield (key,), wrong
        if "{machine}" not in f"{self.topic} {self.field}":
            yield ("topic",), "must have {machine} in it, or all machines would tell the same"


class BrokerSource(Model):
    """What plain MQTT and Sparkplug B have in common."""

    host: Host
    port: Port | None = None  # default 1883, or 8883 with TLS
    tls: bool = False
    ca: Annotated[Path | None, File()] = None  # default: what the system trusts
    certificate: Annotated[Path | None, File()] = None
    private_key: Annotated[Path | None, File()] = None
    private_key_password: Secret | None = None
    user: str | None = None
    password: Secret | None = None
    protocol: Literal["5", "3.1.1", "auto"] = "auto"
    client_id: str | None = None  # default: fieldlab, gateway and source
    # A connection that is dead but open is noticed after twice this: by default within 40 s.
    keep_alive_s: Annotated[int, Number("seconds", least=1, most=3600, whole=True)] = 20
    receive_maximum: Annotated[int, Number("messages", least=1, most=65535, whole=True)] = 1000

    @property
    def port_number(self) -> int:
        """The port, with the defaults of MQTT."""
        if self.port is not None:
            return self.port
        return 8883 if self.tls else 1883

    def faults(self) -> Iterator[Fault]:
        """A password without a user; half a certificate; certificates for a connection in clear."""
        if self.password is not None and self.user is None:
            yield ("user",), "is missing; a password needs a user"
        pairs = (("certificate", "private_key"), ("private_key", "certificate"))
        for one, other in (*pairs, ("private_key", "private_key_password")):
            if getattr(self, one) is None and getattr(self, other) is not None:
                yield (one,), f"is missing; {other} needs it"
        for key in ("ca", "certificate"):
            if not self.tls and getattr(self, key) is not None:
                yield (key,), "has no meaning without tls: true"


class MqttSource(BrokerSource):
    """An MQTT broker."""

    kind: Literal["mqtt"]
    clock_topic: Annotated[str | None, Text(r"[^+#]+", _PLAIN_TOPIC)] = None  # for `clock: source`
    topics: Topics | None = None
    names: Names = Field(default_factory=dict)
    share: Annotated[str | None, Text(r"[^+#/\s]+", "must be a name without /, + or #")] = None


class SparkplugSource(BrokerSource):
    """A broker with Sparkplug B edge nodes behind it."""

    kind: Literal["sparkplug"]
    devices: Device | None = None
    names: Names = Field(default_factory=dict)
    host_id: Annotated[str | None, Text(_ID, "must be a name without /, + or #")] = None
    state: Literal["3.0", "2.2", "off"] = "3.0"
    rebirth_s: Annotated[float, Number("seconds", least=1, most=3600)] = 10.0

    def faults(self) -> Iterator[Fault]:
        """As every broker; a pattern that is the same for all."""
        yield from super().faults()
        if wrong := wrong_place(self.devices):
            yield ("devices",), wrong
        elif self.devices is not None and "{machine}" not in self.devices:
            yield ("devices",), "must have {machine} in it, or all machines would be one device"
