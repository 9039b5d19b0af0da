"""The buffered reading of packets, without a network."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion

from gateways.mqtt_client import Client


@given(
    st.lists(st.tuples(st.text(min_size=1, max_size=30), st.binary(max_size=300), st.booleans())), st.data()
)
def test_messages_are_read_whole_however_the_network_cuts_them(messages, data):
    """Split anywhere, with properties or without, between other packets: each comes once, in order."""
    for five in (True, False):
        stream, expected = b"", []
        for number, (topic, content, kept) in enumerate(messages, 1):
            name = topic.encode("utf-8", "surrogatepass")
            head = len(name).to_bytes(2, "big") + name + number.to_bytes(2, "big")
            body = head + (b"\x05\x02\x00\x00\x00\x09" if five else b"") + content
            stream += bytes([0x32 | kept]) + varint(len(body)) + body
            expected.append((name, content, number, kept))
        client = reader(five=five)
        while stream:
            size = data.draw(st.integers(1, len(stream)))
            feed(client, stream[:size])
            stream = stream[size:]
        assert [(m.topic, m.payload, m.number, m.retained) for m in client.owner.taken] == expected


@pytest.mark.parametrize(
    "packet",
    [
        b"\x32\x01\x00",
        b"\x32\x05\x00\x09abc",
        b"\x30\xff\xff\xff\xff\x01",
        b"\x32\x06\x00\x01a\x00\x01\x90",
        b"\x30\x02\x00\x00",
    ],
    ids=[
        "no topic",
        "a topic that is longer than its packet",
        "no length",
        "properties that never end",
        "empty topic",
    ],
)
def test_a_packet_that_lies_about_its_lengths_ends_the_connection(packet):
    """As the protocol has it; and with it nothing else, and no exception."""
    client = reader(five=True)
    assert feed(client, packet) == MQTTErrorCode.MQTT_ERR_PROTOCOL
    assert client.owner.taken == []


class _Taken:
    def __init__(self):
        self.taken = []

    def take(self, messages):
        self.taken += messages

    def thread_ended(self, reason):
        """Nobody waits for it."""


def reader(*, five: bool) -> Client:
    """The client's side that reads, without a network."""
    version = MQTTProtocolVersion.MQTTv5 if five else MQTTProtocolVersion.MQTTv311
    client = Client(CallbackAPIVersion.VERSION2, client_id="x", protocol=version)
    client.owner, client.now_ns = _Taken(), time.time_ns
    return client


def feed(client: Client, data: bytes) -> int:
    """A piece from the network."""
    client._sock = object()
    client._sock_recv = lambda _: data
    client._sock_close = lambda: None
    return client.loop_read()


def varint(number: int) -> bytes:
    """A length as MQTT writes it."""
    made = b""
    while number > 127:
        made, number = made + bytes([number & 127 | 128]), number >> 7
    return made + bytes([number])
