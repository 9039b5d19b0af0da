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
    found, wrong = every(data, path, time, name)
    if wrong:
        raise Undecodable(wrong[0])
    (reading,) = found
    return reading


def every(data: bytes, path: str = "", time: str = "", name: str = "count", unit: str = "auto"):
    """All readings of one signal, each with its time; and what is wrong with the rest."""
    wanted = Field("m1", name, payload.parse(path), payload.parse(time), unit)
    records, wrong = payload.Plan([wanted]).read(data)
    return [(value, record.time_ns) for record in records for _, value in record.values], wrong


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


@pytest.mark.parametrize(("data", "path"), [(b"UNAVAILABLE", ""), (b'{"result": "UNAVAILABLE"}', "result")])
def test_what_mtconnect_has_no_value_of_is_a_reading_without_one(data, path):
    """A count that is UNAVAILABLE is Bad and no dead letter; a state of that name is a state."""
    assert one(data, path, name="total_count") == (None, None)
    assert one(data, path, name="state") == ("UNAVAILABLE", None)
    assert not payload.life(b"UNAVAILABLE", ())
    assert payload.life(b"AVAILABLE", ())


def test_fields_nest_by_dots():
    """`v.count` is `count` inside `v`."""
    assert one(b'{"v": {"count": 3}, "t": 1795428000}', "v.count", "t") == (3.0, 1_795_428_000_000_000_000)


def test_several_signals_of_one_message():
    """One energy message: power and register; what is not in it is left alone."""
    fields = [Field("m1", "power", ("p",)), Field("m1", "energy", ("e",)), Field("m2", "power", ("q",))]
    (record,), wrong = payload.Plan(fields).read(b'{"p": 1.5, "e": 100}')
    assert [(field.name, value) for field, value in record.values] == [("power", 1.5), ("energy", 100.0)]
    assert wrong == []


def test_one_wrong_field_does_not_cost_the_others():
    """An array where a value belongs is said, the neighbour is read."""
    fields = [Field("m1", "power", ("p",)), Field("m1", "energy", ("e",))]
    (record,), wrong = payload.Plan(fields).read(b'{"p": [1], "e": 100}')
    assert [value for _, value in record.values] == [100.0]
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
        b'{"v": {"a": [[' + b"[" * 400 + b"1" + b"]" * 400 + b"]]}}",
    ],
    ids=["empty", "blank", "not utf-8", "cut", "other field", "object", "array", "deep array", "deep object",
         "huge integer", "huge message", "arrays in arrays"],
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


_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["v", "t", "a", "0"]), inner, max_size=4)
    ),
    max_leaves=30,
)


@given(
    _JSON,
    st.sampled_from(["v", "v.a", "v.0.v", "v[a=1].v", "[a=1].v", "0"]),
    st.sampled_from(["", "t", "v.t"]),
)
def test_any_json_is_read_or_refused(document, path, time):
    """Whatever stands where: values and times are what signals can hold, the rest is said."""
    with contextlib.suppress(Undecodable):
        found, wrong = every(json.dumps(document).encode(), path, time)
        assert all(value is None or isinstance(value, float | str) for value, _ in found)
        assert all(at is None or abs(at) < 2**63 for _, at in found)
        assert all(isinstance(text, str) for text in wrong)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data):
    """No payload raises anything but Undecodable."""
    for path in ("", "v", "v.0", "v[a=b].c"):
        with contextlib.suppress(Undecodable):
            every(data, path, "t" if path else "")


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


@pytest.mark.parametrize(
    ("value", "unit", "ns"),
    [
        (1_795_428_000, "s", 1_795_428_000 * 10**9),
        (1_500, "ms", 1_500 * 10**6),
        (1_795_428_000_123.5, "ms", 1_795_428_000_123_500_000),
        (1_500, "us", 1_500 * 10**3),
        ("1795428000.123456789", "s", 1_795_428_000_123_456_789),
        ("-1.5", "s", -1_500_000_000),
        (1_500, "ns", 1_500),
        ("2026-11-23T10:00:00Z", "rfc3339", 1_795_428_000_000_000_000),
    ],
)
def test_a_time_in_a_unit_that_the_configuration_names(value, unit, ns):
    """Small numbers, which tell nothing of their unit, mean what the unit says."""
    assert payload.time_of(value, unit) == ns


@pytest.mark.parametrize(
    ("value", "unit"),
    [(10**12, "s"), (1_795_428_000, "rfc3339"), ("2026-11-23T10:00:00Z", "ms"), ("soon", "s"),
     (math.nan, "s"), (math.inf, "ms"), ("9" * 19, "s")],
)  # fmt: skip
def test_a_time_that_cannot_be_in_that_unit(value, unit):
    """Refused rather than taken for another time."""
    with pytest.raises(Undecodable):
        payload.time_of(value, unit)


def test_records_of_an_array_each_at_its_own_time():
    """As buffering machines send them: an array of what was measured."""
    data = b'[{"t": 1795428000, "v": 1}, {"t": 1795428001, "v": 2}, {"t": 1795428002}]'
    found, wrong = every(data, "v", "t")
    assert found == [(1.0, 1_795_428_000 * 10**9), (2.0, 1_795_428_001 * 10**9)]
    assert wrong == []


def test_records_inside_an_object():
    """A time in each record is that record's; one beside the array is all records'."""
    data = b'{"ts": 1795428009, "rows": [{"t": 1795428000, "v": 1}, {"t": 1795428001, "v": 2}]}'
    assert every(data, "rows.v", "rows.t")[0] == [(1.0, 1_795_428_000 * 10**9), (2.0, 1_795_428_001 * 10**9)]
    assert every(data, "rows.v", "ts")[0] == [(1.0, 1_795_428_009 * 10**9), (2.0, 1_795_428_009 * 10**9)]


def test_one_wrong_record_does_not_cost_the_others():
    """It is said, with the rest."""
    data = b'[{"t": "soon", "v": 1}, {"t": 1795428001, "v": 2}, {"t": 1795428002, "v": {}}, 7]'
    found, wrong = every(data, "v", "t")
    assert [value for value, _ in found] == [2.0]
    assert len(wrong) == 3


def test_a_record_is_picked_by_what_its_key_holds():
    """As OPC servers send by MQTT: an array of names and values; the time stands in the same record."""
    data = b'{"values": [{"id": "Ch.Mill.Temp", "v": 41.5, "t": 1795428000123}, {"id": "Ch.Mill.N", "v": 7}]}'
    assert one(data, "values[id=Ch.Mill.Temp].v", "values.t") == (41.5, 1_795_428_000_123_000_000)
    assert one(data, "values[id=Ch.Mill.N].v", "values.t") == (7.0, None)
    with pytest.raises(Undecodable, match="none of the configured fields"):
        one(data, "values[id=Ch.Mill.Load].v")


def test_an_element_by_its_number_and_a_key_with_dots():
    """`axes.1` is the second; a key that has dots in it stands between quotes."""
    assert one(b'{"axes": [{"load": 1}, {"load": 2}]}', "axes.1.load") == (2.0, None)
    assert one(b'{"Mill.Temp": {"v": 3}}', '"Mill.Temp".v') == (3.0, None)
    with pytest.raises(Undecodable):
        one(b'{"axes": [1]}', "axes.7")


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
