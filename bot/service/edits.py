"""Live edits: rule files and chats are read again when they change, and put in force only when they are sound."""

from __future__ import annotations

from collections.abc import Sequence
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
from bot.sources import Source
from bot.sources.rule_files import EditedFiles, Files, digest


def rejection(files: Files, problems: Sequence[Problem], now: datetime) -> Event:
    """The event that says that an edit was refused; its id is the edit's digest, so it is told once per edit."""
    edit = digest(files)
    errors = [problem for problem in problems if problem.is_error]
    payload = RulesRejected(digest=edit, problems=len(errors), first=tuple(str(problem) for problem in errors[:3]))
    return Event.of(payload, key=f"rules-{edit}", time=now, source="duban/rules")


class Edits:
    """What a running service does about edited rule files and chats: sound ones count at once, others not at all."""

    def __init__(self, app: App, home: Home) -> None:
        self._app, self._home = app, home
        self._secrets: Sequence[Path] = ()
        self.rules = EditedFiles(
            home.rules,
            lambda: read_files(home.rules),
            lambda: rule_paths(home.rules),
            self._adopt_rules,
            digest(home.files),
        )
        self.chats = EditedFiles(home.folder / "config", self._chat_files, self._chat_paths, self._reload_chats)

    def sources(self, config: bool) -> list[Source]:
        """Rules before chats: a new unit's chat is accepted only when the unit is in the rules."""
        return [self.rules, self.chats] if config else [self.rules]

    def _adopt_rules(self, files: Files, now: datetime) -> None:
        """A good edit replaces the rulebook; a bad one is told to the admin once and changes nothing."""
        loaded = proven(assemble(files))
        problems = loaded.problems
        if loaded.rulebook is not None:
            problems = _trial(replace(self._app.scene(), rulebook=loaded.rulebook), now)
        if loaded.rulebook is None or problems:
            logger.warning("规则改动有错误，仍按上一版运行：{}", next((str(p) for p in problems if p.is_error), ""))
            self._app.take_in(rejection(files, problems, now))
        elif loaded.rulebook.digest != self._app.rulebook.digest:
            logger.info("规则已更新")
            remember_rules(self._app.store, files)
            self._app.adopt(loaded.rulebook)
            self.chats.forget()

    def _chat_files(self) -> Files:
        """chats.yaml and the secret files it names, as far as they exist."""
        return {str(path): path.read_bytes() for path in self._chat_paths()}

    def _chat_paths(self) -> list[Path]:
        paths = [self._home.folder / "config" / "chats.yaml", *self._secrets]
        return [path for path in paths if path.is_file()]

    def _reload_chats(self, files: Files, now: datetime) -> None:
        """Good chats replace those in use; bad ones change nothing."""
        rulebook = self._app.rulebook
        chats, problems = load_chats(self._home.folder, rulebook.addressable, rulebook.succession)
        self._secrets = chats.files
        chats = own_chats(chats, rulebook)
        if any(problem.is_error for problem in problems):
            logger.warning("群聊配置有错误，仍按原配置运行：{}", "；".join(str(problem) for problem in problems[:3]))
        elif chats != self._app.chats:
            self._app.readdress(chats)
            logger.info("群聊配置已更新")


def _trial(scene: Scene, now: datetime) -> tuple[Problem, ...]:
    """Looks once with the new rules before they count: an error that no check foresaw must not stop the bot."""
    try:
        look(scene, now)
    except Exception as error:
        logger.opt(exception=error).error("新规则无法研判")
        return (Problem.at(FOLDER, START, "cannot-judge", f"按改动后的规则研判时出错（{type(error).__name__}）"),)
    return ()
