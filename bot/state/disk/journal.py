"""The journal: an append-only file of records and a snapshot; together they hold the whole state.

    snapshot.jsonl       the whole state after one record, and the number of the generation that begins there
    journal-<g>.log      every later record, for that generation g
    damaged-<n>.bin      what recovery cut off a journal's end (a record half written at a power cut)

The journal does not interpret documents: a payload is one line of JSON text, and a snapshot is a sequence of lines. It is used
from one thread; only the flush of `durable` may run in another.
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

#: A flush shorter than this blocks the event loop for less time than handing it to a thread would cost.
QUICK_SECONDS = 0.0005


class Disk:
    """Every effect of the journal on the file system, so that a test can make each one fail or inspect the folder after it."""

    def open(self, path: Path, *, fresh: bool) -> int:
        """Opens a file for appending; `fresh` empties it. Created if absent, readable by its owner only."""
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
        """Flushes the folder (fsync), so that created, renamed and removed names survive a power cut."""
        file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(file)
        finally:
            os.close(file)


@dataclass(frozen=True, slots=True)
class Recovered:
    """What `open` read: the snapshot's lines, and the payloads of the later records, oldest first.

    `cut_bytes` bytes of a half-written record were cut off the journal's end and saved in the file `kept_as`.
    """

    snapshot: list[bytes]
    records: list[bytes]
    cut_bytes: int = 0
    kept_as: Path | None = None

    @property
    def warning(self) -> str:
        """A Chinese sentence for the log if something was cut off, else empty."""
        if self.kept_as is None:
            return ""
        return (
            f"状态日志末尾有 {self.cut_bytes} 字节没有写完（多为断电或强行结束所致），已截去并另存为 {self.kept_as}。"
            "已确认保存的内容不受影响。"
        )


class Journal:
    """Appends records, flushes them, and compacts them into a snapshot. Made by `open`."""

    def __init__(self, folder: Path, disk: Disk, found: Found, recovered: Recovered, file: int) -> None:
        self.recovered: Recovered | None = recovered  # large, so the owner sets it to None after applying it
        self.snapshot_bytes = found.snapshot_bytes
        self.journal_bytes = found.good_bytes
        self._folder, self._disk, self._file = folder, disk, file
        self._write = disk.write
        self._generation = found.snapshot.generation
        self.sequence = found.snapshot.sequence + len(found.records)
        self.synced = self.sequence  # number of the last record that is on disk, as `sequence` is of the last appended
        self._broken = ""
        self._flush_lock = Lock()
        self._group_commit = _GroupCommit(self._flush)

    @classmethod
    def open(cls, folder: Path, disk: Disk | None = None) -> Journal:
        """Opens and recovers the journal in `folder`, which is created if absent.

        Raises DamagedState (then nothing was changed) or StorageFailed.
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
        """Writes one record. It survives the end of the process at once, a power cut only after a flush.

        Raises StorageFailed if the write failed and was undone, JournalBroken if it could not be undone.
        """
        if self._broken:
            raise JournalBroken(self.file, self._broken)
        line = encode_record(self.sequence + 1, payload)
        try:
            if (written := self._write(self._file, line)) < len(line):  # a nearly full disk
                write_all(self._disk, self._file, line[written:])
        except BaseException as error:  # also on Ctrl-C: a sequence number must not be written twice
            self._take_back()
            if isinstance(error, OSError):
                raise StorageFailed("写入状态日志", self.file, error) from error
            raise
        self.sequence += 1
        self.journal_bytes += len(line)

    def sync(self) -> None:
        """Blocks until everything appended is on disk. Raises JournalBroken."""
        self._refuse_if_broken()
        if self.synced < self.sequence:
            self._flush()

    def durable(self) -> Awaitable[None]:
        """Await it: returns when everything appended before the call is on disk. Raises JournalBroken.

        Group commit: coroutines that call it while a flush runs share the next flush.
        """
        self._refuse_if_broken()
        return self._group_commit.join() if self.synced < self.sequence else _at_once()

    def compact(self, lines: Iterable[bytes]) -> None:
        """Writes a new snapshot with `lines`, the state after the last record, and begins an empty journal.

        Blocks until both are on disk. A crash at any point leaves a valid pair of files. Raises StorageFailed; the old pair
        is then still in use.
        """
        self._refuse_if_broken()
        data = encode_snapshot(self._generation + 1, self.sequence, lines)
        file = self._prepare(data)
        with self._flush_lock:
            self._switch(file, len(data))

    def close(self) -> None:
        """Flushes and closes the journal; later calls raise JournalBroken. Closing twice is allowed."""
        if self._file < 0:
            return
        try:
            if not self._broken:
                self.sync()
        finally:
            self._group_commit.close()
            os.close(self._file)
            self._file, self._broken = -1, self._broken or "程序已关闭状态文件夹"

    def _flush(self) -> None:
        """Flushes the file; called from both threads.

        The lock has two purposes. The kernel reports a lost write only once, so a flush that fails in one thread must be
        noted before the other thread flushes successfully. And a compaction must not exchange the file during a flush.
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
        """Cuts off what a failed write may have left after the last complete record.

        A read-only disk refuses the cut like the write; where nothing was written, nothing needs to be cut.
        """
        try:
            if os.fstat(self._file).st_size == self.journal_bytes:
                return
            self._disk.cut(self._file, self.journal_bytes)
        except OSError as error:
            raise self._break(error) from error

    def _prepare(self, data: bytes) -> int:
        """Writes the next snapshot under a temporary name and creates the next journal; returns the journal, open."""
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
        """Renames the new snapshot into place, which makes the switch atomic, and continues in the new journal.

        From the rename to the last line the journal is marked as broken: if it is interrupted in between, it must not append
        to the old file, which the next start would ignore.
        """
        old = self.file
        self._broken = "整理状态文件夹时被打断"
        try:
            self._disk.rename(self._folder / DRAFT, self._folder / SNAPSHOT)
        except OSError as error:
            self._broken = ""
            raise self._discard(file, error) from error
        try:
            self._disk.flush_folder(self._folder)  # else a power cut could undo the rename
        except OSError as error:
            os.close(file)
            raise self._break(error) from error
        os.close(self._file)
        self._file, self._generation, self.synced = file, self._generation + 1, self.sequence
        self.snapshot_bytes, self.journal_bytes, self._broken = snapshot_bytes, 0, ""
        with suppress(OSError):  # if it stays, the next start removes it
            self._disk.remove(old)

    def _discard(self, file: int, error: OSError) -> StorageFailed:
        """Removes the next pair of files after a failure; returns the error to raise."""
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


class _GroupCommit:
    """Lets all coroutines that wait at the same time share one flush.

    If the last flush was shorter than handing it to a thread, the next runs in the event loop's thread; else in a thread of
    its own (the event loop's shared threads may all be busy resolving host names).
    """

    def __init__(self, flush: Callable[[], None]) -> None:
        self._flush = flush
        self._thread: ThreadPoolExecutor | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: list[asyncio.Future[None]] = []
        self._flushing = False
        self._seconds = math.inf  # duration of the last flush; a disk counts as slow until one was measured

    def join(self) -> asyncio.Future[None]:
        """A future that is done when the first flush started after this call has ended; it has the flush's exception."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:  # an earlier loop has ended: its waiters can never be woken
            self._loop, self._waiting, self._flushing = loop, [], False
        waiter: asyncio.Future[None] = loop.create_future()
        self._waiting.append(waiter)
        if not self._flushing:
            self._flushing = True
            loop.call_soon(self._start, loop)  # in the next round, so that other ready coroutines can join
        return waiter

    def close(self) -> None:
        """Waits for the running flush. Coroutines that wait for the next one get a RuntimeError."""
        if self._thread is not None:
            self._thread.shutdown()
        if self._waiting and self._loop is not None and not self._loop.is_closed():
            waiting, self._waiting = self._waiting, []
            _wake(waiting, RuntimeError("the journal was closed while this coroutine waited for it"))

    def _start(self, loop: asyncio.AbstractEventLoop) -> None:
        waiters, self._waiting = self._waiting, []
        if not waiters:  # closed meanwhile
            return
        if self._seconds <= QUICK_SECONDS:
            self._finish(loop, self._timed(), waiters)
            return
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")
        flush = loop.run_in_executor(self._thread, self._timed)
        flush.add_done_callback(lambda done: self._finish(loop, done.exception() or done.result(), waiters))

    def _timed(self) -> BaseException | None:
        """Flushes and measures the time; returns the exception it raised."""
        began = perf_counter()
        try:
            self._flush()
        except Exception as error:
            return error
        self._seconds = perf_counter() - began
        return None

    def _finish(
        self, loop: asyncio.AbstractEventLoop, error: BaseException | None, waiters: list[asyncio.Future[None]]
    ) -> None:
        _wake(waiters, error)
        self._flushing = bool(self._waiting)
        if self._waiting:
            loop.call_soon(self._start, loop)  # after the coroutines just woken, which may append and join


def _wake(waiters: list[asyncio.Future[None]], error: BaseException | None) -> None:
    for waiter in waiters:
        if waiter.done():  # cancelled meanwhile
            continue
        if error is None:
            waiter.set_result(None)
        else:
            waiter.set_exception(error)


async def _at_once() -> None:
    """Returns at once: everything is flushed."""


def _make_folder(folder: Path, disk: Disk) -> None:
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        disk.flush_folder(folder.parent)


def keep_aside(folder: Path, disk: Disk, tail: bytes) -> Path | None:
    """Saves a tail that will be cut off in the first free damaged-<n>.bin; returns the file, None for an empty tail."""
    if not tail:
        return None
    number = 1
    while (path := folder / f"damaged-{number}.bin").exists():
        number += 1
    try:
        write_file(disk, path, tail)
    except OSError:
        with suppress(OSError):  # else each attempt on a full disk would leave a file
            disk.remove(path)
        raise
    return path


def _settle(folder: Path, disk: Disk, found: Found) -> int:
    """Opens the journal for appending: cuts off the tail and removes files left by an interrupted compaction."""
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
    """Writes a file, replacing any old one, and flushes its content; the folder is not flushed yet."""
    file = disk.open(path, fresh=True)
    try:
        write_all(disk, file, data)
        disk.flush(file)
    finally:
        os.close(file)


def write_all(disk: Disk, file: int, data: bytes) -> None:
    """Writes until all of `data` is written; more than one write is needed only on a nearly full disk."""
    while data:
        data = data[disk.write(file, data) :]
