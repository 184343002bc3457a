"""From edited cells to rule files: one cell is one line, comments stay, and what makes no sense is named by its cell."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from bot.ledger.diff import Comparison
from bot.ledger.values import entered
from bot.rulefiles.ledger.edits import RuleEdits, draft, write_all
from bot.rulefiles.loader import assemble, read_files
from tests.kit.ledger_desk import KNOWN, add, asked_of, exported, put, rules, worked_on
from tests.kit.rules_factory import INDICATORS, TASK, UNITS, edited, rule_files, write_rules

Edit = Callable[[Any], None]


def tried(*edits: Edit, files: dict[str, bytes] | None = None, sensitive: bool = True) -> tuple[Comparison, RuleEdits]:
    """What a workbook with those edits asks for, and the drafted files."""
    files = files or rule_files()
    rulebook = rules(files)
    raw = exported(rulebook, with_sensitive=sensitive)
    for edit in edits:
        raw = worked_on(raw, edit)
    asked = asked_of(rulebook, raw)
    return asked, draft(files, rulebook, asked)


def lines_changed(after: RuleEdits, name: str, before: str) -> list[str]:
    """Lines of the new file that the old one has not, in order."""
    old = before.splitlines()
    return [line for line in after.files[name].decode().splitlines() if line not in old]


# --- what may be changed --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("edit", "name", "before", "lines"),
    [
        (put("事项", "T05-R1", "事项", "控辍保学排查"), "tasks/05.yaml", TASK, ["    名称: 控辍保学排查"]),
        (put("事项", "T05-R1", "完成时限", "每季度末"), "tasks/05.yaml", TASK, ["    周期: 每季度末"]),
        (put("事项", "T05-M1", "完成时限", date(2027, 11, 30)), "tasks/05.yaml", TASK, ["    完成时限: 2027-11-30"]),
        (put("事项", "T05-R1", "牵头单位", "财政局"), "tasks/05.yaml", TASK,
         ["    牵头: {单位: 县财政局, 依据: 管理员}"]),
        (put("事项", "T05-R1", "牵头单位", "县财政局、县教育局"), "tasks/05.yaml", TASK,
         ["    牵头: {单位: [县财政局, 县教育局], 依据: 管理员}"]),
        (put("事项", "T05-R1", "配合单位", "财政局，各学校"), "tasks/05.yaml", TASK, ["    配合: [县财政局, 各学校]"]),
        (put("事项", "T05-D1", "依据", "建议"), "tasks/05.yaml", TASK, ["    依据: 建议"]),
        (put("事项", "T05-D1", "说明", "两行\n文字"), "tasks/05.yaml", TASK, ['    说明: "两行\\n文字"']),
        (put("事项", "T05-M1-01", "完成时限", "2027年6月底"), "tasks/05.yaml", TASK,
         ["      - {编号: T05-M1-01, 名称: 县级自评, 完成时限: 2027年6月底, 依据: 建议}"]),
        (put("单位", "caizhengju", "别名", "财政局、县财政"), "units.yaml", UNITS,
         ["  - {编号: caizhengju, 名称: 县财政局, 别名: [财政局, 县财政]}"]),
        (put("指标", "I4", "应报", "次年6月底"), "indicators.yaml", INDICATORS,
         ["  报送: {周期: 每年, 基准日: 9月1日, 应报: 次年6月底, 宽限: 10个工作日, 依据: 建议}"]),
        (put("指标", "I4", "数据来源", "县财政局"), "indicators.yaml", INDICATORS, ["  数据来源: 县财政局"]),
        (put("目标", "I4", "值", 98.5, "2027年"), "indicators.yaml", INDICATORS,
         ["    - {期限: 2027年, 值: 98.5, 措辞: 达到}"]),
        (put("目标", "I4", "措辞", "左右", "2035年"), "indicators.yaml", INDICATORS,
         ["    - {期限: 2035年, 值: 97.5, 措辞: 左右}"]),
    ],
)  # fmt: skip
def test_one_cell_is_one_line(edit: Edit, name: str, before: str, lines: list[str]) -> None:
    asked, after = tried(edit)
    assert after.complaints == []
    assert len(asked.changes) == len(after.words) == 1
    assert list(after.files) == [name]
    assert lines_changed(after, name, before) == lines
    assert assemble({**rule_files(), **after.files}).rulebook is not None


def test_the_sentence_names_cell_item_values_and_line() -> None:
    _, after = tried(put("事项", "T05-R1", "完成时限", "每季度末"))
    line = TASK[: TASK.index("    周期: ")].count("\n") + 1
    assert after.words == [f"事项!H4　T05-R1 完成时限：每年3月15日、9月15日 → 每季度末（rules/tasks/05.yaml:{line}）"]


def test_a_commitment_with_a_date_becomes_a_milestone_set_by_the_admin() -> None:
    _, after = tried(put("事项", "T05-D1", "完成时限", "2027年6月底"))
    text = after.files["tasks/05.yaml"].decode()
    assert "    类型: 节点\n    名称: 打造乡村温馨学校\n    完成时限: 2027年6月底\n    依据: 管理员\n" in text


def test_a_commitment_with_a_rhythm_becomes_recurring_and_a_proposed_date_goes() -> None:
    files = rule_files(
        {"tasks/05.yaml": edited(TASK, "    要素: [T05-E05]", "    建议时限: 2028年底\n    要素: [T05-E05]")}
    )
    _, after = tried(put("事项", "T05-D1", "完成时限", "每学期末"), files=files)
    text = after.files["tasks/05.yaml"].decode()
    assert "    类型: 周期\n" in text
    assert "    周期: 每学期末\n" in text
    assert "建议时限" not in text


def test_a_row_without_number_is_a_new_item_with_the_next_free_number() -> None:
    files = rule_files({"tasks/05.yaml": edited(TASK, "编号: T05-R1\n", "编号: T05-R1\n    曾用编号: [T05-R7]\n")})
    _, after = tried(add("事项", 事项="供暖检查", 任务="五", 完成时限="每年10月底", 牵头单位="县教育局"), files=files)
    expected = (
        "\n  - 编号: T05-R8\n    类型: 周期\n    名称: 供暖检查\n    周期: 每年10月底\n    依据: 管理员\n"
        "    牵头: {单位: 县教育局, 依据: 管理员}\n待建规则:"
    )
    assert expected in after.files["tasks/05.yaml"].decode()
    assert assemble({**files, **after.files}).rulebook is not None


def test_a_baseline_is_filled_in_changed_and_cleared() -> None:
    year, value = put("指标", "I4", "基期年份", 2025), put("指标", "I4", "基期值", 95.5)
    _, filled = tried(year, value)
    assert "  基期: {年份: 2025, 值: 95.5}\n" in filled.files["indicators.yaml"].decode()
    files = {**rule_files(), **filled.files}
    _, changed = tried(put("指标", "I4", "基期值", 95.6), put("指标", "I4", "基期来源", "年报"), files=files)
    assert "  基期: {年份: 2025, 值: 95.6, 来源: 年报}\n" in changed.files["indicators.yaml"].decode()
    _, cleared = tried(put("指标", "I4", "基期年份", None), put("指标", "I4", "基期值", None), files=files)
    assert "基期" not in cleared.files["indicators.yaml"].decode()


def test_a_renamed_unit_is_renamed_wherever_rules_refer_to_it_and_keeps_its_old_name() -> None:
    _, after = tried(
        put("单位", "jiaoyuju", "名称", "县教体局"), put("事项", "T05-R1", "配合单位", "县教育局、县财政局")
    )
    new = {**rule_files(), **after.files}
    assert assemble(new).rulebook is not None
    assert "县教育局" not in new["tasks/05.yaml"].decode() + new["indicators.yaml"].decode()
    assert "{编号: jiaoyuju, 名称: 县教体局, 别名: [教育局], 曾用名: [县教育局]}" in new["units.yaml"].decode()
    assert "    配合: [县教体局, 县财政局]\n" in new["tasks/05.yaml"].decode()


def test_a_new_name_written_everywhere_in_the_workbook_is_the_same_rename() -> None:
    def everywhere(book: Any) -> None:
        for sheet in book.worksheets:
            for row in sheet.iter_rows():
                for cell in row:
                    if sheet.title != "底稿" and isinstance(cell.value, str):
                        cell.value = cell.value.replace("县教育局", "县教体局")

    asked, after = tried(everywhere)
    assert after.complaints == []
    assert [(one.table, one.title) for one in asked.changes] == [("单位", "名称")]
    assert assemble({**rule_files(), **after.files}).rulebook is not None


def test_a_new_unit_can_lead_at_once() -> None:
    _, after = tried(
        add("单位", 编号="minzhengju", 名称="县民政局", 别名="民政局"),
        add("事项", 事项="困难学生救助", 任务="T05", 责任单位="县教育局、县民政局", 牵头单位="县民政局"),
    )
    assert after.complaints == []
    assert "  - {编号: minzhengju, 名称: 县民政局, 别名: [民政局]}\n集体对象:" in after.files["units.yaml"].decode()
    assert assemble({**rule_files(), **after.files}).rulebook is not None


# --- values ---------------------------------------------------------------------------------------------------------


def values_of(*edits: Edit) -> list[str]:
    asked, after = tried(*edits)
    assert (after.files, after.complaints) == ({}, [])
    return [one.words for one in entered(asked, KNOWN, {"I4": "%"})]


def test_values_are_entered_corrected_and_made_final() -> None:
    assert values_of(add("数据", 编号="高中阶段毛入学率", 期别=2025, 数值=95)) == ["数据!D4　I4 2025：录入95%"]
    assert values_of(put("数据", "I4", "数值", 96.3, "2026")) == ["数据!D2　I4 2026：录入96.3%（更正，原为96.2%）"]
    assert values_of(put("数据", "I4", "性质", "初步数", "2026")) == [
        "数据!E2　I4 2026：录入96.2%，初步数（更正，原为96.2%）"
    ]
    assert values_of(put("数据", "I4", "数值", 96.20, "2026"), put("数据", "I4", "性质", None, "2026")) == []


# --- what makes no sense --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (put("事项", "T05-R1", "牵头单位", "县教育"), "事项!E4：没有“县教育”这个单位。建议：是不是“县教育局”？"),
        (put("事项", "T05-R1", "配合单位", "县财政局、财政局"), "事项!G4：“县财政局”写了两次"),
        (put("事项", "T05-R1", "依据", "管理"), "事项!C4：没有“管理”这个写法。建议：是不是“管理员”？"),
        (put("事项", "T05-R1", "完成时限", "2027年底"), "事项!H4：周期看不懂“2027年底”"),
        (put("事项", "T05-M1", "完成时限", "2027-13-01"), "13月"),
        (put("事项", "T05-M1", "完成时限", None), "事项!H2：“完成时限”不能清空"),
        (put("事项", "T05-R1", "事项", None), "“事项”不能清空"),
        (put("事项", "T05-D1", "类型", "节点"), "事项!M5：改成节点，要写完成时限"),
        (put("事项", "T05-R1", "牵头单位", None), "牵头单位沿用任务的"),
        (put("事项", "T05-M1", "配合单位", None), "没有单独写配合单位"),
        (put("目标", "I4", "值", "九十七", "2027年"), "目标!D2：“九十七”不是数值"),
        (put("目标", "I4", "期限", "2028年", "2027年"), "“目标”里没有“I4、2028年”"),
        (put("事项", "T05-R1", "编号", "T05-R9"), "没有“T05-R9”"),
        (put("事项", "T05-R1", "编号", "T05-M1"), "“T05-M1”已经有一行"),
        (put("指标", "I4", "宽限", "十天"), "宽限看不懂"),
        (
            put("数据", "I4", "数值", None, "2026"),
            "“数值”不能清空。建议：数值有误时填更正后的值，不该报的用 duban withdraw report 撤回",
        ),
        (add("数据", 编号="I9", 期别="2026", 数值=1), "没有指标“I9”"),
        (add("数据", 期别="2026", 数值=1), "新增的行缺少“编号”"),
        (add("事项", 事项="没写任务"), "新增的行缺少“任务”"),
        (add("事项", 事项="x", 任务="T77"), "没有“T77”这项任务"),
        (add("事项", 事项="x", 任务="T05", 类型="周期", 完成时限="2027年底"), "“2027年底”不是周期的写法"),
        (add("事项", 事项="控辍保学学期排查", 任务="T05"), "已有同名的事项T05-R1"),
        (add("单位", 编号="minzhengju"), "缺少“名称”"),
    ],
)
def test_a_cell_that_makes_no_sense_is_named_and_nothing_drafted(edit: Edit, said: str) -> None:
    _, after = tried(edit)
    assert said in "\n".join(map(str, after.complaints))
    assert after.files == {}


def test_every_bad_cell_is_said_at_once() -> None:
    _, after = tried(
        put("事项", "T05-R1", "牵头单位", "县教育"),
        put("目标", "I4", "值", "九十七", "2027年"),
        put("指标", "I4", "宽限", "十天"),
    )
    assert [str(one.where) for one in after.complaints] == ["事项!E4", "指标!L2", "目标!D2"]


@pytest.mark.parametrize(
    ("edit", "cell"),
    [
        (put("事项", "T05-R1", "牵头单位", "各学校"), "事项!E4"),
        (put("事项", "T05-R1", "出处", "一二三四五六七八九十一二三四五六七八九十一"), "事项!D4"),
        (add("单位", 编号="县民政局", 名称="县民政局"), "单位!A6"),
        (put("单位", "jiaoyuju", "别名", "财政局"), "单位!D3"),
        (add("事项", 事项="x", 任务="T05", 责任单位="县教育局", 牵头单位="县财政局"), "事项!E6"),
    ],
)
def test_what_only_the_loader_sees_is_said_of_the_cell_that_brought_it(edit: Edit, cell: str) -> None:
    _, after = tried(edit)
    problems = [one for one in assemble({**rule_files(), **after.files}).problems if one.is_error]
    assert problems
    assert after.blamed(problems)[0].startswith(f"{cell}：")


# --- who changed what, when -------------------------------------------------------------------------------------------


def test_an_old_copy_takes_nothing_back_that_was_edited_since() -> None:
    raw = worked_on(exported(rules()), put("事项", "T05-D1", "说明", "补一句"))
    files = rule_files({"tasks/05.yaml": edited(TASK, "名称: 控辍保学学期排查", "名称: 控辍保学排查")})
    asked = asked_of(rules(files), raw)
    assert [(one.key, one.title) for one in asked.changes] == [(("T05-D1",), "说明")]


def test_a_cell_edited_on_both_sides_is_a_conflict() -> None:
    raw = worked_on(exported(rules()), put("事项", "T05-R1", "事项", "甲"))
    files = rule_files({"tasks/05.yaml": edited(TASK, "名称: 控辍保学学期排查", "名称: 乙")})
    (complaint,) = asked_of(rules(files), raw).complaints
    assert "重新导出" in complaint.hint
    assert asked_of(rules(rule_files({"tasks/05.yaml": edited(TASK, "名称: 控辍保学学期排查", "名称: 甲")})), raw).empty


def test_deleted_rows_are_no_deletions() -> None:
    asked, after = tried(lambda book: book["事项"].delete_rows(4))
    assert (asked.changes, after.files) == ([], {})
    assert any("不会因此删除：T05-R1" in remark for remark in asked.remarks)


def test_what_the_system_fills_in_is_not_read_and_that_is_said() -> None:
    asked, after = tried(put("事项", "T05-M1", "进展", "办完了"), put("事项", "T05-M1", "类型", "周期"))
    assert (asked.changes, after.complaints) == ([], [])
    assert any("事项!J2" in remark and "事项!M2" in remark for remark in asked.remarks)


def test_hidden_contents_of_a_sensitive_item_survive_an_import() -> None:
    text = edited(TASK, "    出处: “乡村", "    敏感: 是\n    说明: 内情\n    出处: “乡村")
    files = rule_files({"tasks/05.yaml": text})
    _, after = tried(put("事项", "T05-D1", "牵头单位", "县财政局"), files=files, sensitive=False)
    assert "说明: 内情" in after.files["tasks/05.yaml"].decode()
    assert "    名称: 打造乡村温馨学校\n" in after.files["tasks/05.yaml"].decode()


def test_a_file_that_cannot_be_edited_for_sure_is_named_with_its_line() -> None:
    text = edited(TASK, "[县委教育工委, 县教育局, 县财政局]", "&all [县委教育工委, 县教育局, 县财政局]")
    text = edited(text, "    依据: 管理员\n  - 编号: T05-D1", "    依据: 管理员\n    配合: *all\n  - 编号: T05-D1")
    _, after = tried(put("事项", "T05-R1", "配合单位", "县财政局"), files=rule_files({"tasks/05.yaml": text}))
    assert "rules/tasks/05.yaml" in str(after.complaints[0])
    assert after.complaints[0].where == "事项!G4"


# --- writing --------------------------------------------------------------------------------------------------------


def test_all_files_are_written_or_none(tmp_path: Path) -> None:
    folder = write_rules(tmp_path)
    old = rule_files()
    (folder / "units.yaml").write_text("别人刚改的", "utf-8")
    with pytest.raises(InterruptedError):
        write_all(folder, old, {"tasks/05.yaml": b"new", "units.yaml": b"new"})
    assert (folder / "tasks" / "05.yaml").read_bytes() == old["tasks/05.yaml"]
    assert (folder / "units.yaml").read_text("utf-8") == "别人刚改的"


def test_a_row_that_the_rules_make_for_an_area_is_refused_with_where_to_change_it() -> None:
    folder = Path(__file__).parents[2] / "plans" / "city_renewal" / "rules"
    files = dict(read_files(folder))
    _, found = tried(put("事项", "T01-R2-heshan", "事项", "别的名称"), files=files)
    [complaint] = found.complaints
    assert "分区" in str(complaint)
    assert found.files == {}
