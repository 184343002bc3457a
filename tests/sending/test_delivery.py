"""Delivery against the platforms' twin over real HTTP: order, waits, doubts and refusals."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from bot.core.telling.entry import EntryState
from bot.core.time.windows import OfficeHours, slot
from bot.platforms import Answer, platform
from bot.sending import delivery
from tests.kit.house import at, until
from tests.kit.post_office import UNITS, Office, marked, numbers, post_office


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with post_office(tmp_path) as made:
        yield made


# --- the plain way --------------------------------------------------------------------


async def test_a_due_entry_is_shown_once_and_settled_with_what_the_platform_said(office: Office) -> None:
    number = office.promise()
    await office.send()
    await office.send()
    assert numbers(office.seen()) == [number]
    entry = office.entry(number)
    assert (entry.state, entry.code, entry.delivered_at) == (EntryState.DELIVERED, "0", office.now)
    assert (entry.attempts, entry.robot) == (1, "县教育局#1")


async def test_an_entry_not_yet_due_stays(office: Office) -> None:
    number = office.promise()
    with office.store.work():
        office.store.put(office.entry(number).model_copy(update={"next_attempt_at": office.now + timedelta(minutes=1)}))
    await office.send()
    assert office.seen() == []
    assert office.deliveries.next_instant(office.now) == office.now + timedelta(minutes=1)


async def test_a_chat_without_a_robot_keeps_its_entries_and_nobody_waits_for_it(office: Office) -> None:
    number = office.promise("领导小组")
    await office.send()
    assert office.entry(number).state is EntryState.PENDING
    assert office.deliveries.next_instant(office.now) is None


async def test_order_is_kept_within_a_chat(office: Office) -> None:
    promised = [office.promise("县教育局", form="单发") for _ in range(3)]
    await office.send()
    assert numbers(office.seen()) == promised


async def test_what_is_younger_waits_behind_what_must_be_tried_again(office: Office) -> None:
    first = office.promise(form="单发")
    office.twin.refuse("县教育局", -1)
    await office.send()
    second = office.promise(form="单发")
    office.twin.heal("县教育局")
    await office.send()
    assert office.seen() == []
    assert office.entry(second).attempts == 0
    await office.retry(first)
    assert numbers(office.seen()) == [first, second]


async def test_one_hanging_chat_does_not_delay_the_others(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "CLOSING", 0.0)
    office.twin.hang("县教育局", 60)
    slow = office.promise("县教育局")
    quick = [office.promise(chat) for chat in ("县财政局", "县委教育工委", "管理员")]
    office.deliveries.start()
    await until(lambda: all(office.entry(number).state is EntryState.DELIVERED for number in quick))
    assert office.entry(slow).state is EntryState.SENDING
    await office.deliveries.close()


async def test_more_chats_than_workers_are_all_served(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "WORKERS", 2)
    promised = [office.promise(chat) for chat in UNITS]
    await office.send()
    assert {office.entry(number).state for number in promised} == {EntryState.DELIVERED}
    assert len(office.deliveries.workers) == 2


# --- the platform says wait ---------------------------------------------------------------


async def test_a_busy_platform_is_tried_again_ever_slower_and_never_given_up(office: Office) -> None:
    number = office.promise()
    office.twin.refuse("县教育局", -1)
    await office.send()
    waits = []
    for _ in range(4):
        before = office.now
        await office.retry(number)
        waits.append(office.now - before)
    assert office.entry(number).state is EntryState.LATER
    assert waits[0] < waits[1] < waits[2]
    office.twin.heal("县教育局")
    await office.retry(number)
    assert marked(office.seen()) == [True]  # whoever is busy may have posted it all the same


async def test_a_minute_s_limit_lets_all_through_in_time(office: Office) -> None:
    limit = platform("wecom").limits.our_per_minute
    promised = [office.promise(form="单发") for _ in range(limit + 5)]
    await office.send()
    assert len(office.seen()) == limit
    assert office.deliveries.next_instant(office.now) == office.now + timedelta(minutes=1)
    await office.wind(minutes=1)
    assert numbers(office.seen()) == promised
    assert "稍后重试" not in office.outcomes  # the platform never had to say so


async def test_a_hundred_messages_keep_every_rolling_minute_over_restarts(office: Office) -> None:
    limit = platform("wecom").limits.our_per_minute
    promised = [office.promise(form="单发") for _ in range(100)]
    for minute in range(7):
        await office.send()
        await office.die()
        office.now += timedelta(seconds=25 if minute % 2 else 60)
        office.open()
    await office.send()
    bubbles = office.seen()
    sent = [bubble.at for bubble in bubbles]
    assert all(later - first >= timedelta(minutes=1) for first, later in zip(sent, sent[limit:], strict=False))
    assert numbers(bubbles) == promised[: len(bubbles)]
    assert len(bubbles) >= 5 * limit
    assert not any(marked(bubbles))


async def test_a_message_that_waited_for_hours_is_signed_anew_at_the_same_address(office: Office) -> None:
    robot = office.robot("县民政局", "dingtalk", secret="SEC-d3b07384d113")
    office.known.note_setups()
    number = office.promise("县民政局")
    office.twin.refuse("县民政局", -1)
    await office.send()
    for _ in range(3):
        office.ahead += timedelta(hours=1)
        await office.retry(number)
    office.twin.heal("县民政局")
    office.ahead += timedelta(hours=1)
    await office.retry(number)
    assert office.entry(number).state is EntryState.DELIVERED  # the twin refuses a signature older than an hour
    assert office.robots["县民政局"] == (robot,)


async def test_a_wait_over_the_end_of_office_hours_goes_on_in_the_next_slot(office: Office) -> None:
    office.now = at("2027-12-24T17:29")
    office.look()
    number = office.promise()
    office.twin.refuse("县教育局", -1)
    for _ in range(3):
        await office.send()
        office.now = min(office.entry(number).next_attempt_at, at("2027-12-24T17:29:59"))
    assert office.entry(number).next_attempt_at == slot("县教育局", date(2027, 12, 27), OfficeHours())


async def test_no_connection_at_all_is_waited_out(office: Office) -> None:
    [robot] = office.robots["县教育局"]
    office.robots["县教育局"] = (replace(robot, url=SecretStr("http://127.0.0.1:1/cgi-bin/webhook/send?key=x")),)
    number = office.promise()
    await office.send()
    assert (office.entry(number).state, office.entry(number).resent) == (EntryState.LATER, False)
    office.robots["县教育局"] = (robot,)
    await office.retry(number)
    assert marked(office.seen()) == [False]


# --- doubt ----------------------------------------------------------------------------------


async def test_an_unclear_answer_sends_again_marked_with_the_same_number(office: Office) -> None:
    office.twin.drop_after_accept("县教育局")
    number = office.promise()
    await office.send()
    assert (office.entry(number).state, office.entry(number).resent) == (EntryState.LATER, True)
    office.twin.heal("县教育局")
    await office.retry(number)
    assert numbers(office.seen()) == [number, number]
    assert marked(office.seen()) == [False, True]


async def test_a_page_in_place_of_an_answer_is_no_success(office: Office) -> None:
    office.twin.html("县教育局")
    number = office.promise()
    await office.send()
    assert office.entry(number).state is EntryState.LATER
    office.twin.heal("县教育局")
    await office.retry(number)
    assert office.entry(number).state is EntryState.DELIVERED


async def test_an_entry_found_in_sending_at_start_goes_again_marked(office: Office) -> None:
    office.twin.hang("县教育局", 60)
    number = office.promise()
    office.deliveries.start()
    await until(lambda: bool(office.seen()))
    await office.die()
    office.twin.heal("县教育局")
    office.open()
    await office.send()
    assert numbers(office.seen()) == [number, number]
    assert marked(office.seen()) == [False, True]


async def test_a_message_that_was_interrupted_five_times_yields_and_is_never_given_up(office: Office) -> None:
    def shown(count: int) -> bool:
        return len(office.seen()) == count

    office.twin.hang("县教育局", 60)
    number = office.promise()
    younger = office.promise()
    for crash in range(7):
        assert office.store.notes() == [] if crash < 5 else len(office.store.notes()) == 1
        office.deliveries.start()
        await until(partial(shown, crash + 1))
        await office.die()
        office.open()
    assert numbers(office.seen()) == [*[number] * 5, *[younger] * 2]
    [note] = office.store.notes()
    assert (number in note.lines[0], younger in note.lines[0], "5次" in note.lines[0]) == (True, False, True)
    entry = office.entry(number)
    assert (entry.state, entry.interrupted, entry.unclear) == (EntryState.LATER, 5, 0)
    office.twin.heal("县教育局")
    await office.send()
    assert numbers(office.seen())[7:] == [younger]
    await office.retry(number)
    assert numbers(office.seen())[7:] == [younger, number]
    assert marked(office.seen()) == [False, *[True] * 4, False, *[True] * 3]
    assert len(office.store.notes()) == 1


async def test_what_is_in_hand_is_not_taken_for_lost(office: Office) -> None:
    office.twin.hang("县教育局", 0.1)
    number = office.promise()
    office.deliveries.start()
    await until(lambda: office.entry(number).state is EntryState.SENDING)
    await office.send()
    assert marked(office.seen()) == [False]


# --- refused ----------------------------------------------------------------------------------


async def test_a_refused_entry_goes_on_at_once_through_the_chat_s_other_robot(office: Office) -> None:
    dead = office.robots["县教育局"][0]
    office.robots["县教育局"] = (replace(dead, url=SecretStr(f"{dead.url.get_secret_value()}gone")),)
    office.robot("县教育局")
    office.known.note_setups()
    number = office.promise()
    await office.send()
    assert office.entry(number).state is EntryState.DELIVERED
    assert office.outcomes == ["被拒收", "已送达"]
    second = office.promise()
    await office.send()
    assert office.entry(second).attempts == 1  # the broken one is not asked again


async def test_a_refused_entry_without_another_robot_waits_for_a_person_and_stops_nobody(office: Office) -> None:
    office.twin.refuse("县教育局", 93000)
    number = office.promise()
    await office.send()
    assert office.entry(number).state is EntryState.REFUSED
    assert "重新添加机器人" in office.entry(number).why
    second = office.promise()
    await office.wind(minutes=30)
    assert office.entry(second).state is EntryState.REFUSED
    assert office.outcomes == ["被拒收"]  # the second was not even tried
    assert office.deliveries.next_instant(office.now) is None
    assert [trouble.id for trouble in office.known.troubles()] == ["机器人:县教育局#1"]


async def test_a_message_the_platform_can_never_take_is_given_up_and_the_next_one_goes(office: Office) -> None:
    office.twin.refuse("县教育局", 44004)
    number = office.promise(form="单发")
    await office.send()
    assert office.entry(number).state is EntryState.UNDELIVERABLE
    office.twin.heal("县教育局")
    second = office.promise(form="单发")
    await office.send()
    assert numbers(office.seen()) == [second]
    assert number in office.store.troubles()[0].lines[1]


async def test_a_shape_refused_is_tried_once_smaller_and_then_given_up(office: Office) -> None:
    office.twin.refuse("县教育局", 40058)
    number = office.promise()
    await office.send()
    assert office.entry(number).state is EntryState.UNDELIVERABLE
    assert office.entry(number).attempts == 2
    assert office.outcomes == ["改写重发", "改写重发"]


async def test_after_a_shape_was_refused_the_message_goes_as_plain_text(office: Office) -> None:
    number = office.promise()
    answer = office.twin.answer
    calls = iter([40058])

    def once(dialect: str, token: str, call: Any) -> Answer:
        code = next(calls, 0)
        return Answer({"errcode": code, "errmsg": "too long"}) if code else answer(dialect, token, call)

    office.twin.answer = once  # type: ignore[method-assign]
    await office.send()
    assert office.entry(number).state is EntryState.DELIVERED
    assert [bubble.markup for bubble in office.seen()] == ["text"]
    assert marked(office.seen()) == [False]


async def test_an_unknown_code_is_tried_a_few_times_and_then_a_person_must_look(office: Office) -> None:
    office.twin.refuse("县教育局", 987654)
    number = office.promise()
    await office.send()
    for _ in range(4):
        assert office.entry(number).state is EntryState.LATER
        await office.retry(number)
    entry = office.entry(number)
    assert (entry.state, entry.attempts, entry.code) == (EntryState.UNDELIVERABLE, 5, "987654")
    [trouble] = office.store.troubles()
    assert f"{number} 县教育局" in trouble.lines[1]


# --- a gateway in between -------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [500, 502, 504, 520])
async def test_what_a_gateway_broke_off_is_repeated_without_end_each_time_marked(office: Office, status: int) -> None:
    number = office.promise()
    office.twin.gateway("县教育局", status)
    await office.send()
    for _ in range(6):
        await office.retry(number)
    waiting = office.entry(number)
    assert (waiting.state, waiting.resent) == (EntryState.LATER, True)
    await office.die()
    office.open()
    office.twin.heal("县教育局")
    await office.retry(number)
    assert set(numbers(office.seen())) == {number}
    assert marked(office.seen()) == [False, *[True] * 7]


async def test_what_the_platform_turned_away_at_the_door_goes_again_unmarked(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = office.promise()
    with monkeypatch.context() as shut:
        shut.setattr(office.twin, "answer", lambda *call: Answer('{"errcode":45009,"errmsg":"api freq out of limit"}'))
        await office.send()
    assert office.entry(number).state is EntryState.LATER
    await office.retry(number)
    assert marked(office.seen()) == [False]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("", 503),
        ("", 408),
        ("", 429),
        ('{"errcode":-1}', 200),
        ('{"errcode":77}', 200),
        ('{"errcode":40001,"errcode":0}', 200),
    ],
)
async def test_whatever_does_not_prove_a_refusal_goes_again_marked(
    office: Office, monkeypatch: pytest.MonkeyPatch, body: str, status: int
) -> None:
    number = office.promise()
    with monkeypatch.context() as shut:
        shut.setattr(office.twin, "answer", lambda *call: Answer(body, status))
        await office.send()
    assert office.entry(number).resent
    await office.retry(number)
    assert marked(office.seen()) == [True]


async def test_days_behind_a_broken_gateway_end_as_one_digest_that_marks_what_may_have_been_seen(
    office: Office,
) -> None:
    office.promise("县教育局", office.row(), office.row("T05-M1-01"))
    office.twin.gateway("县教育局", 502)
    await office.send()
    for day in (27, 28, 29):
        office.now = at(f"2027-12-{day}T08:00")
        office.look()
        await office.die()
        office.open()
        office.promise("县教育局", office.row(rung=f"第{day}日", rung_on=date(2027, 12, day)))
    office.twin.heal("县教育局")
    shown = len(office.seen())
    office.now = at("2027-12-29T09:40")
    office.look()
    await office.send()
    [digest] = office.seen()[shown:]
    lines = {
        item: line for line in digest.source.splitlines() for item in ("T05-M1", "T05-M1-01") if f"（{item}）" in line
    }
    assert "补发，可能已收到" in lines["T05-M1-01"]
    assert "补发" not in lines["T05-M1"], "its rung of today was never sent"
    assert "补发" not in digest.title
    assert not office.store.open_entries()


# --- several robots ------------------------------------------------------------------------------------------------------


def first_robot_says(office: Office, monkeypatch: pytest.MonkeyPatch, body: str, status: int) -> None:
    """The chat has a second robot, and the platform answers so to the first one only; it says nothing in the group."""
    office.robot("县教育局")
    office.known.note_setups()
    answer, [first, _] = office.twin.answer, office.robots["县教育局"]
    key = first.url.get_secret_value().rpartition("=")[2]
    monkeypatch.setattr(
        office.twin,
        "answer",
        lambda dialect, token, call: Answer(body, status) if token == key else answer(dialect, token, call),
    )


@pytest.mark.parametrize(
    ("body", "status", "mark"),
    [
        ('{"errcode":45009}', 200, False),
        ('{"errcode":-1}', 200, True),
        ('{"errcode":77}', 200, True),
        ("<html>", 502, True),
        ("<html>", 200, True),
        ('{"errcode":93000}', 200, False),
    ],
)
async def test_whatever_is_wrong_with_one_robot_the_next_sound_one_speaks_at_once(
    office: Office, monkeypatch: pytest.MonkeyPatch, body: str, status: int, mark: bool
) -> None:
    first_robot_says(office, monkeypatch, body, status)
    number = office.promise()
    await office.send()
    assert office.entry(number).state is EntryState.DELIVERED
    assert office.entry(number).robot == "县教育局#2"
    assert marked(office.seen()) == [mark]
    again = office.promise(form="单发")
    await office.send()
    assert office.entry(again).robot == "县教育局#2"  # the first one rests


async def test_when_every_robot_of_a_chat_is_in_trouble_the_message_waits(office: Office) -> None:
    office.robot("县教育局")
    office.known.note_setups()
    office.twin.refuse("县教育局", -1)
    number = office.promise()
    await office.send()
    assert len(office.outcomes) == 2
    assert office.entry(number).state is EntryState.LATER
    assert office.entry(number).next_attempt_at > office.now
    office.twin.heal("县教育局")
    await office.retry(number)
    assert office.entry(number).state is EntryState.DELIVERED
