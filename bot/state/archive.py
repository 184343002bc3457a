"""The archive: what is settled and past, moved out of the live state month by month into a chain of hashes.

    state/archive/2027-01.jsonl     rows of `bot/core/telling/receipts.py`, in the order in which they left the live state

How far the archive reaches is kept in the live state (`Seal`), in the same durable record that removes what was archived.
Rows beyond the seal are what a crash left behind between the two: they are still in the live state and are put aside.
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
    """How far the archive reaches: its last month (empty: no archive yet), that file's bytes, its last row's hash.

    `rows` counts all rows by kind; `last_event` is the highest document number of an event that is in the archive.
    """

    month: str = ""
    bytes: int = 0
    sha256: str = NOTHING
    rows: Mapping[str, int] = field(default_factory=dict)
    last_event: int = 0

    @classmethod
    def of(cls, document: Mapping[str, Any] | None) -> Self:
        """From the live state; None is no archive yet."""
        return cls(**document) if document else cls()

    def document(self) -> dict[str, Any]:
        """For the live state."""
        return asdict(self)


class Archive:
    """The folder. Only `extend` writes."""

    def __init__(self, folder: Path, disk: Disk | None = None) -> None:
        self.folder, self._disk = folder, disk or Disk()

    def file(self, month: str) -> Path:
        """2027-01 → the file of that month."""
        return self.folder / f"{month}.jsonl"

    def extend(self, seal: Seal, month: str, rows: Iterable[tuple[str, bytes]]) -> Seal:
        """Appends (kind, JSON text) rows behind `seal`, to the file of `month` or of the seal's own when that is later.

        Durable when it returns; the caller then records the new seal. Raises DamagedArchive when what is there is not
        what the seal says, StorageFailed when the disk refuses; the archive up to `seal` is whole in any case.
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
        """Every row up to `seal`, oldest first, read lazily and checked. Raises DamagedArchive at the first wrong one."""
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
        """How many rows there are. Raises DamagedArchive at the first wrong one."""
        return sum(1 for _ in self.links(seal))

    def files(self, seal: Seal) -> list[Path]:
        """Files up to the seal's month; a later one was never sealed."""
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
        """The last sealed file must end as sealed; whoever wants all of history checked runs `check`."""
        if not seal.month:
            return
        path = self.file(seal.month)
        data = path.read_bytes()[: seal.bytes] if path.exists() else b""
        last = data.rstrip(b"\n").rpartition(b"\n")[2]
        if len(data) < seal.bytes or not last.startswith(b'{"sha256":"%b"' % seal.sha256.encode()):
            offset = len(data) - len(last) - 1 if last else 0
            raise DamagedArchive(path, data.count(b"\n"), max(offset, 0), "末行不是状态里记下的那一行")


def _lines(file: Path, size: int | None) -> Iterator[bytes]:
    """Lines of a file, up to `size` bytes of it."""
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
