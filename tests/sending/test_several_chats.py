"""也发: a unit told in more than one chat. Each chat has its own entry, slot and memory; one that fails stops no other."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.core.preview.preview import preview_of
from bot.core.telling.entry import EntryState, Telling
from bot.sending.chats import Chats
from tests.kit.house import NAMES, House, at, furnished

FURTHER = "基础教育股"
OWN = "县教育局"


def told_too(house: House, also: Mapping[str, tuple[str, ...]], **shared: str) -> Chats:
    chats = house.chats()
    directory = replace(chats.directory, chats={**chats.directory.chats, **shared}, also=also)
    return replace(chats, directory=directory)


@asynccontextmanager
async def a_house(folder: Path, also: Mapping[str, tuple[str, ...]], **shared: str) -> AsyncIterator[House]:
    async with furnished(folder, "2027-12-20T08:00", names=(*NAMES, FURTHER), begin=False, heard=True) as house:
        house.open(told_too(house, also, **shared), listening=False)
        try:
            yield house
        finally:
            await house.app.deliveries.close()


def rows(house: House, chat: str) -> list[tuple[str, str, str]]:
    """What was delivered to a chat: item, rung, role."""
    found = house.entries(EntryState.DELIVERED)
    return sorted((row.item, row.rung, row.role) for entry in found if entry.chat == chat for row in entry.tellings)


def titles(house: House, chat: str) -> list[str]:
    return [bubble.title for bubble in house.seen(chat)]


async def test_both_chats_are_told_the_same_and_each_keeps_its_own_receipt(tmp_path: Path) -> None:
    async with a_house(tmp_path, {OWN: (FURTHER,)}) as house:
        await house.live("2028-01-20T18:00")
        assert rows(house, OWN) == rows(house, FURTHER) != []
        assert titles(house, OWN) == titles(house, FURTHER)
        numbers = {chat: {e.number for e in house.entries() if e.chat == chat} for chat in (OWN, FURTHER)}
        assert not numbers[OWN] & numbers[FURTHER]
        assert {row.addressee for e in house.entries() if e.chat == FURTHER for row in e.tellings} == {
            f"{OWN}→{FURTHER}"
        }


@pytest.mark.parametrize(("failing", "well"), [(OWN, FURTHER), (FURTHER, OWN)])
async def test_a_chat_that_fails_stops_no_other_and_catches_up_by_itself(
    tmp_path: Path, failing: str, well: str
) -> None:
    async with a_house(tmp_path, {OWN: (FURTHER,)}) as house:
        house.refuse("busy", failing)
        await house.live("2027-12-28T18:00")
        assert house.seen(failing) == []
        assert rows(house, well)
        before = len(house.seen(well))
        house.heal(failing)
        house.close()
        house.open(told_too(house, {OWN: (FURTHER,)}), listening=False)
        await house.live("2027-12-29T18:00")
        assert {row[0] for row in rows(house, failing)} == {row[0] for row in rows(house, well)}
        assert len(house.seen(well)) - before <= 1


async def test_the_preview_foretells_what_a_further_chat_is_told(tmp_path: Path) -> None:
    async with a_house(tmp_path, {OWN: (FURTHER,)}) as house:
        ahead = preview_of(house.app.scene(), at("2027-12-20T08:00"), at("2028-03-20T18:00"))
        drafts = [draft for draft, _ in ahead if draft.chat == FURTHER]
        foretold = sorted((row.item, row.rung, row.role) for draft in drafts for row in draft.tellings)
        await house.live("2028-03-20T18:00")
        assert foretold == rows(house, FURTHER) != []


async def test_what_stands_in_a_further_chat_of_two_units_is_one_digest_a_day(tmp_path: Path) -> None:
    also = {OWN: (FURTHER,), "县财政局": (FURTHER,)}
    async with a_house(tmp_path, also, 县财政局=OWN) as house:
        await house.live("2028-01-20T18:00")
        for chat in (OWN, FURTHER):
            told = [entry for entry in house.entries(EntryState.DELIVERED) if entry.chat == chat]
            said = [(row.item, row.rung, row.rung_on, row.addressee) for entry in told for row in entry.tellings]
            assert len(said) == len(set(said))
        assert rows(house, OWN) == rows(house, FURTHER)
        assert len(titles(house, OWN)) == len(titles(house, FURTHER))


async def test_a_chat_not_told_too_any_more_is_cancelled_and_the_unit_keeps_its_own(tmp_path: Path) -> None:
    async with a_house(tmp_path, {OWN: (FURTHER,)}) as house:
        house.refuse("busy", FURTHER)
        await house.live("2027-12-28T18:00")
        chats = told_too(house, {})
        robots = {chat: found for chat, found in chats.robots.items() if chat != FURTHER}
        house.app.readdress(replace(chats, robots=robots))
        assert any(entry.chat == FURTHER for entry in house.store.open_entries())  # it may be back in a moment
        house.clock.jump(house.clock.now() + timedelta(minutes=10))
        house.app.end_graces(house.clock.now())
        left = [entry for entry in house.entries() if entry.chat == FURTHER]
        assert {entry.state for entry in left} == {EntryState.CANCELLED}
        taken_back = {row.addressee for entry in left for row in entry.tellings}
        assert taken_back == {f"{OWN}→{FURTHER}"}
        assert house.store.tellings.latest("T05-M1", f"{OWN}→{FURTHER}") is None
        assert house.store.tellings.latest("T05-M1", OWN) is not None
        assert rows(house, OWN)


async def test_a_further_chat_without_a_usable_robot_keeps_its_messages(tmp_path: Path) -> None:
    async with a_house(tmp_path, {OWN: (FURTHER,)}) as house:
        chats = told_too(house, {OWN: (FURTHER,)})
        robots = {chat: found for chat, found in chats.robots.items() if chat != FURTHER}
        house.app.readdress(replace(chats, robots=robots))
        await house.live("2027-12-28T18:00")
        kept: list[Telling] = [row for e in house.store.open_entries() if e.chat == FURTHER for row in e.tellings]
        assert {row.item for row in kept} == {row[0] for row in rows(house, OWN)}
