"""Orders about messages and robots: send again, send elsewhere, this robot works again; and the daily probe."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.core.deciding.admission import Refused
from bot.core.facts.events import Event, Payload, ResendAsked, RobotMended
from bot.core.telling.entry import EntryState
from bot.core.telling.outbox import UNCLEAR
from bot.core.telling.retries import RESENDS
from bot.sending.orders import obey
from tests.kit.post_office import Office, marked, numbers, post_office


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with post_office(tmp_path) as made:
        yield made


def order(office: Office, payload: Payload) -> None:
    """As the journey does it: the event and what it changes in one unit of work."""
    event = Event.of(payload, key=f"{payload!r}{office.now}", time=office.now)
    with office.store.work():
        office.store.keep(event)
        obey(office.store, event, office.now)


async def given_up(office: Office) -> str:
    office.twin.refuse("县教育局", 44004)
    number = office.promise(form="单发")
    await office.send()
    assert office.entry(number).state is EntryState.UNDELIVERABLE
    office.twin.heal("县教育局")
    return number


# --- results nobody knows -------------------------------------------------------------


async def test_what_is_never_answered_clearly_goes_again_ever_slower_and_then_stops(office: Office) -> None:
    office.twin.drop_after_accept("县教育局")
    number = office.promise()
    await office.send()
    waits = []
    while office.entry(number).state is EntryState.LATER:
        before = office.now
        await office.retry(number)
        waits.append((office.now - before).total_seconds())
    entry = office.entry(number)
    assert (entry.state, entry.unclear, entry.why) == (EntryState.UNDELIVERABLE, len(RESENDS) + 1, UNCLEAR)
    assert all(wait >= planned for wait, planned in zip(waits, RESENDS, strict=True))
    assert marked(office.seen()) == [False, True, True, True]
    assert set(numbers(office.seen())) == {number}
    [trouble] = office.store.troubles()
    assert f"{number} 县教育局：{UNCLEAR}" in trouble.lines
    await office.wind(days=3)
    assert len(office.seen()) == len(RESENDS) + 1


async def test_after_that_a_person_may_send_it_again_marked_with_the_same_number(office: Office) -> None:
    office.twin.drop_after_accept("县教育局")
    number = office.promise()
    await office.send()
    while office.entry(number).state is EntryState.LATER:
        await office.retry(number)
    office.twin.heal("县教育局")
    order(office, ResendAsked(numbers=(number,), by="李主任", reason="群里没看到"))
    assert office.entry(number).why == "李主任要求重发，群里没看到"
    await office.send()
    assert office.entry(number).state is EntryState.DELIVERED
    assert numbers(office.seen())[-1] == number
    assert marked(office.seen())[-1]


# --- send again, send elsewhere ----------------------------------------------------------


async def test_what_certainly_never_arrived_is_sent_again_without_a_mark(office: Office) -> None:
    number = await given_up(office)
    order(office, ResendAsked(numbers=(number,), by="李主任"))
    await office.send()
    assert office.entry(number).state is EntryState.DELIVERED
    assert marked(office.seen()) == [False]
    assert office.store.troubles() == []


async def test_an_order_outlives_a_restart(office: Office) -> None:
    number = await given_up(office)
    order(office, ResendAsked(numbers=(number,), by="李主任"))
    await office.die()
    office.open()
    await office.send()
    assert numbers(office.seen()) == [number]
    assert isinstance(office.store.events[-1].payload, ResendAsked)


async def test_what_is_sent_elsewhere_says_for_whom_it_was(office: Office) -> None:
    office.twin.refuse("县教育局", 93000)
    number = office.promise()
    await office.send()
    order(office, ResendAsked(numbers=(number,), chat="县财政局", by="李主任"))
    await office.send()
    assert office.seen() == []
    [bubble] = office.seen("县财政局")
    assert numbers([bubble]) == [number]
    assert "原应发到县教育局，请转告" in bubble.source


async def test_an_order_during_the_night_waits_for_office_hours(office: Office) -> None:
    number = await given_up(office)
    await office.wind(hours=12)
    order(office, ResendAsked(numbers=(number,), by="李主任"))
    await office.send()
    assert office.seen() == []
    await office.retry(number)
    assert numbers(office.seen()) == [number]


async def test_what_was_delivered_or_is_not_there_cannot_be_ordered_and_nothing_is_kept(office: Office) -> None:
    number = office.promise()
    await office.send()
    for wrong, why in ((number, "已送达，不能重发"), ("2027-9999", "待发箱里没有“2027-9999”")):
        with pytest.raises(Refused, match=why):
            order(office, ResendAsked(numbers=(wrong,), by="李主任"))
    assert office.store.events == []
    assert office.entry(number).state is EntryState.DELIVERED


# --- robots ---------------------------------------------------------------------------------


async def broken(office: Office, *, messages: int = 2) -> list[str]:
    """A robot refused, and messages that wait for it."""
    office.twin.refuse("县教育局", 93000)
    promised = [office.promise(form="单发") for _ in range(messages)]
    await office.send()
    assert {office.entry(number).state for number in promised} == {EntryState.REFUSED}
    return promised


async def test_a_robot_that_a_person_says_is_mended_sends_everything_in_order(office: Office) -> None:
    promised = await broken(office)
    office.twin.heal("县教育局")
    order(office, RobotMended(robot="县教育局#1", by="李主任"))
    await office.send()
    assert numbers(office.seen()) == promised
    assert office.known.troubles() == []


async def test_a_robot_said_to_be_mended_that_is_not_breaks_again_with_one_attempt(office: Office) -> None:
    promised = await broken(office)
    order(office, RobotMended(robot="县教育局#1", by="李主任"))
    await office.send()
    assert office.outcomes == ["被拒收", "被拒收"]
    assert {office.entry(number).state for number in promised} == {EntryState.REFUSED}


async def test_an_unknown_robot_cannot_be_mended(office: Office) -> None:
    with pytest.raises(Refused, match="没有群机器人“县教肓局#1”，是不是“县教育局#1”？"):
        order(office, RobotMended(robot="县教肓局#1"))


async def test_a_robot_mended_on_its_platform_is_found_out_the_next_workday_by_all_that_waits_in_one_message(
    office: Office,
) -> None:
    promised = await broken(office)
    office.twin.heal("县教育局")
    await office.wind(hours=2)
    assert office.seen() == []
    await office.wind(days=3)  # Monday
    [digest] = numbers(office.seen())
    assert [entry.why for entry in map(office.entry, promised)] == [f"并入{digest}"] * 2
    assert office.entry(digest).state is EntryState.DELIVERED
    assert office.known.troubles() == []


async def test_a_robot_still_broken_is_asked_once_a_day_and_no_more(office: Office) -> None:
    await broken(office)
    for _ in range(3 * 24):
        await office.wind(hours=1)
    assert len(office.outcomes) == 1 + 1  # Friday's refusal, and Monday's in the morning: 72 h later
    [trouble] = office.known.troubles()
    assert "12月24日" in trouble.lines[0]  # since when, not since the last probe


async def test_a_chat_with_another_robot_finds_it_out_by_its_next_message_and_loses_nothing(office: Office) -> None:
    await broken(office, messages=1)
    second = office.robot("县教育局")
    office.known.note_setups()
    order(office, RobotMended(robot=second.name, by="李主任"))  # everything that waits looks again
    office.twin.heal("县教育局")
    await office.send()
    assert [entry.robot for entry in office.store.entries.values()] == [second.name]
    assert office.known.to_probe(office.now + timedelta(days=3)) == []
    await office.wind(days=3)
    promised = [office.promise(form="单发") for _ in range(2)]
    await office.send()
    assert {office.entry(number).robot for number in promised} == {"县教育局#1", second.name}
    assert office.known.troubles() == []
