"""What can be found out about an OPC UA source by connecting to it as its gateway would."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import Final

from asyncua import ua
from asyncua.ua.uaerrors import UaError

from fieldlab_configs import OpcUaSource, Site, application_uri
from gateways.clock import AHEAD_NS, PAST_NS, SECOND_NS
from gateways.doctor_units import look_at_units
from gateways.errors import LinkLost, SourceRefused, Undecodable, Untrusted
from gateways.findings import Findings, Level
from gateways.opcua_client import CappedClient
from gateways.opcua_items import Item, items_of, resolve
from gateways.opcua_limits import ServerFacts, facts_of, read_many
from gateways.opcua_parts import part_of
from gateways.opcua_secure import choose, connect, explain, told
from gateways.opcua_trust import Trust, utc_now
from gateways.opcua_values import UnknownNamespace, is_bad, quality_of, status_of
from gateways.opcua_watch import create_items
from gateways.pki_facts import WARN_DAYS, Certificate, describe
from gateways.source import points_of
from ingest.rows import Untypable, typed

log = logging.getLogger(__name__)

ANSWER_S: Final = 10.0
SKEW_S: Final = 2.0
_EU_RANGE: Final = "0:EURange"


class OpcUaDoctor:
    """Looks at one OPC UA source, as one gateway sees it.

    Parameters
    ----------
    site : Site
    gateway, name : str
        Ids of gateway and source.
    found : Findings
    """

    def __init__(self, site: Site, gateway: str, name: str, found: Findings) -> None:
        config = site.sources[name]
        if not isinstance(config, OpcUaSource):
            raise TypeError(f"{name} is of kind {config.kind}")
        self._config: Final[OpcUaSource] = config
        self._name = name
        self._found = found
        self._uri = application_uri(site.fieldlab, gateway)
        self._trust = Trust(name, config, gateway, self._uri)
        self._own = config.own_certificate(gateway)
        self._items = items_of(points_of(site, name), config, None)

    async def examine(self) -> None:
        """Look at everything that can be reached."""
        client = self._client()
        try:
            if await self._endpoints(self._client()) and await self._session(client):
                facts = await facts_of(client)
                self._server(facts)
                known = await self._nodes(client, facts)
                await self._watching(client, facts, known)
        except (OSError, UaError, RecursionError) as error:
            self._found.failure("connection", self._why(error))
        finally:
            await client.leave(1.5, keep=False)

    def _client(self) -> CappedClient:
        return CappedClient(self._config.endpoint, self._uri, ANSWER_S)

    def _why(self, error: Exception) -> str:
        return explain(error, self._config, self._name, self._own)

    # -- who is there

    async def _endpoints(self, client: CappedClient) -> bool:
        config, found = self._config, self._found
        try:
            offered = await client.connect_and_get_server_endpoints()
            offers = ", ".join(sorted({told(endpoint) for endpoint in offered}))
            _, endpoint = choose(offered, config) if config.security != "none" else ("none", None)
        except LinkLost as error:
            found.failure("policies", self._why(error), f"change sources.{self._name}.security or the server")
            return False
        except (OSError, UaError, RecursionError) as error:
            found.failure("connection", self._why(error))
            return False
        found.ok("policies", f"the server offers {offers}")
        if endpoint is None:
            found.warning(
                "security",
                "security: none: everything is sent in clear, and anybody may pass for the server",
                f"leave out sources.{self._name}.security, and give both sides certificates: fieldlab pki",
            )
            return True
        return self._certificates(endpoint)

    def _certificates(self, endpoint: ua.EndpointDescription) -> bool:
        found, well = self._found, True
        try:
            own = describe(self._trust.own().certificate)
            self._expiry("own certificate", own, f"renew {self._own}: fieldlab pki renew")
        except Untrusted as error:
            found.failure("own certificate", str(error))
            well = False
        try:
            shown = self._trust.check_server(endpoint.ServerCertificate, endpoint.Server.ApplicationUri)
            self._expiry("server certificate", describe(shown), "renew it on the server")
        except Untrusted as error:
            found.failure("server certificate", str(error))
            well = False
        return well

    def _expiry(self, check: str, certificate: Certificate, remedy: str) -> None:
        left = certificate.days_left(utc_now())
        said = f"{certificate.subject}, for {certificate.names}, {left} days left"
        if left < WARN_DAYS:
            self._found.warning(check, said, remedy)
        else:
            self._found.ok(check, said)

    async def _session(self, client: CappedClient) -> bool:
        try:
            await connect(client, self._config, self._trust)
        except (OSError, UaError, RecursionError, SourceRefused) as error:
            self._found.failure("login", self._why(error))
            return False
        self._found.ok("login", f"as {self._config.user or self._config.user_certificate or 'anonymous'}")
        return True

    def _server(self, facts: ServerFacts) -> None:
        found = self._found
        limits = f"{facts.items} nodes per request to watch, {facts.reads} to read"
        found.ok("server limits", f"{limits}, {facts.histories} of which to read the history")
        if facts.now_ns is None:
            found.warning("clock", "the server does not tell its time", "its timestamps cannot be judged")
            return
        skew_ns = facts.now_ns - time.time_ns()
        said = (
            f"the server's clock is {abs(skew_ns) / SECOND_NS:,.1f} s {'ahead' if skew_ns > 0 else 'behind'}"
        )
        if skew_ns > AHEAD_NS or -skew_ns > PAST_NS:
            found.failure(
                "clock", f"{said}: its timestamps are not believed", "set the clock that is wrong (NTP)"
            )
        elif abs(skew_ns) > SKEW_S * SECOND_NS:
            found.warning("clock", said, "let both follow one time server (NTP)")
        else:
            found.ok("clock", said)

    # -- what it has

    async def _nodes(self, client: CappedClient, facts: ServerFacts) -> list[Item]:
        """Look at every node of the configuration; those that are there."""
        found, missing, known = self._found, [], []
        for item in self._signals():
            try:
                resolve(item, facts.namespaces)
                known.append(item)
            except UnknownNamespace as error:
                missing.append(f"{item}: {error}; it has {', '.join(facts.namespaces)}")
            except ValueError as error:
                missing.append(f"{item}: {error}")
        values = await read_many(client, [i.id for i in known if i.id is not None], facts.reads)
        there, bad, wrong, seen = [], [], [], []
        for item, value in zip(known, values, strict=True):
            status = status_of(value)
            if quality_of(status) in ("BadNodeIdUnknown", "BadNodeIdInvalid", "BadAttributeIdInvalid"):
                missing.append(f"{item}: {quality_of(status)}")
                continue
            there.append(item)
            if is_bad(status):
                bad.append(f"{item}: {quality_of(status)}")
            else:
                wrong += _unfit(item, value)
                seen.append((item, None if value.Value is None else value.Value.Value))
        found.each("nodes", "failure", missing, f"find it: fieldlab browse {self._config.endpoint}")
        found.each("values", "warning", bad, "the server has no good value for it now")
        found.each("types", "failure", wrong, "name another node, or a field or index of it")
        if not (missing or bad or wrong):
            found.ok("nodes", f"all {len(there)} have a value that fits")
        await look_at_units(client, found, seen)
        return there

    def _signals(self) -> list[Item]:
        return [item for item in self._items if item.purpose == "signal"]

    async def _watching(self, client: CappedClient, facts: ServerFacts, items: Sequence[Item]) -> None:
        """Ask for the items as the gateway would, look at what becomes of it, and take it back."""
        wanted = [item for item in items if item.how.read_every_s is None]
        await self._ranges(client, wanted)
        if not wanted:
            return
        params = ua.CreateSubscriptionParameters()
        params.RequestedPublishingInterval = interval_ms = max(self._config.publishing_interval_ms, 1.0)
        params.RequestedMaxKeepAliveCount, params.RequestedLifetimeCount = 10, 1_000
        params.PublishingEnabled = False
        made = await client.create_publishing(params)
        found, revised_ms = self._found, made.RevisedPublishingInterval
        level: Level = "ok" if revised_ms <= interval_ms * 1.5 else "warning"
        found.each("publishing", level, [f"every {revised_ms:g} ms, asked for {interval_ms:g}"])
        try:
            results: list[ua.MonitoredItemCreateResult] = []
            for begin in range(0, len(wanted), facts.items):
                some = wanted[begin : begin + facts.items]
                results += await create_items(client, int(made.SubscriptionId), some)
        finally:
            await client.uaclient.delete_subscriptions([made.SubscriptionId])
        self._revised(wanted, results)

    def _revised(self, items: Sequence[Item], results: Sequence[ua.MonitoredItemCreateResult]) -> None:
        refused, slower, shorter = [], [], []
        for item, result in zip(items, results, strict=True):
            status, how = int(result.StatusCode.value), item.how
            if is_bad(status):
                refused.append(f"{item}: {quality_of(status)}{', with its filter' if how.filtered else ''}")
                continue
            if result.RevisedSamplingInterval > max(how.sampling_ms * 1.5, 1.0) and how.sampling_ms > 0:
                revised = f"{result.RevisedSamplingInterval:g} ms, asked for {how.sampling_ms:g}"
                slower.append(f"{item}: sampled every {revised}")
            if result.RevisedQueueSize < how.queue:
                shorter.append(f"{item}: keeps {result.RevisedQueueSize} values, asked for {how.queue}")
        found = self._found
        found.each("watching", "failure", refused, "leave out deadband and trigger, or name another node")
        found.each("sampling", "warning", slower, "changes in between are not seen")
        found.each("queue", "warning", shorter, "a longer cut loses what does not fit; publish more often")
        if not (refused or slower or shorter):
            rates = sorted({f"{result.RevisedSamplingInterval:g}" for result in results})
            found.ok(
                "watching", f"{len(items)} nodes, sampled every {', '.join(rates)} ms, queued as asked for"
            )

    async def _ranges(self, client: CappedClient, items: Sequence[Item]) -> None:
        without = []
        for item in items:
            if item.how.percent is None or item.id is None:
                continue
            try:
                await client.get_node(item.id).get_child(_EU_RANGE)
            except UaError:
                without.append(f"{item}: has no EURange, of which deadband_percent is a part")
        self._found.each("deadband", "failure", without, "say deadband: in the signal's own unit")


def _unfit(item: Item, value: ua.DataValue) -> list[str]:
    """Signals that this value is none for."""
    wrong = []
    for point in item.points:
        try:
            whole = None if value.Value is None else value.Value.Value
            content = part_of(value.Value, whole, point.signal.index, point.signal.field)
            if content is not None and point.name != "link":
                typed(point.name, content)
        except (Undecodable, Untypable) as error:
            wrong.append(f"{point.machine}.{point.name} ({item.node}): {error}")
    return wrong
