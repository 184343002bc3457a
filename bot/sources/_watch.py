"""Wakes the service when something under a folder changes. Shared by the sources that read folders."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from bot.sources._inotify import Inotify

#: Seconds before a change is looked at: an editor writes more than once.
SETTLING = 0.3


class FolderWatch:
    """Watches folders, with everything below them, from `start` to `stop`. A folder that is missing is left out."""

    def __init__(self, *folders: Path) -> None:
        self._folders = folders
        self._task: asyncio.Task[None] | None = None

    def start(self, wake: Callable[[], None]) -> None:
        """Begins to call `wake` after changes; needs a running event loop."""
        there = [folder for folder in self._folders if folder.is_dir()]
        self._task = asyncio.get_running_loop().create_task(watch(there, wake))

    def stop(self) -> None:
        """Ends watching; no `wake` after this."""
        if self._task is not None:
            self._task.cancel()
            self._task = None


async def watch(folders: Sequence[Path], wake: Callable[[], None]) -> None:
    """Calls `wake` whenever something under the folders changes; ends quietly where nothing can watch."""
    try:
        watching = Inotify(folders)
    except (OSError, AttributeError, TypeError):  # not Linux, or no watch left
        await _watch_elsewhere(folders, wake)
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
            wake()
    finally:
        loop.remove_reader(watching.fd)
        watching.close()


async def _watch_elsewhere(folders: Sequence[Path], wake: Callable[[], None]) -> None:
    """The same by a thread that looks three times a second, where watchfiles is installed."""
    try:
        from watchfiles import awatch
    except ImportError:
        return
    async for _ in awatch(*folders, debounce=300, step=300, recursive=True):
        wake()
