"""Makes backups (a .tar.gz with a whole state, also beside a running bot) and restores them.

    manifest.json                   when and from what it was made, and the SHA-256 of every other member
    snapshot.jsonl journal-<g>.log  a matching pair, cut after the last complete record
    archive/*.jsonl                 the archived months, and the texts of messages as they were sent

Restoring moves the existing state into state/replaced-<time>/ and deletes nothing. While it runs, the state folder contains
the file `restoring`, and the journal refuses to open the folder.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO, cast

from bot.core.time.zone import ZONE
from bot.state.archive import Archive
from bot.state.disk.database import Database
from bot.state.disk.errors import BadBackup, DamagedState, StorageFailed
from bot.state.disk.files import RESTORING, read_living, read_pair
from bot.state.disk.journal import Disk, write_file
from bot.state.disk.lock import StateLock
from bot.state.sent import FILES
from bot.state.store import Store

FORMAT = 1
DAILY, WEEKLY = 7, 4
_NAME = re.compile(r"duban-(\d{4}-\d\d-\d\d)\.tar\.gz")
_MEMBER = re.compile(r"snapshot\.jsonl|journal-\d{1,10}\.log|archive/(?:sent-)?\d{4}-\d\d\.jsonl")
_STAGED = "restoring.new"
_STATE_FILES = ("snapshot.jsonl", "snapshot.tmp", "journal-*.log", "damaged-*.bin", "archive")


def copy_of(folder: Path, day: date) -> Path:
    """The path of a day's nightly copy."""
    return folder / f"duban-{day}.tar.gz"


def copies(folder: Path) -> list[tuple[date, Path]]:
    """All nightly copies with their days, oldest first."""
    named = ((_NAME.fullmatch(path.name), path) for path in folder.glob("duban-*.tar.gz"))
    return sorted((date.fromisoformat(found[1]), path) for found, path in named if found)


def prune(folder: Path) -> list[Path]:
    """Removes old nightly copies; keeps the last seven, and before them the first of each of the last four weeks."""
    old = copies(folder)[:-DAILY]
    weeks: dict[tuple[int, int], Path] = {}
    for day, path in old:
        weeks.setdefault(day.isocalendar()[:2], path)
    keep = set(list(weeks.values())[-WEEKLY:])
    gone = [path for _, path in old if path not in keep]
    for path in gone:
        path.unlink(missing_ok=True)
    return gone


# --- making one ------------------------------------------------------------------


def back_up(state: Path, target: Path, now: datetime) -> None:
    """Writes a backup of `state`, completely or not at all.

    The state is not locked: if a compaction interferes, it is read again. Raises DamagedState if the state itself is damaged,
    StorageFailed if the disk refuses.
    """
    try:
        live = dict(read_living(state).files())
        seal = _opened(live).seal
        target.parent.mkdir(parents=True, exist_ok=True)
        with _whole_or_not_at_all(target) as tar:
            hashes = {name: _add(tar, name, io.BytesIO(data), len(data), now) for name, data in live.items()}
            for path in Archive(state / "archive").files(seal):
                name, size = f"archive/{path.name}", path.stat().st_size
                with path.open("rb") as file:  # streamed: years of archive must not be read into memory
                    hashes[name] = _add(tar, name, file, seal.bytes if path.stem == seal.month else size, now)
            for path in sorted((state / "archive").glob(FILES)):
                name = f"archive/{path.name}"
                with path.open("rb") as file:
                    hashes[name] = _add(tar, name, file, path.stat().st_size, now)
            manifest = {"duban": "backup", "format": FORMAT, "at": now.isoformat(), "sha256": hashes}
            text = json.dumps(manifest, indent=1).encode()
            _add(tar, "manifest.json", io.BytesIO(text), len(text), now)
    except OSError as error:
        raise StorageFailed("写备份", target, error) from error


