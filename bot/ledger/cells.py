"""Reads one cell of an edited ledger: text that a person typed, parsed according to its column.

Accepts what people and spreadsheets write: full-width digits, real dates, percentages, a comma for a 顿号, an alias of a unit.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from bot.core.facts.plausible import counts_percent, number_in
from bot.core.rules.words import Cadence, DueDate, Grace, Lag
from bot.core.time.grammar import Word, WordError
from bot.core.time.near import near, squeezed
from bot.ledger.layout import DATED, STEP, Cell, Column, Sort, names_in, plain


@dataclass(frozen=True, slots=True)
class Given:
    """One cell of an edited workbook. `where` is its place: 事项!E14."""

    value: Cell
    where: str
    formula: bool = False
    scale: int = 0  # power of ten between stored and shown number: 2 where a format shows 0.968 as 96.8%


class CellError(ValueError):
    """Why a cell cannot be read, and what may be written in it (both Chinese)."""

    def __init__(self, problem: str, hint: str = "") -> None:
        super().__init__(problem)
        self.problem, self.hint = problem, hint


@dataclass(frozen=True)
class KnownNames:
    """Resolves names in cells to today's names of units and ids of tasks and items."""

    units: Mapping[str, str]  # every way to call a unit → its name today
    tasks: Mapping[str, str]  # every way to call a task → its id
    indicators: Mapping[str, str]
    items: Mapping[str, str]  # former ids → today's
    measures: Mapping[str, str]  # units of measure by indicator

    def unit(self, text: str) -> str:
        """The unit's name today. Raises CellError with a near match."""
        found = self.units.get(plain(text)) or self.units.get(squeezed(text))
        if found is None:
            match = near(plain(text), self.units)
            raise CellError(
                f"没有“{plain(text)[:40]}”这个单位", f"是不是“{self.units[match]}”？" if match else "先在“单位”表里加上"
            )
        return found

    def listed(self, text: str) -> str:
        """A list of units with today's names. Raises CellError."""
        if plain(text) in self.units:
            return self.unit(text)
        found = [self.unit(one) for one in names_in(text)]
        twice = next((one for at, one in enumerate(found) if one in found[:at]), None)
        if twice:
            raise CellError(f"“{twice}”写了两次", "删去一个")
        return "、".join(found)

    def task(self, text: str) -> str:
        """The id of a task. Raises CellError."""
        id_ = re.match(r"[A-Z]\d+(-\d+)?", squeezed(text).upper())
        found = self.tasks.get(plain(text)) or (self.tasks.get(id_[0]) if id_ else None)
        if found is None:
            raise CellError(
                f"没有“{plain(text)[:40]}”这项任务", f"写任务编号，如 {next(iter(self.tasks.values()), 'T05')}"
            )
        return found


def shown(cell: Cell) -> str:
    """A cell's value as text for a sentence."""
    if cell is None:
        return "（空）"
    if isinstance(cell, Decimal):
        return f"{cell:f}"
    text = str(cell)
    return text if len(text) <= 60 else f"{text[:59]}…"


def same(column: Column, one: Cell, other: Cell) -> bool:
    """Whether two cells mean the same: 2027年 and 2027年底, 97.50 and 97.5."""
    if one is None or other is None or column.sort in (Sort.NUMBER, Sort.DAY):
        return (one or None) == (other or None) if not isinstance(one, Decimal) else one == other
    if column.sort in _WORDS:
        return _word(column.sort, one) == _word(column.sort, other)
    return str(one) == str(other)


def read(column: Column, cell: Given, names: KnownNames, kind: str, measure: str = "") -> Cell:
    """The value of a cell according to its column. Raises CellError.

    `kind` is the item's kind if it is known, `measure` the unit of measure of a number.
    """
    if cell.formula:
        raise CellError("这里是公式，不会计算", "复制后用“选择性粘贴”粘成数值")
    if column.sort is Sort.NUMBER:
        return _number(cell, measure)
    text = as_text(cell, column.sort)
    if column.sort is Sort.CHOICE:
        return _choice(text, column.choices)
    if column.sort is Sort.UNIT:
        return names.unit(text)
    if column.sort is Sort.UNITS:
        return names.listed(text)
    if column.sort is Sort.TASK:
        return names.task(text)
    if column.sort is Sort.NAMES:
        return "、".join(names_in(text))
    if column.sort in _WORDS:
        return _written(column.sort, text, kind)
    return text


