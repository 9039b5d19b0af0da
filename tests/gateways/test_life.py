"""Heartbeats: when a machine counts as alive, and what is written about it."""

from __future__ import annotations

import pytest

from gateways.life import Life
from tests.gateways.helpers import Collector, Hands, S


@pytest.fixture
def hands():
    return Hands()


@pytest.fixture
def sink():
    return Collector()


async def test_the_system_clock_beats_once_per_interval_and_never_back_fills(hands, sink):
    """After a stall of ten minutes there is one heartbeat, not sixty."""
    life = Life(sink, hands.clock(), 10)
    start = hands.wall
    life.rise("src", "m1")
    hands.pass_s(10)
    life.tick()
    hands.pass_s(600)
    life.tick()
    await life.flush()
    assert sink.life() == [(start, True), (start + 10 * S, True), (start + 610 * S, True)]


async def test_the_end_of_life_is_written_at_once(hands, sink):
    """A fall writes 0 at its instant; a second fall writes nothing."""
    life = Life(sink, hands.clock(), 10)
    life.rise("src", "m1")
    life.rise("src", "m2")
    hands.pass_s(3)
    life.fall("src")
    life.fall("src")
    await life.flush()
    assert sink.life("m1") == [(hands.wall - 3 * S, True), (hands.wall, False)]
    assert sink.life("m2") == sink.life("m1")


async def test_silence_ends_life_at_the_last_message_plus_its_limit(hands, sink):
    """With `max_silence_s` 15 the 0 stands at exactly 15 s after the last message, and 1 beats before it."""
    life = Life(sink, hands.clock(), 10)
    start = hands.wall
    life.rise("src", "m1", hold_s=15)
    hands.pass_s(5)
    life.rise("src", "m1", hold_s=15)
    assert life.next_expiry_s() == 15
    hands.pass_s(5)
    life.tick()
    hands.pass_s(10)
    life.tick()
    await life.flush()
    assert sink.life() == [(start, True), (start + 10 * S, True), (start + 20 * S, False)]


async def test_a_wall_clock_that_steps_does_not_end_life(hands, sink):
    """Silence is measured with a steady clock: NTP setting the time by an hour is no silence."""
    life = Life(sink, hands.clock(), 10)
    life.rise("src", "m1", hold_s=900)
    hands.wall += 3600 * S
    life.expire()
    assert life.is_up("src", "m1")


async def test_what_never_shows_life_is_written_as_down_once(hands, sink):
    """Without any heartbeat a machine would count as live throughout."""
    life = Life(sink, hands.clock(), 10)
    life.expect("src", "m1")
    for _ in range(3):
        hands.pass_s(10)
        life.tick()
    await life.flush()
    assert [up for _, up in sink.life()] == [False]


async def test_following_beats_every_multiple_between_two_readings(hands, sink):
    """The source's clock leaps from 95 s to 131 s: beats at 100, 110, 120, 130."""
    clock = hands.clock("source")
    life = Life(sink, clock, 10)
    clock.observe("src", 95 * S)
    life.rise("src", "m1")
    clock.observe("src", 131 * S)
    life.advance()
    await life.flush()
    assert sink.life() == [(t * S, True) for t in (95, 100, 110, 120, 130)]


async def test_following_beats_nothing_for_an_interrupted_time(hands, sink):
    """Down between the readings at 100 s and 200 s: 0 at the first, 1 at the second, nothing between."""
    clock = hands.clock("source")
    life = Life(sink, clock, 10)
    clock.observe("src", 100 * S)
    life.rise("src", "m1")
    life.fall("src", "m1")
    clock.observe("src", 200 * S)
    life.advance()
    life.rise("src", "m1")
    clock.observe("src", 212 * S)
    life.advance()
    await life.flush()
    assert sink.life() == [(100 * S, True), (100 * S, False), (200 * S, True), (210 * S, True)]


async def test_following_another_source_proves_no_life_of_this_one(hands, sink):
    """A source whose own clock has stopped gets no heartbeats from the clock of another."""
    clock = hands.clock("source")
    life = Life(sink, clock, 10)
    for source in ("a", "b"):
        clock.observe(source, 100 * S)
        life.rise(source, source)
    clock.observe("b", 130 * S)
    life.advance()
    await life.flush()
    assert sink.life("a") == [(100 * S, True)]
    assert sink.life("b") == [(t * S, True) for t in (100, 110, 120, 130)]


async def test_following_ends_a_silence_inside_a_leap(hands, sink):
    """A leap of the clock over the end of the silence limit: beats up to it, 0 at it, none after."""
    clock = hands.clock("source")
    life = Life(sink, clock, 10)
    clock.observe("src", 100 * S)
    life.rise("src", "m1", hold_s=25)
    clock.observe("src", 1_000 * S)
    life.advance()
    await life.flush()
    assert sink.life() == [(100 * S, True), (110 * S, True), (120 * S, True), (125 * S, False)]


async def test_following_waits_for_the_first_reading(hands, sink):
    """A machine that is up before anybody knows the time beats from the first reading on."""
    clock = hands.clock("source")
    life = Life(sink, clock, 10)
    life.rise("src", "m1", hold_s=900)
    life.advance()
    clock.observe("src", 100 * S)
    life.advance()
    await life.flush()
    assert sink.life() == [(100 * S, True)]


async def test_an_absurd_leap_is_unknown_time(hands, sink, caplog):
    """From 1970 to today would be 180 million heartbeats; there is one, and a line in the log."""
    clock = hands.clock("source")
    life = Life(sink, clock, 10)
    clock.observe("src", 100 * S)
    life.rise("src", "m1")
    clock.observe("src", hands.wall)
    life.advance()
    await life.flush()
    assert sink.life() == [(100 * S, True), (hands.wall, True)]
    assert "leapt" in caplog.text


async def test_heartbeats_wait_for_the_spool(hands, sink):
    """What the sink refused is handed over later, in order, once."""
    life = Life(sink, hands.clock(), 10)
    life.rise("src", "m1")
    sink.available = False
    with pytest.raises(ConnectionError):
        await life.flush()
    life.fall("src")
    sink.available = True
    await life.flush()
    assert [up for _, up in sink.life()] == [True, False]
