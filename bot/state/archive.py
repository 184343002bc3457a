"""The archive: settled entries and past tellings, moved out of the live state month by month into a hash chain.

    state/archive/2027-01.jsonl     rows of `bot/core/telling/receipts.py`, in the order in which they left the live state

The live state records how far the archive reaches (`Seal`), in the same journal record that removes the archived rows. Rows
after the seal are left by a crash between the two writes: they are still in the live state, so they are set aside.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from bot.core.telling.entry import Entry
from bot.core.telling.receipts import NOTHING, Link, linked, read_link
from bot.state.disk.errors import DamagedArchive, StorageFailed
from bot.state.disk.journal import Disk, keep_aside, write_all


@dataclass(frozen=True, slots=True)
class Seal:
    """How far the archive reaches: its last month (empty: no archive yet), the bytes of that file, its last row's hash.

    `rows` counts all rows by kind; `last_event` is the highest document id of an archived event.
    """

    month: str = ""
    bytes: int = 0
    sha256: str = NOTHING
    rows: Mapping[str, int] = field(default_factory=dict)
    last_event: int = 0

    @classmethod
    def of(cls, document: Mapping[str, Any] | None) -> Self:
        """The seal from its document in the live state; None means no archive yet."""
        return cls(**document) if document else cls()

    def document(self) -> dict[str, Any]:
        """The document for the live state."""
        return asdict(self)


class Archive:
    """The archive folder; only `extend` writes to it."""

    def __init__(self, folder: Path, disk: Disk | None = None) -> None:
        self.folder, self._disk = folder, disk or Disk()

    def file(self, month: str) -> Path:
        """The file of a month, such as 2027-01."""
        return self.folder / f"{month}.jsonl"

    def extend(self, seal: Seal, month: str, rows: Iterable[tuple[str, bytes]]) -> Seal:
        """Appends (kind, JSON text) rows after `seal`, to the file of `month` or of the seal's month if that is later.

        The rows are durable when it returns; the caller then records the new seal. Raises DamagedArchive if the archive does
        not match the seal, StorageFailed if the disk refuses; the archive up to `seal` is intact in either case.
        """
        month = max(month, seal.month)
        lines, sha, counts = [], seal.sha256, dict(seal.rows)
        for kind, text in rows:
            line, sha = linked(sha, kind, text)
            lines.append(line + b"\n")
            counts[kind] = counts.get(kind, 0) + 1
        start = seal.bytes if month == seal.month else 0
        data = b"".join(lines)
        try:
            self._append(seal, month, start, data)
        except OSError as error:
            raise StorageFailed("写入归档", self.file(month), error) from error
        return Seal(month, start + len(data), sha, counts, seal.last_event)

    def links(self, seal: Seal) -> Iterator[Link]:
        """Every row up to `seal`, oldest first, read lazily and verified. Raises DamagedArchive at the first wrong row."""
        before = NOTHING
        file, line, offset = self.file(seal.month), 0, 0
        for file in self.files(seal):
            line = offset = 0
            for text in _lines(file, seal.bytes if file == self.file(seal.month) else None):
                line += 1
                link = read_link(text.removesuffix(b"\n"), before)
                if isinstance(link, str):
                    raise DamagedArchive(file, line, offset, link)
                yield link
                before, offset = link.sha256, offset + len(text)
        if before != seal.sha256:
            raise DamagedArchive(file, line + 1, offset, "归档在此中断，其后的内容不见了")

    def check(self, seal: Seal) -> int:
        """Verifies all rows up to `seal`; returns their number. Raises DamagedArchive at the first wrong row."""
        return sum(1 for _ in self.links(seal))

    def files(self, seal: Seal) -> list[Path]:
        """The files up to the seal's month; later files were never sealed."""
        return [file for file in sorted(self.folder.glob("????-??.jsonl")) if file.stem <= seal.month]

    def _append(self, seal: Seal, month: str, start: int, data: bytes) -> None:
        self._must_be_whole(seal)
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.file(month)
        leftover = path.read_bytes()[start:] if path.exists() else b""
        keep_aside(self.folder, self._disk, leftover)
        file = self._disk.open(path, fresh=False)
        try:
            self._disk.cut(file, start)
            write_all(self._disk, file, data)
            self._disk.flush(file)
            self._disk.flush_folder(self.folder)
            self._disk.flush_folder(self.folder.parent)
        except OSError:
            with suppress(OSError):
                self._disk.cut(file, start)
            raise
        finally:
            os.close(file)

    def _must_be_whole(self, seal: Seal) -> None:
        """Checks only that the last sealed file ends as sealed; `check` verifies everything."""
        if not seal.month:
            return
        path = self.file(seal.month)
        data = path.read_bytes()[: seal.bytes] if path.exists() else b""
        last = data.rstrip(b"\n").rpartition(b"\n")[2]
        if len(data) < seal.bytes or not last.startswith(b'{"sha256":"%b"' % seal.sha256.encode()):
            offset = len(data) - len(last) - 1 if last else 0
            raise DamagedArchive(path, data.count(b"\n"), max(offset, 0), "末行不是状态里记下的那一行")


def _lines(file: Path, size: int | None) -> Iterator[bytes]:
    """The lines within the first `size` bytes of a file; None means the whole file."""
    left = size
    with file.open("rb") as stream:
        for line in stream:
            if left is None:
                yield line
            elif left > 0:
                yield line[:left]
                left -= len(line)


def past_entries(archive: Archive, seal: Seal) -> Iterator[Entry]:
    """Every archived entry, oldest first, read lazily. Raises DamagedArchive."""
    return (Entry.model_validate(link.row) for link in archive.links(seal) if link.kind == "outbox")
