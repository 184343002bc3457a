"""Peers that lost a message or said it twice: what is due is told once, whatever stops in between (F7–F19)."""

from __future__ import annotations

import asyncio
import os
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from loguru import logger

from bot.core.deciding.addressees import ADMIN
from bot.core.telling.entry import EntryState
from bot.service.home import open_store
from bot.sources.clock import RealClock, wall
from bot.state.disk.database import Database
from bot.state.store import Store
from tests.kit.builders import LADDERS as FULL_LADDERS
from tests.kit.builders import a_milestone, a_rulebook
from tests.kit.house import House, at, furnished, serving
from tests.kit.rules_factory import INDICATORS, LADDERS, TASK, edited, write_rules
from tests.leak.test_secrets import command
from tests.service.test_app import assert_within_budget, number_of, shown
from tests.service.test_crash import BUSY, KEEN, ROOT, Receiver, furnish, repeats
from tests.service.test_edits import due, edit, look, tellings, write_chats
from tests.state.test_lock import hold_in_a_child
from tests.stories.timeline import Timeline

SECOND = "  - 编号: T05-M2\n    类型: 节点\n    名称: 普惠性幼儿园达标\n    完成时限: 2027年底\n    依据: 方案\n    督办阶梯: 重大节点\n"


@pytest.fixture(autouse=True)
def _quiet() -> None:
    logger.remove()


def rungs(*offsets: str) -> dict[str, str]:
    """The milestone on a ladder of its own, everything to its lead in a digest."""
    lines = "".join(f"  - {{时点: {offset}, 对象: 牵头单位, 形式: 汇总}}\n" for offset in offsets)
    task = edited(edited(TASK, "督办阶梯: 重大节点", "督办阶梯: 慢阶梯"), "    结果公布: 2028-03-31\n", "")
    return {"ladders.yaml": f"慢阶梯:\n{lines}{LADDERS}", "tasks/05.yaml": task}


# --- F7 ---------------------------------------------------------------------------------------------


