"""Checks 机构改革 in units.yaml: which unit a merged one went to (已并入), and how often rules still name merged units."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from pydantic import BaseModel

from bot.core.rules.rulebook import UnitForm, UnitsForm
from bot.core.rules.succession import UNIT_KEYS, succession
from bot.core.time.near import near
from bot.rulefiles.text.problems import Path
from bot.rulefiles.text.sheet import Placed

#: What stands between the names of units, chats and robots where several make one key.
BORDERS = "·→、,|#\n"


def called(units: UnitsForm) -> Mapping[str, str]:
    """Every other name of a unit (id, alias, former name) → the full name to write instead."""
    names = succession(units.everyone, ())
    found = {alias: unit.name for unit in units.everyone for alias in (unit.id, *unit.aliases)}
    return {**found, **{former: names.unit(former) for unit in units.everyone for former in unit.former_names}}


def same_unit(units: UnitsForm | None) -> Mapping[str, str]:
    """Every name of a unit, merged units included → the unit that is responsible today."""
    if units is None:
        return {}
    names = succession(units.everyone, ())
    own = {unit.name: names.unit(unit.name) for unit in units.everyone}
    return {**{call: names.unit(name) for call, name in called(units).items()}, **own}


def placed_units(units: UnitsForm) -> Iterator[tuple[Path, UnitForm]]:
    """Every unit and group with its path in units.yaml."""
    for key, several in (("责任单位", units.units), ("集体对象", units.groups)):
        yield from (((key, index), unit) for index, unit in enumerate(several))


def check_names(units: Placed[UnitsForm]) -> None:
    """Checks that no name of a unit holds a character that stands between names in what the bot keeps: 县教育局·分管领导."""
    for place, unit in placed_units(units.form):
        names = [((*place, "名称"), unit.name)]
        names += [((*place, "曾用名", number), name) for number, name in enumerate(unit.former_names)]
        for loc, name in names:
            found = next((mark for mark in BORDERS if mark in name), None)
            if found:
                shown = "换行" if found == "\n" else f"“{found}”"
                units.report("unit-name", loc, f"单位名称里不能有{shown}", "写单位的全称，不带标点")


def check_mergers(units: Placed[UnitsForm], forms: Iterable[BaseModel]) -> None:
    """Checks that mergers lead to an existing unit and not in a circle; reports how often rules still name a merged unit."""
    known = {unit.name: unit for unit in units.form.everyone}
    names, written = succession(known.values(), ()), _mentions(forms)
    for place, unit in placed_units(units.form):
        loc = (*place, "已并入")
        if not unit.merged_into:
            continue
        if unit.merged_into not in known:
            _unknown(units, loc, unit.merged_into, known)
        elif circle := _circle(unit, known):
            message = f"并入的关系绕成了一圈：{'→'.join(circle)}"
            units.report("merger-circle", loc, message, "最后并入的单位不写“已并入”")
        elif count := written.get(unit.name, 0):
            today = names.unit(unit.name)
            message = f"“{unit.name}”已并入“{today}”：规则里还有{count}处写它，都按“{today}”督办"
            units.report("merged-unit", loc, message, "方案原文如此的不必改", info=True)


def _unknown(units: Placed[UnitsForm], loc: Path, name: str, known: Iterable[str]) -> None:
    full = called(units.form).get(name, "")
    match = full or near(name, known)
    hint = f"是不是“{match}”？" if match else "先在 units.yaml 里加上这个单位"
    units.report("unknown-unit", loc, f"没有“{name}”这个单位", hint, instead=full)


def _circle(unit: UnitForm, known: Mapping[str, UnitForm]) -> list[str]:
    """The names on the way from a unit back to itself; empty if its mergers form no circle."""
    way = [unit.name]
    while (after := known[way[-1]].merged_into) in known:
        way.append(after)
        if after == unit.name:
            return way
        if after in way[:-1]:
            return []  # it leads into a circle of other units, which is reported for these
    return []


def _mentions(forms: Iterable[BaseModel]) -> dict[str, int]:
    """How often each unit is named in these forms."""
    found: dict[str, int] = {}
    for form in forms:
        for name, field in type(form).model_fields.items():
            value = getattr(form, name)
            parts = value if isinstance(value, tuple) else (value,)
            for part in parts:
                if isinstance(part, BaseModel):
                    for unit, count in _mentions((part,)).items():
                        found[unit] = found.get(unit, 0) + count
                elif field.alias in UNIT_KEYS and isinstance(part, str):
                    found[part] = found.get(part, 0) + 1
    return found
