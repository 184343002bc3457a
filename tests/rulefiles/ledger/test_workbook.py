"""The ledger as an .xlsx: what is written comes back as it was, from whatever people and their programs made of it."""

from __future__ import annotations

import io
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from functools import cache
from itertools import pairwise
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.facts.events import Observed
from bot.core.facts.facts import fold
from bot.ledger.diff import Edited
from bot.ledger.layout import ITEMS, LAYOUTS, VALUES, Sort, Table
from bot.ledger.rows import tables
from bot.rulefiles.ledger import workbook
from bot.rulefiles.ledger.edits import draft
from bot.rulefiles.ledger.sheets import WorkbookError
from bot.rulefiles.ledger.workbook import OfficeMissingError, number_of
from bot.rulefiles.loader import read_files
from tests.kit.builders import COUNTY, an_event
from tests.kit.ledger_desk import KNOWN, TODAY, asked_of, cell_at, exported, rules, worked_on
from tests.kit.rules_factory import INDICATORS, TASK, edited, rule_files


def contents(raw: bytes) -> dict[str, list[list[Any]]]:
    book = openpyxl.load_workbook(io.BytesIO(raw))
    return {sheet.title: [[cell.value for cell in row] for row in sheet.iter_rows()] for sheet in book.worksheets}


# --- there and back -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("with_sensitive", [False, True])
def test_the_county_s_ledger_comes_back_without_a_change(with_sensitive: bool) -> None:
    county = rules(dict(read_files(COUNTY)))
    found = asked_of(county, exported(county, with_sensitive=with_sensitive))
    assert found.empty
    assert found.remarks == []


def test_an_export_after_an_import_without_changes_is_the_same_to_the_cell() -> None:
    files = dict(read_files(COUNTY))
    county = rules(files)
    raw = exported(county)
    after = draft(files, county, asked_of(county, raw))
    assert after.files == {}
    assert contents(raw) == contents(exported(rules({**files, **after.files})))


def test_a_ledger_without_its_hidden_copy_comes_back_without_a_change_and_says_so() -> None:
    county = rules(dict(read_files(COUNTY)))
    raw = worked_on(exported(county), lambda book: book.remove(book["底稿"]))
    found = asked_of(county, raw)
    assert found.empty
    assert any("底稿" in remark for remark in found.remarks)


WORDS = st.text("甲乙丙丁戊 =+-@'\"#:：，、%_x0041（）“”0aA", min_size=1, max_size=20).map(str.strip).filter(bool)


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


@st.composite
def rulebooks(draw: st.DrawFn) -> dict[str, bytes]:
    """Rule files with any titles, remarks, dates and rhythms a person might write."""
    dues = st.sampled_from(["2027年底", "2027-06-30", "2028年上半年", "2027年6月底前"])
    rhythms = st.sampled_from(["每季度末", "每月底", "每学期末", "每年3月15日、9月15日"])
    text = TASK.split("事项:")[0] + "事项:\n"
    for number in range(1, draw(st.integers(1, 5)) + 1):
        kind = draw(st.sampled_from(["节点", "周期", "待定"]))
        text += f"  - 编号: T05-X{number}\n    类型: {kind}\n    名称: {quoted(draw(WORDS))}\n    依据: 管理员\n"
        text += {"节点": f"    完成时限: {draw(dues)}\n", "周期": f"    周期: {draw(rhythms)}\n", "待定": ""}[kind]
        if draw(st.booleans()):
            text += f"    说明: {quoted(draw(WORDS))}\n    配合: [县财政局]\n"
        if draw(st.booleans()):
            text += f"    敏感: {draw(st.sampled_from(['是', '否']))}\n    出处: {quoted(draw(WORDS))}\n"
    return rule_files({"tasks/05.yaml": text})


@settings(max_examples=15)
@given(rulebooks(), st.booleans())
def test_any_ledger_comes_back_without_a_change(files: dict[str, bytes], with_sensitive: bool) -> None:
    rulebook = rules(files)
    raw = exported(rulebook, with_sensitive=with_sensitive)
    assert asked_of(rulebook, raw).empty
    unaided = worked_on(raw, lambda book: book.remove(book["底稿"]))
    assert asked_of(rulebook, unaided).empty
    assert contents(raw) == contents(exported(rulebook, with_sensitive=with_sensitive))


