"""Turns values of an edited ledger into the events that `duban report` would write, corrections included."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from bot.core.facts.events import Observed
from bot.core.facts.facts import Facts
from bot.ledger.cells import shown
from bot.ledger.diff import CellChange, Comparison
from bot.ledger.layout import PRELIMINARY, VALUES, Cell, RowKey

NOTE = "台账录入"


@dataclass(frozen=True, slots=True)
class Entered:
    """One value to enter: the event's payload, the place of its cell, and the sentence that shows it."""

    payload: Observed
    where: str
    words: str


def entered(asked: Comparison, facts: Facts, measures: Mapping[str, str]) -> Iterator[Entered]:
    """Every value that is new or differs from the known one; `measures` are the units of measure by indicator."""
    changed: dict[RowKey, dict[str, CellChange]] = {}
    for change in asked.changes:
        if change.table == VALUES:
            changed.setdefault(change.key, {})[change.title] = change
    for (indicator, period), changes in changed.items():
        cells = {title: change.new for title, change in changes.items()}
        wheres = {title: change.where for title, change in changes.items()}
        yield from _entered((indicator, period), cells, wheres, facts, measures)
    for addition in asked.additions:
        if addition.table == VALUES:
            key = str(addition.cells["编号"]), str(addition.cells["期别"])
            yield from _entered(key, addition.cells, addition.wheres, facts, measures)


def _entered(
    key: tuple[str, str],
    cells: Mapping[str, Cell],
    wheres: Mapping[str, str],
    facts: Facts,
    measures: Mapping[str, str],
) -> Iterator[Entered]:
    known = facts.observations.get(key)
    value = cells.get("数值", known.value if known else None)
    nature = cells.get("性质")
    final = nature != PRELIMINARY if nature else known is None or known.final
    if not isinstance(value, Decimal) or (known and (known.value, known.final) == (value, final)):
        return
    measure = measures.get(key[0], "")
    was = f"（更正，原为{shown(known.value)}{measure}{'' if known.final else '，初步数'}）" if known else ""
    said = f"{shown(value)}{measure}{'' if final else '，初步数'}{was}"
    where = wheres["数值" if "数值" in cells else "性质"]
    payload = Observed(indicator=key[0], period=key[1], value=value, final=final, confirmed=True, note=NOTE)
    yield Entered(payload, where, f"{where}　{key[0]} {key[1]}：录入{said}")
