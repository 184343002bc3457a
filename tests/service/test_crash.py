"""Kill -9 at any moment: nothing is lost, and what is repeated says so and carries the same number."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from loguru import logger

from bot.core.facts.facts import Facts
from bot.core.preview.preview import preview_of
from bot.core.telling.digest import Draft
from bot.core.telling.entry import EntryState
from bot.drill.twin import Bubble, Twin
from bot.service.home import open_store, read_home
from bot.service.wiring import scene_of
from bot.sources.clock import wall
from bot.state.archive import Archive, past_entries
from bot.state.disk.database import Database
from bot.state.store import Store
from tests.kit.fault_points import POINTS
from tests.kit.house import at, serving
from tests.kit.rules_factory import LADDERS, TASK, edited, write_rules
from tests.service.test_app import number_of, tellings

ROOT = Path(__file__).parents[2]
UNITS = ("县委教育工委", "县教育局", "县财政局", "管理员", "领导小组")
#: How often a bot may come to a point before it dies there: every message leads by most of them, by these few do.
OFTEN = 8
RARE = tuple(point for point in POINTS if point.startswith(("lock", "archived", "snapshot", "leftovers")))
#: `make soak` kills so many times, fifty in each story.
SOAK_KILLS = int(os.environ.get("SOAK_KILLS", "500"))
START, UNTIL = "2027-01-04T08:00", "2027-12-31T18:00"

BUSY = edited(TASK, "待建规则:", "".join(
    f"  - 编号: T05-R{index}\n    类型: 周期\n    名称: 第{index}项月度工作\n    周期: 每月{day}日\n    依据: 管理员\n"
    f"    牵头: {{单位: {unit}, 依据: 管理员}}\n    督办阶梯: 勤\n"
    for index, (day, unit) in enumerate([(10, "县教育局"), (20, "县财政局"), (12, "县委教育工委"), (25, "县教育局")], 2)
) + "待建规则:")  # fmt: skip
#: So many things due on one day, under such names, that the digest about them comes in several parts.
LONG = edited(BUSY, "待建规则:", "".join(
    f"  - {{编号: T05-M{index}, 类型: 节点, 名称: 第{index}项{'推动义务教育优质均衡发展的建设任务' * 2}, 完成时限: {due},"
    f" 依据: 方案, 督办阶梯: 一般节点}}\n"
    for due, first in (("2027-02-26", 2), ("2027-06-18", 32), ("2027-10-22", 62)) for index in range(first, first + 30)
) + "待建规则:")  # fmt: skip
KEEN = LADDERS + (
    "勤:\n  - {时点: 提前7天, 对象: 牵头单位, 形式: 汇总}\n  - {时点: 提前3天, 对象: 牵头单位, 形式: 汇总}\n"
    "  - {时点: 当天, 对象: 牵头单位, 形式: 单发}\n"
)


class Receiver:
    """The platforms: what they have shown is all that counts. Their own clock makes them never too fast."""

    def __init__(self) -> None:
        self._now = at("2020-01-01T00:00")
        self.twin = Twin(self._later, wall)

    def _later(self) -> datetime:
        self._now += timedelta(minutes=1)
        return self._now

    def seen(self) -> list[Bubble]:
        return [bubble for unit in UNITS for bubble in self.twin.received(unit)]


def furnish(home: Path, port: int, twin: Twin, tasks: str = BUSY) -> None:
    """A busy year: over two hundred messages to five chats, each answered after a moment in which a kill may fall."""
    write_rules(home, {"tasks/05.yaml": tasks, "ladders.yaml": KEEN})
    lines = ["群聊:"]
    for index, unit in enumerate(UNITS):
        dialect = ("wecom", "dingtalk", "feishu")[index % 3]
        address = f"http://127.0.0.1:{port}{twin.add_chat(unit, dialect)}"
        lines += [f"  {unit}:", f"    - {{方言: {dialect}, 地址: '{address}'}}"]
        twin.hang(unit, 0.004)
    (home / "config").mkdir()
    (home / "config" / "chats.yaml").write_text("\n".join(lines) + "\n", "utf-8")


class Nursery:
    """The process that bears bots."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def _answer(self) -> int:
        assert self._process.stdout is not None
        return int(await self._process.stdout.readline())

    async def bear(self, point: str = "", nth: int = 0) -> int:
        """A new bot, perhaps one that will be killed at a point; its process number."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{point}\t{nth}\n".encode())
        await self._process.stdin.drain()
        return await self._answer()

    async def gone(self) -> int:
        """Waits for the bot's end; its exit code."""
        return await self._answer()


