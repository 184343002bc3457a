"""周期: one item per period, known by year and ordinal."""

from __future__ import annotations

from datetime import date

import pytest

from bot.core.facts.facts import Facts
from bot.core.rules.item import State
from tests.kit.builders import a_duty, a_rulebook, items_by_id


@pytest.mark.parametrize(
    ("cadence", "expected"),
    [
        ("每年3月15日、9月15日", {"2027-1": "2027-03-15", "2027-2": "2027-09-15"}),
        ("每年底", {"2027": "2027-12-31"}),
        ("每半年末", {"2027H1": "2027-06-30", "2027H2": "2027-12-31"}),
        ("每季度末", {"2027Q1": "2027-03-31", "2027Q2": "2027-06-30", "2027Q3": "2027-09-30", "2027Q4": "2027-12-31"}),
        ("每学期末", {"2027-1": "2027-01-15", "2027-2": "2027-07-09"}),
    ],
)
def test_periods_of_a_year(cadence: str, expected: dict[str, str]) -> None:
    found = items_by_id(a_rulebook(a_duty(cadence=cadence)))
    of_year = {item.period: str(item.due_on) for item in found.values() if item.period.startswith("2027")}
    assert of_year == expected
    assert {f"T05-R1@{period}" for period in expected} <= set(found)


def test_moving_a_date_inside_its_year_keeps_the_periods_number() -> None:
    before, after = (items_by_id(a_rulebook(a_duty(cadence=f"每年3月{day}日、9月15日"))) for day in (15, 20))
    assert set(before) == set(after)
    assert after["T05-R1@2027-1"].due_on == date(2027, 3, 20)


def test_a_missed_period_is_overdue_whatever_the_next_one_is() -> None:
    item = items_by_id(a_rulebook(a_duty()))["T05-R1@2027-1"]
    for day in (date(2027, 3, 16), date(2027, 9, 15), date(2030, 1, 1)):
        assert item.rule.kind.judge(item, Facts(), day).state is State.OVERDUE


def test_when_is_the_cadence() -> None:
    (rule,) = a_rulebook(a_duty()).rules
    assert rule.kind.when(rule.form) == rule.kind.dates(rule.form) == "每年3月15日、9月15日"
