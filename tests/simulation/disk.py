"""A disk that tells what a power cut takes away: bytes not flushed, names not flushed; and that may be full or broken.

The files are real, in a temporary folder, but nothing is ever flushed for good: what would be lost is remembered instead.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from random import Random

from bot.state.disk.journal import Disk
from tests.simulation.stage import PowerCut


class StageDisk(Disk):
    """`broken` is the errno of every write (ENOSPC) or flush (EIO) from now on; `cut_in` counts steps to the power cut."""

    def __init__(self, dice: Random) -> None:
        self._dice = dice
        self._files: dict[int, Path] = {}
        self._safe: dict[Path, int] = {}  # bytes that are on the platter, of files that have more
        self._names: list[tuple[Path, Callable[[], object]]] = []  # folder, and how to take a change of names back
        self.broken = 0
        self.cut_in: int | None = None
        self.dead = False
        self.steps = 0
        self.on_trouble: Callable[[], object] = lambda: None
        self.on_cut: Callable[[], object] = lambda: None

    def _step(self) -> bool:
        """Whether the power goes at this step."""
        if self.dead:
            raise PowerCut
        self.steps += 1
        if self.cut_in is None:
            return False
        self.cut_in -= 1
        return self.cut_in < 0

    def _die(self) -> PowerCut:
        self.dead, self.cut_in = True, None
        self.on_cut()
        return PowerCut()

    def _maybe_die(self) -> None:
        if self._step():
            raise self._die()

    def _fail(self, code: int) -> None:
        if self.broken == code:
            self.on_trouble()
            raise OSError(code, os.strerror(code))

    def open(self, path: Path, *, fresh: bool) -> int:
        self._maybe_die()
        self._fail(errno.ENOSPC)
        if not path.exists():
            self._names.append((path.parent, lambda: path.unlink(missing_ok=True)))
            self._safe[path] = 0
        elif fresh:
            self._safe[path] = 0
        file = super().open(path, fresh=fresh)
        self._files[file] = path
        return file

    def write(self, file: int, data: bytes) -> int:
        path = self._files[file]
        goes = self._step()
        self._safe.setdefault(path, os.fstat(file).st_size)
        if goes:
            os.write(file, data[: self._dice.randint(0, len(data))])
            raise self._die()
        if self.broken == errno.ENOSPC:
            os.write(file, data[: self._dice.randint(0, len(data) - 1)])
            self._fail(errno.ENOSPC)
        return os.write(file, data)

    def flush(self, file: int) -> None:
        self._maybe_die()
        self._fail(errno.EIO)
        self._safe.pop(self._files[file], None)

    def cut(self, file: int, size: int) -> None:
        self._maybe_die()
        super().cut(file, size)
        path = self._files[file]
        if path in self._safe:
            self._safe[path] = min(size, self._safe[path])

    def rename(self, old: Path, new: Path) -> None:
        self._maybe_die()
        content, before = old.read_bytes(), new.read_bytes() if new.exists() else None
        super().rename(old, new)
        if old in self._safe:
            self._safe[new] = self._safe.pop(old)

        def undo() -> None:
            old.write_bytes(content)
            new.unlink() if before is None else new.write_bytes(before)

        self._names.append((new.parent, undo))

    def remove(self, path: Path) -> None:
        self._maybe_die()
        if path.exists():
            content = path.read_bytes()
            self._names.append((path.parent, lambda: path.write_bytes(content)))
            self._safe.pop(path, None)
        super().remove(path)

    def flush_folder(self, folder: Path) -> None:
        self._maybe_die()
        self._names = [change for change in self._names if change[0] != folder]

    def lose(self) -> None:
        """What a power cut does to what was never flushed: the last changes of names and bytes, as far as dice say."""
        kept = self._dice.randint(0, len(self._names))
        for _, undo in reversed(self._names[kept:]):
            undo()
        for path, safe in self._safe.items():
            if path.exists() and (size := path.stat().st_size) > safe:
                os.truncate(path, self._dice.randint(safe, size))
        self.settle()

    def settle(self, *, mended: bool = True) -> None:
        """What is there now stays: only the process ended. A disk that is full or broken may stay so."""
        self._names.clear()
        self._safe.clear()
        self._files.clear()
        self.dead, self.cut_in = False, None
        self.broken = 0 if mended else self.broken
