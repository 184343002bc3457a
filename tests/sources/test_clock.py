"""Clocks: the real one wakes at its instant and never misses one for good; a story's passes nothing that is due."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta, tzinfo
from time import monotonic, sleep
from typing import Self

import apscheduler.schedulers.base
import pytest

import bot.sources.clock
from bot.core.time.zone import ZONE
from bot.sources.clock import RealClock, StoryClock, wall

START = datetime(2027, 12, 24, 8, 0, tzinfo=ZONE)
HOUR = timedelta(hours=1)
LONG = 3600.0  # seconds: a heartbeat that never comes in a test


async def ended(waiting: asyncio.Task[None], within: float) -> bool:
    """Whether it ends within so many seconds; a slow machine only makes a no more likely."""
    done, _ = await asyncio.wait([waiting], timeout=within)
    return bool(done)


@pytest.fixture
async def poke() -> asyncio.Event:
    return asyncio.Event()


# --- real -----------------------------------------------------------------------------


@pytest.fixture
async def real(poke: asyncio.Event) -> AsyncIterator[RealClock]:
    clock = RealClock(heartbeat=LONG)
    clock.start(poke.set)
    yield clock
    clock.stop()
    await asyncio.sleep(0)


async def test_the_real_clock_wakes_at_the_instant_and_not_before(real: RealClock, poke: asyncio.Event) -> None:
    until = wall() + timedelta(seconds=0.1)
    await real.wait(until, poke)
    assert wall() >= until


async def test_an_instant_already_past_wakes_at_once(real: RealClock, poke: asyncio.Event) -> None:
    await real.wait(wall() - timedelta(days=3), poke)


async def test_an_instant_missed_while_the_loop_was_blocked_is_not_lost(real: RealClock, poke: asyncio.Event) -> None:
    waiting = asyncio.create_task(real.wait(wall() + timedelta(seconds=0.05), poke))
    await asyncio.sleep(0)
    sleep(0.2)  # noqa: ASYNC251 - the point: the loop is held up over the instant
    await waiting


async def test_a_poke_wakes_at_once_and_is_used_up(real: RealClock, poke: asyncio.Event) -> None:
    poke.set()
    await real.wait(None, poke)
    assert not poke.is_set()
    waiting = asyncio.create_task(real.wait(None, poke))
    assert not await ended(waiting, 0.05)
    poke.set()
    await waiting


async def test_an_earlier_instant_replaces_the_armed_one(real: RealClock, poke: asyncio.Event) -> None:
    poke.set()
    await real.wait(wall() + HOUR, poke)
    await real.wait(wall() + timedelta(seconds=0.05), poke)


async def test_the_same_clock_is_armed_again_and_again(real: RealClock, poke: asyncio.Event) -> None:
    for _ in range(5):
        await real.wait(wall() + timedelta(seconds=0.01), poke)


async def test_the_heartbeat_wakes_when_nothing_is_armed(poke: asyncio.Event) -> None:
    clock = RealClock(heartbeat=0.05)
    clock.start(poke.set)
    for _ in range(3):
        await clock.wait(None, poke)
    clock.stop()
    await asyncio.sleep(0)


class SetBack(datetime):
    """A wall clock that somebody set back by two hours."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        return super().now(tz) - 2 * HOUR


