"""Every bit of a real state flipped, every operation of the disk refused: what loads is whole, or it is named and left alone."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from bisect import bisect_right
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.facts.events import Done, Event
from bot.core.telling.entry import EntryState
from bot.core.time.zone import ZONE
from bot.state.archive import Archive
from bot.state.disk.database import Database
from bot.state.disk.errors import DamagedState, JournalBroken, StorageFailed
from bot.state.disk.files import read_folder, read_pair
from bot.state.disk.journal import Disk, Journal
from bot.state.store import Store
from tests.kit.faulty_disks import FailingDisk, Lasting
from tests.kit.places import everything
from tests.state.test_store import draft, row

NOW = datetime(2027, 3, 1, 8, 47, tzinfo=ZONE)


def live(store: Store, number: int) -> None:
    """A little of everything a bot writes, as three units of work."""
    at = NOW + timedelta(days=number)
    with store.work():
        store.keep(Event.of(Done(item=f"T05-M{number}"), key=str(number), time=at))
        [entry] = store.promise([draft(row(f"T05-M{number}"), at=at)], at, "d")
    with store.work():
        store.put(entry.model_copy(update={"state": EntryState.SENDING}))
    with store.work():
        store.put(entry.model_copy(update={"state": EntryState.DELIVERED, "delivered_at": at}))
        store.set_meta("evaluated", at.isoformat())


def written(folder: Path, times: int, compact_after: int = -1) -> None:
    store = Store(Database.open(folder))
    for number in range(times):
        live(store, number)
        if number == compact_after:
            store.database.compact()
    store.close()


def starts(journal: bytes) -> list[int]:
    """The offset of each record."""
    return [0, *(index + 1 for index, byte in enumerate(journal) if byte == 0x0A)][:-1]


def opened(files: dict[str, bytes]) -> dict[str, Any]:
    return everything(Database.of_files(files))


# --- flips -----------------------------------------------------------------------------


def test_every_flipped_bit_of_a_small_journal_is_named_or_is_the_torn_end(tmp_path: Path) -> None:
    written(tmp_path, 2)
    files = dict(read_pair(tmp_path).files())
    [(name, data)] = files.items()
    where = starts(data)
    assert len(where) == 6
    before_last = opened({name: data[: where[-1]]})
    for offset in range(len(data)):
        for bit in range(8):
            wrong = bytearray(data)
            wrong[offset] ^= 1 << bit
            if offset >= where[-1]:
                assert opened({name: bytes(wrong)}) == before_last
            else:
                with pytest.raises(DamagedState) as caught:
                    opened({name: bytes(wrong)})
                assert caught.value.offset == where[bisect_right(where, offset) - 1]


@cache
def large_journal() -> bytes:
    """300 units of work."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        written(Path(folder), 100)
        return read_pair(Path(folder)).journal


@given(place=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255))
@settings(max_examples=150)
def test_any_wrong_byte_of_a_large_journal_is_laid_to_its_record(place: float, flip: int) -> None:
    data = large_journal()
    where = starts(data)
    offset = int(place * where[-1])
    wrong = bytearray(data)
    wrong[offset] ^= flip
    with pytest.raises(DamagedState) as caught:
        opened({"journal-0.log": bytes(wrong)})
    assert caught.value.offset == where[bisect_right(where, offset) - 1]


@given(cut=st.floats(0, 1), garbage=st.binary(max_size=200))
@settings(max_examples=100)
def test_a_large_journal_cut_anywhere_with_anything_behind_it_loads_its_whole_records(
    cut: float, garbage: bytes
) -> None:
    data = large_journal()
    size = int(cut * len(data))
    whole = max([start for start in [*starts(data), len(data)] if start <= size])
    assert opened({"journal-0.log": data[:size] + garbage}) == opened({"journal-0.log": data[:whole]})


@given(garbage=st.binary(max_size=400))
@settings(max_examples=200)
def test_whatever_bytes_stand_in_a_state_folder_it_opens_or_says_where_it_is_wrong(
    tmp_path_factory: pytest.TempPathFactory, garbage: bytes
) -> None:
    for name in ("journal-0.log", "snapshot.jsonl"):
        folder = tmp_path_factory.mktemp("state")
        (folder / name).write_bytes(garbage)
        damaged: Path | None = None
        try:
            Database.open(folder).close()
        except DamagedState as damage:
            damaged = damage.file
        assert damaged is None or (damaged.parent == folder and (folder / name).read_bytes() == garbage)
        shutil.rmtree(folder)


def test_every_flipped_byte_of_a_snapshot_is_laid_to_its_line(tmp_path: Path) -> None:
    written(tmp_path, 2, compact_after=1)
    files = dict(read_pair(tmp_path).files())
    data = files["snapshot.jsonl"]
    where = starts(data)
    for offset in range(len(data)):
        wrong = bytearray(data)
        wrong[offset] ^= 0x11
        with pytest.raises(DamagedState) as caught:
            opened({**files, "snapshot.jsonl": bytes(wrong)})
        assert caught.value.offset == (where[bisect_right(where, offset) - 1] if offset >= where[1] else 0)


