"""称呼: a plan's own names for roles are read as ours, at the right places, and answered in its words."""

from __future__ import annotations

import pytest

from bot.core.rules.rulebook import Role
from bot.rulefiles.loader import assemble
from bot.rulefiles.text.problems import Problem
from tests.kit.rules_factory import LADDERS, PLAN, TASK, edited, place_of, rule_files

CALLS = PLAN + "称呼: {牵头单位: 主责单位, 配合单位: 参加单位, 领导小组: 指挥部}\n"
DUTY = "    周期: 每年3月15日、9月15日\n"


def problems(task: str = TASK, ladders: str = LADDERS, plan: str = CALLS) -> tuple[Problem, ...]:
    return assemble(rule_files({"plan.yaml": plan, "ladders.yaml": ladders, "tasks/05.yaml": task})).problems


def digest(task: str, ladders: str, plan: str = CALLS) -> str:
    loaded = assemble(rule_files({"plan.yaml": plan, "ladders.yaml": ladders, "tasks/05.yaml": task}))
    assert loaded.rulebook is not None, loaded.problems
    return loaded.rulebook.digest


def test_either_words_make_the_same_rules() -> None:
    ours = edited(TASK, DUTY, f"{DUTY}    配合: [县财政局]\n")
    own = edited(edited(TASK, DUTY, f"{DUTY}    参加: [县财政局]\n"), "牵头:", "主责:")
    full = edited(edited(TASK, DUTY, f"{DUTY}    参加单位: [县财政局]\n"), "牵头:", "主责单位:")
    ladders = LADDERS.replace("牵头单位", "主责单位").replace("配合单位", "参加单位").replace("领导小组", "指挥部")
    assert digest(ours, LADDERS) == digest(own, ladders) == digest(full, ladders)


def test_a_slip_under_an_own_key_is_found_where_it_stands_and_told_in_its_words() -> None:
    text = edited(TASK, DUTY, f"{DUTY}    参加: [县财政局, 县财政局]\n")
    [problem] = problems(text)
    assert (problem.line, problem.column) == place_of(text, "县财政局]\n    依据")
    assert problem.message == "“参加”里“县财政局”写了两次（第1个和第2个）"


def test_both_words_at_once_are_one_key_written_twice() -> None:
    text = edited(TASK, DUTY, f"{DUTY}    参加: [县财政局]\n    配合: [县教育局]\n")
    [problem] = problems(text)
    assert (problem.code, problem.line, problem.column) == ("duplicate-key", *place_of(text, "配合: [县教"))
    assert problem.message == "“参加”和“配合”是一回事，写了两次"


def test_a_misspelt_role_is_answered_with_the_plans_own() -> None:
    ladders = LADDERS.replace("配合单位", "参加单位").replace("[牵头单位, 参加单位]", "[牵头单位, 参与单位]")
    ladders = ladders.replace("对象: 领导小组", "对象: 指挥部")
    [problem] = problems(ladders=ladders)
    assert problem.message == "“对象”没有“参与单位”这个写法"
    assert problem.hint == "是不是“参加单位”？"


def test_what_somebody_wrote_is_quoted_as_he_wrote_it() -> None:
    text = edited(TASK, DUTY, f"{DUTY}    参加: [县财政局]\n    配合单位: [县教育局]\n")
    assert [one.message for one in problems(text)] == ["不认识“配合单位”这一项"]


def test_own_words_mean_nothing_without_a_plan_that_says_so() -> None:
    assert [one.code for one in problems(edited(TASK, DUTY, f"{DUTY}    参加: [县财政局]\n"), plan=PLAN)] == [
        "unknown-key"
    ]


def test_a_name_that_is_a_key_of_its_own_stays_that_key() -> None:
    plan = PLAN + "称呼: {牵头单位: 责任单位, 配合单位: 配合部门}\n"
    task = edited(TASK, "牵头:", "责任:")
    loaded = assemble(rule_files({"plan.yaml": plan, "tasks/05.yaml": task}))
    assert loaded.rulebook is not None
    rule = loaded.rulebook.by_id["T05-M1"]
    assert rule.lead is not None
    assert rule.lead.unit == "县教育局"
    assert rule.units == ("县委教育工委", "县教育局", "县财政局")
    assert loaded.rulebook.plan.called(Role.LEAD) == "责任单位"


@pytest.mark.parametrize("broken", ["称呼: 主责单位", "称呼: [主责单位]", "称呼: {牵头单位: [主责]}", "称呼:"])
def test_a_broken_table_of_names_breaks_nothing_else(broken: str) -> None:
    assert {one.file for one in problems(plan=f"{PLAN}{broken}\n")} <= {"rules/plan.yaml"}
