"""Kill -9 at any moment: nothing is lost, and what is repeated says so and carries the same number."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from loguru import logger

from bot.build import open_store, read_home, scene_of
from bot.core.digest import Draft
from bot.core.facts import Facts
from bot.core.outbox import EntryState
from bot.core.outlook import outlook
from bot.drill.twin import Bubble, Twin
from bot.shell.database import Database
from bot.shell.store import Store
from bot.sources.clock import wall
from tests.house import at, serving
from tests.rules_factory import LADDERS, TASK, edited, write_rules
from tests.test_app import number_of, tellings

ROOT = Path(__file__).parents[1]
UNITS = ("县委教育工委", "县教育局", "县财政局", "管理员", "领导小组")
START, UNTIL = "2027-01-04T08:00", "2027-12-31T18:00"

BUSY = edited(TASK, "待建规则:", "".join(
    f"  - 编号: T05-R{index}\n    类型: 周期\n    名称: 第{index}项月度工作\n    周期: 每月{day}日\n    依据: 管理员\n"
    f"    牵头: {{单位: {unit}, 依据: 管理员}}\n    督办阶梯: 勤\n"
    for index, (day, unit) in enumerate([(10, "县教育局"), (20, "县财政局"), (12, "县委教育工委"), (25, "县教育局")], 2)
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


def furnish(home: Path, port: int, twin: Twin) -> None:
    """A busy year: over two hundred messages to five chats, each answered after a moment in which a kill may fall."""
    write_rules(home, {"tasks/05.yaml": BUSY, "ladders.yaml": KEEN})
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

    async def bear(self) -> int:
        """A new bot; its process number."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"\n")
        await self._process.stdin.drain()
        return await self._answer()

    async def gone(self) -> int:
        """Waits for the bot's end; its exit code."""
        return await self._answer()


@asynccontextmanager
async def nursery(home: Path) -> AsyncIterator[Nursery]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(ROOT / "tests" / "nursery.py"), str(home), START, UNTIL,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    try:
        yield Nursery(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


async def kill_and_go_on(home: Path, kills: int, longest: float, seed: int) -> None:
    """Kills the bot `kills` times, each after up to `longest` seconds, and at last lets it live to the story's end."""
    dice = random.Random(seed)
    async with nursery(home) as bots:
        for _ in range(kills):
            bot = await bots.bear()
            await asyncio.sleep(dice.uniform(0.0, longest))
            os.kill(bot, signal.SIGKILL)
            assert await bots.gone() in (-signal.SIGKILL, 0)
        await bots.bear()
        assert await bots.gone() == 0


def assert_nothing_was_lost(home: Path, receiver: Receiver) -> None:
    store, lock = open_store(home / "state" / "drill", "drill", as_confirmed=True)
    entries = list(store.entries.values())
    assert {entry.state for entry in entries} == {EntryState.DELIVERED}
    assert {one for one in tellings(entries) if not one[4].startswith("系统:状态恢复")} == tellings(planned(home))
    seen = {(bubble.chat, number_of(bubble)) for bubble in receiver.seen()}
    assert seen == {(entry.chat, entry.number) for entry in entries}
    store.close()
    lock.release()


def planned(home: Path) -> list[Draft]:
    """What an undisturbed year holds."""
    read = read_home(home)
    assert read.rulebook is not None
    store = Store(Database.in_memory(), Facts(all_confirmed=True))
    return [draft for draft, _ in outlook(scene_of(read, read.rulebook, store), at(START), at(UNTIL))]


def repeats(receiver: Receiver) -> Counter[tuple[str, str, int]]:
    """Parts shown more than once. Every later copy must be marked."""
    copies = Counter[tuple[str, str, int]]()
    for bubble in receiver.seen():
        key = (bubble.chat, number_of(bubble), bubble.part)
        assert ("补发" in bubble.title) >= (key in copies), f"{key} was repeated without saying so"
        copies[key] += 1
    return copies


async def survive(home: Path, kills: int, longest: float, seed: int) -> Counter[tuple[str, str, int]]:
    logger.remove()
    receiver = Receiver()
    async with serving(receiver.twin.asgi) as port:
        furnish(home, port, receiver.twin)
        await kill_and_go_on(home, kills, longest, seed)
    assert_nothing_was_lost(home, receiver)
    return repeats(receiver)


async def test_killed_twenty_five_times_nothing_is_lost_and_repeats_are_marked(tmp_path: Path) -> None:
    copies = await survive(tmp_path, kills=25, longest=0.35, seed=20261123)
    assert len(copies) > 150
    assert sum(copies.values()) - len(copies) <= 25 * len(UNITS)  # at most what was in flight at each kill


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(3))
async def test_killed_two_hundred_and_fifty_times_nothing_is_lost_and_repeats_are_marked(
    tmp_path: Path, seed: int
) -> None:
    await survive(tmp_path, kills=250, longest=0.25, seed=seed)