@settings(max_examples=15)
@given(rulebooks(), WORDS.filter(lambda text: "=" not in text[0]), st.data())
def test_an_edited_title_is_what_the_next_export_shows(
    files: dict[str, bytes], title: str, data: st.DataObject
) -> None:
    rulebook = rules(files)
    id_ = data.draw(st.sampled_from([rule.id for rule in rulebook.rules if rule.owner == "T05"]))

    def edit(book: Any) -> None:
        cell = cell_at(book[ITEMS], id_, "事项")
        cell.value, cell.data_type = title, "s"

    asked = asked_of(rulebook, worked_on(exported(rulebook, with_sensitive=True), edit))
    after = draft(files, rulebook, asked)
    assert after.complaints == []
    again = exported(rules({**files, **after.files}), with_sensitive=True)
    assert cell_at(openpyxl.load_workbook(io.BytesIO(again))[ITEMS], id_, "事项").value == title
    changed = [name for name in after.files if after.files[name] != files[name]]
    assert changed == (["tasks/05.yaml"] if asked.changes else [])


@pytest.mark.parametrize("digits", ["96.8", "97.50", "0.1", "2600", "1E+20", "0.1234567890123456789", "-3.5"])
def test_a_number_keeps_its_value_in_a_cell(digits: str) -> None:
    held = number_of(Decimal(digits))
    assert Decimal(str(held)) == Decimal(digits)


# --- how it looks ---------------------------------------------------------------------------------------------------


def test_the_first_sheet_explains_and_the_helping_sheets_are_hidden() -> None:
    book = openpyxl.load_workbook(io.BytesIO(exported(rules())))
    assert [sheet.title for sheet in book.worksheets if sheet.sheet_state == "visible"] == [
        "说明", "事项", "单位", "指标", "目标", "数据"
    ]  # fmt: skip
    assert any("ledger import" in str(row[0].value) for row in book["说明"].iter_rows())


def test_headers_are_frozen_and_choices_offered() -> None:
    sheet = openpyxl.load_workbook(io.BytesIO(exported(rules())))[ITEMS]
    assert sheet.freeze_panes == "C2"
    offered = {str(one.formula1) for one in sheet.data_validations.dataValidation}
    assert '"方案,管理员,建议"' in offered
    assert all(sheet.column_dimensions[letter].width >= 7 for letter in "ABCDEFGH")


def test_cells_the_system_fills_are_grey_and_locked() -> None:
    sheet = openpyxl.load_workbook(io.BytesIO(exported(rules())))[ITEMS]
    ours, theirs = cell_at(sheet, "T05-M1", "进展"), cell_at(sheet, "T05-M1", "事项")
    assert (ours.protection.locked, theirs.protection.locked) == (True, False)
    assert (ours.fill.fgColor.rgb, theirs.fill.fill_type) == ("00EDEDED", None)


def test_a_date_to_the_day_is_a_real_date_in_chinese() -> None:
    sheet = openpyxl.load_workbook(io.BytesIO(exported(rules())))[ITEMS]
    cell = cell_at(sheet, "T05-M1-01", "完成时限")
    assert (cell.value.date(), cell.number_format) == (date(2027, 3, 31), 'yyyy"年"m"月"d"日"')
    assert cell_at(sheet, "T05-M1", "完成时限").value == "2027年底"


@pytest.mark.parametrize("title", ["=1+1", "+86", "-甲", "@甲", "=HYPERLINK(1)"])
def test_a_text_that_begins_like_a_formula_is_a_text(title: str) -> None:
    files = rule_files({"tasks/05.yaml": edited(TASK, "名称: 打造乡村温馨学校", f"名称: {quoted(title)}")})
    raw = exported(rules(files))
    cell = cell_at(openpyxl.load_workbook(io.BytesIO(raw))[ITEMS], "T05-D1", "事项")
    assert (cell.value, cell.data_type, cell.quotePrefix) == (title, "s" if title[0] != "=" else cell.data_type, True)
    sheets = zipfile.ZipFile(io.BytesIO(raw))
    assert not any(b"<f>" in sheets.read(name) for name in sheets.namelist() if "worksheets" in name)
    assert asked_of(rules(files), raw).empty


def test_a_sensitive_item_shows_number_units_and_date_only() -> None:
    files = rule_files(
        {"tasks/05.yaml": edited(TASK, "    出处: “乡村", "    敏感: 是\n    说明: 内情\n    出处: “乡村")}
    )
    raw = exported(rules(files))
    everything = zipfile.ZipFile(io.BytesIO(raw))
    whole = b"".join(everything.read(name) for name in everything.namelist()).decode("utf-8", "replace")
    assert "乡村温馨学校" not in whole
    assert "内情" not in whole
    assert "\\u5185\\u60c5" not in whole  # nor in the hidden copy
    assert cell_at(openpyxl.load_workbook(io.BytesIO(raw))[ITEMS], "T05-D1", "事项").value == "督办事项"
    shown = exported(rules(files), with_sensitive=True)
    assert cell_at(openpyxl.load_workbook(io.BytesIO(shown))[ITEMS], "T05-D1", "说明").value == "内情"


