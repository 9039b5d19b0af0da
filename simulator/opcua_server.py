"""A real OPC UA server in front of simulated machines: read-only, on the simulated clock.

The private names used here are those of asyncua 2.1; the dependency is pinned to that line.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Iterator, Mapping
from copy import copy
from typing import Any, Final
from urllib.parse import urlsplit

from asyncua import ua
from asyncua.server.internal_subscription import InternalSubscription
from asyncua.server.monitored_item_service import MonitoredItemData
from asyncua.server.server import Server
from asyncua.ua.attribute_ids import AttributeIds

from fieldlab_configs import OpcUaSource, Site
from simulator.errors import CannotSimulate, PortBusy
from simulator.opcua_door import ReadOnly, check, lock
from simulator.opcua_space import Space, Variable, moment, stamped
from simulator.readings import Reading

log = logging.getLogger(__name__)


class OpcUaMachines:
    """The server of one OPC UA source of a configuration.

    Parameters
    ----------
    site : Site
    name : str
        Id of the source.
    start_ns : int
        Its first CurrentTime.
    bind : str
        The address to listen on; the port is the endpoint's.
    kinds : mapping of (str, str) to type, optional
        What a recording tells of a machine's signal: `str` or `float`, whatever its role would.
    """

    def __init__(
        self,
        site: Site,
        name: str,
        *,
        start_ns: int,
        bind: str = "127.0.0.1",
        kinds: Mapping[tuple[str, str], type] | None = None,
    ) -> None:
        source = site.sources[name]
        if not isinstance(source, OpcUaSource):
            raise CannotSimulate(f"{site.path}: sources.{name}: is not of kind opcua")
        self.name: Final = name
        self.machines: Final = [
            m for m in site.machines() if any(s.source == name and s.node for s in m.signals.values())
        ]
        self._site = site
        self._source = source
        self._bind = bind
        self._start_ns = start_ns
        self._server = Server(user_manager=ReadOnly(source))
        self._space = Space(self._server, site, name, start_ns, kinds or {})
        self._listening = False

    async def start(self) -> None:
        """Build the address space and listen; PortBusy where somebody else does."""
        check(self._source, self.name)
        address = urlsplit(self._source.endpoint)
        server = self._server
        server.iserver.disabled_clock = True  # asyncua would write the computer's time
        server.iserver.allow_remote_admin = False
        server.socket_address = (self._bind, address.port or 4840)
        server.set_endpoint(self._source.endpoint)
        server.set_server_name("Fieldlab simulated machines")
        await server.init()
        uri = await lock(server, self._source, self.name)
        await server.set_application_uri(uri or f"urn:fieldlab:simulator:{self.name}")
        await self._space.build(self.machines, self._source.clock_node)
        await self.tell_time(self._start_ns)
        try:
            _quiet(off=True)
            await server.start()
        except OSError as error:
            raise PortBusy(
                f"sources.{self.name}: cannot listen on {self._bind}:{address.port} "
                f"({error.strerror or error}); stop what uses it, or change endpoint"
            ) from error
        finally:
            _quiet(off=False)
        self._listening = True
        await self.tell_time(self._start_ns)

    async def stop(self) -> None:
        """Close every connection and stop listening."""
        if self._listening:
            self._listening = False
            await self._forget_sessions()
            await self._server.stop()

    async def vanish(self) -> None:
        """Be gone, as a controller without power: connections, sessions and subscriptions included."""
        if self._server.bserver is not None:
            for transport in list(self._server.iserver.asyncio_transports):
                transport.abort()
            await self._server.bserver.stop()
        await self._forget_sessions()

    async def reappear(self) -> None:
        """Listen again, knowing nobody."""
        if self._server.bserver is not None:
            await self._server.bserver.start()

    async def _forget_sessions(self) -> None:
        iserver = self._server.iserver
        for session in list(iserver._external_sessions.values()):  # noqa: SLF001 - see the module
            await session.close_session(delete_subs=True)
        await iserver.subscription_service.delete_subscriptions(
            list(iserver.subscription_service.subscriptions)
        )

    # What is told

    async def give(self, readings: Iterable[Reading]) -> None:
        """Write readings, each with its own timestamp, all of them for every subscriber's queue."""
        for reading in readings:
            variable = self._space.variables.get((reading.machine, reading.signal))
            if variable is None:
                continue
            value = variable.value(reading)
            if reading.again:
                await self._repeat(variable.node_id, value)
                continue
            await self._write(variable.node_id, value)
            if variable.item_state is not None and reading.value is not None:
                await self._tell_item_state(variable, reading)

    async def tell_time(self, time_ns: int) -> None:
        """Set CurrentTime, after every reading up to then was given."""
        for node_id in self._space.clocks:
            await self._write(node_id, stamped(moment(time_ns), ua.VariantType.DateTime, time_ns))
        node = self._server.iserver.server_status_node
        status = copy(await node.read_value())
        status.CurrentTime = moment(time_ns)
        await self._write(node.nodeid, stamped(status, ua.VariantType.ExtensionObject, time_ns))

    async def _write(self, node_id: ua.NodeId, value: ua.DataValue) -> None:
        status = await self._server.iserver.aspace.write_attribute_value(node_id, AttributeIds.Value, value)
        if not status.is_good():
            log.error("source %s: %s refuses %s (%s)", self.name, node_id, value.Value, status)

    async def _repeat(self, node_id: ua.NodeId, value: ua.DataValue) -> None:
        """The same notification again: a server does not see a change, so the queue is filled by hand."""
        for subscription, item in self._watching():
            if item.read_value_id is not None and item.read_value_id.NodeId == node_id:
                event: Any = ua.MonitoredItemNotification()
                event.ClientHandle = item.client_handle
                event.Value = value
                if item.monitored_item_id is not None:
                    await subscription.enqueue_datachange_event(
                        item.monitored_item_id, event, item.queue_size
                    )

    async def _tell_item_state(self, variable: Variable, reading: Reading) -> None:
        if variable.item_state is None:
            return
        states = self._site.machine(reading.machine).states
        known = states.at(reading.time_ns).state_of(reading.value) if states else "unknown"
        number, text = variable.item_state.of(known)
        time_ns = reading.time_ns
        words = stamped(ua.LocalizedText(text), ua.VariantType.LocalizedText, time_ns)
        await self._write(variable.item_state.text, words)
        await self._write(variable.item_state.number, stamped(number, ua.VariantType.UInt32, time_ns))

    # Who listens, and how far behind they are

    def _subscriptions(self) -> list[InternalSubscription]:
        return list(self._server.iserver.subscription_service.subscriptions.values())

    def _watching(self) -> Iterator[tuple[InternalSubscription, MonitoredItemData]]:
        for subscription in self._subscriptions():
            for item in list(subscription.monitored_item_srv._monitored_items.values()):  # noqa: SLF001 - see the module
                yield subscription, item

    def subscribed(self) -> bool:
        """Whether clients watch every node of the configuration that this server has."""
        watched = {
            item.read_value_id.NodeId for _, item in self._watching() if item.read_value_id is not None
        }
        return {variable.node_id for variable in self._space.variables.values()} <= watched

    def _behind(self, subscription: InternalSubscription) -> bool:
        waiting = subscription._triggered_datachanges  # noqa: SLF001 - see the module
        return bool(waiting or subscription._not_acknowledged_results)  # noqa: SLF001 - see the module

    async def flush(self, within_s: float) -> bool:
        """Publish at once what waits; whether all of it was taken and acknowledged in time."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within_s
        while behind := [s for s in self._subscriptions() if self._behind(s)]:
            if loop.time() > deadline:
                return False
            for subscription in behind:
                if subscription._triggered_datachanges:  # noqa: SLF001 - see the module
                    await subscription.publish_results()
            await asyncio.sleep(0.001)
        return True


def _quiet(*, off: bool) -> None:
    """Of asyncua: a traceback for a busy port, and that a certificate leaves this computer's name out."""
    for name in ("asyncua.server.server", "asyncua.crypto.uacrypto"):
        logging.getLogger(name).disabled = off
