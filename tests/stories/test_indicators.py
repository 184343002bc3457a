"""An indicator through its years: who is asked for the value, what the value says, and who hears the verdict."""

from __future__ import annotations

from decimal import Decimal

from bot.core.facts.events import Closed, Observed
from tests.kit.builders import INDICATOR, a_rulebook
from tests.stories.timeline import Timeline

REPORT = "I4:报送@2027"
TARGET = "I4@2027"


def a_story(start: str, indicator: str = INDICATOR) -> Timeline:
    return Timeline(a_rulebook(indicators=indicator, starts="2027-05-01"), start=start)


def value(number: str, period: str = "2027") -> Observed:
    return Observed(indicator="I4", period=period, value=Decimal(number))


def test_only_the_provider_is_asked_and_only_after_the_grace_is_it_unreported() -> None:
    story = a_story("2028-03-01")
    story.at("2028-03-16 18:00").expect(f"县民政局 汇总 {REPORT} 提前15天 FIRST")
    story.at("2028-04-13 18:00").expect_nothing()
    assert story.state(REPORT) == "正常推进"  # past 应报, inside 宽限
    assert story.reasons(REPORT) == {"县民政局": "NOT_DUE"}
    story.at("2028-04-30 18:00").expect(f"县民政局 汇总 {REPORT} 逾期1个工作日 WORSENED")
    assert story.state(REPORT) == "未报"


def test_missing_value_is_never_green_and_alarms_nobody_but_its_provider() -> None:
    story = a_story("2028-01-04")
    passed = story.at("2029-03-01 18:00")
    assert {row.addressee for row in passed.rows if row.item.startswith("I4:报送")} == {"县民政局"}
    assert TARGET not in {row.item for row in passed.rows}
    assert story.state(TARGET) == "待公布"
    assert set(story.reasons(TARGET).values()) == {"AWAITING_RESULT"}


def test_value_closes_the_report_and_ends_what_was_said_about_it() -> None:
    story = a_story("2028-04-20")
    story.at("2028-04-24 18:00")
    assert story.state(REPORT) == "未报"
    story.happens(value("97.5"))
    assert story.state(REPORT) == "销号"
    story.at("2028-04-25 18:00").expect(f"管理员 汇总 {TARGET} 当天 FIRST")
    assert story.reasons(TARGET)["县教育局"] == "IN_COMPANY"
    story.at("2028-05-01 18:00").expect(f"县教育局 汇总 {TARGET} 当天 FIRST")  # an end is no message of its own
    story.at("2028-05-12 18:00").expect(f"县民政局 汇总 {REPORT} 恢复 RECOVERED")
    story.at("2029-03-01 18:00").expect_nothing()


def test_missed_target_is_told_once_then_stands_only_in_the_monthly_list() -> None:
    story = a_story("2028-04-05")
    story.happens(value("96.2"))
    passed = story.at("2028-04-30 18:00").expect(
        f"县教育局 汇总 {TARGET} 当天 FIRST", f"管理员 汇总 {TARGET} 当天 FIRST"
    )
    assert "完成值96.2%，目标达到97%" in passed.text
    story.at("2028-06-30 18:00").expect(f"领导小组 月度清单 {TARGET} 当天·月度清单 ESCALATED")
    story.at("2028-07-31 18:00").expect(f"领导小组 月度清单 {TARGET} 当天·月度清单 REPEAT")
    story.happens(Closed(item=TARGET, by="秘书组"))
    story.at("2028-08-03 18:00").expect(
        f"县教育局 汇总 {TARGET} 恢复 RECOVERED", f"领导小组 汇总 {TARGET} 恢复 RECOVERED"
    )
    story.at("2028-12-31 18:00").expect_nothing()


def test_revised_value_reopens_the_verdict() -> None:
    story = a_story("2028-04-05")
    story.happens(value("96.2"))
    story.at("2028-04-10 18:00")
    story.happens(value("97.1"))
    assert story.state(TARGET) == "达标"
    story.at("2028-04-12 18:00").expect(f"县教育局 汇总 {TARGET} 当天 FIRST", f"管理员 汇总 {TARGET} 当天 FIRST")
    story.at("2028-12-31 18:00").expect_nothing()  # and the monthly list no longer names it


def test_value_corrected_on_the_same_day_is_told_too() -> None:
    story = a_story("2028-04-05 08:00")
    story.happens(value("69.7"))
    story.at("2028-04-05 10:00").expect(f"县教育局 汇总 {TARGET} 当天 FIRST", f"管理员 汇总 {TARGET} 当天 FIRST")
    story.happens(value("97.6"))
    story.at("2028-04-10 18:00").expect(f"县教育局 汇总 {TARGET} 当天 WORSENED", f"管理员 汇总 {TARGET} 当天 WORSENED")
    story.at("2028-12-31 18:00").expect_nothing()


def test_a_corrected_miss_is_news_and_not_an_unchanged_figure() -> None:
    story = a_story("2028-04-05 08:00")
    story.happens(value("69.7"))
    story.at("2028-04-05 10:00")
    story.happens(value("70.7"))
    text = story.at("2028-04-10 18:00").text
    assert "完成值70.7%" in text
    assert "数据未更新" not in text


def test_same_value_handed_in_again_is_no_news() -> None:
    story = a_story("2028-04-05")
    story.happens(value("96.2"))
    story.at("2028-04-10 18:00")
    story.happens(value("96.20"))
    story.at("2028-04-28 18:00").expect_nothing()


def test_target_of_2027_is_not_judged_by_the_value_of_2026() -> None:
    story = a_story("2027-05-05")
    story.happens(value("90", period="2026"))
    story.at("2027-12-31 18:00").expect_nothing()
    assert story.state(TARGET) == "待公布"
