"""The monthly archive and the nightly copy happen by themselves; what fails is tried again and the admin hears of it."""

from __future__ import annotations

import errno
import os
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from loguru import logger

from bot.core.deciding.addressees import ADMIN
from bot.core.telling.entry import EntryState
from bot.core.time.zone import ZONE
from bot.sending.chats import Chats
from bot.service.home import open_store, read_home
from bot.service.maintenance import Maintenance
from bot.service.wiring import listen, make_app
from bot.sources.clock import RealClock
from bot.state.archive import Archive
from bot.state.backup import copies, read_backup
from bot.state.disk.database import Database
from bot.state.disk.errors import StorageFailed
from bot.state.disk.journal import Journal
from bot.state.store import Store
from tests.kit.faulty_disks import Lasting
from tests.kit.house import furnished
from tests.kit.rules_factory import write_rules
from tests.state.test_store import draft

JAN = datetime(2027, 1, 8, 8, 47, tzinfo=ZONE)
FEB = datetime(2027, 2, 1, 8, 0, tzinfo=ZONE)
WEEK = FEB + timedelta(days=7)
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _quiet() -> None:
    logger.remove()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A state with one message of January, delivered."""
    store = Store(Database.open(tmp_path / "state"))
    with store.work():
        [entry] = store.promise([draft(at=JAN)], JAN, "d")
        store.put(entry.model_copy(update={"state": EntryState.DELIVERED, "delivered_at": JAN}))
    return store


def keeper(store: Store, folder: Path, *, backups: bool = True) -> Maintenance:
    return Maintenance(store, folder / "state", folder / "backup" if backups else None)


def look(upkeep: Maintenance, now: datetime) -> None:
    """A pass, and the next one once a copy begun by it is done."""
    upkeep.look(now)
    if upkeep.copying is not None:
        upkeep.copying.exception()
        upkeep.look(now)


# --- archive ---------------------------------------------------------------------------------


def test_a_week_into_a_month_the_one_before_is_archived(store: Store, tmp_path: Path) -> None:
    upkeep = keeper(store, tmp_path, backups=False)
    for early in (
        JAN,
        FEB,
        WEEK - timedelta(days=1),
    ):  # a clock that is days ahead may yet be set back into the month before
        look(upkeep, early)
        assert len(store.entries) == 1
    look(upkeep, WEEK)
    assert store.entries == {}
    assert store.seal.rows["outbox"] == 1
    revision = store.revision
    look(upkeep, WEEK + HOUR)
    assert store.revision == revision


def test_an_archive_that_cannot_be_written_is_told_and_tried_again_after_an_hour(store: Store, tmp_path: Path) -> None:
    upkeep = keeper(store, tmp_path, backups=False)
    (tmp_path / "state" / "archive").write_text("in the way")
    look(upkeep, WEEK)
    [trouble] = upkeep.troubles()
    assert (trouble.id, trouble.since) == ("状态归档", WEEK)
    assert "写入归档失败" in trouble.lines[0]
    (tmp_path / "state" / "archive").unlink()
    look(upkeep, WEEK + HOUR / 2)
    assert len(store.entries) == 1
    look(upkeep, WEEK + HOUR)
    assert store.entries == {}
    assert upkeep.troubles() == []


def test_a_damaged_archive_is_told_with_its_line_while_reminders_go_on(store: Store, tmp_path: Path) -> None:
    look(keeper(store, tmp_path, backups=False), WEEK)
    archive = Archive(tmp_path / "state" / "archive")
    file = archive.file("2027-01")
    file.write_bytes(file.read_bytes()[:-30])
    with store.work():
        [entry] = store.promise([draft(at=WEEK)], WEEK, "d")
        store.put(entry.model_copy(update={"state": EntryState.DELIVERED, "delivered_at": WEEK}))
    upkeep = keeper(store, tmp_path, backups=False)
    look(upkeep, WEEK + timedelta(days=40))
    assert "2027-01.jsonl" in upkeep.troubles()[0].lines[0]
    assert "提醒照常发送" in upkeep.troubles()[0].lines[0]


# --- copies ----------------------------------------------------------------------------------


def test_one_copy_is_made_each_day_after_three_at_night(store: Store, tmp_path: Path) -> None:
    upkeep = keeper(store, tmp_path)
    midnight = FEB.replace(hour=0)
    for hours in (1, 2, 3, 4, 20, 25, 27, 28):
        look(upkeep, midnight + hours * HOUR)
    assert [day.day for day, _ in copies(tmp_path / "backup")] == [1, 2]
    assert read_backup(copies(tmp_path / "backup")[-1][1]).store.seal == store.seal


def test_a_machine_that_was_off_at_night_makes_its_copy_when_it_is_back(store: Store, tmp_path: Path) -> None:
    look(keeper(store, tmp_path), FEB.replace(hour=14))
    assert len(copies(tmp_path / "backup")) == 1


def test_a_copy_that_fails_is_told_until_one_succeeds(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(file: int) -> None:
        raise OSError(errno.ENOSPC, "full")

    upkeep = keeper(store, tmp_path)
    look(upkeep, FEB)  # the archive's own writes
    (tmp_path / "backup").rename(tmp_path / "elsewhere")
    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", full)
        look(upkeep, FEB)
        assert [trouble.id for trouble in upkeep.troubles()] == ["状态备份"]
        assert "磁盘已满" in upkeep.troubles()[0].lines[0]
        look(upkeep, FEB + HOUR / 2)
    assert upkeep.troubles()
    look(upkeep, FEB + HOUR)
    assert upkeep.troubles() == []
    assert len(copies(tmp_path / "backup")) == 1


def test_without_copies_wanted_none_are_made(store: Store, tmp_path: Path) -> None:
    look(keeper(store, tmp_path, backups=False), FEB)
    assert not (tmp_path / "backup").exists()


# --- the admin hears ---------------------------------------------------------------------------


def test_a_journal_that_cannot_be_folded_is_told_until_it_can(tmp_path: Path) -> None:
    disk = Lasting("rename", errno.EACCES)
    store = Store(Database(Journal.open(tmp_path / "state", disk), compact_bytes=500))
    upkeep = keeper(store, tmp_path, backups=False)
    disk.arm(0)
    fill(store)
    look(upkeep, JAN)
    [trouble] = upkeep.troubles()
    assert trouble.id == "状态整理"
    assert "没有权限" in trouble.lines[0]
    disk.at = None
    fill(store)
    look(upkeep, JAN)
    assert upkeep.troubles() == []


def fill(store: Store) -> None:
    for number in range(20):
        with store.work():
            store.set_meta("evaluated", f"{number}" * 50)


def test_the_service_looks_after_its_state_and_its_admin_hears_of_troubles(tmp_path: Path) -> None:
    write_rules(tmp_path)
    home = read_home(tmp_path)
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "archive").write_text("in the way")
    store, lock = open_store(home.state("real"), "real")
    with store.work():
        [entry] = store.promise([draft(at=JAN - timedelta(days=400))], JAN - timedelta(days=400), "d")
        store.put(entry.model_copy(update={"state": EntryState.DELIVERED, "delivered_at": entry.at}))
    app = make_app(home, store, RealClock(30), Chats())
    listen(app, home)
    app.look_around()
    assert "状态归档" in {trouble.id for trouble in app.scene().troubles}
    store.close()
    lock.release()


async def test_after_a_full_disk_the_admin_hears_since_when_nothing_was_said(tmp_path: Path) -> None:
    async with furnished(tmp_path, "2027-03-01T08:00") as house:
        app, failing = house.app, [True]
        app.clock.kind = "real"  # type: ignore[misc]

        def full(now: datetime) -> None:
            if failing[0]:
                raise StorageFailed("写入状态日志", tmp_path, OSError(errno.ENOSPC, "full"))

        app.before_pass.insert(0, full)
        await app.pass_or_wait_out()
        assert house.store.notes() == []
        failing[0] = False
        await app.pass_or_wait_out()
        await app.pass_or_wait_out()
        [note] = house.store.notes()
        assert "磁盘已满" in note.lines[0]
        assert "03-01 08:00" in note.lines[0]
        app.clock.kind = "drill"  # type: ignore[misc]
        await house.live("2027-03-05T18:00")
        heard = [bubble.at.date().day for bubble in house.seen(ADMIN) if "无法写入" in bubble.source]
        assert heard == [1, 2]  # that day, and the next workday