# --- what people and programs do ------------------------------------------------------------------------------------


def moved(book: Any) -> None:
    """A title above the header, the columns turned round, a column of one's own, the sheet renamed."""
    sheet = book[ITEMS]
    rows = [[cell.value for cell in row] for row in sheet.iter_rows()]
    book.remove(sheet)
    new = book.create_sheet("我的台账")
    new.append(["民乐县教育强县台账"])
    new.merge_cells("A1:H1")
    new.append([])
    for row in rows:
        new.append([f"备{row[0]}", *reversed(row)])


def test_a_sheet_turned_inside_out_still_reads() -> None:
    found = asked_of(rules(), worked_on(exported(rules()), moved))
    assert found.empty
    assert any("多出的列" in remark for remark in found.remarks)


def spaced(book: Any) -> None:
    for sheet in book.worksheets:
        if sheet.title in (ITEMS, "单位"):
            for row in sheet.iter_rows():
                for cell in row:
                    if isinstance(cell.value, str) and not cell.value.startswith("="):
                        cell.value = f" {cell.value}\u3000\n"


def test_blanks_round_every_text_change_nothing() -> None:
    assert asked_of(rules(), worked_on(exported(rules()), spaced)).empty


def test_a_workbook_without_styles_reads_as_from_wps() -> None:
    raw = exported(rules())
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(raw)) as old, zipfile.ZipFile(out, "w") as new:
        for part in old.namelist():
            content = old.read(part)
            if part.startswith("xl/worksheets/sheet"):
                content = re.sub(rb' s="\d+"', b"", content)
                content = re.sub(rb'<dimension ref="[^"]*"\s*/>', b'<dimension ref="A1"/>', content)
            new.writestr(part, content)
    found = workbook.read(out.getvalue())
    assert {name: len(table.rows) for name, table in found.tables.items()} == {
        name: len(table.rows) for name, table in workbook.read(raw).tables.items()
    }


@pytest.mark.parametrize(
    ("typed", "shown_as", "value"),
    [
        (96.8, "General", "96.8"),
        (97, "General", "97"),
        ("９６.８", "General", "96.8"),
        ("96.8%", "General", "96.8"),
        (" 96.8 ％ ", "General", "96.8"),
        (0.968, "0.0%", "96.8"),
        (0.97, "0%", "97"),
        ("2,600", "General", "2600"),
        (96.8, '0.0"%"', "96.8"),  # a literal %: shown as 96.8%
        (96.8, r"0.0\%", "96.8"),
        (96.8, "0.0_%", "96.8"),
        (96.8, "[>100]0.0%;0.0", "96.8"),
        (0.968, "[>100]0.0;0.0%", "96.8"),
        (0.968, "[$-804][Red]0.0%", "96.8"),
        (96.8, "[$%-804]0.0", "96.8"),
        (0.968, '0.0%;-0.0"%"', "96.8"),
        (-0.5, '0.0"%";-0.0%', "-50"),
        (-50, '0.0%;-0.0"%"', "-50"),
    ],
)
def test_a_value_reads_as_whoever_typed_it_saw_it(typed: Any, shown_as: str, value: str) -> None:
    def edit(book: Any) -> None:
        cell = cell_at(book[VALUES], "I4", "数值", "2026")
        cell.value, cell.number_format = typed, shown_as

    (change,) = asked_of(rules(), worked_on(exported(rules()), edit)).changes
    assert (change.title, change.new) == ("数值", Decimal(value))


@pytest.mark.parametrize(
    ("measure", "typed", "shown_as", "said"),
    [
        ("人", 0.968, "0.0%", "计量单位是“人”"),
        ("人", "96.8%", "General", "计量单位是“人”"),
        ("‰", 0.968, "0.0%", "计量单位是“‰”"),
        ("人", 96800, "#,##0,", "格式会缩放数值"),
        ("%", 96800, '0.0,"%"', "格式会缩放数值"),
    ],
)
def test_a_number_shown_in_another_unit_than_the_indicator_s_is_asked_about(
    measure: str, typed: Any, shown_as: str, said: str
) -> None:
    def edit(book: Any) -> None:
        cell = cell_at(book[VALUES], "I4", "数值", "2026")
        cell.value, cell.number_format = typed, shown_as

    counted = rules(rule_files({"indicators.yaml": edited(INDICATORS, '计量单位: "%"', f'计量单位: "{measure}"')}))
    (complaint,) = asked_of(counted, worked_on(exported(counted), edit)).complaints
    assert said in str(complaint)


