"""Reads and writes the ledger as .xlsx. Only this module uses openpyxl, and imports it when a workbook is read or written.

An edited workbook is untrusted input: its size is limited before it is unpacked, and document types are refused. Formulas are
never computed, and a text that begins like a formula is written as text.
"""

from __future__ import annotations

import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time
from decimal import Decimal
from io import BytesIO
from itertools import islice
from typing import Any

from bot.ledger.cells import Given
from bot.ledger.diff import Edited
from bot.ledger.layout import Access, Cell, Column, Layout, Row, Sort, Table, plain
from bot.ledger.number_format import shown_scale
from bot.rulefiles.ledger.sheets import BASE, GUIDE, LISTS, Grid, Merged, WorkbookError, base_text, understood

MAX_BYTES = 20_000_000
MAX_UNPACKED = 60_000_000
MAX_PARTS = 2_000
MAX_ROWS = 20_000
MAX_COLUMNS = 80
MAX_MERGED = 2_000
SAVE_AGAIN = "用 Excel 或 WPS 打开，另存为“Excel 工作簿（.xlsx）”，再录入"
CHUNK = 30_000  # characters of the exported copy in one cell
SPARE_ROWS = 300  # rows after the last one for which choices are offered too
DAY = 'yyyy"年"m"月"d"日"'
_MERGED = re.compile(rb"""<(?:\w+:)?mergeCell\s[^>]*?ref\s*=\s*["']([A-Z]+[0-9]+(?::[A-Z]+[0-9]+)?)["']""")
LIKE_A_FORMULA = ("=", "+", "-", "@", "\t")


class OfficeMissingError(Exception):
    """openpyxl is not installed."""

    def __init__(self) -> None:
        super().__init__(
            "读写表格需要 openpyxl，这里没有安装。请执行 pip install 'duban[office]'；只要文本可以用 --text"
        )


@contextmanager
def _office() -> Iterator[Any]:
    """openpyxl, with its English warnings suppressed. Raises OfficeMissingError."""
    try:
        import openpyxl
    except ImportError:
        raise OfficeMissingError from None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield openpyxl


# --- reading -------------------------------------------------------------------------------------------------------


def read(raw: bytes) -> Edited:
    """Reads an edited workbook. Raises WorkbookError, OfficeMissingError."""
    _refuse(raw)
    with _office() as openpyxl:
        try:
            book = openpyxl.load_workbook(BytesIO(raw), read_only=True, data_only=False, keep_links=False)
            sheets = [sheet for sheet in book.worksheets if sheet.title not in (GUIDE, LISTS)]
            merged = _merged(raw, sheets)
            grids = {sheet.title: _grid(sheet, merged[sheet.title]) for sheet in sheets}
            book.close()
        except WorkbookError:
            raise
        except Exception as error:  # for a damaged file openpyxl may raise nearly any exception
            raise WorkbookError(f"文件读不了，可能损坏了（{type(error).__name__}）。请{SAVE_AGAIN}") from None
    return understood(grids)


def _refuse(raw: bytes) -> None:
    """Raises WorkbookError for everything but a plain .xlsx of limited size."""
    if not raw:
        raise WorkbookError("文件是空的")
    if len(raw) > MAX_BYTES:
        raise WorkbookError(f"文件太大，超过{MAX_BYTES // 1_000_000}MB；台账不会这么大，请检查是否放错了文件")
    if raw.startswith(b"\xd0\xcf\x11\xe0"):
        if "EncryptedPackage".encode("utf-16-le") in raw:
            raise WorkbookError("文件设了打开密码，读不了。请去掉密码后另存，再录入")
        raise WorkbookError(f"文件是旧的 .xls 格式。请{SAVE_AGAIN}")
    try:
        with zipfile.ZipFile(BytesIO(raw)) as packed:
            _refuse_parts(packed)
    except (zipfile.BadZipFile, zlib.error, OSError, NotImplementedError, RuntimeError, EOFError, ValueError):
        raise WorkbookError(f"文件{'损坏了' if raw.startswith(b'PK') else '不是 .xlsx 表格'}。请{SAVE_AGAIN}") from None


def _refuse_parts(packed: zipfile.ZipFile) -> None:
    parts = packed.infolist()
    if not any(part.filename == "xl/workbook.xml" for part in parts):
        raise WorkbookError(f"文件不是 .xlsx 表格。请{SAVE_AGAIN}")
    if any(part.flag_bits & 1 for part in parts):
        raise WorkbookError("文件设了密码，读不了。请去掉密码后另存，再录入")
    if len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > MAX_UNPACKED:
        raise WorkbookError("文件解开后太大，不像是台账，没有读")
    for part in parts:
        # No spreadsheet program writes a document type; it could only make the parser expand or fetch entities.
        if part.filename.endswith((".xml", ".rels")) and _has_doctype(packed.read(part)):
            raise WorkbookError("文件里有表格不该有的内容（DOCTYPE），没有读")


