"""Edits while the bot runs: all or nothing, and nothing said twice because of one."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from loguru import logger

from bot.core.deciding.addressees import ADMIN
from bot.core.facts.events import RulesRejected
from bot.core.telling.entry import Entry, EntryState
from bot.service.home import RulesUnusableError, open_store, read_home, usable_rulebook
from bot.service.wiring import listen, make_app
from bot.state.disk.database import Database
from bot.state.store import Store
from tests.kit.house import House, at, furnished
from tests.kit.rules_factory import INDICATORS, LADDERS, TASK, UNITS, edited, write_rules


@pytest.fixture(autouse=True)
def _quiet() -> None:
    logger.remove()


def tellings(house: House) -> Counter[tuple[str, str, object]]:
    return Counter((row.item, row.addressee, row.rung_on) for entry in house.entries() for row in entry.tellings)


def edit(house: House, **changes: str) -> None:
    """Writes rule files; `tasks_05` stands for tasks/05.yaml."""
    for name, text in changes.items():
        path = house.folder / "rules" / f"{name.replace('tasks_', 'tasks/')}.yaml"
        path.write_text(text, "utf-8")


def told_admin(house: House, words: str) -> list[str]:
    return [bubble.source for bubble in house.seen(ADMIN) if words in bubble.source or words in bubble.title]


def rejected_edits(house: House) -> int:
    return sum(isinstance(event.payload, RulesRejected) for event in house.store.events)


async def look(house: House, text: str) -> None:
    """One pass at an instant, the bot going on afterwards."""
    house.clock.jump(at(text))
    await house.app.one_pass()


def due(day: str) -> str:
    """The task with its milestone due on another day and judged at once, its step a little earlier."""
    task = edited(edited(TASK, "    结果公布: 2028-03-31\n", ""), "完成时限: 2027年底", f"完成时限: {day}")
    return edited(task, "完成时限: 2027-03-31, 依据", "完成时限: 2027-02-10, 依据")


# --- good edits -----------------------------------------------------------------------------


async def test_a_good_edit_counts_from_the_next_pass(tmp_path: Path) -> None:
    async with furnished(tmp_path, "2027-03-01T08:00") as house:
        await look(house, "2027-03-01T08:00")
        edit(house, tasks_05=edited(TASK, "每年3月15日、9月15日", "每年3月5日、9月15日"))
        await look(house, "2027-03-02T09:33")
        rows = [row for entry in house.entries() for row in entry.tellings]
        assert [str(row.due_on) for row in rows if row.item == "T05-R1@2027-1"] == ["2027-03-05"]


async def test_comments_key_order_and_file_names_change_nothing(tmp_path: Path) -> None:
    async with furnished(tmp_path, "2026-11-23T08:00") as house:
        await house.live("2027-03-10T10:00")
        before, digest, seen = tellings(house), house.app.rulebook.digest, len(house.all_seen())
        rulebook = house.reopen().rulebook
        await look(house, "2027-03-10T10:01")
        edit(house, tasks_05=f"# 一句说明\n{TASK}", ladders=LADDERS.replace("  - {时点", "  -   {时点"))
        (house.folder / "rules" / "tasks" / "05.yaml").rename(house.folder / "rules" / "tasks" / "第五项.yaml")
        ahead = house.app.next_instant()
        await look(house, "2027-03-10T10:02")
        assert house.app.rulebook is rulebook
        assert house.app.rulebook.digest == digest
        assert house.app.next_instant() == ahead
        assert (tellings(house), len(house.all_seen())) == (before, seen)


async def test_another_rule_s_edit_fires_nothing_again(tmp_path: Path) -> None:
    async with furnished(tmp_path, "2026-11-23T08:00") as house:
        await house.live("2027-12-06T10:00")
        before = tellings(house)
        house.reopen()
        edit(house, indicators=edited(INDICATORS, "值: 97.5", "值: 98"))
        await look(house, "2027-12-06T10:01")
        assert house.app.rulebook.digest != house.home.rulebook.digest  # type: ignore[union-attr]
        assert tellings(house) == before


async def test_a_step_under_an_overdue_milestone_stays_silent_over_restart_and_reload(tmp_path: Path) -> None:
    task = due("2027-02-26")
    async with furnished(tmp_path, "2027-01-04T08:00", changes={"tasks/05.yaml": task}) as house:
        await house.live("2027-03-10T10:00")
        before = tellings(house)
        assert any(item == "T05-M1" for item, _, _ in before)
        house.reopen()
        edit(house, tasks_05=f"# 又看了一遍\n{edited(task, '打造乡村温馨学校', '建设乡村温馨学校')}")
        await house.live("2027-04-09T18:00")
        since = tellings(house) - before
        assert not any(item == "T05-M1-01" and str(on) > "2027-02-26" for item, _, on in since)


async def test_a_shorter_interval_counts_from_what_was_told_last(tmp_path: Path) -> None:
    def ladder(days: int) -> str:
        return LADDERS.replace("逾期1个工作日", f"逾期每{days}天")

    task = due("2027-03-31")
    changes = {"tasks/05.yaml": task, "ladders.yaml": ladder(30)}
    async with furnished(tmp_path, "2027-03-31T08:00", changes=changes, heard=True) as house:
        await house.live("2027-05-10T18:00")
        told = [on for item, addressee, on in tellings(house) if item == "T05-M1" and addressee == "县教育局"]
        assert max(map(str, told)) == "2027-04-30"
        house.reopen()
        edit(house, ladders=ladder(7))
        await house.live("2027-05-21T18:00")
        later = sorted(str(on) for item, who, on in tellings(house) if item == "T05-M1" and who == "县教育局")
        assert later[len(told) :] == ["2027-05-05", "2027-05-12", "2027-05-19"]  # 04-07…04-28 are not caught up


# --- bad edits -------------------------------------------------------------------------------


async def test_what_is_put_right_before_anybody_heard_of_it_is_never_told(tmp_path: Path) -> None:
    async with furnished(tmp_path, "2027-03-01T08:00") as house:
        await house.live("2027-03-01T18:30")
        house.reopen()
        edit(house, tasks_05=edited(TASK, "2027年底", "2027年13月"))
        await look(house, "2027-03-01T19:00")
        assert rejected_edits(house) == 1
        edit(house, tasks_05=TASK)
        await look(house, "2027-03-01T19:10")
        await house.live("2027-03-05T18:00")
        assert not told_admin(house, "规则改动未生效")
        assert not told_admin(house, "规则问题已改好")


async def test_who_heard_of_a_broken_edit_hears_that_it_was_put_right(tmp_path: Path) -> None:
    broken = edited(TASK, "2027年底", "2027年13月")
    async with furnished(tmp_path, "2027-03-01T08:00") as house:
        await house.live("2027-03-01T10:00")
        house.reopen()
        for day in (1, 3):
            edit(house, tasks_05=broken)
            await look(house, f"2027-03-0{day}T10:10")
            edit(house, tasks_05=TASK)
            await look(house, f"2027-03-0{day}T10:30")
            await look(house, f"2027-03-0{day + 1}T09:40")
        assert len(told_admin(house, "仍按上一版规则运行")) == 2
        assert len(told_admin(house, "此前告知的规则问题已改好")) == 2


async def test_a_broken_edit_changes_nothing_and_is_told_to_the_admin_once(tmp_path: Path) -> None:
    async with furnished(tmp_path, "2027-03-01T08:00") as house:
        await house.live("2027-03-01T10:00")
        rulebook = house.reopen().rulebook
        broken = edited(TASK, "2027年底", "2027年13月")
        edit(house, tasks_05=broken)
        await house.live("2027-03-05T18:00")
        assert house.app.rulebook is rulebook
        [told] = told_admin(house, "规则改动未生效")
        assert "rules/tasks/05.yaml:10:" in told
        assert "仍按上一版规则运行" in told
        assert rejected_edits(house) == 1


async def test_another_broken_edit_is_told_again_and_the_same_one_is_not(tmp_path: Path) -> None:
    async with furnished(tmp_path, "2027-03-01T08:00") as house:
        broken = [edited(TASK, "2027年底", "2027年13月"), edited(TASK, "县财政局]", "县财正局]")]
        for hour, text in enumerate((*broken, broken[0], TASK, broken[1])):
            edit(house, tasks_05=text)
            await look(house, f"2027-03-01T{10 + hour}:05")
        assert rejected_edits(house) == 3  # once more after the rules were sound in between


async def test_good_and_broken_files_together_count_as_broken(tmp_path: Path) -> None:
    async with furnished(tmp_path, "2027-03-01T08:00") as house:
        await look(house, "2027-03-01T08:00")
        rulebook = house.app.rulebook
        edit(house, tasks_05=edited(TASK, "控辍保学学期排查", "控辍保学排查"), ladders="重大节点: 三天\n")
        await look(house, "2027-03-01T08:10")
        assert house.app.rulebook is rulebook


async def test_the_last_good_rules_survive_a_restart_beside_a_broken_edit(tmp_path: Path) -> None:
    async with furnished(tmp_path, "2027-03-01T08:00") as house:
        await house.live("2027-03-01T10:00")
        digest = house.app.rulebook.digest
        edit(house, tasks_05="编号: [")
        for day in (1, 2, 3):
            house.reopen()
            assert house.home.rulebook is None
            assert house.app.rulebook.digest == digest
            await house.live(f"2027-03-0{day}T18:00")
        assert len(told_admin(house, "规则改动未生效")) == 1
        edit(house, tasks_05=edited(TASK, "控辍保学学期排查", "控辍保学排查"))
        await look(reopened(house), "2027-03-04T08:00")
        assert house.app.rulebook.by_id["T05-R1"].title == "控辍保学排查"


def reopened(house: House) -> House:
    house.reopen()
    return house


async def test_beside_broken_rules_the_chats_of_the_file_still_work(tmp_path: Path) -> None:
    async with furnished(tmp_path, "2027-03-01T08:00", begin=False) as house:
        write_chats(house, "管理员", "县教育局")
        house.open(read_home(tmp_path).chats)
        await house.live("2027-03-01T10:00")
        edit(house, tasks_05="编号: [")
        home = read_home(tmp_path)
        assert home.rulebook is None
        assert set(home.chats.robots) == {"管理员", "县教育局"}
        house.close()


async def test_rules_gone_for_a_moment_change_nothing(tmp_path: Path) -> None:
    async with furnished(tmp_path, "2027-03-01T08:00") as house:
        rulebook = house.app.rulebook
        await look(house, "2027-03-01T08:00")
        (tmp_path / "rules").rename(tmp_path / "away")
        await look(house, "2027-03-01T09:31")
        assert house.entries()
        (tmp_path / "away").rename(tmp_path / "rules")
        await look(house, "2027-03-01T09:32")
        assert house.app.rulebook is rulebook
        assert rejected_edits(house) == 0


async def test_rules_nobody_can_judge_by_are_refused_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with furnished(tmp_path, "2027-03-01T08:00") as house:
        await look(house, "2027-03-01T08:00")
        rulebook = house.app.rulebook
        edit(house, tasks_05=edited(TASK, "控辍保学学期排查", "控辍保学排查"))

        def failing(*_: Any) -> None:
            raise ZeroDivisionError

        with monkeypatch.context() as patch:
            patch.setattr("bot.service.edits.look", failing)
            await look(house, "2027-03-01T09:33")
        assert house.app.rulebook is rulebook
        await look(house, "2027-03-02T09:33")
        [told] = told_admin(house, "规则改动未生效")
        assert "ZeroDivisionError" in told


async def test_an_edit_between_reading_and_listening_is_not_missed(tmp_path: Path) -> None:
    async with furnished(tmp_path, "2027-03-01T08:00", begin=False) as house:
        house.home = read_home(tmp_path)
        edit(house, tasks_05=edited(TASK, "控辍保学学期排查", "控辍保学排查"))
        store, lock = open_store(tmp_path / "state" / "drill", "drill")
        app = make_app(house.home, store, house.clock, house.chats())
        listen(app, house.home, config=False)
        await app.one_pass()
        assert app.rulebook.by_id["T05-R1"].title == "控辍保学排查"
        await app.deliveries.close()
        store.close()
        lock.release()


# --- chats ---------------------------------------------------------------------------------------


def write_chats(house: House, *names: str, extra: str = "") -> None:
    """config/chats.yaml with a robot on the twin for each name."""
    lines = ["群聊:"]
    for name in names:
        path = house.twin.add_chat(name, "wecom")
        lines += [f"  {name}:", f"    - {{方言: wecom, 地址: 'http://127.0.0.1:{house.port}{path}'}}"]
    (house.folder / "config").mkdir(exist_ok=True)
    (house.folder / "config" / "chats.yaml").write_text("\n".join(lines) + f"\n{extra}", "utf-8")


async def test_a_new_chat_is_spoken_to_from_then_on(tmp_path: Path) -> None:
    async with furnished(tmp_path, "2027-03-01T08:00", begin=False) as house:
        write_chats(house, "管理员")
        house.open(read_home(tmp_path).chats)
        await look(house, "2027-03-01T09:31")
        assert any("县教育局未配置群聊" in bubble.source for bubble in house.seen("管理员"))
        write_chats(house, "管理员", "县教育局")
        await look(house, "2027-03-01T09:35")
        await look(house, "2027-03-10T09:31")
        assert any("T05-R1@2027-1" in bubble.source for bubble in house.seen("县教育局"))
        await house.app.deliveries.close()
        house.close()


async def test_entries_of_a_chat_that_is_gone_follow_their_addressee(tmp_path: Path) -> None:
    async with furnished(tmp_path, "2027-03-10T08:00", begin=False) as house:
        write_chats(house, "管理员", "县教育局")
        house.open(read_home(tmp_path).chats)
        house.twin.refuse("县教育局", 93000)
        await look(house, "2027-03-10T09:31")
        [refused] = house.entries(EntryState.REFUSED)
        write_chats(house, "管理员")
        await look(house, "2027-03-10T09:40")
        assert house.store.entries[refused.number].chat == "县教育局"  # it may be back in a moment
        await look(house, "2027-03-10T09:50")
        await look(house, "2027-03-11T09:31")  # the admin had a digest that day
        moved: Entry = house.store.entries[refused.number]
        assert (moved.chat, moved.state) == ("管理员", EntryState.DELIVERED)
        assert any(refused.number in bubble.source for bubble in house.seen("管理员"))
        await house.app.deliveries.close()
        house.close()


@pytest.mark.parametrize("broken", ["群聊: [\n", "群聊:\n  县教肓局: 管理员\n"])
async def test_errors_in_the_chats_keep_the_old_ones(tmp_path: Path, broken: str) -> None:
    async with furnished(tmp_path, "2027-03-01T08:00", begin=False) as house:
        write_chats(house, "管理员", "县教育局")
        chats = house.open(read_home(tmp_path).chats).chats
        (tmp_path / "config" / "chats.yaml").write_text(broken, "utf-8")
        await look(house, "2027-03-01T09:31")
        assert house.app.chats is chats
        assert house.seen("县教育局")
        await house.app.deliveries.close()
        house.close()


async def test_a_new_address_in_a_secret_file_mends_a_broken_robot(tmp_path: Path) -> None:
    async with furnished(tmp_path, "2027-03-10T08:00", begin=False) as house:
        (tmp_path / "config").mkdir()
        secret = tmp_path / "config" / "jyj"

        def address() -> str:
            return f"http://127.0.0.1:{house.port}{house.twin.add_chat('县教育局', 'wecom')}"

        secret.write_text(address(), "utf-8")
        text = "群聊:\n  县教育局:\n    - {方言: wecom, 地址: file:config/jyj}\n"
        (tmp_path / "config" / "chats.yaml").write_text(text, "utf-8")
        house.open(read_home(tmp_path).chats)
        house.twin.refuse("县教育局", 93000)
        await look(house, "2027-03-10T09:31")
        assert house.entries(EntryState.REFUSED)
        house.twin.heal("县教育局")
        await look(house, "2027-03-10T09:35")
        assert house.seen("县教育局") == []  # nothing was mended yet
        secret.write_text(address(), "utf-8")
        await look(house, "2027-03-10T09:40")
        assert len(house.seen("县教育局")) == 1
        await house.app.deliveries.close()
        house.close()


async def test_a_chat_for_a_new_unit_counts_once_the_unit_is_there(tmp_path: Path) -> None:
    async with furnished(tmp_path, "2027-03-01T08:00", begin=False) as house:
        write_chats(house, "管理员")
        house.open(read_home(tmp_path).chats)
        write_chats(house, "管理员", "县民政局")
        await look(house, "2027-03-01T08:10")
        assert "县民政局" not in house.app.chats.robots
        edit(house, units=edited(UNITS, "集体对象:", "  - {编号: minzhengju, 名称: 县民政局}\n集体对象:"))
        await look(house, "2027-03-01T08:20")
        assert "县民政局" in house.app.chats.robots
        await house.app.deliveries.close()
        house.close()


def test_rules_never_good_have_nothing_to_fall_back_on(tmp_path: Path) -> None:
    write_rules(tmp_path, {"plan.yaml": "方案: [\n"})
    home = read_home(tmp_path)
    with pytest.raises(RulesUnusableError) as caught:
        usable_rulebook(home, Store(Database.in_memory()))
    assert caught.value.problems


# --- a notice of days off -----------------------------------------------------------------

A_DAY_OFF = """\
年份: 2027
级别: 县
状态: 已公布
文件: 县政府办通知
发布日期: 2027-03-10
放假:
  - {名称: 停电检修, 起: 2027-03-11, 止: 2027-03-11}
