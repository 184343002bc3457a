"""Whoever becomes answerable is handed it once, and nobody is handed again what was handed over."""

from __future__ import annotations

from decimal import Decimal

from pydantic import SecretStr

from bot.core.facts.events import Observed
from bot.core.facts.facts import Facts
from bot.core.rules.rulebook import Rulebook
from bot.platforms import Robot, parts
from tests.kit.builders import INDICATOR, a_duty, a_milestone, a_rulebook, the_county
from tests.stories.test_office import confirmation
from tests.stories.timeline import Passed, Timeline

DUE = "2028-12-31"  # far away: only hand-overs are told
LEAD, HELPER = "县教育局", "县财政局"


def a_story(rulebook: Rulebook) -> Timeline:
    story = Timeline(rulebook, start="2027-03-01")
    story.at("2027-03-01 18:00")
    return story


def handed(passed: Passed) -> dict[str, str]:
    """The hand-over in each chat."""
    rows = {row.addressee: row for row in passed.rows if row.item.startswith("交办")}
    return {one.draft.chat: one.text for one in passed.sent if one.draft.chat in rows}


def test_a_rule_that_is_added_is_handed_over_alone() -> None:
    story = a_story(a_rulebook(a_milestone(due=DUE)))
    story.at("2027-03-05 18:00").expect_nothing()
    story.edited(a_rulebook(a_milestone(due=DUE), a_milestone("T05-M2", due=DUE, title="另一项")))
    told = handed(story.at("2027-03-08 18:00"))
    assert set(told) == {LEAD, HELPER}
    assert "新增或调整：\n牵头：第（五）项" in told[LEAD]
    assert "另一项（T05-M2）" in told[LEAD]
    assert "T05-M1" not in told[LEAD]
    story.at("2027-03-20 18:00").expect_nothing()


def test_who_helped_and_now_leads_is_handed_it_and_a_change_of_the_name_alone_is_none() -> None:
    story = a_story(a_rulebook(a_milestone(due=DUE)))
    story.edited(a_rulebook(a_milestone(due=DUE, title="改了名称")))
    story.at("2027-03-05 18:00").expect_nothing()
    own = f"牵头: {{单位: {HELPER}, 依据: 管理员}}\n配合: [{LEAD}]"
    story.edited(a_rulebook(a_milestone(due=DUE, more=own)))
    told = handed(story.at("2027-03-10 18:00"))
    assert HELPER in told
    assert "国家评估认定（T05-M1）" in told[HELPER]
    story.at("2027-03-20 18:00").expect_nothing()


def test_what_is_confirmed_later_is_handed_over_then() -> None:
    rulebook = a_rulebook(a_milestone(due=DUE), a_duty(basis="建议", cadence="每年12月31日"))
    story = Timeline(rulebook, start="2027-03-01")
    first = handed(story.at("2027-03-01 18:00"))
    assert "T05-R1" not in first[LEAD]
    story.happens(confirmation(rulebook))
    told = handed(story.at("2027-03-05 18:00"))
    assert "T05-R1" in told[LEAD]
    assert "T05-M1" not in told[LEAD]


def test_a_rung_of_a_ladder_that_looks_like_a_hand_over_is_told_once() -> None:
    ladders = "".join(
        f"{name}:\n  - {{时点: {when}, 对象: {who}, 形式: 汇总}}\n"
        for name, when, who in (
            ("一般节点", "提前7天", "牵头单位"), ("数据报送", "提前7天", "数据来源"), ("指标达标", "当天", "牵头单位"),
            ("常态工作", "提前7天", "牵头单位"),
        )
    )  # fmt: skip
    story = a_story(a_rulebook(indicators=INDICATOR, ladders=ladders))
    story.happens(Observed(indicator="I4", period="2027", value=Decimal(90)))
    story.at("2028-01-20 18:00")
    story.happens(Observed(indicator="I4", period="2027", value=Decimal(91)))
    rows = [row for row in story.at("2028-03-20 18:00").rows if row.item == "I4@2027"]
    assert [row.addressee for row in rows] == [LEAD]


def test_the_first_message_of_the_unit_that_answers_for_most_comes_in_two_parts() -> None:
    """Of 16 tasks only the numbers are given, and what is asked for below is only counted."""
    story = Timeline(the_county(), start="2026-12-01", facts=Facts(all_confirmed=True), unheard=True)
    [first] = [one for one in story.at("2026-12-01 18:00").sent if one.draft.chat == LEAD]
    assert "牵头：第（二）项、第（三）项、" in first.text
    robot = Robot(LEAD, "wecom", SecretStr("http://127.0.0.1/hook"), style="markdown")
    assert len(parts(first.message, robot)) == 2
