"""What an event leads to does not wait for a look at everything, and that look follows all the same."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from bot.core.facts.events import Closed, Event, Returned
from bot.core.telling.entry import Entry
from tests.kit.house import House, at, furnished

ITEM = "T05-R1@2027-1"


async def quiet(house: House) -> None:
    """An afternoon on which everything was said and looked at."""
    house.clock.jump(at("2027-03-17T15:05"))
    for _ in range(3):
        await house.app.one_pass()
    assert house.app.nothing_new()


def hasty(house: House) -> bool:
    """Whether something was told before everything was looked at."""
    return house.app.hasty


def returned(house: House, key: str = "r") -> Event:
    payload = Returned(item=ITEM, by="办公室", reason="材料不全")
    return Event.of(payload, key=key, time=house.clock.now(), source="test")


async def test_an_item_sent_back_in_a_quiet_hour_is_told_by_a_look_at_it_alone(tmp_path: Path) -> None:
    async with furnished(tmp_path, heard=True) as house:
        await quiet(house)
        before = house.store.meta("evaluated")
        entries = house.app.take_in(returned(house))
        assert [row.item for entry in entries for row in entry.tellings] == [ITEM]
        assert hasty(house)
        assert house.store.meta("evaluated") == before
        await house.app.one_pass()
        assert not hasty(house)
        assert len([bubble for bubble in house.all_seen() if entries[0].number in bubble.source]) == 1


async def test_several_events_in_a_row_are_each_taken_in_at_once_and_told_as_one_look_would(tmp_path: Path) -> None:
    async with furnished(tmp_path, heard=True) as house:
        await quiet(house)
        assert house.app.take_in(returned(house))
        closed = Event.of(Closed(item=ITEM, by="办公室"), key="c", time=house.clock.now(), source="test")
        assert house.app.take_in(closed) == []
        assert hasty(house)
        assert house.app.findings[ITEM].detail == "已销号"
        await house.app.one_pass()
        assert house.app.findings[ITEM].detail == "已销号"


async def test_an_event_known_already_changes_nothing_and_one_in_a_busy_hour_is_looked_at_with_all(
    tmp_path: Path,
) -> None:
    async with furnished(tmp_path, heard=True) as house:
        await quiet(house)
        house.app.take_in(returned(house))
        assert house.app.take_in(returned(house)) == []
        assert not hasty(house), "an event known already is no reason for haste: everything was looked at"
        with house.store.work():
            house.store.note("状态停写", "状态曾无法写入", "磁盘满", house.clock.now())
        house.app.take_in(returned(house, "again"))
        assert not hasty(house)


async def test_what_only_delivery_writes_down_is_no_reason_to_look_again(tmp_path: Path) -> None:
    async with furnished(tmp_path, heard=True) as house:
        await quiet(house)
        revision = house.store.revision
        with house.store.work():
            house.store.set_meta("something", "else")
        assert house.store.revision > revision
        assert house.app.nothing_new()


async def test_a_telling_taken_back_is_looked_at_again(tmp_path: Path) -> None:
    async with furnished(tmp_path, heard=True) as house:
        await quiet(house)
        entry = next(iter(house.store.entries.values()))
        with house.store.work():
            house.store.untell(entry.tellings)
        assert not house.app.nothing_new()


async def test_a_slot_that_comes_while_a_look_is_taken_is_looked_at(tmp_path: Path) -> None:
    async with furnished(tmp_path, "2026-11-23T08:00") as house:
        app = house.app
        app.start()
        await app.one_pass()
        slot = app.next_instant()
        house.clock.jump(slot - timedelta(milliseconds=5))
        with house.store.work():
            house.store.note("状态停写", "状态曾无法写入", "磁盘满", house.clock.now())  # whatever makes it look
        take_in = app.take_in

        def slowly(now: datetime) -> list[Entry]:
            entries = take_in(now=now)
            house.clock.jump(slot + timedelta(milliseconds=5))
            return entries

        app.take_in = slowly  # type: ignore[method-assign, assignment]
        await app.one_pass()
        assert not app.nothing_new()
