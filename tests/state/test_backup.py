"""Backups beside a running bot, and putting one back: whole or not at all, and nothing is ever thrown away."""

from __future__ import annotations

import errno
import gzip
import io
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

import bot.state.backup as module
from bot.core.facts.events import Done, Event
from bot.core.telling.entry import EntryState
from bot.core.telling.receipts import Sheet
from bot.core.time.zone import ZONE
from bot.state.archive import Archive, Seal
from bot.state.backup import back_up, copies, copy_of, prune, read_backup, restore, salvage
from bot.state.disk.database import Database
from bot.state.disk.errors import BadBackup, DamagedState, StorageFailed
from bot.state.disk.lock import StateLock, StateLocked
from bot.state.sent import Sent, texts_of
from bot.state.store import GAP, Store
from tests.kit.places import everything
from tests.state.test_store import draft, row

NOW = datetime(2027, 3, 1, 8, 47, tzinfo=ZONE)
LATER = NOW + timedelta(days=3)
PACKED_NOTHING, PACKED_NOISE = gzip.compress(b""), gzip.compress(b"x" * 2000)


def keep(store: Store, key: str) -> None:
    with store.work():
        store.keep(Event.of(Done(item="T05-M1"), key=key, time=NOW))


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state with a snapshot, a journal, an archive, and an entry still to be sent."""
    folder = tmp_path / "state"
    store = Store(Database.open(folder))
    keep(store, "a")
    with store.work():
        [entry] = store.promise([draft(at=NOW - timedelta(days=60))], NOW - timedelta(days=60), "d")
        store.put(entry.model_copy(update={"state": EntryState.DELIVERED, "delivered_at": entry.at}))
        store.promise([draft(row("T05-R1@2027-1"), at=NOW)], NOW, "d")
    store.sweep(Archive(folder / "archive"), NOW)
    store.database.compact()
    keep(store, "b")
    store.close()
    return folder


def reopened(state: Path) -> Store:
    store = Store(Database.open(state))
    store.close()
    return store


def all_files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# --- making -----------------------------------------------------------------------------------


def test_a_backup_holds_the_whole_state_and_only_its_owner_can_read_it(state: Path, tmp_path: Path) -> None:
    target = tmp_path / "b" / "one.tar.gz"
    back_up(state, target, NOW)
    found = read_backup(target)
    assert everything(found.store.database) == everything(reopened(state).database)
    assert found.check_archive() > 0
    assert found.at == NOW
    assert target.stat().st_mode & 0o077 == 0
    assert [path.name for path in target.parent.iterdir()] == ["one.tar.gz"]


WRITE = """
import sys
from pathlib import Path
from bot.state.disk.database import Database
db = Database.open(Path(sys.argv[1]), compact_bytes=4000)
number = 0
while True:
    number += 1
    with db.work(durable=False):
        db.table("outbox").put(1, {"号": number})
        db.table("told").put(number % 9 + 1, {"号": number})
    print(number, flush=True)
