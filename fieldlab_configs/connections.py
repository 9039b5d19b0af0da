"""Where data comes from and goes to: sources, gateways, the store; secrets only by reference."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from fieldlab_configs.base import Fault, Model
from fieldlab_configs.broker_sources import Host, MqttSource, Port, SparkplugSource
from fieldlab_configs.kinds import File, Id, Number, OneOf, Size, Text, Url
from fieldlab_configs.opcua_source import OpcUaSource
from fieldlab_configs.secret import Secret


class DriverSource(Model):
    """A source whose driver has no keys of its own here: it is told an address, and options as texts."""

    kind: Literal["driver"]
    driver: Annotated[str, Id()]  # a name in `gateways.source.DRIVERS`
    address: Annotated[str, Text()]
    options: dict[Annotated[str, Text()], Annotated[str, Text()]] = Field(default_factory=dict)


Source = OpcUaSource | MqttSource | SparkplugSource | DriverSource


class Spool(Model):
    """Where a gateway keeps what is not yet delivered."""

    path: Annotated[Path, File()] = Path("spool")  # absolute: resolved against the config's own folder
    max_bytes: Annotated[int, Size()] = 4_000_000_000
    when_full: Literal["block", "drop_oldest"] = "block"  # block: machines wait, nothing is lost


class Metrics(Model):
    """Where a gateway tells how it does: `/metrics` for Prometheus, and `/healthz`."""

    port: Port
    bind: Host = "127.0.0.1"  # anybody who can reach it may read


class Gateway(Model):
    """One gateway process: its sources, its spool, its clock."""

    sources: tuple[str, ...]
    spool: Spool = Spool()
    clock: Literal["system", "source"] = "system"
    metrics: Metrics | None = None

    def faults(self) -> Iterator[Fault]:
        """No source, or one twice."""
        if not self.sources:
            yield ("sources",), "must name at least one source"
        for number, source in enumerate(self.sources):
            if source in self.sources[:number]:
                yield ("sources", number), f'names "{source}" twice'


class StoreConfig(Model):
    """The store: InfluxDB, or a file."""

    kind: Literal["influxdb", "embedded"]
    url: Annotated[str | None, Url(("http", "https"), "https://10.0.0.7:8086")] = None
    org: str | None = None
    token: Secret | None = None
    retention: dict[
        Annotated[str, OneOf(("raw", "kpi"), what="the name of a bucket")],
        Annotated[str, Text(r"[1-9]\d{0,5}[hdwy]", "must be a time such as 36h, 400d, 52w or 10y")],
    ] = Field(default_factory=dict)
    timeout_s: Annotated[float | None, Number("seconds", least=0.1, most=600)] = None  # influxdb; default 10
    gzip: bool | None = None  # influxdb: lines sent compressed; default: unless it is on this computer
    path: Annotated[Path | None, File()] = None  # embedded; absolute

    def faults(self) -> Iterator[Fault]:
        """Keys of the other kind, or the one that this kind needs missing."""
        of_influxdb = ("url", "org", "token", "timeout_s", "gzip")
        need, other = ("url", ("path",)) if self.kind == "influxdb" else ("path", of_influxdb)
        if getattr(self, need) is None:
            yield (), f"{need} is missing; a store of kind {self.kind} needs it"
        for key in other:
            if getattr(self, key) is not None:
                yield (key,), f"has no meaning for a store of kind {self.kind}; leave it out"

    def retention_s(self, bucket: str) -> int | None:
        """How long a bucket keeps its data [s]; None for ever."""
        match = re.fullmatch(r"(\d+)([hdwy])", self.retention.get(bucket, ""))
        if match is None:
            return None
        return int(match[1]) * {"h": 3600, "d": 86_400, "w": 7 * 86_400, "y": 365 * 86_400}[match[2]]
