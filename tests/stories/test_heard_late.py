"""Late only after being told: what was due before its unit heard of it is asked for by a later day."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.core.facts.events import Closed, Confirmed
from tests.kit.builders import INDICATOR, a_duty, a_milestone, a_rulebook, moment
from tests.stories.timeline import Timeline

KINDS = [name for name in a_rulebook().ladders if name != "一般节点"]


def test_what_was_over_when_its_unit_heard_is_asked_for_by_a_later_day_and_its_ladder_counts_from_there() -> None:
    """Ten workdays after 1 March 2027 are the 15th."""
    story = Timeline(a_rulebook(a_milestone(due="2027-01-29")), start="2027-03-01", unheard=True)
    first = story.at("2027-03-01 18:00")
    assert "请于3月15日前补报（原定时限1月29日）" in first.text
    assert "逾期" not in first.text
    assert "逾期" not in story.at("2027-03-15 18:00").text
    late = story.at("2027-03-16 18:00").expect("县教育局 单发 T05-M1 逾期1个工作日 WORSENED")
    assert "已逾期1天" in late.text
    assert "完成时限：2027年1月29日" in late.text
    assert "领导小组" not in {one.draft.chat for one in story.at("2027-04-01 09:00").sent}
    [told] = {one.draft.chat: one for one in story.at("2027-05-06 18:00").sent if one.draft.chat == "领导小组"}.values()
    assert "已逾期" in told.text


def test_what_is_due_soon_after_its_unit_heard_has_ten_workdays_too() -> None:
    story = Timeline(a_rulebook(a_milestone(due="2027-03-04")), start="2027-03-01", unheard=True)
    assert "请于3月15日前补报（原定时限3月4日）" in story.at("2027-03-05 18:00").text
    assert story.state("T05-M1") in ("正常推进", "临期")
    assert (
        Timeline(a_rulebook(a_milestone(due="2027-03-16")), start="2027-03-01", unheard=True)
        .at("2027-03-09 18:00")
        .text.count("补报")
        == 0
    )


def test_nobody_else_is_promised_a_message_for_a_day_on_which_whoever_must_act_comes_first() -> None:
    """Asked on a Saturday: on Monday the duty due on the 29th is near, so that its unit comes first."""
    rule = a_milestone(due="2026-12-29", ladder="一般节点")
    ladders = "一般节点:\n  - {时点: 提前40天, 对象: [牵头单位, 配合单位], 形式: 汇总}\n"
    rest = "".join(f"{name}:\n  - {{时点: 当天, 对象: 牵头单位, 形式: 汇总}}\n" for name in KINDS)
    story = Timeline(a_rulebook(rule, ladders=ladders + rest), start="2026-12-12 12:00", unheard=True)
    assert story.reasons("T05-M1") == {"县教育局": "OUT_OF_HOURS", "县财政局": "NOT_DUE"}


def test_what_is_due_before_the_first_rung_of_its_later_day_is_told_when_it_is_first_heard_of() -> None:
    """The duty's rungs count from 24 March, so the first of them would come after its own date."""
    story = Timeline(a_rulebook(a_duty(cadence="每年3月15日")), start="2027-03-10", unheard=True)
    assert "请于3月24日前补报（原定时限3月15日）" in story.at("2027-03-10 18:00").text


def test_values_asked_for_by_the_same_later_day_stand_under_one_request() -> None:
    other = INDICATOR.replace("编号: I4", "编号: I5").replace("高中阶段毛入学率", "高等教育毛入学率")
    story = Timeline(a_rulebook(a_duty(), indicators=INDICATOR + other), start="2027-04-01", unheard=True)
    [told] = [one.text for one in story.at("2027-04-01 18:00").sent if one.draft.chat == "县民政局"]
    assert told.count("请于") == 1
    request = "请报送数据（2026年度）：\n· 高中阶段毛入学率（I4:报送@2026）\n· 高等教育毛入学率（I5:报送@2026）"
    assert request in told


def test_figures_that_a_hand_over_asks_for_are_named_once_in_it() -> None:
    story = Timeline(a_rulebook(a_duty(), indicators=INDICATOR), start="2027-04-01", unheard=True)
    [told] = [one.text for one in story.at("2027-04-01 18:00").sent if one.draft.chat == "县民政局"]
    assert "宽限10个工作日）：1项，名称见下面的报送要求\n" in told
    assert told.count("高中阶段毛入学率") == 1


def test_whoever_becomes_answerable_has_ten_workdays_and_nobody_above_hears_earlier() -> None:
    before = a_rulebook(a_milestone(due="2027-03-10"))
    story = Timeline(before, start="2027-01-04", unheard=True)
    story.at("2027-04-09 18:00")
    assert story.state("T05-M1") == "逾期"
    story.edited(a_rulebook(a_milestone(due="2027-03-10"), lead_unit="县财政局"))
    told = story.at("2027-04-12 18:00").expect("县财政局 汇总 T05-M1 提前30天 FIRST")
    assert "请于4月26日前补报（原定时限3月10日）" in told.text
    assert "逾期" not in story.at("2027-04-26 18:00").text
    assert "县财政局 单发 T05-M1 逾期1个工作日 WORSENED" in [
        line for one in story.at("2027-04-27 18:00").sent for line in one.lines()
    ]


@pytest.mark.parametrize("heard", [False, True])
def test_a_period_that_was_over_before_its_rule_came_into_force_is_not_asked_for(heard: bool) -> None:
    story = Timeline(a_rulebook(a_duty(cadence="每季度末")), start="2027-04-20", unheard=not heard)
    story.tellings.hearings.begin({"T05-R1": moment("2027-04-20")})
    assert set(story.reasons("T05-R1@2027Q1").values()) == {"BEFORE_FORCE"}
    assert "T05-R1@2027Q1" not in story.at("2027-06-14 18:00").text
    assert "T05-R1@2027Q2" in story.at("2027-06-16 18:00").text


def test_what_a_later_period_made_good_is_not_asked_for_late() -> None:
    story = Timeline(a_rulebook(a_duty(cadence="每季度末")), start="2027-07-05", unheard=True)
    story.happens(Closed(item="T05-R1@2027Q2", by="办公室"))
    assert story.reasons("T05-R1@2027Q1")["县教育局"] == "MADE_GOOD"
    assert "T05-R1@2027Q1" not in story.at("2027-07-30 18:00").text


def test_a_proposal_speaks_from_the_day_on_which_it_was_confirmed() -> None:
    duty = a_duty(cadence="每季度末", basis="建议")
    story = Timeline(a_rulebook(duty), start="2027-04-20")
    [rule] = story.rulebook.rules
    story.happens(Confirmed(rules={"T05-R1": rule.fingerprint}, by="办公室"))
    assert set(story.reasons("T05-R1@2027Q1").values()) == {"BEFORE_FORCE"}
    story.facts = replace(story.facts, confirmed_at={"T05-R1": moment("2026-12-01")})
    assert set(story.reasons("T05-R1@2027Q1").values()) != {"BEFORE_FORCE"}
