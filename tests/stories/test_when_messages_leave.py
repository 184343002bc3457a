"""什么时候发 in docs/设置.md: each of its lines, played."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from bot.core.facts.events import Returned
from bot.core.time.windows import OfficeHours, allowed, slot
from tests.kit.builders import a_milestone, a_rulebook, moment
from tests.stories.timeline import Timeline

PAGE = Path(__file__).parents[2] / "docs" / "设置.md"
RULES = a_rulebook(a_milestone(due="2027-03-19"))
CHAT = "县教育局"


def slot_of(day: str) -> datetime:
    return slot(CHAT, moment(day).date(), OfficeHours())


def left(story: Timeline, until: str) -> list[tuple[datetime, str]]:
    """When messages left to the lead's chat, and in which form."""
    return [(one.at, one.draft.form) for one in story.at(until).sent if one.draft.chat == CHAT]


def returned_at(when: str) -> Timeline:
    """A day whose digest has gone (提前7天), and an item sent back at that minute."""
    story = Timeline(RULES, start="2027-03-12 07:00")
    assert (slot_of("2027-03-12"), "汇总") in left(story, "2027-03-12 09:30")
    story.at(when)
    story.happens(Returned(item="T05-M1", reason="材料不全"))
    return story


def late_start() -> None:
    for start, leaves in (("10:12", "10:12"), ("10:00", "10:01"), ("15:30", "15:31")):
        story = Timeline(RULES, start=f"2027-03-12 {start}")
        assert {at for at, _ in left(story, "2027-03-12 18:00")} == {moment(f"2027-03-12 {leaves}")}


def something_just_happened() -> None:
    for when, leaves in (("10:12", "10:12"), ("11:00", "11:01"), ("16:30", "16:31")):
        assert left(returned_at(f"2027-03-12 {when}"), "2027-03-12 18:00") == [(moment(f"2027-03-12 {leaves}"), "单发")]
    three = "".join(a_milestone(f"T05-M{number}", due="2027-03-19") for number in (1, 2, 3))
    story = Timeline(a_rulebook(three), start="2027-03-12 07:00")
    for number in (1, 2, 3):
        story.at(f"2027-03-12 10:{10 + number}")
        story.happens(Returned(item=f"T05-M{number}", reason="材料不全"))
    story.at("2027-03-15 18:00")
    sent = [one for one in story.sent if one.draft.chat == CHAT and "退回" in str(one.draft)]
    wanted = [moment("2027-03-12 10:11"), moment("2027-03-12 10:12"), slot_of("2027-03-15")]
    assert [one.at for one in sent] == wanted


def over_lunch() -> None:
    assert left(returned_at("2027-03-12 12:20"), "2027-03-12 18:00") == [(moment("2027-03-12 14:31"), "单发")]


def after_hours() -> None:
    assert left(returned_at("2027-03-12 19:00"), "2027-03-15 18:00")[0][0] == slot_of("2027-03-15")  # a Monday


def tried_again() -> None:
    now, rules = moment("2027-03-12 10:12"), (OfficeHours(), RULES.calendar)
    assert allowed(moment("2027-03-12 10:30"), CHAT, now, *rules) == moment("2027-03-12 10:31")
    assert allowed(moment("2027-03-12 12:20"), CHAT, now, *rules) == moment("2027-03-12 14:31")
    assert allowed(moment("2027-03-12 19:00"), CHAT, now, *rules) == slot_of("2027-03-15")


PLAYED: dict[str, Callable[[], None]] = {
    "当天的那一分钟已经过去": late_start,
    "当天汇总已发": something_just_happened,
    "午休时出现的": over_lunch,
    "下班后和非工作日出现的": after_hours,
    "上次没发成的": tried_again,
}


def claims() -> list[str]:
    section = PAGE.read_text("utf-8").split("## 什么时候发\n")[1].split("\n## ")[0]
    return [line.removeprefix("- ") for line in section.splitlines() if line.startswith("- ")]


@pytest.mark.parametrize("begins", PLAYED)
def test_each_case_of_the_page_is_as_it_says(begins: str) -> None:
    PLAYED[begins]()


def test_the_page_names_these_cases_and_no_other() -> None:
    assert [next(begins for begins in PLAYED if claim.startswith(begins)) for claim in claims()] == list(PLAYED)


def test_on_an_ordinary_day_everything_leaves_in_the_chat_s_own_minute() -> None:
    story = Timeline(RULES, start="2027-03-08 07:00")
    sent = story.at("2027-03-31 18:00").sent
    assert sent
    assert all(one.at == slot(one.draft.chat, one.at.date(), OfficeHours()) for one in sent)
