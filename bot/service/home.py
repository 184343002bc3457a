"""A home folder: rules/, config/ and state/ read, the state opened under its lock, and the rulebook to run on."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from bot import __version__
from bot.core.deciding.addressees import ADMIN, LEADING_GROUP, Directory
from bot.core.facts.facts import Facts
from bot.core.rules.rulebook import Rulebook
from bot.core.rules.succession import UNCHANGED
from bot.rulefiles.loader import Loaded, assemble, load, read_files
from bot.rulefiles.run_tests import proven
from bot.rulefiles.text.problems import Problem
from bot.sending.chats import Chats, load_chats
from bot.settings import Settings, load_settings
from bot.sources.rule_files import digest
from bot.state.disk.database import Database
from bot.state.disk.files import read_living
from bot.state.disk.lock import StateLock
from bot.state.store import Store


class RulesUnusableError(Exception):
    """The rule files have errors, and the state holds no earlier good version to run on."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("规则文件有错误")


class WrongClockError(Exception):
    """A state folder that was written in a drill is opened by the real service, or the other way round."""


@dataclass(frozen=True)
class Home:
    """The folder with rules/, config/ and state/: rules and configuration as read, the state not opened."""

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
        """The state folder: state/ for the real clock, state/drill/ for any other."""
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
    """Reads rules and configuration and collects their problems. Raises RulesUnusableError for unusable settings only.

    Without `tests` the rule tests are neither read nor tried: nothing wrong in one hinders who looks at rules or registers.
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
    """What loading gave, and the bytes it was read from."""
    try:
        files = read_files(rules)
    except OSError:
        return load(rules), {}
    if tests:
        return proven(assemble(files)), files
    return assemble({name: raw for name, raw in files.items() if not name.startswith("tests/")}), files


def tried(home: Home, store: Store) -> Home:
    """The home with its rule tests tried. They are not tried again if this version passed the same files before."""
    if home.rulebook is None or store.meta("proven") == _proof(home.files) or _pass_elsewhere(home.files):
        return home
    return read_home(home.folder)


def _pass_elsewhere(files: Mapping[str, bytes]) -> bool:
    """Whether the rule tests pass in a child process, whose memory is given back when it ends.

    False if no child can be forked or it dies. None is forked while other threads run: a fork copies their locks.
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
            os.closerange(3, 1024)  # among them the lock on the state, which is the parent's
            code = int(proven(assemble(files)).rulebook is None)
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def _proof(files: Mapping[str, bytes]) -> str:
    """What is stored of rules whose tests passed. The version is part of it: another one may judge otherwise."""
    return f"{__version__} {digest(files)}"


def own_chats(chats: Chats, rulebook: Rulebook | None) -> Chats:
    """The chats; while none is configured, every addressee has one of their own in which messages wait.

    They are sent as soon as a chat is configured, and until then a preview shows who will be told what.
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
    """What the state folder holds, read into memory; a running bot is not disturbed. Empty if there is no state."""
    return Store(Database.of_files(dict(read_living(folder).files())), Facts(all_confirmed=as_confirmed))


def facts_of(home: Home) -> Facts:
    """What is known, under the names that units and items have today; may be read beside a running bot."""
    store = peek_store(home.state("real"))
    _note_steps(store)
    if home.rulebook is not None:
        store.follow(home.rulebook.succession)
    return store.facts


def usable_rulebook(home: Home, store: Store) -> Rulebook:
    """The rulebook of the files, or the last good one in the state if they are broken. Raises RulesUnusableError without either."""
    _note_steps(store)
    if home.rulebook is not None:
        remember_rules(store, home.files)
        return home.rulebook
    last_good = _last_good(store)
    if last_good is None:
        raise RulesUnusableError(home.loaded_problems)
    return last_good


def rules_of_before(home: Home, store: Store) -> Rulebook | None:
    """The rules that the state ran on last, if the files were changed since."""
    kept = {name: text.encode() for name, text in (store.meta("rules") or {}).items()}
    return _last_good(store) if home.rulebook is not None and kept and kept != dict(home.files) else None


def _last_good(store: Store) -> Rulebook | None:
    kept: Mapping[str, str] | None = store.meta("rules")
    return assemble({name: text.encode() for name, text in kept.items()}).rulebook if kept else None


def _note_steps(store: Store) -> None:
    """Before new rules are followed: the steps of the last good ones, by which a state of before 2026-12 counts positions."""
    if store.meta("steps") is None and not all(case.steps for case in store.facts.cases.values()):
        last_good = _last_good(store)
        store.note_steps(last_good.succession if last_good else UNCHANGED)


def remember_rules(store: Store, files: Mapping[str, bytes]) -> None:
    """Stores the files of a rulebook whose tests passed, for a restart beside a broken edit.

    A restart with the same files does not try the tests again.
    """
    with store.work():
        store.set_meta("rules", {name: raw.decode() for name, raw in files.items()})
        store.set_meta("proven", _proof(files))


def everybody(rulebook: Rulebook) -> Directory:
    """A directory in which every addressee has a chat: for the drill, and while no chat is configured."""
    names = (*rulebook.addressable, ADMIN, LEADING_GROUP)
    return Directory({name: name for name in names})
