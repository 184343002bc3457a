"""The whole journey, right end to end: the real loop, the platforms' twin over HTTP, and a story's clock.

What was promised is shown exactly once, in office hours, within the day's budget; the preview said so beforehand; and no
restart, fault or jump of the clock changes that.
"""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from shutil import copytree

import pytest
from loguru import logger

from bot.core.deciding.addressees import ADMIN, LEADING_GROUP
from bot.core.facts.events import Closed, Done, Event, Returned
from bot.core.preview.preview import preview_of
from bot.core.telling.digest import Draft
from bot.core.telling.entry import Entry, EntryState
from bot.core.time.windows import is_open
from bot.core.time.zone import day_of
from bot.drill.twin import Bubble
from bot.service.home import read_home
from tests.kit.house import House, at, furnished
from tests.kit.rules_factory import LADDERS, TASK, edited

ROOT = Path(__file__).parents[2]

Telling = tuple[datetime, str, str, str, str, str, object, str]


@pytest.fixture(autouse=True)
def _quiet() -> None:
    logger.remove()


def tellings(drafts: Iterable[Draft | Entry]) -> set[Telling]:
    """What makes two messages the same: minute, chat, form, unit, item, rung, state."""
    return {
        (one.at, one.chat, one.form, row.unit, row.item, row.rung, row.rung_on, row.state)
        for one in drafts
        for row in one.tellings
    }


def number_of(bubble: Bubble) -> str:
    return bubble.source.split("编号 ")[-1].split(" ")[0]


def shown(house: House) -> Counter[tuple[str, str, int]]:
    """How often each part of each message was shown in each chat."""
    return Counter((bubble.chat, number_of(bubble), bubble.part) for bubble in house.all_seen())


def assert_all_is_right(house: House) -> None:
    """Everything promised was shown exactly once, in office hours and within the budget; nothing else was."""
    entries = house.entries()
    assert {entry.state for entry in entries} <= {EntryState.DELIVERED, EntryState.CANCELLED}
    assert set(shown(house).values()) <= {1}
    delivered = {(entry.chat, entry.number) for entry in house.entries(EntryState.DELIVERED)}
    assert {(chat, number) for chat, number, _ in shown(house)} == delivered
    assert not any("补发" in bubble.title for bubble in house.all_seen())
    assert_in_hours(house)
    assert_within_budget(house)


def assert_in_hours(house: House) -> None:
    calendar = house.app.rulebook.calendar
    assert all(is_open(bubble.at, house.app.hours, calendar) for bubble in house.all_seen())


def assert_within_budget(house: House) -> None:
    """减负: one digest and two singles per chat and day."""
    got = Counter(
        (entry.chat, day_of(entry.delivered_at), entry.form)
        for entry in house.entries(EntryState.DELIVERED)
        if entry.delivered_at
    )
    assert all(count <= {"汇总": 1, "单发": 2}[form] for (_, _, form), count in got.items())


# --- the preview is the truth -----------------------------------------------------------


async def test_the_small_plan_happens_as_previewed_over_nineteen_months(tmp_path: Path) -> None:
    async with furnished(tmp_path, "2026-11-23T08:00") as house:
        previewed = [draft for draft, _ in preview_of(house.app.scene(), house.clock.now(), at("2028-06-30T18:00"))]
        await house.live("2028-06-30T18:00")
        assert tellings(previewed) == tellings(house.entries())
        assert len(house.all_seen()) > 40
        assert_all_is_right(house)


async def county_happens_as_previewed(folder: Path, end: str, as_confirmed: bool = True) -> None:
    copytree(ROOT / "rules", folder / "rules")
    rulebook = read_home(folder).rulebook
    assert rulebook is not None
    names = (*rulebook.addressable, ADMIN, LEADING_GROUP)
    async with furnished(folder, "2026-11-23T08:00", names=names, as_confirmed=as_confirmed) as house:
        previewed = [draft for draft, _ in preview_of(house.app.scene(), house.clock.now(), at(end))]
        await house.live(end)
        assert tellings(previewed) == tellings(house.entries())
        assert previewed
        assert_all_is_right(house)


async def test_the_county_s_year_happens_as_previewed(tmp_path: Path) -> None:
    await county_happens_as_previewed(tmp_path, "2027-11-23T18:00")


async def test_before_anything_is_confirmed_the_county_s_winter_happens_as_previewed(tmp_path: Path) -> None:
    await county_happens_as_previewed(tmp_path, "2027-02-26T18:00", as_confirmed=False)


@pytest.mark.soak
async def test_the_county_s_years_to_2031_happen_as_previewed(tmp_path: Path) -> None:
    await county_happens_as_previewed(tmp_path, "2030-12-31T18:00")


