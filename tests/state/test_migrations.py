"""States of earlier versions move forward; a state of a later one is refused.

tests/data/state-<n>/ was written by the last version with schema n and is never changed.
"""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest

from bot.core.telling.entry import EntryState
from bot.state.disk.database import Database
from bot.state.disk.errors import NewerState
from bot.state.migrations import SCHEMA, migrate, version
from bot.state.store import Store

DATA = Path(__file__).parents[1] / "data"
OLDER = range(1, SCHEMA)


@pytest.mark.parametrize("schema", OLDER)
def test_a_state_of_every_older_version_opens_with_everything_in_it(schema: int, tmp_path: Path) -> None:
    shutil.copytree(DATA / f"state-{schema}", tmp_path, dirs_exist_ok=True)
    database = Database.open(tmp_path)
    assert version(database) == schema
    store = Store(database)
    assert_all_is_there(store)
    store.close()
    again = Database.open(tmp_path)
    assert version(again) == SCHEMA
    assert_all_is_there(Store(again))
    again.close()


def assert_all_is_there(store: Store) -> None:
    assert [event.id for event in store.events] == ["a", "b"]
    assert str(store.facts.observations["I4", "2026"].value) == "96.8"
    assert store.facts.marks["T05-M1"].what == "done"
    states = {number: entry.state for number, entry in store.entries.items()}
    assert states == {
        "2027-0001": EntryState.DELIVERED,
        "2027-0002": EntryState.PENDING,
        "2027-0003": EntryState.SENDING,
    }
    last = store.tellings.last("T05-M1", date(2027, 12, 31), "县教育局")
    assert last is not None
    assert last.rung_on == date(2027, 2, 5)
    assert store.robots["县教育局#1"].setup == "bb"
    assert store.meta("rules") == {"plan.yaml": "方案: {}\n"}
    assert [note.lines for note in store.notes()] == [("状态日志末尾有 7 字节没有写完",)]
    assert store.meta("cut") is None


def test_what_was_told_before_hearings_were_kept_was_heard_if_it_was_delivered(tmp_path: Path) -> None:
    shutil.copytree(DATA / "state-2", tmp_path, dirs_exist_ok=True)
    database = Database.open(tmp_path)
    migrate(database)
    rows = [dict(row) for row in database.table("heard")]
    told = "2027-01-08T08:47:00+08:00"
    assert rows == [
        {"rule": "T05-M1", "unit": "县教育局", "asked": told, "heard": told, "answers": True, "relieved": None},
        {"rule": "T05-R1", "unit": "县财政局", "asked": told, "heard": None, "answers": True, "relieved": None},
    ]
    database.close()


def test_every_older_version_has_a_state_to_prove_it() -> None:
    assert [(DATA / f"state-{schema}" / "snapshot.jsonl").exists() for schema in OLDER] == [True] * len(OLDER)


def test_the_steps_are_one_durable_record(tmp_path: Path) -> None:
    shutil.copytree(DATA / "state-1", tmp_path, dirs_exist_ok=True)
    [journal] = tmp_path.glob("journal-*.log")
    before = journal.read_bytes().count(b"\n")
    database = Database.open(tmp_path)
    migrate(database)
    migrate(database)
    database.close()
    assert journal.read_bytes().count(b"\n") == before + 1


def test_a_new_state_is_stamped_with_today_s_schema(tmp_path: Path) -> None:
    store = Store(Database.open(tmp_path))
    with store.work():
        store.set_meta("clock", "real")
    store.close()
    database = Database.open(tmp_path)
    assert version(database) == SCHEMA
    assert {"key": "schema", "value": SCHEMA} in [dict(doc) for doc in database.table("meta")]
    database.close()


def test_a_state_of_a_later_version_is_refused_and_not_touched(tmp_path: Path) -> None:
    database = Database.open(tmp_path)
    database.table("meta").insert({"key": "schema", "value": SCHEMA + 1})
    database.close()
    [journal] = tmp_path.glob("journal-*.log")
    before = journal.read_bytes()
    database = Database.open(tmp_path)
    with pytest.raises(NewerState, match="改用新版本"):
        Store(database)
    database.close()
    assert journal.read_bytes() == before
