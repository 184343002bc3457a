"""Checks 分区 of items and 成员 of groups: units exist, area ids begin with the item's id, leads are among the units."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bot.core.rules.areas import areas_of
from bot.core.rules.forms import AreaForm
from bot.core.rules.rulebook import ItemForm, UnitsForm
from bot.core.time.near import suggest
from bot.rulefiles.text.problems import Path, repeated
from bot.rulefiles.text.sheet import Placed

Check = Callable[[Path, str], None]


def check_members(units: Placed[UnitsForm]) -> None:
    """Checks that the members of a group are units, each named once."""
    known = [unit.name for unit in units.form.units]
    for number, group in enumerate(units.form.groups):
        for index, name in enumerate(group.members):
            if name not in known:
                hint = suggest(name, known)
                units.report("unknown-unit", ("集体对象", number, "成员", index), f"责任单位里没有“{name}”", hint)
        for first, again, name in repeated(group.members):
            message = f"“成员”里“{name}”写了两次（第{first + 1}个和第{again + 1}个）"
            units.report("unit-twice", ("集体对象", number, "成员", again), message, "删去一个")


def written_areas(item: Placed[ItemForm]) -> Iterator[tuple[Path, AreaForm]]:
    """The areas written under an item, each with its path."""
    for index, area in enumerate(item.form.areas):
        if isinstance(area, AreaForm):
            yield ("分区", index), area


def check_areas(item: Placed[ItemForm], units: UnitsForm, check: Check) -> None:
    """Checks the units of an item's areas; `check` reports a name that is no unit."""
    with_members = [group.name for group in units.groups if group.members]
    for index, area in enumerate(item.form.areas):
        if isinstance(area, str) and area not in with_members:
            hint = suggest(area, with_members) or "在 units.yaml 的集体对象下写上“成员”，或逐个写出分区"
            item.report("unknown-area", ("分区", index), f"“{area}”不是有成员的集体对象", hint)
    for path, area in written_areas(item):
        for key, names in (("责任单位", area.units), ("配合", area.cooperating)):
            for number, name in enumerate(names):
                check((*path, key, number), name)
        for number, name in enumerate(area.lead.units if area.lead else ()):
            check((*path, "牵头", "单位", number), name)
            if area.units and name not in area.units:
                hint = f"责任单位是：{'、'.join(area.units)}"
                item.report("lead-not-responsible", (*path, "牵头", "单位"), f"牵头的“{name}”不在责任单位之内", hint)


def member_ids(item: Placed[ItemForm], units: Placed[UnitsForm] | None) -> list[str]:
    """The ids made for the members of the groups among an item's areas."""
    found = areas_of(item.form, units.form) if units else ()
    return [area.id for area in found if area not in item.form.areas]


def area_ids(item: Placed[ItemForm]) -> list[tuple[Path, str]]:
    """The ids of an item's areas; reports an id that does not begin with the item's."""
    found: list[tuple[Path, str]] = []
    for number, (path, area) in enumerate(written_areas(item), 1):
        if not area.id.startswith(f"{item.form.id}-"):
            message = f"分区编号“{area.id}”应以“{item.form.id}-”开头"
            item.report("area-id", (*path, "编号"), message, f"如 {item.form.id}-A{number}")
        found.append(((*path, "编号"), area.id))
    return found
