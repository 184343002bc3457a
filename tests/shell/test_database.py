from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from tinydb import where
from tinydb.operations import increment
from tinydb.table import Document

from bot.shell.database import Database, JournalBroken, NotStorable, StorageFailed
from bot.shell.journal import Journal
from tests.shell.faulty_disks import FailingDisk

ENTRY = {"群聊": "县教育局", "状态": "待发", "次数": 0, "级次": ["提前30天", "提前7天"], "回执": {"码": None}}


class Place:
    """Where a test's database lives; `again` is what a restart would find (in memory nothing restarts)."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self.db = Database.in_memory() if folder is None else Database.open(folder)

    def again(self) -> Database:
        if self.folder is not None:
            self.db.close()
            self.db = Database.open(self.folder)
        return self.db


@pytest.fixture(params=["on disk", "in memory"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path / "state" if request.param == "on disk" else None)
    yield place
    place.db.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state"


def everything(db: Database) -> dict[str, dict[int, dict[str, Any]]]:
    return {name: {doc.doc_id: dict(doc) for doc in db.table(name)} for name in db.tables()}


# --- TinyDB's own methods -------------------------------------------------------------------------------------------


def test_an_inserted_document_is_there_after_a_restart(place: Place) -> None:
    doc_id = place.db.table("outbox").insert(ENTRY)
    assert place.again().table("outbox").get(doc_id=doc_id) == ENTRY


def test_tinydb_methods_work_unchanged(place: Place) -> None:
    table = place.db.table("outbox")
    assert table.insert_multiple({"编号": number} for number in range(5)) == [1, 2, 3, 4, 5]
    assert table.update({"状态": "已送达"}, doc_ids=[1, 2, 99]) == [1, 2]
    assert table.update(increment("编号"), where("状态") == "已送达") == [1, 2]
    assert table.update({"批": 1}) == [1, 2, 3, 4, 5]
    assert table.update_multiple([({"批": 2}, where("编号") == 4)]) == [5]
    assert table.upsert({"编号": 3, "新": True}, where("编号") == 3) == [4]
    assert table.upsert(Document({"编号": 70}, doc_id=70)) == [70]
    assert table.upsert({"编号": 71}, where("编号") == 71) == [71]
    assert table.remove(doc_ids=[3, 98]) == [3]
    assert table.remove(where("编号") == 2) == [2]
    assert table.contains(doc_id=70)
    assert table.count(where("批").exists()) == 3
    assert [doc.doc_id for doc in table.get(doc_ids=[1, 70])] == [1, 70]
    expected = {
        1: {"编号": 1, "状态": "已送达", "批": 1},
        4: {"编号": 3, "批": 1, "新": True},
        5: {"编号": 4, "批": 2},
        70: {"编号": 70},
        71: {"编号": 71},
    }
    assert everything(place.again()) == {"outbox": expected}


def test_truncating_and_dropping_tables_is_kept(place: Place) -> None:
    for name in ("told", "robots", "meta"):
        place.db.table(name).insert_multiple([ENTRY, ENTRY])
    place.db.table("told").truncate()
    assert place.db.table("told").insert({"新": 1}) == 1
    place.db.drop_table("robots")
    assert everything(place.again()) == {"told": {1: {"新": 1}}, "meta": {1: ENTRY, 2: ENTRY}}
    place.db.drop_tables()
    assert everything(place.again()) == {}
    assert place.db.table("meta").insert(ENTRY) == 1


def test_an_id_in_use_is_refused_and_a_chosen_one_is_not_given_out_again(place: Place) -> None:
    table = place.db.table("outbox")
    table.insert(ENTRY)
    with pytest.raises(ValueError, match="already exists"):
        table.insert(Document(ENTRY, doc_id=1))
    table.put(7, ENTRY)
    table.insert_multiple([Document(ENTRY, doc_id=9)])
    assert table.insert(ENTRY) == 10


def test_put_replaces_the_whole_document(place: Place) -> None:
    table = place.db.table("outbox")
    table.put(3, ENTRY)
    table.put(3, {"状态": "已送达"})
    assert everything(place.again()) == {"outbox": {3: {"状态": "已送达"}}}


def test_a_write_by_query_records_only_what_changed(folder: Path) -> None:
    db = Database.open(folder)
    table = db.table("outbox")
    table.insert_multiple({"编号": number} for number in range(100))
    before = db.journal_bytes
    table.update({"状态": "已送达"}, where("编号") == 50)
    assert db.journal_bytes - before < 100
    db.close()


@pytest.mark.parametrize(("old", "new"), [(1, True), (1, 1.0), (0, False), (0.0, -0.0)])
def test_values_python_calls_equal_are_still_different_changes(place: Place, old: Any, new: Any) -> None:
    place.db.table("meta").insert({"值": old})
    place.db.table("meta").update({"值": new}, doc_ids=[1])
    found = place.again().table("meta").get(doc_id=1)["值"]
    assert (type(found), str(found)) == (type(new), str(new))


def test_a_failing_updater_changes_nothing(place: Place) -> None:
    table = place.db.table("outbox")
    table.insert_multiple([{"次数": 1}, {"次数": "不是数"}])
    with pytest.raises(TypeError):
        table.update(increment("次数"))
    assert everything(place.db) == everything(place.again()) == {"outbox": {1: {"次数": 1}, 2: {"次数": "不是数"}}}


# --- what is handed in and out ------------------------------------------------------------------------------------------


def test_documents_handed_out_are_the_callers_to_change(place: Place) -> None:
    table = place.db.table("outbox")
    table.insert(ENTRY)

    def handed_out() -> list[dict[str, Any]]:
        by_id, by_query, found = table.get(doc_id=1), table.get(where("次数") == 0), table.search(where("次数") == 0)
        return [by_id, by_query, *found, *table.all(), *table, *table.get(doc_ids=[1])]

    for document in handed_out():
        document["级次"].append("改")
        document["回执"]["码"] = "改"
        document["状态"] = "改"
    assert handed_out() == [ENTRY] * 6


def test_a_document_handed_in_can_be_changed_afterwards(place: Place) -> None:
    document = json.loads(json.dumps(ENTRY))
    place.db.table("outbox").insert(document)
    place.db.table("outbox").put(2, document)
    place.db.table("outbox").update({"级次": document["级次"]}, doc_ids=[1])
    document["级次"].append("改")
    document["回执"]["码"] = "改"
    assert place.db.table("outbox").all() == [ENTRY, ENTRY]


def test_peek_and_rows_show_without_copying(place: Place) -> None:
    table = place.db.table("outbox")
    table.insert(ENTRY)
    assert table.peek(1) == ENTRY
    assert table.peek(1) is table.peek(1)
    assert table.peek(2) is None
    assert [(doc_id, document is table.peek(1)) for doc_id, document in table.rows()] == [(1, True)]


def test_a_table_can_be_written_while_it_is_walked(place: Place) -> None:
    table = place.db.table("outbox")
    table.insert_multiple([{"编号": 1}, {"编号": 2}, {"编号": 3}])
    for document in table:
        table.remove(doc_ids=[document.doc_id])
        table.insert({"编号": document["编号"] * 10})
    assert [document["编号"] for document in table] == [10, 20, 30]


class Word(StrEnum):
    OVERDUE = "逾期"


@pytest.mark.parametrize(
    ("value", "where_", "reason"),
    [
        (float("nan"), "甲.乙.1", "不是有限的数"),
        (float("-inf"), "甲.乙.1", "不是有限的数"),
        ({1: 2}, "甲.乙.1", "键 1 不是文字"),
        ({None: 2}, "甲.乙.1", "不是文字"),
        (date(2026, 11, 23), "甲.乙.1", "类型 date"),
        (b"bytes", "甲.乙.1", "类型 bytes"),
        ({1, 2}, "甲.乙.1", "类型 set"),
        ("\ud800", "甲.乙.1", "Unicode"),
        ({"\ud800": 1}, "甲.乙.1", "Unicode"),
        (2**64, "甲.乙.1", "64 位"),
        (-(2**63) - 1, "甲.乙.1", "64 位"),
    ],
)
def test_what_json_cannot_keep_is_refused_with_its_place(place: Place, value: Any, where_: str, reason: str) -> None:
    document = {"甲": {"乙": [0, value]}}
    table = place.db.table("meta")
    table.insert(ENTRY)
    size = place.db.journal_bytes
    for attempt in (
        lambda: table.insert(document),
        lambda: table.put(1, document),
        lambda: table.update(document, doc_ids=[1]),
    ):
        with pytest.raises(NotStorable, match=reason) as caught:
            attempt()
        assert where_ in str(caught.value)
    assert everything(place.db) == {"meta": {1: ENTRY}}
    assert place.db.journal_bytes == size
    assert table.insert(ENTRY) == 2


def test_nesting_without_end_is_refused(place: Place) -> None:
    endless: dict[str, Any] = {}
    endless["自己"] = endless
    with pytest.raises(NotStorable, match="嵌套"):
        place.db.table("meta").insert(endless)
    deep: Any = 1
    for _ in range(90):
        deep = [deep]
    place.db.table("meta").insert({"深": deep})
    place.db.compact()
    assert place.again().table("meta").get(doc_id=1) == {"深": deep}


def test_tuples_and_subclasses_become_plain_at_once(place: Place) -> None:
    table = place.db.table("meta")
    table.insert({"词": Word.OVERDUE, "对": (1, (2, 3)), Word.OVERDUE: True})
    expected = {"词": "逾期", "对": [1, [2, 3]], "逾期": True}
    for found in (table.get(doc_id=1), place.again().table("meta").get(doc_id=1)):
        assert found == expected
        assert type(found["词"]) is str
        assert [type(key) for key in found] == [str] * 3


def test_an_id_that_is_no_integer_is_refused(place: Place) -> None:
    with pytest.raises(NotStorable, match="不是整数"):
        place.db.table("meta").put("甲", ENTRY)  # type: ignore[arg-type]
    with pytest.raises(NotStorable, match="不是整数"):
        place.db.table("meta").insert(Document(ENTRY, doc_id=True))
    assert everything(place.again()) == {}


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
    assert [json.loads(line) for line in lines[1:]] == [
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
from bot.shell.database import Database, NotStorable
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


# --- kills ------------------------------------------------------------------------------------------------------------------

COMMITS = """
import sys
from pathlib import Path
from bot.shell.database import Database
db = Database.open(Path(sys.argv[1]), compact_bytes=3000)
number = db.table("meta").get(doc_id=1)["号"] if len(db.table("meta")) else 0
while True:
    number += 1
    with db.work():
        db.table("meta").put(1, {"号": number, "错误": "超时" * 20 if number % 2 else ""})
        db.table("outbox").put(number % 50 + 1, {"号": number})
    print(number, flush=True)
