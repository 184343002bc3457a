"""Ids of items: every id leads back to its rule, and two different things never have the same id."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.deciding.findings import items_of
from bot.core.preview.rehearsal import Occasion, play
from bot.core.rules.item_ids import (
    ITEM_ID,
    CaseStep,
    case_id,
    is_case_number,
    may_be_of,
    split_case,
    split_step,
    step_by_position,
)
from bot.core.rules.rulebook import Rulebook
from bot.core.rules.succession import Succession
from bot.core.telling.doubt import doubted, said_anew
from bot.core.telling.entry import Telling
from bot.rulefiles.loader import assemble
from bot.rulefiles.rule_tests import Expectation, RuleTest, written
from bot.rulefiles.run_tests import try_tests
from tests.kit.builders import the_county
from tests.kit.rules_factory import TASK, edited, rule_files
from tests.plans.sample_plans import CITY, COUNTY, files_of, the_plan

#: A yearly indicator in task five with a target: its target is T05-I21@2027, and no rule has that number.
OF_A_TASK = """\
监测指标:
  - 编号: T05-I21
    指标: 教联体覆盖率
    计量单位: "%"
    方向: 越高越好
    依据: 管理员
    数据来源: 县教育局
    报送: {周期: 每年, 应报: 次年3月31日, 依据: 管理员}
    目标: [{期限: 2027年, 值: 97, 措辞: 达到}]
    监测: [达标, 报送]