# --- decide and act ----------------------------------------------------------------------


async def test_deciding_never_touches_the_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with furnished(tmp_path, "2027-12-01T09:29") as house:

        def forbidden(*_: object) -> None:
            raise AssertionError("the network was touched")

        with monkeypatch.context() as patch:
            patch.setattr(socket.socket, "connect", forbidden)
            patch.setattr(socket, "getaddrinfo", forbidden)
            entries = house.app.take_in()
        assert entries
        assert {entry.state for entry in entries} == {EntryState.PENDING}
        await asyncio.sleep(0)
        assert house.all_seen() == []


async def test_acting_decides_nothing(tmp_path: Path) -> None:
    async with furnished(tmp_path, "2027-12-01T08:00") as house:
        house.app.take_in()
        before = set(house.store.entries)
        house.clock.jump(at("2027-12-01T09:29"))
        house.app.send_due()
        await house.app.deliveries.settled()
        assert set(house.store.entries) == before


async def test_the_same_event_twice_counts_once(tmp_path: Path) -> None:
    async with furnished(tmp_path) as house:
        event = Event.of(Done(item="T05-M1"), key="1", time=house.clock.now())
        house.app.take_in(event)
        house.app.take_in(event.model_copy(update={"data": {"item": "T05-R1@2027-1"}}))
        assert len(house.store.events) == 1
        assert set(house.store.facts.marks) == {"T05-M1"}


async def test_two_rules_for_one_chat_in_one_minute_make_one_message(tmp_path: Path) -> None:
    async with furnished(tmp_path, "2027-03-10T08:00") as house:
        await house.live("2027-03-10T18:00")
        [bubble] = house.seen("县教育局")
        assert "交办" in bubble.source
        assert "T05-M1-01" in bubble.source


async def test_an_item_sent_back_is_told_the_same_day_and_only_once(tmp_path: Path) -> None:
    async with furnished(tmp_path, "2027-11-29T08:00") as house:
        await house.live("2027-12-01T15:00")
        before = len(house.seen("县教育局"))
        house.app = house.reopen()
        for key, payload in enumerate((Done(item="T05-M1"), Returned(item="T05-M1", reason="材料不全"))):
            house.app.take_in(Event.of(payload, key=str(key), time=house.clock.now()))
        await house.live("2027-12-03T18:00")
        [told] = house.seen("县教育局")[before:]
        assert "退回" in told.title
        assert_within_budget(house)


# --- restarts --------------------------------------------------------------------------------


async def test_a_restart_in_every_pass_changes_nothing(tmp_path: Path) -> None:
    """The same months, once in one go and once with the bot reopened before every single pass."""
    end = "2027-06-30T18:00"
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    async with furnished(tmp_path / "a", "2026-11-23T08:00") as house:
        await house.live(end)
        plain = (tellings(house.entries()), shown(house))
    async with furnished(tmp_path / "b", "2026-11-23T08:00") as house:
        while house.clock.now() < at(end):
            await house.app.one_pass()
            ahead = house.app.next_instant()
            await house.app.deliveries.close()
            house.reopen()
            house.app.start()
            house.clock.jump(min(ahead, at(end)))
        await house.app.one_pass()
        assert (tellings(house.entries()), shown(house)) == plain
        assert_all_is_right(house)


async def test_twenty_restarts_in_an_hour_send_nothing_more(tmp_path: Path) -> None:
    async with furnished(tmp_path, "2026-11-23T08:00") as house:
        await house.live("2027-03-10T10:00")
        before = shown(house)
        assert before
        for minute in range(20):
            house.reopen()
            await house.live(f"2027-03-10T10:{minute * 3 + 1:02}")
        assert shown(house) == before


async def test_a_machine_off_over_three_rungs_says_the_deepest_once(tmp_path: Path) -> None:
    rungs = "".join(f"  - {{时点: 提前{days}天, 对象: 牵头单位, 形式: 汇总}}\n" for days in (60, 30, 20, 10))
    changes = {"ladders.yaml": edited(LADDERS, "重大节点:\n", f"慢阶梯:\n{rungs}重大节点:\n"),
               "tasks/05.yaml": edited(TASK, "督办阶梯: 重大节点", "督办阶梯: 慢阶梯")}  # fmt: skip
    async with furnished(tmp_path, "2027-10-20T08:00", changes=changes) as house:
        await house.live("2027-11-20T18:00")
        before = len(house.seen("县教育局"))
        house.close()
        house.clock.jump(at("2027-12-23T10:20"))
        house.open()
        await house.live("2027-12-23T18:00")
        [bubble] = house.seen("县教育局")[before:]
        [row] = [row for entry in house.entries() if entry.at.date() == bubble.at.date() for row in entry.tellings
                 if row.item == "T05-M1"]  # fmt: skip
        assert row.rung == "提前10天"
        assert len(row.superseded) == 2
        assert bubble.at == at("2027-12-23T10:20")  # late, but at once: the day's slot was missed


