"""Wiring: the only place that knows everything. `House` is one home folder opened for one purpose."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from time import monotonic

from loguru import logger
from pydantic import SecretStr

from bot import __version__
from bot.app import App
from bot.auditing import Auditor
from bot.core.events import Event, RulesRejected
from bot.core.facts import Facts
from bot.core.notices import ADMIN, LEADING_GROUP, Directory
from bot.core.outbox import Entry
from bot.core.outcome import Outcome
from bot.core.outlook import Scene, look
from bot.core.rulebook import Rulebook
from bot.delivery import Deliveries
from bot.heartbeat import heartbeat
from bot.platforms import Robot
from bot.proving import proven
from bot.settings import Settings, load_settings
from bot.shell.chats import Chats, load_chats
from bot.shell.courier import Courier
from bot.shell.database import Database
from bot.shell.lock import StateLock
from bot.shell.problems import START, Problem
from bot.shell.robots import Robots
from bot.shell.rulebook import FOLDER, Loaded, assemble, load, read_files, rule_paths
from bot.shell.sent import Sent
from bot.shell.shelf import day_of
from bot.shell.state_errors import NotStorable, StateError
from bot.shell.state_files import read_living
from bot.shell.store import Store
from bot.sources.clock import Clock, wall
from bot.sources.inbox import Inbox, Letter
from bot.sources.rule_files import Watched, digest
from bot.upkeep import Upkeep
from bot.vetting import Refused, vetted


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
    files: Mapping[str, bytes] = field(default_factory=dict)  # the rule files as read

    @property
    def rules(self) -> Path:
        """rules/."""
        return self.folder / "rules"

    def state(self, clock_kind: str) -> Path:
        """state/, or state/drill/ for every clock that is not the real one."""
        return self.folder / "state" if clock_kind == "real" else self.folder / "state" / "drill"

    @property
    def backups(self) -> Path:
        """Where nightly copies of the state go."""
        return self.folder / self.settings.backup_folder

    @property
    def inbox(self) -> Path:
        """Where commands leave events for a running bot."""
        return self.folder / "state" / "inbox"


def read_home(folder: Path, *, tests: bool = True) -> Home:
    """Reads rules and configuration; problems are collected, none raises but unusable settings (RulesUnusableError).

    Without `tests` the rule tests are not tried: for a look at rules that are not in force yet, red ones too.
    """
    settings, problems = load_settings(folder)
    if settings is None:
        raise RulesUnusableError(problems)
    loaded, files = _load(folder / "rules", tests)
    rulebook = loaded.rulebook
    chats, chat_problems = load_chats(folder, *((rulebook.addressable, rulebook.succession) if rulebook else (None,)))
    chats = own_chats(chats, loaded.rulebook)
    found = (*loaded.problems, *problems, *chat_problems)
    return Home(folder, settings, chats, found, loaded.rulebook, files)


def _load(rules: Path, tests: bool) -> tuple[Loaded, Mapping[str, bytes]]:
    """The rulebook and the very bytes it was made of."""
    try:
        files = read_files(rules)
    except OSError:
        return load(rules), {}
    loaded = assemble(files)
    return proven(loaded) if tests else loaded, files


def tried(home: Home, store: Store) -> Home:
    """A home read without its rule tests with them tried, unless this version has passed these very files before."""
    if home.rulebook is None or store.meta("proven") == _proof(home.files) or _pass_elsewhere(home.files):
        return home
    return read_home(home.folder)


def _pass_elsewhere(files: Mapping[str, bytes]) -> bool:
    """Whether the rule tests pass, tried by a child: the memory they take is given back with it.

    A child that cannot be had, or dies of it, has proved nothing; beside threads none is made.
    """
    try:
        if threading.active_count() > 1:
            return False
        child = os.fork()
    except OSError:
        return False
    if child == 0:
        code = 1
        try:
            os.closerange(3, 1024)  # the lock among them: it is the parent's alone
            code = int(proven(assemble(files)).rulebook is None)
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def _proof(files: Mapping[str, bytes]) -> str:
    """What is noted of rules whose tests passed: another program may judge otherwise."""
    return f"{__version__} {digest(files)}"


def own_chats(chats: Chats, rulebook: Rulebook | None) -> Chats:
    """While no chat is configured at all, everybody's messages wait under their own name, not the admin's.

    They find their way as soon as a chat is configured, and a preview shows who will be told what.
    """
    if chats.robots or rulebook is None:
        return chats
    return replace(chats, directory=everybody(rulebook))


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
        elif path.name != "lock":
            path.unlink()


def peek_store(folder: Path, *, as_confirmed: bool = False) -> Store:
    """What the state folder holds, in memory: reading never disturbs a running bot. Empty when there is none."""
    return Store(Database.of_files(dict(read_living(folder).files())), Facts(all_confirmed=as_confirmed))


def facts_of(home: Home) -> Facts:
    """What is known, read beside a running bot; under the names that units and items have in the rule files today."""
    store = peek_store(home.state("real"))
    if home.rulebook is not None:
        store.follow(home.rulebook.succession)
    return store.facts


def usable_rulebook(home: Home, store: Store) -> Rulebook:
    """Today's rulebook, or the last good one from the state beside broken files. Raises RulesUnusableError without either."""
    if home.rulebook is not None:
        remember_rules(store, home.files)
        return home.rulebook
    kept: Mapping[str, str] | None = store.meta("rules")
    loaded = assemble({name: text.encode() for name, text in kept.items()}) if kept else None
    if loaded is None or loaded.rulebook is None:
        raise RulesUnusableError(home.loaded_problems)
    return loaded.rulebook


