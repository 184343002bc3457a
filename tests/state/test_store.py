"""The store: one unit of work, all indexes going back with it, and the same facts after every restart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from bot.core.deciding.desk import Used
from bot.core.deciding.office import assignments, handed_over
from bot.core.facts.events import Closed, Done, Event, Observed, Silenced
from bot.core.facts.facts import Facts, fold
from bot.core.telling.digest import Draft
from bot.core.telling.entry import Entry, EntryState, Telling
from bot.core.time.zone import ZONE
from bot.state.disk.database import Database
from bot.state.robot_state import RobotState
from bot.state.shelf import counted_day
from bot.state.store import Store
from tests.kit.builders import a_milestone, a_rulebook

NOW = datetime(2027, 3, 1, 8, 47, tzinfo=ZONE)
DAY = timedelta(days=1)


@pytest.fixture
def store() -> Store:
    return Store(Database.in_memory())


def row(
    item: str = "T05-M1", rung_on: date = date(2027, 3, 1), addressee: str = "县教育局", rung: str = "提前30天"
) -> Telling:
    return Telling(
        item=item, rule="T05-M1", title="创建工作通过国家评估认定", unit=addressee, addressee=addressee, role="牵头单位",
        state="正常推进", due_on=date(2027, 12, 31), rung=rung, rung_on=rung_on, form="汇总", reason="FIRST",
    )  # fmt: skip


def draft(*rows: Telling, chat: str = "县教育局", form: str = "汇总", slot: bool = True, at: datetime = NOW) -> Draft:
    return Draft(chat, form, slot, rows or (row(),), at)


def event(key: str, payload: Done | Closed | Observed | Silenced, at: datetime = NOW) -> Event:
    return Event.of(payload, key=key, time=at, source="test")


def promised(store: Store, *drafts: Draft, now: datetime = NOW) -> list[Entry]:
    with store.work():
        return store.promise(drafts, now, "digest")


def told(store: Store, one: Telling) -> bool:
    last = store.tellings.last(one.item, one.due_on, one.addressee)
    return last is not None and last.rung_on == one.rung_on


# --- unit of work ---------------------------------------------------------------


def everything(store: Store) -> tuple[object, ...]:
    """All that the indexes say."""
    return (
        list(store.events),
        store.facts,
        dict(store.entries),
        store.open_entries(),
        list(store.shelf.heads()),
        store.troubles(),
        store.used("县教育局", NOW.date()),
        dict(store.robots),
        store.meta("evaluated"),
        store.tellings.last("T05-M1", date(2027, 12, 31), "县教育局"),
        store.tellings.last("T05-R1@2027-1", date(2027, 12, 31), "县教育局"),
    )


def change_everything(store: Store) -> None:
    store.keep(event("b", Done(item="T05-M1")))
    [entry] = store.promise([draft(row("T05-R1@2027-1"))], NOW, "d")
    store.put(entry.model_copy(update={"state": EntryState.UNDELIVERABLE}))
    store.untell([row()])
    store.put_robot(RobotState(name="县教育局#1", broken="坏了", broken_since=NOW))
    store.put_robot(RobotState(name="新#1"))
    store.set_meta("evaluated", "2027-03-02T08:00+08:00")


def fail_after(store: Store, change: Callable[[Store], object]) -> None:
    with store.work():
        change(store)
        raise RuntimeError("boom")


@pytest.mark.parametrize("on_disk", [False, True])
def test_what_fails_inside_a_unit_of_work_leaves_every_index_as_it_was(on_disk: bool, tmp_path: Path) -> None:
    store = Store(Database.open(tmp_path) if on_disk else Database.in_memory())
    promised(store, draft())
    with store.work():
        store.keep(event("a", Closed(item="T05-R1@2027-1", by="办公室")))
        store.put_robot(RobotState(name="县教育局#1", sends=(NOW,)))
        store.set_meta("evaluated", "2027-03-01T08:00+08:00")
    before = everything(store)
    with pytest.raises(RuntimeError, match="boom"):
        fail_after(store, change_everything)
    assert everything(store) == before
    assert not store.knows(event("b", Done(item="T05-M1")))
    store.close()


def test_after_a_failed_unit_of_work_numbers_go_on_without_a_gap(store: Store) -> None:
    assert [entry.number for entry in promised(store, draft())] == ["2027-0001"]
    with pytest.raises(RuntimeError, match="boom"):
        fail_after(store, lambda inside: inside.promise([draft(row("X"))], NOW, ""))
    assert [entry.number for entry in promised(store, draft(row("T05-R1@2027-1")))] == ["2027-0002"]


def test_everything_is_the_same_after_a_restart(tmp_path: Path) -> None:
    store = Store(Database.open(tmp_path))
    promised(store, draft())
    with store.work():
        change_everything(store)
    before = everything(store)
    store.close()
    again = Store(Database.open(tmp_path))
    assert everything(again) == before
    assert [entry.number for entry in promised(again, draft(row("Y")))] == ["2027-0003"]
    again.close()


def test_replaying_the_events_rebuilds_equal_facts(store: Store) -> None:
    with store.work():
        store.keep(event("1", Observed(indicator="I4", period="2026", value="96.8")))  # type: ignore[arg-type]
        store.keep(event("2", Done(item="T05-M1", by="县教育局")))
        store.keep(event("3", Silenced(chat="县财政局", until=NOW + DAY, reason="集中填报")))
        store.keep(event("4", Closed(item="T05-M1", by="办公室")))
    assert store.facts == fold(store.events)
    assert store.facts.version == 4


def test_an_event_is_known_by_its_source_and_id_together(store: Store) -> None:
    with store.work():
        store.keep(event("1", Done(item="T05-M1")))
    assert store.knows(event("1", Closed(item="T05-M1", by="办公室")))
    assert not store.knows(event("1", Done(item="T05-M1")).model_copy(update={"source": "other"}))
    assert not store.knows(event("2", Done(item="T05-M1")))


# --- numbers and budgets ----------------------------------------------------------


def test_numbers_begin_anew_each_year(store: Store) -> None:
    new_year = datetime(2028, 1, 4, 8, 47, tzinfo=ZONE)
    numbers = [
        entry.number
        for moment in (NOW, NOW + DAY, new_year)
        for entry in promised(store, draft(chat=str(moment), at=moment), now=moment)
    ]
    assert numbers == ["2027-0001", "2027-0002", "2028-0001"]


def test_the_year_of_a_number_is_the_office_s(store: Store) -> None:
    eve_in_utc = datetime.fromisoformat("2027-12-31T23:30:00+00:00")
    assert promised(store, draft(at=eve_in_utc), now=eve_in_utc)[0].number == "2028-0001"


def test_a_day_s_budget_counts_slots_and_singles_of_its_own_day(store: Store) -> None:
    promised(store, draft(), draft(row("A"), form="单发"), draft(row("B"), form="单发", slot=False))
    assert store.used("县教育局", NOW.date()) == Used(2, 2)
    assert store.used("县教育局", NOW.date() + DAY) == Used()
    assert store.used("县财政局", NOW.date()) == Used()


@pytest.mark.parametrize(
    ("state", "days"),
    [
        ({}, (1, 0)),  # it goes in one digest with the next day's
        ({"resent": True, "tried_at": NOW + DAY}, (0, 1)),
        ({"parts_done": 1, "tried_at": NOW}, (0, 1)),
    ],
)
def test_an_entry_that_waits_weighs_on_the_day_on_which_it_may_be_seen(
    store: Store, state: dict[str, object], days: tuple[int, int]
) -> None:
    [entry] = promised(store, draft())
    with store.work():
        waits = {"state": EntryState.LATER, "next_attempt_at": NOW + DAY, **state}
        store.put(entry.model_copy(update=waits))
    assert tuple(store.used("县教育局", NOW.date() + day * DAY).slots for day in (0, 1)) == days


def test_a_cancelled_entry_weighs_nothing(store: Store) -> None:
    [entry] = promised(store, draft())
    with store.work():
        store.put(entry.model_copy(update={"state": EntryState.CANCELLED}))
    assert store.used("县教育局", NOW.date()) == Used()
    assert store.open_entries() == []


# --- what waits ---------------------------------------------------------------------


def test_what_still_waits_from_an_earlier_day_joins_the_next_digest(store: Store) -> None:
    [old] = promised(store, draft(row("A"), form="单发"))
    [new] = promised(store, draft(row("B"), at=NOW + DAY), now=NOW + DAY)
    assert [one.item for one in new.tellings] == ["A", "B"]
    assert {one.form for one in new.tellings} == {"汇总"}
    assert store.entries[old.number].state is EntryState.CANCELLED
    assert store.entries[old.number].why == f"并入{new.number}"
    assert store.open_entries() == [new]
    assert store.used("县教育局", (NOW + DAY).date()) == Used(1, 0)


def test_what_waits_for_another_chat_is_left_alone(store: Store) -> None:
    [other] = promised(store, draft(chat="县财政局"))
    [new] = promised(store, draft(row("B"), at=NOW + DAY), now=NOW + DAY)
    assert store.open_entries() == [other, new]


def test_an_event_driven_single_takes_nothing_along(store: Store) -> None:
    [old] = promised(store, draft(row("A")))
    promised(store, draft(row("B"), form="单发", slot=False, at=NOW + DAY), now=NOW + DAY)
    assert store.entries[old.number].state is EntryState.PENDING


@pytest.mark.parametrize(
    "state",
    [
        {"state": EntryState.SENDING},
        {"state": EntryState.REFUSED},
        {"state": EntryState.LATER, "parts_done": 1},
    ],
)
def test_what_is_in_hand_keeps_its_number(store: Store, state: dict[str, object]) -> None:
    [old] = promised(store, draft(row("A")))
    with store.work():
        store.put(old.model_copy(update=state))
    [new] = promised(store, draft(row("B"), at=NOW + DAY), now=NOW + DAY)
    assert store.entries[old.number].state is state["state"]
    assert [one.item for one in new.tellings] == ["B"]


def test_what_may_have_been_seen_is_marked_in_the_digest_and_nothing_else_is(store: Store) -> None:
    [old] = promised(store, draft(row("A"), row("C", rung="提前7天")))
    with store.work():
        store.put(old.model_copy(update={"state": EntryState.LATER, "resent": True, "tried_at": NOW}))
    [new] = promised(store, draft(row("B"), row("C"), at=NOW + DAY), now=NOW + DAY)
    assert {one.item: one.seen for one in new.tellings} == {"A": True, "B": False, "C": False}
    assert (new.resent, new.marked, sorted(new.marked_lines)) == (False, False, ["A"])
    with store.work():
        store.take_back(new, new.tellings)
        store.put(new.model_copy(update={"state": EntryState.CANCELLED}))
    rows = row("A"), row("B"), row("C"), row("C", rung="提前7天")
    again = promised(store, *(draft(one, at=NOW + 2 * DAY) for one in rows), now=NOW + 2 * DAY)
    assert [entry.marked for entry in again] == [True, False, False, True], "a doubt outlives what took its place"


def test_a_merged_message_counts_on_how_often_its_platform_was_busy_and_marks_only_what_was_sent(store: Store) -> None:
    [old] = promised(store, draft(row("A")))
    with store.work():
        store.put(old.model_copy(update={"state": EntryState.LATER, "resent": True, "busy": 2}))
    [first] = promised(store, draft(row("B"), at=NOW + DAY), now=NOW + DAY)
    assert (first.busy, first.doubtful) == (2, False)
    [second] = promised(store, draft(row("C"), at=NOW + 2 * DAY), now=NOW + 2 * DAY)
    assert {one.item: one.seen for one in second.tellings} == {"A": True, "B": False, "C": False}


def test_singles_of_the_day_stay_singles_when_older_messages_become_a_digest(store: Store) -> None:
    [old] = promised(store, draft(row("A", rung="提前7天"), row("B")))
    single, digest = promised(store, draft(row("A"), form="单发", at=NOW + DAY), now=NOW + DAY)
    assert (single.form, [one.item for one in single.tellings], single.carries) == ("单发", ["A"], (old.number,))
    assert (digest.form, [one.item for one in digest.tellings]) == ("汇总", ["B"])
    assert store.head("县教育局") == single
    with store.work():
        store.take_back(single, single.tellings)
    assert not store.tellings.of("A", "县教育局"), "nothing that it took over counts as told"
    assert store.tellings.of("B", "县教育局")


def test_a_single_that_says_all_that_waited_is_the_only_message(store: Store) -> None:
    [old] = promised(store, draft(row("A", rung="提前7天")))
    [single] = promised(store, draft(row("A"), form="单发", at=NOW + DAY), now=NOW + DAY)
    assert store.entries[old.number].why == f"并入{single.number}"
    assert store.open_entries() == [single]


def test_a_row_taken_back_is_owed_again(store: Store) -> None:
    promised(store, draft(row("A"), row("B")))
    with store.work():
        store.untell([row("A")])
    assert not told(store, row("A"))
    assert told(store, row("B"))


def test_a_row_of_a_merged_digest_can_be_taken_back_too(store: Store, tmp_path: Path) -> None:
    store = Store(Database.open(tmp_path))
    promised(store, draft(row("A"), form="单发"))
    [merged] = promised(store, draft(row("B"), at=NOW + DAY), now=NOW + DAY)
    with store.work():
        store.untell(merged.tellings[:1])
    assert not told(store, row("A"))
    store.close()
    again = Store(Database.open(tmp_path))
    assert not told(again, row("A"))
    assert told(again, row("B"))
    again.close()


def test_taking_back_what_was_never_told_is_harmless(store: Store) -> None:
    promised(store, draft(row("A")))
    with store.work():
        store.untell([row("Z"), row("A", rung="逾期每7天")])
    assert told(store, row("A"))


# --- heads and troubles --------------------------------------------------------------


def test_the_head_of_a_chat_is_its_oldest_entry_that_goes_by_itself(store: Store) -> None:
    first, second = promised(store, draft(row("A")), draft(row("B"), form="单发"))
    with store.work():
        store.put(first.model_copy(update={"state": EntryState.LATER, "next_attempt_at": NOW + DAY}))
    assert store.head("县教育局") == store.entries[first.number]
    with store.work():
        store.put(first.model_copy(update={"state": EntryState.REFUSED}))
    assert store.head("县教育局") == second
    assert store.head("县财政局") is None
    assert list(store.shelf.heads()) == [second]


def test_the_ten_thousandth_number_comes_after_the_one_before(store: Store) -> None:
    with store.work():
        store.set_meta("count:2027", 9998)
    old, new = promised(store, draft(row("A")), draft(row("B")))
    assert (old.number, new.number) == ("2027-9999", "2027-10000")
    assert store.head("县教育局") == old


def test_an_entry_that_moves_to_another_chat_leaves_its_queue(store: Store) -> None:
    [entry] = promised(store, draft())
    with store.work():
        store.put(entry.model_copy(update={"chat": "管理员"}))
    assert store.head("县教育局") is None
    assert [one.chat for one in list(store.shelf.heads())] == ["管理员"]
    assert store.used("县教育局", NOW.date()) == Used()


def test_entries_given_up_are_one_trouble_until_they_are_settled(store: Store) -> None:
    entries = promised(store, *(draft(row(f"item {index}"), chat=f"群{index}") for index in range(12)))
    with store.work():
        for entry in entries:
            store.put(entry.model_copy(update={"state": EntryState.UNDELIVERABLE, "why": "内容不被接受"}))
    [trouble] = store.troubles()
    assert trouble.lines[0].startswith("12条消息投递失败")
    assert trouble.lines[1] == "2027-0001 群0：内容不被接受"
    assert len(trouble.lines) == 11
    with store.work():
        for entry in entries:
            store.put(entry.model_copy(update={"state": EntryState.LATER}))
    assert store.troubles() == []


def test_a_delivered_entry_counts_on_the_day_it_arrived(store: Store) -> None:
    [entry] = promised(store, draft())
    late = entry.model_copy(update={"state": EntryState.DELIVERED, "delivered_at": NOW + 3 * DAY})
    assert counted_day(late) == (NOW + 3 * DAY).date()


def test_what_is_remembered_about_robots_survives_a_restart(tmp_path: Path) -> None:
    store = Store(Database.open(tmp_path))
    state = RobotState(name="县教育局#1", address="a", setup="b", sends=(NOW, NOW + DAY), blocked_until=NOW)
    with store.work():
        store.put_robot(state.model_copy(update={"broken": "停用"}))
        store.put_robot(state)
    store.close()
    again = Store(Database.open(tmp_path))
    assert again.robots == {"县教育局#1": state}
    again.close()


@pytest.mark.parametrize("restarted", [False, True])
def test_what_was_told_twice_and_taken_back_once_was_told_and_can_be_taken_back_again(
    store: Store, restarted: bool
) -> None:
    promised(store, draft(row("A")))
    promised(store, draft(row("A")))  # 退回 twice on one day
    with store.work():
        store.untell([row("A")])
    if restarted:
        store.reload()
    assert told(store, row("A"))
    with store.work():
        store.untell([row("A")])
    assert not told(store, row("A"))
    store.reload()
    assert not told(store, row("A"))


# --- who heard of what ---------------------------------------------------------------


def test_a_unit_has_heard_of_a_rule_once_it_was_delivered_and_still_has_after_a_restart(tmp_path: Path) -> None:
    [rule] = a_rulebook(a_milestone()).rules
    store = Store(Database.open(tmp_path))
    [entry] = promised(store, draft(row(), row(addressee="县财政局→财务股")))
    assert (store.tellings.hearings.asked(rule, "县教育局"), store.tellings.hearings.heard(rule, "县教育局")) == (
        NOW,
        None,
    )
    with store.work():
        store.put(entry.model_copy(update={"state": EntryState.DELIVERED, "delivered_at": NOW + DAY}))
    assert store.tellings.hearings.heard(rule, "县教育局") == NOW + DAY
    assert store.tellings.hearings.heard(rule, "县财政局") is None, "a further chat does not count"
    store.close()
    again = Store(Database.open(tmp_path))
    assert again.tellings.hearings.heard(rule, "县教育局") == NOW + DAY
    again.close()


def test_a_hand_over_lets_its_addressee_hear_of_the_rules_it_names(store: Store) -> None:
    rulebook = a_rulebook(a_milestone())
    [rule] = rulebook.rules
    [assigned] = assignments(rulebook, Facts(all_confirmed=True))
    assert [one.id for one in handed_over(assigned, ["县教育局"])] == ["T05-M1"]
    telling = replace(row("交办:T05"), rule="交办:T05", hands=("T05-M1",))
    promised(store, draft(telling))
    assert store.tellings.hearings.asked(rule, "县教育局") == NOW


def test_a_rule_that_comes_later_is_in_force_from_then_on(tmp_path: Path) -> None:
    [first, later] = a_rulebook(a_milestone(), a_milestone("T05-M2")).rules
    store = Store(Database.open(tmp_path))
    store.note_in_force([first.id], NOW)
    store.note_in_force([first.id, later.id], NOW + DAY)
    store.note_in_force([first.id], NOW + 2 * DAY)
    store.note_in_force([first.id, later.id], NOW + 3 * DAY)
    assert store.tellings.hearings.since(later) == NOW + DAY
    store.close()
    again = Store(Database.open(tmp_path))
    assert (again.tellings.hearings.since(first), again.tellings.hearings.since(later)) == (None, NOW + DAY)
    again.close()


def test_a_rule_that_was_said_to_be_gone_is_in_force_anew_when_it_comes_back(store: Store) -> None:
    [rule] = a_rulebook(a_milestone()).rules
    mine = {rule.id: (rule.title, ("县教育局",))}
    for at, duties in ((NOW, mine), (NOW + DAY, {})):
        store.note_duties(duties, at)
        store.note_in_force(duties, at)
        for entry in promised(store, draft()) if duties else ():
            store.put(entry.model_copy(update={"state": EntryState.DELIVERED, "delivered_at": NOW}))
    [gone] = store.tellings.hearings.withdrawn
    [entry] = promised(store, draft(row(gone.item)))
    with store.work():
        store.put(entry.model_copy(update={"state": EntryState.DELIVERED, "delivered_at": NOW}))
    store.note_duties(mine, NOW + 3 * DAY)
    store.note_in_force(mine, NOW + 3 * DAY)
    for _ in range(2):
        assert store.tellings.hearings.heard(rule, "县教育局") is None
        assert store.tellings.hearings.since(rule) == NOW + 3 * DAY
        assert store.tellings.hearings.withdrawn == ()
        store.reload()


def test_a_hand_over_that_does_not_say_what_it_handed_over_is_spelled_out_by_the_rules_of_then(store: Store) -> None:
    """That of a version before 2026-12: to the lead, and to one who helped and leads now."""
    [rule] = a_rulebook(a_milestone()).rules
    for unit in ("县教育局", "县财政局"):
        promised(store, draft(replace(row("交办:T05", addressee=unit), rule="交办:T05")))
    store.spell_out_hand_overs([rule])
    for _ in range(2):
        hearings = store.tellings.hearings
        assert {one.key for one in hearings} == {("T05-M1", "县教育局", True), ("T05-M1", "县财政局", False)}
        assert hearings.asked(rule, "县教育局", to_act=True) == NOW
        assert hearings.asked(rule, "县财政局", to_act=True) is None
        store.reload()
