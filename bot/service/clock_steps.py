"""Steps of the wall clock while the service runs: noticed at the next look, logged, and, when long, told to the admin.

Somebody sets a machine's clock, NTP corrects it, or the whole machine stood still. Waits are measured by elapsed time, so they
are moved along with the wall clock; slots and rungs are times of the wall clock and follow it by themselves.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from loguru import logger

from bot.service.app import App

#: A step shorter than this is the drift of a clock that is being corrected.
NOTICED = timedelta(seconds=2)
#: A step longer than this is told to the admin.
TOLD = timedelta(hours=1)


class ClockSteps:
    """Compares the wall clock with elapsed time at every look."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._wall, self._tick = app.clock.now(), app.clock.elapsed()

    def look(self, now: datetime) -> None:
        """Notices a step since the last look."""
        tick = self._app.clock.elapsed()
        step = (now - self._wall) - timedelta(seconds=tick - self._tick)
        self._wall, self._tick = now, tick
        if abs(step) >= NOTICED:
            self._take_in(step, now)

    def _take_in(self, step: timedelta, now: datetime) -> None:
        way = "拨快" if step > timedelta() else "拨慢"
        minutes = abs(step) / timedelta(minutes=1)
        text = f"系统时钟{way}了约{minutes:.0f}分钟（或主机停顿过），现为{now:%Y-%m-%d %H:%M}，请核对主机时间"
        logger.warning("{}（{:.0f}秒）", text, step.total_seconds())
        self._app.deliveries.clock_was_set(step)
        self._app.lost.clock_was_set(step)
        if abs(step) >= TOLD:
            with self._app.store.work():
                self._app.store.note("系统时钟", "系统时钟被改动", f"{text}。", now)
