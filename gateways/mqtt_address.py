"""Whom to connect to as an MQTT client, and as whom; secrets and certificates as they are at that moment."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import NamedTuple

from fieldlab_configs import ConfigError
from fieldlab_configs.broker_sources import BrokerSource
from gateways.errors import SourceRefused
from gateways.inbox import WINDOW
from gateways.mqtt_tls import context


class Will(NamedTuple):
    """What the broker says for us when we are gone."""

    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Address:
    """Whom to connect to, and as whom.

    Attributes
    ----------
    host, port : str, int
    client_id : str
        Fixed: the broker keeps our queue under it.
    user, password : str or None
    keep_alive_s : int
        After so long without a word the broker is asked whether it is there, after as long again given up.
    window : int
        Messages on their way that are not yet acknowledged.
    keeps : bool
        Whether the broker keeps our subscriptions and queue while we are away.
    will : Will or None
    tls : SSLContext or None
    """

    host: str
    port: int
    client_id: str
    user: str | None = None
    password: str | None = None
    keep_alive_s: int = 20
    window: int = WINDOW
    keeps: bool = True
    will: Will | None = None
    tls: ssl.SSLContext | None = None


def address_of(
    broker: BrokerSource, name: str, client_id: str, *, keeps: bool, will: Will | None = None
) -> Address:
    """Whom to connect to, with secrets and certificates as they are now.

    Parameters
    ----------
    broker : BrokerSource
    name : str
        The source's, for messages.
    client_id : str
        Of this connection: the broker ends another one of the same.
    keeps : bool
        Whether the broker keeps our subscriptions and queue while we are away.
    will : Will, optional

    Raises
    ------
    SourceRefused
        If a secret cannot be read.
    LinkLost
        If a certificate cannot be used.
    """
    try:
        password = broker.password.read() if broker.password else None
        tls = context(broker, name)
    except ConfigError as error:
        raise SourceRefused(f"its password cannot be read: {error}") from error
    return Address(
        host=broker.host,
        port=broker.port_number,
        client_id=client_id,
        user=broker.user,
        password=password,
        keep_alive_s=broker.keep_alive_s,
        window=broker.receive_maximum,
        keeps=keeps,
        will=will,
        tls=tls,
    )