"""

# --- cases and their steps ------------------------------------------------------------------------------------------

numbers = st.from_regex(r"[0-9A-Z]{1,4}(-[0-9A-Z]{1,3}){0,2}", fullmatch=True).filter(is_case_number)
rules = st.from_regex(r"[A-Z][0-9]{2}-C[0-9](-[a-z]{3})?", fullmatch=True)
names = st.text("核查@#:-1２ 处理", min_size=1, max_size=8)


@given(rules, numbers, names)
def test_a_step_is_taken_apart_into_what_it_was_made_of(rule: str, number: str, name: str) -> None:
    made = CaseStep(rule, number, name)
    assert split_step(made.id) == made
    assert split_case(case_id(rule, number)) == (rule, number)
    assert split_step(case_id(rule, number)) is None


@given(numbers, numbers, names)
def test_no_step_of_one_case_is_another_case_nor_a_step_of_it(one: str, other: str, name: str) -> None:
    ids = {case_id("T09-C1", one), CaseStep("T09-C1", one, name).id}
    others = {case_id("T09-C1", other), CaseStep("T09-C1", other, name).id}
    assert one == other or not ids & others


@pytest.mark.parametrize("text", ["", "2027", "2027-003#1", "2027@3", "2027-", "-3", "张三", "A B", "2027:3", "1" * 21])
def test_a_number_that_could_be_taken_for_something_else_is_no_case_number(text: str) -> None:
    assert not is_case_number(text)


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ("T09-C1@2027-003-2", CaseStep("T09-C1", "2027-003", "处理")),
        ("T09-C1@2027-003-1-1", CaseStep("T09-C1", "2027-003-1", "核查")),
        ("T09-C1@2027-003-3", None),  # two steps only
        ("T09-C1@2027-003", None),  # no position is written with a nought in front
        ("T09-C1@2027-003#核查", None),
        ("T09-C1-2", None),
    ],
)
def test_the_older_form_names_a_step_by_its_position(item: str, expected: CaseStep | None) -> None:
    assert step_by_position(item, lambda rule, number: ("核查", "处理")) == expected


# --- every item of a plan -------------------------------------------------------------------------------------------


def with_a_task_indicator() -> Rulebook:
    found = assemble(rule_files({"tasks/05.yaml": edited(TASK, "事项:\n", f"{OF_A_TASK}事项:\n")}))
    assert found.rulebook is not None, found.problems
    return found.rulebook


PLANS: dict[str, Callable[[], Rulebook]] = {
    "民乐县": the_county,
    "城市更新": lambda: the_plan(CITY),
    "卫生": lambda: the_plan(COUNTY),
    "任务的指标": with_a_task_indicator,
}


@pytest.mark.parametrize("plan", PLANS)
def test_the_id_of_every_item_leads_to_its_rule(plan: str) -> None:
    rulebook = PLANS[plan]()
    lost = [
        item.id
        for item in items_of(rulebook, date(2031, 12, 31))
        if not may_be_of(item.id, item.rule.id, item.rule.owner) or not may_be_of(item.rule.id, item.rule.id, "")
    ]
    assert lost == []


def first_tellings(rulebook: Rulebook, until: date) -> dict[str, tuple[date, str]]:
    """Item → the day and the addressee of its first telling after the backlog of the start, office findings left out."""
    found: dict[str, tuple[date, str]] = {}
    for message in play(rulebook, Occasion(until), rulebook.plan.starts_on):
        for part in message.about:
            if ITEM_ID.fullmatch(part.telling.item) and message.on > rulebook.plan.starts_on:
                found.setdefault(part.telling.item, (message.on, message.unit))
    return found


@pytest.mark.parametrize("plan", PLANS)
def test_a_rule_test_fails_when_it_says_not_told_of_who_is_told(plan: str) -> None:
    """For every item, with nothing else in the test: nothing but this item decides which rules are played."""
    rulebook = PLANS[plan]()
    told = first_tellings(rulebook, date(2027, 9, 30) if plan != "任务的指标" else date(2028, 6, 30))
    denied = [
        RuleTest(名称=item, 今天是=on, 不应发给=(Expectation(单位=(unit,), 事项=item),))  # type: ignore[call-arg]
        for item, (on, unit) in told.items()
    ]
    files = {"tests/试.yaml": ("测试:\n" + written(denied)).encode()}
    parts = assemble({**files_of(COUNTY), **files}).tests
    green = [result.part.test.form.name for result in try_tests(rulebook, parts) if not result.problems]
    assert (len(parts), green) == (len(told), [])
    assert len(told) > 3


def test_a_target_of_a_tasks_indicator_is_played_too() -> None:
    """Its id, T05-I21@2027, holds neither the id of a rule nor that of the task."""
    one = Expectation(单位=("县教育局",), 事项="T05-I21@2027")  # type: ignore[call-arg]
    test = RuleTest(名称="没有达到", 今天是=date(2028, 3, 2), 不应发给=(one,))  # type: ignore[call-arg]
    past = "    已知:\n      - {报送: T05-I21, 期别: 2027, 值: 90}\n    不应发给:"
    text = "测试:\n" + written([test]).replace("    不应发给:", past)
    (result,) = try_tests(with_a_task_indicator(), assemble(rule_files({"tests/试.yaml": text})).tests)
    assert [problem.code for problem in result.problems] == ["red-test"]


# --- other keys made of what people typed ----------------------------------------------------------------------------


@given(
    st.text("核查\n#@→", min_size=1, max_size=6),
    st.sampled_from(["提前7天", "退回"]),
    st.sampled_from(["县教育局", "各学校"]),
)
def test_a_doubt_is_kept_and_found_whatever_the_name_of_a_step(name: str, rung: str, chat: str) -> None:
    told = a_telling(CaseStep("T09-C1", "2027-003", name).id, rung)
    other = a_telling(CaseStep("T09-C1", "2027-003", f"{name}\n{rung}").id, rung)
    doubts = doubted({}, chat, [told, other])
    assert len(doubts) == 2
    assert len(said_anew(doubts, chat, told, Succession(units={"甲": "乙"}))) == 1


@given(st.text("T05-M1C#@.:json系统待核", max_size=12))
def test_what_the_office_is_told_of_a_letter_is_never_taken_for_an_item(name: str) -> None:
    """The name of a file in the inbox is typed by whoever sends it: 系统:来件@T05-M1-1."""
    names = Succession(ids={"T05-M1": "T05-M2"}, steps={"T05-C1": ("核查", "处理")})
    assert names.item(f"系统:来件@{name}") == f"系统:来件@{name}"


def a_telling(item: str, rung: str) -> Telling:
    on = date(2027, 3, 1)
    return Telling(
        item, "T09-C1", "督办事项", "县教育局", "县教育局", "牵头单位", "临期", on, rung, on, "汇总", "FIRST"
    )  # fmt: skip
