"""A first version of tests passes at once, and no change of a rule that anybody could see goes past it."""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from itertools import islice

import pytest

from bot.authoring.drafts import drafted_tests, unnoticed
from bot.authoring.probes import worlds
from bot.core.preview.mutations import families
from bot.core.rules.rulebook import Rulebook
from bot.rulefiles.loader import Loaded, assemble
from bot.rulefiles.rule_tests import RuleTest, written
from bot.rulefiles.run_tests import try_tests
from tests.kit.builders import INDICATOR, LADDERS, UNITS, a_duty, a_milestone, a_rulebook, calendars

PLAN = "方案: 民乐县全面推进教育强县建设实施方案\n状态: 征求意见稿\n起算日: 2026-11-23\n"
HEAD = (
    "任务: 五\n编号: T05\n标题: 高质量推动义务教育优质均衡发展\n责任单位: [县教育局, 县财政局, 县民政局]\n"
    "牵头: {单位: 县教育局, 依据: 管理员}\n事项:\n"
)
STEPS = ("编号: T05-M1-01, 名称: 县级自评, 完成时限: 2027-03-31, 依据: 管理员",)
ABOUT = INDICATOR.replace("编号: I4", "编号: I5").replace("值: 97, 措辞: 达到", "值: 40, 措辞: 左右")
ITEMS = a_milestone(more="结果公布: 2028-03-31", steps=STEPS) + a_duty() + a_duty("T05-R2", "每季度末")

#: Named by the item a test is made for: a milestone, a step, duties, a report, a target, another with its tolerance.
NAMES = ("T05-M1", "T05-M1-01", "T05-R1", "T05-R2", "I4:报送", "I4@2027", "I5:达标")


@cache
def loaded(tests: str = "") -> Loaded:
    files = {
        "plan.yaml": PLAN,
        "units.yaml": UNITS,
        "ladders.yaml": LADDERS,
        "tasks/05.yaml": HEAD + ITEMS,
        "indicators.yaml": INDICATOR + ABOUT,
        **calendars(),
        **({"tests/试.yaml": tests} if tests else {}),
    }
    return assemble({name: text.encode() for name, text in files.items()})


def the_rulebook(found: Loaded) -> Rulebook:
    assert found.rulebook is not None, [str(one) for one in found.problems]
    return found.rulebook


@cache
def sketched(name: str) -> tuple[RuleTest, ...]:
    return tuple(one for world in worlds(the_rulebook(loaded()), name) for one in drafted_tests(world))


@pytest.mark.parametrize("name", NAMES)
def test_what_is_generated_passes_and_notices_every_change(name: str) -> None:
    """Written, read by the loader, and tried: every shift of an offset, unit, date or number turns a test red."""
    found = loaded("测试:\n" + written(sketched(name)))
    rulebook = the_rulebook(found)
    outcomes = try_tests(rulebook, found.tests)
    assert outcomes
    assert not [str(problem) for outcome in outcomes for problem in outcome.problems]
    (world,) = worlds(rulebook, name)
    assert [change.words for change in unnoticed(world, outcomes)] == []


@pytest.mark.parametrize("name", ["T05-M1", "T05-R1", "I4:报送", "I4:达标"])
def test_without_one_of_its_tests_some_change_goes_unnoticed_or_another_test_sees_it(name: str) -> None:
    """With no tests at all every change with an effect is listed: offsets, units, dates and numbers."""
    rulebook = the_rulebook(loaded())
    (world,) = worlds(rulebook, name)
    words = [change.words for change in unnoticed(world, [])]
    assert any("督办阶梯第1级" in one for one in words) or name == "I4:达标"
    who = "数据来源：县民政局→" if "报送" in name else "牵头单位：县教育局→"
    assert any(one.startswith(who) for one in words)
    what = {"T05-M1": "完成时限：", "T05-R1": "周期：", "I4:报送": "报送的应报：", "I4:达标": "目标第1项的值：97→"}[
        name
    ]
    assert any(one.startswith(what) for one in words)


def test_a_test_taken_away_is_missed() -> None:
    tests = sketched("T05-M1")
    kept = [one for one in tests if "提前30天" not in one.name]
    assert len(kept) < len(tests)
    found = loaded("测试:\n" + written(kept))
    rulebook = the_rulebook(found)
    (world,) = worlds(rulebook, "T05-M1")
    words = [change.words for change in unnoticed(world, try_tests(rulebook, found.tests))]
    assert any("提前30天→" in one for one in words)
    assert not any("提前180天→" in one for one in words)


def test_there_is_a_test_for_every_kind_of_telling_one_for_who_must_not_hear_and_a_quiet_day() -> None:
    tests = sketched("T05-M1")
    names = " ".join(one.name for one in tests)
    for rung in (
        "提前180天",
        "提前30天",
        "提前7天",
        "提前1个工作日",
        "逾期1个工作日",
        "逾期每7天",
        "逾期10个工作日",
        "月度清单",
    ):
        assert rung in names
    assert any(not one.told and one.untold for one in tests)
    assert any("领导小组" in expected.units for one in tests for expected in one.untold)
    assert any("县教育局·分管领导" in expected.units for one in tests for expected in one.told)


def test_a_target_is_tried_with_the_worst_value_that_meets_it_and_the_best_that_does_not() -> None:
    known = {(line["期别"], Decimal(line["值"])) for one in sketched("I4:达标") for line in one.known}
    assert known == {
        ("2027", Decimal("96.99")),
        ("2027", Decimal(97)),
        ("2035", Decimal("97.49")),
        ("2035", Decimal("97.5")),
    }


def test_a_difference_that_only_adds_to_what_is_said_is_what_must_not_be_said() -> None:
    """达标 stands in 未达标 too: only 不应发给 … 包含 未达标 tells the one from the other."""
    unwanted = {text for one in sketched("I5:达标") for expected in one.untold for text in expected.texts}
    assert any("未达标" in text for text in unwanted)


def test_about_is_tried_at_its_tolerance() -> None:
    values = {Decimal(line["值"]) for one in sketched("I5:达标") for line in one.known if line["期别"] == "2027"}
    assert {Decimal("38.79"), Decimal("38.80")} == values


def test_an_item_of_no_rule_has_no_world() -> None:
    assert worlds(the_rulebook(loaded()), "T05-M9") == []


def test_a_task_stands_for_all_its_rules_with_dates() -> None:
    found = [world.rule.id for world in worlds(the_rulebook(loaded()), "T05")]
    assert found == ["T05-M1", "T05-R1", "T05-R2"]


def test_every_change_differs_from_the_rule_in_one_place() -> None:
    rulebook = a_rulebook(a_milestone(steps=STEPS), a_duty(), indicators=INDICATOR)
    for rule in rulebook.rules:
        for family in families(rule, rulebook.addressable):
            for change in islice(family, 3):
                assert change.rule is not rule
                assert "→" in change.words
                left, right = change.words.split("：", 1)[1].split("→")
                assert left != right
