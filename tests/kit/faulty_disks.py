"""Real disks with something wrong: one that fails at a chosen step, one from there on, one that photographs the folder after every step."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

from bot.state.disk.journal import Disk


class FailingDisk(Disk):
    """Fails operation number `at` (from 0; None: none), of the kinds named; a failing write writes half of its bytes."""

    def __init__(
        self, kinds: str = "open write flush cut rename remove flush_folder", code: int = errno.ENOSPC
    ) -> None:
        self.at: int | None = None
        self.count = 0
        self._kinds, self._code = set(kinds.split()), code

    def arm(self, at: int) -> None:
        self.at, self.count = at, 0

    def _step(self, kind: str) -> bool:
        if kind not in self._kinds:
            return False
        self.count += 1
        return self.at is not None and self.count == self.at + 1

    def _fail(self, kind: str) -> None:
        if self._step(kind):
            raise OSError(self._code, os.strerror(self._code))

    def open(self, path: Path, *, fresh: bool) -> int:
        self._fail("open")
        return super().open(path, fresh=fresh)

    def write(self, file: int, data: bytes) -> int:
        if self._step("write"):
            os.write(file, data[: len(data) // 2])
            raise OSError(self._code, os.strerror(self._code))
        return os.write(file, data)

    def flush(self, file: int) -> None:
        self._fail("flush")
        os.fdatasync(file)

    def cut(self, file: int, size: int) -> None:
        self._fail("cut")
        super().cut(file, size)

    def rename(self, old: Path, new: Path) -> None:
        self._fail("rename")
        super().rename(old, new)

    def remove(self, path: Path) -> None:
        self._fail("remove")
        super().remove(path)

    def flush_folder(self, folder: Path) -> None:
        self._fail("flush_folder")
        super().flush_folder(folder)


class Lasting(FailingDisk):
    """Fails from the chosen step on, not only there."""

    def _step(self, kind: str) -> bool:
        super()._step(kind)
        return kind in self._kinds and self.at is not None and self.count > self.at


class Camera(Disk):
    """After every step copies the folder twice: as it is, and as a power cut might leave it.

    What was written but not flushed is then cut to half of what was unflushed (a new file that was never flushed
    stays, with half of its bytes: the name may be on disk before the content).
    """

    def __init__(self, folder: Path, album: Path) -> None:
        self.rolling = False
        self.shots: list[Path] = []
        self._folder, self._album = folder, album
        self._flushed: dict[int, int] = {}  # inode → bytes known to be on disk

    def _shoot(self) -> None:
        if not self.rolling:
            return
        for power_cut in (False, True):
            shot = self._album / f"{len(self.shots):03}"
            shutil.copytree(self._folder, shot)
            self.shots.append(shot)
            if power_cut:
                self._lose_unflushed(shot)

    def _lose_unflushed(self, shot: Path) -> None:
        for path in self._folder.iterdir():
            status = path.stat()
            flushed = self._flushed.get(status.st_ino, status.st_size)
            os.truncate(shot / path.name, flushed + (status.st_size - flushed) // 2)

    def open(self, path: Path, *, fresh: bool) -> int:
        file = super().open(path, fresh=fresh)
        if fresh:
            self._flushed[os.fstat(file).st_ino] = 0
        self._shoot()
        return file

    def write(self, file: int, data: bytes) -> int:
        self._flushed.setdefault(os.fstat(file).st_ino, os.fstat(file).st_size)
        half = os.write(file, data[: len(data) // 2])  # a partial write, as the kernel may make it
        self._shoot()
        return half if half else os.write(file, data)

    def flush(self, file: int) -> None:
        os.fdatasync(file)
        self._flushed[os.fstat(file).st_ino] = os.fstat(file).st_size
        self._shoot()

    def cut(self, file: int, size: int) -> None:
        super().cut(file, size)
        self._shoot()

    def rename(self, old: Path, new: Path) -> None:
        super().rename(old, new)
        self._shoot()

    def remove(self, path: Path) -> None:
        super().remove(path)
        self._shoot()

    def flush_folder(self, folder: Path) -> None:
        super().flush_folder(folder)
        self._shoot()
