"""MQTT payloads: values, fields, times, and what cannot be read."""

from __future__ import annotations

import contextlib
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateways import payload
from gateways.errors import Undecodable
from gateways.payload import Field


def one(data: bytes, path: str = "", time: str = "", name: str = "count"):
    """The only reading of a message, and its time."""
    wanted = Field("m1", name, tuple(path.split(".")) if path else (), (time,) if time else ())
    readings, wrong = payload.decode(data, [wanted])
    if wrong:
        raise Undecodable(wrong[0])
    (reading,) = readings
    return reading.value, reading.time_ns


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"12.5", 12.5),
        (b" 12 ", 12.0),
        (b"true", 1.0),
        (b"false", 0.0),
        (b'"RUN"', "RUN"),
        (b"RUN", "RUN"),
        (b"007", "007"),
        ("läuft".encode(), "läuft"),
        (b"null", None),
    ],
)
def test_a_bare_value_is_a_number_a_truth_or_a_text(data, value):
    """What JSON knows is read as JSON, the rest is text."""
    assert one(data) == (value, None)


def test_a_bare_text_role_stays_as_it_is_written():
    """Product 007 and order 1e5 are names, not numbers."""
    assert one(b"1e5", name="order") == ("1e5", None)
    assert one(b"12", name="product") == ("12", None)


def test_fields_nest_by_dots():
    """`v.count` is `count` inside `v`."""
    assert one(b'{"v": {"count": 3}, "t": 1795428000}', "v.count", "t") == (3.0, 1_795_428_000_000_000_000)


def test_several_signals_of_one_message():
    """One energy message: power and register; what is not in it is left alone."""
    fields = [Field("m1", "power", ("p",)), Field("m1", "energy", ("e",)), Field("m2", "power", ("q",))]
    readings, wrong = payload.decode(b'{"p": 1.5, "e": 100}', fields)
    assert [(r.field.name, r.value) for r in readings] == [("power", 1.5), ("energy", 100.0)]
    assert wrong == []


def test_one_wrong_field_does_not_cost_the_others():
    """An array where a value belongs is said, the neighbour is read."""
    fields = [Field("m1", "power", ("p",)), Field("m1", "energy", ("e",))]
    readings, wrong = payload.decode(b'{"p": [1], "e": 100}', fields)
    assert [r.value for r in readings] == [100.0]
    assert wrong == ["m1.power: an array where a value belongs"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"  ",
        b"\xff\xfe",
        b'{"v": ',
        b'{"other": 1}',
        b'{"v": {"a": 1}}',
        b'{"v": [1, 2]}',
        b"[" * 10_000 + b"]" * 10_000,
        b'{"v":' * 10_000 + b"1" + b"}" * 10_000,
        b'{"v": ' + b"9" * 5_000 + b"}",
        b'{"v": 1' + b" " * payload.MOST_BYTES + b"}",
    ],
    ids=["empty", "blank", "not utf-8", "cut", "other field", "object", "array", "deep array", "deep object",
         "huge integer", "huge message"],
)  # fmt: skip
def test_what_cannot_be_read_says_why_and_nothing_else_happens(data):
    """Whatever comes, the only outcome is one Undecodable with a reason."""
    with pytest.raises(Undecodable) as caught:
        one(data, "v")
    assert str(caught.value)


def test_not_a_number_is_left_to_the_pipeline():
    """NaN is JSON to Python; the pipeline makes it a dead letter, with its series' name."""
    value, _ = one(b'{"v": NaN}', "v")
    assert math.isnan(value)
    assert one(b'{"v": 1e308}', "v")[0] == 1e308


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data):
    """No payload raises anything but Undecodable."""
    for path in ("", "v"):
        with contextlib.suppress(Undecodable):
            one(data, path, "t")


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("2026-11-23T10:00:00Z", 1_795_428_000_000_000_000),
        ("2026-11-23t10:00:00z", 1_795_428_000_000_000_000),
        ("2026-11-23 12:00:00+02:00", 1_795_428_000_000_000_000),
        ("2026-11-23T09:30:00-0030", 1_795_428_000_000_000_000),
        ("2026-11-23T10:00:00.123456789Z", 1_795_428_000_123_456_789),
        ("2026-11-23T10:00:00.5Z", 1_795_428_000_500_000_000),
        ("2016-12-31T23:59:60Z", 1_483_228_800_000_000_000),
        (1_795_428_000, 1_795_428_000_000_000_000),
        (1_795_428_000.25, 1_795_428_000_250_000_000),
        (1_795_428_000_123, 1_795_428_000_123_000_000),
        (1_795_428_000_123_456, 1_795_428_000_123_456_000),
        (1_795_428_000_123_456_789, 1_795_428_000_123_456_789),
        ("1795428000123456789", 1_795_428_000_123_456_789),
    ],
)
def test_times_in_all_common_ways(text, ns):
    """RFC 3339, and epochs in seconds, milli-, micro- and nanoseconds told apart by magnitude."""
    assert payload.time_of(text) == ns


@pytest.mark.parametrize(
    "text", ["2026-11-23T10:00:00", "yesterday", "2026-13-01T00:00:00Z", True, [1], 10**21, "", math.inf]
)
def test_what_is_no_time_is_refused(text):
    """A local time without its zone is no time either."""
    with pytest.raises(Undecodable):
        payload.time_of(text)


@pytest.mark.parametrize("word", ["1", "true", "online", "ON", '"online"', "1.0"])
def test_birth(word):
    """What says that a machine is there."""
    assert payload.life(word.encode(), ()) is True
    assert payload.life(json.dumps({"s": {"online": word.strip('"')}}).encode(), ("s", "online")) is True


@pytest.mark.parametrize("word", ["0", "false", "offline", "OFF"])
def test_death(word):
    """What says that it is gone."""
    assert payload.life(word.encode(), ()) is False


def test_life_in_json_may_be_a_truth_or_a_number():
    """True and 1 alike."""
    assert payload.life(b'{"up": true}', ("up",)) is True
    assert payload.life(b'{"up": 0}', ("up",)) is False
    with pytest.raises(Undecodable):
        payload.life(b'{"down": 0}', ("up",))
