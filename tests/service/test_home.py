"""Wiring: the state folder under its lock, looking without disturbing, and what a restart finds."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from loguru import logger

from bot.cli import main
from bot.core.deciding.addressees import ADMIN
from bot.core.deciding.admission import periods_of
from bot.core.facts.events import Done, Event
from bot.service.home import (
    WrongClockError,
    everybody,
    missing_chats,
    open_store,
    peek_store,
    read_home,
    usable_rulebook,
)
from bot.service.wiring import drill_chats, scene_for_drill
from bot.sources.clock import wall
from bot.state.disk.database import Database
from bot.state.disk.errors import DamagedState
from bot.state.disk.lock import StateLocked
from bot.state.store import Store
from tests.kit.house import at, furnished
from tests.kit.rules_factory import TASK, edited, write_rules


@pytest.fixture(autouse=True)
def _quiet() -> None:
    logger.remove()


def keep(store: Store, key: str = "1") -> None:
    with store.work():
        store.keep(Event.of(Done(item="T05-M1"), key=key, time=wall()))


# --- one owner ------------------------------------------------------------------------


@pytest.mark.parametrize("keeping", [True, False])
def test_a_second_bot_on_the_same_state_is_refused_and_changes_nothing(tmp_path: Path, keeping: bool) -> None:
    store, lock = open_store(tmp_path, "drill", keep=False)
    keep(store)
    with pytest.raises(StateLocked):
        open_store(tmp_path, "drill", keep=keeping)
    keep(store, "2")
    store.close()
    lock.release()
    again, lock = open_store(tmp_path, "drill")
    assert len(again.events) == 2
    again.close()
    lock.release()


def test_a_command_on_a_state_in_use_ends_with_three(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_rules(tmp_path)
    for folder, arguments in (("state", ["once"]), ("state/drill", ["once", "--at", "2027-03-01T08:00"])):
        store, lock = open_store(tmp_path / folder, "real" if folder == "state" else "drill")
        with pytest.raises(SystemExit) as ended:
            main(["--home", str(tmp_path), *arguments])
        assert ended.value.code == 3
        assert "正由另一个督办程序使用" in capsys.readouterr().err
        store.close()
        lock.release()


def test_a_drill_begins_with_an_empty_state_unless_told_to_keep_it(tmp_path: Path) -> None:
    for keeping, expected in ((False, 0), (True, 1), (False, 0)):
        store, lock = open_store(tmp_path, "drill", keep=keeping)
        assert len(store.events) == expected
        keep(store)
        (tmp_path / "archive").mkdir(exist_ok=True)
        store.close()
        lock.release()


def test_emptying_a_drill_does_not_let_go_of_its_lock(tmp_path: Path) -> None:
    store, lock = open_store(tmp_path, "drill", keep=False)
    store.close()
    lock.release()
    store, lock = open_store(tmp_path, "drill", keep=False)
    with pytest.raises(StateLocked):
        open_store(tmp_path, "drill")
    store.close()
    lock.release()


def test_a_state_of_one_clock_is_not_opened_under_another(tmp_path: Path) -> None:
    store, lock = open_store(tmp_path, "real")
    store.close()
    lock.release()
    with pytest.raises(WrongClockError, match="不能混用"):
        open_store(tmp_path, "drill")
    store, lock = open_store(tmp_path, "real")  # the failed attempt left no lock behind
    store.close()
    lock.release()


# --- looking --------------------------------------------------------------------------------


def test_looking_at_a_state_not_begun_shows_an_empty_one_and_makes_nothing(tmp_path: Path) -> None:
    assert peek_store(tmp_path / "state").events == []
    assert not (tmp_path / "state").exists()


def test_looking_shows_what_a_running_bot_has_kept_and_leaves_its_files_alone(tmp_path: Path) -> None:
    store, lock = open_store(tmp_path, "real")
    keep(store)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert [event.id for event in peek_store(tmp_path).events] == ["1"]
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    keep(store, "2")
    assert len(peek_store(tmp_path).events) == 2
    store.close()
    lock.release()


def test_looking_at_a_damaged_state_says_so(tmp_path: Path) -> None:
    store, lock = open_store(tmp_path, "real")
    for number in range(5):
        keep(store, str(number))
    store.close()
    lock.release()
    [journal] = tmp_path.glob("journal-*.log")
    raw = bytearray(journal.read_bytes())
    raw[len(raw) // 2] ^= 1
    journal.write_bytes(raw)
    with pytest.raises(DamagedState):
        peek_store(tmp_path)


# --- after a power cut --------------------------------------------------------------------------


async def test_the_admin_hears_that_the_journal_s_end_was_cut_off(tmp_path: Path) -> None:
    async with furnished(tmp_path, "2027-03-01T08:00") as house:
        await house.live("2027-03-01T10:00")
        house.close()
        [journal] = (tmp_path / "state" / "drill").glob("journal-*.log")
        journal.write_bytes(journal.read_bytes()[:-3])
        house.open()
        await house.live("2027-03-05T18:00")
        told = [bubble.at.date() for bubble in house.seen(ADMIN) if "没有写完" in bubble.source]
        assert told == [date(2027, 3, 2)]


# --- rules in the state -----------------------------------------------------------------------------


def test_a_good_rulebook_is_kept_in_the_state_as_its_files(tmp_path: Path) -> None:
    write_rules(tmp_path)
    store = Store(Database.in_memory())
    good = usable_rulebook(read_home(tmp_path), store)
    write_rules(tmp_path, {"tasks/05.yaml": "编号: ["})
    broken = read_home(tmp_path)
    assert broken.rulebook is None
    assert usable_rulebook(broken, store).digest == good.digest


def test_a_file_with_a_byte_order_mark_is_kept_too(tmp_path: Path) -> None:
    write_rules(tmp_path, {"tasks/05.yaml": b"\xef\xbb\xbf" + TASK.encode()})
    store = Store(Database.in_memory())
    good = usable_rulebook(read_home(tmp_path), store)
    write_rules(tmp_path, {"plan.yaml": "["})
    assert usable_rulebook(read_home(tmp_path), store).digest == good.digest


def test_keeping_the_same_rules_again_writes_nothing(tmp_path: Path) -> None:
    write_rules(tmp_path)
    home = read_home(tmp_path)
    store, lock = open_store(tmp_path / "state", "real")
    usable_rulebook(home, store)
    size = sum(path.stat().st_size for path in (tmp_path / "state").iterdir())
    usable_rulebook(home, store)
    assert sum(path.stat().st_size for path in (tmp_path / "state").iterdir()) == size
    store.close()
    lock.release()


# --- chats for everybody ---------------------------------------------------------------------------------


def test_in_a_drill_everybody_has_a_chat_and_the_dialects_take_turns(tmp_path: Path) -> None:
    write_rules(tmp_path)
    rulebook = read_home(tmp_path).rulebook
    assert rulebook is not None
    chats = drill_chats(rulebook.addressable, lambda name, dialect: f"http://127.0.0.1:1/{dialect}/{name}")
    assert missing_chats(rulebook, chats) == []
    assert {robot.dialect for robots in chats.robots.values() for robot in robots} == {"wecom", "dingtalk", "feishu"}
    assert chats.directory == everybody(rulebook)


def test_a_drill_s_scene_has_everything_confirmed(tmp_path: Path) -> None:
    write_rules(tmp_path)
    scene, rulebook = scene_for_drill(read_home(tmp_path))
    assert all(scene.facts.confirms(rule) for rule in rulebook.rules)


# --- periods ---------------------------------------------------------------------------------------------------


def test_values_may_be_handed_in_for_reports_targets_and_years_past(tmp_path: Path) -> None:
    write_rules(tmp_path)
    rulebook = read_home(tmp_path).rulebook
    assert rulebook is not None
    labels = periods_of(rulebook, "I4", at("2027-03-01T00:00").date())
    assert {"2006", "2025", "2026", "2027", "2035"} <= set(labels)
    assert "2005" not in labels
    assert labels == sorted(labels)


def test_problems_of_rules_settings_and_chats_are_collected_together(tmp_path: Path) -> None:
    write_rules(tmp_path, {"tasks/05.yaml": edited(TASK, "名称: 创建", "名字: 创建")})
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "chats.yaml").write_text("群聊:\n  县教育局:\n    - {方言: wecon, 地址: x}\n", "utf-8")
    assert {problem.file for problem in read_home(tmp_path).loaded_problems} == {
        "rules/tasks/05.yaml",
        "config/chats.yaml",
    }
