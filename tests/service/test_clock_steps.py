"""The machine's clock is set while the service runs: nothing stands still, waits stay as long, and somebody hears of it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bot.core.telling.entry import EntryState
from bot.drill.twin import Twin
from bot.service.clock_steps import ClockSteps
from bot.sources.clock import wall
from tests.kit.house import at, furnished, serving, until
from tests.kit.rules_factory import TASK, write_rules

ROOT = Path(__file__).parents[2]
HOUR = timedelta(hours=1)


# --- noticed ----------------------------------------------------------------------------------------------------------


async def test_a_step_of_more_than_an_hour_is_told_to_the_admin(tmp_path: Path) -> None:
    async with furnished(tmp_path) as house:
        steps = ClockSteps(house.app)
        house.clock.jump(house.clock.now() - 2 * HOUR)
        steps.look(house.clock.now())
        [note] = [one for one in house.app.store.notes() if one.title == "系统时钟被改动"]
        assert "拨慢了约120分钟" in note.lines[0]


async def test_a_step_of_minutes_is_only_logged_and_time_that_passes_is_no_step(tmp_path: Path) -> None:
    async with furnished(tmp_path) as house:
        steps = ClockSteps(house.app)
        await house.live(until="2026-12-01T12:00")
        steps.look(house.clock.now())
        house.clock.jump(house.clock.now() + 8 * HOUR / 60)
        steps.look(house.clock.now())
        assert [one for one in house.app.store.notes() if one.title == "系统时钟被改动"] == []


# --- waits ------------------------------------------------------------------------------------------------------------


async def test_what_waits_for_a_platform_waits_no_longer_when_the_clock_is_set_back(tmp_path: Path) -> None:
    async with furnished(tmp_path) as house:
        house.refuse("busy", "县教育局")
        await house.live(until="2027-01-04T09:40")
        [entry] = [one for one in house.app.store.open_entries() if one.chat == "县教育局"]
        assert entry.state is EntryState.LATER
        steps, left = ClockSteps(house.app), entry.next_attempt_at - house.clock.now()
        house.clock.jump(house.clock.now() - 2 * HOUR)
        steps.look(house.clock.now())
        assert house.app.store.entries[entry.number].next_attempt_at - house.clock.now() == left


async def test_after_a_restart_no_wait_is_longer_than_the_longest_of_its_kind(tmp_path: Path) -> None:
    async with furnished(tmp_path) as house:
        house.refuse("busy", "县教育局")
        await house.live(until="2027-01-07T16:00")
        house.close()
        house.clock.jump(at("2027-01-05T10:00"))  # as a machine does whose battery is empty
        house.open()
        house.app.start()
        waiting = [one for one in house.app.store.open_entries() if one.state is EntryState.LATER]
        assert waiting
        assert max(one.next_attempt_at for one in waiting) <= at("2027-01-05T15:05")


# --- the real process -------------------------------------------------------------------------------------------------


@asynccontextmanager
async def running(home: Path, wrong: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """A real `duban run` with the real clock of a machine whose time is wrong."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(ROOT / "tests" / "kit" / "wrong_clock.py"), str(wrong), "--home", str(home), "run", "--port", "0",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(ROOT), "DUBAN_HEARTBEAT": "5"},
    )  # fmt: skip
    try:
        assert process.stdout is not None
        await process.stdout.readline()
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        await process.wait()


def set_to(wrong: Path, moment: datetime) -> None:
    """Sets the wrong clock; whole, so that no half of it is read."""
    (fresh := wrong.with_suffix(".new")).write_text(str((moment - wall()).total_seconds()))
    fresh.replace(wrong)


@pytest.mark.timeout(120)
async def test_a_clock_set_back_two_hours_holds_up_nothing_longer_than_a_heartbeat(tmp_path: Path) -> None:
    write_rules(tmp_path, {"tasks/05.yaml": TASK.replace("依据: 建议", "依据: 管理员")})
    twin, wrong, morning = Twin(wall, wall), tmp_path / "wrong", at("2027-01-04T07:30:50")
    async with serving(twin.asgi) as port:
        address = f"http://127.0.0.1:{port}{twin.add_chat('县教育局', 'wecom')}"
        (tmp_path / "config").mkdir()
        (tmp_path / "config" / "chats.yaml").write_text(
            f"群聊:\n  县教育局:\n    - {{方言: wecom, 地址: '{address}'}}\n", "utf-8"
        )
        set_to(wrong, morning)
        async with running(tmp_path, wrong):
            set_to(wrong, morning - 2 * HOUR)
            await asyncio.sleep(
                6
            )  # the heartbeat of before is over; one that reckons by the wall clock is two hours away
            assert twin.received("县教育局") == []
            set_to(wrong, morning + 2 * HOUR)
            await until(lambda: bool(twin.received("县教育局")))
