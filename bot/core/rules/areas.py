"""分区: a duty that several areas each have becomes one item per area, each with its own rule and id."""

from __future__ import annotations

from collections.abc import Iterator

from bot.core.rules.forms import AreaForm
from bot.core.rules.rulebook import ItemForm, UnitsForm


def spread(form: ItemForm, units: UnitsForm) -> Iterator[ItemForm]:
    """The item itself, where it stands for the whole, and one for each of its areas."""
    if form.stands_for_the_whole:
        yield form
    for area in areas_of(form, units):
        yield form.in_area(area)


def areas_of(form: ItemForm, units: UnitsForm) -> Iterator[AreaForm]:
    """The areas of an item. For the name of a group: one per member, its id made with the unit's own."""
    ids = {unit.name: unit.id for unit in units.units}
    members = {group.name: group.members for group in units.groups}
    for area in form.areas:
        if isinstance(area, AreaForm):
            yield area
            continue
        for name in members.get(area, ()):
            if name in ids:
                yield AreaForm(id=f"{form.id}-{ids[name]}", name=name[:30], units=(name,))
