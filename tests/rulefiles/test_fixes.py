"""`check --fix`: what is mended, what is left alone, and that nothing else in a file moves."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from bot.rulefiles.fixes import mend, mend_folder, replace_unchanged
from bot.rulefiles.loader import assemble
from tests.corpus.mutations import MUTATIONS, RULES, Mutation
from tests.kit.rules_factory import INDICATORS, LADDERS, TASK, UNITS, edited, rule_files, write_rules

LEAD = "牵头: {单位: 县教育局, 依据: 管理员}"
UNIT_LIST = "[县委教育工委, 县教育局, 县财政局]"


def mended(changes: Mapping[str, str | bytes | None]) -> dict[str, bytes]:
    """The whole folder after mending, which must then have nothing left to mend."""
    files = rule_files(changes)
    after = {**files, **mend(files)[0]}
    assert mend(after) == ({}, ())
    return after


def task_after(text: str | bytes) -> str:
    return mended({"tasks/05.yaml": text})["tasks/05.yaml"].decode()


# --- what is mended ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        pytest.param("编号: T05\n", "编号：T05\n", id="full-width colon"),
        pytest.param("编号: T05\n", "编号:T05\n", id="no blank behind a colon"),
        pytest.param("编号: T05\n", "编号:\u3000T05\n", id="full-width blank behind a colon"),
        pytest.param("编号: T05\n", "编号：\u3000T05\n", id="full-width colon and blank"),
        pytest.param("事项:\n", "事项：\n", id="full-width colon of a heading"),
        pytest.param("  - 编号: T05-R1\n", "  - 编号：T05-R1\n", id="full-width colon behind a dash"),
        pytest.param(LEAD, "牵头: {单位：县教育局，依据：管理员}", id="everything inside braces"),
        pytest.param(LEAD, "牵头: ｛单位: 县教育局, 依据: 管理员｝", id="full-width braces"),
        pytest.param(LEAD, "牵头: ｛单位：县教育局，依据：管理员｝", id="braces and everything inside"),
        pytest.param(LEAD, "牵头: {单位: 县教育局，依据: 管理员｝", id="one full-width brace and comma"),
        pytest.param(UNIT_LIST, "［县委教育工委，县教育局、县财政局］", id="a whole list"),
        pytest.param(UNIT_LIST, "【县委教育工委，县教育局，县财政局】", id="a list in lenticular brackets"),
        pytest.param(UNIT_LIST, "[县委教育工委, 县教育局, 县财政局］", id="one full-width bracket"),
        pytest.param(UNIT_LIST, "[县委教育工委，县教育局，县财政局]", id="commas of a list"),
        pytest.param(UNIT_LIST, "[教育工委，教育局，财政局］", id="commas, bracket and short names"),
        pytest.param("    周期: 每年", "\u3000\u3000周期: 每年", id="full-width indentation"),
        pytest.param("    周期: 每年", "\t周期: 每年", id="tab indentation"),
        pytest.param("结果公布: 2028-03-31", "结果公布: “2028-03-31”", id="curly quotes round a value"),
        pytest.param("结果公布: 2028-03-31", "“结果公布”: 2028-03-31", id="curly quotes round a key"),
        pytest.param("县教育局, 县财政局]", "县教育局, “县财政局”]", id="curly quotes inside a list"),
        pytest.param("县教育局, 县财政局]", "县教育局, 财政局]", id="another name of a unit"),
        pytest.param("县教育局, 县财政局]", "县教育局, caizhengju]", id="id of a unit"),
        pytest.param(LEAD, "牵头: {单位: '教育局', 依据: 管理员}".replace("'", ""), id="another name of the lead"),
        pytest.param("完成时限: 2027年底", "完成时间: 2027年底", id="a key with one near match"),
        pytest.param("编号: T05-R1", "编号: T０５-R１", id="full-width digits in an id"),
        pytest.param("[T05-E13, S01-E02]", "[T05-E１３, S01-E02]", id="full-width digits in an element"),
    ],
)
def test_a_slip_with_one_meaning_is_mended_to_the_very_text_that_was_meant(right: str, wrong: str) -> None:
    assert task_after(edited(TASK, right, wrong)) == TASK


def test_a_value_that_begins_with_an_at_sign_gets_english_quotes() -> None:
    text = task_after(edited(TASK, "名称: 控辍保学学期排查", "名称: @控辍保学 # 注"))
    assert text == edited(TASK, "名称: 控辍保学学期排查", '名称: "@控辍保学" # 注')


def test_a_quoted_value_that_needs_quotes_keeps_english_ones() -> None:
    text = task_after(edited(TASK, "名称: 控辍保学学期排查", "名称: “控辍, 排查”"))
    assert '名称: "控辍, 排查"' in text


def test_a_file_typed_full_width_throughout_is_mended_throughout() -> None:
    wide = TASK.replace(": ", "：").replace(", ", "，").replace("[", "［").replace("]", "］")
    assert task_after(wide) == TASK
    assert mended({"ladders.yaml": LADDERS.replace(", ", "，").replace(":\n", "：\n")}) == rule_files()
    assert mended({"units.yaml": UNITS.replace(": ", "：").replace(", ", "，")}) == rule_files()


def test_a_file_indented_with_tabs_throughout_is_mended_throughout() -> None:
    after = mended({"tasks/05.yaml": TASK.replace("  ", "\t")})
    assert assemble(after).problems == ()


def test_a_byte_order_mark_is_removed() -> None:
    assert task_after(b"\xef\xbb\xbf" + TASK.encode()) == TASK


def test_a_gb18030_file_becomes_utf8() -> None:
    files = rule_files({"tasks/05.yaml": TASK.encode("gb18030")})
    after, changes = mend(files)
    assert after["tasks/05.yaml"].decode() == TASK
    assert [str(change) for change in changes] == ["rules/tasks/05.yaml:1 已改：GB18030编码 → UTF-8编码"]


def test_comments_blank_lines_and_windows_line_ends_stay() -> None:
    text = "# 第（五）项\r\n\r\n" + TASK.replace("\n", "\r\n").replace("五\r\n", "五   # 注：“甲”，乙\r\n", 1)
    wrong = text.replace("编号: T05\r\n", "编号：T05\r\n")
    assert task_after(wrong) == text


def test_every_changed_line_is_named_with_what_it_was_and_is() -> None:
    wrong = edited(edited(TASK, "编号: T05\n", "编号：T05\n"), "完成时限", "完成时间")
    _, changes = mend(rule_files({"tasks/05.yaml": wrong}))
    assert [str(change) for change in changes] == [
        "rules/tasks/05.yaml:2 已改：编号：T05 → 编号: T05",
        "rules/tasks/05.yaml:10 已改：完成时间: 2027年底 → 完成时限: 2027年底",
    ]


def test_several_files_are_mended_at_once() -> None:
    after = mended(
        {
            "tasks/05.yaml": edited(TASK, "编号: T05\n", "编号：T05\n"),
            "indicators.yaml": edited(INDICATORS, "数据来源: 县教育局", "数据来源: 教育局"),
        }
    )
    assert after == rule_files()


# --- what is left to people -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        pytest.param("县教育局, 县财政局]", "县教育局, 县财正局]", id="a unit that is only nearly right"),
        pytest.param("县教育局, 县财政局]", "教育局, 县教育局]", id="a full name that is there already"),
        pytest.param("名称: 控辍保学学期排查", "名城: 控辍保学学期排查", id="a key too short to be sure"),
        pytest.param("结果公布: 2028-03-31", "完成时间: 2028-03-31", id="a key whose match is there already"),
        pytest.param("2027年底", "2027年13月", id="a date that does not exist"),
        pytest.param("名称: 控辍保学学期排查", "名称: 控辍: 排查", id="two colons"),
        pytest.param(
            "依据: 管理员\n  -", "配合: 县财政局，县委教育工委\n    依据: 管理员\n  -", id="units run together"
        ),
        pytest.param("编号: T05-R1\n", "编号 T05-R1\n", id="no colon at all"),
        pytest.param("标题: 高质量", "标题: 甲\n  注意：高质量", id="a colon in mere text"),
        pytest.param(
            "待建规则:\n", "待建规则:\n  - {要素: [T05-E11, 类型: 办件, 名称: 甲，乙}\n", id="an open bracket"
        ),
        pytest.param("编号: T05\n", "编号: T05\n编号: T06\n", id="a key twice"),
        pytest.param("编号: T05\n", "编号: T05\n---\n", id="two documents"),
    ],
)
def test_what_may_mean_two_things_is_left_as_it_is(right: str, wrong: str) -> None:
    files = rule_files({"tasks/05.yaml": edited(TASK, right, wrong)})
    assert assemble(files).rulebook is None
    assert mend(files) == ({}, ())


def test_an_indentation_that_could_be_two_levels_is_left_as_it_is() -> None:
    files = rule_files({"plan.yaml": "方案:\n  简称:\n\t状态: 印发\n"})
    assert mend(files) == ({}, ())


def test_full_width_signs_in_a_text_stay_when_its_line_is_mended() -> None:
    right = "    - {要素: [T05-E11], 说明: 甲，乙、丁（丙）；戊}\n"
    text = edited(TASK, "    督办阶梯: 重大节点\n", f"    督办阶梯: 重大节点\n    附注:\n{right}")
    assert task_after(text.replace("{要素: [T05-E11], 说明", "{要素：[T05-E11]，说明")) == text


def test_sound_files_and_other_encodings_are_not_touched() -> None:
    assert mend(rule_files()) == ({}, ())
    assert mend(rule_files({"tasks/05.yaml": TASK.encode("utf-16")})) == ({}, ())
    assert mend(rule_files({"tasks/05.yaml": b"\xc4\xe3\xba\xc3: 1\n"})) == ({}, ())


MENDABLE = ("full-width", "no-space", "tab-indent", "curly", "reserved", "gbk", "unknown-unit", "unknown-key")
TRIED = [one for one in MUTATIONS if one.code.startswith(MENDABLE) and one.file == "tasks/05.yaml"]


@pytest.mark.parametrize("mutation", TRIED, ids=lambda mutation: mutation.name)
def test_mending_a_shipped_file_helps_or_does_nothing_and_a_second_time_does_nothing(mutation: Mutation) -> None:
    files, _ = mutation.files()
    after, changes = mend(files)
    assert set(after) <= {mutation.file}
    assert bool(after) == bool(changes)
    if after:
        whole = {**files, **after}
        places = {(one.file, one.line) for one in assemble(whole).problems if one.is_error}
        assert any((one.file, one.line) not in places for one in changes)
        assert mend(whole) == ({}, ())


@pytest.mark.parametrize("name", ["plan.yaml", "units.yaml", "ladders.yaml", "calendars/2026.yaml"])
def test_slips_of_the_keyboard_are_mended_to_the_last_byte_in_every_form(name: str) -> None:
    meant = ("full-width-c", "no-space", "tab-indent", "curly", "gbk")
    for mutation in (one for one in MUTATIONS if one.file == name and one.code.startswith(meant)):
        files, _ = mutation.files()
        assert {**files, **mend(files)[0]} == RULES, mutation.name


@pytest.mark.parametrize(
    ("name", "line", "typed"),
    [
        ("calendars/法定节日.yaml", "- {名称: 春节, 起: 2031-01-22, 止: 2031-01-25}", "{}"),
        ("calendars/2025.yaml", "- {名称: 国庆节、中秋节, 起: 2025-10-01, 止: 2025-10-08}", ","),
        ("indicators.yaml", "监测: [达标, 保持: {值: 100, 界: 不低于}, 报送]", ","),
        ("tests/办件、禁止和预测.yaml", "- {单位: 县教育局, 包含: 媒体反映}", ","),
        ("tests/T05-M1.yaml", "- {单位: [县教育局, 县财政局], 事项: T05-M1, 包含: 剩余7天}", ":,"),
        ("tests/T05-M1.yaml", "- {单位: [县财政局, 领导小组], 事项: T05-M1}", ",[]"),
        ("tasks/s3.yaml", "- {要素: [S03-E01], 说明: 县委、县政府的政治责任，不设提醒}", "{}"),
    ],
)
def test_groups_in_a_list_may_be_typed_full_width(name: str, line: str, typed: str) -> None:
    wide = str.maketrans({sign: chr(ord(sign) + 0xFEE0) for sign in typed})
    right = RULES[name].decode()
    wrong = edited(right, line, line.translate(wide))
    files = {**RULES, name: wrong.encode()}
    assert {**files, **mend(files)[0]} == RULES


# --- on disk --------------------------------------------------------------------------------------------------------------


def test_files_are_replaced_whole_with_their_rights_and_nothing_stays_behind(tmp_path: Path) -> None:
    folder = write_rules(tmp_path, {"tasks/05.yaml": edited(TASK, "编号: T05\n", "编号：T05\n")})
    (folder / "tasks" / "05.yaml").chmod(0o640)
    untouched = os.stat(folder / "units.yaml").st_mtime_ns
    assert len(mend_folder(folder)) == 1
    assert (folder / "tasks" / "05.yaml").read_text("utf-8") == TASK
    assert (folder / "tasks" / "05.yaml").stat().st_mode & 0o777 == 0o640
    assert os.stat(folder / "units.yaml").st_mtime_ns == untouched
    assert sorted(path.name for path in (folder / "tasks").iterdir()) == ["05.yaml"]
    assert mend_folder(folder) == ()


def test_a_linked_file_is_mended_where_it_really_is(tmp_path: Path) -> None:
    folder = write_rules(tmp_path)
    real = tmp_path / "真.yaml"
    real.write_text(edited(TASK, "编号: T05\n", "编号：T05\n"), "utf-8")
    (folder / "tasks" / "05.yaml").unlink()
    (folder / "tasks" / "05.yaml").symlink_to(real)
    mend_folder(folder)
    assert (folder / "tasks" / "05.yaml").is_symlink()
    assert real.read_text("utf-8") == TASK


def test_a_file_edited_in_the_meantime_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "05.yaml"
    path.write_text("任务: 六\n", "utf-8")
    with pytest.raises(InterruptedError, match="再运行一次"):
        replace_unchanged(path, "任务：五\n".encode(), "任务: 五\n".encode())
    assert path.read_text("utf-8") == "任务: 六\n"
    assert [one.name for one in tmp_path.iterdir()] == ["05.yaml"]
