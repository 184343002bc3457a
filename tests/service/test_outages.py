"""Long outages and much coming and going: what is due arrives once, with its true date, whatever was away and for how long.

Counted at the receiver: what the members of the chats have seen is all that counts.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from itertools import product
from pathlib import Path

import pytest
from loguru import logger

from bot.core.deciding.addressees import ADMIN
from bot.core.facts.events import Event, RobotMended, RulesRejected
from bot.core.preview.preview import preview_of
from bot.core.telling.entry import Entry, EntryState, Telling
from bot.drill.twin import Bubble
from bot.platforms import platform
from bot.rulefiles.loader import load
from bot.service.home import read_home
from tests.kit.builders import LADDERS as FULL_LADDERS
from tests.kit.builders import a_milestone, a_rulebook
from tests.kit.house import House, at, furnished
from tests.kit.rules_factory import TASK, edited
from tests.service.test_app import assert_in_hours, number_of, shown
from tests.service.test_crash import KEEN
from tests.service.test_edits import edit, look, rejected_edits, tellings, told_admin, write_chats
from tests.stories.timeline import Timeline

HEARERS = ("县教育局", "县财政局", "县委教育工委")
MONTHLY = "".join(
    f"  - 编号: T05-R{number}\n    类型: 周期\n    名称: 第{number}项月度工作\n    周期: 每月{day}日\n    依据: 管理员\n"
    f"    牵头: {{单位: {unit}, 依据: 管理员}}\n    督办阶梯: 勤\n"
    for number, (unit, day) in enumerate(product(HEARERS, (10, 13)), 2)
)
CROWDED = {"tasks/05.yaml": edited(TASK, "待建规则:", f"{MONTHLY}待建规则:"), "ladders.yaml": KEEN}


@pytest.fixture(autouse=True)
def _quiet() -> None:
    logger.remove()


class Cable:
    """The way to the platforms; while it is unplugged nothing listens there."""

    def __init__(self, port: int) -> None:
        self._far, self.port = port, 0
        self._server: asyncio.Server | None = None
        self._flows: set[asyncio.Task[None]] = set()

    async def plug(self) -> None:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def unplug(self) -> None:
        assert self._server is not None
        self._server.close()
        for flow in self._flows:
            flow.cancel()
        await asyncio.gather(*self._flows, return_exceptions=True)

    async def _carry(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        far, out = await asyncio.open_connection("127.0.0.1", self._far)
        flows = [asyncio.create_task(_flow(near, out)), asyncio.create_task(_flow(far, back))]
        self._flows.update(flows)
        await asyncio.gather(*flows, return_exceptions=True)
        self._flows.difference_update(flows)


async def _flow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
    finally:
        writer.close()


@asynccontextmanager
async def cabled(folder: Path, start: str) -> AsyncIterator[tuple[House, Cable]]:
    """A busy house whose platforms stand behind a cable."""
    async with furnished(folder, start, changes=CROWDED, begin=False, heard=True) as house:
        cable = Cable(house.port)
        await cable.plug()
        house.port = cable.port
        house.open()
        try:
            yield house, cable
        finally:
            await house.app.deliveries.close()
            house.close()
            await cable.unplug()


# --- what must hold ------------------------------------------------------------------------------------------------


def own(row: Telling) -> bool:
    """About the plan, not the office's own 交办 and notices."""
    return not row.item.startswith(("系统", "交办"))


def due_things(house: House, since: str, until: str) -> set[tuple[str, str]]:
    """(item, addressee) of everything that an undisturbed story tells meanwhile."""
    drafts = [draft for draft, _ in preview_of(house.app.scene(), at(since), at(until))]
    return {(row.item, row.addressee) for draft in drafts for row in draft.tellings if own(row)}


def carried(house: House, bubbles: list[Bubble]) -> list[tuple[Entry, Bubble]]:
    """Each bubble with the entry that it shows."""
    return [(house.store.entries[number_of(bubble)], bubble) for bubble in bubbles]


def said(house: House, bubbles: list[Bubble]) -> Counter[tuple[str, str]]:
    """How often each (item, addressee) was told in these bubbles; every telling must be readable there."""
    found = Counter[tuple[str, str]]()
    for entry, bubble in carried(house, bubbles):
        for row in filter(own, entry.tellings):
            assert row.item in bubble.source
            found[row.item, row.addressee] += 1
    return found


