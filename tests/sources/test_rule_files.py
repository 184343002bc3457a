"""Edited files: content decides, once per change; the watch on the folder only makes it quick."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from time import time

import pytest

from bot.core.time.zone import ZONE
from bot.sources._watch import watch
from bot.sources.rule_files import EditedFiles, digest

NOW = datetime(2027, 3, 1, 9, 0, tzinfo=ZONE)


class Folder:
    """Real files, and how often they were read; `age` is how many seconds ago each is said to have been written."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.readings = folder, 0
        self.broken = False  # whoever is handed the files cannot use them now
        self.handed: list[Mapping[str, bytes]] = []
        self.source = EditedFiles(folder, self.read, self.paths, self.take)

    def changed(self) -> Mapping[str, bytes] | None:
        """What one look hands on."""
        self.handed.clear()
        self.source.look(NOW)
        return self.handed[0] if self.handed else None

    def take(self, files: Mapping[str, bytes], now: datetime) -> None:
        if self.broken:
            raise PermissionError
        assert now == NOW
        self.handed.append(files)

    def write(self, name: str, text: str, age: float = 60) -> None:
        (self.folder / name).write_text(text, "utf-8")
        then = time() - age
        os.utime(self.folder / name, (then, then))

    def read(self) -> dict[str, bytes]:
        self.readings += 1
        return {path.name: path.read_bytes() for path in self.paths()}

    def paths(self) -> list[Path]:
        return sorted(self.folder.iterdir())


@pytest.fixture
def rules(tmp_path: Path) -> Folder:
    found = Folder(tmp_path)
    found.write("a.yaml", "1")
    assert found.changed() == {"a.yaml": b"1"}
    return found


def test_a_change_of_a_byte_or_a_name_is_said_once_with_the_files(rules: Folder) -> None:
    assert rules.changed() is None
    rules.write("a.yaml", "2", age=50)
    assert rules.changed() == {"a.yaml": b"2"}
    assert rules.changed() is None
    (rules.folder / "a.yaml").rename(rules.folder / "c.yaml")
    assert rules.changed() == {"c.yaml": b"2"}


def test_an_edit_taken_back_is_a_change_again(rules: Folder) -> None:
    rules.write("a.yaml", "2", age=50)
    assert rules.changed()
    rules.write("a.yaml", "1", age=40)
    assert rules.changed()


def test_files_that_nobody_touched_are_not_read_again(rules: Folder) -> None:
    for _ in range(10):
        assert rules.changed() is None
    assert rules.readings == 1


def test_a_file_written_a_moment_ago_is_read_again_until_its_time_can_be_trusted(rules: Folder) -> None:
    """Two edits within one tick of the disk's clock, of equal length, have equal marks."""
    stamp = time()
    for text in ("2", "3"):
        rules.write("a.yaml", text)
        os.utime(rules.folder / "a.yaml", (stamp, stamp))
        assert rules.changed() == {"a.yaml": text.encode()}


def test_a_file_saved_without_a_change_is_no_change(rules: Folder) -> None:
    rules.write("a.yaml", "1", age=30)
    assert rules.changed() is None


def test_bytes_cannot_wander_from_one_file_into_the_next() -> None:
    assert digest({"a": b"12", "b": b"3"}) != digest({"a": b"1", "b": b"23"})


def test_a_moment_in_which_files_cannot_be_read_is_no_change(rules: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone() -> list[Path]:
        raise PermissionError

    with monkeypatch.context() as patch:
        patch.setattr(rules.source, "_paths", gone)
        with pytest.raises(PermissionError):
            rules.changed()
    assert rules.changed() is None


def test_a_change_that_could_not_be_handed_on_comes_again(rules: Folder) -> None:
    rules.write("a.yaml", "2", age=50)
    rules.broken = True
    for _ in range(2):
        with pytest.raises(PermissionError):
            rules.changed()
    rules.broken = False
    assert rules.changed() == {"a.yaml": b"2"}
    assert rules.changed() is None


def test_files_that_are_in_use_already_are_no_change_until_they_are_forgotten(rules: Folder) -> None:
    source = EditedFiles(rules.folder, rules.read, rules.paths, rules.take, digest(rules.read()))
    source.look(NOW)
    source.look(NOW)
    assert rules.handed == [{"a.yaml": b"1"}]  # what the fixture's own look handed on
    source.forget()
    source.look(NOW)
    source.look(NOW)
    assert len(rules.handed) == 2


async def test_the_watcher_pokes_when_a_file_below_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "tasks").mkdir()
    poke = asyncio.Event()
    watching = asyncio.create_task(watch([tmp_path], poke.set))
    while not poke.is_set():  # the watcher needs a moment to begin
        (tmp_path / "tasks" / "new.tmp").write_text("1", "utf-8")
        (tmp_path / "tasks" / "new.tmp").replace(tmp_path / "tasks" / "05.yaml")
        await asyncio.sleep(0.1)
    watching.cancel()
    with suppress(asyncio.CancelledError):
        await watching


async def test_the_watcher_hears_of_folders_made_later_and_sleeps_in_between(tmp_path: Path) -> None:
    poke = asyncio.Event()
    watching = asyncio.create_task(watch([tmp_path], poke.set))
    await asyncio.sleep(0)
    for place in (tmp_path / "tests", tmp_path / "tests" / "more"):
        place.mkdir()
        await poke.wait()
        poke.clear()
    (tmp_path / "tests" / "more" / "05.yaml").write_text("1", "utf-8")
    await poke.wait()
    watching.cancel()
    with suppress(asyncio.CancelledError):
        await watching


async def test_without_the_system_s_word_the_library_watches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(folders: object) -> None:
        raise OSError(28, "no watch left")

    monkeypatch.setattr("bot.sources._watch.Inotify", nothing)
    await test_the_watcher_pokes_when_a_file_below_is_replaced(tmp_path)
