"""机构改革和改编号: what units and items were called before, and what they are called today.

Nothing in the state is rewritten. Facts and tellings are folded under today's names (`Facts.names`, `Tellings`), so that
whatever was reported, granted or told under an older name still counts.

A renamed unit (曾用名) keeps its people and its group. A merged unit (已并入) does not: its open items, rungs and confirmed leads
go to the unit it was merged into; its group, and what that group was assigned (交办), do not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel

from bot.core.rules.item_ids import CaseStep, step_by_position
from bot.core.rules.units import UnitForm

FormT = TypeVar("FormT", bound=BaseModel)

ASSIGNED = "交办:"
#: Keys of rule files whose values are ids of items, or names of units.
ITEM_KEYS = frozenset({"事项"})
UNIT_KEYS = frozenset({"责任单位", "单位", "配合", "指导", "成员", "数据来源"})
#: The office's own findings contain the id of the item they are about: 系统:待核:T05-M1.
_ID = re.compile(
    r"(交办:|系统:(?:待核|延期失效|重新确认|已调整):)?([A-Z]\d+(?:-\d+)?(?:-[A-Z]+\d+)?)(?![A-Za-z0-9])(.*)", re.DOTALL
)
_OF_A_FINDING = re.compile("系统:(?:待核|延期失效|重新确认):")
_IDS = re.compile(r"(?<![A-Za-z0-9-])[A-Z]\d+(?:-\d+)?(?:-[A-Z]+\d+)?(?![A-Za-z0-9])")


@dataclass(frozen=True)
class Succession:
    """`units`: former and merged names → today's; `merged`: those among them whose unit went into another; `ids` likewise.

    `steps`: rule → the names of the steps of its cases, by which ids of before 2026-12 (T09-C1@2027-003-1) are read.
    """

    units: Mapping[str, str] = field(default_factory=dict)
    merged: frozenset[str] = frozenset()
    ids: Mapping[str, str] = field(default_factory=dict)
    steps: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.units or self.ids or self.steps)

    def unit(self, name: str) -> str:
        """The unit that is responsible today for what was this unit's."""
        return self.units.get(name, name)

    def addressee(self, key: str) -> str:
        """The same for the name of a chat: 县卫计局·分管领导."""
        if not self.units:  # the usual case, and called for every line of every message
            return key
        name, also, chat = key.partition("→")
        head, mark, rest = name.partition("·")
        return f"{self.unit(head)}{mark}{rest}{also}{chat and self.chat(chat)}"

    def chat(self, name: str) -> str:
        """Today's name of a chat; the group of a merged unit keeps its own."""
        return name if self.gone(name) else self.addressee(name)

    def gone(self, name: str) -> bool:
        """Whether this is the chat of a unit that was merged into another."""
        return bool(self.merged) and name.partition("→")[0].partition("·")[0] in self.merged

    def hearer(self, item: str, key: str) -> str:
        """Who counts as told of an item. 交办 is not passed on by a merger, so that the new unit is told of its own."""
        return self.chat(key) if item.startswith(ASSIGNED) else self.addressee(key)

    def item(self, name: str) -> str:
        """Today's id of what was told: T05-M1-02, T05-R1@2027-1, I4:报送@2026, 交办:I4; no whole case was ever told."""
        today = self.renumbered(name)
        step = self.step(today)
        return step.id if step else today

    def step(self, name: str) -> CaseStep | None:
        """The step of a case that an id of before 2026-12 names by its position; None for any other id."""
        if not self.steps or "@" not in name:
            return None
        head = _OF_A_FINDING.match(name)
        before = head[0] if head else ""
        found = step_by_position(name[len(before) :], lambda rule, number: self.steps.get(rule, ()))
        return found._replace(rule=before + found.rule) if found else None

    def renumbered(self, name: str) -> str:
        """The id with today's number of its rule or indicator (曾用编号)."""
        found = _ID.fullmatch(name) if self.ids else None
        if found is None:
            return name
        return f"{found[1] or ''}{self.ids.get(found[2], found[2])}{found[3]}"

    def fingerprint(self, text: str) -> str:
        """What a confirmation was bound to, in today's words: 县教育局,县财政局,|,县财政局,|,县教育局|每季度末."""
        parts = text.split("|", 3)
        if len(parts) != 4:
            return text
        units, cooperating, provider = (",".join(self.together(part.strip(",").split(","))) for part in parts[:3])
        dates = _IDS.sub(lambda found: self.ids.get(found[0], found[0]), parts[3])
        return f"{f'{units},' if units else ''}|{f',{cooperating},' if cooperating else ','}|,{provider}|{dates}"

    def agrees(self, confirmed: str, now: str, leads: Iterable[str]) -> bool:
        """Whether a rule is still what was confirmed; that a merger left its lead nobody to cooperate with is no change."""
        if confirmed == now or not self.merged:
            return confirmed == now
        return _but_helping(confirmed, leads) == _but_helping(now, leads)

    def together(self, names: Iterable[str]) -> tuple[str, ...]:
        """A list of units under today's names, each once."""
        return tuple(dict.fromkeys(self.unit(name) for name in names))


def of_today(form: FormT, names: Succession) -> FormT:
    """A form of a rule file with today's units, each once in a list, and today's ids of items."""
    if not names:
        return form
    change: dict[str, Any] = {}
    for name, field_ in type(form).model_fields.items():
        value = getattr(form, name)
        today = _value_of_today(value, names, field_.alias or "")
        if today != value:
            change[name] = today
    return form.model_copy(update=change) if change else form


def _value_of_today(value: Any, names: Succession, key: str) -> Any:
    if isinstance(value, BaseModel):
        return of_today(value, names)
    if isinstance(value, str):
        return names.addressee(value) if key in UNIT_KEYS else names.item(value) if key in ITEM_KEYS else value
    if not isinstance(value, tuple):
        return value
    found = tuple(_value_of_today(one, names, key) for one in value)
    return tuple(dict.fromkeys(found)) if key in UNIT_KEYS and all(isinstance(one, str) for one in found) else found


def _but_helping(fingerprint: str, leads: Iterable[str]) -> list[str]:
    """The fingerprint without the leads among the cooperating units."""
    units, *rest = fingerprint.split("|", 2)
    helping = {*rest[0].strip(",").split(",")} if rest else set()
    return [units, *sorted(helping - {*leads, ""}), *rest[1:]]


#: No unit was renamed and no item renumbered.
UNCHANGED = Succession()


def succession(
    units: Iterable[UnitForm],
    former_ids: Iterable[tuple[str, Iterable[str]]],
    steps: Mapping[str, tuple[str, ...]] | None = None,
) -> Succession:
    """The succession of these units and of ids with the ones they had before. A chain of mergers is followed to its end."""
    known = {unit.name: unit for unit in units}
    today: dict[str, str] = {}
    merged: set[str] = set()
    for unit in known.values():
        end = heir(unit.name, known)
        calls = (*unit.former_names, *((unit.name,) if end != unit.name else ()))
        today.update(dict.fromkeys(calls, end))
        merged.update(calls if end != unit.name else ())
    return Succession(today, frozenset(merged), {old: new for new, olds in former_ids for old in olds}, steps or {})


def heir(name: str, known: Mapping[str, UnitForm]) -> str:
    """The unit a unit was finally merged into; where mergers form a circle or name no unit, the last sound name."""
    seen = {name}
    while (unit := known.get(name)) and unit.merged_into in known and unit.merged_into not in seen:
        name = unit.merged_into
        seen.add(name)
    return name
