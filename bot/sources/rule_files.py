"""The source of edits: rule files and configuration, compared by digest at every pass.

A watch on the folder makes an edit count at once. It has blind spots (network folders, bind mounts), so only the digest
decides. Files are not read again while every name, size, inode and time of change is the same as at the last reading.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from time import time_ns

from bot.sources._watch import FolderWatch

#: A file written less than this before it was read may be written again within the same tick of the disk's clock.
FRESH_NS = 2_000_000_000

Files = Mapping[str, bytes]
Stamps = tuple[tuple[str, int, int, int], ...]


def digest(files: Files) -> str:
    """Changes whenever a byte or a name does."""
    whole = hashlib.sha256()
    for name, raw in files.items():
        whole.update(f"{name}\0{len(raw)}\0".encode())
        whole.update(raw)
    return whole.hexdigest()


def stamps(paths: Iterable[Path]) -> Stamps | None:
    """Name, time of change (ns), size and inode of every file; None while one is too fresh to trust. Raises OSError."""
    found = [(str(path), path.stat()) for path in paths]
    if any(time_ns() - stat.st_mtime_ns < FRESH_NS for _, stat in found):
        return None
    return tuple((name, stat.st_mtime_ns, stat.st_size, stat.st_ino) for name, stat in found)


class EditedFiles:
    """Files of one folder that people edit. `edited` gets all of them, by name, once per change.

    `read` gives the files by name and `paths` the places where they stand; what these raise, `look` raises. `seen` is the
    digest of the files already in use; without it the first look hands them on.
    """

    def __init__(
        self,
        folder: Path,
        read: Callable[[], Files],
        paths: Callable[[], Iterable[Path]],
        edited: Callable[[Files, datetime], None],
        seen: str = "",
    ) -> None:
        self._watch = FolderWatch(folder)
        self._read, self._paths, self._edited, self._seen = read, paths, edited, seen
        self._marks: Stamps | None = None

    def start(self, wake: Callable[[], None]) -> None:
        """Wakes after every change in the folder."""
        self._watch.start(wake)

    def look(self, now: datetime) -> None:
        """Hands on the files when they differ from what was last seen. Raises OSError."""
        before = stamps(self._paths())
        if before is not None and before == self._marks:
            return
        files = self._read()
        found = digest(files)
        if found != self._seen:
            self._edited(files, now)
        self._seen, self._marks = found, before

    def forget(self) -> None:
        """The next look hands on the files whether they have changed or not."""
        self._seen, self._marks = "", None

    def stop(self) -> None:
        """Ends the watch on the folder."""
        self._watch.stop()
