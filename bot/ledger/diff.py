"""Compares an edited ledger with the exported one: changed cells, new rows, and every cell that cannot be read.

The comparison has three sides: what was exported (kept in the workbook), what a person made of it, and what the rules say now.
Only differences from the export count, so importing an old copy does not revert edits made to the rules since.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bot.core.rules.item import SENSITIVE_TITLE
from bot.core.rules.rulebook import Basis, Rulebook
from bot.core.time.near import near
from bot.ledger.cells import CellError, Given, KnownNames, alike, as_text, kind_of, read, same, shown
from bot.ledger.layout import (
    DATED,
    INDICATORS,
    ITEMS,
    STEP,
    TARGETS,
    UNDATED,
    UNITS,
    VALUES,
    Access,
    Cell,
    Column,
    Row,
    RowKey,
    Sort,
    Table,
    plain,
)


@dataclass(frozen=True, slots=True)
class GivenRow:
    """One row of cells by column title. `where` is its place: 事项!第14行."""

    where: str
    cells: Mapping[str, Given]

    @property
    def blank(self) -> bool:
        """Whether all cells are empty."""
        return all(given.value is None and not given.formula for given in self.cells.values())


@dataclass(frozen=True, slots=True)
class GivenTable:
    """One sheet: its known columns and its rows."""

    name: str
    titles: tuple[str, ...]
    rows: tuple[GivenRow, ...]


@dataclass(frozen=True, slots=True)
class Edited:
    """An edited workbook. `base` is the exported content by table and key; None if the file no longer contains it."""

    tables: Mapping[str, GivenTable]
    base: Mapping[tuple[str, RowKey], Mapping[str, Cell]] | None
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CellChange:
    """A new value for one cell of an existing row."""

    table: str
    key: RowKey
    title: str
    old: Cell
    new: Cell
    where: str


@dataclass(frozen=True, slots=True)
class Addition:
    """A new row with its cells read; `wheres` has the place of each cell."""

    table: str
    cells: Mapping[str, Cell]
    wheres: Mapping[str, str]
    where: str


@dataclass(frozen=True, slots=True)
class Complaint:
    """A cell or row that cannot be imported, and how to correct it."""

    where: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.where}：{self.message}{f'。建议：{self.hint}' if self.hint else ''}"


@dataclass
class Comparison:
    """Everything an edited workbook asks for. `renames` maps the old name of a unit to the new one."""

    changes: list[CellChange] = field(default_factory=list)
    additions: list[Addition] = field(default_factory=list)
    complaints: list[Complaint] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    renames: dict[str, str] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        """Whether nothing would change."""
        return not (self.changes or self.additions or self.complaints)


def compare(tables: Iterable[Table], edited: Edited, names: KnownNames, masked: Iterable[Table]) -> Comparison:
    """What the edited workbook asks for, compared with today's tables; `masked` are these tables without sensitive contents."""
    found = Comparison(remarks=list(edited.remarks))
    shown = {table.layout.name: {row.key: row for row in table.rows} for table in masked}
    for table in tables:
        given = edited.tables.get(table.layout.name)
        if given is not None:
            _Comparing(table, given, edited, names, shown[table.layout.name], found).run()
    found.renames = {str(one.old): str(one.new) for one in found.changes if one.table == UNITS and one.title == "名称"}
    return found


