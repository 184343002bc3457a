"""One slip each in a good rules folder: the line, the column, the sentence and the advice."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from bot.rulefiles.loader import assemble
from bot.rulefiles.text.problems import Problem
from tests.kit.rules_factory import CALENDAR, INDICATORS, LADDERS, TASK, UNITS, edited, place_of, rule_files


def problem_of(changes: Mapping[str, str | bytes | None]) -> Problem:
    (problem,) = assemble(rule_files(changes)).problems
    return problem


def task_problem(old: str, new: str) -> Problem:
    problem = problem_of({"tasks/05.yaml": edited(TASK, old, new)})
    assert problem.file == "rules/tasks/05.yaml"
    return problem


def where(problem: Problem) -> tuple[int, int]:
    return problem.line, problem.column


@pytest.mark.parametrize(
    ("old", "new", "at", "code", "words"),
    [
        pytest.param("名称: 创建", "名城: 创建", "名城", "unknown-key", "是不是“名称”？", id="misspelt key"),
        pytest.param("结果公布", "结果宣布", "结果宣布", "unknown-key", "是不是“结果公布”？", id="unknown key"),
        pytest.param("类型: 周期", "类型: 周期性", "周期性", "unknown-kind", "是不是“周期”？", id="unknown kind"),
        pytest.param("类型: 周期", "类型: 统计", "统计\n    名称", "unknown-kind", "待建规则", id="kind there is not"),
        pytest.param("类型: 周期", "类型: 达标", "达标", "unknown-kind", "indicators.yaml", id="indicator kind"),
        pytest.param("2027年底", "2027年13月", "2027年13月", "bad-word", "一年只有1至12月", id="impossible month"),
        pytest.param("2027-03-31", "2027-06-31", "2027-06-31", "bad-word", "6月只有1至30日", id="impossible date"),
        pytest.param("2028-03-31", "2028-02-30", "2028-02-30", "bad-", "2月只有1至29日", id="impossible result date"),
        pytest.param("依据: 方案\n    要素", "依据: 领导\n    要素", "领导", "unknown-word", "“领导”", id="basis"),
        pytest.param("重大节点", "重大结点", "重大结点", "unknown-ladder", "是不是“重大节点”？", id="unknown ladder"),
        pytest.param("县财政局]", "县财正局]", "县财正局", "unknown-unit", "是不是“县财政局”？", id="unknown unit"),
        pytest.param("县财政局]", "财政局]", "财政局", "unknown-unit", "请写全称“县财政局”", id="alias of a unit"),
        pytest.param("县财政局]", "武装部]", "武装部", "unknown-unit", "units.yaml", id="nothing like a unit"),
        pytest.param(
            "县财政局]",
            "县委教育工作领导小组]",
            "县委教育工作领导小组",
            "unknown-unit",
            "是机构，不是责任单位",
            id="an organ",
        ),
        pytest.param("县财政局]", "县教育局]", "县教育局]", "unit-twice", "第2个和第3个", id="a unit twice"),
        pytest.param(
            "{单位: 县教育局,",
            "{单位: 各学校,",
            "各学校",
            "lead-not-responsible",
            "不在责任单位之内",
            id="lead elsewhere",
        ),
        pytest.param("T05-M1-01", "T05-M2-01", "T05-M2-01", "step-id", "应以“T05-M1-”开头", id="step of another item"),
        pytest.param(
            "编号: T05-R1",
            "编号: T05-M1",
            "T05-M1\n    类型: 周期",
            "duplicate-id",
            "另一处在rules/tasks/05.yaml:7",
            id="id twice",
        ),
        pytest.param(
            "[T05-E05]", "[T05-E13]", "T05-E13]\n待建", "element-twice", "rules/tasks/05.yaml:13", id="element twice"
        ),
        pytest.param("  - 编号: T05-R1", "  - 编号：T05-R1", "：T05-R1", "full-width-colon", "全角冒号", id="colon"),
        pytest.param("2028-03-31", "“2028-03-31”", "“2028-03-31”", "curly-quotes", "中文引号", id="curly quotes"),
    ],
)
def test_a_slip_in_a_task_is_found_where_it_is(old: str, new: str, at: str, code: str, words: str) -> None:
    text = edited(TASK, old, new)
    problem = assemble(rule_files({"tasks/05.yaml": text})).problems[0]
    assert (problem.file, where(problem)) == ("rules/tasks/05.yaml", place_of(text, at))
    assert problem.code.startswith(code)
    assert words in str(problem)
    assert problem.is_error


def test_a_misspelt_key_is_not_missed_as_well_but_one_taken_for_no_other_is() -> None:
    problem = task_problem("名称: 创建", "名城: 创建")
    assert (problem.code, where(problem), problem.hint) == ("unknown-key", (9, 5), "是不是“名称”？")
    problems = assemble(rule_files({"tasks/05.yaml": edited(TASK, "名称: 创建", "别的: 创建")})).problems
    assert [(one.code, where(one)) for one in problems] == [("missing", (7, 5)), ("unknown-key", (9, 5))]


def test_an_item_without_a_kind_is_asked_for_one_and_spared_all_else() -> None:
    problem = task_problem("类型: 周期\n    ", "")
    assert (problem.code, where(problem)) == ("missing", (17, 5))
    assert (problem.message, problem.hint) == ("缺少“类型”", "可以写：办件、预测、节点、禁止、周期、待定")


@pytest.mark.parametrize("separator", ["，", "、", "；"])
def test_units_run_together_are_told_apart(separator: str) -> None:
    problem = task_problem("依据: 管理员\n  -", f"依据: 管理员\n    配合: 县财政局{separator}县委教育工委\n  -")
    assert (problem.code, where(problem)) == ("unknown-unit", (22, 9))
    assert problem.hint == "写成列表：[县财政局, 县委教育工委]"


@pytest.mark.parametrize(
    ("old", "new", "at", "code", "words"),
    [
        pytest.param("数据来源: 县教育局", "数据来源: 县统计局", "县统计局", "unknown-unit", "县统计局", id="provider"),
        pytest.param("[达标, 报送]", "[达标, 报告]", "报告", "unknown-check", "是不是“报送”？", id="watched"),
        pytest.param("[达标, 报送]", "[达标, 达标]", "达标]", "check-twice", "第1个和第2个", id="watched twice"),
        pytest.param("次年3月31日", "明年3月31日", "明年3月31日", "bad-word", "应报看不懂", id="lag"),
        pytest.param("值: 97,", "值: 97%,", "97%,", "bad-number", "应是数字", id="number"),
        pytest.param("越高越好", "越多越好", "越多越好", "unknown-word", "是不是“越高越好”？", id="direction"),
        pytest.param("编号: I4", "编号: T05", "T05", "bad-pattern", "“T05”", id="id"),
    ],
)
def test_a_slip_in_an_indicator_is_found_where_it_is(old: str, new: str, at: str, code: str, words: str) -> None:
    text = edited(INDICATORS, old, new)
    problem = problem_of({"indicators.yaml": text})
    assert (problem.file, problem.code, where(problem)) == ("rules/indicators.yaml", code, place_of(text, at))
    assert words in str(problem)


def test_a_ladder_for_something_not_watched_is_refused() -> None:
    problem = problem_of({"indicators.yaml": INDICATORS + "  督办阶梯: {达表: 一般节点}\n"})
    assert (problem.code, where(problem)) == ("unknown-check", (14, 14))
    assert "是不是“达标”？" in problem.hint


@pytest.mark.parametrize(
    ("old", "new", "at", "code", "words"),
    [
        pytest.param("配合单位]", "协作单位]", "协作单位", "unknown-word", "“协作单位”", id="role in a plain list"),
        pytest.param("提前3个工作日", "提前3个礼拜", "提前3个礼拜", "bad-word", "时点看不懂", id="offset in a mapping"),
        pytest.param("月度清单}", "月度清单, 状态: [逾其]}", "逾其", "unknown-state", "“逾期”", id="state"),
        pytest.param("临期: 3天", "临期: 三天", "三天", "bad-word", "时长看不懂", id="span"),
    ],
)
def test_a_slip_in_a_ladder_is_found_where_it_is(old: str, new: str, at: str, code: str, words: str) -> None:
    text = edited(LADDERS, old, new)
    problem = problem_of({"ladders.yaml": text})
    assert (problem.file, problem.code, where(problem)) == ("rules/ladders.yaml", code, place_of(text, at))
    assert words in str(problem)


def test_the_default_ladder_of_a_kind_in_use_must_exist() -> None:
    problem = problem_of({"ladders.yaml": edited(LADDERS, "数据报送", "数据上报")})
    assert (problem.file, problem.code) == ("rules/ladders.yaml", "missing-ladder")
    assert "“数据报送”" in problem.message


def test_one_name_for_two_units_is_refused() -> None:
    problem = problem_of({"units.yaml": edited(UNITS, "[财政局]", "[教育局]")})
    assert (problem.code, where(problem)) == ("duplicate-unit", (4, 36))
    assert "rules/units.yaml:3" in problem.message


def test_an_id_used_in_two_files_names_both_places() -> None:
    problems = assemble(rule_files({"tasks/06.yaml": TASK})).problems
    ids = [one for one in problems if one.code == "duplicate-id"]
    assert [(one.file, one.line) for one in ids] == [("rules/tasks/06.yaml", line) for line in (2, 7, 16, 17, 22)]
    assert all("rules/tasks/05.yaml:" in one.message for one in ids)


def test_a_former_id_that_is_still_in_use_is_refused() -> None:
    problem = task_problem("名称: 控辍", "曾用编号: [T05-M1]\n    名称: 控辍")
    assert (problem.code, where(problem)) == ("duplicate-id", (19, 12))


def test_two_calendars_of_one_year_name_both_places() -> None:
    problem = problem_of({"calendars/2027b.yaml": CALENDAR})
    assert (problem.file, problem.code, where(problem)) == ("rules/calendars/2027b.yaml", "duplicate-calendar", (1, 5))
    assert "rules/calendars/2027.yaml:1" in problem.message


def test_an_impossible_calendar_says_so() -> None:
    problem = problem_of({"calendars/2027.yaml": CALENDAR + "上班: [2027-03-03]\n"})
    assert (problem.file, problem.code, where(problem)) == ("rules/calendars/2027.yaml", "bad-word", (1, 1))
    assert "不是周六周日" in problem.message


# --- what fits together but makes little sense


def infos(changes: Mapping[str, str | bytes | None]) -> list[tuple[str, int, str]]:
    """Code, line and sentence of what is said without refusing the rules."""
    loaded = assemble(rule_files(changes))
    assert loaded.rulebook is not None
    assert all(not one.is_error for one in loaded.problems)
    return [(one.code, one.line, one.message) for one in loaded.problems]


BASELINE = "基期: # 待填"


@pytest.mark.parametrize(("word", "sensitive"), [("是", True), ("否", False), ("true", True), ("false", False)])
def test_a_switch_may_be_written_in_chinese(word: str, sensitive: bool) -> None:
    task = edited(TASK, "依据: 管理员\n  -", f"依据: 管理员\n    敏感: {word}\n  -")
    rulebook = assemble(
        rule_files({"tasks/05.yaml": task, "indicators.yaml": INDICATORS + f"  敏感: {word}\n"})
    ).rulebook
    assert rulebook is not None
    assert (rulebook.by_id["T05-R1"].sensitive, rulebook.by_id["I4:报送"].sensitive) == (sensitive, sensitive)


def test_a_target_that_promises_less_than_was_reached_is_refused() -> None:
    text = edited(INDICATORS, BASELINE, "基期: {年份: 2025, 值: 97.2}")
    problem = problem_of({"indicators.yaml": text})
    assert (problem.code, where(problem)) == ("target-below-baseline", place_of(text, "97, 措辞"))
    assert "2025年基期的97.2" in problem.message


def test_a_floor_under_what_was_reached_is_only_mentioned() -> None:
    text = edited(edited(INDICATORS, BASELINE, "基期: {年份: 2025, 值: 98}"), "措辞: 达到", "措辞: 保持")
    assert [code for code, _, _ in infos({"indicators.yaml": text})] == ["target-below-baseline"] * 2


def test_a_lower_target_is_progress_where_lower_is_better() -> None:
    text = edited(edited(INDICATORS, "越高越好", "越低越好"), "值: 97.5, 措辞: 以上", "值: 96, 措辞: 以内")
    assert infos({"indicators.yaml": edited(text, BASELINE, "基期: {年份: 2025, 值: 98}")}) == []


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("值: 97.5", "值: .9995", 12, "0.9995%与2027年的目标97%相差悬殊，是不是99.95%"),
        ("值: 97,", "值: 970,", 11, "970%与2035年的目标97.5%相差悬殊，是不是97%"),
        (BASELINE, "基期: {年份: 2025, 值: 0.952}", 9, "0.952%与2027年的目标97%相差悬殊，是不是95.2%"),
    ],
)
def test_a_target_or_baseline_whose_point_has_slipped_is_mentioned(old: str, new: str, line: int, said: str) -> None:
    found = infos({"indicators.yaml": edited(INDICATORS, old, new)})
    assert ("implausible-value", line, said) in found
    assert sum(code == "implausible-value" for code, _, _ in found) == 1


def test_a_later_target_that_falls_back_is_mentioned() -> None:
    ((code, line, message),) = infos({"indicators.yaml": edited(INDICATORS, "97.5", "96.5")})
    assert (code, line) == ("target-falls-back", 12)
    assert message == "2035年的目标96.5不如2027年的97"


def test_two_targets_of_one_year_would_share_an_id() -> None:
    problem = problem_of({"indicators.yaml": edited(INDICATORS, "2035年", "2027年底")})
    assert (problem.code, problem.line) == ("target-twice", 12)
    assert "I4@2027" in problem.message


def test_a_report_cannot_be_due_before_its_period_is_over() -> None:
    early = edited(edited(INDICATORS, "基准日: 9月1日, ", ""), "次年3月31日", "当年10月31日")
    problem = problem_of({"indicators.yaml": early})
    assert (problem.code, where(problem)) == ("report-too-early", place_of(early, "当年10月31日"))
    assert "基准日" in problem.hint


def test_a_report_of_a_fixed_day_is_due_after_that_day() -> None:
    assert infos({"indicators.yaml": edited(INDICATORS, "次年3月31日", "当年10月31日")}) == []
    problem = problem_of({"indicators.yaml": edited(INDICATORS, "次年3月31日", "当年8月31日")})
    assert problem.code == "report-too-early"
    assert "2026-09-01" in problem.message


def test_a_ladder_that_speaks_to_nobody_is_refused_where_it_is_named() -> None:
    silent = LADDERS + "只报数据:\n  - {时点: 当天, 对象: 数据来源, 形式: 汇总}\n"
    task = edited(TASK, "周期: 每年3月15日、9月15日", "周期: 每年底\n    督办阶梯: 只报数据")
    problem = problem_of({"ladders.yaml": silent, "tasks/05.yaml": task})
    assert (problem.code, where(problem)) == ("silent-ladder", place_of(task, "只报数据"))
    assert "从不提醒" in problem.message


def test_a_default_ladder_that_speaks_to_nobody_is_refused_at_the_item() -> None:
    ladders = edited(LADDERS, "对象: 牵头单位, 形式: 汇总}\n数据", "对象: 配合单位, 形式: 汇总}\n数据")
    problem = problem_of({"ladders.yaml": ladders})
    assert (problem.file, problem.code, problem.line) == ("rules/tasks/05.yaml", "silent-ladder", 17)
    cooperating = edited(TASK, "每年3月15日、9月15日", "每年底\n    配合: [县财政局]")
    assert infos({"ladders.yaml": ladders, "tasks/05.yaml": cooperating}) == []


def test_two_rungs_of_one_day_for_one_addressee_are_refused() -> None:
    text = edited(LADDERS, "逾期每7天", "提前7天")
    problem = problem_of({"ladders.yaml": text})
    assert (problem.code, problem.line) == ("rung-twice", 7)
    assert problem.message == "第1级和第2级都是提前7天提醒牵头单位"


def test_rungs_against_the_order_of_time_are_mentioned() -> None:
    text = edited(LADDERS, "提前30天", "逾期30天")
    text = edited(text, "逾期1个工作日", "提前1个工作日")
    assert [(code, line) for code, line, _ in infos({"ladders.yaml": text})] == [("rung-order", 3)]


def test_two_items_from_one_sentence_of_the_plan_are_mentioned_with_both_names() -> None:
    task = edited(TASK, "依据: 管理员\n  -", "依据: 管理员\n    出处: “乡村温馨学校”\n  -")
    ((code, line, message),) = infos({"tasks/05.yaml": task})
    assert (code, line) == ("source-twice", 27)
    assert message.startswith("T05-D1和T05-R1（rules/tasks/05.yaml:22）")


@pytest.mark.parametrize("word", ["收到请回复", "接龙", "排名", "务必", "立即", "通报批评"])
def test_words_of_pressure_are_mentioned_in_titles_and_remarks(word: str) -> None:
    for key in ("名称: ", "说明: 甲\n    名称: "):
        task = edited(TASK, "名称: 控辍", f"{key}{word}".replace("甲", word) + "控辍")
        assert {code for code, _, _ in infos({"tasks/05.yaml": task})} == {"pressing-word"}


@pytest.mark.parametrize("word", ["涉密", "机密", "内部资料"])
def test_words_of_secret_papers_are_refused_where_a_chat_would_read_them(word: str) -> None:
    task = edited(TASK, "名称: 控辍", f"名称: {word}控辍")
    problem = problem_of({"tasks/05.yaml": task})
    assert (problem.code, where(problem)) == ("secret-word", place_of(task, f"{word}控辍"))
    hidden = edited(task, "依据: 管理员\n  -", "依据: 管理员\n    敏感: 是\n  -")
    assert [code for code, _, _ in infos({"tasks/05.yaml": hidden})] == ["secret-word"]


@pytest.mark.parametrize(
    ("old", "new"),
    [("T05-R1", "T05-R１"), ("T05-M1-01", "T05-M1-０1"), ("[T05-E05]", "[T05-E０5]")],
)
def test_full_width_digits_in_an_id_are_refused_although_they_look_right(old: str, new: str) -> None:
    problem = task_problem(old, new)
    assert problem.code == "full-width-id"
    assert old.strip("[]") in problem.hint
    assert problem.instead == old.strip("[]")


def test_a_value_left_empty_is_called_empty() -> None:
    problem = task_problem("完成时限: 2027年底", "完成时限:")
    assert (problem.code, problem.message) == ("blank", "“完成时限”没有填写")


# --- names and ids that stand in one key with others -----------------------------------------------------------------


@pytest.mark.parametrize("mark", ["·", "→", "、", ",", "|", "#"])
def test_a_unit_s_name_holds_no_character_that_stands_between_names(mark: str) -> None:
    text = edited(UNITS, "名称: 县财政局", f'名称: "县财政{mark}局"')
    found = [one for one in assemble(rule_files({"units.yaml": text})).problems if one.code == "unit-name"]
    assert [one.message for one in found] == [f"单位名称里不能有“{mark}”"]