async def test_a_restart_in_the_evening_waits_for_the_morning(tmp_path: Path) -> None:
    async with furnished(tmp_path, "2027-11-30T08:00") as house:
        await house.passes("2027-11-30T08:01")
        house.close()
        house.clock.jump(at("2027-12-01T19:00"))
        house.open()
        await house.live("2027-12-01T23:59")
        assert house.all_seen() == []
        await reopened(house).live("2027-12-02T18:00")
        assert house.all_seen()
        assert_all_is_right(house)


def reopened(house: House) -> House:
    house.reopen()
    return house


async def test_a_clock_set_back_repeats_nothing(tmp_path: Path) -> None:
    async with furnished(tmp_path, "2026-11-23T08:00") as house:
        await house.live("2027-03-10T10:00")
        before = shown(house)
        for back in ("2027-03-10T08:00", "2027-03-09T08:00", "2027-03-10T10:00"):
            house.clock.jump(at(back))
            await reopened(house).live("2027-03-10T10:00")
        assert shown(house) == before


# --- the platform fails ---------------------------------------------------------------------------


async def test_a_platform_down_for_six_hours_loses_and_doubles_nothing(tmp_path: Path) -> None:
    async with furnished(tmp_path, "2026-11-23T08:00") as house:
        house.refuse("limited", *house.names)
        await house.live("2026-11-23T14:45")
        assert house.all_seen() == []
        promised = {entry.number for entry in house.entries()}
        assert promised
        house.heal(*house.names)
        await reopened(house).live("2026-11-23T18:00")
        assert {number_of(bubble) for bubble in house.all_seen()} == promised
        assert_all_is_right(house)


async def test_after_a_week_of_refusals_a_chat_gets_one_digest_with_everything(tmp_path: Path) -> None:
    async with furnished(tmp_path, "2027-11-25T08:00") as house:
        await house.passes("2027-11-25T09:29")
        before = len(house.seen("县教育局"))
        house.refuse("busy", "县教育局")
        house.app = house.reopen()
        house.app.take_in(Event.of(Closed(item="T05-R1@2027-2", by="办公室"), key="c", time=house.clock.now()))
        await house.live("2027-12-06T18:00")
        waiting = house.store.head("县教育局")
        assert waiting is not None
        house.heal("县教育局")
        await reopened(house).live("2027-12-08T18:00")
        [bubble] = house.seen("县教育局")[before:]
        assert "T05-M1" in bubble.source
        assert_within_budget(house)
        assert_in_hours(house)


async def test_a_dead_robot_is_told_to_the_admin_each_workday_and_its_messages_wait(tmp_path: Path) -> None:
    async with furnished(tmp_path, "2027-11-29T08:00") as house:
        house.refuse("dead", "县教育局")
        await house.live("2027-12-06T18:00")
        assert house.seen("县教育局") == []
        told = [bubble.at.date() for bubble in house.seen(ADMIN) if "群机器人县教育局#1" in bubble.source]
        assert len(told) == len(set(told)) == 5  # from the day after: 11-30, 12-01, 12-02, 12-03, 12-06
        assert house.entries(EntryState.REFUSED)
        assert_within_budget(house)


async def test_what_was_given_up_is_told_to_the_admin_each_workday(tmp_path: Path) -> None:
    async with furnished(tmp_path, "2027-11-29T08:00") as house:
        house.refuse("never", "县教育局")
        await house.live("2027-12-02T18:00")
        told = [bubble for bubble in house.seen(ADMIN) if "投递失败" in bubble.source]
        assert [bubble.at.date().day for bubble in told] == [30, 1, 2]
        assert house.entries(EntryState.UNDELIVERABLE)


async def test_a_chat_moved_to_another_robot_hears_what_waited_and_nothing_again(tmp_path: Path) -> None:
    async with furnished(tmp_path, "2026-11-23T08:00") as house:
        await house.live("2027-03-09T18:00")
        before = len(house.seen("县教育局"))
        house.refuse("dead", "县教育局")
        await reopened(house).live("2027-03-10T18:00")
        assert house.entries(EntryState.REFUSED)
        house.heal("县教育局")
        house.replace_robots()
        await reopened(house).live("2027-03-11T18:00")
        assert len(house.seen("县教育局")) == before + 1
