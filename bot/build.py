"""Wiring: the only place that knows everything. `House` is one home folder opened for one purpose."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from loguru import logger
from pydantic import SecretStr

from bot.app import App
from bot.core.events import Event, RulesRejected
from bot.core.facts import Facts
from bot.core.notices import ADMIN, LEADING_GROUP, Directory
from bot.core.outbox import Entry
from bot.core.outcome import Outcome
from bot.core.outlook import Scene
from bot.core.rulebook import Rulebook
from bot.delivery import Deliveries
from bot.platforms import Robot
from bot.settings import Settings, load_settings
from bot.shell.chats import Chats, load_chats
from bot.shell.courier import Courier
from bot.shell.database import Database
from bot.shell.lock import StateLock
from bot.shell.problems import Problem
from bot.shell.robots import Robots
from bot.shell.rulebook import assemble, digest_of, load, read_files
from bot.shell.store import Store
from bot.sources.clock import Clock, wall
from bot.sources.inbox import Inbox
from bot.sources.rule_files import Watched


class RulesUnusableError(Exception):
    """The rule files have errors and there is no earlier good version to go on with."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("规则文件有错误")


class WrongClockError(Exception):
    """A state folder written under one kind of clock is opened under another."""


@dataclass(frozen=True)
class Home:
    """The folder that holds rules/ config/ state/, read but not opened."""

    folder: Path
    settings: Settings
    chats: Chats
    loaded_problems: tuple[Problem, ...]
    rulebook: Rulebook | None

    @property
    def rules(self) -> Path:
        """rules/."""
        return self.folder / "rules"

    def state(self, clock_kind: str) -> Path:
        """state/, or state/drill/ for every clock that is not the real one."""
        return self.folder / "state" if clock_kind == "real" else self.folder / "state" / "drill"

    @property
    def inbox(self) -> Path:
        """Where commands leave events for a running bot."""
        return self.folder / "state" / "inbox"


def read_home(folder: Path) -> Home:
    """Reads rules and configuration; problems are collected, none raises but unusable settings (RulesUnusableError)."""
    settings, problems = load_settings(folder)
    if settings is None:
        raise RulesUnusableError(problems)
    loaded = load(folder / "rules")
    units = loaded.rulebook.addressable if loaded.rulebook else ()
    chats, chat_problems = load_chats(folder, units) if loaded.rulebook else (Chats(), ())
    found = (*loaded.problems, *problems, *chat_problems)
    return Home(folder, settings, chats, found, loaded.rulebook)


def missing_chats(rulebook: Rulebook, chats: Chats) -> list[str]:
    """Units whose reminders go to the admin chat because they have none of their own."""
    return [name for name in rulebook.addressable if name not in chats.directory.chats]


def open_store(
    folder: Path, clock_kind: str, *, keep: bool = True, as_confirmed: bool = False
) -> tuple[Store, StateLock]:
    """The state folder under its lock. Raises StateLocked, DamagedState, WrongClockError."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = StateLock(folder)
    lock.acquire()
    try:
        if not keep:
            _empty(folder)
        store = Store(Database.open(folder), Facts(all_confirmed=as_confirmed))
        known = store.meta("clock")
        if known is not None and known != clock_kind:
            raise WrongClockError(f"{folder.name} 是{'演练' if known != 'real' else '正式'}状态，不能混用")
        with store.work():
            store.set_meta("clock", clock_kind)
    except BaseException:
        lock.release()
        raise
    return store, lock


def _empty(folder: Path) -> None:
    """Clears a drill's state, its lock excepted."""
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif not path.name.endswith(".lock"):
            path.unlink()


def peek_store(folder: Path, *, as_confirmed: bool = False) -> Store:
    """What the state folder holds, from a copy: reading never disturbs a running bot. Empty when there is none."""
    if not folder.is_dir() or not any(path.is_file() and path.suffix != ".lock" for path in folder.iterdir()):
        return Store(Database.in_memory(), Facts(all_confirmed=as_confirmed))
    for attempt in range(5):
        with TemporaryDirectory() as copy, suppress(FileNotFoundError):
            for path in folder.iterdir():
                if path.is_file() and not path.name.endswith(".lock"):
                    shutil.copy2(path, copy)
            try:
                store = Store(Database.open(Path(copy)), Facts(all_confirmed=as_confirmed))
            except Exception:
                if attempt == 4:
                    raise
                continue  # a compaction ran between two copies
            store.close()
            return store
    raise FileNotFoundError(folder)


def usable_rulebook(home: Home, store: Store) -> Rulebook:
    """Today's rulebook, or the last good one from the state beside broken files. Raises RulesUnusableError without either."""
    if home.rulebook is not None:
        remember_rules(store, home.rules)
        return home.rulebook
    kept: Mapping[str, str] | None = store.meta("rules")
    loaded = assemble({name: text.encode() for name, text in kept.items()}) if kept else None
    if loaded is None or loaded.rulebook is None:
        raise RulesUnusableError(home.loaded_problems)
    return loaded.rulebook