def test_a_missing_doubled_or_moved_line_of_a_snapshot_is_damage(tmp_path: Path) -> None:
    written(tmp_path, 2, compact_after=1)
    files = dict(read_pair(tmp_path).files())
    head, *lines = files["snapshot.jsonl"].splitlines(keepends=True)
    for wrong in (lines[1:], [*lines, lines[-1]], [lines[1], lines[0], *lines[2:]]):
        with pytest.raises(DamagedState):
            opened({**files, "snapshot.jsonl": head + b"".join(wrong)})


# --- a disk that refuses --------------------------------------------------------------------

KINDS = {
    errno.ENOSPC: "open write flush flush_folder",
    errno.EROFS: "open write cut rename remove flush_folder",
    errno.EIO: "write flush cut rename flush_folder",
    errno.EACCES: "open rename remove",
}


def attempt(store: Store, archive: Archive, number: int) -> bool:
    """One step of a life on a bad disk; False once nothing more can be promised."""
    before = everything(store.database)
    try:
        if number == 4:
            store.sweep(archive, NOW + timedelta(days=60))
        else:
            live(store, number)
    except StorageFailed:
        assert everything(store.database).keys() <= {*before, "events", "told", "heard", "outbox", "meta"}
    except JournalBroken:
        return False
    return True


@pytest.mark.parametrize("code", KINDS)
@pytest.mark.parametrize("lasting", [False, True])
def test_whatever_operation_fails_memory_and_disk_agree(tmp_path: Path, code: int, lasting: bool) -> None:
    step, ended = 0, False
    while not ended:
        folder = tmp_path / str(step)
        disk = Lasting(KINDS[code], code) if lasting else FailingDisk(KINDS[code], code)
        store = Store(Database(Journal.open(folder, disk), compact_bytes=2500))
        disk.arm(step)
        whole = all(attempt(store, Archive(folder / "archive", disk), number) for number in range(6))
        ended = disk.count <= step
        disk.at = None
        store.close()
        agree(store, folder, whole)
        step += 1 if step < 30 else 5
    assert step > 3


def agree(store: Store, folder: Path, whole: bool) -> None:
    """What a restart finds is what memory said; after a broken journal perhaps one unit of work more."""
    again = Store(Database.open(folder))
    if whole:
        assert everything(again.database) == everything(store.database)
    else:
        assert len(again.events) - len(store.events) in (0, 1)
    archive = Archive(folder / "archive")
    again.sweep(archive, NOW + timedelta(days=60))
    assert archive.check(again.seal) == sum(again.seal.rows.values())
    live(again, 99)
    again.close()


FILL = """
import resource, signal, sys
from pathlib import Path
from bot.state.disk.database import Database
from bot.state.disk.errors import StateError
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
db = Database.open(Path(sys.argv[1]))
number = 0
try:
    while True:
        db.table("outbox").insert({"号": number + 1})
        number += 1
        print(number, flush=True)
except StateError as error:
    print(type(error).__name__, error, flush=True)
    assert len(db.table("outbox")) == number
"""


def test_a_real_process_whose_file_may_grow_no_more_keeps_what_it_acknowledged(tmp_path: Path) -> None:
    ran = subprocess.run([sys.executable, "-c", FILL, str(tmp_path)], capture_output=True, text=True, check=True)
    *numbers, said = ran.stdout.splitlines()
    assert said.startswith("StorageFailed")
    assert "文件超过系统允许的大小" in said
    db = Database.open(tmp_path)
    assert len(db.table("outbox")) == int(numbers[-1]) > 100
    assert db.recovery.warning == ""
    db.close()


class ReadOnly(Disk):
    """Refuses every change while `shut`, as a disk does that was turned read-only: nothing of a write gets there."""

    shut = False

    def _refuse(self) -> None:
        if self.shut:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    def write(self, file: int, data: bytes) -> int:
        self._refuse()
        return os.write(file, data)

    def cut(self, file: int, size: int) -> None:
        self._refuse()
        super().cut(file, size)


def test_a_disk_that_is_read_only_for_a_while_is_waited_out(tmp_path: Path) -> None:
    disk = ReadOnly()
    store = Store(Database(Journal.open(tmp_path, disk)))
    live(store, 0)
    disk.shut = True
    for number in (1, 2):
        with pytest.raises(StorageFailed, match="磁盘是只读的"):
            live(store, number)
    disk.shut = False
    live(store, 3)
    store.close()
    agree(store, tmp_path, whole=True)


def test_a_disk_turned_read_only_is_told_and_changes_nothing_at_opening(tmp_path: Path) -> None:
    written(tmp_path, 1)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    disk = FailingDisk("open", errno.EROFS)
    disk.arm(0)
    with pytest.raises(StorageFailed, match="磁盘是只读的"):
        Journal.open(tmp_path, disk)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert len(read_folder(tmp_path).records) == 3
