from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
from tinydb import where
from tinydb.operations import increment
from tinydb.table import Document

from bot.state.disk.database import Database, NotStorable
from tests.kit.places import ENTRY, Place, everything


@pytest.fixture(params=["on disk", "in memory"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path / "state" if request.param == "on disk" else None)
    yield place
    place.db.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state"


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


def test_a_document_is_kept_as_one_line_of_json(place: Place) -> None:
    table = place.db.table("outbox")
    table.insert(ENTRY)
    text = json.dumps(ENTRY, ensure_ascii=False, separators=(",", ":")).encode()
    assert (table.text(1), table.text(2)) == (text, None)
    assert table.keep(None, text) == 2
    assert list(place.again().table("outbox").texts()) == [(1, text), (2, text)]


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
