"""月初清单: on the first workday a unit hears once what is due in the month, instead of about a month before each date."""

from __future__ import annotations

from datetime import date

import pytest

from bot.core.facts.events import CaseOpened, Closed, Done, Extended, Returned, Silenced
from bot.core.rules.rulebook import Rulebook
from tests.kit.builders import INDICATOR, UNITS, a_ban, a_case_rule, a_duty, a_milestone, a_rulebook, moment
from tests.stories.timeline import Timeline

LISTED = UNITS.replace("名称: 县教育局", "名称: 县教育局, 月初清单: 是")


def listed(*items: str, **more: str) -> Rulebook:
    """A rulebook in which 县教育局 has a list and 县财政局 has none."""
    return a_rulebook(*items, unit_file=LISTED, **more)


def rungs(story: Timeline, until: str, item: str = "T05-M1", unit: str = "县教育局") -> list[tuple[str, str]]:
    """When and by which rung a unit hears of an item; half a year ahead is not the matter here."""
    sent = [(one.at.date(), row) for one in story.at(until).sent for row in one.draft.tellings]
    heard = [(f"{day:%m-%d}", row.rung) for day, row in sent if row.item == item and row.addressee == unit]
    return [(day, rung) for day, rung in heard if rung != "提前180天"]


def test_the_list_stands_in_for_the_rung_of_about_a_month_and_the_others_stay() -> None:
    story = Timeline(listed(a_milestone(due="2027年6月底前")), start="2027-05-03")
    found = rungs(story, "2027-06-30 18:00")
    assert found == [("06-01", "月初清单"), ("06-23", "提前7天"), ("06-29", "提前1个工作日")]


def test_a_unit_without_a_list_hears_its_rungs_as_written() -> None:
    story = Timeline(listed(a_milestone(due="2027年6月底前")), start="2027-05-03")
    assert rungs(story, "2027-06-30 18:00", unit="县财政局") == [("05-31", "提前30天"), ("06-23", "提前7天")]


def test_everything_due_in_the_month_stands_in_one_message_in_order_of_date() -> None:
    items = (
        a_milestone("T05-M1", "2027-06-30", title="国家评估认定"),
        a_milestone("T05-M2", "2027-06-18", title="校舍排查整改", ladder="一般节点"),
        a_duty("T05-R1", "每年6月25日", title="经费执行情况自查"),
        a_milestone("T05-M3", "2027-07-16", title="学位预测", ladder="一般节点"),
    )
    story = Timeline(listed(*items), start="2027-05-17")
    story.at("2027-05-31 18:00")
    [text] = [one.text for one in story.at("2027-06-01 18:00").sent if one.draft.chat == "县教育局"]
    assert "【本月到期事项】县教育局" in text
    assert "一、本月到期事项" in text
    assert "共3项：本月到期事项3" in text
    assert text.index("校舍排查整改") < text.index("经费执行情况自查") < text.index("国家评估认定")
    assert "学位预测" not in text


def test_what_has_the_same_date_stands_under_it() -> None:
    items = (a_duty("T05-R1", "每年6月25日", title="经费自查"), a_duty("T05-R2", "每年6月25日", title="校舍排查"))
    story = Timeline(listed(*items, a_duty("T05-R3", "每年6月28日", title="师资排查")), start="2027-05-17")
    story.at("2027-05-31 18:00")
    [text] = [one.text for one in story.at("2027-06-01 18:00").sent if one.draft.chat == "县教育局"]
    together = "1. 时限6月25日，剩余24天（暂定日历）：\n· 经费自查（T05-R1@2027）\n· 校舍排查（T05-R2@2027）"
    assert f"{together}\n2. 师资排查（T05-R3@2027）　时限6月28日，剩余27天（暂定日历）\n" in text


def test_a_rung_of_half_a_month_ahead_says_nothing_that_the_list_has_not_said() -> None:
    story = Timeline(listed(a_duty("T05-R1", "每年6月25日")), start="2027-05-03")
    assert rungs(story, "2027-06-25 18:00", "T05-R1@2027") == [("06-01", "月初清单")]


