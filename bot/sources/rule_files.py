"""Files an admin edits: noticed quickly by a watcher, and for certain by comparing digests at every pass.

Watchers have blind spots (network folders, bind mounts), so the digest is the truth and the watcher only makes it instant.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from pathlib import Path

SUFFIXES = (".yaml", ".yml")


def digest(folder: Path) -> str:
    """Changes whenever a byte or a name of a YAML file under the folder does; empty when it cannot be read."""
    whole = hashlib.sha256()
    try:
        for path in sorted(folder.rglob("*")):
            if path.suffix.lower() in SUFFIXES and path.name[0] not in ".~" and path.is_file():
                whole.update(f"{path.relative_to(folder).as_posix()}\0".encode())
                whole.update(path.read_bytes())
    except OSError:
        return ""
    return whole.hexdigest()


class Watched:
    """A folder whose content was last seen with some digest."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.seen = digest(folder)

    def changed(self) -> bool:
        """Whether it differs from what was last seen; says so once per change, and never for an unreadable moment."""
        now = digest(self.folder)
        if not now or now == self.seen:
            return False
        self.seen = now
        return True


async def watch(folders: Sequence[Path], poke: asyncio.Event) -> None:
    """Sets `poke` whenever something under the folders changes; ends quietly where no watcher is installed."""
    try:
        from watchfiles import awatch
    except ImportError:
        return
    async for _ in awatch(*folders, debounce=300, step=100, recursive=True):
        poke.set()
