"""监测 with options, and indicators in task files: read in place, resolved to their task, and covered by the digest."""

from __future__ import annotations

import pytest

from bot.core.rules.rulebook import Basis, Rulebook, TaskIndicatorForm
from bot.rule_kinds.trend import TrendOptions
from bot.rulefiles.loader import assemble
from bot.rulefiles.text.problems import Problem
from tests.kit.rules_factory import (
    INDICATORS,
    LADDERS,
    NUMBER_LADDERS,
    TASK,
    TASK_INDICATORS,
    edited,
    place_of,
    rule_files,
)

TEXT = TASK + TASK_INDICATORS

WATCHED = ", 依据: 建议}\n    监测: [报送, 趋势: {窗口: 4, 最小变化: 0.1}]"
COMPARED = ", 依据: 建议}\n    监测: [报送, 比照: {不低于: T05-I2}]"


def load(text: str = TEXT, indicators: str = INDICATORS) -> tuple[Rulebook | None, tuple[Problem, ...]]:
    files = {"tasks/05.yaml": text, "ladders.yaml": LADDERS + NUMBER_LADDERS, "indicators.yaml": indicators}
    loaded = assemble(rule_files(files))
    return loaded.rulebook, loaded.problems


def book(text: str = TEXT, indicators: str = INDICATORS) -> Rulebook:
    found, problems = load(text, indicators)
    assert found is not None, [str(problem) for problem in problems]
    return found


def problem(old: str, new: str) -> Problem:
    """The one complaint about the task file after an edit."""
    found, problems = load(edited(TEXT, old, new))
    assert found is None
    (one,) = problems
    assert one.file == "rules/tasks/05.yaml"
    return one


def test_an_indicator_of_a_task_has_its_units_lead_and_citation_from_the_task() -> None:
    rule = book().by_id["T05-I1:趋势"]
    assert (rule.owner, rule.owner_title, rule.citation) == ("T05", "高质量推动义务教育优质均衡发展", "第（五）项")
    assert rule.units == ("县委教育工委", "县教育局", "县财政局")
    assert rule.lead is not None
    assert (rule.lead.unit, rule.lead_key) == ("县教育局", "T05")
    assert (rule.provider, rule.cooperating) == ("县教育局", ())
    assert (rule.basis, book().by_id["T05-I2:报送"].basis, book().by_id["T05-I2:保持"].basis) == (
        Basis.PROPOSED, Basis.ADMIN, Basis.PLAN,
    )  # fmt: skip


def test_units_and_lead_of_its_own_go_before_the_tasks() -> None:
    rule = book().by_id["T05-I2:保持"]
    assert rule.units == ("县财政局",)
    assert rule.lead is not None
    assert (rule.lead.unit, rule.lead_key) == ("县财政局", "T05-I2")


def test_all_indicators_stand_in_one_list_and_only_those_of_the_plan_are_assigned_by_themselves() -> None:
    found = book()
    assert [one.id for one in found.indicators] == ["I4", "T05-I1", "T05-I2"]
    assert [owner.id for owner in found.owners] == ["T05", "I4"]
    assert [isinstance(one, TaskIndicatorForm) for one in found.indicators] == [False, True, True]


def test_options_are_reached_through_the_form_and_filled_with_defaults() -> None:
    form = book().by_id["T05-I1:趋势"].form
    assert form.options("趋势") == TrendOptions.model_validate({"窗口": 4, "最小变化": "0.1"})
    assert form.options("报送") is None
    with pytest.raises(StopIteration):
        form.options("保持")
    plain = book(edited(TEXT, "趋势: {窗口: 4, 最小变化: 0.1}", "趋势")).by_id["T05-I1:趋势"]
    assert plain.form.options("趋势") == TrendOptions()


@pytest.mark.parametrize(
    "block",
    [
        "监测:\n      - 报送\n      - 趋势: {窗口: 4, 最小变化: 0.1}\n",
        "监测:\n      - 报送\n      - 趋势:\n          窗口: 4\n          最小变化: 0.1\n",
        "监测: [报送, {趋势: {窗口: 4, 最小变化: 0.1}}]\n",
    ],
)
def test_options_may_be_written_in_any_shape_of_yaml(block: str) -> None:
    written = "监测: [报送, 趋势: {窗口: 4, 最小变化: 0.1}]\n"
    assert book(edited(TEXT, written, block)).digest == book().digest


def test_a_single_way_needs_no_brackets() -> None:
    one = book(edited(TEXT, "监测: [报送, 趋势: {窗口: 4, 最小变化: 0.1}]", "监测: 报送"))
    assert [rule.id for rule in one.rules if rule.id.startswith("T05-I1")] == ["T05-I1:报送"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("窗口: 4", "窗口: 5"), ("最小变化: 0.1", "最小变化: 0.2"), ("值: 50000", "值: 50001"), ("值: 50000", "值: 50000, 容差: 1"),
        ("指标: 生师比", "指标: 师生比"), ("要素: [T05-E01]", "要素: [T05-E03]"),
    ],
)  # fmt: skip
def test_options_and_indicators_of_a_task_are_part_of_the_digest(old: str, new: str) -> None:
    assert book(edited(TEXT, old, new)).digest != book().digest


