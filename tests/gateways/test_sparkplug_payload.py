"""Sparkplug B payloads and nodes: signs, what does not fit, any bytes, any order of messages."""

from __future__ import annotations

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateways import sparkplug_payload as payload
from gateways.errors import Undecodable
from gateways.sparkplug_nodes import NODE, Node, topic_of
from gateways.sparkplug_schema import Payload

WHOLE = {1: "b", 2: "h", 3: "i", 4: "q", 5: "B", 6: "H", 7: "I", 8: "Q", 13: "Q"}
"""Datatype to its format in `struct`."""


def one(**metric: object) -> payload.Told:
    """A metric as it comes from the wire."""
    made = Payload(timestamp=1_795_428_000_000, seq=3)
    made.metrics.add(**metric)
    return payload.read(made.SerializeToString()).metrics[0]


@given(st.sampled_from(sorted(WHOLE)), st.data())
def test_whole_numbers_come_back_as_they_were(datatype, data):
    """Two's complement in as many bits as the type has, or widened to 32 or 64 with its sign."""
    form = WHOLE[datatype]
    bits = struct.calcsize(f"<{form}") * 8
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if form.islower() else (0, 2**bits - 1)
    number = data.draw(st.integers(low, high))
    narrow = int.from_bytes(struct.pack(f"<{form}", number), "little")
    ways = [("long_value", narrow), ("long_value", number % 2**64)]
    if bits <= 32:
        ways += [("int_value", narrow), ("int_value", number % 2**32)]
    for key, raw in ways:
        assert payload.value(one(name="x", **{key: raw}), datatype) == float(number)


@pytest.mark.parametrize(
    ("datatype", "content"),
    [
        (1, {"int_value": 256}),
        (5, {"int_value": 300}),
        (2, {"int_value": 0xFFFF0001}),
        (7, {"long_value": 2**32}),
        (3, {"float_value": 1.0}),
        (9, {"int_value": 1}),
        (11, {"int_value": 1}),
        (12, {"bytes_value": b"x"}),
        (19, {"template_value": b""}),
        (16, {"dataset_value": b""}),
        (17, {"bytes_value": b"x"}),
        (31, {"bytes_value": b"x"}),
        (0, {"int_value": 1}),
        (99, {"int_value": 1}),
    ],
)
def test_a_value_that_is_not_what_its_birth_says_is_refused(datatype, content):
    """Rather than made into another."""
    with pytest.raises(Undecodable):
        payload.value(one(name="x", **content), datatype)


@pytest.mark.parametrize(
    ("datatype", "content", "value"),
    [
        (9, {"float_value": 1.5}, 1.5),
        (10, {"float_value": 1.5}, 1.5),
        (11, {"boolean_value": True}, 1.0),
        (12, {"string_value": "läuft"}, "läuft"),
        (15, {"string_value": "a-b"}, "a-b"),
        (3, {"is_null": True}, None),
        (3, {}, None),
    ],
)
def test_other_values(datatype, content, value):
    """Reals, truths and texts; and none at all."""
    assert payload.value(one(name="x", **content), datatype) == value


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content):
    """No payload raises anything but Undecodable."""
    with contextlib.suppress(Undecodable):
        for told in payload.read(content).metrics:
            with contextlib.suppress(Undecodable):
                payload.value(told, told.datatype or 3)
            payload.quality(told)


def test_a_payload_cut_at_every_byte():
    """What is left is whole, or refused; never a value that was not said."""
    made = Payload(timestamp=1_795_428_000_000, seq=3)
    for n in range(3):
        made.metrics.add(name=f"metric{n}", alias=n, datatype=12, string_value="text" * 3)
    whole = made.SerializeToString()
    for length in range(len(whole)):
        with contextlib.suppress(Undecodable):
            told = payload.read(whole[:length]).metrics
            assert all(payload.value(metric, 12) == "text" * 3 for metric in told)


@given(st.lists(st.tuples(st.sampled_from("BDSLX"), st.integers(0, 300)), max_size=40))
def test_the_sequence_knows_every_loss(steps):
    """Whatever comes and goes: as many messages are missing as were not said, counted modulo 256."""
    node, seq = Node(), 0
    lost = 0
    for at_ns, (what, skip) in enumerate(steps):
        if what == "B":
            seq = 0
            node.born(payload.Heard(at_ns, 0, []), at_ns)
            node.missing, lost = None, 0
        elif NODE in node.births:
            # A node that is known; unknown ones have no sequence to break.
            skipped = skip % 256 if what == "S" else 0
            seq += 1 + skipped
            good = node.in_sequence(payload.Heard(at_ns, seq % 256, []), at_ns)
            lost += skipped
            assert good == (skipped == 0)
            assert (node.missing.messages if node.missing else 0) == lost
            assert (NODE in node.doubtful) == (lost > 0)


@pytest.mark.parametrize(
    "text", ["spBv1.0/g", "spBv1.0/g/NDATA", "spAv1.0/g/NDATA/e", "spBv1.0/g/NDATA/e/d", "spBv1.0/g/DDATA/e",
             "spBv1.0//NDATA/e", "spBv1.0/g/DDATA/e/d/x"]
)  # fmt: skip
def test_what_is_no_topic_of_sparkplug(text):
    """Too short, too long, another namespace, a device's word from a node."""
    with pytest.raises(Undecodable):
        topic_of(text)


def test_the_words_of_a_host():
    """STATE of 3.0 and of 2.2, and what others may put there."""
    assert payload.says_online(b'{"online": true, "timestamp": 1}')
    assert payload.says_online(b"ONLINE")
    for other in (
        b"",
        b"OFFLINE",
        b'{"online": false}',
        b'{"online": 1}',
        b"[" * 900,
        b"\xff",
        b"[]",
        b"true",
    ):
        assert not payload.says_online(other)