class _Hashing:
    """A file that computes its SHA-256 while it is read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self.sha256 = file, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self.sha256.update(data)
        return data


def _add(tar: tarfile.TarFile, name: str, file: BinaryIO, size: int, now: datetime) -> str:
    """Adds the first `size` bytes of a file; returns their hash."""
    info = tarfile.TarInfo(name)
    info.size, info.mtime, info.mode = size, int(now.timestamp()), 0o600
    hashing = _Hashing(file)
    tar.addfile(info, cast(BinaryIO, hashing))
    return hashing.sha256.hexdigest()


@contextmanager
def _whole_or_not_at_all(target: Path) -> Iterator[tarfile.TarFile]:
    """A new .tar.gz, readable by its owner only; it is renamed to `target` when it is complete and flushed."""
    draft = target.with_name(f".{target.name}.tmp")
    try:
        with draft.open("wb") as file:
            os.fchmod(file.fileno(), 0o600)
            with tarfile.open(fileobj=file, mode="w:gz", compresslevel=6) as tar:
                yield tar
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, target)
        Disk().flush_folder(target.parent)
    finally:
        draft.unlink(missing_ok=True)


# --- reading one ------------------------------------------------------------------


@dataclass(frozen=True)
class Backup:
    """A backup that was read and verified."""

    file: Path
    at: datetime
    members: Mapping[str, bytes]
    store: Store  # its content, in memory

    def check_archive(self) -> int:
        """Verifies every row of its archive; returns their number. Raises DamagedArchive."""
        with TemporaryDirectory() as folder:
            for name, data in self.members.items():
                if name.startswith("archive/"):
                    (Path(folder) / name.removeprefix("archive/")).write_bytes(data)
            return Archive(Path(folder)).check(self.store.seal)


def read_backup(file: Path) -> Backup:
    """Reads a backup and verifies its names, hashes, journal and snapshot. Raises BadBackup."""
    members = _untarred(file)
    manifest = _manifest(file, members.pop("manifest.json", b""))
    for name, sha in manifest["sha256"].items():
        if hashlib.sha256(members.get(name, b"")).hexdigest() != sha:
            raise BadBackup(file, f"{name} 与清单不符")
    if members.keys() != manifest["sha256"].keys():
        raise BadBackup(file, "内容与清单不符")
    try:
        return Backup(file, datetime.fromisoformat(manifest["at"]), members, _opened(members))
    except (DamagedState, ValueError, KeyError) as error:
        raise BadBackup(file, f"里面的状态打不开（{type(error).__name__}）") from error


def _untarred(file: Path) -> dict[str, bytes]:
    """The content of every member. Only names of backups are accepted, so that no file is written outside the state folder."""
    members: dict[str, bytes] = {}
    try:
        with tarfile.open(file, "r:gz") as tar:
            for info in tar:
                content = tar.extractfile(info) if info.isfile() else None
                if content is None or not (info.name == "manifest.json" or _MEMBER.fullmatch(info.name)):
                    raise BadBackup(file, f"里面有不属于备份的 {info.name}")
                members[info.name] = content.read()
    except FileNotFoundError:
        raise BadBackup(file, "没有这个文件") from None
    except (OSError, tarfile.TarError, EOFError, ValueError) as error:
        raise BadBackup(file, "文件不完整或不是备份") from error
    return members


def _manifest(file: Path, text: bytes) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(text)
        if found["duban"] == "backup" and found["format"] == FORMAT and found["at"] and dict(found["sha256"]):
            return found
    except (ValueError, TypeError, KeyError):
        pass
    raise BadBackup(file, "清单看不懂")


def _opened(members: Mapping[str, bytes]) -> Store:
    """The content of snapshot and journal as a store in memory."""
    return Store(Database.of_files({name: data for name, data in members.items() if "/" not in name}))


# --- putting one back ---------------------------------------------------------------


def restore(state: Path, backup: Backup, now: datetime) -> Path | None:
    """Replaces the state by a backup; returns the folder with the replaced state, None if there was no state.

    Raises StateLocked while a bot runs, StorageFailed if the disk refuses. If it is interrupted, the next call continues it.
    """
    made = backup.at.astimezone(ZONE)
    text = (
        f"状态已由{made:%Y-%m-%d %H:%M}的备份恢复。此后到现在收到的事件不在其中，请补录；"
        "此后发出的提醒无从得知，可能重发的都标明补发。"
    )
    with StateLock(state):
        finish(state)
        return _replace(state, backup.members, now, text)


def salvage(state: Path, now: datetime) -> tuple[Path | None, DamagedState] | None:
    """Reduces a damaged state to what comes before the damage; returns the folder with the replaced state, and the damage.

    None if the state is intact. Raises DamagedState if nothing can be saved, StateLocked, StorageFailed.
    """
    with StateLock(state):
        finish(state)
        try:
            read_pair(state)
            return None
        except DamagedState as damage:
            members = dict(read_pair(state, upto_damage=True).files())
            archived = [*(state / "archive").glob("????-??.jsonl"), *(state / "archive").glob(FILES)]
            members.update((f"archive/{path.name}", path.read_bytes()) for path in archived)
            text = f"状态文件损坏，只保留了损坏之前的内容（{damage.file.name} 第 {damage.offset} 字节之前）。可能重发的都标明补发。"
            return _replace(state, members, now, text), damage


def resume(state: Path) -> bool:
    """Finishes an interrupted restore; returns whether there was one. Raises StateLocked, StorageFailed."""
    if not (state / RESTORING).exists():
        return False
    with StateLock(state):
        finish(state)
    return True


def finish(state: Path) -> None:
    """Finishes an interrupted restore; the caller holds the lock. Raises StorageFailed."""
    mark, staged = state / RESTORING, state / _STAGED
    if not mark.exists():
        return
    try:
        step, _, name = mark.read_text("utf-8").strip().partition(" ")
        if step == "out":  # all old files are moved out before the first new one is moved in
            _move(_state_files(state), state / name)
            _mark(state, f"in {name}")
        _move(list(staged.iterdir()) if staged.exists() else [], state)
        shutil.rmtree(staged, ignore_errors=True)
        mark.unlink()
        Disk().flush_folder(state)
    except OSError as error:
        raise StorageFailed("恢复状态", state, error) from error


def _replace(state: Path, members: Mapping[str, bytes], now: datetime, text: str) -> Path | None:
    """Writes the new state beside the old one and exchanges the two. The caller holds the lock."""
    aside = _aside(state, now) if _state_files(state) else None
    try:
        _stage(state, members, now, text)
        _mark(state, f"out {aside.name}" if aside else "in")
    except OSError as error:
        raise StorageFailed("恢复状态", state, error) from error
    finish(state)
    return aside


def _stage(state: Path, members: Mapping[str, bytes], now: datetime, text: str) -> None:
    """Writes the new state, complete and flushed, into a folder of its own."""
    disk, staged = Disk(), state / _STAGED
    shutil.rmtree(staged, ignore_errors=True)
    (staged / "archive").mkdir(parents=True)
    for name, data in members.items():
        write_file(disk, staged / name, data)
    store = Store(Database.open(staged))
    store.begin_again(now, text)
    store.close()
    disk.flush_folder(staged / "archive")
    disk.flush_folder(staged)


def _mark(state: Path, text: str) -> None:
    """Records durably how far the exchange has got; after an interruption it continues from there."""
    disk = Disk()
    write_file(disk, state / f"{RESTORING}.tmp", f"{text}\n".encode())
    disk.rename(state / f"{RESTORING}.tmp", state / RESTORING)
    disk.flush_folder(state)


def _state_files(state: Path) -> list[Path]:
    """All files and folders of a state."""
    return [path for pattern in _STATE_FILES for path in sorted(state.glob(pattern))]


def _aside(state: Path, now: datetime) -> Path:
    """An unused folder name for the replaced state."""
    stamp = f"replaced-{now.astimezone(ZONE):%Y%m%d-%H%M%S}"
    names = (stamp + f"-{number}" * (number > 1) for number in range(1, 1000))
    return next(state / name for name in names if not (state / name).exists())


def _move(paths: Iterable[Path], folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for path in paths:
        os.replace(path, folder / path.name)
    Disk().flush_folder(folder)
