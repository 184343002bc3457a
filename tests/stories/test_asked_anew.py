"""What an edit makes due at once is asked for by a later day: nobody hears that it is late before its unit had ten workdays."""

from __future__ import annotations

from datetime import date

import pytest

from bot.core.facts.events import Confirmed, Withdrawn
from bot.core.rules.rulebook import Rulebook
from tests.kit.builders import INDICATOR, a_duty, a_milestone, a_rulebook
from tests.stories.timeline import Timeline

TEN_WORKDAYS_ON = "7月26日"  # after Monday, 12 July 2027
STEP = "编号: T05-M1-01, 名称: 自评, 完成时限: 2027-03-15, 依据: 管理员"

#: What was, what is edited on 12 July, and the item that is late by it.
EDITS = {
    "a date moved earlier": (a_milestone(due="2027-08-31"), a_milestone(due="2027-04-20"), "T05-M1"),
    "a step with an old date": (
        a_milestone(due="2027-12-20"),
        a_milestone(due="2027-12-20", steps=[STEP]),
        "T05-M1-01",
    ),
    "a day moved in the month": (a_duty(cadence="每月28日"), a_duty(cadence="每月12日"), "T05-R1@2027-07"),
}


def told_above(story: Timeline, until: str) -> list[str]:
    """Which chats above the unit hear of anything up to a moment."""
    return [one.draft.chat for one in story.at(until).sent if one.draft.chat in ("领导小组", "管理员")]


@pytest.mark.parametrize("edit", EDITS)
def test_what_an_edit_makes_late_has_ten_workdays_from_then(edit: str) -> None:
    before, after, item = EDITS[edit]
    story = Timeline(a_rulebook(before, starts="2026-11-23"), start="2027-07-08")
    story.at("2027-07-12 10:00")
    story.edited(a_rulebook(after, starts="2026-11-23"))
    lines = [line for line in story.at("2027-07-13 18:00").text.splitlines() if item in line or "完成时限" in line]
    assert any(f"请于{TEN_WORKDAYS_ON}前补报" in line for line in lines), lines
    rest = story.at("2027-07-26 18:00")
    assert "逾期" not in rest.text
    assert "已逾期1天" in story.at("2027-07-27 18:00").text


def test_periods_that_were_over_before_an_edit_made_them_are_not_asked_for() -> None:
    story = Timeline(a_rulebook(a_duty(cadence="每季度末"), starts="2026-11-23"), start="2027-07-08")
    story.at("2027-07-12 10:00")
    story.edited(a_rulebook(a_duty(cadence="每月底"), starts="2026-11-23"))
    assert story.reasons("T05-R1@2027-05")["县教育局"] == "BEFORE_FORCE"
    assert "逾期" not in story.at("2027-07-20 18:00").text


def a_book(basis: str = "建议", due: str = "2027-01-29") -> Rulebook:
    return a_rulebook(a_milestone(due=due, basis=basis), starts="2026-11-23")


def confirmed(book: Rulebook) -> Confirmed:
    return Confirmed(rules={"T05-M1": book.by_id["T05-M1"].fingerprint})


def test_a_proposal_that_becomes_somebody_s_word_by_an_edit_is_asked_for_from_then() -> None:
    story = Timeline(a_book(), start="2027-07-08")
    story.at("2027-07-12 10:00")
    story.edited(a_book("管理员"))
    assert f"请于{TEN_WORKDAYS_ON}前补报" in story.at("2027-07-13 18:00").text


def test_a_date_changed_before_it_was_confirmed_again_is_new_from_the_confirmation() -> None:
    story = Timeline(a_book(due="2027-12-20"), start="2027-06-01")
    story.happens(confirmed(story.rulebook))
    story.at("2027-06-28 10:00")
    story.edited(a_book(due="2027-07-05"))
    story.at("2027-07-12 10:00")
    story.happens(confirmed(story.rulebook))
    assert f"请于{TEN_WORKDAYS_ON}前补报" in story.at("2027-07-13 18:00").text
    assert "逾期" not in story.at("2027-07-26 18:00").text


def test_a_confirmation_withdrawn_and_given_again_counts_from_the_second() -> None:
    story = Timeline(a_book(), start="2027-03-01", unheard=True)
    story.happens(confirmed(story.rulebook))
    story.at("2027-04-30 18:00")
    story.happens(Withdrawn(what="confirmed", item="T05-M1"))
    story.at("2027-07-12 10:00")
    story.happens(confirmed(story.rulebook))
    heard = story.at("2027-07-26 18:00")
    assert f"请于{TEN_WORKDAYS_ON}前补报" in heard.text
    assert "逾期" not in heard.text


def test_a_report_that_an_edit_asks_for_sooner_is_asked_for_by_a_later_day() -> None:
    before = INDICATOR.replace("次年3月31日", "次年8月31日")
    story = Timeline(a_rulebook(a_duty(), indicators=before, starts="2026-11-23"), start="2027-07-08")
    story.at("2027-07-12 10:00")
    story.edited(a_rulebook(a_duty(), indicators=INDICATOR, starts="2026-11-23"))
    assert f"请于{TEN_WORKDAYS_ON}前补报" in story.at("2027-07-13 18:00").text


def test_what_an_edit_leaves_as_it_was_stays_late() -> None:
    """A title put right, or a later date of another step, is no reason to wait."""
    story = Timeline(a_rulebook(a_milestone(due="2027-04-20"), starts="2026-11-23"), start="2027-04-12")
    story.at("2027-07-12 10:00")
    story.edited(a_rulebook(a_milestone(due="2027-04-20", title="国家评估认定工作"), starts="2026-11-23"))
    assert story.state("T05-M1") == "逾期"
    assert date(2027, 4, 20) in {one.finding.due_on for one in story.decisions("T05-M1")}


def test_dates_that_an_edit_changes_are_handed_over_anew_once_and_called_by_their_names() -> None:
    book = a_rulebook(a_milestone(due="2027-08-31"), starts="2026-11-23")
    story = Timeline(book, start="2027-01-04", unheard=True)
    story.at("2027-05-12 10:00")
    story.edited(a_rulebook(a_milestone(due="2027-10-29"), starts="2026-11-23"))
    later = [one.text for one in story.at("2027-05-31 18:00").sent if one.draft.chat == "县教育局"]
    assert [text.count("新增或调整") for text in later] == [1]
    assert "国家评估认定（T05-M1）　2027年10月29日" in later[0]
    story.edited(a_rulebook(a_milestone(due="2027-05-20"), starts="2026-11-23"))
    sooner = [one.text for one in story.at("2027-06-01 18:00").sent if one.draft.chat == "县教育局"]
    assert "请于6月15日前补报（时限已调整为5月20日）" in sooner[0]
    assert "国家评估认定（T05-M1）　2027年5月20日" in sooner[0]


def test_what_was_over_before_an_edit_moved_it_stays_late() -> None:
    story = Timeline(a_rulebook(a_milestone(due="2027-04-20"), starts="2026-11-23"), start="2027-04-12")
    story.at("2027-07-12 10:00")
    story.edited(a_rulebook(a_milestone(due="2027-04-16"), starts="2026-11-23"))
    assert story.state("T05-M1") == "逾期"
