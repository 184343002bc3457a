"""Values in order of period: which labels belong together, what is consecutive, and exact arithmetic."""

from __future__ import annotations

from datetime import UTC, date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.facts.events import Observed
from bot.core.facts.facts import Facts
from bot.core.facts.series import Scale, begins, decimal, extrapolated, rounded, series_of, signed, slope, written
from bot.core.rules.words import DueDate
from bot.core.time.cadence import Cadence
from bot.core.time.zone import day_of
from tests.kit.builders import an_event, moment
from tests.rule_kinds.numbers import a_book, an_indicator, known

CADENCES = (
    "每年", "每半年", "每季度", "每月底", "每月10日", "每半月", "每周五", "每学期末", "每学年末", "每年3月15日、9月15日",
    "每季度结束后10个工作日内", "自2026年起每2年11月底",
)  # fmt: skip


def scale(cadence: str) -> Scale:
    return Scale.of(Cadence.parse(cadence))


@pytest.mark.parametrize("cadence", CADENCES)
def test_labels_a_cadence_makes_are_consecutive_numbers(cadence: str) -> None:
    calendar = a_book().calendar
    found = Cadence.parse(cadence).periods(calendar, date(2026, 1, 1), date(2029, 12, 31))
    indexes = [scale(cadence).index(period.label) for period in found]
    assert None not in indexes
    first = indexes[0]
    assert first is not None
    assert indexes == list(range(first, first + len(indexes)))
    assert [scale(cadence).label(first + place) for place in range(len(found))] == [period.label for period in found]


@pytest.mark.parametrize(
    ("cadence", "label"),
    [
        ("每年", "2027H1"), ("每年", "2027-03"), ("每年", "1999"), ("每年", "２０２７"), ("每季度", "2027"), ("每季度", "2027Q5"),
        ("每月底", "2027-3"), ("每月底", "2027-13"), ("每学期末", "2027-01"), ("每学期末", "2027-3"), ("每周五", "2027W53"),
        ("每半月", "2027-03"), ("自2026年起每2年11月底", "2027"), ("每半年", ""),
    ],
)  # fmt: skip
def test_labels_of_another_shape_have_no_place(cadence: str, label: str) -> None:
    assert scale(cadence).index(label) is None


@pytest.mark.parametrize(
    ("cadence", "label", "before", "a_year_before", "end", "said"),
    [
        ("每年", "2027", "2026", "2026", "2028", "2027年"),
        ("每半年", "2027H1", "2026H2", "2026H1", "4055/2", "2027年上半年"),
        ("每季度", "2027Q1", "2026Q4", "2026Q1", "8109/4", "2027年第1季度"),
        ("每月底", "2027-01", "2026-12", "2026-01", "24325/12", "2027年1月"),
        ("每半月", "2027-01上", "2026-12下", "2026-01上", "48649/24", "2027年1月上半月"),
        ("每学期末", "2027-1", "2026-2", "2026-1", "4055/2", "2027年第1期"),
        ("自2026年起每2年11月底", "2028", "2026", "2026", "2029", "2028年"),
    ],
)
def test_neighbours_of_a_period(cadence: str, label: str, before: str, a_year_before: str, end: str, said: str) -> None:
    found = scale(cadence)
    index = found.index(label)
    assert index is not None
    earlier = found.a_year_before(index)
    assert earlier is not None
    assert (found.label(index - 1), found.label(earlier)) == (before, a_year_before)
    assert (str(found.end(index)), found.span(index)) == (end, said)


def test_week_that_the_year_before_did_not_have_stands_alone() -> None:
    found = scale("每周五")
    week = found.index("2026W53")
    assert week is not None
    assert found.a_year_before(week) is None
    assert found.span(week) == "2026年第53周"


@pytest.mark.parametrize("cadence", CADENCES)
@given(day=st.dates(date(2020, 1, 1), date(2040, 12, 31)))
def test_a_day_lies_in_the_period_that_covers_it(cadence: str, day: date) -> None:
    found = scale(cadence)
    index = found.covering(day)
    end = begins(DueDate.parse(day.isoformat()))
    assert found.end(index - 1) <= end + Fraction(1, 366)
    assert found.end(index) >= end


@pytest.mark.parametrize(
    ("text", "begin"),
    [("2027年", "2027"), ("2027年上半年", "2027"), ("2027年下半年", "4055/2"), ("2027年第二季度", "8109/4"), ("2027年7月", "4055/2")],
)  # fmt: skip
def test_a_written_date_begins_with_its_first_day(text: str, begin: str) -> None:
    assert str(begins(DueDate.parse(text))) == begin


def test_series_holds_final_values_of_its_own_shape_by_period() -> None:
    form = a_book(an_indicator("[报送]", cadence="每季度")).indicators[0]
    facts = known({"2027Q2": "2", "2026Q4": "9", "2027": "100", "2027Q1": "1"})
    facts = known({"2027Q3": "3"}, final=False, start=facts)
    found = series_of(form, facts)
    assert [found.said(point) for point in found.points] == ["2026年第4季度", "2027年第1季度", "2027年第2季度"]
    assert [point.value for point in found.run(2)] == [1, 2]
    assert len(found.run(9)) == 3
    assert found.without_latest().latest == found.points[1]
    assert found.a_year_before(found.points[2]) is None


def test_value_known_late_in_the_evening_abroad_counts_by_the_day_here() -> None:
    form = a_book(an_indicator("[报送]")).indicators[0]
    at = moment("2028-03-02 00:30").astimezone(UTC)
    facts = Facts().after(an_event(Observed(indicator="I4", period="2027", value=Decimal(1)), at))
    (point,) = series_of(form, facts).points
    assert day_of(point.known[0]) == date(2028, 3, 2)


# --- arithmetic ---------------------------------------------------------------

values = st.lists(st.decimals(min_value=-1000, max_value=1000, places=2), min_size=2, max_size=9)


@given(values, st.integers(-5, 20))
def test_a_straight_line_is_fitted_and_continued_exactly(found: list[Decimal], ahead: int) -> None:
    first, step = found[0], found[1]
    line = [first + step * place for place in range(len(found))]
    assert slope(line) == Fraction(step)
    assert extrapolated(line, ahead) == Fraction(line[-1] + step * ahead)


@given(values, st.decimals(min_value=-50, max_value=50, places=2))
def test_lifting_all_values_lifts_the_line_and_leaves_its_slope(found: list[Decimal], lift: Decimal) -> None:
    lifted = [value + lift for value in found]
    assert slope(lifted) == slope(found)
    assert extrapolated(lifted, 3) == extrapolated(found, 3) + Fraction(lift)


@pytest.mark.parametrize(
    ("value", "shown", "with_sign"),
    [("13/10", "1.3", "+1.3"), ("1/3", "0.33", "+0.33"), ("-1/3", "-0.33", "-0.33"), ("5/1000", "0.01", "+0.01"),
     ("-5/1000", "-0.01", "-0.01"), ("4/1000", "0", "0"), ("1200", "1200", "+1200"), ("-2", "-2", "-2")],
)  # fmt: skip
def test_numbers_are_written_as_people_do(value: str, shown: str, with_sign: str) -> None:
    assert written(Fraction(value)) == shown
    assert signed(Fraction(value)) == with_sign
    assert rounded(Fraction(value)) == Decimal(shown)


def test_decimals_are_written_as_they_came_in() -> None:
    assert (written(Decimal("1.80")), written(Decimal("1E+3"))) == ("1.8", "1000")
    assert decimal(Fraction(97)) == 97
    assert decimal(Fraction(1, 8)) == Decimal("0.125")
