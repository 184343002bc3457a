"""Files an admin edits: noticed quickly by a watcher, and for certain by comparing digests at every pass.

Watchers have blind spots (network folders, bind mounts), so the digest is the truth and the watcher only makes it instant.
Where no file's name, size, place or time of change is another than at the last reading, reading again is spared.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from time import time_ns

from bot.sources._inotify import Inotify

#: A file changed as shortly before it was read as this may change again without its time telling.
FRESH_NS = 2_000_000_000
#: Seconds before a change is looked at: an editor writes more than once.
SETTLING = 0.3


Marks = tuple[tuple[str, int, int, int], ...]


def digest(files: Mapping[str, bytes]) -> str:
    """Changes whenever a byte or a name does."""
    whole = hashlib.sha256()
    for name, raw in files.items():
        whole.update(f"{name}\0{len(raw)}\0".encode())
        whole.update(raw)
    return whole.hexdigest()


def marks(paths: Iterable[Path]) -> Marks | None:
    """Name, time of change (ns), size and inode of every file; None while one is too fresh to trust. Raises OSError."""
    found = [(str(path), path.stat()) for path in paths]
    if any(time_ns() - stat.st_mtime_ns < FRESH_NS for _, stat in found):
        return None
    return tuple((name, stat.st_mtime_ns, stat.st_size, stat.st_ino) for name, stat in found)


class Watched:
    """Files whose content was last seen with some digest; `read` gives them by name, `paths` where they stand.

    Raises what these raise.
    """

    def __init__(
        self, read: Callable[[], Mapping[str, bytes]], paths: Callable[[], Iterable[Path]], seen: str = ""
    ) -> None:
        self._read, self._paths, self._seen = read, paths, seen
        self._marks: Marks | None = None

    def changed(self) -> Mapping[str, bytes] | None:
        """The files when they differ from what was last seen; said once per change."""
        before = marks(self._paths())
        if before is not None and before == self._marks:
            return None
        files = self._read()
        self._marks = before
        now = digest(files)
        if now == self._seen:
            return None
        self._seen = now
        return files


async def watch(folders: Sequence[Path], poke: asyncio.Event) -> None:
    """Sets `poke` whenever something under the folders changes; ends quietly where nothing can watch."""
    try:
        watching = Inotify(folders)
    except (OSError, AttributeError, TypeError):  # another system, or no watch left
        await _watch_elsewhere(folders, poke)
        return
    changed, loop = asyncio.Event(), asyncio.get_running_loop()

    def heard() -> None:
        watching.drain()
        changed.set()

    loop.add_reader(watching.fd, heard)
    try:
        while True:
            await changed.wait()
            await asyncio.sleep(SETTLING)
            changed.clear()
            with suppress(OSError):
                watching.watch_all()
            poke.set()
    finally:
        loop.remove_reader(watching.fd)
        watching.close()


async def _watch_elsewhere(folders: Sequence[Path], poke: asyncio.Event) -> None:
    """The same by a thread that looks three times a second, where that is installed."""
    try:
        from watchfiles import awatch
    except ImportError:
        return
    async for _ in awatch(*folders, debounce=300, step=300, recursive=True):
        poke.set()
