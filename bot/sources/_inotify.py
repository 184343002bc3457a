"""inotify of Linux, read by the event loop itself: it tells that something under a folder changed, without thread or polling.

The library watchfiles polls its own thread three times a second, which costs an idle service 10 ms of CPU a minute.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from pathlib import Path

#: Written and closed, moved here or away, created, deleted, permissions changed; not the removal of the folder itself.
_CHANGES = 0x8 | 0x40 | 0x80 | 0x100 | 0x200 | 0x4
_LARGEST = 64 * 1024


class Inotify:
    """Watches folders with everything below them. Raises OSError where the system has no inotify, or no watch left."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        if not hasattr(self._libc, "inotify_init1"):
            raise OSError("no inotify")
        self.fd: int = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self.fd < 0:
            raise OSError(ctypes.get_errno(), "inotify_init1")
        self._folders = folders
        try:
            self.watch_all()
        except OSError:
            self.close()
            raise

    def watch_all(self) -> None:
        """Watches all folders that exist now; adding one again changes nothing. Raises OSError."""
        for folder in self._folders:
            for place, _, _ in os.walk(folder):
                found = self._libc.inotify_add_watch(self.fd, os.fsencode(place), _CHANGES)
                if found < 0 and Path(place).is_dir():
                    raise OSError(ctypes.get_errno(), "inotify_add_watch")

    def drain(self) -> None:
        """Reads and drops all reports: only that there was one matters."""
        try:
            while os.read(self.fd, _LARGEST):
                pass
        except BlockingIOError:
            pass

    def close(self) -> None:
        """Ends watching."""
        os.close(self.fd)