def assert_true_dates(bubble: Bubble, entry: Entry) -> None:
    """Each telling counts its days from the day on which it is read to its own date."""
    for row in filter(own, entry.tellings):
        assert row.due_on is not None
        mark = f"（{row.item}）" if entry.form == "汇总" else "完成时限："
        [line] = [line for line in bubble.source.splitlines() if mark in line]
        left = (row.due_on - bubble.at.date()).days
        assert f"{row.due_on.month}月{row.due_on.day}日" in line
        assert (f"剩余{left}天" if left > 0 else f"逾期{-left}天" if left else "今日到期") in line


def assert_at_the_receiver_all_is_well(house: House) -> None:
    """Once each, unmarked, in hours, in order, never faster than the platform takes them; nothing is left."""
    assert {entry.state for entry in house.entries()} <= {EntryState.DELIVERED, EntryState.CANCELLED}
    assert set(shown(house).values()) == {1}
    assert not any("补发" in bubble.title for bubble in house.all_seen())
    assert_in_hours(house)
    for chat in house.names:
        bubbles = house.seen(chat)
        instants = [entry.at for entry, _ in carried(house, bubbles)]
        assert instants == sorted(instants)
        for dialect in {bubble.dialect for bubble in bubbles}:
            assert_pace([bubble.at for bubble in bubbles], platform(dialect).limits.our_per_minute)


def assert_pace(instants: list[datetime], per_minute: int) -> None:
    for first, last in zip(instants, instants[per_minute:], strict=False):
        assert last - first >= timedelta(minutes=1)


# --- the platform is away --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["limited", "unplugged"])
@pytest.mark.parametrize(
    ("down", "up", "later"),
    [
        ("2027-03-10T08:00", "2027-03-10T14:35", "2027-03-10T18:00"),
        ("2027-03-08T08:00", "2027-03-15T08:00", "2027-03-15T18:00"),
    ],
    ids=["six hours", "seven days"],
)
async def test_after_an_outage_of_every_platform_each_chat_gets_all_it_is_owed_once_in_one_message(
    tmp_path: Path, how: str, down: str, up: str, later: str
) -> None:
    async with cabled(tmp_path, "2027-03-01T08:00") as (house, cable):
        await house.live(down)
        house.reopen()
        owed, before = due_things(house, down, later), {chat: len(house.seen(chat)) for chat in house.names}
        assert {addressee for _, addressee in owed} >= set(HEARERS)
        await cable.unplug() if how == "unplugged" else house.refuse("limited", *house.names)
        await house.live(up)
        assert all(len(house.seen(chat)) == before[chat] for chat in house.names)
        await cable.plug() if how == "unplugged" else house.heal(*house.names)
        house.reopen()
        await house.live(later)
        fresh = [bubble for chat in house.names for bubble in house.seen(chat)[before[chat] :]]
        assert said(house, fresh) == Counter(dict.fromkeys(owed, 1))
        assert max(Counter(bubble.chat for bubble in fresh if "汇总" in bubble.title).values()) == 1
        for entry, bubble in carried(house, fresh):
            assert_true_dates(bubble, entry)
        house.reopen()
        await house.live("2027-03-26T18:00")
        assert_at_the_receiver_all_is_well(house)


# --- a robot is away -------------------------------------------------------------------------------------------------


async def test_a_robot_set_right_after_eight_days_says_all_it_was_refused_in_one_digest_with_true_dates(
    tmp_path: Path,
) -> None:
    async with furnished(
        tmp_path, "2027-03-01T08:00", changes=CROWDED, names=(ADMIN, *HEARERS), begin=False, heard=True
    ) as house:
        write_chats(house, ADMIN, *HEARERS)
        house.open(read_home(tmp_path).chats)
        owed = {one for one in due_things(house, "2027-03-01T08:00", "2027-03-11T09:45") if one[1] in HEARERS}
        for chat in HEARERS:
            house.twin.refuse(chat, 93000)
        for day in range(1, 11):
            await look(house, f"2027-03-{day:02}T09:45")
        assert [house.seen(chat) for chat in HEARERS] == [[], [], []]
        assert sum("群机器人县教育局#1自3月" in bubble.source for bubble in house.seen(ADMIN)) >= 5  # each workday
        for chat in HEARERS:
            house.twin.heal(chat)
        write_chats(house, ADMIN, *HEARERS)  # new addresses
        await look(house, "2027-03-11T08:35")
        assert [house.seen(chat) for chat in HEARERS] == [[], [], []]  # it goes with what is due today
        await look(house, "2027-03-11T09:45")
        fresh = [bubble for chat in HEARERS for bubble in house.seen(chat)]
        assert set(Counter(bubble.chat for bubble in fresh).values()) == {1}
        assert said(house, fresh) == Counter(dict.fromkeys(owed, 1))
        assert len({row.due_on for entry, _ in carried(house, fresh) for row in entry.tellings}) > 2
        for entry, bubble in carried(house, fresh):
            assert_true_dates(bubble, entry)
        heard = len(told_admin(house, "群机器人"))
        for day in range(12, 20):
            await look(house, f"2027-03-{day}T09:45")
        assert len(told_admin(house, "群机器人")) == heard
        assert set(shown(house).values()) == {1}
        assert not house.entries(EntryState.REFUSED, EntryState.LATER, EntryState.PENDING)
        await house.app.deliveries.close()
        house.close()


