"""节点: dates to the day, a result published later, and steps."""

from __future__ import annotations

from datetime import date

import pytest

from bot.core.facts.facts import Facts
from bot.core.rules.item import State
from tests.kit.builders import a_milestone, a_rulebook, items_by_id


@pytest.mark.parametrize(
    ("written", "last_good_day"),
    [
        ("2027年底", "2027-12-31"),
        ("2027年", "2027-12-31"),
        ("2027年6月底前", "2027-06-30"),
        ("2028年2月", "2028-02-29"),
        ("2027年上半年", "2027-06-30"),
        ("2027-04-30", "2027-04-30"),
    ],
)
def test_the_last_good_day_is_not_late_and_the_next_one_is(written: str, last_good_day: str) -> None:
    item = items_by_id(a_rulebook(a_milestone(due=written)))["T05-M1"]
    due = date.fromisoformat(last_good_day)
    assert item.due_on == item.late_from == due
    assert item.rule.kind.judge(item, Facts(), due).state is State.ON_TRACK
    assert item.rule.kind.judge(item, Facts(), date.fromordinal(due.toordinal() + 1)).state is State.OVERDUE


def test_a_published_result_is_awaited_first() -> None:
    item = items_by_id(a_rulebook(a_milestone(more="结果公布: 2028-03-31")))["T05-M1"]
    states = [
        item.rule.kind.judge(item, Facts(), day).state
        for day in (date(2028, 1, 1), date(2028, 3, 31), date(2028, 4, 1))
    ]
    assert states == [State.AWAITING_RESULT, State.AWAITING_RESULT, State.OVERDUE]


def test_when_reads_like_a_paper() -> None:
    (awaited,) = a_rulebook(a_milestone(more="结果公布: 2028-03-31")).rules
    assert awaited.kind.when(awaited.form) == "2027年底（2028年3月31日前公布结果）"
    (plain,) = a_rulebook(a_milestone(due="2027-03-31")).rules
    assert plain.kind.when(plain.form) == "2027年3月31日"


def test_steps_are_items_of_their_own_and_undated_ones_are_kept() -> None:
    steps = [
        "编号: T05-M1-01, 名称: 县级自评, 完成时限: 2027-03-31, 依据: 建议",
        "编号: T05-M1-02, 名称: 国家认定, 依据: 管理员",
    ]
    found = items_by_id(a_rulebook(a_milestone(steps=steps)))
    assert (found["T05-M1-01"].parent, found["T05-M1-01"].proposed) == ("T05-M1", True)
    assert (found["T05-M1-02"].due_on, found["T05-M1-02"].proposed) == (None, False)
    assert found["T05-M1-01"].title == "国家评估认定：县级自评"
    rule = found["T05-M1"].rule
    assert rule.kind.proposes(rule.form)


def test_long_titles_are_shortened_before_a_steps_own() -> None:
    steps = ["编号: T05-M1-01, 名称: 县级自评, 完成时限: 2027-03-31, 依据: 管理员"]
    found = items_by_id(a_rulebook(a_milestone(title="义务教育优质均衡发展创建工作通过国家评估认定", steps=steps)))
    assert found["T05-M1-01"].title == "义务教育优质均衡发展创建工…：县级自评"


def test_milestone_of_before_the_plan_does_not_exist_unless_its_result_is_awaited() -> None:
    assert "T05-M1" not in items_by_id(a_rulebook(a_milestone(due="2026-10-31")))
    assert "T05-M1" in items_by_id(a_rulebook(a_milestone(due="2026-10-31", more="结果公布: 2027-03-31")))
