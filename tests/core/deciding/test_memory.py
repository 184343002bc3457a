"""What has been told: the last of a kind, and what somebody heard last."""

from __future__ import annotations

from datetime import date

from bot.core.deciding.memory import PastTelling, Tellings, moved_again
from tests.kit.builders import moment

NOW = moment("2027-03-03 09:26")


def told(rung: str, on: date, due: date = date(2027, 3, 10)) -> PastTelling:
    return PastTelling("T05-M1", due, "县教育局", on, rung, "临期", "FIRST", "2027-0001", NOW)


def test_of_two_tellings_of_one_instant_the_later_rung_was_heard_last() -> None:
    first, second = told("提前7天", date(2027, 3, 3)), told("提前1个工作日", date(2027, 3, 9))
    for order in ((first, second), (second, first)):
        assert Tellings(order).latest("T05-M1", "县教育局") == second


def test_of_two_tellings_of_one_instant_the_one_with_the_newer_due_date_was_heard_last() -> None:
    """An extension: what was told under the new date came after what was told under the old one."""
    before, after = told("提前7天", date(2027, 3, 3)), told("提前30天", date(2027, 3, 3), due=date(2027, 3, 31))
    assert Tellings((before, after)).latest("T05-M1", "县教育局") == after


def test_a_date_that_a_calendar_moved_twice_leads_to_the_last_one() -> None:
    first, second, third = date(2027, 1, 28), date(2027, 1, 29), date(2027, 2, 1)
    once = moved_again({}, {"T05-R1@2027-1": (first, second)})
    assert moved_again(once, {"T05-R1@2027-1": (second, third)}) == {"T05-R1@2027-1": {first: third, second: third}}
    assert moved_again(once, {"T05-R1@2027-1": (second, first)}) == {"T05-R1@2027-1": {second: first}}