@asynccontextmanager
async def nursery(home: Path) -> AsyncIterator[Nursery]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(ROOT / "tests" / "kit" / "nursery.py"), str(home), START, UNTIL,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    try:
        yield Nursery(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


@dataclass(frozen=True)
class Fate:
    """How one bot ends: at the nth time it comes to a point, or, without one, after so many seconds."""

    point: str = ""
    nth: int = 0
    seconds: float = 0.0


def fates(named: int, at_random: int, longest: float, seed: int) -> list[Fate]:
    """`named` kills, every point in turn, mixed with `at_random` ones after up to `longest` seconds each."""
    dice = random.Random(seed)
    points = [POINTS[index % len(POINTS)] for index in range(named)]
    found = [Fate(point, 1 if point in RARE else dice.randint(1, OFTEN)) for point in points]
    found += [Fate(seconds=dice.uniform(0.0, longest)) for _ in range(at_random)]
    dice.shuffle(found)
    return found


async def kill_and_go_on(home: Path, kills: Sequence[Fate]) -> int:
    """Kills one bot after the other and at last lets one live to the story's end; how many it caught alive."""
    caught = 0
    async with nursery(home) as bots:
        for fate in kills:
            bot = await bots.bear(fate.point, fate.nth)
            if not fate.point:
                await asyncio.sleep(fate.seconds)
                with suppress(ProcessLookupError):  # the story was over
                    os.kill(bot, signal.SIGKILL)
            end = await bots.gone()
            assert end in (-signal.SIGKILL, 0)
            caught += end != 0
        await bots.bear()
        assert await bots.gone() == 0
    return caught


def assert_nothing_was_lost(home: Path, receiver: Receiver) -> None:
    store, lock = open_store(home / "state" / "drill", "drill", as_confirmed=True)
    archive = Archive(home / "state" / "drill" / "archive")
    entries = [*past_entries(archive, store.seal), *store.entries.values()]
    assert len({entry.number for entry in entries}) == len(entries)
    assert all(
        entry.state is EntryState.DELIVERED for entry in entries
    )  # however often one was killed while it was sent
    own = ("系统:状态恢复", "系统:发送中断")
    assert {one for one in tellings(entries) if not one[4].startswith(own)} == tellings(planned(home))
    seen = {(bubble.chat, number_of(bubble)) for bubble in receiver.seen()}
    assert seen == {(entry.chat, entry.number) for entry in entries}
    store.close()
    lock.release()


def planned(home: Path) -> list[Draft]:
    """What an undisturbed year holds."""
    read = read_home(home)
    assert read.rulebook is not None
    store = Store(Database.in_memory(), Facts(all_confirmed=True))
    return [draft for draft, _ in preview_of(scene_of(read, read.rulebook, store), at(START), at(UNTIL))]


def repeats(receiver: Receiver) -> Counter[tuple[str, str, int]]:
    """Parts shown more than once. Every later copy must be marked."""
    copies = Counter[tuple[str, str, int]]()
    for bubble in receiver.seen():
        key = (bubble.chat, number_of(bubble), bubble.part)
        assert ("补发" in bubble.title) >= (key in copies), f"{key} was repeated without saying so"
        copies[key] += 1
    return copies


def assert_parts_belong_together(receiver: Receiver) -> None:
    """A message of several parts arrives whole and in order, every copy of a part right behind it, and as it read the first time."""
    messages: dict[tuple[str, str], list[Bubble]] = {}
    for bubble in receiver.seen():
        if bubble.parts > 1:
            messages.setdefault((bubble.chat, number_of(bubble)), []).append(bubble)
    assert messages
    for parts in messages.values():
        places = [part.part for part in parts]
        assert places == sorted(places)
        assert set(places) == set(range(1, parts[0].parts + 1))
        texts = {(part.part, part.source.replace("【补发】", "")) for part in parts}
        assert len(texts) == parts[0].parts


async def survive(home: Path, kills: Sequence[Fate], tasks: str = BUSY) -> tuple[Counter[tuple[str, str, int]], int]:
    """How often each part was shown, and how many bots the kills caught alive."""
    logger.remove()
    receiver = Receiver()
    async with serving(receiver.twin.asgi) as port:
        furnish(home, port, receiver.twin, tasks)
        caught = await kill_and_go_on(home, kills)
    assert_nothing_was_lost(home, receiver)
    if tasks != BUSY:
        assert_parts_belong_together(receiver)
    return repeats(receiver), caught


async def test_killed_fifty_times_nothing_is_lost_and_repeats_are_marked(tmp_path: Path) -> None:
    copies, caught = await survive(tmp_path, fates(named=25, at_random=25, longest=0.2, seed=20261123))
    assert caught > 40  # on a machine much faster than ours the story is over before the last of them
    assert len(copies) > 150
    assert sum(copies.values()) - len(copies) <= 50 * len(UNITS)  # at most what was in flight at each kill


def between_parts(kills: int) -> list[Fate]:
    """Six times after the first answer; then before a part goes out, half of it written, and after its answer, at the first three."""
    points = (
        "promised, not connected",
        "request written, not answered",
        "answered, not noted",
        "record written, not flushed",
    )
    again = [Fate("answered, not noted", 1)] * 6  # more often than an unclear answer is tried again
    return [*again, *(Fate(points[index % len(points)], 1 + index % 3) for index in range(kills - len(again)))]


async def test_killed_between_the_parts_of_long_messages_each_part_arrives_once_or_marked(tmp_path: Path) -> None:
    copies, caught = await survive(tmp_path, between_parts(24), LONG)
    assert caught == 24
    assert max(part for _, _, part in copies) > 2


@pytest.mark.soak
@pytest.mark.parametrize("tasks", [BUSY, LONG], ids=["short", "long"])
@pytest.mark.parametrize("seed", range(SOAK_KILLS // 50))
async def test_killed_hundreds_of_times_nothing_is_lost_and_repeats_are_marked(
    tmp_path: Path, seed: int, tasks: str
) -> None:
    kills = fates(named=25, at_random=25, longest=0.25, seed=seed)
    copies, caught = await survive(tmp_path, kills, tasks)
    assert caught > 40
    assert len(copies) > 150
