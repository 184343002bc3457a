"""The texts of messages as they were sent, part by part, for the receipts; stored beside the archive, not in the live state.

    state/archive/sent-2027-12.jsonl    {"sha256":"…","number":"2027-0412","part":"1/2","at":"…","text":"…"}

An entry has the hashes of the texts sent under its number, so the hash chain that proves the entry also proves the texts. A
line is written before the journal record that names it. If the process dies, no line is lost; a power cut may lose those of
the last minute, which the receipt then says.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Collection, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import Any

from loguru import logger

from bot.core.telling.receipts import Sheet
from bot.core.time.zone import ZONE
from bot.platforms import words_of
from bot.state.disk.errors import DamagedArchive
from bot.state.disk.json_text import encoded

HASH = 32  # hexadecimal digits of a hash in an entry
FLUSH = 60.0  # seconds
FILES = "sent-????-??.jsonl"


class Sent:
    """The files of sent texts of one state folder; `keep` only appends."""

    def __init__(self, folder: Path) -> None:
        """`folder` is the archive's folder."""
        self._folder = folder
        self._month, self._file = "", -1
        self._dirty, self._flushed = False, monotonic()

    def keep(self, number: str, part: str, body: bytes, now: datetime) -> str:
        """Stores the text of a request; returns its hash. If the disk refuses, the text is lost but the message is sent."""
        text, here = words_of(body), now.astimezone(ZONE)
        sha = digest(text)
        row = {"sha256": sha, "number": number, "part": part, "at": here.isoformat("T", "seconds"), "text": text}
        try:
            os.write(self._open(f"{here.year}-{here.month:02}"), encoded(row) + b"\n")
            self._dirty = True
        except OSError as error:
            logger.error("消息原文无法保存，凭证里只有散列：{}", error.strerror)
        return sha

    def flush(self, every: float = FLUSH) -> None:
        """Flushes the file, if the last flush was at least `every` seconds ago."""
        if self._dirty and monotonic() - self._flushed >= every:
            self._dirty, self._flushed = False, monotonic()
            with suppress(OSError):
                os.fdatasync(self._file)

    def close(self) -> None:
        """Closes the file; the next `keep` opens it again."""
        self.flush(0.0)
        if self._file >= 0:
            os.close(self._file)
        self._month, self._file = "", -1

    def _open(self, month: str) -> int:
        if month != self._month:
            self.close()
            self._folder.mkdir(parents=True, exist_ok=True)
            path = self._folder / f"sent-{month}.jsonl"
            self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
            self._month = month
            size = os.fstat(self._file).st_size
            if size and os.pread(self._file, 1, size - 1) != b"\n":  # torn by a crash
                os.write(self._file, b"\n")
        return self._file


def digest(text: str) -> str:
    """The hash of a text, as entries have it."""
    return hashlib.sha256(text.encode()).hexdigest()[:HASH]


def texts_of(folder: Path, numbers: Collection[str]) -> dict[str, Sheet]:
    """The texts of these messages by hash, each with its part. A text that was changed no longer has its hash and is left out."""
    rows = (row for path in sorted(folder.glob(FILES)) for _, _, row in _rows(path))
    return {
        row["sha256"]: Sheet(row.get("part", ""), row["text"])
        for row in rows
        if row["number"] in numbers and _sound(row)
    }


def check_sent(folder: Path) -> int:
    """Verifies all texts; returns their number. Raises DamagedArchive at the first that was changed."""
    count = 0
    for path in sorted(folder.glob(FILES)):
        for line, offset, row in _rows(path):
            if not _sound(row):
                raise DamagedArchive(path, line, offset, "消息原文与散列不符，被改过")
            count += 1
    return count


def _rows(path: Path) -> Iterator[tuple[int, int, dict[str, Any]]]:
    """Line number, offset and content of each row; a line torn by a crash is skipped."""
    offset = 0
    with path.open("rb") as stream:
        for number, line in enumerate(stream, 1):
            with suppress(ValueError):
                row = json.loads(line)
                if isinstance(row, dict) and {"sha256", "number", "text"} <= row.keys():
                    yield number, offset, row
            offset += len(line)


def _sound(row: dict[str, Any]) -> bool:
    return isinstance(row["text"], str) and digest(row["text"]) == row["sha256"]