def remember_rules(store: Store, files: Mapping[str, bytes]) -> None:
    """Keeps the files of a good rulebook, its tests passed: a restart beside a broken edit has something to run on.

    A restart with the same files need not try the tests again.
    """
    with store.work():
        store.set_meta("rules", {name: raw.decode() for name, raw in files.items()})
        store.set_meta("proven", _proof(files))


def rejection(files: Mapping[str, bytes], problems: Sequence[Problem], now: datetime) -> Event:
    """The event that says that an edit was refused; its id is the edit's digest, so it is told once per edit."""
    edit = digest(files)
    errors = [problem for problem in problems if problem.is_error]
    payload = RulesRejected(digest=edit, problems=len(errors), first=tuple(str(problem) for problem in errors[:3]))
    return Event.of(payload, key=f"rules-{edit}", time=now, source="duban/rules")


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
    robots = Robots(chats.robots, store, monotonic if clock.kind == "real" else None, clock.now())
    courier = Courier(home.settings.allowed_hosts, loopback_only=clock.kind != "real")
    hours = home.settings.office_hours
    sent = Sent(home.state(clock.kind) / "archive")
    deliveries = Deliveries(store, robots, courier, hours, clock.now, wall, on_outcome, sent)
    app = App(
        rulebook=rulebook, store=store, chats=chats, robots=robots, deliveries=deliveries, clock=clock, hours=hours,
        letterhead=home.settings.letterhead(mark),
    )  # fmt: skip
    app.adopt(rulebook)
    app.note_recovery()
    if home.rulebook is None:
        with store.work():
            event = rejection(home.files, home.loaded_problems, clock.now())
            if not store.knows(event):
                store.keep(event)
    return app


def listen(app: App, home: Home, *, config: bool = True) -> list[Path]:
    """Makes the app look at rule files, configuration and inbox at every pass; returns the folders worth watching."""
    inbox = Inbox(home.inbox)
    inbox.folder.mkdir(parents=True, exist_ok=True)
    mail = _Mail(app, inbox)
    app.before_pass += [_Edits(app, home, config).look, mail.look]
    app.after_pass.append(mail.clear)
    if app.clock.kind == "real":
        upkeep = Upkeep(app.store, home.state("real"), home.backups if home.settings.backup else None)
        auditor = Auditor(app)
        app.before_pass += [upkeep.look, auditor.before]
        beating = heartbeat(home.state("real"), home.folder, home.settings.heartbeat_url, auditor.doubts)
        app.after_pass += [auditor.after, beating.beat]
        app.more_troubles += [upkeep.troubles, beating.troubles, auditor.troubles]
    return [home.rules, home.folder / "config", inbox.folder]


class _Edits:
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


class _Mail:
    """The inbox. A story reads it without taking anything out: what lies there is meant for the real bot."""

    def __init__(self, app: App, inbox: Inbox) -> None:
        self._app, self._inbox = app, inbox
        self._seen: set[Path] = set()
        self._kept: list[Letter] = []

    def look(self, now: datetime) -> None:
        """Every letter that was not seen yet is taken in, as itself or as its refusal."""
        for letter in self._inbox.letters(now):
            if letter.path not in self._seen:
                self._kept.append(self._taken_in(letter, now))
                self._seen.add(letter.path)

    def clear(self, now: datetime) -> None:
        """What is durable by now leaves the inbox, if it can; what it led to did not have to wait for that."""
        if self._kept:
            self._app.store.sync()
        while self._kept and self._app.clock.kind == "real":
            kept = self._kept.pop()
            try:
                kept.settle()
                self._seen.discard(kept.path)
            except OSError as error:
                logger.error("来件 {} 移不走：{}", kept.path.name, type(error).__name__)

    def _taken_in(self, letter: Letter, now: datetime) -> Letter:
        """The letter as it was kept: vetted, or refused because of what it says or what it would do."""
        app = self._app
        try:
            if not letter.rejected:
                event = vetted(letter.event, app.rulebook, app.chats.robots, day_of(now), app.store.facts)
                letter = replace(letter, event=event)
            app.take_in(letter.event)
        except Refused as refused:
            return self._refuse(letter, str(refused), now)
        except NotStorable:
            return self._refuse(letter, "内容无法保存", now)
        except StateError:
            raise
        except Exception as error:  # nothing was kept; one letter must not stop the bot
            logger.opt(exception=error).error("来件 {} 无法处理", letter.path.name)
            return self._refuse(letter, f"处理时出错（{type(error).__name__}）", now)
        return letter

    def _refuse(self, letter: Letter, reason: str, now: datetime) -> Letter:
        refused = letter.refused(reason, now)
        self._app.take_in(refused.event)
        return refused


def scene_of(home: Home, rulebook: Rulebook, store: Store) -> Scene:
    """What a look into the future starts from: the state as it is, under today's names, and the chats as configured."""
    store.follow(rulebook.succession)
    return Scene(
        rulebook=rulebook,
        facts=store.facts,
        memory=store.tellings,
        directory=home.chats.directory,
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
