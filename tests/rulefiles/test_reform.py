"""Reforms in the files: what is complained about where, what --fix mends, and which chats still count."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from bot.core.rules.rulebook import UnitsForm
from bot.core.rules.succession import succession
from bot.rulefiles.fixes import mend
from bot.rulefiles.loader import assemble
from bot.rulefiles.schema import schemas
from bot.rulefiles.text.problems import Problem
from bot.sending.chats import Chats, load_chats
from tests.kit.rules_factory import INDICATORS, TASK, UNITS, edited, place_of, rule_files

OLD = "县卫生和计划生育局"
RENAMED = edited(UNITS, "名称: 县教育局", "名称: 县教育和科技局, 曾用名: [县教育局]")
MERGED = edited(UNITS, "名称: 县财政局", "名称: 县财政局, 已并入: 县教育局")


def problems_of(units: str, **changes: str) -> tuple[Problem, ...]:
    named = {name.replace("tasks_", "tasks/"): text for name, text in changes.items()}
    return assemble(
        rule_files({"units.yaml": units, **{f"{name}.yaml": text for name, text in named.items()}})
    ).problems


def complaint(units: str) -> Problem:
    """The one thing said about units.yaml."""
    [problem] = [one for one in problems_of(units) if one.file == "rules/units.yaml"]
    return problem


# --- former names --------------------------------------------------------------------------


def test_a_rule_that_still_has_the_former_name_is_told_the_present_one() -> None:
    found = [one for one in problems_of(RENAMED) if one.is_error]
    assert {one.code for one in found} == {"unknown-unit"}
    at_task = next(one for one in found if one.file == "rules/tasks/05.yaml")
    assert (at_task.line, at_task.column) == place_of(TASK, "县教育局")
    assert at_task.message == "“县教育局”是曾用名"
    assert at_task.hint == "请写现在的名称“县教育和科技局”"


def test_fix_writes_the_present_name_everywhere() -> None:
    files = rule_files({"units.yaml": RENAMED})
    after = {**files, **mend(files)[0]}
    loaded = assemble(after)
    assert loaded.rulebook is not None, [str(one) for one in loaded.problems]
    assert after["tasks/05.yaml"].decode() == TASK.replace("县教育局", "县教育和科技局")
    assert after["indicators.yaml"].decode() == INDICATORS.replace("县教育局", "县教育和科技局")


def test_a_former_name_means_one_unit() -> None:
    units = edited(RENAMED, "别名: [财政局]", "别名: [财政局], 曾用名: [县教育局]")
    found = [one for one in problems_of(units) if one.code == "duplicate-unit"]
    assert [(one.line, one.column) for one in found] == [place_of(units, "[县教育局]}\n集体")]


# --- mergers -------------------------------------------------------------------------------


def test_rules_may_go_on_naming_a_merged_unit_and_check_says_so_once() -> None:
    problem = complaint(MERGED)
    assert (problem.code, problem.severity) == ("merged-unit", "info")
    line, column = place_of(MERGED, "已并入")
    assert (problem.line, problem.column) == (line, column + len("已并入: "))
    assert "“县财政局”已并入“县教育局”：规则里还有1处写它，都按“县教育局”督办" in str(problem)
    rulebook = assemble(rule_files({"units.yaml": MERGED})).rulebook
    assert rulebook is not None
    assert rulebook.by_id["T05-M1"].units == ("县委教育工委", "县教育局")
    assert rulebook.unit_aliases["财政局"] == "县教育局"
    assert "县财政局" not in rulebook.addressable


@pytest.mark.parametrize(
    ("into", "code", "words"),
    [
        ("县教肓局", "unknown-unit", "是不是“县教育局”"),
        ("教育局", "unknown-unit", "是不是“县教育局”"),
        ("县委教育工作领导小组", "unknown-unit", "没有“县委教育工作领导小组”这个单位"),
        ("县财政局", "merger-circle", "县财政局→县财政局"),
    ],
)
def test_a_merger_into_nothing_is_found_where_it_is_written(into: str, code: str, words: str) -> None:
    units = edited(UNITS, "名称: 县财政局", f"名称: 县财政局, 已并入: {into}")
    [problem] = [one for one in problems_of(units) if one.code == code]
    line, column = place_of(units, f"已并入: {into}")
    assert (problem.line, problem.column) == (line, column + len("已并入: "))
    assert words in str(problem)
    assert problem.is_error


def test_every_unit_of_a_circle_of_mergers_is_pointed_out() -> None:
    units = edited(MERGED, "名称: 县教育局", "名称: 县教育局, 已并入: 县财政局")
    found = [one for one in problems_of(units) if one.code == "merger-circle"]
    assert [one.message for one in found] == [
        "并入的关系绕成了一圈：县教育局→县财政局→县教育局",
        "并入的关系绕成了一圈：县财政局→县教育局→县财政局",
    ]


def test_a_unit_that_leads_into_somebody_elses_circle_is_not_blamed() -> None:
    units = edited(MERGED, "名称: 县教育局", "名称: 县教育局, 已并入: 县财政局")
    units = edited(units, "名称: 县委教育工委", "名称: 县委教育工委, 已并入: 县财政局")
    assert len([one for one in problems_of(units) if one.code == "merger-circle"]) == 2


def test_a_lead_may_be_written_by_the_old_or_the_new_name() -> None:
    units = edited(UNITS, "名称: 县教育局", "名称: 县教育局, 已并入: 县财政局")
    found = problems_of(units, tasks_05=edited(TASK, "[县委教育工委, 县教育局, 县财政局]", "[县委教育工委, 县财政局]"))
    assert not [one for one in found if one.is_error]


# --- 月初清单 ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("word", "has"), [("是", True), ("否", False), ("true", True), ("不", None)])
def test_the_list_is_a_switch_in_an_officials_words(word: str, has: bool | None) -> None:
    units = edited(UNITS, "名称: 县教育局", f"名称: 县教育局, 月初清单: {word}")
    loaded = assemble(rule_files({"units.yaml": units}))
    if has is None:
        assert loaded.rulebook is None
        [problem] = loaded.problems
        assert (problem.code, (problem.line, problem.column)) == (
            "bad-switch",
            (place_of(units, "月初清单")[0], place_of(units, "月初清单")[1] + len("月初清单: ")),
        )
    else:
        assert loaded.rulebook is not None
        assert all(rule.listed == (frozenset({"县教育局"}) if has else frozenset()) for rule in loaded.rulebook.rules)


def test_an_editor_knows_the_new_keys() -> None:
    text = str(schemas()["units"])
    assert all(key in text for key in ("月初清单", "曾用名", "已并入"))


# --- chats ---------------------------------------------------------------------------------------

FORMER = edited(MERGED, "名称: 县教育局", f"名称: 县教育局, 曾用名: [{OLD}]")
NAMES = succession(UnitsForm.model_validate(yaml.safe_load(FORMER)).everyone, ())
HERE = ("县委教育工委", "县教育局", "各学校")


def chats_of(home: Path, *lines: str) -> tuple[Chats, list[str]]:
    """The chats of these entries and what is said about them."""
    (home / "config").mkdir(exist_ok=True)
    (home / "config" / "chats.yaml").write_text("群聊:\n" + "".join(f"  {line}\n" for line in lines), "utf-8")
    chats, problems = load_chats(home, HERE, NAMES)
    return chats, [f"{one.severity} {one.code}" for one in problems]


def a_chat(name: str, key: str = "k") -> str:
    return f"{name}: [{{方言: wecom, 地址: 'http://127.0.0.1:9/send?key={key}'}}]"


def test_a_chat_under_the_former_name_is_found(tmp_path: Path) -> None:
    chats, said = chats_of(tmp_path, a_chat(OLD), f"{OLD}分管领导: {OLD}")
    assert set(chats.robots) == {"县教育局"}
    assert chats.directory.chats == {"县教育局": "县教育局", "县教育局·分管领导": "县教育局"}
    assert said == ["info former-name", "info former-name"]


def test_beside_the_present_name_the_former_one_is_left_alone(tmp_path: Path) -> None:
    chats, said = chats_of(tmp_path, a_chat(OLD, "old"), a_chat("县教育局", "new"))
    [robot] = chats.robots["县教育局"]
    assert robot.url.get_secret_value().endswith("new")
    assert said == ["info former-name"]


def test_a_merged_units_chat_is_nobodys_and_no_mistake(tmp_path: Path) -> None:
    chats, said = chats_of(tmp_path, a_chat("县财政局"), a_chat("县教育局", "new"))
    assert set(chats.robots) == {"县教育局"}
    assert said == ["info merged-chat"]


def test_sharing_the_chat_of_a_merged_unit_is_a_mistake(tmp_path: Path) -> None:
    _, said = chats_of(tmp_path, a_chat("县财政局"), "县委教育工委: 县财政局")
    assert said == ["info merged-chat", "error unknown-chat"]