@pytest.mark.parametrize("retried", ["2027-03-10T08:40", "2027-03-10T10:05"])
async def test_after_a_mended_robot_what_is_due_today_comes_first_and_the_backlog_is_one_digest(
    tmp_path: Path, retried: str
) -> None:
    async with furnished(tmp_path, "2027-03-01T08:00", changes=CROWDED, heard=True) as house:
        house.refuse("dead", "县教育局")
        await house.live(retried)
        house.reopen()
        assert house.seen("县教育局") == []
        house.heal("县教育局")
        [robot] = house.chats().robots["县教育局"]
        house.app.take_in(Event.of(RobotMended(robot=robot.name), key="r", time=at(retried), source="duban/test"))
        await house.live("2027-03-10T18:00")
        single, digest = house.seen("县教育局")
        assert "T05-R2@2027-03" in single.source  # due today, a single by its ladder
        assert "T05-R2@2027-03" not in digest.source
        assert "T05-R3@2027-03" in digest.source  # three days ahead: today's rung
        assert "T05-M1-01" in digest.source  # of the first day
        assert not any("补发" in bubble.source for bubble in (single, digest))


# --- the machine is away ----------------------------------------------------------------------------------------------

RUNGS = ("提前21天", "提前18天", "提前16天", "提前14天", "提前8天")  # each on a workday


def rungs_told(story: Timeline) -> list[tuple[datetime, Telling]]:
    """When each rung was told to the lead."""
    rows = [(one.at, row) for one in story.sent for row in one.draft.tellings if row.rung in RUNGS]
    return [(instant, row) for instant, row in rows if row.addressee == "县教育局"]


@pytest.mark.parametrize("gone", range(0, 22, 2))
def test_ten_days_off_at_any_time_cost_one_telling_of_the_deepest_rung_missed(gone: int) -> None:
    lines = "".join(f"  - {{时点: {rung}, 对象: 牵头单位, 形式: 汇总}}\n" for rung in RUNGS)
    rulebook = a_rulebook(a_milestone(ladder="密"), ladders=f"密:\n{lines}{FULL_LADDERS}")
    story, undisturbed = Timeline(rulebook, start="2027-11-20"), Timeline(rulebook, start="2027-11-20")
    left = at("2027-11-29T08:00") + timedelta(days=gone)
    story.at(f"{left:%Y-%m-%d %H:%M}")
    story.off_until(f"{left + timedelta(days=10):%Y-%m-%d %H:%M}")
    for one in (story, undisturbed):
        one.at("2028-01-31 18:00")
    whole, told = rungs_told(undisturbed), rungs_told(story)
    after = min((instant for instant, _ in told if instant > left), default=left)
    owed = [row.rung for instant, row in whole if left < instant <= after]
    kept = [row.rung for instant, row in whole if not left < instant <= after]
    assert [row.rung for _, row in whole] == list(RUNGS)
    assert [row.rung for _, row in told] == [rung for rung in RUNGS if rung in (*kept, *owed[-1:])]
    passed_over = [len(row.superseded) for instant, row in told if instant == after]
    assert passed_over in ([len(owed) - 1], [])


def test_ten_days_off_can_swallow_three_rungs() -> None:
    """What the test above is for happens in it."""
    days = [int(rung.removeprefix("提前").removesuffix("天")) for rung in RUNGS]
    assert max(sum(first - 10 < day <= first for day in days) for first in days) >= 3


# --- coming and going ----------------------------------------------------------------------------------------------------


