"""Rungs: which nominal dates a ladder has, into which day each is moved, and which one is in force."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.rules.ladder import Anchor, DatedRung, Stairs, approaching_from, stairs, step
from bot.core.rules.rulebook import Delivery, Ladder, Role, Rule, RungForm
from bot.core.rules.words import Offset, Span, Unit
from tests.kit.builders import LADDERS, a_milestone, a_rulebook

CALENDAR = a_rulebook().calendar
LEAD = frozenset({Role.LEAD})
EVERYONE = frozenset(Role)


def climbed(due: str, *, late: str = "", roles: frozenset[Role] = LEAD, past: bool = False) -> Stairs:
    """The stairs of 重大节点 for a due date."""
    rule = a_rulebook(a_milestone()).rules[0]
    anchor = Anchor(date.fromisoformat(due), date.fromisoformat(late or due))
    return stairs(rule, anchor, CALENDAR, roles, "正常推进", past)


def told(due: str, until: str, **how: Any) -> list[DatedRung]:
    """What 重大节点 tells up to a day."""
    return climbed(due, **how).until(date.fromisoformat(until))


@pytest.mark.parametrize(
    ("text", "due", "times", "expected"),
    [
        ("提前7天", "2027-12-31", 1, "2027-12-24"),
        ("提前1个工作日", "2027-12-26", 1, "2027-12-24"),  # due on a Sunday: the Friday
        ("当天", "2027-12-26", 1, "2027-12-26"),
        ("逾期1个工作日", "2027-12-24", 1, "2027-12-27"),
        ("逾期7天", "2027-12-24", 1, "2027-12-31"),
        ("逾期每7天", "2027-12-24", 3, "2028-01-14"),
        ("逾期每5个工作日", "2027-03-01", 2, "2027-03-15"),
    ],
)
def test_the_nominal_date_of_a_rung(text: str, due: str, times: int, expected: str) -> None:
    rung = RungForm(offset=Offset.parse(text), roles=(Role.LEAD,), delivery=Delivery.DIGEST)
    rule = replace(a_rulebook(a_milestone()).rules[0], ladder=Ladder(rungs=(rung,)))
    anchor = Anchor(date.fromisoformat(due), date.fromisoformat(due))
    found = stairs(rule, anchor, CALENDAR, LEAD, "正常推进", False).until(date(2028, 12, 31))
    assert str(found[times - 1].on) == expected


def test_rung_before_the_date_is_told_on_the_sending_day_before() -> None:
    found = {t.label: (str(t.on), str(t.slot_on)) for t in told("2027-12-31", "2027-12-31")}
    assert found["提前180天"] == ("2027-07-04", "2027-07-02")  # a Sunday, told on Friday
    assert found["提前30天"] == ("2027-12-01", "2027-12-01")


def test_rung_after_the_date_is_told_on_the_sending_day_after() -> None:
    found = told("2026-09-25", "2026-10-02")  # 中秋节 until Sunday, then 国庆节
    weekly = next(t for t in found if t.label == "逾期每7天")
    assert (str(weekly.on), str(weekly.slot_on)) == ("2026-10-02", "2026-10-08")


def test_overdue_rungs_count_from_the_day_the_result_is_late() -> None:
    found = told("2027-12-31", "2028-04-30", late="2028-03-31")
    assert [str(t.on) for t in found if t.label == "逾期1个工作日"] == ["2028-04-03"]


def test_rungs_before_the_date_lapse_once_it_has_passed() -> None:
    assert not any(t.before_due for t in told("2027-12-31", "2028-12-31", past=True))
    assert any(t.before_due for t in told("2027-12-31", "2028-12-31"))


def test_nobody_hears_rungs_of_a_role_they_do_not_have() -> None:
    labels = [t.label for t in told("2027-12-31", "2028-12-31", roles=frozenset({Role.COOPERATING}))]
    assert labels == ["提前30天", "提前7天"]


def test_the_deepest_rung_whose_slot_has_come_is_in_force() -> None:
    steps = climbed("2027-03-10")
    found = {
        day: steps.at(date.fromisoformat(day))[0] for day in ("2026-08-01", "2027-03-02", "2027-03-03", "2027-03-11")
    }
    labels = {day: telling.label if telling else None for day, telling in found.items()}
    assert labels == {
        "2026-08-01": None,
        "2027-03-02": "提前30天",
        "2027-03-03": "提前7天",
        "2027-03-11": "逾期1个工作日",
    }


def test_a_repeating_rung_always_knows_its_next_telling() -> None:
    steps = climbed("2027-03-10")
    assert steps.at(date(2027, 12, 31))[1] is not None


def test_monthly_list_stands_on_the_first_sending_day_of_each_month_once_reached() -> None:
    found = told("2027-03-10", "2027-09-30", roles=frozenset({Role.LEADING_GROUP}))
    assert [str(t.slot_on) for t in found] == ["2027-05-06", "2027-06-01", "2027-07-01", "2027-08-02", "2027-09-01"]
    assert {t.label for t in found} == {"逾期20个工作日·月度清单"}


def test_what_a_deeper_rung_supersedes_is_what_was_not_told_between() -> None:
    steps = climbed("2027-03-10", past=True)
    assert [str(day) for day in steps.between(date(2027, 3, 11), date(2027, 3, 31))] == ["2027-03-17", "2027-03-24"]


def test_rung_of_an_event_is_never_told_before_it() -> None:
    rule = a_rulebook(a_milestone()).rules[0]
    anchor = Anchor(date(2027, 3, 13), date(2027, 3, 13), happened=True)  # a Saturday
    found = stairs(rule, anchor, CALENDAR, EVERYONE, "未达标", False).until(date(2027, 4, 30))
    assert min(t.slot_on for t in found if t.on >= anchor.due_on) >= anchor.due_on
    assert not any(t.before_due for t in found)


@pytest.mark.parametrize(
    ("day", "count", "unit", "expected"),
    [
        ("2028-01-31", 1, Unit.MONTH, "2028-02-29"),
        ("2027-01-31", 1, Unit.MONTH, "2027-02-28"),
        ("2028-02-29", 12, Unit.MONTH, "2029-02-28"),
        ("2027-12-31", 1, Unit.DAY, "2028-01-01"),
        ("2028-02-28", 1, Unit.DAY, "2028-02-29"),
        ("2026-12-31", 1, Unit.WORKDAY, "2027-01-04"),
        ("2026-09-19", 1, Unit.WORKDAY, "2026-09-20"),
        ("2027-03-01", -1, Unit.MONTH, "2027-02-01"),
    ],
)
def test_steps_over_the_edges_of_months_and_years(day: str, count: int, unit: Unit, expected: str) -> None:
    assert str(step(date.fromisoformat(day), count, unit, CALENDAR)) == expected


def test_approaching_begins_the_ladders_span_before_the_date() -> None:
    due = date(2027, 3, 31)
    assert approaching_from(due, Span.parse("7天"), CALENDAR) == date(2027, 3, 24)
    assert approaching_from(due, Span.parse("3个工作日"), CALENDAR) == date(2027, 3, 26)


def test_ladder_may_say_when_approaching_begins() -> None:
    ladders = LADDERS.replace("一般节点:\n", "一般节点:\n  临期: 3天\n  级次:\n", 1)
    head, _, rest = ladders.partition("  级次:\n")
    body, mark, after = rest.partition("常态工作:")
    ladders = head + "  级次:\n" + "".join(f"  {line}\n" for line in body.splitlines()) + mark + after
    assert a_rulebook(ladders=ladders).ladders["一般节点"].approaching == Span.parse("3天")


days = st.dates(date(2026, 11, 23), date(2030, 12, 31))


@given(days, st.integers(0, 120))
def test_slots_never_run_backwards_and_are_sending_days(due: date, wait: int) -> None:
    rule = a_rulebook(a_milestone()).rules[0]
    anchor = Anchor(due, due + timedelta(days=wait))
    steps = stairs(rule, anchor, CALENDAR, EVERYONE, "逾期", False)
    found = steps.until(date(due.year + 1, 12, 31))
    slots = [steps.at(due + timedelta(days=n))[1] or date.max for n in range(-200, 365)]
    assert slots == sorted(slots)
    assert [t.on for t in found] == sorted(t.on for t in found)
    assert all(CALENDAR.may_send(t.slot_on) for t in found)


@given(days, st.lists(st.integers(-200, 900), max_size=6))
def test_what_stairs_answer_does_not_depend_on_what_was_asked_before(due: date, asked: list[int]) -> None:
    rule = a_rulebook(a_milestone()).rules[0]
    used = stairs(rule, Anchor(due, due), CALENDAR, LEAD, "逾期", False)
    rule.climbed.clear()
    fresh = stairs(rule, Anchor(due, due), CALENDAR, LEAD, "逾期", False)
    for days_on in asked:
        used.at(due + timedelta(days=days_on))
    day = due + timedelta(days=300)
    assert used.between(due, day) == fresh.between(due, day)
    assert used.at(day) == fresh.at(day)
    assert used.until(day) == fresh.until(day)


@given(days)
def test_every_rung_is_moved_to_its_own_side_of_its_nominal_date(due: date) -> None:
    rule = a_rulebook(a_milestone()).rules[0]
    for telling in stairs(rule, Anchor(due, due), CALENDAR, EVERYONE, "逾期", False).until(due + timedelta(days=60)):
        assert telling.slot_on <= telling.on if telling.before_due else telling.slot_on >= telling.on
        if CALENDAR.may_send(telling.on):
            assert telling.slot_on == telling.on


@given(days, st.integers(0, 900))
def test_the_rung_in_force_only_gets_deeper_as_days_pass(due: date, ahead: int) -> None:
    rule = a_rulebook(a_milestone()).rules[0]
    steps = stairs(rule, Anchor(due, due), CALENDAR, LEAD, "逾期", False)
    day = due - timedelta(days=200) + timedelta(days=ahead)
    first, following = steps.at(day)[0], steps.at(day + timedelta(days=1))[0]
    if first is not None:
        assert following is not None
        assert following.on >= first.on


# --- repeats ---------------------------------------------------------------------------------------------------


def laddered(*rungs: tuple[str, str]) -> Rule:
    """A rule whose ladder tells its lead of these rungs."""
    forms = tuple(
        RungForm(offset=Offset.parse(offset), roles=(Role.LEAD,), delivery=Delivery(form)) for offset, form in rungs
    )
    return replace(a_rulebook(a_milestone()).rules[0], ladder=Ladder(rungs=forms))


def told_on(rule: Rule, due: str, weekday: int | None, state: str = "逾期", happened: bool = False) -> list[str]:
    """Nominal date and day of telling of the first tellings after a date."""
    anchor = Anchor(date.fromisoformat(due), date.fromisoformat(due), happened)
    steps = stairs(rule, anchor, CALENDAR, LEAD, state, True, weekday=weekday)
    found = (steps.nth(place) for place in range(4))
    return [f"{one[0].on:%m-%d}→{one[1]:%m-%d}" for one in found if one]


@pytest.mark.parametrize(
    ("due", "weekday", "expected"),
    [
        ("2027-03-11", None, "03-18→03-18"),
        ("2027-03-11", 3, "03-18→03-18"),
        ("2027-03-11", 0, "03-18→03-22"),
        ("2027-03-10", 2, "03-17→03-17"),
        ("2027-03-25", 0, "04-01→04-02"),  # Monday 5 April is off: the last sending day before it
        ("2027-09-26", 4, "10-03→10-08"),
        ("2027-09-24", 0, "10-01→10-08"),  # nothing is sent from the rung to that Monday: the next sending day
    ],
)
def test_a_repeat_waits_for_the_unit_s_day_of_the_week(due: str, weekday: int | None, expected: str) -> None:
    assert told_on(laddered(("逾期每7天", "汇总")), due, weekday)[0] == expected


def test_only_digests_that_repeat_once_a_week_or_less_wait() -> None:
    for rung in (("逾期7天", "汇总"), ("逾期每7天", "单发"), ("逾期每3天", "汇总")):
        assert told_on(laddered(rung), "2027-03-11", 0) == told_on(laddered(rung), "2027-03-11", None)


@pytest.mark.parametrize(
    ("rung", "state", "weekday", "expected"),
    [
        ("提前60天", "正常推进", 0, "2027-05-10"),  # a Friday before, counted on; the Monday after it
        ("提前60天", "正常推进", None, "2027-05-07"),
        ("提前59天", "正常推进", 0, "2027-05-07"),
        ("提前14天", "提示", 0, "2027-06-28"),
        ("提前14天", "正常推进", 0, "2027-06-22"),
    ],
)
def test_a_digest_long_before_its_date_waits_for_the_unit_s_day_of_the_week(
    rung: str, state: str, weekday: int | None, expected: str
) -> None:
    due = date(2027, 7, 6)
    steps = stairs(laddered((rung, "汇总")), Anchor(due, due), CALENDAR, LEAD, state, False, weekday=weekday)
    telling, slot_on = steps.nth(0) or (None, None)
    assert str(slot_on) == expected
    assert telling is not None


def test_a_repeat_waits_no_longer_than_for_the_rung_after_it() -> None:
    rule = laddered(("逾期每7天", "汇总"), ("逾期8天", "单发"))
    assert told_on(rule, "2027-03-11", 0)[:3] == ["03-18→03-19", "03-19→03-19", "03-25→03-29"]


@given(days, st.integers(0, 4))
def test_a_repeat_waits_six_days_at_most(due: date, weekday: int) -> None:
    rule = laddered(("逾期1个工作日", "单发"), ("逾期每7天", "汇总"))
    for telling in stairs(rule, Anchor(due, due), CALENDAR, LEAD, "逾期", True, weekday=weekday).until(
        due + timedelta(days=200)
    ):
        assert telling.on <= telling.slot_on
        assert telling.slot_on <= max(telling.on + timedelta(days=6), CALENDAR.send_day_on_or_after(telling.on))


def test_a_verdict_on_a_value_is_repeated_once_a_quarter_whatever_its_ladder_says() -> None:
    rule = laddered(("当天", "汇总"), ("逾期每30天", "汇总"))
    quarters = ["12-10→12-10", "04-01→04-01", "07-01→07-01", "10-01→10-08"]
    assert told_on(rule, "2026-12-10", None, "未达标", happened=True) == quarters
    assert told_on(rule, "2026-12-10", None, "逾期")[0] == "01-09→01-11"


def test_a_verdict_on_a_value_is_listed_once_and_then_once_a_quarter() -> None:
    rule = laddered(("当天", "月度清单"))
    lists = ["03-01→03-01", "04-01→04-01", "07-01→07-01", "10-08→10-08"]
    assert told_on(rule, "2027-02-10", None, "未达标", happened=True) == lists


def test_each_quarter_begins_ninety_days_after_the_date_at_the_earliest() -> None:
    rule = laddered(("逾期每季度", "汇总"))
    assert told_on(rule, "2027-01-01", None)[0] == "04-01→04-01"
    assert told_on(rule, "2027-01-02", None)[0] == "07-01→07-01"
