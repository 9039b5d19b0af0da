"""OPC UA's words in ours."""

from __future__ import annotations

import pytest
from asyncua import ua

from gateways.opcua_values import UnknownNamespace, node_id, overflowed, quality_of


def test_node_ids_are_resolved_by_the_servers_namespaces():
    """By URI, whatever its index; plain ids as they are."""
    namespaces = ["http://opcfoundation.org/UA/", "urn:a", "urn:b;c"]
    assert node_id("nsu=urn:a;s=X;Y=1", namespaces) == ua.NodeId("X;Y=1", 1)
    assert node_id("nsu=urn:b%3Bc;i=7", namespaces) == ua.NodeId(7, 2)
    assert node_id("i=2258", namespaces) == ua.NodeId(2258, 0)
    with pytest.raises(UnknownNamespace):
        node_id("nsu=urn:c;i=7", namespaces)
    with pytest.raises(ValueError, match="no node id"):
        node_id("Count", namespaces)


def test_a_status_is_named_without_its_flags():
    """Overflow and limit bits do not change what a value is called."""
    assert quality_of(0) == "good"
    assert quality_of(0x480) == "good"
    assert quality_of(ua.StatusCodes.BadSensorFailure | 0x480) == "BadSensorFailure"
    assert quality_of(0x8FFF_0000) == "Bad"
    assert overflowed(0x480)
    assert not overflowed(0x400)