async def test_the_heartbeat_goes_on_when_the_wall_clock_is_set_back(
    poke: asyncio.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = RealClock(heartbeat=0.05)
    clock.start(poke.set)
    await clock.wait(clock.now() + HOUR, poke)
    for module in (apscheduler.schedulers.base, bot.sources.clock):
        monkeypatch.setitem(module.__dict__, "datetime", SetBack)
    for _ in range(3):
        await clock.wait(clock.now() + HOUR, poke)
    clock.stop()
    await asyncio.sleep(0)


async def test_jobs_ring_inside_the_loop(poke: asyncio.Event) -> None:
    asyncio.get_running_loop().set_debug(True)  # then setting an event from another thread is an error
    clock = RealClock(heartbeat=0.02)
    clock.start(poke.set)
    await clock.wait(None, poke)
    clock.stop()
    await asyncio.sleep(0)


def test_the_real_clock_tells_the_time_of_the_office() -> None:
    assert RealClock().now().utcoffset() == timedelta(hours=8)


# --- story ------------------------------------------------------------------------------


async def test_a_story_jumps_to_the_next_instant_and_no_further(poke: asyncio.Event) -> None:
    clock = StoryClock(START)
    await clock.wait(START + HOUR, poke)
    assert clock.now() == START + HOUR


async def test_a_story_without_an_instant_moves_one_day_at_most(poke: asyncio.Event) -> None:
    clock = StoryClock(START)
    await clock.wait(None, poke)
    assert clock.now() == START + timedelta(days=1)
    await clock.wait(START + timedelta(days=9), poke)
    assert clock.now() == START + timedelta(days=2)


async def test_a_story_never_goes_back(poke: asyncio.Event) -> None:
    clock = StoryClock(START)
    await clock.wait(START - HOUR, poke)
    assert clock.now() == START


async def test_a_poke_is_looked_at_before_time_moves_on(poke: asyncio.Event) -> None:
    clock = StoryClock(START)
    poke.set()
    await clock.wait(START + HOUR, poke)
    assert clock.now() == START
    assert not poke.is_set()
    await clock.wait(START + HOUR, poke)
    assert clock.now() == START + HOUR


async def test_speed_is_an_upper_bound(poke: asyncio.Event) -> None:
    clock = StoryClock(START, speed=36_000)
    began = monotonic()
    await clock.wait(START + HOUR, poke)
    assert clock.now() == START + HOUR
    assert monotonic() - began >= 0.099


async def test_at_a_speed_an_interruption_keeps_the_time_gone_by(poke: asyncio.Event) -> None:
    clock = StoryClock(START, speed=1)
    waiting = asyncio.create_task(clock.wait(START + HOUR, poke))
    await asyncio.sleep(0.05)
    poke.set()
    await waiting
    assert START < clock.now() < START + HOUR


async def test_a_story_rests_only_where_something_was_said(poke: asyncio.Event) -> None:
    clock = StoryClock(START, pause=0.05)
    began = monotonic()
    await clock.wait(START + HOUR, poke, spoke=True)
    assert monotonic() - began >= 0.05
    waiting = asyncio.create_task(StoryClock(START, pause=LONG).wait(START + HOUR, poke))
    await waiting


async def test_a_paused_story_stands_still_until_it_goes_on(poke: asyncio.Event) -> None:
    clock = StoryClock(START)
    clock.paused = True
    waiting = asyncio.create_task(clock.wait(START + HOUR, poke))
    assert not await ended(waiting, 0.15)
    assert clock.now() == START
    clock.paused = False
    await waiting
    assert clock.now() == START + HOUR


async def test_a_poke_is_heard_while_paused(poke: asyncio.Event) -> None:
    clock = StoryClock(START)
    clock.paused = True
    waiting = asyncio.create_task(clock.wait(START + HOUR, poke))
    poke.set()
    await waiting
    assert clock.now() == START


async def test_a_new_pace_counts_at_once(poke: asyncio.Event) -> None:
    clock = StoryClock(START, speed=1)
    waiting = asyncio.create_task(clock.wait(START + HOUR, poke))
    await asyncio.sleep(0)
    clock.speed = None
    await waiting
    assert clock.now() == START + HOUR


async def test_at_the_end_the_story_is_over_after_a_last_look_and_only_a_poke_goes_on(poke: asyncio.Event) -> None:
    clock = StoryClock(START, until=START + HOUR)
    await clock.wait(START + 3 * HOUR, poke)
    assert clock.now() == START + HOUR
    assert not clock.over.is_set()
    waiting = asyncio.create_task(clock.wait(None, poke))
    assert not await ended(waiting, 0.05)
    assert clock.over.is_set()
    poke.set()
    await waiting
    assert clock.now() == START + HOUR


async def test_a_stopped_story_is_over() -> None:
    clock = StoryClock(START)
    clock.stop()
    assert clock.over.is_set()
