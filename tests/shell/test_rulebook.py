"""From a rules folder to a Rulebook, or to every problem of every file at its line and column."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.rulebook import Basis, LeadForm, Rulebook
from bot.shell.problems import Problem
from bot.shell.rulebook import assemble, digest_of, load, read_files
from tests.rules_factory import CALENDAR, INDICATORS, LADDERS, PLAN, TASK, UNITS, rule_files, write_rules

REPOSITORY_RULES = Path(__file__).parents[2] / "rules"


def rulebook_of(changes: Mapping[str, str | bytes | None] | None = None) -> Rulebook:
    loaded = assemble(rule_files(changes))
    assert loaded.problems == ()
    assert loaded.rulebook is not None
    return loaded.rulebook


def problem_of(changes: Mapping[str, str | bytes | None]) -> Problem:
    (problem,) = assemble(rule_files(changes)).problems
    return problem


def edited(text: str, old: str, new: str) -> str:
    """A text with one edit; the edit must be possible."""
    assert old in text
    return text.replace(old, new, 1)


def task_problem(old: str, new: str) -> Problem:
    problem = problem_of({"tasks/05.yaml": edited(TASK, old, new)})
    assert problem.file == "rules/tasks/05.yaml"
    return problem


def place_of(text: str, snippet: str) -> tuple[int, int]:
    """Line and column of the first place where the snippet stands."""
    before = text[: text.index(snippet)]
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


def where(problem: Problem) -> tuple[int, int]:
    return problem.line, problem.column


# --- a good folder


def test_a_small_folder_loads_without_a_word(tmp_path: Path) -> None:
    loaded = load(write_rules(tmp_path))
    assert loaded.problems == ()
    assert loaded.rulebook is not None
    assert [rule.id for rule in loaded.rulebook.rules] == ["T05-M1", "T05-R1", "T05-D1", "I4:达标", "I4:报送"]
    assert loaded.rulebook.plan.starts_on == date(2026, 11, 23)
    assert loaded.rulebook.addressable == ("县委教育工委", "县教育局", "县财政局", "各学校")
    assert list(loaded.rulebook.tasks[0].items) == [rule.form for rule in loaded.rulebook.rules[:3]]


def test_a_milestone_involves_the_other_units_of_its_task() -> None:
    rule = rulebook_of().by_id["T05-M1"]
    assert (rule.kind.name, rule.owner, rule.owner_title) == ("节点", "T05", "高质量推动义务教育优质均衡发展")
    assert rule.citation == "第（五）项"
    assert rule.basis is Basis.PLAN
    assert rule.lead == LeadForm(unit="县教育局", basis=Basis.ADMIN)
    assert rule.units == ("县委教育工委", "县教育局", "县财政局")
    assert rule.cooperating == ("县委教育工委", "县财政局")
    assert (rule.ladder_name, len(rule.ladder.rungs)) == ("重大节点", 3)
    assert rule.provider == ""


def test_a_recurring_duty_involves_nobody_else_unless_it_names_them() -> None:
    rule = rulebook_of().by_id["T05-R1"]
    assert (rule.cooperating, rule.ladder_name, rule.ladder.approaching.words()) == ((), "常态工作", "3天")
    named = {"tasks/05.yaml": edited(TASK, "依据: 管理员\n  -", "依据: 管理员\n    配合: 各学校\n  -")}
    assert rulebook_of(named).by_id["T05-R1"].cooperating == ("各学校",)


def test_an_item_may_have_its_own_units_and_lead() -> None:
    text = edited(TASK, "督办阶梯: 重大节点", "责任单位: [县财政局, 县教育局]\n    牵头: {单位: 县财政局, 依据: 建议}")
    rule = rulebook_of({"tasks/05.yaml": text}).by_id["T05-M1"]
    assert rule.lead == LeadForm(unit="县财政局", basis=Basis.PROPOSED)
    assert rule.cooperating == ("县教育局",)
    assert rule.ladder_name == "一般节点"


def test_a_lead_outside_the_items_own_units_is_not_inherited() -> None:
    single = edited(TASK, "督办阶梯: 重大节点", "责任单位: 县财政局")
    rule = rulebook_of({"tasks/05.yaml": single}).by_id["T05-M1"]
    assert rule.lead == LeadForm(unit="县财政局", basis=Basis.PLAN)
    several = edited(TASK, "督办阶梯: 重大节点", "责任单位: [县财政局, 县委教育工委]")
    rule = rulebook_of({"tasks/05.yaml": several}).by_id["T05-M1"]
    assert rule.lead is None
    assert rule.cooperating == ("县财政局", "县委教育工委")


def test_a_task_with_one_unit_needs_no_lead_written() -> None:
    text = edited(TASK, "[县委教育工委, 县教育局, 县财政局]\n牵头: {单位: 县教育局, 依据: 管理员}", "县教育局")
    assert rulebook_of({"tasks/05.yaml": text}).by_id["T05-M1"].lead == LeadForm(unit="县教育局", basis=Basis.PLAN)


def test_an_indicator_makes_one_rule_for_each_way_of_watching() -> None:
    target, report = (rulebook_of().by_id[name] for name in ("I4:达标", "I4:报送"))
    assert (target.basis, report.basis) == (Basis.PLAN, Basis.PROPOSED)
    assert (target.ladder_name, report.ladder_name) == ("指标达标", "数据报送")
    assert (report.owner, report.owner_title, report.citation) == ("I4", "高中阶段毛入学率", "指标")
    assert (report.provider, report.units, report.cooperating) == ("县教育局", ("县教育局",), ())


def test_an_indicator_may_name_other_ladders() -> None:
    text = INDICATORS + "  督办阶梯: {达标: 一般节点}\n"
    assert rulebook_of({"indicators.yaml": text}).by_id["I4:达标"].ladder_name == "一般节点"


def test_a_section_that_is_no_task_is_cited_by_its_name() -> None:
    section = "任务: 组织实施\n编号: S03\n标题: 加强组织实施\n责任单位: 县教育局\n事项:\n"
    section += "  - {编号: S03-R1, 类型: 周期, 名称: 月度调度, 周期: 每月底, 依据: 建议}\n"
    assert rulebook_of({"tasks/s3.yaml": section}).by_id["S03-R1"].citation == "组织实施"


def test_a_key_left_empty_counts_as_not_written() -> None:
    rulebook = rulebook_of({"plan.yaml": PLAN + "文号:\n日期:\n简称:\n", "tasks/06.yaml": _task_without_items()})
    assert rulebook.plan.number == ""
    assert rulebook.plan.short == "实施方案"
    assert rulebook.tasks[1].items == ()


def _task_without_items() -> str:
    return "任务: 六\n编号: T06\n标题: 甲\n责任单位: 县教育局\n事项:\n"


def test_former_ids_find_the_rule() -> None:
    text = edited(TASK, "名称: 控辍", "曾用编号: [T05-R9]\n    名称: 控辍")
    assert rulebook_of({"tasks/05.yaml": text}).by_id["T05-R9"].id == "T05-R1"


# --- the digest


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"tasks/05.yaml": "# 新注释\n" + TASK}, id="a comment"),
        pytest.param({"plan.yaml": "\n".join(reversed(PLAN.splitlines()))}, id="the order of keys"),
        pytest.param({"tasks/05.yaml": None, "tasks/第五项.yaml": TASK}, id="the name of a file"),
        pytest.param({"plan.yaml": PLAN.replace("征求意见稿", '"征求意见稿"')}, id="quoting"),
        pytest.param({"plan.yaml": PLAN.replace("\n", "\r\n")}, id="line ends"),
    ],
)
def test_an_edit_that_changes_nothing_keeps_the_digest(changes: dict[str, str | None]) -> None:
    assert rulebook_of(changes).digest == rulebook_of().digest


@pytest.mark.parametrize(
    "changes",
    [
        {"tasks/05.yaml": edited(TASK, "2027年底", "2028年底")},
        {"plan.yaml": edited(PLAN, "2026-11-23", "2026-11-24")},
        {"ladders.yaml": edited(LADDERS, "提前30天", "提前31天")},
        {"units.yaml": edited(UNITS, "[教育局]", "[教育局, 县教体局]")},
        {"indicators.yaml": edited(INDICATORS, "值: 97,", "值: 98,")},
        {"calendars/2027.yaml": edited(CALENDAR, "2027-07-09", "2027-07-10")},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_an_edit_that_means_something_changes_the_digest(changes: dict[str, str]) -> None:
    assert rulebook_of(changes).digest != rulebook_of().digest


def test_the_watchers_digest_sees_every_byte(tmp_path: Path) -> None:
    folder = write_rules(tmp_path)
    before = digest_of(folder)
    (folder / "README.md").write_text("说明")
    (folder / ".05.yaml.swp.yaml").write_text("编辑器的临时文件")
    assert digest_of(folder) == before
    (folder / "plan.yaml").write_text(PLAN + "# 注\n")
    assert digest_of(folder) != before


def test_stored_files_make_the_same_rulebook(tmp_path: Path) -> None:
    folder = write_rules(tmp_path)
    stored = read_files(folder)
    assert stored == rule_files()
    loaded = load(folder).rulebook
    rebuilt = assemble(stored).rulebook
    assert loaded is not None
    assert rebuilt is not None
    assert rebuilt.digest == loaded.digest


# --- one problem each


@pytest.mark.parametrize(
    ("old", "new", "at", "code", "words"),
    [
        pytest.param(
            "名称: 创建", "名城: 创建", "编号: T05-M1", "missing", "缺少“名称”", id="missing key at its parent"
        ),
        pytest.param("结果公布", "结果宣布", "结果宣布", "unknown-key", "是不是“结果公布”？", id="unknown key"),
        pytest.param("类型: 周期", "类型: 周期性", "周期性", "unknown-kind", "是不是“周期”？", id="unknown kind"),
        pytest.param("类型: 周期", "类型: 办件", "办件\n    名称", "unknown-kind", "待建规则", id="kind not built"),
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
            (5, 10),
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


def test_a_misspelt_key_is_named_where_it_stands_and_missed_where_it_belongs() -> None:
    problems = assemble(rule_files({"tasks/05.yaml": edited(TASK, "名称: 创建", "名城: 创建")})).problems
    assert [(one.code, where(one)) for one in problems] == [("missing", (7, 5)), ("unknown-key", (9, 5))]
    assert problems[1].hint == "是不是“名称”？"


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
        pytest.param("月度清单}", "月度清单, 状态: [预期]}", "预期", "unknown-state", "“逾期”", id="state"),
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


# --- files


@pytest.mark.parametrize("name", ["plan.yaml", "units.yaml", "ladders.yaml"])
def test_a_file_that_must_exist_is_missed(name: str) -> None:
    problems = assemble(rule_files({name: None})).problems
    assert [(one.file, one.code) for one in problems] == [(f"rules/{name}", "missing-file")]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("task/06.yaml", "tasks/"),
        ("tasks/06.yml", ".yaml"),
        ("tasks/旧/06.yaml", "没有 tasks/旧/ 这个文件夹"),
        ("indicator.yaml", "是不是“indicators.yaml”？"),
    ],
)
def test_a_file_that_would_never_be_read_is_an_error(name: str, words: str) -> None:
    problem = problem_of({name: "任务: 六\n"})
    assert (problem.file, problem.code) == (f"rules/{name}", "unknown-file")
    assert words in str(problem)


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("plan.yaml", "- 方案\n", "not-a-mapping"),
        ("ladders.yaml", "- 重大节点\n", "not-a-mapping"),
        ("indicators.yaml", "编号: I4\n", "not-a-list"),
        ("tasks/05.yaml", "任务：五\n", "full-width-colon"),
        ("tasks/05.yaml", edited(TASK, "  - 编号: T05-R1\n", "  - 只有文字\n  - 编号: T05-R1\n"), "not-a-mapping"),
    ],
)
def test_a_file_of_another_shape_is_refused_in_one_sentence(name: str, text: str, code: str) -> None:
    assert problem_of({name: text}).code == code


def test_a_folder_that_is_not_there_is_one_problem(tmp_path: Path) -> None:
    loaded = load(tmp_path / "rules")
    assert loaded.rulebook is None
    assert [(one.file, one.code) for one in loaded.problems] == [("rules", "unreadable")]
    assert "不存在" in loaded.problems[0].message


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    folder = write_rules(tmp_path)
    (folder / "tasks" / "06.yaml").symlink_to(tmp_path / "gone.yaml")
    (problem,) = load(folder).problems
    assert problem.code == "unreadable"
    assert "06.yaml" in problem.message


# --- all at once


def test_the_problems_of_all_files_come_together_in_order() -> None:
    loaded = assemble(
        rule_files(
            {
                "plan.yaml": edited(PLAN, "起算日", "起算曰"),
                "units.yaml": "责任单位：\n",
                "tasks/05.yaml": edited(edited(TASK, "2027年底", "年底"), "重大节点", "重大结点"),
                "tasks/06.yaml": "任务: 六".encode("gbk"),
                "indicators.yaml": edited(INDICATORS, "越高越好", "越多越好"),
            }
        )
    )
    assert loaded.rulebook is None
    assert [(one.file.removeprefix("rules/"), one.line, one.code) for one in loaded.problems] == [
        ("indicators.yaml", 4, "unknown-word"),
        ("plan.yaml", 1, "missing"),
        ("plan.yaml", 3, "unknown-key"),
        ("tasks/05.yaml", 10, "bad-word"),
        ("tasks/06.yaml", 1, "gbk"),
        ("units.yaml", 1, "full-width-colon"),
    ]


def test_items_are_read_although_the_head_of_their_task_is_broken() -> None:
    text = edited(edited(TASK, "标题: 高", "题目: 高"), "重大节点", "重大结点")
    assert {one.code for one in assemble(rule_files({"tasks/05.yaml": text})).problems} == {
        "missing",
        "unknown-key",
        "unknown-ladder",
    }


def test_a_broken_ladder_is_not_also_called_unknown() -> None:
    assert problem_of({"ladders.yaml": edited(LADDERS, "提前30天", "提前30号")}).code == "bad-word"


# --- worth a second look


@pytest.mark.parametrize(
    ("old", "new", "place", "code", "words"),
    [
        ("2027-03-31", "2026-03-31", (16, 41), "before-start", "早于起算日2026-11-23"),
        ("2027年底", "2025年底", (10, 11), "before-start", "不会督办"),
        ("2027-03-31", "2027-04-03", (16, 41), "day-off", "星期六"),
    ],
)
def test_an_odd_date_is_mentioned_but_does_not_stop_the_rules(
    old: str, new: str, place: tuple[int, int], code: str, words: str
) -> None:
    loaded = assemble(rule_files({"tasks/05.yaml": edited(TASK, old, new)}))
    assert loaded.rulebook is not None
    (problem,) = loaded.problems
    assert (problem.severity, problem.code, where(problem)) == ("info", code, place)
    assert words in problem.message


def test_a_date_written_to_the_month_or_year_may_end_on_a_day_off() -> None:
    assert rulebook_of({"tasks/05.yaml": edited(TASK, "2027年底", "2027年7月")}).rules  # 31 July 2027 is a Saturday


def test_a_unit_without_a_chat_is_mentioned_with_the_name_that_was_probably_meant() -> None:
    loaded = assemble(rule_files(), chats=["县委教育工委", "县教育剧", "县财政局", "管理员"])
    assert loaded.rulebook is not None
    first, second = loaded.problems
    assert (first.code, first.severity, where(first)) == ("no-chat", "info", (3, 24))
    assert "“县教育剧”" in first.hint
    assert "“各学校”" in second.message


# --- whatever is in the files


@settings(max_examples=60)
@given(st.integers(0, 2**32), st.integers(1, 6))
def test_no_damage_to_the_files_ever_raises(seed: int, hits: int) -> None:
    dice = random.Random(seed)
    files = rule_files({"calendars/法定节日.yaml": "各年:\n  - 年份: 2027\n    放假: []\n"})
    for _ in range(hits):
        name = dice.choice(list(files))
        raw = bytearray(files[name])
        at = dice.randrange(len(raw))
        patch = dice.choice([b"", b"\n", b" ", b"\t", b":", "：".encode(), b"[", b"*a", b"- ", b"\xff", b"\0", b'"'])
        raw[at : at + dice.randrange(8)] = patch
        files[name] = bytes(raw)
    loaded = assemble(files, chats=[])
    assert (loaded.rulebook is None) == any(one.is_error for one in loaded.problems)


@settings(max_examples=60)
@given(st.integers(0, 2**32))
def test_no_moved_or_lost_line_ever_raises(seed: int) -> None:
    dice = random.Random(seed)
    files = rule_files()
    name = dice.choice(list(files))
    lines = files[name].decode().splitlines()
    line = lines.pop(dice.randrange(len(lines)))
    if dice.random() < 0.7:
        lines.insert(dice.randrange(len(lines) + 1), " " * dice.randrange(5) + line.strip())
    loaded = assemble({**files, name: "\n".join(lines).encode()})
    assert all(one.line >= 1 and one.message for one in loaded.problems)
    assert (loaded.rulebook is None) == any(one.is_error for one in loaded.problems)


def test_the_countys_own_rules_load_without_an_error() -> None:
    loaded = load(REPOSITORY_RULES)
    assert [str(one) for one in loaded.problems if one.is_error] == []
    assert loaded.rulebook is not None
    assert len(loaded.rulebook.tasks) == 19
    assert len(loaded.rulebook.indicators) == 8