class _Comparing:
    """The comparison of one table."""

    def __init__(
        self,
        table: Table,
        given: GivenTable,
        edited: Edited,
        names: KnownNames,
        masked: Mapping[RowKey, Row],
        found: Comparison,
    ) -> None:
        self.layout, self.given, self.names, self.found = table.layout, given, names, found
        self.rows = {row.key: row for row in table.rows}
        self.masked = masked
        self.base = edited.base
        self.seen: dict[RowKey, str] = {}
        self.closed: list[str] = []  # changed cells that only the system fills in

    def run(self) -> None:
        for given in self.given.rows:
            if not given.blank:
                self._row(given)
        self._missing()
        if self.closed:
            shown = "、".join(self.closed[:8]) + ("等" if len(self.closed) > 8 else "")
            self.found.remarks.append(f"以下{len(self.closed)}格不从表格录入，改动没有读：{shown}")

    def complain(self, where: str, message: str, hint: str = "") -> None:
        self.found.complaints.append(Complaint(where, message, hint))

    # --- which row is meant ---

    def _row(self, given: GivenRow) -> None:
        try:
            key = self._key(given)
        except CellError as error:
            first = given.cells.get(self.layout.key_titles[0])
            self.complain(first.where if first else given.where, error.problem, error.hint)
            return
        exported = (self.base or {}).get((self.layout.name, key)) if key is not None else None
        if key is None or (key not in self.rows and exported is None):
            self._new(given)
        elif key not in self.rows:
            self._gone_since(key, given, exported or {})
        elif key in self.seen:
            hint = "删去一行；新增事项时编号留空" if self.layout.name == ITEMS else "删去一行"
            self.complain(given.where, f"“{'、'.join(key)}”已经有一行，另一处在{self.seen[key]}", hint)
        else:
            self.seen[key] = given.where
            self._cells(given, self._meant(key, given))

    def _gone_since(self, key: RowKey, given: GivenRow, exported: Mapping[str, Cell]) -> None:
        """A row that has gone since the export, such as a value that was withdrawn: it is no new one, and cannot be edited."""
        for column in self.layout.columns:
            cell = given.cells.get(column.title)
            before, measure = exported.get(column.title), self._measure(column, key[0])
            if cell is not None and not alike(column, cell, before, self.names, measure):
                self.complain(cell.where, "导出之后这一行已经撤回或删去", "重新导出，再改一次")
                return

    def _key(self, given: GivenRow) -> RowKey | None:
        """The key of the existing row; None for a new row. Raises CellError for an id that does not exist."""
        texts = []
        for title in self.layout.key_titles:
            cell = given.cells.get(title)
            texts.append("" if cell is None or cell.value is None else as_text(cell, self.layout.column(title).sort))
        if self.layout.name == VALUES:
            return self._value_key(texts)
        if not texts[0] and self.layout.grows:
            return None
        if self.layout.name == ITEMS:
            texts = [self.names.items.get(texts[0], texts[0])]
        if self.layout.name in (INDICATORS, TARGETS):
            texts = [self.names.indicators.get(texts[0], texts[0]), *texts[1:]]
        if tuple(texts) in self.rows or self.layout.name == UNITS:
            return tuple(texts)
        raise self._unknown_key(texts)

    def _value_key(self, texts: list[str]) -> RowKey | None:
        indicator = self.names.indicators.get(texts[0])
        if indicator is None and texts[0]:
            match = near(plain(texts[0]), self.names.indicators)
            raise CellError(f"没有指标“{texts[0][:40]}”", f"是不是“{match}”？" if match else "写指标编号，如 I4")
        return (indicator, texts[1]) if indicator else None

    def _unknown_key(self, texts: list[str]) -> CellError:
        match = near(plain(texts[0]), [key[0] for key in self.rows])
        hint = f"是不是“{match}”？" if match else ""
        if self.layout.name == ITEMS:
            hint += "新增事项时编号留空"
        if self.layout.name == TARGETS:
            hint = "编号和期限照导出的写；新的目标在规则文件里加"
        return CellError(f"“{self.layout.name}”里没有“{'、'.join(texts)[:40]}”", hint)

    def _meant(self, key: RowKey, given: GivenRow) -> Row:
        """Today's row as it was exported: masked if its title is hidden in the workbook."""
        title = given.cells.get("事项") or given.cells.get("指标")
        hidden = title is not None and title.value == SENSITIVE_TITLE and key in self.masked
        return self.masked[key] if hidden else self.rows[key]

    def _missing(self) -> None:
        """Notes deleted rows; only rows of the exported copy count, since others may never have been in the file."""
        base = self.base or {}
        gone = [key for name, key in base if name == self.layout.name and key in self.rows and key not in self.seen]
        if gone:
            shown = "、".join(" ".join(key) for key in gone[:8]) + ("等" if len(gone) > 8 else "")
            self.found.remarks.append(f"“{self.layout.name}”里少了{len(gone)}行，不会因此删除：{shown}")

    # --- its cells ---

    def _cells(self, given: GivenRow, row: Row) -> None:
        base = (self.base or {}).get((self.layout.name, row.key))
        wanted: dict[str, CellChange] = {}
        for column, now in zip(self.layout.columns, row.cells, strict=True):
            cell = given.cells.get(column.title)
            if cell is not None and column.title not in self.layout.key_titles:
                change = self._cell(column, cell, now, base, row)
                if change:
                    wanted[column.title] = change
        if self.layout.name == ITEMS and row.cells[self._at("类型")] == UNDATED:
            self._becomes_dated(wanted)
        self.found.changes.extend(wanted.values())

    def _cell(
        self, column: Column, cell: Given, now: Cell, base: Mapping[str, Cell] | None, row: Row
    ) -> CellChange | None:
        """The change one cell asks for; None without one."""
        before = base.get(column.title) if base is not None else now
        if not self.layout.writes(row, column.title):
            self._note_closed(column, cell, before, base is not None or column.access is not Access.READ)
            return None
        if not cell.formula and alike(column, cell, before, self.names, self._measure(column, row.key[0])):
            return None
        try:
            new = self._read(column, cell, row)
        except CellError as error:
            self.complain(cell.where, error.problem, error.hint)
            return None
        if same(column, new, now) or (new is None and column.title == "性质" and self.layout.name == VALUES):
            return None
        if base is not None and not same(column, before, now):
            message = f"导出之后“{column.title}”已改成“{shown(now)}”，这里又改成“{shown(new)}”"
            self.complain(cell.where, message, "重新导出，再改一次")
            return None
        return CellChange(self.layout.name, row.key, column.title, now, new, cell.where)

    def _note_closed(self, column: Column, cell: Given, before: Cell, sure: bool) -> None:
        empty = column.access is Access.NEW and cell.value is None
        if sure and not empty and not cell.formula and not alike(column, cell, before, self.names):
            self.closed.append(cell.where)

    def _read(self, column: Column, cell: Given, row: Row) -> Cell:
        kind = row.cells[self._at("类型")] if self.layout.name == ITEMS else None
        if cell.value is None and not cell.formula:
            if column.optional or (column.sort is Sort.DUE and kind in (STEP, UNDATED)):
                return None
            hint = "数值有误时填更正后的值，不该报的用 duban withdraw report 撤回" if self.layout.name == VALUES else ""
            raise CellError(f"“{column.title}”不能清空", hint)
        measure = self._measure(column, row.key[0])
        new = read(column, cell, self.names, str(kind) if kind in (*DATED, STEP) else "", measure)
        if column.title == "类型" and new == STEP:
            raise CellError("步骤在规则文件里写")
        return new

    def _measure(self, column: Column, id_: str) -> str:
        """The unit of measure of a number in the row of an indicator; none for other numbers, which are years."""
        return "" if column.title == "基期年份" else self.names.measures.get(id_, "")

    def _at(self, title: str) -> int:
        return [column.title for column in self.layout.columns].index(title)

    def _becomes_dated(self, wanted: dict[str, CellChange]) -> None:
        """An undated commitment that gets a date becomes a 节点 or 周期; the basis is 管理员 unless the row has another."""
        due, kind = wanted.get("完成时限"), wanted.get("类型")
        if due is None:
            if kind is not None:
                del wanted["类型"]
                self.complain(kind.where, f"改成{kind.new}，要写完成时限")
            return
        meant = kind_of(due.new)
        if kind is not None and kind.new != meant:
            del wanted["类型"]
            example = DATED[str(kind.new)].example
            self.complain(due.where, f"“{shown(due.new)}”不是{kind.new}的写法", f"{kind.new}写作 {example}")
            return
        wanted["类型"] = CellChange(ITEMS, due.key, "类型", UNDATED, meant, due.where)
        if "依据" not in wanted:
            basis = self.rows[due.key].cells[self._at("依据")]
            if basis != Basis.ADMIN.value:
                wanted["依据"] = CellChange(ITEMS, due.key, "依据", basis, Basis.ADMIN.value, due.where)

    # --- new rows ---

    def _new(self, given: GivenRow) -> None:
        cells: dict[str, Cell] = {}
        good = True
        for column in self.layout.columns:
            cell = given.cells.get(column.title)
            if cell is None or (cell.value is None and not cell.formula) or not self._takes(column):
                continue
            try:
                measure = self._measure(column, self.names.indicators.get(str(cells.get("编号")), ""))
                cells[column.title] = read(column, cell, self.names, "", measure)
            except CellError as error:
                good = False
                self.complain(cell.where, error.problem, error.hint)
        if self.layout.name == VALUES:
            if "数值" not in cells:
                return
            if "编号" in cells:
                cells["编号"] = self.names.indicators[str(cells["编号"])]
        lacking = [title for title in _REQUIRED[self.layout.name] if good and title not in cells]
        if lacking:
            hint = "如果不是新增的，删去这一行" if self.layout.name == ITEMS else ""
            self.complain(given.where, f"新增的行缺少“{'”“'.join(lacking)}”", hint)
        if self.layout.name == ITEMS and not lacking:
            good = good and self._fill_defaults(given, cells)
        if good and not lacking:
            wheres = {title: cell.where for title, cell in given.cells.items()}
            self.found.additions.append(Addition(self.layout.name, cells, wheres, given.where))

    def _calls(self, row: Row) -> tuple[str, Cell]:
        """The task and title of an existing item, to recognise a new row that repeats it."""
        return str(row.cells[self._at("任务")]).partition(" ")[0], row.cells[self._at("事项")]

    def _takes(self, column: Column) -> bool:
        key = column.title in self.layout.key_titles and self.layout.name != ITEMS
        return key or column.access is not Access.READ

    def _fill_defaults(self, given: GivenRow, cells: dict[str, Cell]) -> bool:
        """Fills in the defaults of a new item; False after a complaint."""
        due, kind = cells.get("完成时限"), cells.get("类型")
        meant = UNDATED if due is None else kind_of(due)
        if kind is not None and kind != meant:
            problem = f"“{shown(due)}”不是{kind}的写法" if due else f"{kind}要写完成时限"
            self.complain(given.cells["完成时限" if due else "类型"].where, problem, "类型可以不填，按完成时限定")
            return False
        same_name = [key for key, row in self.rows.items() if self._calls(row) == (cells["任务"], cells["事项"])]
        if same_name:
            message = f"{cells['任务']}已有同名的事项{same_name[0][0]}，可能录入过了"
            self.complain(given.where, message, "重新导出再改；确是另一项，换个名称")
            return False
        cells.update({"类型": meant, "依据": cells.get("依据", Basis.ADMIN.value)})
        return True


_REQUIRED: Mapping[str, tuple[str, ...]] = {
    ITEMS: ("事项", "任务"),
    UNITS: ("编号", "名称"),
    VALUES: ("编号", "期别", "数值"),
}


def names_for(rulebook: Rulebook, edited: Edited) -> KnownNames:
    """All names that cells may use, including new names of the workbook's “单位” sheet."""
    units = {**rulebook.unit_aliases}
    ids = {unit.id: unit.name for unit in rulebook.units.everyone}
    given = edited.tables.get(UNITS)
    for row in given.rows if given else ():
        id_, name = row.cells.get("编号"), row.cells.get("名称")
        if name is not None and name.value is not None:
            text = plain(str(name.value))
            known = ids.get(plain(str(id_.value))) if id_ and id_.value is not None else None
            units.setdefault(text, known or text)
    tasks = {call: task.id for task in rulebook.tasks for call in (task.id, task.ordinal, task.title)}
    indicators = {call: one.id for one in rulebook.indicators for call in (one.title, *one.former_ids)}
    indicators |= {one.id: one.id for one in rulebook.indicators}
    measures = {one.id: one.measure for one in rulebook.indicators}
    return KnownNames(units, tasks, indicators, rulebook.succession.ids, measures)