"""


def kill_after(folder: Path, commits: int) -> int:
    """Lets a child commit until it acknowledged so many, kills it, returns the last one it acknowledged."""
    with subprocess.Popen([sys.executable, "-c", COMMITS, str(folder)], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        lines = [child.stdout.readline() for _ in range(commits)]
        child.kill()
        lines += child.stdout.readlines()
    return max(int(line) for line in lines if line.endswith(b"\n"))


def test_no_acknowledged_commit_is_lost_and_no_pair_is_halved_over_20_kills(folder: Path) -> None:
    chance = random.Random(20261123)
    for _ in range(20):
        acknowledged = kill_after(folder, chance.randrange(1, 120))
        db = Database.open(folder)
        number = db.table("meta").get(doc_id=1)["号"]
        assert number in (acknowledged, acknowledged + 1)
        newest = {n % 50 + 1: {"号": n} for n in range(max(1, number - 49), number + 1)}
        assert everything(db)["outbox"] == newest
        db.close()


# --- anything goes ------------------------------------------------------------------------------------------------------------

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
DOCUMENTS = st.dictionaries(st.sampled_from("甲乙丙"), VALUES, max_size=3)
NAMES = st.sampled_from(["outbox", "told"])
IDS = st.integers(1, 6)
CHANGES = st.one_of(
    st.tuples(st.just("insert"), NAMES, DOCUMENTS),
    st.tuples(st.just("put"), NAMES, IDS, DOCUMENTS),
    st.tuples(st.just("update"), NAMES, IDS, DOCUMENTS),
    st.tuples(st.just("remove"), NAMES, IDS),
    st.tuples(st.just("truncate"), NAMES),
)
Model = dict[str, dict[int, dict[str, Any]]]


def change(db: Database, model: Model, step: tuple[Any, ...]) -> None:
    """The same change to the database and to plain dicts."""
    kind, name, *rest = step
    table, rows = db.table(name), model[name]
    if kind == "insert":
        rows[table.insert(*rest)] = rest[0]
    elif kind == "put":
        table.put(*rest)
        rows[rest[0]] = rest[1]
    elif kind == "update":
        table.update(rest[1], doc_ids=[rest[0]])
        if rest[0] in rows:
            rows[rest[0]] = rows[rest[0]] | rest[1]
    elif kind == "remove":
        table.remove(doc_ids=rest)
        rows.pop(rest[0], None)
    else:
        table.truncate()
        rows.clear()


class AnyHistory(RuleBasedStateMachine):
    """Units of work, nested and failing ones, restarts, torn tails and compactions against plain dicts."""

    def __init__(self) -> None:
        super().__init__()
        self.scratch = tempfile.TemporaryDirectory()
        self.folder = Path(self.scratch.name) / "state"
        self.db = Database.open(self.folder, compact_bytes=1500)
        self.memory = Database.in_memory()
        self.model: Model = {"outbox": {}, "told": {}}

    def run(self, db: Database, before: list[Any], inner: list[Any], fails: bool, undone: bool) -> Model:
        model = {name: dict(rows) for name, rows in self.model.items()}
        with contextlib.suppress(ZeroDivisionError), db.work(durable=not fails):
            for step in before:
                change(db, model, step)
            kept = {name: dict(rows) for name, rows in model.items()}
            with contextlib.suppress(KeyError), db.work():
                for step in inner:
                    change(db, model, step)
                if fails:
                    raise KeyError
                kept = model
            model = kept
            if undone:
                raise ZeroDivisionError
        return self.model if undone else model

    @rule(
        before=st.lists(CHANGES, max_size=4),
        inner=st.lists(CHANGES, max_size=3),
        fails=st.booleans(),
        undone=st.booleans(),
    )
    def work(self, before: list[Any], inner: list[Any], fails: bool, undone: bool) -> None:
        self.run(self.memory, before, inner, fails, undone)
        self.model = self.run(self.db, before, inner, fails, undone)

    @rule(step=CHANGES)
    def bare_change(self, step: tuple[Any, ...]) -> None:
        change(self.memory, {name: {} for name in self.model}, step)
        change(self.db, self.model, step)

    @rule()
    def compact(self) -> None:
        self.db.compact()

    @rule(tail=st.binary(max_size=30))
    def restart(self, tail: bytes) -> None:
        """In memory the id counter lives on, so that it is started again from what is stored, like the other."""
        self.db.close()
        (file,) = self.folder.glob("journal-*.log")
        file.write_bytes(file.read_bytes() + tail)
        self.db = Database.open(self.folder, compact_bytes=1500)
        assert bool(self.db.recovery.warning) == bool(tail)
        self.memory = Database.in_memory()
        for name, rows in self.model.items():
            for doc_id, document in rows.items():
                self.memory.table(name).put(doc_id, document)

    @invariant()
    def all_three_agree(self) -> None:
        expected = {name: rows for name, rows in self.model.items() if rows}
        text = json.dumps(expected, sort_keys=True)  # as text: for Python 1, 1.0 and True are equal
        assert json.dumps(everything(self.db), sort_keys=True) == text
        assert json.dumps(everything(self.memory), sort_keys=True) == text

    def teardown(self) -> None:
        self.db.close()
        self.scratch.cleanup()


AnyHistory.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestAnyHistory = AnyHistory.TestCase
