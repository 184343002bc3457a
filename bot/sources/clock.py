"""The clock: what time it is, and a wake-up at the next instant something falls due.

APScheduler's job only sets an event that the reconcile loop reads: a job re-armed while it still runs is lost for ever
(stack.md §1). One date job at the next instant, one heartbeat that bounds every clock problem by its own length.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger

ZONE = ZoneInfo("Asia/Shanghai")


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

    async def wait(self, until: datetime | None, poke: asyncio.Event, spoke: bool = False) -> None:
        """Arms one date job and waits for it, the heartbeat or a poke, whichever comes first."""
        del spoke
        if not self._scheduler.running:
            self._scheduler.add_job(
                self._wake.set, IntervalTrigger(seconds=int(self._heartbeat), timezone=ZONE), id="heartbeat"
            )
            self._scheduler.start()
        if until is not None:
            self._scheduler.add_job(self._wake.set, DateTrigger(until, timezone=ZONE), id="next", replace_existing=True)
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
        """Jumps to `until` (at the latest to tomorrow, so that nothing is waited for that cannot come)."""
        target = min(until or self._now + timedelta(days=1), self._now + timedelta(days=1))
        target = max(target, self._now)
        if self.until is not None and target >= self.until:
            self._now = max(self._now, self.until)
            self.over.set()
            await poke.wait()
            poke.clear()
            return
        real = (target - self._now).total_seconds() / self.speed if self.speed else self.pause * spoke
        if await self._interrupted(real, poke):
            return
        self._now = target

    async def _interrupted(self, seconds: float, poke: asyncio.Event) -> bool:
        """Rests; True when something happened meanwhile that must be looked at first at the same instant."""
        while self.paused:
            await asyncio.sleep(0.05)
            if poke.is_set():
                poke.clear()
                return True
        try:
            await asyncio.wait_for(poke.wait(), max(seconds, 0.0))
        except TimeoutError:
            return False
        poke.clear()
        return True

    def stop(self) -> None:
        self.over.set()