def test_an_item_whose_ladder_begins_in_the_last_week_is_listed_too() -> None:
    story = Timeline(listed(a_milestone(due="2027-06-25", ladder="一般节点")), start="2027-05-03")
    assert rungs(story, "2027-06-25 18:00") == [("06-01", "月初清单"), ("06-18", "提前7天"), ("06-24", "提前1个工作日")]


@pytest.mark.parametrize("cadence", ["每月20日", "每月底", "每半月", "每周五"])
def test_what_is_due_every_month_is_no_news_and_makes_no_message(cadence: str) -> None:
    story = Timeline(listed(a_duty("T05-R1", cadence)), start="2027-05-03")
    assert "月初清单" not in {row.rung for row in story.at("2027-07-05 18:00").rows}


def test_a_case_opened_within_the_month_was_on_no_list() -> None:
    story = Timeline(listed(a_case_rule()), start="2027-06-02")
    story.happens(CaseOpened(rule="T05-C1", case="2027-001", on=date(2027, 6, 9), category="群众来信"))
    assert "月初清单" not in {row.rung for row in story.at("2027-06-30 18:00").rows}


def test_a_recalled_ban_is_no_matter_of_a_date() -> None:
    story = Timeline(listed(a_ban(season="5月20日至9月30日")), start="2027-04-30")
    assert "月初清单" not in {row.rung for row in story.at("2027-05-21 18:00").rows}


def test_whoever_asks_why_is_told_that_it_was_the_list() -> None:
    story = Timeline(listed(a_milestone(due="2027年6月底前")), start="2027-05-03")
    story.at("2027-06-01 18:00")
    told = next(one for one in story.decisions("T05-M1") if one.addressee.key == "县教育局")
    assert told.rung is not None
    assert (told.reason.name, told.rung.label, told.rung.on) == ("ALREADY_TOLD", "月初清单", date(2027, 6, 1))


def test_a_month_without_anything_due_has_no_list() -> None:
    story = Timeline(listed(a_milestone(due="2027年6月底前")), start="2027-03-01")
    assert "月初清单" not in {row.rung for row in story.at("2027-05-31 18:00").rows}


@pytest.mark.parametrize("due", ["2027-03-01", "2027-10-04", "2027-10-08"])
def test_a_date_up_to_the_first_sending_day_keeps_its_own_rung(due: str) -> None:
    story = Timeline(listed(a_milestone(due=due)), start=str(date.fromisoformat(due).replace(month=1)))
    heard = [rung for _, rung in rungs(story, f"{due} 18:00")]
    assert "提前30天" in heard
    assert "月初清单" not in heard


def test_a_date_in_the_first_week_is_listed_and_keeps_its_early_notice() -> None:
    story = Timeline(listed(a_milestone(due="2027-06-04")), start="2027-04-30")
    heard = rungs(story, "2027-06-04 18:00")
    assert [rung for _, rung in heard] == ["提前30天", "提前7天", "月初清单", "提前1个工作日"]
    assert heard[2][0] == "06-01"


def test_on_the_day_of_another_rung_one_line_is_enough() -> None:
    story = Timeline(listed(a_milestone(due="2027-06-08")), start="2027-05-03")  # 提前7天 would be 06-01 too
    assert rungs(story, "2027-06-08 18:00") == [("06-01", "月初清单"), ("06-07", "提前1个工作日")]


def test_a_single_on_the_same_day_goes_before_the_list() -> None:
    story = Timeline(listed(a_milestone(due="2027-06-02")), start="2027-05-24")  # 提前1个工作日 is 06-01
    heard = rungs(story, "2027-06-02 18:00")
    assert ("06-01", "提前1个工作日") in heard
    assert "月初清单" not in {rung for _, rung in heard}


def test_what_is_struck_off_before_is_not_listed() -> None:
    story = Timeline(listed(a_milestone(due="2027年6月底前")), start="2027-05-03")
    story.happens(Closed(item="T05-M1", by="秘书组"))
    assert [rung for _, rung in rungs(story, "2027-06-30 18:00")] == ["已登记"]


def test_an_extension_into_another_month_is_listed_there() -> None:
    story = Timeline(listed(a_milestone(due="2027年6月底前")), start="2027-05-03")
    assert rungs(story, "2027-06-02 18:00") == [("06-01", "月初清单")]
    story.happens(Extended(item="T05-M1", to=date(2027, 8, 20), rule_due=date(2027, 6, 30), reason="等待", by="秘书组"))
    heard = rungs(story, "2027-08-20 18:00")
    assert heard == [("07-01", "已登记"), ("08-02", "月初清单"), ("08-13", "提前7天"), ("08-19", "提前1个工作日")]


