"""The lock on the state folder: an advisory file lock, which the system releases when the process ends in any way."""

from __future__ import annotations

import fcntl
import os
import re
import socket
from pathlib import Path
from types import TracebackType
from typing import Self

from bot.state.disk.errors import StateError, StateLocked, StorageFailed

__all__ = ["StateError", "StateLock", "StateLocked"]

_HOLDER = re.compile(r"([0-9]{1,10}) (\S{1,255})\n")


class StateLock:
    """Held from `acquire` to `release`, or for a `with` block. The file `lock` is never removed; only the lock on it matters.

    A child process made by fork without exec shares the lock; programs started by subprocess do not.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = -1

    def acquire(self) -> None:
        """Takes the lock; creates the folder if absent. Raises StateLocked at once if it is held, or StorageFailed."""
        if self._file >= 0:
            raise RuntimeError("this lock is already held")
        path = self._folder / "lock"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StorageFailed("锁定状态文件夹", path, error) from error
        try:
            self._claim(file, path)
        except BaseException:
            os.close(file)
            raise
        self._file = file

    def release(self) -> None:
        """Releases the lock; does nothing if it is not held."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _claim(self, file: int, path: Path) -> None:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(file, 0)
            os.pwrite(file, f"{os.getpid()} {socket.gethostname() or '-'}\n".encode(), 0)
        except BlockingIOError:
            raise StateLocked(self._folder, *_holder(file)) from None
        except OSError as error:
            raise StorageFailed("锁定状态文件夹", path, error) from error

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def _holder(file: int) -> tuple[int | None, str | None]:
    """Process id and host of the holder; None for both if it has not written them yet."""
    written = _HOLDER.fullmatch(os.pread(file, 300, 0).decode(errors="replace"))
    return (int(written[1]), written[2]) if written else (None, None)
