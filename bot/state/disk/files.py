"""Reads a state folder or a copy of one: finds the snapshot and its journal, and checks that both are intact.

Nothing here changes a file.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.state.disk.errors import DamagedState
from bot.state.disk.records import Snapshot, good_prefix, read_records, read_snapshot

SNAPSHOT = "snapshot.jsonl"
DRAFT = "snapshot.tmp"
#: Name of the marker file that exists while a backup is being restored.
RESTORING = "restoring"
#: How often to read beside a running bot before an inconsistency is taken for damage.
LOOKS = 5


@dataclass(frozen=True, slots=True)
class Found:
    """A state that was read and verified. `tail` are the bytes after the journal's last complete record."""

    snapshot: Snapshot
    snapshot_bytes: int
    records: list[bytes]
    good_bytes: int
    tail: bytes
    leftovers: list[Path]


@dataclass(frozen=True, slots=True)
class Pair:
    """The bytes of a snapshot (None if there is none yet) and of its journal up to the last complete record."""

    generation: int
    snapshot: bytes | None
    journal: bytes
    tail: int = 0  # bytes after the last complete record

    def files(self) -> Iterator[tuple[str, bytes]]:
        """Name and content of each file."""
        if self.snapshot is not None:
            yield SNAPSHOT, self.snapshot
        yield journal_file(Path(), self.generation).name, self.journal


def journal_file(folder: Path, generation: int) -> Path:
    """The path of a generation's journal, journal-<generation>.log."""
    return folder / f"journal-{generation}.log"


def read_folder(folder: Path) -> Found:
    """Reads and verifies a state folder. Raises DamagedState, OSError."""
    if (folder / RESTORING).exists():
        raise DamagedState(folder / RESTORING, 0, "上一次恢复备份没有做完")
    snapshot, size = Snapshot(0, 0, []), 0
    snapshot_file = folder / SNAPSHOT
    if snapshot_file.exists():
        data = snapshot_file.read_bytes()
        snapshot, size = read_snapshot(snapshot_file, data), len(data)
    journals = _journals(folder)
    file = journal_file(folder, snapshot.generation)
    _must_belong_together(snapshot_file, file, snapshot.generation, journals)
    data = file.read_bytes() if file.exists() else b""
    replay = read_records(file, data, snapshot.sequence)
    leftovers = [path for generation, path in journals.items() if generation != snapshot.generation]
    return Found(snapshot, size, replay.payloads, replay.good_bytes, data[replay.good_bytes :], leftovers)


def read_pair(folder: Path, *, upto_damage: bool = False) -> Pair:
    """The verified bytes of a state; with `upto_damage`, those before the damage in its journal. Empty for a new folder.

    During a compaction by another process it may raise FileNotFoundError or DamagedState: then try again.
    """
    if not upto_damage:
        read_folder(folder)
    snapshot_file = folder / SNAPSHOT
    data = snapshot_file.read_bytes() if snapshot_file.exists() else None
    snapshot = read_snapshot(snapshot_file, data) if data is not None else Snapshot(0, 0, [])
    file = journal_file(folder, snapshot.generation)
    if upto_damage and not file.exists():
        journals = _journals(folder)
        if data is None and journals:
            _must_belong_together(snapshot_file, file, 0, journals)
        return Pair(snapshot.generation, data, b"")
    begun = data is not None or bool(_journals(folder))
    journal = file.read_bytes() if begun else b""
    good = good_prefix(journal, snapshot.sequence)
    if not upto_damage:
        read_records(file, journal, snapshot.sequence)
    return Pair(snapshot.generation, data, journal[:good], len(journal) - good)


def read_living(folder: Path) -> Pair:
    """Like `read_pair`, beside a running bot: reads again when it meets a compaction or a half-written record."""
    for attempt in range(LOOKS):
        try:
            pair = read_pair(folder)
        except (DamagedState, FileNotFoundError):
            if attempt == LOOKS - 1:
                raise
        else:
            if not pair.tail or attempt == LOOKS - 1:
                return pair
        time.sleep(0.02)
    raise AssertionError("unreachable")


def read_files(files: Mapping[str, bytes]) -> tuple[list[bytes], list[bytes]]:
    """The snapshot's lines and the records' payloads from the files of a `Pair`. Raises DamagedState; KeyError without a journal."""
    data = files.get(SNAPSHOT)
    snapshot = read_snapshot(Path(SNAPSHOT), data) if data is not None else Snapshot(0, 0, [])
    file = journal_file(Path(), snapshot.generation)
    return snapshot.lines, read_records(file, files[file.name], snapshot.sequence).payloads


def _journals(folder: Path) -> dict[int, Path]:
    """Every file named like a journal, by generation."""
    named = ((path.name.removeprefix("journal-").removesuffix(".log"), path) for path in folder.glob("journal-*.log"))
    return {int(number): path for number, path in named if number.isdecimal()}


def _must_belong_together(snapshot_file: Path, file: Path, generation: int, journals: dict[int, Path]) -> None:
    """Raises DamagedState if the snapshot's journal is missing, or a later journal has records.

    One of the two files was then deleted or restored alone; an empty journal must not be taken for the missing one.
    """
    if generation not in journals and (journals or generation):
        raise DamagedState(snapshot_file, 0, f"与快照配套的日志 {file.name} 不见了")
    for other, path in journals.items():
        if other > generation and path.stat().st_size:
            raise DamagedState(path, 0, "这份日志比快照新，与它配套的快照不见了")
