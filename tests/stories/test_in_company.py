"""What nobody need act on today goes along with the chat's next digest, and alone when it has waited long enough."""

from __future__ import annotations

from decimal import Decimal

from bot.core.facts.events import Observed
from tests.kit.builders import INDICATOR, a_duty, a_milestone, a_rulebook
from tests.stories.timeline import Passed, Timeline

LEAD, TARGET = "县教育局", "I4@2027"  # its day of the week is Monday


def value(number: str, period: str = "2027") -> Observed:
    return Observed(indicator="I4", period=period, value=Decimal(number))


def a_story(*items: str) -> Timeline:
    story = Timeline(a_rulebook(*items, indicators=INDICATOR), start="2028-06-05")
    story.at("2028-06-05 18:00")
    return story


def days(passed: Passed, item: str) -> list[str]:
    """On which days the lead heard of an item."""
    told = ((one.at, row) for one in passed.sent for row in one.draft.tellings)
    return [f"{at:%m-%d}" for at, row in told if (row.item, row.addressee) == (item, LEAD)]


def test_a_verdict_that_is_no_miss_waits_for_the_day_of_the_week() -> None:
    story = a_story()
    story.happens(value("97.5"))
    assert story.reasons(TARGET)[LEAD] == "IN_COMPANY"
    assert days(story.at("2028-06-30 18:00"), TARGET) == ["06-09"]  # Monday would be the seventh day


def test_it_goes_with_a_digest_that_comes_before() -> None:
    story = a_story(a_milestone(due="2028-06-14"))  # 提前7天 on the 7th
    story.happens(value("97.5"))
    assert days(story.at("2028-06-30 18:00"), TARGET) == ["06-07"]


def test_the_first_word_of_a_miss_does_not_wait() -> None:
    story = a_story()
    story.happens(value("90"))
    assert days(story.at("2028-06-30 18:00"), TARGET) == ["06-06"]


def test_a_correction_waits_until_the_second_sending_day() -> None:
    story = a_story()
    story.happens(value("90"))
    story.at("2028-06-06 18:00")
    story.happens(value("97.5"))
    assert story.reasons(TARGET)[LEAD] == "IN_COMPANY"
    assert days(story.at("2028-06-30 18:00"), TARGET) == ["06-08"]


def test_that_a_report_came_in_late_is_no_message_of_its_own_however_long_ago_it_was_asked_for() -> None:
    story = Timeline(a_rulebook(a_duty(), indicators=INDICATOR), start="2028-04-05")
    story.at("2028-06-05 18:00")
    story.happens(value("97.5"))
    passed = story.at("2028-07-07 18:00")
    assert [f"{one.at:%m-%d}" for one in passed.sent if one.draft.chat == "县民政局"] == ["07-03"]
