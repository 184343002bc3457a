"""Recurring duties: a missed period stays open until a later one is done, and days off move only the telling."""

from __future__ import annotations

from bot.core.facts.events import Closed, Returned
from tests.kit.builders import a_duty, a_milestone, a_rulebook
from tests.stories.timeline import Timeline


def test_missed_period_stays_open_beside_the_next_one() -> None:
    story = Timeline(a_rulebook(a_duty()), start="2027-03-01")
    story.at("2027-09-20 18:00")
    assert story.state("T05-R1@2027-1") == "逾期"
    assert story.state("T05-R1@2027-2") == "逾期"


def test_missed_period_is_over_when_a_later_one_is_done() -> None:
    story = Timeline(a_rulebook(a_duty()), start="2027-03-01")
    story.at("2027-09-20 18:00")
    story.happens(Closed(item="T05-R1@2027-2", by="秘书组"))
    later = story.at("2028-02-10 18:00").sent
    lines = [line for one in later for line in one.lines() if "T05-R1@2027" in line]
    assert "县教育局 汇总 T05-R1@2027-2 恢复 RECOVERED" in lines
    assert not [line for line in lines if "T05-R1@2027-1" in line]
    assert story.state("T05-R1@2027-1") == "逾期"


def test_missed_period_is_open_again_when_the_later_one_is_returned() -> None:
    story = Timeline(a_rulebook(a_duty()), start="2027-03-01")
    story.at("2027-09-20 18:00")
    story.happens(Closed(item="T05-R1@2027-2", by="秘书组"))
    story.happens(Returned(item="T05-R1@2027-2", reason="材料不全"))
    later = story.at("2028-02-10 18:00").sent
    assert [line for one in later for line in one.lines() if "县教育局 汇总 T05-R1@2027-1" in line]


def test_periods_before_the_plans_first_day_do_not_exist() -> None:
    story = Timeline(a_rulebook(a_duty(), starts="2027-06-01"), start="2027-06-01")
    passed = story.at("2028-01-01 18:00")
    assert {row.item for row in passed.rows if row.item.startswith("T05-R1")} == {"T05-R1@2027-2"}


def test_rung_on_a_make_up_sunday_is_told_that_sunday() -> None:
    story = Timeline(
        a_rulebook(a_milestone(due="2026-09-21", ladder="一般节点"), starts="2026-09-01"), start="2026-09-16"
    )
    sent = [one for one in story.at("2026-09-20 18:00").sent if "提前1个工作日" in str(one.lines())]
    assert [one.at.date().isoformat() for one in sent] == ["2026-09-20"]  # worked for 国庆节


def test_item_due_on_a_saturday_goes_out_on_monday_once_and_repeats_from_its_own_date() -> None:
    story = Timeline(a_rulebook(a_milestone(due="2027-03-13")), start="2027-03-13")
    story.at("2027-03-14 23:00").expect_nothing()
    story.at("2027-03-15 18:00").expect("县教育局 单发 T05-M1 逾期1个工作日 FIRST")
    story.at("2027-03-21 18:00").expect_nothing()
    story.at("2027-03-22 18:00").expect("县教育局 汇总 T05-M1 逾期每7天 NEXT_RUNG")  # nominal Saturday 03-20
    story.at("2027-03-29 18:00").expect(
        "县教育局 汇总 T05-M1 逾期每7天 REPEAT", "管理员 单发 T05-M1 逾期10个工作日 ESCALATED"
    )