def _has_doctype(content: bytes) -> bool:
    return any("<!DOCTYPE".encode(code) in content for code in ("utf-8", "utf-16-le", "utf-16-be"))


def _merged(raw: bytes, sheets: Sequence[Any]) -> Mapping[str, tuple[Merged, ...]]:
    """The merged ranges of each sheet by its title; openpyxl reads none of them in its streaming mode."""
    from openpyxl.utils.cell import range_boundaries

    found: dict[str, tuple[Merged, ...]] = {}
    with zipfile.ZipFile(BytesIO(raw)) as packed:
        for sheet in sheets:
            written = [one.decode() for one in _MERGED.findall(packed.read(sheet._worksheet_path))]
            if len(written) > MAX_MERGED:
                raise WorkbookError(f"“{sheet.title}”里合并的单元格太多。请取消合并，再录入")
            bounds: list[Any] = [range_boundaries(one) for one in written]
            found[sheet.title] = tuple(
                Merged(one, top - 1, left - 1, bottom - 1, right - 1)
                for one, (left, top, right, bottom) in zip(written, bounds, strict=True)
            )
    return found


def _grid(sheet: Any, merged: tuple[Merged, ...]) -> Grid:
    sheet.reset_dimensions()  # WPS and other programs write wrong dimensions
    rows = list(islice(sheet.iter_rows(max_col=MAX_COLUMNS), MAX_ROWS + 1))
    if len(rows) > MAX_ROWS:
        raise WorkbookError(f"“{sheet.title}”超过{MAX_ROWS}行。请删去表格下方的空行，再录入")
    return Grid(
        sheet.title,
        tuple(
            tuple(_given(cell, f"{sheet.title}!{_letters(at)}{number}") for at, cell in enumerate(row))
            for number, row in enumerate(rows, 1)
        ),
        merged,
    )


