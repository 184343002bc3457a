"""Recognises the sheets of an edited workbook by name or by their columns, wherever header and columns are placed."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from bot.ledger.cells import Given
from bot.ledger.diff import Edited, GivenRow, GivenTable
from bot.ledger.layout import LAYOUTS, Cell, Layout, RowKey, Table, plain

GUIDE, LISTS, BASE = "说明", "选项", "底稿"
HEADER_WITHIN = 10  # rows searched for the header: people put titles above it


class WorkbookError(Exception):
    """A file that cannot be read as a workbook (Chinese: why, and what to do)."""


@dataclass(frozen=True, slots=True)
class Merged:
    """A merged range; indices count from 0 and the last ones belong to it. `words` is its address: E4:E5."""

    words: str
    top: int
    left: int
    bottom: int
    right: int


@dataclass(frozen=True, slots=True)
class Grid:
    """One sheet as read: its name, and its cells row by row from row 1."""

    name: str
    rows: tuple[tuple[Given, ...], ...]
    merged: tuple[Merged, ...] = ()


def understood(grids: Mapping[str, Grid]) -> Edited:
    """The sheets as tables of the ledger, by name; a renamed sheet is recognised by its columns."""
    base = _read_base(grids.get(BASE))
    left = {plain(name): grid for name, grid in grids.items() if name != BASE}
    tables: dict[str, GivenTable] = {}
    remarks: list[str] = []
    for layout in LAYOUTS:
        named = left.get(layout.name)
        chosen = named if named and _header(named, layout) else _by_columns(left.values(), layout, tables)
        if chosen is None:
            remarks.append(f"没有“{layout.name}”这张表，这部分没有读")
            continue
        tables[layout.name] = _table(chosen, layout, remarks)
    if not tables:
        raise WorkbookError("没有找到台账的表。请用 duban ledger export 导出后在上面改，表头不要删")
    if base is None:
        remarks.append("文件里没有导出时的底稿，按现在的规则比较；导出之后别人的改动可能会被盖掉，请看清差别")
    return Edited(tables, base, tuple(remarks))


def _by_columns(grids: Iterable[Grid], layout: Layout, taken: Mapping[str, GivenTable]) -> Grid | None:
    used = {table.name for table in taken.values()}
    names = {one.name for one in LAYOUTS}
    for grid in grids:
        if grid.name not in used and plain(grid.name) not in names and _fits(grid, layout):
            return grid
    return None


def _fits(grid: Grid, layout: Layout) -> bool:
    """Whether a sheet has enough columns of a table, and more than of any other table."""
    scores = {one.name: len(found[1]) if (found := _header(grid, one)) else 0 for one in LAYOUTS}
    return scores[layout.name] >= 4 and scores[layout.name] == max(scores.values())


def _header(grid: Grid, layout: Layout) -> tuple[int, dict[str, int]] | None:
    """The index of the header row and of each title's column; None if a column that identifies rows is missing."""
    best: tuple[int, dict[str, int]] | None = None
    for number, row in enumerate(grid.rows[:HEADER_WITHIN]):
        places: dict[str, int] = {}
        for at, given in enumerate(row):
            title = _title(given.value)
            if title in layout.by_title:
                places.setdefault(title, at)
        if all(title in places for title in layout.key_titles) and (best is None or len(places) > len(best[1])):
            best = number, places
    return best if best and len(best[1]) > layout.keys else None


def _title(value: Cell) -> str:
    """A column's title without blanks, line breaks and a remark in brackets after it."""
    text = re.sub(r"\s+", "", unicodedata.normalize("NFKC", str(value or "")))
    return re.sub(r"\(.*\)|\*", "", text)


def _table(grid: Grid, layout: Layout, remarks: list[str]) -> GivenTable:
    found = _header(grid, layout)
    assert found is not None
    number, places = found
    header = grid.rows[number]
    titles = [_title(given.value) for given in header]
    twice = sorted({title for title in titles if title in layout.by_title and titles.count(title) > 1})
    if twice:
        raise WorkbookError(f"“{grid.name}”里“{'”“'.join(twice)}”有两列，不知道读哪一列。请删去一列")
    odd = [
        str(given.value) for given in header if given.value is not None and _title(given.value) not in layout.by_title
    ]
    if odd:
        remarks.append(f"“{grid.name}”里多出的列没有读：{'、'.join(odd[:8])}")
    missing = [title for title in layout.by_title if title not in places]
    if missing:
        remarks.append(f"“{grid.name}”里没有这些列，按没有改动处理：{'、'.join(missing)}")
    filled = _filled(grid, number, set(places.values()))
    rows = (
        GivenRow(f"{grid.name}!第{at}行", {title: row[place] for title, place in places.items() if place < len(row)})
        for at, row in enumerate(filled[number + 1 :], number + 2)
    )
    return GivenTable(grid.name, tuple(places), tuple(rows))


def _filled(grid: Grid, header: int, known: Collection[int]) -> list[list[Given]]:
    """The rows, with the value of a merged range in each of its rows. Raises WorkbookError for a range over two columns.

    A row is left alone if nothing else is written in it: merging to the end of a sheet adds no rows.
    """
    rows = [list(row) for row in grid.rows]
    blank = [all(given.value is None for at, given in enumerate(row) if at in known) for row in grid.rows]
    for one in grid.merged:
        inside = [at for at in range(max(one.top, header + 1), min(one.bottom + 1, len(rows))) if not blank[at]]
        columns = [at for at in range(one.left, min(one.right, max(known)) + 1) if at in known]
        if one.top <= header or not columns or not inside:
            continue
        if len(columns) > 1:
            where = f"“{grid.name}”里合并了几列的单元格{one.words}"
            raise WorkbookError(f"{where}，不知道是哪一列的内容。请取消合并，逐格填写")
        value = rows[one.top][one.left] if one.left < len(rows[one.top]) else None
        for at in inside:
            if value is not None and columns[0] < len(rows[at]):
                rows[at][columns[0]] = replace(value, where=rows[at][columns[0]].where)
    return rows


# --- the exported copy inside the workbook -------------------------------------------------------------------------


def base_text(tables: Sequence[Table]) -> str:
    content = [
        [table.layout.name, list(row.key), [_packed(cell) for cell in row.cells]]
        for table in tables
        for row in table.rows
    ]
    columns = {table.layout.name: [column.title for column in table.layout.columns] for table in tables}
    return json.dumps({"columns": columns, "rows": content}, ensure_ascii=True, separators=(",", ":"))


def _packed(cell: Cell) -> Any:
    if isinstance(cell, Decimal):
        return {"n": str(cell)}
    return {"d": str(cell)} if isinstance(cell, date) else cell


def _unpacked(cell: Any) -> Cell:
    if isinstance(cell, dict):
        return Decimal(cell["n"]) if "n" in cell else date.fromisoformat(cell["d"])
    return None if cell is None else str(cell)


def _read_base(grid: Grid | None) -> Mapping[tuple[str, RowKey], Mapping[str, Cell]] | None:
    """The exported content; None if it is missing or damaged."""
    if grid is None:
        return None
    try:
        content = json.loads("".join(str(row[0].value) for row in grid.rows if row))
        columns = content["columns"]
        return {
            (name, tuple(key)): dict(zip(columns[name], map(_unpacked, cells), strict=True))
            for name, key, cells in content["rows"]
        }
    except (ValueError, KeyError, TypeError, ArithmeticError):
        return None
