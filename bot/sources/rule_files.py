"""Files an admin edits: noticed quickly by a watcher, and for certain by comparing digests at every pass.

Watchers have blind spots (network folders, bind mounts), so the digest is the truth and the watcher only makes it instant.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path


def digest(files: Mapping[str, bytes]) -> str:
    """Changes whenever a byte or a name does."""
    whole = hashlib.sha256()
    for name, raw in files.items():
        whole.update(f"{name}\0{len(raw)}\0".encode())
        whole.update(raw)
    return whole.hexdigest()


class Watched:
    """Files whose content was last seen with some digest; `read` gives them by name. Raises what `read` raises."""

    def __init__(self, read: Callable[[], Mapping[str, bytes]], seen: str = "") -> None:
        self._read, self._seen = read, seen

    def changed(self) -> Mapping[str, bytes] | None:
        """The files when they differ from what was last seen; said once per change."""
        files = self._read()
        now = digest(files)
        if now == self._seen:
            return None
        self._seen = now
        return files


async def watch(folders: Sequence[Path], poke: asyncio.Event) -> None:
    """Sets `poke` whenever something under the folders changes; ends quietly where no watcher is installed."""
    try:
        from watchfiles import awatch
    except ImportError:
        return
    async for _ in awatch(*folders, debounce=300, step=100, recursive=True):
        poke.set()
