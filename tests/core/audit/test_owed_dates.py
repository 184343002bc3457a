"""The self-audit's own reckoning of rungs comes to the same days as the ladder, by another way."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.audit.owed_dates import DayList, PlainDates
from bot.core.rules.ladder import Anchor, of_rung, step
from bot.core.rules.rulebook import Delivery, Role, RungForm
from bot.core.rules.words import Offset, Unit
from tests.kit.builders import the_county

CALENDAR = the_county().calendar
DAYS = st.dates(date(2026, 6, 1), date(2029, 12, 31))
OFFSETS = st.sampled_from(
    [
        *("提前30天", "提前3个工作日", "提前1个工作日", "当天", "逾期1天", "逾期10个工作日"),
        *("逾期每1个工作日", "逾期每7天", "逾期每5个工作日", "逾期每90天", "逾期每季度"),
    ]
)


def plain() -> PlainDates:
    return PlainDates(CALENDAR, date(2027, 6, 1))


@given(DAYS, st.integers(-60, 60), st.sampled_from(list(Unit)))
def test_days_workdays_and_months_are_counted_alike(day: date, count: int, unit: Unit) -> None:
    assert plain().moved(day, count, unit) == step(day, count, unit, CALENDAR)


@given(DAYS, st.integers(0, 30), OFFSETS, st.sampled_from(list(Delivery)), st.integers(-40, 500), st.booleans())
def test_the_next_telling_of_a_rung_is_the_ladder_s(
    due: date, grace: int, offset: str, delivery: Delivery, heard: int, still: bool
) -> None:
    rung = RungForm(offset=Offset.parse(offset), roles=(Role.LEAD,), delivery=delivery)
    anchor = Anchor(due, due + timedelta(days=grace))
    last = anchor.late_from + timedelta(days=heard)
    tellings = of_rung(rung, anchor, CALENDAR, still)
    following = next((one for one in tellings if one.on > last), None)
    base = anchor.late_from if rung.offset.side.value == "逾期" else due
    on = plain().first_unheard(rung, base, last, still)
    if following is None:
        assert on <= last
    else:
        assert (on, plain().told_on(on, following.before_due)) == (following.on, following.slot_on)


@given(DAYS, DAYS)
def test_what_nobody_heard_begins_with_the_first(due: date, late: date) -> None:
    rung = RungForm(offset=Offset.parse("逾期每7天"), roles=(Role.LEAD,), delivery=Delivery.DIGEST)
    base = max(due, late)
    assert plain().first_unheard(rung, base, None) == base + timedelta(days=7)


@given(DAYS, st.integers(0, 4))
def test_repeats_of_a_unit_are_told_on_the_ladder_s_days(due: date, weekday: int) -> None:
    rung = RungForm(offset=Offset.parse("逾期每7天"), roles=(Role.LEAD,), delivery=Delivery.DIGEST)
    for telling in islice(of_rung(rung, Anchor(due, due), CALENDAR, weekday=weekday), 60):
        assert plain().on_weekday(telling.on, weekday) == telling.slot_on


@pytest.mark.parametrize("far", [-5000, -401, 0, 399, 400, 5000])
def test_a_list_of_days_grows_wherever_it_is_asked(far: int) -> None:
    around = date(2027, 6, 1)
    evens = DayList(lambda day: day.toordinal() % 2 == 0, around)
    day = around + timedelta(days=far)
    assert evens.after(day, 3) == day + timedelta(days=6 if day.toordinal() % 2 == 0 else 5)
    assert evens.after(day, -3) == day - timedelta(days=6 if day.toordinal() % 2 == 0 else 5)
    assert evens.counted(day, day + timedelta(days=1000)) == 500
