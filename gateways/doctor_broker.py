"""What can be found out about a broker by connecting beside the gateway, which keeps its session."""

from __future__ import annotations

import asyncio
import os
import ssl
import time
from collections.abc import Iterable
from typing import Final

from fieldlab_configs import MqttSource, Site
from fieldlab_configs.broker_sources import BrokerSource
from gateways.errors import LinkLost, SourceRefused
from gateways.findings import Findings
from gateways.mqtt_address import address_of
from gateways.mqtt_link import ANSWER_S, TRIAL_S, BrokerLink, WrongProtocol
from gateways.mqtt_routes import Routes
from gateways.mqtt_tls import NoAnswer, context, explain
from gateways.opcua_trust import utc_now
from gateways.pki_facts import WARN_DAYS, describe, read
from gateways.source import points_of

SPARKPLUG: Final = "spBv1.0/#"


class BrokerDoctor:
    """Looks at one source behind a broker.

    Parameters
    ----------
    site : Site
    name : str
        Id of the source.
    found : Findings
    listen_s : float
        How long to listen for messages. [s]
    """

    def __init__(self, site: Site, name: str, found: Findings, listen_s: float) -> None:
        config = site.sources[name]
        if not isinstance(config, BrokerSource):
            raise TypeError(f"{name} is of kind {config.kind}")
        self._config: Final[BrokerSource] = config
        self._name = name
        self._found = found
        self._listen_s = listen_s
        self._topics = [SPARKPLUG]
        self._routes: Routes | None = None
        if isinstance(config, MqttSource):
            # Without the group: a message that a check takes would be missing to the gateways that share.
            self._routes = Routes(points_of(site, name), config.clock_topic, None)
            self._topics = [topic for topic, _ in self._routes.subscriptions()]

    async def examine(self) -> None:
        """Connect, subscribe, listen, leave."""
        versions = ["5", "3.1.1"] if self._config.protocol == "auto" else [self._config.protocol]
        for version in versions:
            try:
                link = await self._open(version, trial=len(versions) > 1 and version == "5")
            except (WrongProtocol, NoAnswer) as error:
                if version != versions[-1]:
                    continue
                self._found.failure("connection", explain(error, self._config, self._name))
                return
            except (OSError, SourceRefused) as error:
                self._found.failure("connection", explain(error, self._config, self._name))
                return
            try:
                await self._look(link, version)
            finally:
                await link.close(1.5)
            return

    async def _open(self, version: str, *, trial: bool) -> BrokerLink:
        # Another client id than the gateway's, whose connection would end otherwise.
        client_id = f"fieldlab-doctor-{os.getpid()}-{self._name}"
        address = address_of(self._config, self._name, client_id, keeps=False)
        link = BrokerLink(version, address, time.time_ns)
        try:
            await link.open(within_s=TRIAL_S if trial else ANSWER_S)
        except BaseException:
            await link.close(0.5)
            raise
        return link

    async def _look(self, link: BrokerLink, version: str) -> None:
        config, found = self._config, self._found
        said = f"MQTT {version}, as {config.user or 'anonymous'}"
        if version == "5":
            found.ok("connection", said)
        else:
            found.warning("connection", said, "a broker of version 5 says why it refuses something")
        self._limits(link)
        if config.tls:
            await self._certificate()
        elif config.host not in ("127.0.0.1", "::1", "localhost"):
            remedy = f"sources.{self._name}.tls: true, with a certificate for the broker: fieldlab pki"
            found.warning("security", "no TLS: everything is sent in clear, a password too", remedy)
        link.subscribe((topic, True) for topic in self._topics)
        heard = await self._listen(link)
        refused = set(link.refused)
        found.each(
            "topics",
            "failure",
            [f"the broker refuses {t}" for t in sorted(refused)],
            "look at its access rules",
        )
        self._told(heard, refused)

    def _limits(self, link: BrokerLink) -> None:
        limits, found = link.limits, self._found
        expiry = limits.get("SessionExpiryInterval")
        said = [f"{name} {value}" for name, value in sorted(limits.items()) if isinstance(value, int)]
        found.ok("broker limits", ", ".join(said) or "the broker names none")
        if limits.get("MaximumQoS") == 0:
            found.failure("broker limits", "the broker takes no QoS 1", "without it, what is missed is lost")
        if isinstance(expiry, int) and expiry < 3600:  # noqa: PLR2004 - an hour
            found.warning(
                "broker limits",
                f"the broker keeps a session for {expiry} s",
                "a longer cut loses what came meanwhile: raise it there",
            )

    async def _certificate(self) -> None:
        try:
            made = context(self._config, self._name)
            _, writer = await asyncio.open_connection(self._config.host, self._config.port_number, ssl=made)
        except (OSError, ssl.SSLError) as error:
            self._found.failure("certificate", explain(error, self._config, self._name))
            return
        shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        writer.transport.abort()
        certificate = describe(read(shown, "the broker's certificate"))
        left = certificate.days_left(utc_now())
        said = f"{certificate.subject}, for {certificate.names}, {left} days left"
        if left < WARN_DAYS:
            self._found.warning("certificate", said, "renew it at the broker")
        else:
            self._found.ok("certificate", said)

    async def _listen(self, link: BrokerLink) -> set[bytes]:
        """Topics of what comes, until every subscription has been answered and enough time has passed."""
        heard: set[bytes] = set()
        try:
            async with asyncio.timeout(self._listen_s):
                while messages := await link.inbox.take():
                    link.acknowledge(messages)
                    heard |= {message.topic for message in messages}
        except TimeoutError:
            pass
        if not link.alive:
            raise LinkLost(link.why)
        return heard

    def _told(self, heard: Iterable[bytes], refused: set[str]) -> None:
        found, names = self._found, {topic.decode("utf-8", "replace") for topic in heard}
        if self._routes is None:
            nodes = sorted({"/".join(n.split("/")[1:4:2]) for n in names if n.count("/") >= 3})  # noqa: PLR2004
            said = f"heard {', '.join(nodes[:20]) or 'nobody'} within {self._listen_s:g} s"
            (found.ok if nodes else found.warning)("edge nodes", said)
            return
        known = {topic for topic in self._topics if "+" not in topic and "#" not in topic} - refused
        silent = sorted(known - names)
        said = f"{len(known) - len(silent)} of {len(self._topics)} heard within {self._listen_s:g} s"
        if not silent:
            found.ok("topics", said)
            return
        remedy = "a topic that is told on change may be silent; see what there is: fieldlab browse"
        found.each("topics", "warning", [f"nothing heard of {topic}" for topic in silent], remedy)