def _letters(at: int) -> str:
    """The letters of a column by its index from 0: A, B, … AA."""
    return (_letters(at // 26 - 1) if at >= 26 else "") + chr(ord("A") + at % 26)


def _given(cell: Any, where: str) -> Given:
    value = cell.value
    if value is None or isinstance(value, str):
        return Given(plain(value) or None if value else None, where, formula=cell.data_type == "f")
    if isinstance(value, bool):
        return Given("是" if value else "否", where)
    if isinstance(value, int | float):
        number = Decimal(repr(value))
        return Given(number, where, scale=shown_scale(str(cell.number_format or ""), number))
    if isinstance(value, datetime) and value.time() == time():
        return Given(value.date(), where)
    if isinstance(value, date) and not isinstance(value, datetime):
        return Given(value, where)
    return Given(str(value), where, formula=cell.data_type == "f")


# --- writing -------------------------------------------------------------------------------------------------------


def write(tables: Sequence[Table], guide: Sequence[str], choices: Mapping[Sort, Sequence[str]]) -> bytes:
    """A workbook: the guide, one sheet for each table, and hidden sheets with the choices and the exported copy.

    `choices` are the words offered in columns of a sort (units, tasks). Raises OfficeMissingError.
    """
    with _office() as openpyxl:
        book = openpyxl.Workbook()
        pen = _Pen(openpyxl, choices)
        pen.guide(book.active, guide)
        for table in tables:
            pen.table(book.create_sheet(table.layout.name), table)
        pen.hidden(book.create_sheet(LISTS), [[sort.value, *choices[sort]] for sort in choices])
        text = base_text(tables)
        pen.hidden(book.create_sheet(BASE), [[text[at : at + CHUNK] for at in range(0, len(text), CHUNK)]])
        out = BytesIO()
        book.save(out)
    return out.getvalue()


class _Pen:
    """Writes sheets in one style: white cells may be changed, grey ones are filled in by the system."""

    def __init__(self, openpyxl: Any, choices: Mapping[Sort, Sequence[str]]) -> None:
        styles = openpyxl.styles
        self._validation = openpyxl.worksheet.datavalidation.DataValidation
        self._choices = choices
        line = styles.Side(style="thin", color="BFBFBF")
        self._border = styles.Border(left=line, right=line, top=line, bottom=line)
        self._wrap = styles.Alignment(vertical="center", wrap_text=True)
        self._middle = styles.Alignment(horizontal="center", vertical="center", wrap_text=True)
        self._bold, self._white = styles.Font(bold=True, size=14), styles.Font(bold=True, color="FFFFFF")
        self._grey = styles.PatternFill("solid", fgColor="EDEDED")
        self._open, self._closed = styles.Protection(locked=False), styles.Protection(locked=True)
        colours = {Access.WRITE: "2F5496", Access.NEW: "548235", Access.READ: "7F7F7F"}
        self._heads = {access: styles.PatternFill("solid", fgColor=colour) for access, colour in colours.items()}

    def guide(self, sheet: Any, lines: Sequence[str]) -> None:
        """The first sheet: one sentence on each line."""
        sheet.title = GUIDE
        sheet.column_dimensions["A"].width = 110
        for number, line in enumerate(lines, 1):
            cell = self._put(sheet, number, 1, line)
            cell.alignment = self._wrap
        sheet["A1"].font = self._bold

    def hidden(self, sheet: Any, columns: Sequence[Sequence[str]]) -> None:
        """A hidden sheet with one list in each column."""
        for at, column in enumerate(columns, 1):
            for number, text in enumerate(column, 1):
                self._put(sheet, number, at, text)
        sheet.sheet_state = "veryHidden"

    def table(self, sheet: Any, table: Table) -> None:
        """The sheet of a table: header, rows, choices, and page setup."""
        layout = table.layout
        for at, column in enumerate(layout.columns, 1):
            self._head(sheet, at, column)
        for number, row in enumerate(table.rows, 2):
            for at, (column, cell) in enumerate(zip(layout.columns, row.cells, strict=True), 1):
                self._body(self._put(sheet, number, at, cell), layout, row, column)
        last = len(table.rows) + 1
        sheet.freeze_panes = sheet.cell(2, min(3, layout.keys + 2))
        sheet.auto_filter.ref = f"A1:{_letters(len(layout.columns) - 1)}{last}"
        for at, column in enumerate(layout.columns):
            self._offer(sheet, f"{_letters(at)}2:{_letters(at)}{last + SPARE_ROWS}", column)
        sheet.page_setup.orientation, sheet.page_setup.paperSize = "landscape", 8  # A3
        sheet.page_setup.fitToHeight, sheet.sheet_properties.pageSetUpPr.fitToPage = 0, True
        sheet.print_title_rows = "1:1"

    def _head(self, sheet: Any, at: int, column: Column) -> None:
        cell = self._put(sheet, 1, at, column.title)
        cell.fill, cell.font = self._heads[column.access], self._white
        cell.alignment, cell.border = self._middle, self._border
        sheet.column_dimensions[_letters(at - 1)].width = column.width
        if column.sort is Sort.PERIOD:
            sheet.column_dimensions[_letters(at - 1)].number_format = "@"  # text: 2026-03 must not become a date

    def _body(self, cell: Any, layout: Layout, row: Row, column: Column) -> None:
        cell.border, cell.alignment = self._border, self._wrap
        writes = layout.writes(row, column.title)
        cell.protection = self._open if writes else self._closed
        if not writes:
            cell.fill = self._grey
        if column.sort is Sort.PERIOD:
            cell.number_format = "@"

    def _put(self, sheet: Any, number: int, at: int, value: Cell) -> Any:
        cell = sheet.cell(number, at)
        cell.value = number_of(value) if isinstance(value, Decimal) else value
        value = cell.value
        if isinstance(value, str):
            cell.data_type = "s"  # a text, even if it begins like a formula
            cell.quotePrefix = value.startswith(LIKE_A_FORMULA)
        elif isinstance(value, date):
            cell.number_format = DAY
        return cell

    def _offer(self, sheet: Any, cells: str, column: Column) -> None:
        """A list of choices for cells, and the help text shown beside them."""
        if column.access is Access.READ and not column.about:
            return
        formula = self._list_of(column)
        offer = self._validation(type="list" if formula else None, formula1=formula, allow_blank=True)
        offer.errorStyle, offer.showErrorMessage = "warning", formula is not None
        offer.error = "不在可选的写法之内，录入时可能读不懂"
        if column.about:
            offer.promptTitle, offer.prompt, offer.showInputMessage = column.title[:32], column.about[:255], True
        sheet.add_data_validation(offer)
        offer.add(cells)

    def _list_of(self, column: Column) -> str | None:
        if column.choices:
            return f'"{",".join(column.choices)}"'
        if column.sort not in self._choices:
            return None
        letter = _letters(list(self._choices).index(column.sort))
        return f"'{LISTS}'!${letter}$2:${letter}${len(self._choices[column.sort]) + 1}"


def number_of(value: Decimal) -> int | float | str:
    """A number if a spreadsheet can hold it exactly, else its digits as text."""
    if value == value.to_integral_value() and abs(value) < 10**15:
        return int(value)
    near = float(value)
    return near if Decimal(repr(near)) == value else f"{value:f}"
