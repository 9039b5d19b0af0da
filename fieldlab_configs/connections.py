"""Where data comes from and goes to: sources, gateways, the store; secrets only by reference."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict


class ConnectionModel(BaseModel):
    """Frozen and strict."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Secret(ConnectionModel):
    """A secret by reference: an environment variable or a file. Never the secret itself."""

    env: str | None = None
    file: Path | None = None          # absolute: resolved against the config's own folder

    def read(self) -> str:
        """The secret itself, read when needed and never kept."""
        raise NotImplementedError


class OpcUaSource(ConnectionModel):
    """An OPC UA server."""

    kind: Literal["opcua"]
    endpoint: str
    user: str | None = None
    password: Secret | None = None
    security: Literal["none", "sign", "sign_and_encrypt"] = "none"
    publishing_interval_ms: float = 100.0
    sampling_interval_ms: float = 0.0
    queue_size: int = 1000
    clock_node: str = "i=2258"        # Server_ServerStatus_CurrentTime


class MqttSource(ConnectionModel):
    """An MQTT broker."""

    kind: Literal["mqtt"]
    host: str
    port: int | None = None           # default 1883, or 8883 with TLS
    tls: bool = False
    user: str | None = None
    password: Secret | None = None
    protocol: Literal["5", "3.1.1", "auto"] = "auto"
    client_id: str | None = None      # default: fieldlab, gateway and source
    clock_topic: str | None = None    # RFC 3339 or nanoseconds, for `clock: source`


Source = OpcUaSource | MqttSource


class Spool(ConnectionModel):
    """Where a gateway keeps what is not yet delivered."""

    path: Path = Path("spool")        # absolute: resolved against the config's own folder
    max_bytes: int = 4_000_000_000


class Gateway(ConnectionModel):
    """One gateway process: its sources, its spool, its clock."""

    sources: tuple[str, ...]
    spool: Spool = Spool()
    clock: Literal["system", "source"] = "system"


class StoreConfig(ConnectionModel):
    """The store: InfluxDB, or a file."""

    kind: Literal["influxdb", "embedded"]
    url: str | None = None
    org: str | None = None
    token: Secret | None = None
    retention: dict[str, str] = {}    # {raw: 400d, kpi: 10y}
    path: Path | None = None          # embedded; absolute
