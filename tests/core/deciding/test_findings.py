"""Findings: how an item stands on a day, once what people said is laid over what the calendar says."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from bot.core.deciding.findings import Finding, canonical, find_item, judge, known_items, next_horizon
from bot.core.facts.events import Closed, Done, Extended, Observed, Payload, Returned
from bot.core.facts.facts import Facts
from bot.core.rules.item import GRAVITY, State
from tests.kit.builders import INDICATOR, a_duty, a_milestone, a_rulebook, an_undated, facts_after, the_county

AWAITED = a_milestone(due="2027年底", more="结果公布: 2028-03-31")


def finding(item: str, day: str, *happened: Payload, milestone: str = AWAITED) -> Finding:
    facts = facts_after(*((payload, "2027-12-01 10:00") for payload in happened))
    rulebook = a_rulebook(milestone, a_duty(), an_undated(), indicators=INDICATOR)
    return {found.item.id: found for found in judge(rulebook, facts, date.fromisoformat(day))}[item]


@pytest.mark.parametrize(
    ("day", "state"),
    [
        ("2027-12-23", State.ON_TRACK),
        ("2027-12-24", State.APPROACHING),
        ("2027-12-31", State.APPROACHING),  # met until midnight in Beijing
        ("2028-01-01", State.AWAITING_RESULT),
        ("2028-03-31", State.AWAITING_RESULT),
        ("2028-04-01", State.OVERDUE),
    ],
)
def test_a_milestone_turns_exactly_on_its_dates(day: str, state: State) -> None:
    assert finding("T05-M1", day).state is state


def test_what_people_say_is_laid_over_the_calendar() -> None:
    said: list[tuple[Payload, State]] = [
        (Done(item="T05-M1"), State.AWAITING_CHECK),
        (Closed(item="T05-M1", by="秘书组"), State.CLOSED),
        (Returned(item="T05-M1", reason="缺材料"), State.OVERDUE),
    ]
    for payload, state in said:
        assert finding("T05-M1", "2028-05-01", payload).state is state


def test_extension_moves_the_effective_date_only_while_it_fits_the_rules() -> None:
    granted = Extended(item="T05-M1", to=date(2028, 6, 30), rule_due=date(2027, 12, 31), reason="等待", by="秘书组")
    found = finding("T05-M1", "2028-04-10", granted)
    assert (found.due_on, found.extended, found.state) == (date(2028, 6, 30), True, State.ON_TRACK)
    moved = finding("T05-M1", "2028-04-10", granted, milestone=a_milestone(due="2028-01-31"))
    assert (moved.due_on, moved.extended) == (date(2028, 1, 31), False)


def test_value_closes_a_report_even_after_somebody_said_done() -> None:
    value = Observed(indicator="I4", period="2026", value=Decimal(96))
    assert finding("I4:报送@2026", "2027-12-02", Done(item="I4:报送@2026"), value).state is State.CLOSED


@pytest.mark.parametrize(
    ("closed_at", "state"),
    [("2028-01-31 09:00", State.MISSED), ("2028-02-01 09:00", State.MISSED), ("2028-02-01 10:01", State.CLOSED)],
)
def test_a_mark_counts_for_values_known_before_it_and_not_for_a_later_one(closed_at: str, state: State) -> None:
    happened: list[tuple[Payload, str]] = [
        (Closed(item="I4@2027", by="秘书组"), closed_at),
        (Observed(indicator="I4", period="2027", value=Decimal(90)), "2028-02-01 10:00"),
    ]
    found = judge(a_rulebook(indicators=INDICATOR), facts_after(*happened), date(2028, 3, 1))
    assert {one.item.id: one.state for one in found}["I4@2027"] is state


def test_undated_item_is_never_green_nor_red() -> None:
    found = finding("T05-D1", "2030-01-01")
    assert (found.state, found.anchor, found.due_on) == (State.UNDATED, None, None)


def test_target_without_a_value_has_nothing_a_ladder_could_count_from() -> None:
    found = finding("I4@2027", "2027-12-31")
    assert (found.state, found.anchor) == (State.AWAITING_RESULT, None)


@pytest.mark.parametrize("awaited", ["", "结果公布: 2028-03-31"])
@pytest.mark.parametrize("said", [(), (Done(item="T05-M1"),)])
def test_step_past_its_milestones_date_is_spoken_for(said: tuple[Payload, ...], awaited: str) -> None:
    steps = ["编号: T05-M1-01, 名称: 县级自评, 完成时限: 2027-03-31, 依据: 管理员"]
    milestone = a_milestone(due="2027年底", steps=steps, more=awaited)
    assert finding("T05-M1-01", "2028-01-01", *said, milestone=milestone).suppressed_by == "T05-M1"


def test_step_before_its_milestones_date_speaks_for_itself() -> None:
    steps = ["编号: T05-M1-01, 名称: 县级自评, 完成时限: 2027-03-31, 依据: 管理员"]
    found = finding("T05-M1-01", "2027-12-30", milestone=a_milestone(due="2027年底", steps=steps))
    assert (found.state, found.suppressed_by) == (State.OVERDUE, None)


def test_dates_of_years_without_a_notice_are_provisional() -> None:
    assert finding("T05-M1", "2027-06-01").provisional
    assert not finding("T05-M1", "2026-11-25", milestone=a_milestone(due="2026-12-31")).provisional


def test_items_known_grow_only_at_the_horizon() -> None:
    rulebook = a_rulebook(a_duty())
    day = date(2027, 5, 1)
    edge = next_horizon(day)
    before = known_items(rulebook, date.fromordinal(edge.toordinal() - 1))
    assert known_items(rulebook, day) == before
    assert len(known_items(rulebook, edge)) > len(before)


def test_former_ids_find_the_item_they_became() -> None:
    rulebook = a_rulebook(a_duty("T05-R2", more="曾用编号: [T05-R1]"))
    assert canonical(rulebook, "T05-R1@2027-1") == "T05-R2@2027-1"
    found = find_item(rulebook, "T05-R1@2027-1", date(2027, 1, 1), Facts())
    assert found is not None
    assert found.id == "T05-R2@2027-1"
    assert find_item(rulebook, "T05-R9", date(2027, 1, 1), Facts()) is None


def test_the_county_is_judged_completely_on_any_day() -> None:
    for day in ("2026-11-23", "2027-12-31", "2028-02-29", "2031-07-01", "2035-12-31"):
        found = judge(the_county(), Facts(), date.fromisoformat(day))
        assert len({one.item.id for one in found}) == len(found)
        assert {one.state for one in found} <= set(GRAVITY)
        assert State.MET not in {one.state for one in found}  # nothing is reported, so nothing is green


def test_every_state_has_a_gravity() -> None:
    assert set(GRAVITY) == set(State)
