"""Delivery over days and restarts: what is still true, office hours, backlogs, parts, and things going wrong on our side."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.core.facts.events import Closed, Done, Extended, Silenced
from bot.core.telling import plain_wording as plainwords
from bot.core.telling import wording
from bot.core.telling.entry import Entry, EntryState, Telling
from bot.core.time.windows import OfficeHours, allowed, slot
from bot.core.time.zone import day_of
from bot.drill.twin import Bubble
from bot.platforms import Answer
from bot.sending import delivery
from bot.sending.orders import _mend
from bot.state.archive import Archive
from tests.kit.house import at, until
from tests.kit.post_office import MORNING, RULES, Office, long_digest, marked, numbers, post_office


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with post_office(tmp_path) as made:
        yield made


# --- still true? ------------------------------------------------------------------------------------


def is_told(office: Office, row: Telling) -> bool:
    last = office.store.tellings.last(row.item, row.due_on, row.addressee)
    return last is not None and last.rung_on == row.rung_on


@pytest.mark.parametrize(
    ("happened", "why"),
    [
        (Closed(item="T05-M1", by="办公室"), "已销号"),
        (Done(item="T05-M1"), "待核"),
        (
            Extended(item="T05-M1", to=date(2028, 6, 30), rule_due=date(2027, 12, 31), reason="施工", by="办公室"),
            "时限已改",
        ),
        (Silenced(item="T05-M1", until=at("2027-12-28T00:00"), reason="专班"), "静默至"),
        (Silenced(chat="县教育局", until=at("2027-12-28T00:00"), reason="专班"), "静默至"),
    ],
)
async def test_what_is_no_longer_to_be_said_is_cancelled_with_the_reason_and_owed_again(
    office: Office, happened: Any, why: str
) -> None:
    row = office.row()
    number = office.promise("县教育局", row)
    assert is_told(office, row)
    office.event(happened)
    await office.send()
    assert office.seen() == []
    assert office.entry(number).state is EntryState.CANCELLED
    assert why in office.entry(number).why
    assert not is_told(office, row)


async def test_of_a_digest_only_what_is_still_true_is_said(office: Office) -> None:
    keep, drop = office.row("T05-M1"), office.row("T05-R1@2027-2")
    office.promise("县教育局", keep, drop)
    office.event(Closed(item="T05-R1@2027-2", by="办公室"))
    await office.send()
    assert "T05-M1" in office.seen()[0].source
    assert "T05-R1@2027-2" not in office.seen()[0].source
    assert (is_told(office, keep), is_told(office, drop)) == (True, False)


async def test_an_item_gone_from_the_rules_is_not_spoken_of(office: Office) -> None:
    number = office.promise("县教育局", replace(office.row(item="T05-M1"), item="T99-M9"))
    await office.send()
    assert office.entry(number).why == "事项已不在规则中"


async def test_a_state_that_changed_while_waiting_is_worded_as_it_is_on_the_day(office: Office) -> None:
    office.twin.refuse("县教育局", 45009)
    number = office.promise("县教育局", office.row("T05-M1"))
    await office.send()
    office.twin.heal("县教育局")
    office.now = at("2027-12-27T09:40")
    office.look()
    with office.store.work():
        office.store.put(office.entry(number).model_copy(update={"next_attempt_at": office.now}))
    await office.send()
    assert "12月27日" in office.seen()[0].source
    assert "剩余4天" in office.seen()[0].source


@pytest.mark.parametrize("swept", [False, True])
async def test_what_may_have_arrived_before_it_was_cancelled_is_told_again_as_such(office: Office, swept: bool) -> None:
    row = office.row()
    office.twin.drop_after_accept("县教育局")
    number = office.promise("县教育局", row)
    await office.send()
    office.twin.heal("县教育局")
    office.event(Silenced(item="T05-M1", until=at("2027-12-27T00:00"), reason="专班"))
    await office.retry(number)
    assert office.entry(number).state is EntryState.CANCELLED
    if swept:
        office.store.sweep(Archive(office.folder / "archive"), at("2028-02-01T08:00"))
    await office.die()
    office.open()
    office.now = at("2027-12-27T09:40")
    office.look()
    office.promise("县教育局", row)
    await office.send()
    assert marked(office.seen()) == [False, True]
    other = office.promise("县教育局", replace(row, rung="提前1天", rung_on=date(2027, 12, 30)))
    await office.send()
    assert office.entry(other).state is EntryState.DELIVERED
    assert marked(office.seen()) == [False, True, False]


@pytest.mark.parametrize("given_up", [False, True])
async def test_a_new_date_is_a_telling_of_its_own_whatever_doubt_there_is_about_the_old_one(
    office: Office, given_up: bool
) -> None:
    office.twin.drop_after_accept("县教育局")
    number = office.promise()
    await office.send()
    for _ in range(3 * given_up):
        await office.retry(number)
    assert (office.entry(number).state is EntryState.UNDELIVERABLE) == given_up
    shown = len(office.seen())
    office.twin.heal("县教育局")
    office.event(Extended(item="T05-M1", to=date(2028, 2, 15), rule_due=date(2027, 12, 31), reason="施工", by="办公室"))
    office.promise("县教育局", office.row(rung="提前30天", rung_on=date(2028, 1, 14)), office.row("T05-R1@2027-2"))
    office.now = at("2028-01-14T09:40")
    office.look()
    await office.send()
    assert not office.store.open_entries()
    assert marked(office.seen())[shown:] == [False]


async def test_what_surely_never_left_is_told_again_without_a_mark(office: Office) -> None:
    office.twin.refuse("县教育局", 45009)
    number = office.promise()
    await office.send()
    office.twin.heal("县教育局")
    office.event(Silenced(item="T05-M1", until=at("2027-12-27T00:00"), reason="专班"))
    await office.retry(number)
    assert office.entry(number).state is EntryState.CANCELLED
    office.now = at("2027-12-27T09:40")
    office.look()
    office.promise()
    await office.send()
    assert marked(office.seen()) == [False]


async def joined_over_two_days(office: Office) -> tuple[str, Telling, Telling]:
    """A rung that could not be sent and the next one of the same item, as one digest that still waits; its number."""
    office.twin.refuse("县教育局", 45009)
    older = office.row(rung="提前7天", rung_on=date(2027, 12, 24))
    office.promise("县教育局", older)
    await office.send()
    office.now = at("2027-12-27T09:40")
    office.look()
    newer = office.row(rung="提前4天", rung_on=date(2027, 12, 27))
    number = office.promise("县教育局", newer)
    await office.send()
    office.twin.heal("县教育局")
    return number, older, newer


async def test_a_merged_digest_that_is_cancelled_leaves_nothing_as_told(office: Office) -> None:
    number, older, newer = await joined_over_two_days(office)
    office.event(Closed(item="T05-M1", by="办公室"))
    await office.retry(number)
    assert office.entry(number).state is EntryState.CANCELLED
    assert office.seen() == []
    assert office.store.tellings.last("T05-M1", newer.due_on, newer.addressee) is None
    await office.die()
    office.open()
    assert office.store.tellings.latest("T05-M1", older.addressee) is None


async def test_a_merged_digest_that_was_delivered_told_every_rung_it_took_over(office: Office) -> None:
    number, older, newer = await joined_over_two_days(office)
    await office.retry(number)
    assert office.entry(number).state is EntryState.DELIVERED
    assert len(office.seen()) == 1
    assert is_told(office, newer)
    office.store.untell([newer])
    assert is_told(office, older)


# --- office hours ------------------------------------------------------------------------------------


@pytest.mark.parametrize("moment", ["2027-12-24T20:00", "2027-12-25T10:00", "2027-12-24T12:30", "2027-12-27T05:00"])
async def test_outside_office_hours_nothing_leaves(office: Office, moment: str) -> None:
    number = office.promise()
    office.now = at(moment)
    office.look()
    await office.send()
    assert office.seen() == []
    waiting = office.entry(number)
    assert waiting.state is EntryState.LATER
    assert waiting.next_attempt_at > office.now
    await office.retry(number)
    assert numbers(office.seen()) == [number]
    assert marked(office.seen()) == [False]


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2027-12-24T09:40", "2027-12-24T09:40"),
        ("2027-12-24T10:00", "2027-12-24T10:01"),  # other robots speak on the hour and the half hour
        ("2027-12-24T10:30:59", "2027-12-24T10:31"),
        ("2027-12-24T12:05", "2027-12-24T14:31"),
        ("2027-12-24T20:00", "slot 2027-12-27"),  # a Friday evening waits for Monday's slot
        ("2027-12-25T10:00", "slot 2027-12-27"),
    ],
)
def test_today_an_open_minute_is_enough_another_day_it_is_the_slot(moment: str, expected: str) -> None:
    now = at(moment)
    wanted = slot("县教育局", date.fromisoformat(expected[5:]), OfficeHours()) if "slot" in expected else at(expected)
    assert allowed(now, "县教育局", now, OfficeHours(), RULES.calendar) == wanted


def test_a_retry_due_later_than_another_day_s_slot_keeps_its_time() -> None:
    later = at("2027-12-27T11:07")
    assert allowed(later, "县教育局", at(MORNING), OfficeHours(), RULES.calendar) == later


# --- backlog -----------------------------------------------------------------------------------------------


async def test_what_was_refused_for_days_comes_as_one_digest_once_the_robot_is_mended(office: Office) -> None:
    office.twin.refuse("县教育局", 93000)
    promised = []
    for day in range(3):
        row = office.row("T05-M1", addressee=f"县教育局{day}")
        promised.append(office.promise("县教育局", row))
        await office.wind(days=1)
    office.twin.heal("县教育局")
    [robot] = office.robots["县教育局"]
    office.robots["县教育局"] = (replace(robot, keyword="督办"),)
    assert office.known.note_setups() == ["县教育局"]
    for number in promised:
        mended = office.entry(number).model_copy(update={"state": EntryState.LATER, "next_attempt_at": office.now})
        with office.store.work():
            office.store.put(mended)
    office.now = at("2027-12-28T09:40")
    office.look()
    await office.send()
    [bubble] = office.seen()
    carried = {office.entry(number).why for number in promised}
    assert carried == {f"并入{numbers([bubble])[0]}"}


async def test_a_backlog_set_free_by_todays_digest_is_the_next_days(office: Office) -> None:
    waits = office.entry(office.promise("县教育局", office.row(addressee="县教育局0")))
    refused = waits.model_copy(update={"state": EntryState.REFUSED})
    with office.store.work():
        office.store.put(refused)
    await office.wind(days=3)
    office.promise("县教育局", office.row(addressee="县教育局1"))
    await office.send()
    with office.store.work():  # somebody mends what was wrong
        office.store.put(refused.model_copy(update={"state": EntryState.LATER, "next_attempt_at": office.now}))
    await office.send()
    assert len(office.seen()) == 1, "one digest a day, whatever has waited"
    await office.wind(days=1)
    assert len(office.seen()) == 2
    assert not office.store.open_entries()


async def test_a_broken_robot_s_backlog_stands_up_as_one_digest_in_its_order(office: Office) -> None:
    office.twin.refuse("县教育局", 93000)
    for days, hearer in ((0, "县教育局0"), (3, "县教育局1"), (0, "县教育局2")):
        await office.wind(days=days)
        office.promise("县教育局", office.row(addressee=hearer))
        await office.send()
    assert {entry.state for entry in office.store.entries.values()} == {EntryState.REFUSED}
    office.twin.heal("县教育局")
    await office.wind(days=1)
    assert len(office.seen()) == 1
    assert not office.store.open_entries()


async def test_a_gateway_in_trouble_for_days_shows_few_copies_and_the_admin_hears_of_it(office: Office) -> None:
    """It posts and answers 500 all the same: four copies on the first day, then one a day, however long it takes."""
    office.twin.gateway("县教育局", 500)
    office.promise()
    copies = []
    for _ in range(5):
        before = len(office.seen())
        for _ in range(40):  # every quarter of an hour of a working day
            await office.wind(minutes=15)
        copies.append(len(office.seen()) - before)
        await office.wind(hours=14)
    assert copies[0] <= 4
    assert max(copies[1:]) <= 1
    [trouble] = office.store.troubles()
    assert trouble.title == "消息答复不明"
    office.twin.heal("县教育局")
    [entry] = office.store.open_entries()
    await office.retry(entry.number)
    assert office.entry(entry.number).state is EntryState.DELIVERED
    assert office.store.troubles() == []


async def test_what_may_have_been_seen_is_the_days_digest_too(office: Office) -> None:
    """Found by seed 3263 of the simulation: an unclear digest, and a second one made of what had waited beside it."""
    office.twin.drop_after_accept("县教育局")
    office.promise()
    await office.send()
    [unclear] = office.store.entries.values()
    assert (unclear.state, unclear.doubtful) == (EntryState.LATER, True)
    late = unclear.model_copy(update={"number": "2027-0900", "resent": False, "unclear": 0, "robot": ""})
    with office.store.work():
        office.store.put(late.model_copy(update={"at": late.at - timedelta(days=3), "next_attempt_at": office.now}))
    await office.send()
    assert office.entry("2027-0900").state is EntryState.LATER
    assert day_of(office.entry("2027-0900").next_attempt_at) > day_of(office.now)


@pytest.mark.parametrize(("resent", "slots"), [(True, 1), (False, 0)])
async def test_a_digest_cancelled_after_it_may_have_been_seen_was_the_days(
    office: Office, resent: bool, slots: int
) -> None:
    entry = office.entry(office.promise())
    with office.store.work():
        office.store.put(entry.model_copy(update={"resent": resent, "state": EntryState.CANCELLED}))
    assert office.store.used("县教育局", office.now.date()).slots == slots


async def test_singles_of_today_go_before_a_backlog_and_are_not_repeated_in_it(office: Office) -> None:
    office.twin.refuse("县教育局", 93000)
    old = [office.promise("县教育局", office.row()), office.promise("县教育局", office.row("T05-M1-01"))]
    await office.send()
    office.now = at("2027-12-27T09:40")
    office.look()
    today = office.promise("县教育局", office.row(rung="提前4天", rung_on=date(2027, 12, 27)), form="单发")
    await office.send()
    office.twin.heal("县教育局")
    with office.store.work():
        _mend(office.store, "县教育局#1", office.now)
    await office.send()
    first, second = office.seen()
    assert numbers([first]) == [today]
    assert ("（T05-M1）" in second.source, "（T05-M1-01）" in second.source) == (False, True)
    assert {office.entry(number).why for number in old} == {f"并入{numbers([second])[0]}"}
    assert marked([first, second]) == [False, False]


async def test_a_backlog_set_free_before_the_chat_s_slot_waits_for_what_is_due_today(office: Office) -> None:
    office.twin.refuse("县教育局", 45009)
    office.promise("县教育局", office.row("T05-M1-01"))
    await office.send()
    office.twin.heal("县教育局")
    planned = slot("县教育局", date(2027, 12, 27), OfficeHours())
    office.now = planned - timedelta(minutes=3)
    office.look()
    with office.store.work():
        [late] = office.store.open_entries()
        office.store.put(late.model_copy(update={"next_attempt_at": office.now}))
    assert not office.store.used("县教育局", office.now.date()).slots, "today's digest is still to be composed"
    await office.send()
    assert office.seen() == []
    office.now = planned
    office.look()
    office.promise("县教育局", office.row(rung="提前4天", rung_on=date(2027, 12, 27)))
    await office.send()
    [bubble] = office.seen()
    assert ("（T05-M1）" in bubble.source, "（T05-M1-01）" in bubble.source) == (True, True)


# --- parts --------------------------------------------------------------------------------------------------


async def test_a_long_message_goes_in_numbered_parts_with_one_number(office: Office) -> None:
    number = long_digest(office)
    await office.send()
    bubbles = office.seen()
    assert len(bubbles) > 2
    assert [bubble.part for bubble in bubbles] == list(range(1, len(bubbles) + 1))
    assert set(numbers(bubbles)) == {number}
    assert office.entry(number).state is EntryState.DELIVERED


async def test_parts_already_accepted_are_not_sent_again_after_a_restart(office: Office) -> None:
    number = long_digest(office)
    strict = [True]
    office.twin.on_bubble(lambda bubble: office.twin.refuse("县教育局", 45009) if strict else None)
    await office.send()
    assert office.entry(number).parts_done == 1
    await office.die()
    strict.clear()
    office.twin.heal("县教育局")
    office.open()
    await office.retry(number)
    assert office.entry(number).state is EntryState.DELIVERED
    assert [bubble.part for bubble in office.seen()] == list(range(1, len(office.seen()) + 1))


async def test_what_is_left_of_a_message_goes_on_on_another_day_as_it_was_worded(office: Office) -> None:
    number = long_digest(office)
    office.now = at("2027-12-24T17:29")
    office.look()
    strict = [True]
    office.twin.on_bubble(lambda bubble: office.twin.refuse("县教育局", 45009) if strict else None)
    await office.send()
    strict.clear()
    office.twin.heal("县教育局")
    assert (office.entry(number).parts_done, office.entry(number).resent) == (1, False)
    await office.retry(number)
    assert day_of(office.seen()[1].at) > day_of(office.seen()[0].at)
    assert_each_part_once(office, number)


def assert_each_part_once(office: Office, number: str) -> None:
    """All of a message, nothing of it twice, nothing marked, all of one wording."""
    parts = office.seen()
    assert [bubble.part for bubble in parts] == list(range(1, parts[0].parts + 1))
    assert not any(marked(parts))
    assert len({bubble.title.partition("（")[0] for bubble in parts}) == 1
    assert set(numbers(parts)) == {number}


async def slow_first_part(office: Office, begun: str, answered: str) -> str:
    """A long digest begun at an open minute, whose first part is answered only when the office has closed."""
    office.now = at(begun)
    office.look()
    number = long_digest(office)

    def late(_: Bubble) -> None:
        office.now = max(office.now, at(answered))

    office.twin.on_bubble(late)
    await office.send()
    assert len(office.seen()) == 1
    assert office.seen()[0].part == 1
    return number


async def test_the_rest_of_a_message_waits_over_the_lunch_break(office: Office) -> None:
    number = await slow_first_part(office, "2027-12-24T11:59:50", "2027-12-24T12:00:05")
    assert office.entry(number).next_attempt_at == at("2027-12-24T14:31")
    await office.retry(number)
    parts = office.seen()
    assert [bubble.part for bubble in parts] == list(range(1, parts[0].parts + 1))
    assert {bubble.parts for bubble in parts} == {parts[0].parts}
    assert not any(marked(parts))
    assert parts[1].at == at("2027-12-24T14:31")


async def test_the_rest_of_a_message_overtaken_by_the_evening_goes_in_the_next_slot(office: Office) -> None:
    number = await slow_first_part(office, "2027-12-24T17:29:50", "2027-12-24T17:30:05")
    waiting = office.entry(number)
    assert waiting.next_attempt_at == slot("县教育局", date(2027, 12, 27), OfficeHours())
    assert (waiting.state, waiting.parts_done) == (EntryState.LATER, 1)
    await office.retry(number)
    assert_each_part_once(office, number)


async def test_a_message_of_whose_rest_nothing_is_true_any_more_is_not_gone_on_with(office: Office) -> None:
    number = await slow_first_part(office, "2027-12-24T11:59:50", "2027-12-24T12:00:05")
    office.event(Extended(item="T05-M1", to=date(2028, 6, 30), rule_due=date(2027, 12, 31), reason="施工", by="办公室"))
    await office.retry(number)
    assert len(office.seen()) == 1
    assert (office.entry(number).state, office.entry(number).why) == (EntryState.CANCELLED, "时限已改为2028年6月30日")


async def test_a_message_whose_robot_breaks_halfway_goes_on_with_the_other_one(office: Office) -> None:
    other = office.robot("县教育局", "dingtalk")
    office.known.note_setups()
    number = long_digest(office)
    answer = office.twin.answer
    calls: list[str] = []

    def second_call_refused(dialect: str, token: str, call: Any) -> Answer:
        calls.append(dialect)
        return Answer({"errcode": 93000, "errmsg": ""}) if len(calls) == 2 else answer(dialect, token, call)

    office.twin.answer = second_call_refused  # type: ignore[method-assign]
    await office.send()
    assert office.entry(number).state is EntryState.DELIVERED
    assert calls[:2] == ["wecom", "wecom"]  # one robot finishes what it began
    assert office.entry(number).robot == other.name
    assert_each_part_once(office, number)


# --- when things go wrong on our side ---------------------------------------------------------------------------


async def test_a_full_disk_keeps_the_entry_and_sends_nothing_twice(office: Office) -> None:
    number = office.promise()
    office.disk.arm(0)  # before the network is touched
    await office.send()
    assert office.seen() == []
    assert office.entry(number).state is EntryState.PENDING
    await office.send()
    assert marked(office.seen()) == [False]


async def test_a_disk_that_fills_up_after_sending_makes_the_entry_go_again_marked(office: Office) -> None:
    number = office.promise()
    office.disk.arm(1)  # the outcome cannot be written down
    await office.send()
    assert office.entry(number).state is EntryState.SENDING
    await office.send()
    assert numbers(office.seen()) == [number, number]
    assert marked(office.seen()) == [False, True]
    assert office.entry(number).state is EntryState.DELIVERED


async def test_after_a_full_disk_nobody_is_poked_into_a_hot_loop(office: Office) -> None:
    pokes: list[bool] = []
    office.deliveries.on_settled = lambda: pokes.append(True)
    office.promise()
    office.disk.arm(0)
    await office.send()
    assert pokes == []


async def test_the_loop_is_poked_only_when_something_still_waits(office: Office) -> None:
    pokes: list[bool] = []
    office.deliveries.on_settled = lambda: pokes.append(True)
    office.promise()
    await office.send()
    assert pokes == []
    office.twin.refuse("县教育局", 45009)
    office.promise()
    await office.send()
    assert pokes == [True]


async def test_what_is_promised_while_a_worker_rests_on_its_flush_is_not_forgotten(office: Office) -> None:
    pokes, late = list[bool](), list[str]()
    office.deliveries.on_settled = lambda: pokes.append(True)
    durable = office.store.durable

    async def slowly() -> None:
        resting = not office.store.open_entries()
        await durable()
        if resting and not late:  # another event is taken in before the chat is free again
            late.append(office.promise(form="单发"))
            office.deliveries.start()

    office.store.durable = slowly  # type: ignore[method-assign]
    office.promise()
    await office.send()
    assert late
    assert office.entry(late[0]).state is EntryState.DELIVERED or pokes


async def test_a_message_that_cannot_be_made_stops_neither_its_chat_nor_its_worker(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = office.promise(form="单发")
    good = office.promise(form="单发")

    def slip(say: Callable[[Entry, Any], Any]) -> Callable[[Entry, Any], Any]:
        def failing(entry: Entry, by: Any) -> Any:
            if entry.number == bad:
                raise KeyError("a slip in a wording")
            return say(entry, by)

        return failing

    monkeypatch.setattr(delivery, "word", slip(wording.word))
    monkeypatch.setattr(delivery, "plainly", slip(plainwords.plainly))
    await office.send()
    assert numbers(office.seen()) == [good]
    assert office.entry(bad).state is EntryState.UNDELIVERABLE
    assert office.entry(bad).why == "程序出错（KeyError），请告知维护人员"
    assert bad in office.store.troubles()[0].lines[1]
    again = office.promise(form="单发")
    await office.send()
    assert numbers(office.seen()) == [good, again]


async def test_closing_lets_what_is_in_flight_settle_and_begins_nothing_new(office: Office) -> None:
    office.twin.hang("县教育局", 0.1)
    first, second = office.promise(form="单发"), office.promise(form="单发")
    office.deliveries.start()
    await until(lambda: bool(office.seen()))
    await office.deliveries.close()
    assert office.entry(first).state is EntryState.DELIVERED
    assert (office.entry(second).state, office.entry(second).attempts) == (EntryState.PENDING, 0)


async def test_closing_between_parts_keeps_what_was_accepted_and_marks_nothing(office: Office) -> None:
    number = long_digest(office)
    first = office.deliveries
    office.twin.on_bubble(lambda bubble: first.wind_down())
    await office.send()
    await office.close()
    entry = office.entry(number)
    assert (entry.state, entry.parts_done, entry.resent) == (EntryState.LATER, 1, False)
    office.open()
    await office.send()
    assert [bubble.part for bubble in office.seen()] == list(range(1, len(office.seen()) + 1))
    assert not any(marked(office.seen()))


async def test_closing_does_not_wait_for_ever(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "CLOSING", 0.05)
    office.twin.hang("县教育局", 60)
    number = office.promise()
    office.deliveries.start()
    await until(lambda: bool(office.seen()))
    await office.deliveries.close()
    assert office.entry(number).state is EntryState.SENDING  # goes again marked after the next start