def test_a_percentage_typed_over_the_number_it_is_stored_as_is_a_change() -> None:
    facts = fold([an_event(Observed(indicator="I4", period="2026", value=Decimal("0.5")), "2027-03-01 10:00")])

    def edit(book: Any) -> None:
        cell_at(book[VALUES], "I4", "数值", "2026").number_format = "0%"

    (change,) = asked_of(rules(), worked_on(exported(rules(), facts), edit), facts).changes
    assert change.new == 50


# --- merged cells ---------------------------------------------------------------------------------------------------


def merged(
    sheet: str, first: str, last: str, title: str, *, value: Any = None, second: str = ""
) -> Callable[[Any], None]:
    """An edit that merges the cells of one column from one row to another, as Excel does: only the first keeps its value."""

    def edit(book: Any) -> None:
        top, bottom = (cell_at(book[sheet], key, title, second) for key in (first, last))
        if value is not None:
            top.value = value
        book[sheet].merge_cells(start_row=top.row, end_row=bottom.row, start_column=top.column, end_column=top.column)

    return edit


@pytest.mark.parametrize(
    ("title", "value"),
    [("牵头单位", "县财政局"), ("配合单位", "县委编办"), ("说明", "同一专班办理"), ("出处", "深入实施县管校聘")],
)
def test_a_merged_value_counts_for_each_of_its_rows(title: str, value: str) -> None:
    county = rules(dict(read_files(COUNTY)))
    rows = tables(county, KNOWN, TODAY)[0].rows
    trios = zip(rows, rows[1:], rows[2:], strict=False)
    first, middle, last = next(trio for trio in trios if all(LAYOUTS[0].writes(row, title) for row in trio))
    raw = worked_on(exported(county), merged(ITEMS, first.key[0], last.key[0], title, value=value))
    found = asked_of(county, raw)
    assert found.complaints == []
    changed = {change.key: change.new for change in found.changes}
    at = [column.title for column in LAYOUTS[0].columns].index(title)
    assert [changed.get(row.key, row.cells[at]) for row in (first, middle, last)] == [value] * 3


def test_rows_that_already_say_the_same_may_be_merged() -> None:
    county = rules(dict(read_files(COUNTY)))
    rows = tables(county, KNOWN, TODAY, with_sensitive=True)[0].rows
    at = [column.title for column in LAYOUTS[0].columns].index("牵头单位")
    first, second = next((a, b) for a, b in pairwise(rows) if a.cells[at] and a.cells[at] == b.cells[at])
    raw = worked_on(exported(county), merged(ITEMS, first.key[0], second.key[0], "牵头单位"))
    assert asked_of(county, raw).empty


def test_a_merge_over_two_columns_is_refused_with_its_range() -> None:
    def edit(book: Any) -> None:
        book[ITEMS].merge_cells("E3:G3")

    with pytest.raises(WorkbookError, match="E3:G3"):
        asked_of(rules(), worked_on(exported(rules()), edit))


def test_merges_above_the_header_and_below_the_last_row_change_nothing() -> None:
    def edit(book: Any) -> None:
        sheet = book[ITEMS]
        last = sheet.max_row
        sheet.merge_cells(start_row=last + 1, end_row=last + 40, start_column=5, end_column=5)
        sheet.merge_cells(start_row=last, end_row=last + 60, start_column=17, end_column=17)
        sheet.insert_rows(1)
        sheet["A1"] = "民乐县教育强县建设台账"
        for range_ in list(sheet.merged_cells.ranges):
            range_.shift(row_shift=1)
        sheet.merge_cells("A1:Q1")

    assert asked_of(rules(), worked_on(exported(rules()), edit)).empty


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        (date(2027, 6, 30), "2027-06-30"),
        ("2027.6.30", "2027-6-30"),
        ("2027/6/30", "2027-6-30"),
        ("２０２７年６月底前", "2027年6月底前"),
        ("2027年 上半年", "2027年上半年"),
    ],
)
def test_a_date_reads_in_every_way_people_write_one(typed: Any, written: str) -> None:
    def edit(book: Any) -> None:
        cell_at(book[ITEMS], "T05-M1-01", "完成时限").value = typed

    (change,) = asked_of(rules(), worked_on(exported(rules()), edit)).changes
    assert str(change.new) == written