async def power_cut(house: House) -> None:
    """The process is gone between one pass and the next."""
    await house.app.deliveries.abandon()
    house.close()


async def test_twenty_power_cuts_in_the_hour_in_which_everything_is_due_lose_and_repeat_nothing(tmp_path: Path) -> None:
    async with furnished(tmp_path, "2027-03-10T08:00", changes=CROWDED, heard=True) as house:
        owed = due_things(house, "2027-03-10T08:00", "2027-03-10T18:00")
        for minute in range(0, 60, 3):
            if minute % 2:
                house.refuse("limited", *house.names)
            else:
                house.heal(*house.names)
            await look(house, str(at("2027-03-10T09:20") + timedelta(minutes=minute))[:16])
            await power_cut(house)
            house.open()
        house.heal(*house.names)
        await house.live("2027-03-10T18:00")
        assert said(house, house.all_seen()) == Counter(dict.fromkeys(owed, 1))
        house.reopen()
        await house.live("2027-03-12T18:00")
        assert_at_the_receiver_all_is_well(house)


# --- reload storms --------------------------------------------------------------------------------------------------------

GOOD = [f"# 第{turn}次\n{edited(TASK, '控辍保学学期排查', f'控辍保学排查{turn}')}" for turn in range(5)]
BAD = [edited(TASK, "2027年底", f"2027年{13 + turn}月") for turn in range(20)]
HALF_SAVED = [TASK.encode()[: 200 + 41 * turn].decode(errors="ignore") for turn in range(20)]


def storm() -> list[str]:
    """Fifty savings of one file, good, bad and half-saved by turns; the last one is good."""
    texts = [BAD[turn // 5 * 2 + turn % 2] if turn % 5 in (0, 1) else HALF_SAVED[turn % 20] for turn in range(50)]
    for turn in range(4, 50, 5):
        texts[turn] = GOOD[turn // 5 % 5]
    return texts


async def test_fifty_savings_in_five_minutes_lose_and_repeat_nothing_and_the_admin_hears_once(tmp_path: Path) -> None:
    async with furnished(tmp_path, "2027-03-10T08:00", changes={"ladders.yaml": KEEN}) as house:
        owed = due_things(house, "2027-03-10T08:00", "2027-03-10T18:00")
        assert owed
        await look(house, "2027-03-10T09:20")
        for turn, text in enumerate(storm()):
            edit(house, tasks_05=text)
            sound, in_force = load(house.folder / "rules").rulebook, house.app.rulebook
            await look(house, (at("2027-03-10T09:24") + timedelta(seconds=6 * turn)).isoformat()[:19])
            assert house.app.rulebook.digest == (sound or in_force).digest
            assert sound or house.app.rulebook is in_force
        assert house.app.rulebook.by_id["T05-R1"].title == "控辍保学排查4"
        assert rejected_edits(house) > 20
        assert len(told_admin(house, "规则改动未生效")) == 1
        await power_cut(house)
        house.open()
        await house.live("2027-03-10T18:00")
        told = Counter(
            {key: count for key, count in tellings(house).items() if not key[0].startswith(("系统", "交办"))}
        )
        assert {(item, addressee) for item, addressee, _ in told} == owed
        assert set(told.values()) == {1}
        house.reopen()
        await house.live("2027-03-12T18:00")
        assert set(shown(house).values()) == {1}
        assert sum(bubble.source.count("规则改动未生效") for bubble in house.seen(ADMIN)) <= 2


def test_of_edits_refused_within_an_hour_the_first_is_heard_at_once_the_last_in_the_digest_and_a_later_one_at_once() -> (
    None
):
    story = Timeline(a_rulebook(a_milestone()), start="2027-03-10")
    told = []
    for minute, digest in (("10:02", "a"), ("10:05", "b"), ("10:10", "c"), ("15:02", "d")):
        story.at(f"2027-03-10 {minute}")
        story.happens(RulesRejected(digest=digest * 12, problems=1, first=(f"第{digest}处",)))
        told.append([row.item for row in story.at(f"2027-03-10 {minute}").rows if "规则改动" in row.item])
    assert told == [["系统:规则改动@aaaaaaaaaaaa"], [], [], ["系统:规则改动@dddddddddddd"]]
    rows = story.at("2027-03-31 18:00").rows
    assert [(row.item, row.form) for row in rows if "规则改动" in row.item] == [("系统:规则改动@cccccccccccc", "汇总")]
