"""Watched files: content decides, once per change; the watcher only makes it quick."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest

from bot.sources.rule_files import Watched, digest, watch


def test_a_change_of_a_byte_or_a_name_is_said_once_with_the_files() -> None:
    files = {"a.yaml": b"1", "b.yaml": b"2"}
    watched = Watched(lambda: files, digest(files))
    assert watched.changed() is None
    files = {"a.yaml": b"1", "b.yaml": b"3"}
    assert watched.changed() == files
    assert watched.changed() is None
    files = {"a.yaml": b"1", "c.yaml": b"3"}
    assert watched.changed() == files


def test_an_edit_taken_back_is_a_change_again() -> None:
    files = {"a.yaml": b"1"}
    watched = Watched(lambda: files, digest(files))
    files = {"a.yaml": b"2"}
    assert watched.changed()
    files = {"a.yaml": b"1"}
    assert watched.changed()


def test_bytes_cannot_wander_from_one_file_into_the_next() -> None:
    assert digest({"a": b"12", "b": b"3"}) != digest({"a": b"1", "b": b"23"})


def test_a_moment_in_which_files_cannot_be_read_is_no_change() -> None:
    files = {"a.yaml": b"1"}
    broken = False

    def read() -> dict[str, bytes]:
        if broken:
            raise PermissionError
        return files

    watched = Watched(read, digest(files))
    broken = True
    with pytest.raises(PermissionError):
        watched.changed()
    broken = False
    assert watched.changed() is None


async def test_the_watcher_pokes_when_a_file_below_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "tasks").mkdir()
    poke = asyncio.Event()
    watching = asyncio.create_task(watch([tmp_path], poke))
    for attempt in range(50):  # the watcher needs a moment to begin
        (tmp_path / "tasks" / "new.tmp").write_text(str(attempt), "utf-8")
        (tmp_path / "tasks" / "new.tmp").replace(tmp_path / "tasks" / "05.yaml")
        with suppress(TimeoutError):
            await asyncio.wait_for(poke.wait(), 0.1)
            break
    assert poke.is_set()
    watching.cancel()
    with suppress(asyncio.CancelledError):
        await watching