def test_an_extension_within_the_month_makes_no_list_of_its_own() -> None:
    story = Timeline(listed(a_milestone(due="2027-06-15")), start="2027-05-03")
    assert rungs(story, "2027-06-09 16:00")[0] == ("06-01", "月初清单")
    story.happens(Extended(item="T05-M1", to=date(2027, 6, 28), rule_due=date(2027, 6, 15), reason="等待", by="秘书组"))
    heard = rungs(story, "2027-06-28 18:00")
    assert heard == [("06-21", "提前7天"), ("06-25", "提前1个工作日")]


def test_a_plan_that_begins_within_the_month_lists_it_at_once() -> None:
    story = Timeline(listed(a_milestone(due="2027-06-28"), starts="2027-06-10"), start="2027-06-10")
    assert rungs(story, "2027-06-11 18:00") == [("06-10", "月初清单")]


def test_a_list_slept_through_is_given_late_and_superseded_by_a_deeper_rung() -> None:
    late = Timeline(listed(a_milestone(due="2027年6月底前")), start="2027-05-24")
    late.off_until("2027-06-10 08:00")
    assert rungs(late, "2027-06-10 18:00") == [("06-10", "月初清单")]
    later = Timeline(listed(a_milestone(due="2027年6月底前")), start="2027-05-24")
    later.off_until("2027-06-24 08:00")
    assert rungs(later, "2027-06-24 18:00") == [("06-24", "提前7天")]


def test_the_data_provider_has_its_list_too() -> None:
    units = UNITS.replace("名称: 县民政局", "名称: 县民政局, 月初清单: 是")
    story = Timeline(a_rulebook(indicators=INDICATOR, unit_file=units), start="2027-02-15")
    assert rungs(story, "2027-03-31 18:00", "I4:报送@2026", "县民政局") == [("03-01", "月初清单")]


def test_a_list_switched_on_within_the_month_is_given_once_and_repeats_no_rung() -> None:
    story = Timeline(a_rulebook(a_milestone(due="2027年6月底前")), start="2027-05-03")
    assert rungs(story, "2027-06-02 18:00") == [("05-31", "提前30天")]
    story.edited(listed(a_milestone(due="2027年6月底前")))
    heard = rungs(story, "2027-06-30 18:00")
    assert heard == [("06-03", "月初清单"), ("06-23", "提前7天"), ("06-29", "提前1个工作日")]


def test_a_list_switched_off_within_the_month_repeats_nothing() -> None:
    story = Timeline(listed(a_milestone(due="2027年6月底前")), start="2027-05-03")
    assert rungs(story, "2027-06-02 18:00") == [("06-01", "月初清单")]
    story.edited(a_rulebook(a_milestone(due="2027年6月底前")))
    assert rungs(story, "2027-06-30 18:00") == [("06-23", "提前7天"), ("06-29", "提前1个工作日")]


def test_what_comes_back_after_the_leading_group_s_list_has_left_stands_in_the_next_one() -> None:
    """A return of something long overdue, an end of silence: never a list in the middle of a month."""
    rulebook = a_rulebook(a_milestone(due="2027-01-29"), starts="2026-11-23")
    story = Timeline(rulebook, start="2027-01-25")
    story.at("2027-03-02 18:00")
    story.happens(Done(item="T05-M1", by="县教育局"))
    story.at("2027-05-06 18:00")
    story.happens(Returned(item="T05-M1", reason="材料不全", by="督查室"))
    assert "领导小组" not in {one.draft.chat for one in story.at("2027-05-31 18:00").sent}
    assert "领导小组" in {one.draft.chat for one in story.at("2027-06-01 18:00").sent}
    story.happens(Silenced(item="T05-M1", until=moment("2027-07-12"), reason="部署"))
    assert "领导小组" not in {one.draft.chat for one in story.at("2027-07-30 18:00").sent}
    assert "领导小组" in {one.draft.chat for one in story.at("2027-08-02 18:00").sent}
