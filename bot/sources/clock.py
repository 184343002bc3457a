"""The source of time: what time it is, and a wake-up at the next instant something falls due.

An APScheduler job does nothing but wake the reconcile loop: a job that is armed again while it still runs would be lost.
There is one date job for the next instant. Its scheduler reckons by the wall clock, which may be set; so the heartbeat does
not rely on it: it is measured by elapsed time, and whatever the wall clock does, the loop wakes at the next heartbeat.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from time import monotonic
from typing import Protocol

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.date import DateTrigger

from bot.core.time.zone import ZONE
from bot.sources import Source

SLICE = 0.1  # real seconds


def wall() -> datetime:
    """The real time in Asia/Shanghai; signatures use it whatever the business clock says."""
    return datetime.now(ZONE)


class Clock(Source, Protocol):
    """Tells the time and waits. The loop reads it once per decision, so looking at it as a source finds nothing."""

    @property
    def kind(self) -> str:
        """real, or drill for every clock that is not."""
        ...

    def now(self) -> datetime:
        """The business time."""
        ...

    def elapsed(self) -> float:
        """Seconds from no matter when, by a clock that nobody sets."""
        ...

    async def wait(self, until: datetime | None, poke: asyncio.Event, spoke: bool = False) -> None:
        """Returns at `until`, or earlier when `poke` is set, and clears it. Between `start` and `stop` only.

        `poke` is the event that this clock's `wake` sets, too; `spoke` says whether something was just sent.
        """
        ...


class RealClock:
    """Wall time, with APScheduler as the alarm clock."""

    kind = "real"

    def __init__(self, heartbeat: float = 30) -> None:
        self._scheduler = AsyncIOScheduler(
            timezone=ZONE, job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
        )
        self._heartbeat = heartbeat
        self._wake: Callable[[], None] | None = None  # None before the start and after the end

    def now(self) -> datetime:
        return wall()

    def elapsed(self) -> float:
        return monotonic()

    def start(self, wake: Callable[[], None]) -> None:
        """Begins to ring."""
        self._wake = wake
        self._scheduler.start()

    def look(self, now: datetime) -> None:
        """Nothing: the loop asks for the time itself."""

    async def _ring(self) -> None:
        """What the job does; a coroutine, so that it runs in the loop and not in a thread beside it."""
        if self._wake is not None:
            self._wake()

    async def wait(self, until: datetime | None, poke: asyncio.Event, spoke: bool = False) -> None:
        """Arms one date job and waits for it, the heartbeat or a poke, whichever comes first.

        asyncio measures the heartbeat by elapsed time.
        """
        del spoke
        armed = self._scheduler.get_job("next")  # gone once it has rung
        if until is not None and (armed is None or armed.trigger.run_date != until):
            self._scheduler.add_job(self._ring, DateTrigger(until, timezone=ZONE), id="next", replace_existing=True)
        with suppress(TimeoutError):
            await asyncio.wait_for(poke.wait(), self._heartbeat)
        poke.clear()

    def stop(self) -> None:
        """Ends whatever was armed."""
        if self._wake is not None and self._scheduler.running:
            self._scheduler.shutdown(wait=False)  # in the loop's next round: until then it still says that it runs
        self._wake = None


class StoryClock:
    """A clock that is not the real one: it jumps over waiting time, but never past an instant that is not settled.

    With `speed` it runs at most that many times as fast as real time. With `pause` it rests that many real seconds at
    every instant at which something was sent, so that a drill can be watched. With neither it jumps at once. `until` ends
    the story.
    """

    kind = "drill"

    def __init__(
        self, start: datetime, *, speed: float | None = None, pause: float = 0.0, until: datetime | None = None
    ) -> None:
        self._now = start
        self._set = timedelta()
        self.speed = speed
        self.pause = pause
        self.paused = False
        self.until = until
        self.over = asyncio.Event()

    def now(self) -> datetime:
        return self._now

    def elapsed(self) -> float:
        return (self._now - self._set).timestamp()

    def start(self, wake: Callable[[], None]) -> None:
        """Nothing to begin: time moves only while the loop waits."""

    def look(self, now: datetime) -> None:
        """Nothing: the loop asks for the time itself."""

    async def wait(self, until: datetime | None, poke: asyncio.Event, spoke: bool = False) -> None:
        """Moves on to `until`, at the latest to the same time tomorrow; at the story's end only a poke is waited for."""
        end = self.until or datetime.max.replace(tzinfo=ZONE)
        if self._now >= end:
            self.over.set()
            await poke.wait()
            poke.clear()
            return
        tomorrow = self._now + timedelta(days=1)
        target = max(min(until or tomorrow, tomorrow, end), self._now)
        await self._rest(target, spoke, poke)
        if poke.is_set():
            poke.clear()
        else:
            self._now = target

    async def _rest(self, target: datetime, spoke: bool, poke: asyncio.Event) -> None:
        """Lets real time pass until the clock may jump to `target` or is poked.

        In slices, so that a change of pace or pause acts at once.
        """
        rested = 0.0
        await asyncio.sleep(0)
        while not poke.is_set():
            left = SLICE
            if not self.paused:
                distance = (target - self._now).total_seconds()
                left = distance / self.speed if self.speed else self.pause * spoke - rested
            if left <= 0:
                return
            began = monotonic()
            with suppress(TimeoutError):
                await asyncio.wait_for(poke.wait(), min(left, SLICE))
            if not self.paused:
                rested += monotonic() - began
                self._pass(monotonic() - began, target)

    def _pass(self, seconds: float, target: datetime) -> None:
        """At a speed the story's time moves along with real time, so that an interruption does not lose it."""
        if self.speed:
            self._now = min(target, self._now + timedelta(seconds=seconds * self.speed))

    def jump(self, to: datetime) -> None:
        """The clock is set back as somebody sets a machine's, or moved on to where the story continues: then time passes."""
        self._set += min(to - self._now, timedelta())
        self._now = to

    def stop(self) -> None:
        """The story is over."""
        self.over.set()
