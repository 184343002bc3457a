from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tinydb import where

from bot.state.disk.database import Database, JournalBroken, StorageFailed
from bot.state.disk.journal import Journal
from tests.kit.faulty_disks import FailingDisk
from tests.kit.places import ENTRY, Place, everything


@pytest.fixture(params=["on disk", "in memory"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path / "state" if request.param == "on disk" else None)
    yield place
    place.db.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state"


# --- units of work ----------------------------------------------------------------------------------------------------------


def test_two_tables_in_one_unit_of_work_are_one_record(folder: Path) -> None:
    db = Database.open(folder)
    with db.work():
        db.table("told").insert({"事项": "T05-M1"})
        db.table("outbox").insert(ENTRY)
        db.table("outbox").update({"次数": 1}, doc_ids=[1])
    db.close()
    lines = (folder / "journal-0.log").read_text().splitlines()
    assert len(lines) == 1
    assert json.loads(lines[0].split(" ", 3)[3]) == {
        "told": {"1": {"事项": "T05-M1"}},
        "outbox": {"1": ENTRY | {"次数": 1}},
    }


def test_a_unit_of_work_that_changes_nothing_writes_nothing(folder: Path) -> None:
    db = Database.open(folder)
    db.table("outbox").insert(ENTRY)
    before = db.journal_bytes
    with db.work():
        db.table("outbox").update({"次数": 0}, doc_ids=[1])
        doc_id = db.table("outbox").insert(ENTRY)
        db.table("outbox").remove(doc_ids=[doc_id])
    with db.work():
        pass
    assert db.journal_bytes == before
    db.close()


def test_an_exception_puts_back_every_old_value_in_every_table(place: Place) -> None:
    place.db.table("told").insert_multiple([{"编号": number} for number in range(4)])
    place.db.table("outbox").insert(ENTRY)
    before, order = everything(place.db), place.db.table("told").all()

    def change_everything_and_fail() -> None:
        with place.db.work():
            place.db.table("told").remove(doc_ids=[2])
            place.db.table("told").update({"编号": 9}, doc_ids=[1])
            place.db.table("told").insert({"编号": 5})
            place.db.table("outbox").truncate()
            place.db.table("robots").insert(ENTRY)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        change_everything_and_fail()
    assert everything(place.db) == before
    assert place.db.table("told").all() == order
    assert place.db.tables() == {"told", "outbox"}
    assert place.db.table("told").insert({"编号": 4}) == 5
    assert place.db.table("robots").insert(ENTRY) == 1
    place.db.table("told").remove(doc_ids=[5])
    place.db.table("robots").truncate()
    assert everything(place.again()) == before


def test_only_the_outermost_unit_of_work_commits(place: Place) -> None:
    def fail_after_the_inner_one() -> None:
        with place.db.work():
            with place.db.work():
                place.db.table("outbox").insert(ENTRY)
            assert len(place.db.table("outbox")) == 1
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_after_the_inner_one()
    assert everything(place.again()) == {}
    with place.db.work(), place.db.work():
        place.db.table("outbox").insert(ENTRY)
    assert everything(place.again()) == {"outbox": {1: ENTRY}}


def test_an_inner_failure_that_is_caught_undoes_the_inner_part_only(place: Place) -> None:
    with place.db.work():
        place.db.table("outbox").insert({"状态": "外"})
        with contextlib.suppress(ZeroDivisionError), place.db.work():
            place.db.table("outbox").update({"状态": "内"}, doc_ids=[1])
            place.db.table("outbox").insert({"状态": "内"})
            raise ZeroDivisionError
        assert place.db.table("outbox").insert({"状态": "外"}) == 2
    assert everything(place.again()) == {"outbox": {1: {"状态": "外"}, 2: {"状态": "外"}}}


def test_a_unit_of_work_object_can_be_used_twice(place: Place) -> None:
    place.db.table("outbox").insert({"次": 0})
    work = place.db.work()
    with work:
        place.db.table("outbox").put(1, {"次": 1})
    with contextlib.suppress(ZeroDivisionError), work:
        place.db.table("outbox").put(1, {"次": 2})
        raise ZeroDivisionError
    assert everything(place.again()) == {"outbox": {1: {"次": 1}}}


async def test_another_task_cannot_join_an_open_unit_of_work(place: Place) -> None:
    opened, tried = asyncio.Event(), asyncio.Event()

    async def leaves_it_open() -> None:
        with place.db.work():
            place.db.table("outbox").insert(ENTRY)
            opened.set()
            await tried.wait()

    task = asyncio.create_task(leaves_it_open())
    await opened.wait()
    with pytest.raises(RuntimeError, match="do not await"), place.db.work():
        pass
    with pytest.raises(RuntimeError, match="outside"):
        await place.db.durable()
    tried.set()
    await task
    assert everything(place.again()) == {"outbox": {1: ENTRY}}


async def test_group_commit_waits_for_the_disk_once_for_all(folder: Path) -> None:
    db = Database.open(folder)

    async def deliver(number: int) -> None:
        with db.work(durable=False):
            db.table("outbox").insert({"编号": number})
        await db.durable()
        with db.work(durable=False):
            db.table("outbox").update({"状态": "已送达"}, where("编号") == number)
        await db.durable()

    await asyncio.gather(*(deliver(number) for number in range(64)))
    before = everything(db)
    assert len(before["outbox"]) == 64
    db.close()
    again = Database.open(folder)
    assert everything(again) == before
    assert again.recovery.records == 128
    again.close()


# --- disks that fail --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", range(10))
def test_a_full_disk_at_any_write_undoes_that_unit_of_work_only(folder: Path, at: int) -> None:
    disk = FailingDisk("write")
    db = Database(Journal.open(folder, disk), 400)  # so that snapshots are written on the way too
    disk.arm(at)
    expected: dict[int, dict[str, Any]] = {}
    failures: list[int | None] = []
    for number in range(1, 9):
        try:
            with db.work():
                db.table("outbox").put(number, ENTRY | {"编号": number})
                db.table("told").put(number, {"编号": number})
            expected[number] = {"编号": number}
        except StorageFailed as error:
            failures.append(error.errno)
        assert everything(db).get("told", {}) == expected
    assert failures in ([], [errno.ENOSPC])  # none: it was a snapshot that could not be written
    assert disk.count > at, "the disk never failed"
    db.close()
    again = Database.open(folder)
    assert everything(again)["told"] == expected
    assert everything(again)["outbox"].keys() == expected.keys()
    again.close()


def test_a_compaction_that_finds_the_disk_full_does_not_undo_the_change_and_is_told(folder: Path) -> None:
    disk = FailingDisk("rename")
    db = Database(Journal.open(folder, disk), 200)
    disk.arm(0)
    db.table("outbox").insert(ENTRY)
    db.table("outbox").insert(ENTRY)
    assert "磁盘已满" in str(db.compaction_error)
    assert db.snapshot_bytes == 0
    for _ in range(4):
        db.table("outbox").insert(ENTRY)
    assert db.compaction_error is None
    assert db.snapshot_bytes > 0
    db.close()
    again = Database.open(folder)
    assert len(again.table("outbox")) == 6
    again.close()


def test_a_failed_flush_undoes_the_change_in_memory_and_refuses_more(folder: Path) -> None:
    disk = FailingDisk("flush", errno.EIO)
    db = Database(Journal.open(folder, disk))
    db.table("outbox").insert({"次": 0})
    disk.arm(0)
    with pytest.raises(JournalBroken):
        db.table("outbox").put(1, {"次": 1})
    with pytest.raises(JournalBroken):
        db.table("outbox").insert(ENTRY)
    assert everything(db) == {"outbox": {1: {"次": 0}}}
    db.close()


# --- compaction, snapshot, encoders -------------------------------------------------------------------------------------------


def test_the_snapshot_is_readable_one_document_a_line(folder: Path) -> None:
    db = Database.open(folder)
    db.table("outbox").insert(ENTRY)
    db.table("told").put(5, {"事项": "控辍保学"})
    db.compact()
    db.close()
    lines = (folder / "snapshot.jsonl").read_text().splitlines()
    assert [json.loads(line)["of"] for line in lines[1:]] == [
        {"table": "outbox", "id": 1, "document": ENTRY},
        {"table": "told", "id": 5, "document": {"事项": "控辍保学"}},
    ]
    assert "控辍保学" in lines[2]
    assert json.loads(lines[0])["duban"] == "snapshot"


def test_the_journal_is_folded_when_it_outgrows_its_limit_and_the_snapshot(folder: Path) -> None:
    db = Database.open(folder, compact_bytes=2000)
    largest = 0
    for number in range(200):
        db.table("outbox").put(number % 10, ENTRY | {"次数": number})
        largest = max(largest, db.journal_bytes)
    assert 0 < db.snapshot_bytes < 3000
    assert largest < 2000 + db.snapshot_bytes
    before = everything(db)
    db.close()
    again = Database.open(folder)
    assert everything(again) == before
    again.close()


def test_a_torn_tail_is_reported_and_what_was_committed_is_there(folder: Path) -> None:
    db = Database.open(folder)
    db.table("outbox").insert(ENTRY)
    db.close()
    file = folder / "journal-0.log"
    file.write_bytes(file.read_bytes() + b'2 99 00000000 {"outbox"')
    again = Database.open(folder)
    assert everything(again) == {"outbox": {1: ENTRY}}
    assert "damaged-1.bin" in again.recovery.warning
    assert (again.recovery.documents, again.recovery.records) == (1, 1)
    again.close()


WITHOUT_ORJSON = """
import sys
sys.modules["orjson"] = None
from pathlib import Path
from bot.state.disk.database import Database, NotStorable
db = Database.open(Path(sys.argv[1]))
table = db.table("meta")
document = table.get(doc_id=1)
table.put(2, document)
for wrong in (float("nan"), {1: 2}, 2**64, "\\ud800", object()):
    try:
        table.put(3, {"值": wrong})
    except NotStorable:
        continue
    raise SystemExit(f"{wrong!r} was stored")
db.compact()
table.put(3, document)
db.close()
"""


def test_without_orjson_the_same_state_is_read_and_written(folder: Path) -> None:
    document = {"字": "督办\n\u2028😀", "数": [0.1, 1e300, -0.0, 2**64 - 1, -(2**63)], "空": None, "真": True}
    db = Database.open(folder)
    db.table("meta").insert(document)
    db.close()
    subprocess.run([sys.executable, "-c", WITHOUT_ORJSON, str(folder)], check=True)
    again = Database.open(folder)
    assert [json.dumps(found) for found in again.table("meta")] == [json.dumps(document)] * 3
    assert again.recovery.records == 1
    again.close()
