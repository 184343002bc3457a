"""Reading a state folder, or a copy of one: which snapshot and journal belong together, and whether they are whole.

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
#: Stands in the folder while a backup is being put back.
RESTORING = "restoring"
#: How often to look again before what is seen beside a running bot is believed to be damage.
LOOKS = 5


@dataclass(frozen=True, slots=True)
class Found:
    """A state as read and verified. `tail` is what stands behind the journal's last whole record."""

    snapshot: Snapshot
    snapshot_bytes: int
    records: list[bytes]
    good_bytes: int
    tail: bytes
    leftovers: list[Path]


@dataclass(frozen=True, slots=True)
class Pair:
    """The bytes of a matching snapshot (None: none yet) and journal, the latter up to its last whole record."""

    generation: int
    snapshot: bytes | None
    journal: bytes
    tail: int = 0  # bytes behind the last whole record

    def files(self) -> Iterator[tuple[str, bytes]]:
        """Name and content of each file."""
        if self.snapshot is not None:
            yield SNAPSHOT, self.snapshot
        yield journal_file(Path(), self.generation).name, self.journal


def journal_file(folder: Path, generation: int) -> Path:
    """journal-<generation>.log."""
    return folder / f"journal-{generation}.log"


def read_folder(folder: Path) -> Found:
    """Reads and verifies. Raises DamagedState, OSError."""
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
    """The bytes of a whole state, or with `upto_damage` of what comes before the damage in its journal; empty when not begun.

    A compaction under way in another process may make it raise FileNotFoundError or DamagedState: then look again.
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
    """The same beside a running bot, whose compactions and half-written records only make it look again."""
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
    """The snapshot's lines and the records' payloads of a pair's files. Raises DamagedState, or KeyError without a journal."""
    data = files.get(SNAPSHOT)
    snapshot = read_snapshot(Path(SNAPSHOT), data) if data is not None else Snapshot(0, 0, [])
    file = journal_file(Path(), snapshot.generation)
    return snapshot.lines, read_records(file, files[file.name], snapshot.sequence).payloads


def _journals(folder: Path) -> dict[int, Path]:
    """Generation → file, for every file named like a journal."""
    named = ((path.name.removeprefix("journal-").removesuffix(".log"), path) for path in folder.glob("journal-*.log"))
    return {int(number): path for number, path in named if number.isdecimal()}


def _must_belong_together(snapshot_file: Path, file: Path, generation: int, journals: dict[int, Path]) -> None:
    """A file that was deleted or restored alone must not pass for an empty one."""
    if generation not in journals and (journals or generation):
        raise DamagedState(snapshot_file, 0, f"与快照配套的日志 {file.name} 不见了")
    for other, path in journals.items():
        if other > generation and path.stat().st_size:
            raise DamagedState(path, 0, "这份日志比快照新，与它配套的快照不见了")
