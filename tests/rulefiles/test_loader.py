"""From a rules folder to a Rulebook, or to every problem of every file at its line and column."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.rules.rulebook import Basis, LeadForm, Rulebook, TaskIndicatorForm
from bot.rulefiles.loader import assemble, load, read_files, rule_paths
from bot.rulefiles.text.problems import Problem
from tests.kit.rules_factory import CALENDAR, INDICATORS, LADDERS, PLAN, TASK, UNITS, edited, rule_files, write_rules

REPOSITORY_RULES = Path(__file__).parents[2] / "rules"


def rulebook_of(changes: Mapping[str, str | bytes | None] | None = None) -> Rulebook:
    loaded = assemble(rule_files(changes))
    assert loaded.problems == ()
    assert loaded.rulebook is not None
    return loaded.rulebook


def problem_of(changes: Mapping[str, str | bytes | None]) -> Problem:
    (problem,) = assemble(rule_files(changes)).problems
    return problem


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
    assert rule.lead == LeadForm(units=("县教育局",), basis=Basis.ADMIN)
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
    assert rule.lead == LeadForm(units=("县财政局",), basis=Basis.PROPOSED)
    assert rule.cooperating == ("县教育局",)
    assert rule.ladder_name == "一般节点"


def test_a_lead_outside_the_items_own_units_is_not_inherited() -> None:
    single = edited(TASK, "督办阶梯: 重大节点", "责任单位: 县财政局")
    rule = rulebook_of({"tasks/05.yaml": single}).by_id["T05-M1"]
    assert rule.lead == LeadForm(units=("县财政局",), basis=Basis.PLAN)
    several = edited(TASK, "督办阶梯: 重大节点", "责任单位: [县财政局, 县委教育工委]")
    rule = rulebook_of({"tasks/05.yaml": several}).by_id["T05-M1"]
    assert rule.lead is None
    assert rule.cooperating == ("县财政局", "县委教育工委")


def test_a_task_with_one_unit_needs_no_lead_written() -> None:
    text = edited(TASK, "[县委教育工委, 县教育局, 县财政局]\n牵头: {单位: 县教育局, 依据: 管理员}", "县教育局")
    assert rulebook_of({"tasks/05.yaml": text}).by_id["T05-M1"].lead == LeadForm(units=("县教育局",), basis=Basis.PLAN)


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
        {"indicators.yaml": edited(INDICATORS, "值: 97,", "值: 97.2,")},
        {"calendars/2027.yaml": edited(CALENDAR, "2027-07-09", "2027-07-10")},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_an_edit_that_means_something_changes_the_digest(changes: dict[str, str]) -> None:
    assert rulebook_of(changes).digest != rulebook_of().digest


def test_an_editors_own_files_and_what_is_no_yaml_are_not_read(tmp_path: Path) -> None:
    folder = write_rules(tmp_path)
    before = rule_paths(folder)
    (folder / "README.md").write_text("说明")
    (folder / ".05.yaml.swp.yaml").write_text("编辑器的临时文件")
    assert rule_paths(folder) == before
    assert len(read_files(folder)) == len(before)


def test_stored_files_make_the_same_rulebook(tmp_path: Path) -> None:
    folder = write_rules(tmp_path)
    stored = read_files(folder)
    assert stored == rule_files()
    loaded = load(folder).rulebook
    rebuilt = assemble(stored).rulebook
    assert loaded is not None
    assert rebuilt is not None
    assert rebuilt.digest == loaded.digest


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


def test_a_linked_folder_is_read_and_a_link_to_itself_does_no_harm(tmp_path: Path) -> None:
    folder = write_rules(tmp_path)
    (folder / "tasks").rename(tmp_path / "elsewhere")
    (folder / "tasks").symlink_to(tmp_path / "elsewhere")
    assert read_files(folder) == rule_files()
    (folder / "loop").symlink_to(folder)
    assert {one.code for one in load(folder).problems} == {"unknown-file"}


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
        ("plan.yaml", 3, "unknown-key"),
        ("tasks/05.yaml", 10, "bad-word"),
        ("tasks/06.yaml", 1, "gbk"),
        ("units.yaml", 1, "full-width-colon"),
    ]


def test_items_are_read_although_the_head_of_their_task_is_broken() -> None:
    text = edited(edited(TASK, "标题: 高", "题目: 高"), "重大节点", "重大结点")
    assert {one.code for one in assemble(rule_files({"tasks/05.yaml": text})).problems} == {
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
    assert len([one for one in loaded.rulebook.indicators if not isinstance(one, TaskIndicatorForm)]) == 8