def test_writing_out_a_default_changes_nothing() -> None:
    assert book(edited(TEXT, "值: 50000", "值: 50000, 容差: 0")).digest == book().digest


def test_a_confirmation_is_bound_to_the_options() -> None:
    before, after = (book(text).by_id["T05-I1:趋势"] for text in (TEXT, edited(TEXT, "窗口: 4", "窗口: 5")))
    assert before.fingerprint != after.fingerprint


def test_former_numbers_lead_to_the_rules_of_today() -> None:
    found = book()
    assert found.by_id["T05-I9:保持"] is found.by_id["T05-I2:保持"]
    assert found.succession.item("T05-I9:保持") == "T05-I2:保持"


@pytest.mark.parametrize(
    ("old", "new", "at", "code", "words"),
    [
        pytest.param("窗口: 4", "窗囗: 4", "窗囗", "unknown-key", "是不是“窗口”？", id="misspelt option"),
        pytest.param("窗口: 4", "window: 4", "window", "unknown-key", "不认识“window”", id="internal name"),
        pytest.param("窗口: 4", "窗口: 2", "2,", "out-of-range", "“窗口”不能小于3，现在是2", id="too small"),
        pytest.param("窗口: 4", "窗口: 四", "四,", "bad-number", "“窗口”应是整数", id="not a number"),
        pytest.param("趋势: {", "趋式: {", "趋式", "unknown-check", "是不是“趋势”？", id="misspelt way"),
        pytest.param("趋势: {窗口: 4, 最小变化: 0.1}", "name: 趋势", "name: 趋势", "unknown-check", "没有“name”这种", id="field name"),
        pytest.param("监测: [报送, 趋", "监测: [报送: {宽限: 3}, 趋", "{宽限", "no-options", "只写“报送”", id="nothing to set"),
        pytest.param("趋势: {窗口: 4, 最小变化: 0.1}", "比照", "比照]", "missing", "“比照”要写明“不低于”", id="must be set"),
        pytest.param("趋势: {窗口: 4, 最小变化: 0.1}", "比照: {不低于: T05-I3}", "T05-I3", "unknown-indicator", "是不是“T05-I",
                     id="no such other"),
        pytest.param("趋势: {窗口: 4, 最小变化: 0.1}", "比照: {不低于: I4}", "I4}", "parity-periods", "比不起来", id="other periods"),
        pytest.param(f"每季度, 应报: 次季度首月15日{WATCHED}", f"每年, 应报: 次年3月31日{COMPARED}", "T05-I2}", "parity-of-lower",
                     "变好反而", id="parity of what should fall"),
        pytest.param("趋势: {窗口: 4, 最小变化: 0.1}", "达标", "达标]", "no-targets", "要有“目标”", id="no target"),
        pytest.param("保持: {值: 50000}", "保持", "保持]", "no-bound", "没有可比的值", id="no bound"),
        pytest.param("编号: T05-I1", "编号: T05-R1", "T05-R1\n    指标", "bad-pattern", "编号", id="id of an item"),
        pytest.param("要素: [T05-E01]", "要素: [T05-E05]", "T05-E05]\n    计量", "element-twice", "已由", id="element of an item"),
        pytest.param("    数据来源: 县教育局\n", "", "编号: T05-I1", "missing", "缺少“数据来源”", id="provider missing"),
    ],
)  # fmt: skip
def test_a_slip_is_found_where_it_is(old: str, new: str, at: str, code: str, words: str) -> None:
    found = problem(old, new)
    assert (found.code, (found.line, found.column)) == (code, place_of(edited(TEXT, old, new), at))
    assert words in str(found)


def test_two_indicators_of_a_task_may_measure_one_element() -> None:
    assert "T05-I2:保持" in book(edited(TEXT, "要素: [T05-E02]", "要素: [T05-E01]")).by_id


def test_options_are_checked_even_while_the_rest_of_the_indicator_is_broken() -> None:
    text = edited(edited(TEXT, "方向: 越低越好", "方向: 越少越好"), "窗口: 4", "窗口: 2")
    assert {one.code for one in load(text)[1]} == {"unknown-word", "out-of-range"}


BASED = "基期: {年份: 2025, 值: 97}\n  目标:"
PACED = edited(edited(INDICATORS, "基期: # 待填\n  目标:", BASED), "监测: [达标, 报送]", "监测: [序时, 报送]")


def test_a_baseline_at_its_target_is_sent_to_the_kind_that_can_watch_it() -> None:
    (one,) = load(indicators=PACED)[1]
    assert (one.code, one.hint) == ("nowhere-to-go", "改用“保持”；只看结果用“达标”")
    assert one.message == "基期的97已达到2027年目标的97，没有进度可比"


def test_a_pace_without_a_baseline_is_only_remarked() -> None:
    found, problems = load(indicators=edited(INDICATORS, "监测: [达标, 报送]", "监测: [序时, 报送]"))
    assert found is not None
    assert [(one.code, one.severity) for one in problems] == [("no-baseline", "info")]