def remember_rules(store: Store, rules: Path) -> None:
    """Keeps the files of a good rulebook in the state, so that a restart beside a broken edit has something to run on."""
    with store.work():
        store.set_meta("rules", {name: raw.decode("utf-8", "replace") for name, raw in read_files(rules).items()})


def rejection(rules: Path, problems: Sequence[Problem], now: datetime) -> Event:
    """The event that says that an edit was refused; its id is the edit's digest, so it is told once per edit."""
    digest = digest_of(rules)
    errors = [problem for problem in problems if problem.is_error]
    payload = RulesRejected(digest=digest, problems=len(errors), first=tuple(str(problem) for problem in errors[:3]))
    return Event.of(payload, key=f"rules-{digest}", time=now, source="duban/rules")


def make_app(
    home: Home,
    store: Store,
    clock: Clock,
    chats: Chats,
    *,
    mark: str = "",
    on_outcome: Callable[[Entry, Outcome], None] | None = None,
) -> App:
    """One App with everything in it."""
    rulebook = usable_rulebook(home, store)
    robots = Robots(chats.robots, store)
    courier = Courier(home.settings.allowed_hosts, loopback_only=clock.kind != "real")
    hours = home.settings.office_hours
    deliveries = Deliveries(store, robots, courier, hours, clock.now, wall, on_outcome)
    app = App(
        rulebook=rulebook, store=store, chats=chats, robots=robots, deliveries=deliveries, clock=clock, hours=hours,
        letterhead=home.settings.letterhead(mark),
    )  # fmt: skip
    if home.rulebook is None:
        with store.work():
            event = rejection(home.rules, home.loaded_problems, clock.now())
            if not store.knows(event):
                store.keep(event)
    return app


def listen(app: App, home: Home, *, config: bool = True) -> list[Path]:
    """Makes the app look at rule files, configuration and inbox at every pass; returns the folders worth watching."""
    inbox = Inbox(home.inbox)
    inbox.folder.mkdir(parents=True, exist_ok=True)
    rules, chats = Watched(home.rules), Watched(home.folder / "config")
    app.before_pass.append(lambda now: _reload_rules(app, home, rules, now))
    if config:
        app.before_pass.append(lambda now: _reload_chats(app, home, chats))
    app.before_pass.append(lambda now: _read_inbox(app, inbox, now))
    return [home.rules, home.folder / "config", inbox.folder]


def _reload_rules(app: App, home: Home, watched: Watched, now: datetime) -> None:
    """All or nothing: a good edit replaces the rulebook, a bad one is told to the admin once and changes nothing."""
    if not watched.changed():
        return
    loaded = load(home.rules)
    if loaded.rulebook is None:
        logger.warning("规则改动有错误，仍按上一版运行")
        app.take_in(rejection(home.rules, loaded.problems, now))
    elif loaded.rulebook.digest != app.rulebook.digest:
        logger.info("规则已更新")
        remember_rules(app.store, home.rules)
        app.rulebook = loaded.rulebook


def _reload_chats(app: App, home: Home, watched: Watched) -> None:
    if not watched.changed():
        return
    chats, problems = load_chats(home.folder, app.rulebook.addressable)
    if any(problem.is_error for problem in problems):
        logger.warning("群聊配置有错误，仍按原配置运行：{}", "；".join(str(problem) for problem in problems[:3]))
        return
    app.readdress(chats)
    logger.info("群聊配置已更新")


def _read_inbox(app: App, inbox: Inbox, now: datetime) -> None:
    for letter in inbox.letters(now):
        app.take_in(letter.event)
        letter.settle()


def scene_of(home: Home, rulebook: Rulebook, store: Store) -> Scene:
    """What a look into the future starts from: the state as it is, and the chats as configured."""
    return Scene(
        rulebook=rulebook,
        facts=store.facts,
        memory=store.tellings,
        directory=home.chats.directory if home.chats.robots else everybody(rulebook),
        hours=home.settings.office_hours,
        used=store.used,
        troubles=tuple(store.troubles()),
    )


def scene_for_drill(home: Home) -> tuple[Scene, Rulebook]:
    """A state not begun, everything confirmed, everybody with a chat."""
    store = Store(Database.in_memory(), Facts(all_confirmed=True))
    rulebook = usable_rulebook(home, store)
    return replace(scene_of(home, rulebook, store), directory=everybody(rulebook)), rulebook


def everybody(rulebook: Rulebook) -> Directory:
    """The drill's directory, used too while no chat is configured at all: everybody has a chat of their own."""
    names = (*rulebook.addressable, ADMIN, LEADING_GROUP)
    return Directory({name: name for name in names})


def drill_chats(units: Iterable[str], address: Callable[[str, str], str]) -> Chats:
    """A twin for everybody; the dialects take turns so that the wall shows all of them."""
    names = [*units, ADMIN, LEADING_GROUP]
    dialects = ("wecom", "dingtalk", "feishu")
    robots = {name: (_twin_robot(name, dialects[index % len(dialects)], address),) for index, name in enumerate(names)}
    return Chats(robots, Directory({name: name for name in names}))


def _twin_robot(name: str, dialect: str, address: Callable[[str, str], str]) -> Robot:
    return Robot(f"{name}#1", dialect, SecretStr(address(name, dialect)))