def test_a_period_that_became_a_date_is_a_period_again() -> None:
    raw = worked_on(exported(rules()), lambda book: book[VALUES].append(["I4", date(2026, 3, 1), None, 90]))
    (addition,) = asked_of(rules(), raw).additions
    assert addition.cells["期别"] == "2026-03"


def test_a_formula_is_never_computed() -> None:
    def edit(book: Any) -> None:
        cell_at(book[VALUES], "I4", "数值", "2026").value = "=90+7"

    (complaint,) = asked_of(rules(), worked_on(exported(rules()), edit)).complaints
    assert "公式" in complaint.message
    assert complaint.where.startswith("数据!D")


# --- what is no ledger ----------------------------------------------------------------------------------------------


def packed(**parts: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name, content in parts.items():
            new.writestr(name.replace("__", "/").replace("_xml", ".xml"), content)
    return out.getvalue()


BOOK = {"xl__workbook_xml": b"<workbook/>"}
OLD = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "空的"),
        (b"a,b,c\n1,2,3\n", "不是 .xlsx"),
        (OLD + "Workbook".encode("utf-16-le"), "旧的 .xls"),
        (OLD + "EncryptedPackage".encode("utf-16-le"), "密码"),
        (b"PK\x03\x04" + b"\0" * 100, "损坏"),
        (packed(word__document_xml=b"<document/>"), "不是 .xlsx"),
        (packed(**BOOK), "读不了"),
        (packed(**BOOK, xl__styles_xml=b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'), "DOCTYPE"),
        (packed(**BOOK, xl__big_xml=b"\0" * (workbook.MAX_UNPACKED + 1)), "太大"),
        (packed(**BOOK, **{f"part{n}": b"" for n in range(workbook.MAX_PARTS)}), "太大"),
        (b"PK" + b"\0" * workbook.MAX_BYTES, "太大"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_ledger_is_refused_in_words(raw: bytes, said: str) -> None:
    with pytest.raises(WorkbookError, match=said):
        workbook.read(raw)


def test_a_workbook_cut_short_is_refused_in_words() -> None:
    raw = exported(rules())
    for length in range(0, len(raw), max(1, len(raw) // 60)):
        with pytest.raises(WorkbookError):
            workbook.read(raw[:length])


@cache
def _sample() -> bytes:
    return exported(rules())


@settings(max_examples=40)
@given(st.data())
def test_damage_anywhere_is_refused_or_harmless(data: st.DataObject) -> None:
    raw = bytearray(_sample())
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = workbook.read(bytes(raw))
    except WorkbookError:
        return
    assert isinstance(found, Edited)


def test_rows_without_end_are_refused() -> None:
    def edit(book: Any) -> None:
        book[ITEMS].cell(workbook.MAX_ROWS + 5, 1).value = "多"

    with pytest.raises(WorkbookError, match="行"):
        workbook.read(worked_on(exported(rules()), edit))


def test_a_workbook_of_something_else_is_refused() -> None:
    def edit(book: Any) -> None:
        for layout in LAYOUTS:
            book.remove(book[layout.name])

    with pytest.raises(WorkbookError, match="没有找到台账"):
        workbook.read(worked_on(exported(rules()), edit))


def test_two_columns_of_one_name_are_refused() -> None:
    def edit(book: Any) -> None:
        book[ITEMS].cell(1, 30).value = "完成时限"

    with pytest.raises(WorkbookError, match="两列"):
        workbook.read(worked_on(exported(rules()), edit))


def test_without_openpyxl_the_way_out_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(OfficeMissingError, match=r"duban\[office\]"):
        workbook.write((), (), {})


def test_openpyxl_is_loaded_only_when_a_workbook_is_handled() -> None:
    code = "import sys, bot.cli; sys.exit('openpyxl' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_table_names_its_rows_by_its_first_columns() -> None:
    for table in tables(rules(), KNOWN, TODAY):
        assert isinstance(table, Table)
        keys = [row.key for row in table.rows]
        assert len(set(keys)) == len(keys)
        assert all(len(row.cells) == len(table.layout.columns) for row in table.rows)


def test_every_layout_has_distinct_titles() -> None:
    for layout in LAYOUTS:
        titles = [column.title for column in layout.columns]
        assert len(set(titles)) == len(titles)
        assert all(column.sort is not Sort.CHOICE or column.choices for column in layout.columns)
