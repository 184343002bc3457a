"""What is settled and past leaves the live state, and nothing that is still to be decided can tell."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.facts.events import Done, Event, Withdrawn
from bot.core.telling.entry import Entry, EntryState
from bot.core.time.zone import ZONE
from bot.state.archive import Archive, Seal, past_entries
from bot.state.disk.database import Database
from bot.state.disk.errors import DamagedArchive, StorageFailed
from bot.state.store import Store
from tests.kit.faulty_disks import FailingDisk
from tests.state.test_store import draft, row

JAN = datetime(2027, 1, 8, 8, 47, tzinfo=ZONE)
MONTH = timedelta(days=31)
LATER = datetime(2027, 3, 1, 0, 5, tzinfo=ZONE)


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "state" / "archive")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(Database.open(tmp_path / "state"))


def tell(store: Store, at: datetime, item: str = "T05-M1", rung: str = "逾期每7天", *, settle: bool = True) -> Entry:
    with store.work():
        [entry] = store.promise([draft(row(item, rung_on=at.date(), rung=rung), at=at)], at, "d")
    if settle:
        with store.work():
            entry = entry.model_copy(update={"state": EntryState.DELIVERED, "delivered_at": at})
            store.put(entry)
    return entry


def swept(store: Store, archive: Archive, now: datetime = LATER) -> list[tuple[str, dict[str, object]]]:
    store.sweep(archive, now)
    return [(link.kind, link.row) for link in archive.links(store.seal)]


def again(store: Store, archive: Archive) -> Store:
    """A restart."""
    store.close()
    return Store(Database.open(archive.folder.parent))


# --- what leaves and what stays -----------------------------------------------------


def test_settled_entries_of_past_months_leave_in_order_into_their_months_files(store: Store, archive: Archive) -> None:
    january, february, march = (tell(store, at) for at in (JAN, JAN + MONTH, LATER))
    assert store.sweep(archive, LATER) >= 2
    assert set(store.entries) == {march.number}
    assert list(past_entries(archive, store.seal)) == [january, february]
    assert sorted(path.name for path in archive.folder.iterdir()) == ["2027-01.jsonl", "2027-02.jsonl"]


@pytest.mark.parametrize("state", [EntryState.PENDING, EntryState.LATER, EntryState.REFUSED, EntryState.SENDING,
                                   EntryState.UNDELIVERABLE])  # fmt: skip
def test_what_is_not_settled_stays_however_old(store: Store, archive: Archive, state: EntryState) -> None:
    entry = tell(store, JAN, settle=False)
    with store.work():
        store.put(entry.model_copy(update={"state": state}))
    store.sweep(archive, LATER)
    assert store.entries[entry.number].state is state


def test_the_last_telling_stays_and_those_before_it_leave(store: Store, archive: Archive) -> None:
    for days in (0, 7, 14):
        tell(store, JAN + timedelta(days=days))
    last = store.tellings.last("T05-M1", date(2027, 12, 31), "县教育局")
    latest = store.tellings.latest("T05-M1", "县教育局")
    told = [kind_row for kind_row in swept(store, archive) if kind_row[0] == "told"]
    assert len(told) == 2
    store = again(store, archive)
    assert store.tellings.last("T05-M1", date(2027, 12, 31), "县教育局") == last
    assert store.tellings.latest("T05-M1", "县教育局") == latest
    store.close()


def test_a_telling_stays_while_the_one_after_it_may_still_be_taken_back(store: Store, archive: Archive) -> None:
    tell(store, JAN)
    waiting = tell(store, JAN + MONTH, settle=False)
    store.sweep(archive, LATER)
    with store.work():
        store.untell(waiting.tellings)
    last = store.tellings.last("T05-M1", date(2027, 12, 31), "县教育局")
    assert last is not None
    assert last.rung_on == JAN.date()


def test_events_are_copied_once_and_stay(store: Store, archive: Archive) -> None:
    for key in "ab":
        with store.work():
            store.keep(Event.of(Done(item="T05-M1"), key=key, time=JAN))
        assert sum(kind == "events" for kind, _ in swept(store, archive)) == len(store.events)
    assert [event.id for event in store.events] == ["a", "b"]


def test_a_second_sweep_moves_nothing(store: Store, archive: Archive) -> None:
    tell(store, JAN)
    store.sweep(archive, LATER)
    seal = store.seal
    assert store.sweep(archive, LATER) == 0
    assert store.seal == seal


def test_a_clock_set_back_or_a_late_settlement_never_writes_into_a_closed_month(store: Store, archive: Archive) -> None:
    tell(store, JAN + MONTH)
    store.sweep(archive, LATER)
    straggler = tell(store, JAN)
    store.sweep(archive, LATER)
    assert [path.name for path in archive.folder.iterdir()] == ["2027-02.jsonl"]
    assert [entry.number for entry in past_entries(archive, store.seal)][-1] == straggler.number
    assert archive.check(store.seal) == sum(store.seal.rows.values())


def test_numbers_go_on_after_everything_was_archived(store: Store, archive: Archive) -> None:
    tell(store, JAN)
    store.sweep(archive, LATER)
    store = again(store, archive)
    assert tell(store, LATER).number == "2027-0002"
    store.close()


FATES = st.sampled_from(["sent", "open", "undone"])
STEPS = st.lists(st.tuples(st.integers(0, 40), st.sampled_from("ABC"), FATES), max_size=25)


@given(steps=STEPS, sweeps=st.sets(st.integers(0, 24)))
def test_no_decision_can_tell_whether_the_archive_took_something(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, str, str]], sweeps: set[int]
) -> None:
    """The memory of two stores with one history, one of them swept whenever it likes, answers alike."""
    archive = Archive(tmp_path_factory.mktemp("state") / "archive")
    archive.folder.parent.mkdir(exist_ok=True)
    kept, lean = Store(Database.in_memory()), Store(Database.in_memory())
    now = JAN
    for number, (days, item, fate) in enumerate(steps):
        now += timedelta(days=days)
        for store in (kept, lean):
            entry = tell(store, now, item, f"级{number}", settle=fate == "sent")
            if fate == "undone":
                with store.work():
                    store.untell(entry.tellings)
                    store.put(entry.model_copy(update={"state": EntryState.CANCELLED}))
        if number in sweeps:
            lean.sweep(archive, now)
        for one in "ABC":
            key = (one, date(2027, 12, 31), "县教育局")
            assert lean.tellings.last(*key) == kept.tellings.last(*key)
            assert lean.tellings.latest(one, "县教育局") == kept.tellings.latest(one, "县教育局")
        assert lean.open_entries() == kept.open_entries()
        assert lean.used("县教育局", now.date()) == kept.used("县教育局", now.date())
    found = {entry.number for entry in past_entries(archive, lean.seal)} | set(lean.entries)
    assert found == set(kept.entries)


# --- faults ---------------------------------------------------------------------------


def test_a_fault_at_every_step_of_a_sweep_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    for step in range(40):
        folder = tmp_path / str(step)
        store = Store(Database.open(folder))
        numbers = {tell(store, JAN + timedelta(days=days)).number for days in (0, 7, 14, 31, 38)}
        disk = FailingDisk()
        archive = Archive(folder / "archive", disk)
        disk.arm(step)
        failed = False
        try:
            store.sweep(archive, LATER)
        except StorageFailed:
            failed = True
        store.close()
        store = Store(Database.open(folder))
        archive = Archive(folder / "archive")
        store.sweep(archive, LATER)
        found = [entry.number for entry in past_entries(archive, store.seal)]
        assert sorted(found + list(store.entries)) == sorted(numbers)
        store.close()
        if not failed:
            assert step > 5
            return
    raise AssertionError("a sweep has an end")


def test_rows_a_crash_left_before_they_were_sealed_are_put_aside_and_written_again(
    store: Store, archive: Archive
) -> None:
    tell(store, JAN)
    first = archive.extend(store.seal, "2027-01", [("outbox", b'{"a":1}')])  # and then the power went
    assert first.rows == {"outbox": 1}
    store.sweep(archive, LATER)
    assert len(list(past_entries(archive, store.seal))) == 1
    assert b'{"a":1}' in (archive.folder / "damaged-1.bin").read_bytes()


@pytest.mark.parametrize("kind", ["cut", "changed", "gone"])
def test_a_damaged_last_row_stops_archiving_and_is_left_as_it_is(store: Store, archive: Archive, kind: str) -> None:
    tell(store, JAN)
    store.sweep(archive, LATER)
    file = archive.file("2027-01")
    data = file.read_bytes()
    if kind == "gone":
        file.unlink()
    else:
        file.write_bytes(data[:-1] if kind == "cut" else data.replace(b'"sha256":"', b'"sha256":"x'))
    before = file.read_bytes() if file.exists() else None
    tell(store, JAN + MONTH)
    with pytest.raises(DamagedArchive, match="提醒照常发送"):
        store.sweep(archive, LATER)
    assert (file.read_bytes() if file.exists() else None) == before
    assert len(store.entries) == 1


@pytest.fixture
def three_months(store: Store, archive: Archive) -> tuple[Archive, Seal]:
    for days in (0, 7, 31, 38, 60):
        tell(store, JAN + timedelta(days=days))
    store.sweep(archive, JAN + timedelta(days=90))
    return archive, store.seal


def test_the_first_changed_byte_anywhere_in_history_is_named_by_file_and_line(
    three_months: tuple[Archive, Seal],
) -> None:
    archive, seal = three_months
    for file in sorted(archive.folder.iterdir()):
        data = file.read_bytes()
        for offset in range(0, len(data), 7):
            wrong = bytearray(data)
            wrong[offset] ^= 1
            file.write_bytes(wrong)
            with pytest.raises(DamagedArchive) as caught:
                archive.check(seal)
            assert caught.value.file == file
            assert caught.value.line == data.count(b"\n", 0, offset) + 1
            assert caught.value.offset == data.rfind(b"\n", 0, offset) + 1
        file.write_bytes(data)
    assert archive.check(seal) == sum(seal.rows.values())


def test_a_missing_month_and_a_cut_off_end_are_named(three_months: tuple[Archive, Seal]) -> None:
    archive, seal = three_months
    first, *_, last = sorted(archive.folder.iterdir())
    data = last.read_bytes()
    last.write_bytes(b"".join(data.splitlines(keepends=True)[:-1]))
    with pytest.raises(DamagedArchive, match="不见了"):
        archive.check(seal)
    last.write_bytes(data)
    first.unlink()
    with pytest.raises(DamagedArchive) as caught:
        archive.check(seal)
    assert (caught.value.file.name, caught.value.line) == ("2027-02.jsonl", 1)


def test_an_archive_that_is_gone_altogether_is_noticed(three_months: tuple[Archive, Seal]) -> None:
    archive, seal = three_months
    for file in archive.folder.iterdir():
        file.unlink()
    with pytest.raises(DamagedArchive):
        archive.check(seal)


def test_what_is_in_the_archive_can_be_withdrawn(store: Store, archive: Archive) -> None:
    with store.work():
        store.keep(Event.of(Done(item="T05-M1"), key="done", time=JAN))
    assert [kind for kind, _ in swept(store, archive)] == ["events"]
    withdrawn = Event.of(Withdrawn(what="done", item="T05-M1"), key="withdrawn", time=LATER)
    with store.work():
        store.keep(withdrawn)
    assert (store.facts.marks, store.knows(withdrawn)) == ({}, True)
    assert again(store, archive).facts.marks == {}