"""


@pytest.mark.parametrize("restarted", [False, True])
async def test_a_rung_that_a_notice_moves_is_told_once_and_none_is_skipped(restarted: bool, tmp_path: Path) -> None:
    """The tenth workday of March is the 12th, and after the notice the 15th; three workdays before it are the 9th and the 10th."""
    async with furnished(tmp_path, "2027-02-01T08:00", heard=True) as house:
        edit(house, tasks_05=edited(TASK, "每年3月15日、9月15日", "每月第10个工作日"))
        await look(house, "2027-02-01T10:02")
        await look(house, "2027-03-09T10:02")
        (house.folder / "rules" / "calendars" / "2027县.yaml").write_text(A_DAY_OFF, "utf-8")
        if restarted:
            house.reopen()
        await look(house, "2027-03-10T10:02")
        await look(house, "2027-03-12T10:02")
        await look(house, "2027-04-13T10:02")
        rows = [row for entry in house.entries() for row in entry.tellings if row.addressee == "县教育局"]
        told = Counter((row.item, row.rung) for row in rows if row.item in ("T05-R1@2027-03", "T05-R1@2027-04"))
        assert told == {("T05-R1@2027-03", "提前3个工作日"): 1, ("T05-R1@2027-04", "提前3个工作日"): 1}
        last = house.store.tellings.latest("T05-R1@2027-03", "县教育局")
        assert last is not None
        assert str(last.due_on) == "2027-03-15"
