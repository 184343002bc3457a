"""The service's loop: pokes, full disks, a clean stop, and whether it is alive."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from pathlib import Path
from time import monotonic

import pytest
from loguru import logger

from bot.core.facts.events import Done, Event
from bot.core.telling.entry import EntryState
from bot.core.time.zone import ZONE
from bot.service.app import App
from bot.service.home import open_store, read_home
from bot.service.wiring import listen, make_app
from bot.sources.clock import RealClock, wall
from bot.sources.inbox import Inbox
from bot.state.disk.database import Database
from bot.state.disk.errors import JournalBroken, StorageFailed
from bot.state.disk.journal import Journal
from bot.state.disk.lock import StateLocked
from bot.state.store import Store
from tests.kit.faulty_disks import FailingDisk
from tests.kit.house import furnished, until
from tests.kit.rules_factory import write_rules
from tests.service.test_app import number_of


@pytest.fixture(autouse=True)
def _quiet() -> None:
    logger.remove()


def real_app(folder: Path, disk: FailingDisk | None = None) -> tuple[App, Store]:
    """The app as `duban run` makes it, without any chat, so that whatever the hour nothing is sent."""
    write_rules(folder)
    home = read_home(folder)
    store = Store(Database(Journal.open(folder / "state", disk)))
    app = make_app(home, store, RealClock(heartbeat=3600), home.chats)
    listen(app, home)
    return app, store


async def test_a_poke_brings_a_letter_in_and_stop_ends_the_loop(tmp_path: Path) -> None:
    app, store = real_app(tmp_path)
    running = asyncio.create_task(app.run())
    await until(lambda: store.meta("evaluated") is not None)
    Inbox(tmp_path / "state" / "inbox").post(Event.of(Done(item="T05-M1"), key="1", time=wall()))
    app.poke.set()
    await until(lambda: "T05-M1" in store.facts.marks)
    await until(lambda: list((tmp_path / "state" / "inbox").glob("*.json")) == [])
    app.stop()
    await running
    store.close()


async def test_a_full_disk_is_waited_out(tmp_path: Path) -> None:
    disk = FailingDisk("write")
    app, store = real_app(tmp_path, disk)
    running = asyncio.create_task(app.run())
    await until(lambda: store.meta("evaluated") is not None)
    disk.arm(0)
    Inbox(tmp_path / "state" / "inbox").post(Event.of(Done(item="T05-M1"), key="1", time=wall()))
    app.poke.set()
    await until(lambda: disk.count > 0)
    assert not running.done()
    assert "T05-M1" not in store.facts.marks
    assert len(list((tmp_path / "state" / "inbox").glob("*.json"))) == 1
    app.poke.set()
    await until(lambda: "T05-M1" in store.facts.marks)
    app.stop()
    await running
    store.close()


async def test_a_disk_that_is_full_at_the_start_is_waited_out_too(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    chats = "群聊:\n  县教育局:\n    - {方言: wecom, 地址: 'http://127.0.0.1:9/cgi-bin/webhook/send?key=a-robot'}\n"
    (tmp_path / "config" / "chats.yaml").write_text(chats, "utf-8")
    disk = FailingDisk("write")
    app, store = real_app(tmp_path, disk)
    disk.arm(0)
    running = asyncio.create_task(app.run())  # first of all it takes note of its robots
    await until(lambda: disk.count > 0)
    assert not running.done()
    app.poke.set()
    await until(lambda: bool(store.robots))
    app.stop()
    await running
    store.close()


async def test_a_journal_that_cannot_be_trusted_ends_the_service(tmp_path: Path) -> None:
    disk = FailingDisk("flush", code=5)
    app, _ = real_app(tmp_path, disk)
    disk.arm(0)
    with pytest.raises(JournalBroken):
        await app.run()


async def test_a_story_does_not_go_on_over_a_full_disk(tmp_path: Path) -> None:
    async with furnished(tmp_path, begin=False) as house:
        house.home = read_home(tmp_path)
        disk = FailingDisk("write")
        store = Store(Database(Journal.open(tmp_path / "state", disk)))
        house.app = make_app(house.home, store, house.clock, house.chats())
        await house.app.one_pass()
        disk.arm(0)
        before = house.clock.now()
        house.clock.jump(house.clock.now() + timedelta(minutes=1))
        with pytest.raises(StorageFailed):
            await house.app.run()
        assert house.clock.now() == before + timedelta(minutes=1)
        store.close()


async def test_files_that_cannot_be_read_keep_nobody_from_being_reminded(tmp_path: Path) -> None:
    async with furnished(tmp_path, "2026-11-23T08:00") as house:

        def unreadable(_: datetime) -> None:
            raise PermissionError

        house.app.before_pass.insert(0, unreadable)
        await house.live("2026-11-23T18:00")
        assert house.all_seen()


async def test_stopping_lets_what_is_in_flight_settle(tmp_path: Path) -> None:
    async with furnished(tmp_path, "2026-11-23T08:00") as house:
        house.twin.hang("县教育局", 0.1)
        running = asyncio.create_task(house.app.run())
        await until(lambda: bool(house.seen("县教育局")))
        house.app.stop()
        await running
        [number] = {number_of(bubble) for bubble in house.seen("县教育局")}
        assert house.store.entries[number].state is EntryState.DELIVERED


async def test_a_loop_that_stands_still_is_no_longer_alive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with furnished(tmp_path) as house:
        await house.app.one_pass()
        answers = [house.app.alive]
        monkeypatch.setattr("bot.service.app.monotonic", lambda: monotonic() + 131)
        answers.append(house.app.alive)
        await house.app.one_pass()
        answers.append(house.app.alive)
        assert answers == [True, False, True]


async def test_each_new_day_is_looked_at_from_its_first_minute(tmp_path: Path) -> None:
    async with furnished(tmp_path, "2027-07-01T12:00") as house:
        await house.app.one_pass()
        ahead = house.app.next_instant()
        assert ahead is not None
        assert ahead <= datetime(2027, 7, 2, tzinfo=ZONE)


async def test_a_second_bot_on_the_same_state_is_refused(tmp_path: Path) -> None:
    async with furnished(tmp_path) as house:
        for keep in (True, False):
            with pytest.raises(StateLocked):
                open_store(house.folder / "state" / "drill", "drill", keep=keep)
