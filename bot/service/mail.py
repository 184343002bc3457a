"""Letters in a running service: each one is taken in or refused, and leaves the inbox once that is durable."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

from loguru import logger

from bot.core.deciding.admission import Refused, vetted
from bot.core.time.zone import day_of
from bot.service.app import App
from bot.sources.inbox import Inbox, Letter
from bot.state.disk.errors import NotStorable, StateError


class Mail:
    """What a running service does about letters. A story leaves their files alone: they are meant for the real bot."""

    def __init__(self, app: App, folder: Path) -> None:
        self._app = app
        self._kept: list[Letter] = []
        self.inbox = Inbox(folder, self._keep)

    def _keep(self, letter: Letter, now: datetime) -> None:
        self._kept.append(self._taken_in(letter, now))

    def clear(self, now: datetime) -> None:
        """After a pass: makes the letters durable and removes their files. What they led to was sent before this."""
        if self._kept:
            self._app.store.sync()
        while self._kept and self._app.clock.kind == "real":
            kept = self._kept.pop()
            try:
                self.inbox.take_out(kept)
            except OSError as error:
                logger.error("来件 {} 移不走：{}", kept.path.name, type(error).__name__)

    def _taken_in(self, letter: Letter, now: datetime) -> Letter:
        """The letter as it was kept: admitted, or refused for what it says or for the error it led to."""
        app = self._app
        try:
            if not letter.rejected and not app.store.knows(
                letter.event
            ):  # one left again after a crash was vetted then
                event = vetted(letter.event, app.rulebook, app.chats.robots, day_of(now), app.store.facts)
                letter = replace(letter, event=event)
            app.take_in(letter.event)
        except Refused as refused:
            return self._refuse(letter, str(refused), now)
        except NotStorable:
            return self._refuse(letter, "内容无法保存", now)
        except StateError:
            raise
        except Exception as error:  # nothing was kept, and one letter must not stop the bot
            logger.opt(exception=error).error("来件 {} 无法处理", letter.path.name)
            return self._refuse(letter, f"处理时出错（{type(error).__name__}）", now)
        return letter

    def _refuse(self, letter: Letter, reason: str, now: datetime) -> Letter:
        refused = letter.refused(reason, now)
        self._app.take_in(refused.event)
        return refused
