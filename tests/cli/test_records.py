"""backup, restore, verify, receipt: as an admin runs them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.core.facts.events import Done, Event
from bot.core.telling.entry import EntryState
from bot.core.time.zone import ZONE
from bot.service.home import open_store, peek_store
from bot.sources.clock import wall
from bot.state.archive import Archive
from bot.state.store import Store
from tests.kit.rules_factory import write_rules
from tests.state.test_store import draft, row

Run = Callable[..., tuple[int, str, str]]
OLD = datetime(2026, 12, 7, 8, 47, tzinfo=ZONE)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A state with an archived message, one delivered, one still waiting."""
    write_rules(tmp_path)
    store, lock = open_store(tmp_path / "state", "real")
    delivered(store, OLD, "提前30天")
    with store.work():
        store.keep(Event.of(Done(item="T05-M1"), key="1", time=OLD))
    store.sweep(Archive(tmp_path / "state" / "archive"), OLD + timedelta(days=40))
    delivered(store, OLD + timedelta(days=40), "提前7天", resent=True)
    with store.work():
        store.promise([draft(replace(row("T05-R1@2027-1"), rule="T05-R1"), at=OLD + timedelta(days=40))], OLD, "d")
    store.close()
    lock.release()
    return tmp_path


def delivered(store: Store, at: datetime, rung: str, **more: Any) -> None:
    with store.work():
        [entry] = store.promise([draft(row(rung_on=at.date(), rung=rung), at=at)], at, "abcdef012345" * 5)
        done = {"state": EntryState.DELIVERED, "delivered_at": at, "attempts": 1, "robot": "县教育局#1", "code": "0"}
        store.put(entry.model_copy(update={**done, **more}))


def state(home: Path) -> dict[str, bytes]:
    folder = home / "state"
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# --- receipt and outbox ------------------------------------------------------------------------


def test_a_receipt_shows_archived_and_recent_deliveries_of_one_item(duban: Run) -> None:
    code, out, _ = duban("receipt", "T05-M1")
    assert code == 0
    assert out.index("2026-0001") < out.index("2027-0001")
    for part in ("提前30天", "2026-12-07 08:47", "县教育局#1", "abcdef012345", "已送达（补发）", "共2条，已送达2条"):
        assert part in out


def test_a_receipt_in_json_is_a_list(duban: Run) -> None:
    code, out, _ = duban("receipt", "T05-M1", "--json")
    assert code == 0
    assert [one["number"] for one in json.loads(out)] == ["2026-0001", "2027-0001"]


def test_a_receipt_of_an_unknown_item_offers_a_near_one(duban: Run) -> None:
    code, _, err = duban("receipt", "T05-M8")
    assert code == 1
    assert "T05-M1" in err


def test_a_receipt_of_something_never_sent_says_so(duban: Run) -> None:
    code, out, _ = duban("receipt", "T05-R1")
    assert code == 0
    assert "共1条，已送达0条" in out


def test_the_outbox_lists_archived_entries_when_all_are_wanted(duban: Run) -> None:
    _, out, _ = duban("outbox")
    assert "2026-0001" not in out
    assert "另有1条已归档" in out
    assert "2026-0001" in duban("outbox", "--all")[1]
    assert json.loads(duban("outbox", "--json")[1])[0]["number"] == "2026-0001"


# --- verify -------------------------------------------------------------------------------------


def test_a_whole_state_is_verified_with_its_last_hash(duban: Run, home: Path) -> None:
    before = state(home)
    code, out, _ = duban("verify")
    assert code == 0
    assert "归档完好：到2026-12止，消息1条" in out
    assert peek_store(home / "state").seal.sha256 in out
    assert json.loads(duban("verify", "--json")[1])["archived"]["outbox"] == 1
    assert state(home) == before


def test_verify_works_beside_a_running_bot(duban: Run, home: Path) -> None:
    store, lock = open_store(home / "state", "real")
    assert duban("verify")[0] == 0
    store.close()
    lock.release()


def test_a_state_not_begun_is_whole(duban: Run, tmp_path: Path) -> None:
    write_rules(tmp_path / "new")
    assert duban("verify", at=tmp_path / "new")[0] == 0


def test_verify_names_the_first_changed_row_of_the_archive(duban: Run, home: Path) -> None:
    file = home / "state" / "archive" / "2026-12.jsonl"
    file.write_bytes(file.read_bytes().replace("提前30天".encode(), "提前31天".encode(), 1))
    code, _, err = duban("verify")
    assert code == 4
    assert "2026-12.jsonl 第 1 行（第 0 字节起）：内容与本行记下的散列不符" in err