"""


class Bare:
    """In a store's place, for a state whose documents are not a bot's."""

    seal = Seal()

    def __init__(self, members: dict[str, bytes]) -> None:
        self.database = Database.of_files({name: data for name, data in members.items() if "/" not in name})


def test_backups_made_while_a_bot_writes_and_compacts_are_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_opened", Bare)
    with subprocess.Popen([sys.executable, "-c", WRITE, str(tmp_path / "s")], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        for turn in range(30):
            said = [int(writer.stdout.readline()) for _ in range(20)][-1]
            back_up(tmp_path / "s", tmp_path / f"{turn}.tar.gz", NOW)
            tables = everything(read_backup(tmp_path / f"{turn}.tar.gz").store.database)
            number = tables["outbox"][1]["号"]
            assert number >= said
            assert tables["told"][number % 9 + 1] == {"号": number}
        writer.kill()


def test_the_words_as_they_were_sent_come_back_with_a_backup_and_with_a_salvage(state: Path, tmp_path: Path) -> None:
    sent = Sent(state / "archive")
    sha = sent.keep("2026-0001", "1/1", '{"text":{"content":"原文"}}'.encode(), NOW)
    sent.close()
    back_up(state, tmp_path / "b.tar.gz", NOW)
    restore(state, read_backup(tmp_path / "b.tar.gz"), NOW)
    assert texts_of(state / "archive", {"2026-0001"}) == {sha: Sheet("1/1", "原文")}
    damage(state)
    assert salvage(state, LATER) is not None
    assert texts_of(state / "archive", {"2026-0001"}) == {sha: Sheet("1/1", "原文")}


def test_a_state_not_begun_can_be_backed_up(tmp_path: Path) -> None:
    back_up(tmp_path / "none", tmp_path / "b.tar.gz", NOW)
    assert read_backup(tmp_path / "b.tar.gz").store.events == []


def test_a_damaged_state_is_not_backed_up_and_the_last_good_backup_stays(state: Path, tmp_path: Path) -> None:
    target = tmp_path / "one.tar.gz"
    back_up(state, target, NOW)
    before = target.read_bytes()
    (state / "snapshot.jsonl").write_bytes(b"?")
    with pytest.raises(DamagedState):
        back_up(state, target, LATER)
    assert target.read_bytes() == before


def test_a_backup_that_finds_no_room_leaves_no_half_of_itself(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(file: int) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageFailed, match="磁盘已满"):
        back_up(state, tmp_path / "b" / "one.tar.gz", NOW)
    assert list((tmp_path / "b").iterdir()) == []


def test_seven_daily_and_four_weekly_copies_are_kept(tmp_path: Path) -> None:
    first = date(2027, 1, 1)
    for day in range(100):
        copy_of(tmp_path, first + timedelta(days=day)).write_bytes(b"")
        prune(tmp_path)
    (tmp_path / "duban-2020-01-01-120000.tar.gz").write_bytes(b"")  # made by hand: nobody's to remove
    prune(tmp_path)
    days = [day for day, _ in copies(tmp_path)]
    last = first + timedelta(days=99)
    assert days[-7:] == [last - timedelta(days=back) for back in range(6, -1, -1)]
    assert len(days) == 11
    assert all((b - a).days >= 6 for a, b in pairwise(days[:5]))
    assert (tmp_path / "duban-2020-01-01-120000.tar.gz").exists()


# --- what is not a backup ------------------------------------------------------------------------


def test_a_backup_with_any_byte_wrong_is_refused(state: Path, tmp_path: Path) -> None:
    target = tmp_path / "one.tar.gz"
    back_up(state, target, NOW)
    data = gzip.decompress(target.read_bytes())
    content = [offset for offset in range(0, len(data), 3) if data[offset] not in (0,)]
    for offset in content[::5]:
        wrong = bytearray(data)
        wrong[offset] ^= 4
        target.write_bytes(gzip.compress(bytes(wrong), 1))
        try:
            found = read_backup(target)
        except BadBackup:
            continue
        assert everything(found.store.database) == everything(reopened(state).database)  # a tar header's owner or date


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "lock", "archive/../../x.jsonl", "snapshot.jsonl/x"])
def test_a_backup_that_wants_to_write_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    target = tmp_path / "evil.tar.gz"
    with tarfile.open(target, "w:gz") as tar:
        info = tarfile.TarInfo(name)
        info.size = 1
        tar.addfile(info, io.BytesIO(b"x"))
    with pytest.raises(BadBackup, match="不属于备份"):
        read_backup(target)


@pytest.mark.parametrize(
    "data", [b"", b"not a tar", PACKED_NOTHING, PACKED_NOISE], ids=["empty", "text", "nothing", "noise"]
)
def test_what_is_no_backup_is_refused_by_name(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x.tar.gz").write_bytes(data)
    with pytest.raises(BadBackup, match=r"x\.tar\.gz"):
        read_backup(tmp_path / "x.tar.gz")
    with pytest.raises(BadBackup, match="没有这个文件"):
        read_backup(tmp_path / "none.tar.gz")


# --- putting one back --------------------------------------------------------------------------


def test_restoring_gives_back_the_state_of_then_and_keeps_what_was_there(state: Path, tmp_path: Path) -> None:
    back_up(state, tmp_path / "b.tar.gz", NOW)
    store = Store(Database.open(state))
    keep(store, "after the backup")
    store.close()
    before = {name: data for name, data in all_files(state).items() if name != "lock"}
    aside = restore(state, read_backup(tmp_path / "b.tar.gz"), LATER)
    assert aside is not None
    assert all_files(aside) == before
    store = reopened(state)
    assert [event.id for event in store.events] == ["a", "b"]
    assert Archive(state / "archive").check(store.seal) > 0
    assert not (state / "restoring").exists()


def test_after_restoring_nothing_goes_twice_without_saying_so(state: Path, tmp_path: Path) -> None:
    back_up(state, tmp_path / "b.tar.gz", NOW)
    restore(state, read_backup(tmp_path / "b.tar.gz"), LATER)
    store = reopened(state)
    store = Store(Database.open(state))
    assert all(entry.resent for entry in store.open_entries())
    assert len(store.open_entries()) == 1
    with store.work():
        [new] = store.promise([draft(row("X"), chat="甲", at=LATER)], LATER, "d")
    assert int(new.number.partition("-")[2]) > GAP
    [note] = store.notes()
    assert "补录" in note.lines[0]
    store.close()


def test_a_running_bot_is_not_restored_under_its_feet(state: Path, tmp_path: Path) -> None:
    back_up(state, tmp_path / "b.tar.gz", NOW)
    before = all_files(state)
    with StateLock(state):
        with pytest.raises(StateLocked):
            restore(state, read_backup(tmp_path / "b.tar.gz"), LATER)
        with pytest.raises(StateLocked):
            salvage(state, LATER)
    assert {name: data for name, data in all_files(state).items() if name != "lock"} == before


def test_a_damaged_state_is_replaced_and_kept_for_whoever_wants_to_know(state: Path, tmp_path: Path) -> None:
    back_up(state, tmp_path / "b.tar.gz", NOW)
    (state / "snapshot.jsonl").write_bytes(b"damaged")
    aside = restore(state, read_backup(tmp_path / "b.tar.gz"), LATER)
    assert aside is not None
    assert (aside / "snapshot.jsonl").read_bytes() == b"damaged"
    assert len(reopened(state).events) == 2


@pytest.fixture
def moves(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Lets the first `moves[0]` renames happen, then pulls the plug; none when negative."""
    left = [-1]
    rename = os.replace

    def replace(old: Path, new: Path) -> None:
        if left[0] == 0:
            raise KeyboardInterrupt
        left[0] -= 1
        rename(old, new)

    monkeypatch.setattr(os, "replace", replace)
    yield left
    left[0] = -1


