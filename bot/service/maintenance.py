"""Maintenance of the state: the monthly archive and the nightly copy.

Neither may stop a reminder. What fails is tried again an hour later, and the admin hears of it daily until it works.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

from loguru import logger

from bot.core.deciding.office import Trouble
from bot.core.time.zone import ZONE, day_of
from bot.state.archive import Archive
from bot.state.backup import back_up, copy_of, prune
from bot.state.disk.errors import StateError
from bot.state.store import Store

NIGHT = 3  # the hour from which the day's copy is made
#: How long after its end a month is archived. If the clock was days ahead and is set back, that day's messages must still be live to
#: be counted.
REST = timedelta(days=7)
PAUSE = timedelta(hours=1)  # between a failure and the next try


class Maintenance:
    """Maintenance of one state folder, asked at every pass; cheap when nothing is due. `backups` is None if none are wanted."""

    def __init__(self, store: Store, folder: Path, backups: Path | None) -> None:
        self._store, self._folder, self._backups = store, folder, backups
        self._archive = Archive(folder / "archive")
        self._swept = ""  # the month of the last sweep that succeeded
        self.copying: Future[None] | None = None
        self._not_before: dict[str, datetime] = {}
        self._troubles: dict[str, Trouble] = {}

    def look(self, now: datetime) -> None:
        """Does what is due. Never raises for errors of the disk or a damaged file."""
        self._note_compaction(now)
        until = now - REST
        month = f"{until.astimezone(ZONE):%Y-%m}"
        if self._swept != month:
            self._try("归档", now, lambda: self._sweep(month, until))
        if self.copying is not None and self.copying.done():
            made, self.copying = self.copying, None
            self._try("备份", now, made.result)
        elif self.copying is None and self._copy_is_due(now):
            self._try("备份", now, lambda: self._start_copy(now))

    def troubles(self) -> list[Trouble]:
        """What failed and has not worked since."""
        return list(self._troubles.values())

    def _sweep(self, month: str, until: datetime) -> None:
        moved = self._store.sweep(self._archive, until)
        self._swept = month
        if moved:
            logger.info("已归档{}行", moved)

    def _copy_is_due(self, now: datetime) -> bool:
        if self._backups is None or now.astimezone(ZONE).hour < NIGHT or now < self._not_before.get("备份", now):
            return False
        return not copy_of(self._backups, day_of(now)).exists()

    def _start_copy(self, now: datetime) -> None:
        """Starts the copy in a thread: packing years of archive would block the loop."""
        assert self._backups is not None
        backups, day = self._backups, day_of(now)

        def copy() -> None:
            back_up(self._folder, copy_of(backups, day), now)
            prune(backups)

        threads = ThreadPoolExecutor(1, thread_name_prefix="backup")
        self.copying = threads.submit(copy)
        threads.shutdown(wait=False)

    def _try(self, what: str, now: datetime, act: Callable[[], None]) -> None:
        """Runs `act`. A failure becomes a trouble, and the next try is an hour later."""
        if now < self._not_before.get(what, now):
            return
        try:
            act()
        except (StateError, OSError) as error:
            logger.error("{}没有做成，一小时后再试：{}", what, error)
            self._not_before[what] = now + PAUSE
            self._remember(what, now, error)
        else:
            if what != "备份" or self.copying is None:  # a copy that has only been started has not succeeded yet
                self._troubles.pop(what, None)

    def _note_compaction(self, now: datetime) -> None:
        error = self._store.compaction_error
        if error is None:
            self._troubles.pop("整理", None)
        else:
            self._remember("整理", now, error)

    def _remember(self, what: str, now: datetime, error: Exception) -> None:
        since = self._troubles[what].since if what in self._troubles else now
        self._troubles[what] = Trouble(f"状态{what}", f"状态{what}没有做成", since, (str(error),))
