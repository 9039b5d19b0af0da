"""Everything that can be found out about a gateway's surroundings before, or while, it runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from asyncua.ua.uaerrors import UaError

from fieldlab_configs import OpcUaSource, Site
from fieldlab_configs.broker_sources import BrokerSource
from fieldlab_configs.site import PRIMARY
from gateways.doctor_broker import BrokerDoctor
from gateways.doctor_opcua import OpcUaDoctor
from gateways.doctor_store import examine_gateway, examine_secrets, examine_store
from gateways.findings import Finding, Findings

LISTEN_S: Final = 3.0
WITHIN_S: Final = 60.0
"""The longest that one source may take."""


async def examine(
    site: Site, gateways: Sequence[str], tell: Callable[[Finding], None], *, listen_s: float = LISTEN_S
) -> None:
    """Look at secrets, gateways, their sources and the store, each finding told as it is made.

    Parameters
    ----------
    site : Site
    gateways : sequence of str
        Which of its gateways.
    tell : callable
        Takes each finding.
    listen_s : float
        How long to listen for messages of a broker. [s]
    """
    examine_secrets(site, Findings("config", tell))
    for gateway in gateways:
        examine_gateway(site, gateway, Findings(f"gateway {gateway}", tell))
        for name in site.gateways[gateway].sources:
            await _source(site, gateway, name, Findings(f"source {name}", tell), listen_s)
    for name, config in site.stores().items() or [(PRIMARY, None)]:
        about = PRIMARY if name == PRIMARY else f"store {name}"
        alone = site.model_copy(update={"store": config, "also": {}})
        await asyncio.to_thread(examine_store, alone, Findings(about, tell))


async def _source(site: Site, gateway: str, name: str, found: Findings, listen_s: float) -> None:
    config = site.sources[name]
    try:
        async with asyncio.timeout(WITHIN_S + listen_s):
            if isinstance(config, OpcUaSource):
                await OpcUaDoctor(site, gateway, name, found).examine()
            elif isinstance(config, BrokerSource):
                await BrokerDoctor(site, name, found, listen_s).examine()
            else:
                found.unknown("connection", f"there are no checks for a source of kind {config.kind}")
    except TimeoutError:
        found.failure("connection", f"not done within {WITHIN_S:g} s", "the server answers too slowly")
    except (OSError, UaError) as error:
        found.failure("connection", str(error) or type(error).__name__)