@pytest.mark.parametrize("how", ["restore", "salvage"])
def test_restoring_interrupted_anywhere_refuses_to_open_and_is_finished_by_the_next(
    state: Path, tmp_path: Path, moves: list[int], how: str
) -> None:
    back_up(state, tmp_path / "b.tar.gz", NOW)
    found = read_backup(tmp_path / "b.tar.gz")
    whole = all_files(state)
    for step in range(20):
        again = tmp_path / f"state-{step}"
        for name, data in whole.items():
            (again / name).parent.mkdir(parents=True, exist_ok=True)
            (again / name).write_bytes(data)
        damage(again)
        moves[0] = step
        try:
            restore(again, found, LATER) if how == "restore" else salvage(again, LATER)
            break
        except KeyboardInterrupt:
            moves[0] = -1
        with pytest.raises(DamagedState):
            Database.open(again)
        restore(again, found, LATER) if how == "restore" else salvage(again, LATER)
        assert [event.id for event in reopened(again).events] == (["a", "b"] if how == "restore" else ["a"])
        assert any(data.startswith(b"?") for data in all_files(again).values())  # the damaged file is kept
    assert step > 5


def damage(state: Path) -> None:
    """The first record after the snapshot is spoilt, a good one follows."""
    store = Store(Database.open(state))
    keep(store, "c")
    store.close()
    [journal] = state.glob("journal-*.log")
    journal.write_bytes(b"?" + journal.read_bytes()[1:])


def test_salvaging_keeps_what_comes_before_the_damage_and_says_so(state: Path) -> None:
    damage(state)
    done = salvage(state, LATER)
    assert done is not None
    aside, found = done
    assert aside is not None
    assert found.offset == 0
    store = reopened(state)
    assert [event.id for event in store.events] == ["a"]
    assert "损坏之前" in store.notes()[0].lines[0]
    assert Archive(state / "archive").check(store.seal) > 0
    assert salvage(state, LATER) is None


def test_a_spoilt_snapshot_cannot_be_salvaged_and_nothing_is_touched(state: Path) -> None:
    file = state / "snapshot.jsonl"
    file.write_bytes(file.read_bytes()[:-9])
    before = all_files(state)
    with pytest.raises(DamagedState, match="duban restore"):
        salvage(state, LATER)
    assert {name: data for name, data in all_files(state).items() if name != "lock"} == before