def alike(column: Column, cell: Given, before: Cell, names: KnownNames, measure: str = "") -> bool:
    """Whether a cell still means what was exported; False for a cell that cannot be read."""
    if cell.value == before and not _rewritten(cell):
        return True
    if cell.value is None or before is None:
        return False
    try:
        return same(column, read(column, cell, names, "", measure), before)
    except CellError:
        return as_text(cell, column.sort) == str(before)


def as_text(cell: Given, sort: Sort) -> str:
    """A cell's value as text; a period that a spreadsheet turned into a date or number is turned back."""
    value = cell.value
    if isinstance(value, date) and sort is Sort.PERIOD:
        return f"{value.year}-{value.month:02}"
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    text = plain("" if value is None else str(value))
    return squeezed(text) if sort in (Sort.PERIOD, Sort.CHOICE) else text


def _rewritten(cell: Given) -> bool:
    """Whether a cell whose number is the exported one may have been typed anew: 50% over 0.5 is stored as 0.5 too.

    Any other number in such a cell only got another format: what is typed as a percentage is divided by 100.
    """
    return cell.scale > 0 and isinstance(cell.value, Decimal) and abs(cell.value) <= 1


def _number(cell: Given, measure: str) -> Decimal:
    """The number as it is shown. Raises CellError where its format and the unit of measure do not agree."""
    if cell.scale not in (0, 2):
        raise CellError("单元格的格式会缩放数值，看到的和存的不是一个数", "改成“常规”格式，核对后只写数字")
    number = cell.value if isinstance(cell.value, Decimal) else number_in(str(cell.value))
    if number is None:
        raise CellError(f"“{shown(cell.value)}”不是数值", "只写数字，不带单位")
    percent = cell.scale or (isinstance(cell.value, str) and "%" in squeezed(cell.value))
    if percent and not counts_percent(measure):
        unit = f"计量单位是“{measure}”" if measure else "计量单位不是“%”"
        raise CellError(f"单元格写成了百分数，但{unit}", "改成“常规”格式，核对后只写数字")
    return (number * 100).normalize() + 0 if cell.scale else number


def _choice(text: str, choices: Collection[str]) -> str:
    if text not in choices:
        match = near(plain(text), choices)
        hint = f"是不是“{match}”？" if match else f"可以写：{'、'.join(choices)}"
        raise CellError(f"没有“{text[:40]}”这个写法", hint)
    return text


_WORDS: Mapping[Sort, tuple[type[Word], ...]] = {
    Sort.DUE: (DueDate, Cadence),
    Sort.CADENCE: (Cadence,),
    Sort.LAG: (Lag,),
    Sort.GRACE: (Grace,),
}
_BY_KIND: Mapping[str, type[Word]] = {STEP: DueDate, **{kind: cell.word for kind, cell in DATED.items()}}


def _written(sort: Sort, text: str, kind: str) -> Cell:
    """A due date or cadence in its words, checked; a due date that names a day becomes a date."""
    forms = (_BY_KIND[kind],) if kind and sort is Sort.DUE else _WORDS[sort]
    if sort is Sort.DUE and not kind and text.startswith("每"):
        forms = (Cadence,)
    problem: WordError | None = None
    for form in forms:
        try:
            word = form.parse(re.sub(r"(?<=\d)[./](?=\d)", "-", unicodedata.normalize("NFKC", text)))
        except WordError as error:
            problem = problem or error
            continue
        return word.on if isinstance(word, DueDate) and str(word.on) == word.text else word.words()
    assert problem is not None
    raise CellError(problem.problem, problem.hint)


def _word(sort: Sort, cell: Cell) -> object:
    found = (word_of(cell, form) for form in _WORDS[sort])
    return next((word for word in found if word is not None), cell)


def kind_of(due: Cell) -> str:
    """The kind whose date stands in a cell of 完成时限 that was read."""
    return next(kind for kind, cell in DATED.items() if word_of(due, cell.word) is not None)


def word_of(cell: Cell, form: type[Word]) -> Word | None:
    try:
        return form.parse(str(cell))
    except WordError:
        return None
