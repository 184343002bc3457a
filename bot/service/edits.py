"""Live edits: rule files and chats are read again when they change, and put in force only when they are sound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from loguru import logger

from bot.core.deciding.addressees import ADMIN
from bot.core.deciding.look import Scene, look
from bot.core.facts.events import Event, RulesMended, RulesRejected
from bot.rulefiles.loader import FOLDER, assemble, read_files, rule_paths
from bot.rulefiles.run_tests import proven
from bot.rulefiles.text.problems import START, Problem
from bot.sending.chats import load_chats
from bot.service.app import App
from bot.service.home import Home, own_chats, remember_rules
from bot.sources import Source
from bot.sources.rule_files import EditedFiles, Files, digest
from bot.state.store import Store


def rejected(store: Store, files: Files, problems: Sequence[Problem], now: datetime) -> Event | None:
    """The event that says that an edit was refused; None if that stands already, so it is told once until it is put right."""
    edit = digest(files)
    errors = [problem for problem in problems if problem.is_error]
    payload = RulesRejected(digest=edit, problems=len(errors), first=tuple(str(problem) for problem in errors[:3]))
    if any(one.stands and one.key == payload.key for one in store.facts.rejections):
        return None
    return Event.of(payload, key=f"rules-{edit}-{now:%Y%m%dT%H%M%S}", time=now, source="duban/rules")


def mended(store: Store, now: datetime, *, quietly: bool = False) -> Event | None:
    """The event that says that refused edits were put right, if any stands. The admin hears of it who heard of one of them."""
    standing = [one for one in store.facts.rejections if one.stands]
    if not standing:
        return None
    told = not quietly and any(store.reached(f"系统:{one.key}", ADMIN) for one in standing)
    key = f"rules-mended-{now:%Y%m%dT%H%M%S}"
    return Event.of(RulesMended(told=told), key=key, time=now, source="duban/rules")


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
        """A good edit replaces the rulebook and ends what was refused before; a bad one is told to the admin once and changes nothing."""
        loaded = proven(assemble(files))
        problems = loaded.problems
        if loaded.rulebook is not None:
            problems = _trial(replace(self._app.scene(), rulebook=loaded.rulebook), now)
        if loaded.rulebook is None or problems:
            logger.warning("规则改动有错误，仍按上一版运行：{}", next((str(p) for p in problems if p.is_error), ""))
            self._take_in(rejected(self._app.store, files, problems, now))
            return
        self._take_in(mended(self._app.store, now))
        if loaded.rulebook.digest != self._app.rulebook.digest:
            logger.info("规则已更新")
            remember_rules(self._app.store, files)
            self._app.adopt(loaded.rulebook)
            self.chats.forget()

    def _take_in(self, event: Event | None) -> None:
        if event is not None:
            self._app.take_in(event)

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
        elif chats != self._app.configured:
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
