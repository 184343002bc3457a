"""Reading files at the price of what changed: whatever the same bytes make is made once, and only the story writes files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from bot.core.rules.succession import Succession
from bot.rulefiles.loader import Loaded
from bot.rulefiles.loader import assemble as _assemble
from bot.rulefiles.run_tests import proven as _prove
from bot.sending.chats import load_chats as _load_chats
from bot.settings import load_settings as _load_settings
from bot.sources.inbox import Inbox, Letter
from bot.sources.rule_files import EditedFiles, digest

_made: dict[str, Loaded] = {}
_proven: dict[int, Loaded] = {}
_settings: dict[bytes, Any] = {}
_chats: dict[bytes, list[tuple[tuple[Any, ...], Any]]] = {}


def assembled(files: Mapping[str, bytes]) -> Loaded:
    """The same files make the same rulebook."""
    key = digest(files)
    if key not in _made:
        _made[key] = _assemble(files)
    return _made[key]


def proven(loaded: Loaded) -> Loaded:
    """Likewise; what was loaded is kept above, so its identity stays."""
    if id(loaded) not in _proven:
        _proven[id(loaded)] = _prove(loaded)
    return _proven[id(loaded)]


def settings(home: Path) -> Any:
    """Stands in for `load_settings`."""
    raw = (home / "config" / "bot.yaml").read_bytes()
    if raw not in _settings:
        _settings[raw] = _load_settings(home)
    return _settings[raw]


def chats(home: Path, units: Any = None, names: Succession = Succession()) -> Any:  # noqa: B008 - frozen
    """Stands in for `load_chats`. A story's robots have addresses of their own, so that few are kept."""
    raw = (home / "config" / "chats.yaml").read_bytes()
    known = _chats.setdefault(raw, [])
    for given, made in known:
        if given == (units, names):
            return made
    if len(_chats) > 100:
        _chats.clear()
    made = _load_chats(home, units, names)
    known.append(((units, names), made))
    return made


class Folders:
    """How often the story has written anything: nobody else does, so in between the disk need not be asked again."""

    edits = 0

    def edited_files(self, *given: Any) -> EditedFiles:
        """Stands in for `EditedFiles`."""
        return _EditedFiles(self, *given)

    def inbox(self, *given: Any) -> Inbox:
        """Stands in for `Inbox`."""
        return _Inbox(self, *given)


class _EditedFiles(EditedFiles):
    def __init__(self, folders: Folders, *given: Any) -> None:
        super().__init__(*given)
        self._folders, self._asked = folders, -1

    def start(self, wake: Callable[[], None]) -> None:
        """Nobody watches: the story says when it has written."""

    def look(self, now: datetime) -> None:
        if self._asked != self._folders.edits:
            super().look(now)
            self._asked = self._folders.edits

    def forget(self) -> None:
        super().forget()
        self._asked = -1


class _Inbox(Inbox):
    def __init__(self, folders: Folders, *given: Any) -> None:
        super().__init__(*given)
        self._folders, self._asked = folders, -1

    def start(self, wake: Callable[[], None]) -> None:
        """Nobody watches: the story says when it has written."""

    def letters(self, now: datetime) -> Iterator[Letter]:
        """Asked until it was found empty once: a letter that could not be taken in lies there still."""
        if self._asked == self._folders.edits:
            return
        found = False
        for letter in super().letters(now):
            found = True
            yield letter
        if not found:
            self._asked = self._folders.edits