def test_verify_names_the_wrong_byte_of_the_journal(duban: Run, home: Path) -> None:
    [file] = (home / "state").glob("journal-*.log")
    file.write_bytes(file.read_bytes().replace("提前7天".encode(), "提前8天".encode(), 1))
    code, _, err = duban("verify")
    assert code == 4
    assert file.name in err
    assert "字节起损坏" in err
    assert "duban restore" in err


def test_verify_says_when_the_journal_ends_in_half_a_record(duban: Run, home: Path) -> None:
    [file] = (home / "state").glob("journal-*.log")
    size = file.stat().st_size
    file.write_bytes(file.read_bytes() + b"half")
    code, out, _ = duban("verify")
    assert code == 1
    assert f"末尾有4字节没有写完，第{size}字节起" in out


def test_an_event_changed_with_all_its_checksums_differs_from_its_copy(duban: Run, home: Path) -> None:
    store, lock = open_store(home / "state", "real")
    store.database.table("events").update({"data": {"item": "T05-M1", "by": "someone", "note": ""}}, doc_ids=[1])
    store.close()
    lock.release()
    code, _, err = duban("verify")
    assert code == 4
    assert "事件 duban/1 与归档" in err


# --- backup and restore ------------------------------------------------------------------------------


def test_a_backup_is_listed_verified_and_restored(duban: Run, home: Path) -> None:
    assert duban("backup")[0] == 0
    _, listed, _ = duban("restore")
    [file] = (home / "state" / "backup").iterdir()
    assert str(file) in listed
    assert "备份完好" in duban("verify", str(file))[1]
    assert duban("close", "T05-M1", "--by", "办公室")[0] == 0
    code, out, _ = duban("restore", str(file))
    assert code == 0
    assert "换下的另存在" in out
    store = peek_store(home / "state")
    assert [event.id for event in store.events] == ["1"]
    assert store.notes()
    assert duban("verify")[0] == 0


def test_a_backup_works_beside_a_running_bot_and_restore_does_not(duban: Run, home: Path, tmp_path: Path) -> None:
    store, lock = open_store(home / "state", "real")
    assert duban("backup", str(tmp_path / "b.tar.gz"))[0] == 0
    code, _, err = duban("restore", str(tmp_path / "b.tar.gz"))
    assert code == 3
    assert "正由另一个督办程序使用" in err
    store.close()
    lock.release()


def test_a_drill_s_state_is_not_restored_as_the_real_one(duban: Run, home: Path, tmp_path: Path) -> None:
    from bot.state.backup import back_up

    store, lock = open_store(home / "state" / "drill", "drill")
    store.close()
    lock.release()
    back_up(home / "state" / "drill", tmp_path / "d.tar.gz", wall())
    code, _, err = duban("restore", str(tmp_path / "d.tar.gz"))
    assert code == 2
    assert "演练" in err


def test_a_damaged_state_is_salvaged_up_to_the_damage(duban: Run, home: Path) -> None:
    assert "状态完好" in duban("restore", "--salvage")[1]
    [file] = (home / "state").glob("journal-*.log")
    file.write_bytes(file.read_bytes().replace("提前7天".encode(), "提前8天".encode(), 1))
    code, out, _ = duban("restore", "--salvage")
    assert code == 0
    assert "字节之前的内容" in out
    assert duban("verify")[0] == 0
    assert duban("restore", "x", "--salvage")[0] == 2


def test_an_interrupted_restoring_is_finished_by_asking_for_the_backups(
    duban: Run, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert duban("backup")[0] == 0
    [file] = (home / "state" / "backup").iterdir()
    with monkeypatch.context() as broken:
        broken.setattr("bot.state.backup.finish", lambda state: None)  # the power goes right after the mark was made
        assert duban("restore", str(file))[0] == 0
    code, _, err = duban("once")
    assert code == 4
    assert "上一次恢复备份没有做完" in err
    assert "上次中断的恢复已经做完" in duban("restore")[1]
    assert duban("verify")[0] == 0
    assert len(peek_store(home / "state").events) == 1


def test_what_is_no_backup_is_refused(duban: Run, tmp_path: Path) -> None:
    (tmp_path / "x.tar.gz").write_bytes(b"x")
    for command in ("restore", "verify"):
        code, _, err = duban(command, str(tmp_path / "x.tar.gz"))
        assert code == 4
        assert "不能用" in err