async def test_f07_killed_at_every_step_between_due_and_recorded_nothing_is_lost_and_a_copy_says_so(
    tmp_path: Path,
) -> None:
    """Healthchecks marks a flip as processed before it notifies."""
    bots = await asyncio.create_subprocess_exec(
        sys.executable, str(Path(__file__).with_name("killed_at.py")), "2027-03-10T08:00", "2027-03-10T18:00",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip

    async def live(step: int, home: Path) -> int:
        assert bots.stdin is not None
        assert bots.stdout is not None
        bots.stdin.write(f"{step} {home}\n".encode())
        return int(await bots.stdout.readline())

    copied = 0
    for step in range(1, 200):
        receiver = Receiver()
        async with serving(receiver.twin.asgi) as port:
            furnish(home := tmp_path / str(step), port, receiver.twin)
            only_two_chats(home)
            survived = await live(step, home) == 0
            assert await live(0, home) == 0
        copies = repeats(receiver)  # a later copy must be marked, under the same number
        assert max(copies.values()) <= 2
        store = Store(Database.open(home / "state" / "drill"))
        assert {entry.state for entry in store.entries.values()} == {EntryState.DELIVERED}
        assert {key[:2] for key in copies} == {(entry.chat, entry.number) for entry in store.entries.values()}
        store.close()
        assert len(copies) >= 2
        copied += sum(copies.values()) - len(copies)
        if survived:
            break
    assert bots.stdin is not None
    bots.stdin.close()
    await bots.wait()
    assert survived
    assert step > 15  # a disk step before and after each promise, each sending and each outcome
    assert copied > 0  # some were killed between the platform's yes and its record


def only_two_chats(home: Path) -> None:
    """The admin and 县教育局: fewer steps, and every kind of them."""
    path = home / "config" / "chats.yaml"
    lines = path.read_text("utf-8").splitlines()
    path.write_text("\n".join([lines[0], *lines[3:5], *lines[7:9]]) + "\n", "utf-8")


# --- F8 ---------------------------------------------------------------------------------------------


async def test_f08_after_six_hours_without_the_platform_one_message_holds_all_with_their_dates(tmp_path: Path) -> None:
    """Uptime Kuma drops what the chat service does not take."""
    two = edited(TASK, "  - 编号: T05-R1\n", SECOND + "  - 编号: T05-R1\n")
    async with furnished(tmp_path, "2027-12-01T08:00", changes={"tasks/05.yaml": two}) as house:
        house.refuse("busy", *house.names)
        await house.live("2027-12-01T14:20")
        assert house.all_seen() == []
        owed = {row.item for entry in house.entries() if entry.chat == "县教育局" for row in entry.tellings}
        assert {"T05-M1", "T05-M2"} <= owed
        house.heal(*house.names)
        house.reopen()
        await house.live("2027-12-01T18:00")
        [bubble] = [bubble for bubble in house.seen("县教育局") if "汇总" in bubble.title]
        for item in ("T05-M1", "T05-M2"):
            [line] = [line for line in bubble.source.splitlines() if f"（{item}）" in line and "剩余30天" in line]
            assert "12月31日" in line
        assert not house.entries(EntryState.LATER, EntryState.PENDING)


# --- F9 ---------------------------------------------------------------------------------------------


async def test_f09_ten_days_off_over_three_rungs_cost_one_message_naming_the_deepest(tmp_path: Path) -> None:
    """Frappe asks for dates equal to today, so a day without a run loses its reminders for good."""
    changes = rungs("提前30天", "提前17天", "提前14天", "提前11天")
    async with furnished(tmp_path, "2027-11-29T08:00", changes=changes) as house:
        await house.live("2027-12-09T18:00")
        before = len(house.seen("县教育局"))
        house.close()
        house.clock.jump(at("2027-12-20T10:20"))
        house.open()
        await house.live("2027-12-24T18:00")
        [bubble] = house.seen("县教育局")[before:]
        [row] = [
            r for e in house.entries() if e.at.date() == bubble.at.date() for r in e.tellings if r.item == "T05-M1"
        ]
        assert (row.rung, len(row.superseded)) == ("提前11天", 2)


# --- F10 --------------------------------------------------------------------------------------------


async def test_f10_a_backlog_of_a_week_keeps_to_the_day_s_budget_and_leaves_nothing_out(tmp_path: Path) -> None:
    """ElastAlert sent two hundred mails after a stop."""
    changes = {"tasks/05.yaml": BUSY, "ladders.yaml": KEEN}
    async with furnished(tmp_path, "2027-03-01T08:00", changes=changes) as house:
        await house.live("2027-03-05T18:00")
        before = shown(house)
        house.close()
        house.clock.jump(at("2027-03-15T10:20"))
        house.open()
        await house.live("2027-03-15T18:00")
        assert shown(house) - before
        assert_within_budget(house)
        assert max(Counter(b.chat for b in house.all_seen() if b.at >= at("2027-03-15T00:00")).values()) <= 3
        assert not house.entries(EntryState.PENDING, EntryState.LATER)
        assert house.app.take_in() == []


# --- F11 --------------------------------------------------------------------------------------------


async def test_f11_an_instant_ninety_seconds_late_still_rings() -> None:
    """APScheduler skips a job that is one second late unless told otherwise."""
    clock, poke = RealClock(heartbeat=3600), asyncio.Event()
    clock.start(poke.set)
    late = wall().replace(microsecond=0)
    await clock.wait(late.replace(year=late.year - 1), poke)
    clock.stop()


async def test_f11_a_loop_blocked_over_the_due_minute_still_sends(tmp_path: Path) -> None:
    """The same, as the chat sees it: the pass comes ninety seconds after the slot."""
    async with furnished(tmp_path, "2027-12-01T08:00") as house:
        await house.passes("2027-12-01T09:20", "2027-12-01T09:27:30")
        assert [b.at for b in house.seen("县教育局") if "（T05-M1）" in b.source] == [at("2027-12-01T09:27:30")]


# --- F12 --------------------------------------------------------------------------------------------


async def test_f12_twenty_restarts_in_an_hour_say_nothing_again(tmp_path: Path) -> None:
    """Alertmanager #77, Gatus #764: a restart sends everything again."""
    async with furnished(tmp_path, "2027-12-01T08:00") as house:
        await house.live("2027-12-01T10:00")
        before = shown(house)
        assert before
        for minute in range(1, 60, 3):
            house.reopen()
            await house.live(f"2027-12-01T10:{minute:02}")
        assert shown(house) == before


# --- F13 --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["nothing", "a comment", "another rule"])
async def test_f13_a_reload_sends_nothing_and_moves_no_timer(tmp_path: Path, what: str) -> None:
    """Alertmanager and Grafana reset or send again on reload."""
    async with furnished(tmp_path, "2027-12-01T08:00", heard=True) as house:
        await house.live("2027-12-06T10:00")
        before, seen = tellings(house), len(house.all_seen())
        house.reopen()
        await look(house, "2027-12-06T10:01")
        ahead, digest = house.app.next_instant(), house.app.rulebook.digest
        if what == "another rule":
            edit(house, indicators=edited(INDICATORS, "值: 97.5", "值: 98"))
        else:
            edit(house, tasks_05=f"# 看过了\n{TASK}" if what == "a comment" else TASK)
        await look(house, "2027-12-06T10:02")
        assert (house.app.rulebook.digest != digest) == (what == "another rule")
        assert house.app.next_instant() == ahead
        assert (tellings(house), len(house.all_seen())) == (before, seen)


# --- F14 --------------------------------------------------------------------------------------------


async def test_f14_steps_of_an_overdue_milestone_stay_silent_over_restart_and_reload(tmp_path: Path) -> None:
    """Alertmanager #4064 lets inhibited alerts escape at a restart."""
    task = due("2027-02-26")
    async with furnished(tmp_path, "2027-03-01T08:00", changes={"tasks/05.yaml": task}, heard=True) as house:
        for day in range(1, 6):
            await house.live(f"2027-03-0{day}T18:00")
            edit(house, tasks_05=f"# 第{day}次\n{task}")
            house.reopen()
        told = {item for item, _, _ in tellings(house)}
        assert "T05-M1" in told
        assert "T05-M1-01" not in told
        assert "T05-M1-01" not in "".join(bubble.source for bubble in house.all_seen())


# --- F15 --------------------------------------------------------------------------------------------


def test_f15_a_shorter_interval_counts_at_once_and_an_old_item_is_never_first_again() -> None:
    """ElastAlert ignores a shortened interval; SigNoz tells a long-lasting item as new when its log expires."""
    story = Timeline(a_rulebook(a_milestone(due="2026-12-01", ladder="一般节点")), start="2026-11-23")
    told = story.at("2028-01-10 18:00").rows  # 405 days overdue, told every 30 days
    lead = [row for row in told if row.item == "T05-M1" and row.addressee == "县教育局"]
    assert [row.reason for row in lead].count("FIRST") == 1
    assert lead[0].reason == "FIRST"
    weekly = FULL_LADDERS.replace("逾期每30天", "逾期每7天")
    story.edited(a_rulebook(a_milestone(due="2026-12-01", ladder="一般节点"), ladders=weekly))
    sent = story.at("2028-01-25 18:00").sent
    again = [row for one in sent for row in one.draft.tellings if (row.item, row.addressee) == ("T05-M1", "县教育局")]
    days = [row.rung_on for row in again]
    assert (
        str(days[0]) == "2028-01-04"
    )  # last told on 27 December: the rung in force, whose Monday was the 10th, at once and only once
    assert {(later - sooner).days for sooner, later in pairwise(days)} == {7}
    assert not any(row.reason == "FIRST" for row in again)


# --- F16 --------------------------------------------------------------------------------------------


async def test_f16_a_write_cut_at_every_byte_leaves_the_last_whole_state(tmp_path: Path) -> None:
    """TinyDB writes in place: seek, write, sync, truncate."""
    async with furnished(tmp_path / "house", "2027-12-01T08:00") as house:
        await house.live("2027-12-01T09:26")
        house.close()
        [journal] = (house.folder / "state" / "drill").glob("journal-*.log")
        data = journal.read_bytes()
        last = data.rindex(b"\n", 0, -1) + 1
        for size in range(last, len(data)):
            copy = tmp_path / f"cut{size}"
            copy.mkdir()
            (copy / journal.name).write_bytes(data[:size])
            store = Store(Database.open(copy))
            assert bool(store.recovery_warning) == (size > last), size
            store.close()
            assert (copy / journal.name).read_bytes() == data[:last]
            assert [path.read_bytes() for path in copy.glob("damaged-*")] == [data[last:size]] * (size > last)
        journal.write_bytes(data[:-7])
        house.open()
        await house.live("2027-12-02T18:00")
        assert any("没有写完" in bubble.source for bubble in house.seen(ADMIN))


# --- F17 --------------------------------------------------------------------------------------------


async def test_f17_a_second_instance_is_refused_until_the_first_is_gone(tmp_path: Path) -> None:
    """A bot with file state that is started twice sends twice."""
    async with furnished(tmp_path, "2026-11-23T09:31", begin=False) as house:
        write_chats(house, "县教育局", "管理员")
        once = ("once", "--at", "2026-11-23T09:31", "--as-confirmed", "--keep")
        with hold_in_a_child(tmp_path / "state" / "drill") as first:
            code, said = await command(tmp_path, *once)
            assert (code, house.seen("县教育局")) == (3, [])
            assert f"进程号 {first.pid}" in said
            first.kill()
        assert [(await command(tmp_path, *once))[0] for _ in range(2)] == [0, 0]
        assert len(house.seen("县教育局")) == 1


# --- F18 --------------------------------------------------------------------------------------------


async def test_f18_two_rules_for_one_group_in_one_minute_make_one_message_of_two_lines(tmp_path: Path) -> None:
    """Nightingale #2915 tells one group once for each rule."""
    two = edited(TASK, "  - 编号: T05-R1\n", SECOND + "  - 编号: T05-R1\n")
    async with furnished(tmp_path, "2027-11-29T08:00", changes={"tasks/05.yaml": two}) as house:
        await house.live("2027-11-30T18:00")
        before = len(house.seen("县教育局"))
        await reopened(house).live("2027-12-01T18:00")
        [bubble] = house.seen("县教育局")[before:]
        assert [sum(f"（{item}）" in line for line in bubble.source.splitlines()) for item in ("T05-M1", "T05-M2")] == [
            1,
            1,
        ]
        assert number_of(bubble)


def reopened(house: House) -> House:
    house.reopen()
    return house


# --- F19 --------------------------------------------------------------------------------------------


def test_f19_an_item_that_appears_five_days_ahead_starts_at_the_rung_of_today() -> None:
    """Nightingale #598 and OnCall #1931 start the ladder at its top, or climb it all at once."""
    story = Timeline(a_rulebook(a_milestone("T05-M2", due="2029-12-31")), start="2027-03-01")
    story.at("2027-03-04 18:00")
    story.edited(a_rulebook(a_milestone("T05-M2", due="2029-12-31"), a_milestone(due="2027-03-10")))
    story.at("2027-03-05 18:00").expect("县教育局 汇总 T05-M1 提前7天 FIRST", "县财政局 汇总 T05-M1 提前7天 FIRST")
    story.at("2027-03-08 18:00").expect_nothing()
    story.at("2027-03-09 18:00").expect("县教育局 单发 T05-M1 提前1个工作日 NEXT_RUNG")


def test_f16_an_untouched_state_opens_without_a_word(tmp_path: Path) -> None:
    """The warning must mean something."""
    write_rules(tmp_path)
    store, lock = open_store(tmp_path / "state", "real")
    store.close()
    lock.release()
    store, lock = open_store(tmp_path / "state", "real")
    assert store.recovery_warning == ""
    store.close()
    lock.release()
