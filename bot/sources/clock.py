"""The clock: what time it is, and a wake-up at the next instant something falls due.

APScheduler's job only sets an event that the reconcile loop reads: a job re-armed while it still runs is lost for ever
(stack.md §1). One date job at the next instant, one heartbeat that bounds every clock problem by its own length.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta
from time import monotonic
from typing import Protocol

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger

from bot.core.time.zone import ZONE

SLICE = 0.1  # real seconds


def wall() -> datetime:
    """The real time in Asia/Shanghai; signatures use it whatever the business clock says."""
    return datetime.now(ZONE)


class Clock(Protocol):
    """Tells the time and waits; the loop reads it once per decision."""

    @property
    def kind(self) -> str:
        """real, or drill for every clock that is not."""
        ...

    def now(self) -> datetime:
        """The business time."""
        ...

    async def wait(self, until: datetime | None, poke: asyncio.Event, spoke: bool = False) -> None:
        """Returns at `until`, or earlier when poked or at a heartbeat; `spoke` says whether something was just sent."""
        ...

    def stop(self) -> None:
        """Ends waiting for good."""
        ...


class RealClock:
    """Wall time, with APScheduler as the alarm clock."""

    kind = "real"

    def __init__(self, heartbeat: float = 30) -> None:
        self._scheduler = AsyncIOScheduler(
            timezone=ZONE, job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
        )
        self._heartbeat = heartbeat
        self._wake = asyncio.Event()

    def now(self) -> datetime:
        return wall()

    async def _ring(self) -> None:
        """What every job does; a coroutine, so that it runs in the loop and not in a thread beside it."""
        self._wake.set()

    async def wait(self, until: datetime | None, poke: asyncio.Event, spoke: bool = False) -> None:
        """Arms one date job and waits for it, the heartbeat or a poke, whichever comes first."""
        del spoke
        if not self._scheduler.running:
            beat = IntervalTrigger(seconds=self._heartbeat, timezone=ZONE)
            self._scheduler.add_job(self._ring, beat, id="heartbeat", replace_existing=True)
            self._scheduler.start()
        armed = self._scheduler.get_job("next")  # gone once it has rung
        if until is not None and (armed is None or armed.trigger.run_date != until):
            self._scheduler.add_job(self._ring, DateTrigger(until, timezone=ZONE), id="next", replace_existing=True)
        woken = [asyncio.ensure_future(event.wait()) for event in (self._wake, poke)]
        try:
            await asyncio.wait(woken, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in woken:
                task.cancel()
        self._wake.clear()
        poke.clear()

    def stop(self) -> None:
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)


class StoryClock:
    """A clock that is not the real one: it jumps over waiting time but never past an instant that is not settled.

    With `speed` it runs at most that many times as fast as real time; with `pause` it rests so many real seconds at every
    instant, which is what the drill's wall shows; with neither it jumps at once. `until` ends the story.
    """

    kind = "drill"

    def __init__(
        self, start: datetime, *, speed: float | None = None, pause: float = 0.0, until: datetime | None = None
    ) -> None:
        self._now = start
        self.speed = speed
        self.pause = pause
        self.paused = False
        self.until = until
        self.over = asyncio.Event()

    def now(self) -> datetime:
        return self._now

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
        """Lets real time pass until `target` may be gone to or something happens; in slices, so that buttons act at once."""
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
        """At a speed the time moves with the wall's, so that an interruption costs nothing."""
        if self.speed:
            self._now = min(target, self._now + timedelta(seconds=seconds * self.speed))

    def stop(self) -> None:
        self.over.set()
