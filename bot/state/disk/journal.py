"""The journal: an append-only record file and a snapshot, which together are the state folder's truth.

    snapshot.jsonl       the whole state as of one record, and the number of the generation it begins
    journal-<g>.log      every record since, for that generation g
    damaged-<n>.bin      what recovery cut off the end of a journal (a write that a power cut left half done)

It knows nothing of documents: a payload is one line of JSON text, a snapshot a sequence of such lines. It is used from one
thread; only the flush of `durable` runs in another.
"""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from time import perf_counter

from bot.state.disk.errors import DamagedState, JournalBroken, StateError, StorageFailed, describe
from bot.state.disk.files import DRAFT, SNAPSHOT, Found, journal_file, read_folder
from bot.state.disk.records import encode_record, encode_snapshot

__all__ = ["DamagedState", "Disk", "Journal", "JournalBroken", "Recovered", "StateError", "StorageFailed"]

#: A flush quicker than this stops the event loop for less time than a thread would need to take it over.
QUICK_SECONDS = 0.0005


class Disk:
    """Every effect of the journal on the file system, so that a test can fail, or photograph, each one."""

    def open(self, path: Path, *, fresh: bool) -> int:
        """For appending; `fresh` empties it. Created when absent. Readable by its owner only."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        return os.open(path, flags | (os.O_TRUNC if fresh else 0), 0o600)

    write: Callable[[int, bytes], int] = staticmethod(os.write)
    flush: Callable[[int], None] = staticmethod(os.fdatasync)

    def cut(self, file: int, size: int) -> None:
        os.ftruncate(file, size)

    def rename(self, old: Path, new: Path) -> None:
        os.replace(old, new)

    def remove(self, path: Path) -> None:
        path.unlink(missing_ok=True)

    def flush_folder(self, folder: Path) -> None:
        """Makes names created, renamed or removed in `folder` survive a power cut."""
        file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(file)
        finally:
            os.close(file)


@dataclass(frozen=True, slots=True)
class Recovered:
    """What `open` found: the snapshot's lines, then the payloads of the records after it, oldest first.

    `cut_bytes` of a half-written record were cut off the journal's end and kept in the file `kept_as`.
    """

    snapshot: list[bytes]
    records: list[bytes]
    cut_bytes: int = 0
    kept_as: Path | None = None

    @property
    def warning(self) -> str:
        """Chinese sentence for the log when something was cut off, else empty."""
        if self.kept_as is None:
            return ""
        return (
            f"状态日志末尾有 {self.cut_bytes} 字节没有写完（多为断电或强行结束所致），已截去并另存为 {self.kept_as}。"
            "已确认保存的内容不受影响。"
        )


class Journal:
    """Appends records, makes them durable, and folds them into a snapshot. Made by `open`."""

    def __init__(self, folder: Path, disk: Disk, found: Found, recovered: Recovered, file: int) -> None:
        self.recovered: Recovered | None = recovered  # large: the owner sets it to None once applied
        self.snapshot_bytes = found.snapshot_bytes
        self.journal_bytes = found.good_bytes
        self._folder, self._disk, self._file = folder, disk, file
        self._write = disk.write
        self._generation = found.snapshot.generation
        self.sequence = found.snapshot.sequence + len(found.records)
        self.synced = self.sequence  # number of the last record that is on disk, as `sequence` is of the last appended
        self._broken = ""
        self._flush_lock = Lock()
        self._ferry = _Ferry(self._flush)

    @classmethod
    def open(cls, folder: Path, disk: Disk | None = None) -> Journal:
        """Recovers what is in `folder`, which is created when absent.

        Raises DamagedState (and then has changed nothing) or StorageFailed.
        """
        disk = disk or Disk()
        try:
            _make_folder(folder, disk)
            found = read_folder(folder)
            kept_as = keep_aside(folder, disk, found.tail)
            file = _settle(folder, disk, found)
        except OSError as error:
            raise StorageFailed("打开状态文件夹", folder, error) from error
        return cls(folder, disk, found, Recovered(found.snapshot.lines, found.records, len(found.tail), kept_as), file)

    @property
    def file(self) -> Path:
        return journal_file(self._folder, self._generation)

    def append(self, payload: bytes) -> None:
        """Hands one record to the operating system: it survives the process now, a power cut only after a flush.

        Raises StorageFailed with the journal as it was before, or JournalBroken when not even that could be had.
        """
        if self._broken:
            raise JournalBroken(self.file, self._broken)
        line = encode_record(self.sequence + 1, payload)
        try:
            if (written := self._write(self._file, line)) < len(line):  # a nearly full disk
                write_all(self._disk, self._file, line[written:])
        except BaseException as error:  # Ctrl-C too: the same number must not be written twice
            self._take_back()
            if isinstance(error, OSError):
                raise StorageFailed("写入状态日志", self.file, error) from error
            raise
        self.sequence += 1
        self.journal_bytes += len(line)

    def sync(self) -> None:
        """Returns when everything appended is on disk. Blocks for one flush; raises JournalBroken."""
        self._refuse_if_broken()
        if self.synced < self.sequence:
            self._flush()

    def durable(self) -> Awaitable[None]:
        """To be awaited: returns when everything appended before the call is on disk; raises JournalBroken.

        Group commit: coroutines that come while a flush runs share the next one.
        """
        self._refuse_if_broken()
        return self._ferry.cross() if self.synced < self.sequence else _at_once()

    def compact(self, lines: Iterable[bytes]) -> None:
        """Replaces snapshot and journal by a snapshot of `lines`, the state after the last record appended.

        Blocks until it is on disk. A crash at any point leaves a valid pair. Raises StorageFailed with the old pair in
        place and usable.
        """
        self._refuse_if_broken()
        data = encode_snapshot(self._generation + 1, self.sequence, lines)
        file = self._prepare(data)
        with self._flush_lock:
            self._switch(file, len(data))

    def close(self) -> None:
        """Flushes what is left, then refuses everything. Closing twice is harmless."""
        if self._file < 0:
            return
        try:
            if not self._broken:
                self.sync()
        finally:
            self._ferry.close()
            os.close(self._file)
            self._file, self._broken = -1, self._broken or "程序已关闭状态文件夹"

    def _flush(self) -> None:
        """Runs in either thread.

        The lock keeps a flush that fails in one thread from being hidden by one that succeeds in the other (the kernel
        reports a lost write once), and the file from being swapped meanwhile.
        """
        with self._flush_lock:
            self._refuse_if_broken()
            sequence = self.sequence
            try:
                self._disk.flush(self._file)
            except OSError as error:
                raise self._break(error) from error
            self.synced = sequence

    def _take_back(self) -> None:
        """Removes what a failed write may have left behind the last good record."""
        try:
            self._disk.cut(self._file, self.journal_bytes)
        except OSError as error:
            raise self._break(error) from error

    def _prepare(self, data: bytes) -> int:
        """Writes the next snapshot under its draft name and the next journal, empty; returns the latter, open."""
        file = -1
        try:
            write_file(self._disk, self._folder / DRAFT, data)
            file = self._disk.open(journal_file(self._folder, self._generation + 1), fresh=True)
            self._disk.flush(file)
            self._disk.flush_folder(self._folder)
        except OSError as error:
            raise self._discard(file, error) from error
        return file

    def _switch(self, file: int, snapshot_bytes: int) -> None:
        """Renames the draft into place, the single instant of the switch, and goes on in the new journal.

        From the rename to the last line the journal counts as broken, so that an interruption cannot leave it
        appending to the old file, which the next start would ignore.
        """
        old = self.file
        self._broken = "整理状态文件夹时被打断"
        try:
            self._disk.rename(self._folder / DRAFT, self._folder / SNAPSHOT)
        except OSError as error:
            self._broken = ""
            raise self._discard(file, error) from error
        try:
            self._disk.flush_folder(self._folder)  # or a power cut could bring the old snapshot back
        except OSError as error:
            os.close(file)
            raise self._break(error) from error
        os.close(self._file)
        self._file, self._generation, self.synced = file, self._generation + 1, self.sequence
        self.snapshot_bytes, self.journal_bytes, self._broken = snapshot_bytes, 0, ""
        with suppress(OSError):  # left behind it is removed at the next start
            self._disk.remove(old)

    def _discard(self, file: int, error: OSError) -> StorageFailed:
        """Removes a next pair that could not be finished."""
        if file >= 0:
            os.close(file)
        for path in (self._folder / DRAFT, journal_file(self._folder, self._generation + 1)):
            with suppress(OSError):
                self._disk.remove(path)
        return StorageFailed("整理状态文件夹", self._folder, error)

    def _break(self, error: OSError) -> JournalBroken:
        self._broken = describe(error)
        return JournalBroken(self.file, self._broken)

    def _refuse_if_broken(self) -> None:
        if self._broken:
            raise JournalBroken(self.file, self._broken)


class _Ferry:
    """Carries all coroutines that wait at one moment across one flush.

    A flush that lately took less than handing it to a thread costs is done on the spot; a slower disk is waited for in a
    thread of its own. (The event loop's shared threads may all be busy resolving names.)
    """

    def __init__(self, flush: Callable[[], None]) -> None:
        self._flush = flush
        self._thread: ThreadPoolExecutor | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: list[asyncio.Future[None]] = []
        self._under_way = False
        self._seconds = math.inf  # what the last flush took; until one was seen the disk counts as slow

    def cross(self) -> asyncio.Future[None]:
        """Done when the first flush to start after this call has ended; raises what that raises."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:  # passengers of a loop that has ended will never land
            self._loop, self._waiting, self._under_way = loop, [], False
        passenger: asyncio.Future[None] = loop.create_future()
        self._waiting.append(passenger)
        if not self._under_way:
            self._under_way = True
            loop.call_soon(self._depart, loop)  # not at once: others that are ready now come along
        return passenger

    def close(self) -> None:
        """Waits for the flush under way. Whoever still waits for the next one gets a RuntimeError."""
        if self._thread is not None:
            self._thread.shutdown()
        if self._waiting and self._loop is not None and not self._loop.is_closed():
            waiting, self._waiting = self._waiting, []
            _tell(waiting, RuntimeError("the journal was closed while this coroutine waited for it"))

    def _depart(self, loop: asyncio.AbstractEventLoop) -> None:
        aboard, self._waiting = self._waiting, []
        if not aboard:  # closed meanwhile
            return
        if self._seconds <= QUICK_SECONDS:
            self._land(loop, self._timed(), aboard)
            return
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")
        flush = loop.run_in_executor(self._thread, self._timed)
        flush.add_done_callback(lambda done: self._land(loop, done.exception() or done.result(), aboard))

    def _timed(self) -> BaseException | None:
        """One flush; what it raised."""
        began = perf_counter()
        try:
            self._flush()
        except Exception as error:
            return error
        self._seconds = perf_counter() - began
        return None

    def _land(
        self, loop: asyncio.AbstractEventLoop, error: BaseException | None, aboard: list[asyncio.Future[None]]
    ) -> None:
        _tell(aboard, error)
        self._under_way = bool(self._waiting)
        if self._waiting:
            loop.call_soon(self._depart, loop)  # after those just landed, who may be back with more


def _tell(passengers: list[asyncio.Future[None]], error: BaseException | None) -> None:
    for passenger in passengers:
        if passenger.done():  # cancelled on the way
            continue
        if error is None:
            passenger.set_result(None)
        else:
            passenger.set_exception(error)


async def _at_once() -> None:
    """Nothing to wait for."""


def _make_folder(folder: Path, disk: Disk) -> None:
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        disk.flush_folder(folder.parent)


def keep_aside(folder: Path, disk: Disk, tail: bytes) -> Path | None:
    """Saves what is about to be cut off in the first free damaged-<n>.bin; None when there is nothing to save."""
    if not tail:
        return None
    number = 1
    while (path := folder / f"damaged-{number}.bin").exists():
        number += 1
    try:
        write_file(disk, path, tail)
    except OSError:
        with suppress(OSError):  # or every try on a full disk would leave one behind
            disk.remove(path)
        raise
    return path


def _settle(folder: Path, disk: Disk, found: Found) -> int:
    """Opens the journal for appending with the tail cut off and leftovers of a broken-off compaction removed."""
    file = disk.open(journal_file(folder, found.snapshot.generation), fresh=False)
    try:
        if found.tail:
            disk.cut(file, found.good_bytes)
        for path in [folder / DRAFT, *found.leftovers]:
            disk.remove(path)
        disk.flush(file)
        disk.flush_folder(folder)
    except OSError:
        os.close(file)
        raise
    return file


def write_file(disk: Disk, path: Path, data: bytes) -> None:
    """A new file in place of any old one, flushed; its name is not yet."""
    file = disk.open(path, fresh=True)
    try:
        write_all(disk, file, data)
        disk.flush(file)
    finally:
        os.close(file)


def write_all(disk: Disk, file: int, data: bytes) -> None:
    """One write is enough except on a nearly full disk."""
    while data:
        data = data[disk.write(file, data) :]
