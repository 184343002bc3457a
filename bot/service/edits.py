"""Live edits: rule files and chats are read again when they change, and put in force only when they are sound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from loguru import logger

from bot.core.deciding.look import Scene, look
from bot.core.facts.events import Event, RulesRejected
from bot.rulefiles.loader import FOLDER, assemble, read_files, rule_paths
from bot.rulefiles.run_tests import proven
from bot.rulefiles.text.problems import START, Problem
from bot.sending.chats import load_chats
from bot.service.app import App
from bot.service.home import Home, own_chats, remember_rules
from bot.sources.rule_files import Watched, digest


def rejection(files: Mapping[str, bytes], problems: Sequence[Problem], now: datetime) -> Event:
    """The event that says that an edit was refused; its id is the edit's digest, so it is told once per edit."""
    edit = digest(files)
    errors = [problem for problem in problems if problem.is_error]
    payload = RulesRejected(digest=edit, problems=len(errors), first=tuple(str(problem) for problem in errors[:3]))
    return Event.of(payload, key=f"rules-{edit}", time=now, source="duban/rules")


class Edits:
    """Rule files and chats: what differs from what was last seen is read again, and used only when it is sound."""

    def __init__(self, app: App, home: Home, config: bool) -> None:
        self._app, self._home, self._config = app, home, config
        self._rules = Watched(lambda: read_files(home.rules), lambda: rule_paths(home.rules), digest(home.files))
        self._chats = Watched(self._chat_files, self._chat_paths)
        self._secrets: Sequence[Path] = ()

    def look(self, now: datetime) -> None:
        """All or nothing, rules before chats: a new unit's chat is good only once its unit is there."""
        files = self._rules.changed()
        swapped = files is not None and self._swap(files, now)
        if self._config and (self._chats.changed() is not None or swapped):
            self._reload_chats()

    def _swap(self, files: Mapping[str, bytes], now: datetime) -> bool:
        """A good edit replaces the rulebook, a bad one is told to the admin once and changes nothing."""
        loaded = proven(assemble(files))
        problems = loaded.problems
        if loaded.rulebook is not None:
            problems = _trial(replace(self._app.scene(), rulebook=loaded.rulebook), now)
        if loaded.rulebook is None or problems:
            logger.warning("规则改动有错误，仍按上一版运行：{}", next((str(p) for p in problems if p.is_error), ""))
            self._app.take_in(rejection(files, problems, now))
            return False
        if loaded.rulebook.digest == self._app.rulebook.digest:
            return False
        logger.info("规则已更新")
        remember_rules(self._app.store, files)
        self._app.adopt(loaded.rulebook)
        return True

    def _chat_files(self) -> Mapping[str, bytes]:
        """chats.yaml and the secret files it names, as far as they are there."""
        return {str(path): path.read_bytes() for path in self._chat_paths()}

    def _chat_paths(self) -> list[Path]:
        paths = [self._home.folder / "config" / "chats.yaml", *self._secrets]
        return [path for path in paths if path.is_file()]

    def _reload_chats(self) -> None:
        rulebook = self._app.rulebook
        chats, problems = load_chats(self._home.folder, rulebook.addressable, rulebook.succession)
        self._secrets = chats.files
        chats = own_chats(chats, self._app.rulebook)
        if any(problem.is_error for problem in problems):
            logger.warning("群聊配置有错误，仍按原配置运行：{}", "；".join(str(problem) for problem in problems[:3]))
        elif chats != self._app.chats:
            self._app.readdress(chats)
            logger.info("群聊配置已更新")


def _trial(scene: Scene, now: datetime) -> tuple[Problem, ...]:
    """One look with new rules before they count: what no check foresaw must not stop the bot."""
    try:
        look(scene, now)
    except Exception as error:
        logger.opt(exception=error).error("新规则无法研判")
        return (Problem.at(FOLDER, START, "cannot-judge", f"按改动后的规则研判时出错（{type(error).__name__}）"),)
    return ()
