"""Whoever works on a ledger in a test: exports one, edits cells as a person would, and reads what is asked for."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import openpyxl

from bot.core.facts.events import Event, Observed
from bot.core.facts.facts import Facts, fold
from bot.core.rules.rulebook import Rulebook
from bot.core.time.zone import ZONE
from bot.ledger.diff import Comparison, compare, names_for
from bot.ledger.rows import choices, guide, tables
from bot.rulefiles.ledger import workbook
from bot.rulefiles.loader import assemble
from tests.kit.rules_factory import rule_files

TODAY = date(2027, 4, 1)
KNOWN = fold([Event.of(Observed(indicator="I4", period="2026", value=Decimal("96.2")), key="1",
                       time=datetime(2027, 3, 1, 9, tzinfo=ZONE))])  # fmt: skip


def rules(files: Mapping[str, bytes] | None = None) -> Rulebook:
    loaded = assemble(files or rule_files())
    assert loaded.rulebook is not None, [str(one) for one in loaded.problems]
    return loaded.rulebook


def exported(rulebook: Rulebook, facts: Facts = KNOWN, *, with_sensitive: bool = False) -> bytes:
    rows = tables(rulebook, facts, TODAY, with_sensitive)
    return workbook.write(rows, guide(rulebook, TODAY, with_sensitive), choices(rulebook))


def asked_of(rulebook: Rulebook, raw: bytes, facts: Facts = KNOWN) -> Comparison:
    found = workbook.read(raw)
    whole, masked = (tables(rulebook, facts, TODAY, sensitive) for sensitive in (True, False))
    return compare(whole, found, names_for(rulebook, found), masked)


def worked_on(raw: bytes, edit: Callable[[Any], None]) -> bytes:
    """The workbook after somebody opened, changed and saved it."""
    book = openpyxl.load_workbook(io.BytesIO(raw))
    edit(book)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def cell_at(sheet: Any, key: str, title: str, second: str = "") -> Any:
    """The cell under a title, in the row whose first (and second) column says so."""
    column = next(cell.column for cell in sheet[1] if cell.value == title)
    for row in sheet.iter_rows(min_row=2):
        if row[0].value == key and (not second or row[1].value == second):
            return sheet.cell(row[0].row, column)
    raise AssertionError(key)


def put(sheet: str, key: str, title: str, value: Any, second: str = "") -> Callable[[Any], None]:
    """An edit of one cell."""

    def edit(book: Any) -> None:
        cell_at(book[sheet], key, title, second).value = value

    return edit


def add(sheet: str, **cells: Any) -> Callable[[Any], None]:
    """An edit that adds a row at the end."""

    def edit(book: Any) -> None:
        titles = {cell.value: cell.column for cell in book[sheet][1]}
        number = book[sheet].max_row + 1
        for title, value in cells.items():
            book[sheet].cell(number, titles[title]).value = value

    return edit
