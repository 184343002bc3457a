"""The source of letters, state/inbox/: how other programs talk to a running bot. One JSON file is one event.

A file is written under another name and renamed into place, so it is always whole. It is deleted only after its event is
durable; the same event (source, id) counts once, so a crash in between is harmless. A file that cannot be understood is
moved to rejected/, and the admin is told once.
"""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from bot.core.facts.events import Event, EventRejected
from bot.sources._watch import FolderWatch

LARGEST = 256 * 1024  # bytes
LONGEST_REASON = 600  # characters; a reason may quote the file, which may be long

#: pydantic's error type → the sentence about the named field; pydantic's own are English.
SLIPS = {"missing": "没有填写", "extra_forbidden": "不认识这一项", "timezone_aware": "缺少时区，如 +08:00"}


@dataclass(frozen=True, slots=True)
class Letter:
    """One file and the event in it; `settle` must be called once its event is durable."""

    path: Path
    event: Event
    rejected: bool = False
    written: tuple[int, int] = (0, 0)  # inode and time of change (ns)

    def refused(self, reason: str, now: datetime) -> Letter:
        """The same file with an event that says why it was not accepted."""
        return replace(_refused(self.path, reason, now, self.event.model_dump_json().encode()), written=self.written)

    def settle(self) -> None:
        """Takes the file out of the inbox, unless another one has replaced it. Raises OSError."""
        with suppress(FileNotFoundError):
            if self.written != _written(self.path):
                return
        if self.rejected:
            target = self.path.parent / "rejected"
            target.mkdir(exist_ok=True)
            os.replace(self.path, target / self.path.name)
        else:
            self.path.unlink(missing_ok=True)


class Inbox:
    """The folder. `take` gets every waiting letter once; its file stays until the letter is taken out."""

    def __init__(self, folder: Path, take: Callable[[Letter, datetime], None] | None = None) -> None:
        self.folder, self._take = folder, take
        self._watch = FolderWatch(folder)
        self._taken: set[Path] = set()  # handed on, the file still there

    def start(self, wake: Callable[[], None]) -> None:
        """Wakes after every change in the folder."""
        self._watch.start(wake)

    def look(self, now: datetime) -> None:
        """Hands on every letter that was not yet. What `take` raises goes through, and that letter comes again."""
        if self._take is None:
            return
        for letter in self.letters(now):
            if letter.path not in self._taken:
                self._take(letter, now)
                self._taken.add(letter.path)

    def take_out(self, letter: Letter) -> None:
        """Removes the file of a letter whose event is durable. Raises OSError when the file cannot be moved."""
        letter.settle()
        self._taken.discard(letter.path)

    def stop(self) -> None:
        """Ends the watch on the folder."""
        self._watch.stop()

    def letters(self, now: datetime) -> Iterator[Letter]:
        """Every waiting file, in the order of names; a name with a dot in front or .tmp at the end is still being written."""
        if not self.folder.is_dir():
            return
        for path in sorted(self.folder.glob("*.json")):
            with suppress(FileNotFoundError):  # removed meanwhile
                if path.is_file() and not path.name.startswith("."):
                    yield read(path, now)

    def post(self, event: Event) -> Path:
        """Puts an event into the inbox, whole or not at all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        name = f"{event.time:%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:12]}"
        temporary = self.folder / f".{name}.tmp"
        with temporary.open("w", encoding="utf-8") as file:
            file.write(event.model_dump_json(indent=1))
            file.flush()
            os.fsync(file.fileno())
        target = self.folder / f"{name}.json"
        os.replace(temporary, target)
        return target


def _written(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_ino, found.st_mtime_ns


def read(path: Path, now: datetime) -> Letter:
    """The event in a file, or an event that says why the file was refused. Raises FileNotFoundError."""
    written = _written(path)  # before it is read, so that a later change shows
    return replace(_read(path, now), written=written)


def _read(path: Path, now: datetime) -> Letter:
    raw = b""
    try:
        if path.stat().st_size > LARGEST:
            return _refused(path, f"文件超过{LARGEST // 1024}KB", now, raw)
        raw = path.read_bytes()
        event = Event.model_validate(json.loads(raw.decode("utf-8-sig")))
        event.payload  # noqa: B018 - raises when the data does not fit the type
        return Letter(path, event)
    except FileNotFoundError:
        raise
    except (ValidationError, ValueError, RecursionError, OSError) as error:
        return _refused(path, _reason(error), now, raw)


def _refused(path: Path, reason: str, now: datetime, content: bytes) -> Letter:
    """A refusal; its id is that of the name and content, so that the admin is told of it once."""
    said = reason if len(reason) <= LONGEST_REASON else f"{reason[:LONGEST_REASON]}……"
    problem = f"{path.name}：{said}。文件已移到 rejected 文件夹。"
    key = f"rejected-{hashlib.sha256(path.name.encode() + content).hexdigest()[:32]}"
    rejected = EventRejected(name=path.name, problem=problem)
    return Letter(path, Event.of(rejected, key=key, time=now, source="duban/inbox"), rejected=True)


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"不是有效的JSON（第{error.lineno}行第{error.colno}列）"
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "内容"
        own = first["msg"].removeprefix("Value error, ") if first["type"] == "value_error" else "写法不对"
        return f"{where}：{SLIPS.get(first['type'], own)}"
    if isinstance(error, UnicodeDecodeError):
        return "不是UTF-8编码"
    if isinstance(error, OSError):
        return "文件读不了"
    return "内容过于复杂"
