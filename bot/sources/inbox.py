"""state/inbox/: how everything outside talks to a running bot. One JSON file is one event, renamed into place whole.

A file is deleted only after its event is durable; events are idempotent by (source, id), so a crash in between is harmless.
What cannot be understood is set aside in rejected/ and the admin hears once.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from bot.core.events import Event, EventRejected

LARGEST = 256 * 1024  # bytes


@dataclass(frozen=True, slots=True)
class Letter:
    """One file and what it holds; `settle` must be called once its event is durable."""

    path: Path
    event: Event
    rejected: bool = False

    def settle(self) -> None:
        """Takes the file out of the inbox."""
        if self.rejected:
            target = self.path.parent / "rejected"
            target.mkdir(exist_ok=True)
            os.replace(self.path, target / self.path.name)
        else:
            self.path.unlink(missing_ok=True)


class Inbox:
    """The folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def letters(self, now: datetime) -> Iterator[Letter]:
        """Every waiting file, oldest name first; names beginning with a dot or ending in .tmp are still being written."""
        if not self.folder.is_dir():
            return
        for path in sorted(self.folder.glob("*.json")):
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


def read(path: Path, now: datetime) -> Letter:
    """The event in a file, or the event that says that there is none."""
    try:
        if path.stat().st_size > LARGEST:
            raise ValueError(f"文件超过{LARGEST // 1024}KB")
        event = Event.model_validate(json.loads(path.read_text("utf-8-sig")))
        event.payload  # noqa: B018 - raises when the data does not fit the type
        return Letter(path, event)
    except (ValidationError, ValueError, RecursionError, OSError) as error:
        reason = _reason(error)
        rejected = EventRejected(name=path.name, problem=f"{path.name}：{reason}。文件已移到 rejected 文件夹。")
        return Letter(
            path, Event.of(rejected, key=f"rejected-{path.name}", time=now, source="duban/inbox"), rejected=True
        )


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"不是有效的JSON（第{error.lineno}行第{error.colno}列）"
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "内容"
        return f"{where}不符合要求：{first['msg'].removeprefix('Value error, ')}"
    if isinstance(error, UnicodeDecodeError):
        return "不是UTF-8编码"
    return str(error) or type(error).__name__
