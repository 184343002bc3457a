"""撤回: whoever was told something on the ground of a mistake hears the truth, once, and ladders go on as they would have."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from bot.core.facts.events import CaseOpened, Closed, Done, Entered, Extended, Observed, Returned, Silenced, Withdrawn
from bot.core.preview.preview import preview_of
from tests.core.preview.test_preview import lines
from tests.kit.builders import INDICATOR, LADDERS, a_case_rule, a_duty, a_milestone, a_rulebook, moment
from tests.rule_kinds.numbers import an_indicator
from tests.stories.timeline import Timeline

REPORT, TARGET = "I4:报送@2027", "I4@2027"
VOID = Withdrawn(what="observed", indicator="I4", period="2027")
DUTY = "T05-R1@2027-1"


def a_story(start: str, indicator: str = INDICATOR) -> Timeline:
    return Timeline(a_rulebook(a_duty(), indicators=indicator, starts="2027-01-01"), start=start)


def value(number: str, period: str = "2027") -> Observed:
    return Observed(indicator="I4", period=period, value=Decimal(number))


def told(story: Timeline, until: str, item: str) -> list[str]:
    """What was told of an item up to a moment."""
    return sorted(line for one in story.at(until).sent for line in one.lines() if f" {item} " in line)


def test_who_heard_a_miss_hears_once_that_its_value_was_withdrawn() -> None:
    story = a_story("2028-04-05")
    story.happens(value("96.2"))
    story.at("2028-04-06 18:00")
    story.happens(VOID)
    passed = story.at("2028-04-07 18:00").expect(
        f"县教育局 汇总 {TARGET} 撤回未达标 VOIDED", f"县民政局 汇总 {REPORT} 提前15天 FIRST"
    )
    assert "结论撤回" in passed.text
    assert "待公布　2027年的数据已撤回　此前的“未达标”不再作数" in passed.text
    assert story.state(TARGET) == "待公布"
    assert story.reasons(TARGET)["县教育局"] == "UNDECIDED"
    assert told(story, "2028-06-30 18:00", TARGET) == []


def test_a_value_reported_again_is_judged_and_told_as_a_new_one() -> None:
    story = a_story("2028-04-05")
    story.happens(value("96.2"))
    story.at("2028-04-06 18:00")
    story.happens(VOID)
    story.at("2028-04-07 18:00")
    story.happens(value("95"))
    assert told(story, "2028-04-11 18:00", TARGET) == [
        f"县教育局 汇总 {TARGET} 当天 FIRST",
        f"管理员 汇总 {TARGET} 当天 FIRST",
    ]


def test_what_was_not_told_yet_is_not_told_and_not_taken_back() -> None:
    story = a_story("2028-04-05 12:00")
    story.happens(value("96.2"))
    story.happens(VOID)
    assert told(story, "2028-04-30 18:00", TARGET) == []


def test_the_provider_is_asked_again_and_reads_why() -> None:
    story = a_story("2028-04-10")
    story.happens(value("97.5"))
    story.at("2028-04-20 18:00")
    story.happens(VOID)
    passed = story.at("2028-04-30 18:00").expect(
        f"县教育局 汇总 {TARGET} 撤回达标 VOIDED", f"县民政局 汇总 {REPORT} 提前15天 FIRST"
    )
    assert "2027年的数据已撤回" in passed.text


def test_a_floor_goes_back_to_the_period_before_and_says_so() -> None:
    story = a_story("2028-04-05", an_indicator("[保持: {值: 94, 界: 不低于}]"))
    story.happens(value("95", "2026"))
    story.at("2028-04-06 18:00")
    story.happens(value("90"))
    story.at("2028-04-10 18:00")
    story.happens(VOID)
    passed = story.at("2028-04-12 18:00")
    assert [line for one in passed.sent for line in one.lines()] == ["县教育局 汇总 I4:保持 恢复 RECOVERED"]
    assert "2027年的数据已撤回；2026年95%" in passed.text


def test_a_duty_struck_off_by_mistake_goes_on() -> None:
    story = a_story("2027-03-01")
    story.happens(Closed(item=DUTY, by="督查室"))
    assert told(story, "2027-03-18 18:00", DUTY) == [f"县教育局 汇总 {DUTY} 已登记 REGISTERED"]
    story.happens(Withdrawn(what="closed", item=DUTY))
    again = story.at("2027-03-22 18:00").text
    assert "请于4月1日前补报（原定时限3月15日，销号已撤回）" in again
    assert "已逾期1天" in story.at("2027-04-02 18:00").text


def test_an_extension_taken_back_lets_the_date_of_the_rule_hold_again() -> None:
    story = a_story("2027-03-01")
    granted = Extended(
        item=DUTY, to=date(2027, 6, 15), rule_due=date(2027, 3, 15), reason="等待", by="督查室"
    )  # fmt: skip
    story.happens(granted)
    story.happens(Withdrawn(what="extended", item=DUTY))
    passed = story.at("2027-03-12 18:00")
    assert {row.due_on for row in passed.rows if row.item == DUTY} == {date(2027, 3, 15)}


def test_a_silence_taken_back_is_over_at_once() -> None:
    story = a_story("2027-03-01")
    story.happens(Silenced(item=DUTY, until=moment("2027-12-31"), reason="部署"))
    assert told(story, "2027-03-18 18:00", DUTY) == []
    assert "SILENCED" in story.reasons(DUTY).values()
    story.happens(Withdrawn(what="silenced", item=DUTY))
    assert told(story, "2027-03-19 18:00", DUTY) != []


def test_a_case_opened_by_mistake_is_gone() -> None:
    story = Timeline(a_rulebook(a_case_rule(), starts="2026-11-23", ladders=LADDERS), start="2027-03-01 07:00")
    story.happens(CaseOpened(rule="T05-C1", case="2027-003", on=date(2027, 3, 1), category="媒体反映"))
    story.happens(Withdrawn(what="case_opened", rule="T05-C1", case="2027-003"))
    story.at("2027-05-31 18:00").expect_nothing()


def test_a_preview_foretells_that_a_verdict_is_taken_back() -> None:
    story = a_story("2028-04-05")
    story.happens(value("96.2"))
    story.at("2028-04-06 18:00")
    story.happens(VOID)
    drafts = [draft for draft, _ in preview_of(story.scene, story.now, moment("2028-05-31 18:00"))]
    assert lines(drafts) == lines(one.draft for one in story.at("2028-05-31 18:00").sent)


def test_watches_of_one_figure_take_back_their_verdicts_in_one_line() -> None:
    form = an_indicator("[达标, 保持: {值: 97, 界: 不低于}]", targets=["期限: 2027年, 值: 97, 措辞: 达到"])
    story = a_story("2028-04-05", form)
    story.happens(value("96.2"))
    story.at("2028-04-06 18:00")
    story.happens(VOID)
    [line] = [line for line in story.at("2028-04-10 18:00").text.splitlines() if "不再作数" in line]
    assert "I4@2027、I4:保持" in line or "I4:保持、I4@2027" in line


GRANTED = Extended(item="T05-M1", to=date(2027, 5, 31), rule_due=date(2027, 3, 31), reason="等待", by="秘书组")
SETTLED = {
    "extended": GRANTED,
    "closed": Closed(item="T05-M1", by="督查室"),
    "done": Done(item="T05-M1", by="县教育局"),
}


@pytest.mark.parametrize(("what", "said"), [("extended", "延期"), ("closed", "销号"), ("done", "办结")])
def test_what_is_open_again_by_a_withdrawal_is_asked_for_by_a_later_day_and_nobody_above_hears_before(
    what: Entered, said: str
) -> None:
    """On 17 May its rule's date is 47 days ago; the unit's last word was that it is put off or settled."""
    story = Timeline(a_rulebook(a_milestone(due="2027-03-31"), starts="2026-11-23"), start="2027-03-25")
    story.at("2027-03-29 18:00")
    story.happens(SETTLED[what])
    story.at("2027-05-17 10:00")
    story.happens(Withdrawn(what=what, item="T05-M1"))
    same_day = story.at("2027-05-17 18:00")
    assert {one.draft.chat for one in same_day.sent} == {"县教育局"}
    assert f"请于5月31日前补报（原定时限3月31日，{said}已撤回）" in same_day.text
    assert "逾期" not in story.at("2027-05-31 18:00").text
    assert "已逾期1天" in story.at("2027-06-01 18:00").text
    assert "领导小组" not in {one.draft.chat for one in story.at("2027-06-10 18:00").sent}


def test_a_value_withdrawn_long_after_its_date_is_asked_for_anew_by_a_later_day() -> None:
    story = a_story("2028-03-01")
    story.happens(value("96.2"))
    story.at("2028-08-01 18:00")
    story.happens(VOID)
    again = story.at("2028-08-02 18:00")
    assert "请于8月15日前补报（原定时限3月31日）" in again.text
    assert "数据已撤回" in again.text
    assert "逾期" not in again.text
    assert {one.draft.chat for one in again.sent if any(row.item == REPORT for row in one.draft.tellings)} == {
        "县民政局"
    }


def test_a_return_that_is_taken_back_is_heard_as_what_was_registered_before() -> None:
    story = Timeline(a_rulebook(a_milestone(due="2027-03-31"), starts="2026-11-23"), start="2027-03-01")
    story.happens(Done(item="T05-M1", by="县教育局"))
    story.happens(Returned(item="T05-M1", reason="材料不全", by="督查室"))
    assert "经核实退回：材料不全" in story.at("2027-03-03 18:00").text
    story.happens(Withdrawn(what="returned", item="T05-M1"))
    assert "已报办结，待核" in story.at("2027-04-01 18:00").text
