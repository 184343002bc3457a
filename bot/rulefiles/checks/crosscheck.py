"""Checks the forms of a rules folder against each other: names exist, ids are unique, dates are plausible.

Every check works with the forms that could be read, so that an invalid file does not hide problems of the others.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

from bot.core.rules.item import State
from bot.core.rules.kind import RuleKind
from bot.core.rules.rulebook import IndicatorForm, ItemForm, Ladder, LeadForm, PlanForm, TaskForm, UnitsForm
from bot.core.rules.words import DueDate, Precision
from bot.core.time.near import near, suggest
from bot.core.time.workdays import Calendar
from bot.rule_kinds import kinds
from bot.rulefiles.checks.areas import area_ids, check_areas, check_members, member_ids, written_areas
from bot.rulefiles.checks.indicators import check_ways, ways
from bot.rulefiles.checks.reform import called, check_mergers, check_names, same_unit
from bot.rulefiles.text.problems import Path, repeated
from bot.rulefiles.text.sheet import Placed, Sheet


@dataclass(frozen=True)
class TaskPart:
    """One file of tasks/; its items are checked even if its head is invalid."""

    sheet: Sheet
    head: Placed[TaskForm] | None
    items: tuple[Placed[ItemForm], ...]
    indicators: tuple[Placed[IndicatorForm], ...] = ()


@dataclass
class Parts:
    """All forms that could be read. `ladder_names` includes invalid ladders, since a reference to one is not unknown."""

    plan: Placed[PlanForm] | None = None
    units: Placed[UnitsForm] | None = None
    ladders: Mapping[str, Placed[Ladder]] = field(default_factory=dict)
    ladder_names: tuple[str, ...] | None = None
    ladder_sheet: Sheet | None = None
    tasks: tuple[TaskPart, ...] = ()
    indicators: tuple[Placed[IndicatorForm], ...] = ()
    calendar: Calendar | None = None

    @property
    def items(self) -> Iterator[tuple[TaskForm | None, Placed[ItemForm]]]:
        """Every item with its task, None if the task's head is invalid."""
        return ((part.head.form if part.head else None, item) for part in self.tasks for item in part.items)

    @property
    def measured(self) -> tuple[Placed[IndicatorForm], ...]:
        """Every indicator: those of indicators.yaml, then those of the tasks."""
        return (*self.indicators, *(one for part in self.tasks for one in part.indicators))


def crosscheck(parts: Parts, chats: Iterable[str] | None) -> None:
    """Runs all checks and reports every problem."""
    _ids(parts)
    _elements(parts)
    _ladders(parts)
    _rungs(parts)
    check_ways(parts.measured)
    _remarks(parts)
    _dates(parts)
    if parts.units:
        _own_names(parts.units)
        check_members(parts.units)
        names = _Names(parts.units.form)
        _units(parts, names)
        _without_chat(parts.units, list(chats) if chats is not None else None)
        check_mergers(parts.units, _forms(parts))
        check_names(parts.units)
    _leads(parts, same_unit(parts.units.form if parts.units else None))


def _forms(parts: Parts) -> Iterator[TaskForm | ItemForm | IndicatorForm]:
    """Every form that names units."""
    yield from (part.head.form.model_copy(update={"items": ()}) for part in parts.tasks if part.head)
    yield from (item.form for _, item in parts.items)
    yield from (indicator.form for indicator in parts.measured)


def listed(key: str, names: Iterable[str]) -> Iterator[tuple[Path, str]]:
    """Each name of a list with its path; the path of a single name without brackets is the key's own."""
    return (((key, index), name) for index, name in enumerate(names))


# --- units ---------------------------------------------------------------------------------------------------------


class _Names:
    """The names of the units, with their ids, aliases and former names."""

    def __init__(self, form: UnitsForm) -> None:
        self.form = form
        everyone = (*form.units, *form.groups)
        self.known = [unit.name for unit in everyone]
        self.bodies = {body.name for body in form.bodies}
        self.aliases = called(form)
        self.former = {former for unit in everyone for former in unit.former_names}

    def check(self, at: Placed[TaskForm] | Placed[ItemForm] | Placed[IndicatorForm], loc: Path, name: str) -> None:
        if name not in self.known:
            at.report("unknown-unit", loc, *self._sentence(name), instead=self.aliases.get(name, ""))

    def _sentence(self, name: str) -> tuple[str, str]:
        if name in self.former:
            return f"“{name}”是曾用名", f"请写现在的名称“{self.aliases[name]}”"
        if name in self.aliases:
            return f"“{name}”不是单位的全称", f"请写全称“{self.aliases[name]}”"
        pieces = [piece for piece in re.split("[，、；,;]", name) if piece]
        if len(pieces) > 1 and any(piece in self.known or piece in self.aliases for piece in pieces):
            return f"“{name}”被当作一个单位", f"写成列表：[{', '.join(self.aliases.get(one, one) for one in pieces)}]"
        if name in self.bodies:
            return f"“{name}”是机构，不是责任单位", "改写责任单位；或先在 units.yaml 的责任单位里加上"
        match = near(name, [*self.known, *self.aliases])
        full = self.aliases.get(match, match)
        return f"没有“{name}”这个单位", f"是不是“{full}”？" if full else "先在 units.yaml 里加上这个单位"


def _own_names(units: Placed[UnitsForm]) -> None:
    """Checks units.yaml itself: a name, id or alias must mean exactly one unit."""
    places = [("责任单位", index) for index in range(len(units.form.units))]
    places += [("集体对象", index) for index in range(len(units.form.groups))]
    everyone = (*units.form.units, *units.form.groups)
    calls = [
        ((*place, key), call)
        for place, unit in zip(places, everyone, strict=True)
        for key, own in (
            ("名称", [unit.name]),
            ("编号", [unit.id]),
            ("别名", unit.aliases),
            ("曾用名", unit.former_names),
        )
        for call in own
    ]
    for first, again, call in repeated(call for _, call in calls):
        units.report("duplicate-unit", calls[again][0], f"“{call}”写了两次，另一处在{units.spot(*calls[first][0])}")


def _units(parts: Parts, names: _Names) -> None:
    for part in parts.tasks:
        if part.head:
            _unit_list(part.head, "责任单位", part.head.form.units, names)
            _unit_list(part.head, "指导", part.head.form.guiding, names)
            _lead_unit(part.head, part.head.form.lead, names)
    for _, item in parts.items:
        _unit_list(item, "责任单位", item.form.units, names)
        _unit_list(item, "配合", item.form.cooperating, names)
        _unit_list(item, "指导", item.form.guiding, names)
        _lead_unit(item, item.form.lead, names)
        check_areas(item, names.form, partial(names.check, item))
    for indicator in parts.measured:
        _unit_list(indicator, "责任单位", indicator.form.units, names)
        _lead_unit(indicator, indicator.form.lead, names)
        names.check(indicator, ("数据来源",), indicator.form.provider)


def _unit_list(
    at: Placed[TaskForm] | Placed[ItemForm] | Placed[IndicatorForm], key: str, units: tuple[str, ...], names: _Names
) -> None:
    for loc, name in listed(key, units):
        names.check(at, loc, name)
    for first, again, name in repeated(units):
        message = f"“{key}”里“{name}”写了两次（第{first + 1}个和第{again + 1}个）"
        at.report("unit-twice", (key, again), message, "删去一个")


def _lead_unit(
    at: Placed[TaskForm] | Placed[ItemForm] | Placed[IndicatorForm], lead: LeadForm | None, names: _Names
) -> None:
    for loc, name in listed("单位", lead.units if lead else ()):
        names.check(at, ("牵头", *loc), name)


def _leads(parts: Parts, today: Mapping[str, str]) -> None:
    """Checks that a lead is one of the responsible units."""
    for part in parts.tasks:
        if part.head:
            _lead_among(today, part.head, part.head.form.lead, part.head.form.units)
        for indicator in part.indicators:
            units = indicator.form.units or (part.head.form.units if part.head else ())
            _lead_among(today, indicator, indicator.form.lead if units else None, units)
    for task, item in parts.items:
        if item.form.units or task:
            _lead_among(today, item, item.form.lead, item.form.units or (task.units if task else ()))
    for indicator in parts.indicators:
        _lead_among(today, indicator, indicator.form.lead, indicator.form.units)


def _lead_among(
    today: Mapping[str, str],
    at: Placed[TaskForm] | Placed[ItemForm] | Placed[IndicatorForm],
    lead: LeadForm | None,
    units: tuple[str, ...],
) -> None:
    """Compares units and not names: a name that is only short or out of date is reported elsewhere, and only once."""
    responsible = {today.get(unit, unit) for unit in units}
    for loc, name in listed("单位", lead.units if lead else ()):
        if today.get(name, name) not in responsible:
            hint = f"责任单位是：{'、'.join(units)}"
            at.report("lead-not-responsible", ("牵头", *loc), f"牵头的“{name}”不在责任单位之内", hint)


def _without_chat(units: Placed[UnitsForm], chats: list[str] | None) -> None:
    for key, several in (("责任单位", units.form.units), ("集体对象", units.form.groups)):
        for index, unit in enumerate(several if chats is not None else ()):
            if not unit.merged_into and not {unit.name, *unit.former_names}.intersection(chats or ()):
                match = near(unit.name, chats or ())
                hint = f"config/chats.yaml 里的“{match}”是不是它？" if match and match not in _all_names(units) else ""
                message = f"“{unit.name}”没有配置群聊，给它的消息会发到管理员的群"
                units.report("no-chat", (key, index, "名称"), message, hint, info=True)


def _all_names(units: Placed[UnitsForm]) -> set[str]:
    return {unit.name for unit in (*units.form.units, *units.form.groups)}


# --- ids and elements ----------------------------------------------------------------------------------------------


def _ids(parts: Parts) -> None:
    """Checks that ids, former ids included, are unique in the whole folder, and that a step's id begins with its item's."""
    found: list[tuple[str, Placed[TaskForm] | Placed[ItemForm] | Placed[IndicatorForm], Path]] = []
    for part in parts.tasks:
        if part.head:
            found.append((part.head.form.id, part.head, ("编号",)))
        for item in part.items:
            found.append((item.form.id, item, ("编号",)))
            found += [(step, item, loc) for loc, step in (*_steps(item), *area_ids(item))]
            found += [(area, item, ("分区",)) for area in member_ids(item, parts.units)]
    found += [(one.form.id, one, ("编号",)) for one in parts.measured]
    renumbered: list[Placed[ItemForm] | Placed[IndicatorForm]] = [*(item for _, item in parts.items), *parts.measured]
    found += [(old, one, loc) for one in renumbered for loc, old in listed("曾用编号", one.form.former_ids)]
    for name, at, loc in found:
        _half_width(at, loc, name)
    for first, again, name in repeated(name for name, _, _ in found):
        _, other, other_loc = found[first]
        _, at, loc = found[again]
        at.report("duplicate-id", loc, f"编号“{name}”重复，另一处在{other.spot(*other_loc)}", "每个编号只能用一次")


def _half_width(at: Placed[TaskForm] | Placed[ItemForm] | Placed[IndicatorForm], loc: Path, name: str) -> None:
    """Reports an id with full-width digits: it looks right but equals no other, and pydantic's pattern accepts it."""
    plain = unicodedata.normalize("NFKC", name)
    if plain != name:
        at.report("full-width-id", loc, f"编号“{name}”里有全角字符", f"改成半角：{plain}", instead=plain)


def _steps(item: Placed[ItemForm]) -> list[tuple[Path, str]]:
    """The ids of an item's steps; reports an id that does not begin with the item's."""
    found: list[tuple[Path, str]] = []
    for index, step in enumerate(getattr(item.form, "steps", ())):
        loc: Path = ("步骤", index, "编号")
        if not step.id.startswith(f"{item.form.id}-"):
            message = f"步骤编号“{step.id}”应以“{item.form.id}-”开头"
            item.report("step-id", loc, message, f"如 {item.form.id}-{index + 1:02d}")
        found.append((loc, step.id))
    return found


def _elements(parts: Parts) -> None:
    """Checks that each element of the plan is claimed exactly once: by an item, a note, or 待建规则."""
    claims: list[tuple[str, Placed[TaskForm] | Placed[ItemForm] | Placed[IndicatorForm], Path]] = []
    for part in parts.tasks:
        for item in part.items:
            claims += [(name, item, loc) for loc, name in listed("要素", item.form.elements)]
            for index, note in enumerate(item.form.notes):
                claims += [(name, item, ("附注", index, *loc)) for loc, name in listed("要素", note.elements)]
        claims += _measured_elements(part.indicators)
        for index, pending in enumerate(part.head.form.pending if part.head else ()):
            assert part.head is not None
            claims += [(name, part.head, ("待建规则", index, *loc)) for loc, name in listed("要素", pending.elements)]
    for name, at, loc in claims:
        _half_width(at, loc, name)
    for first, again, name in repeated(name for name, _, _ in claims):
        _, other, other_loc = claims[first]
        _, at, loc = claims[again]
        message = f"要素“{name}”已由{other.spot(*other_loc)}对应"
        at.report("element-twice", loc, message, "一个要素只对应一处；同一件事写成一个事项")


def _measured_elements(
    indicators: Iterable[Placed[IndicatorForm]],
) -> Iterator[tuple[str, Placed[IndicatorForm], Path]]:
    """The elements that a task's indicators claim; several indicators may measure one element, which counts once."""
    seen: set[str] = set()
    for indicator in indicators:
        for loc, name in listed("要素", indicator.form.elements):
            if name not in seen:
                yield name, indicator, loc
        seen.update(indicator.form.elements)


# --- ladders and kinds ---------------------------------------------------------------------------------------------


def _ladders(parts: Parts) -> None:
    """Checks that every named ladder exists, and the default ladder of each kind that is used without naming one."""
    if parts.ladder_names is None:
        return
    missing: dict[str, RuleKind] = {}
    for _, item in parts.items:
        if item.form.ladder is not None:
            _known_ladder(parts.ladder_names, item, ("督办阶梯",), item.form.ladder)
        else:
            missing[kinds()[item.form.kind].ladder] = kinds()[item.form.kind]
    for indicator in parts.measured:
        for name, ladder in indicator.form.ladders.items():
            _known_ladder(parts.ladder_names, indicator, ("督办阶梯", name), ladder)
        for watch in indicator.form.watched:
            if watch.name in ways() and watch.name not in indicator.form.ladders:
                missing[ways()[watch.name].ladder] = ways()[watch.name]
    for name, kind in missing.items():
        if name not in parts.ladder_names and parts.ladder_sheet:
            message = f"缺少督办阶梯“{name}”：没有写阶梯的{kind.name}用它"
            parts.ladder_sheet.report("missing-ladder", (), message, f"在 ladders.yaml 里加上“{name}”")


def _known_ladder(known: tuple[str, ...], at: Placed[ItemForm] | Placed[IndicatorForm], loc: Path, ladder: str) -> None:
    if ladder not in known:
        at.report("unknown-ladder", loc, f"没有“{ladder}”这个督办阶梯", suggest(ladder, known))


def _rungs(parts: Parts) -> None:
    """Checks that the states named by rungs exist."""
    states = [state.value for state in State]
    for ladder in parts.ladders.values():
        for index, rung in enumerate(ladder.form.rungs):
            for loc, state in listed("状态", rung.states):
                if state not in states:
                    message, hint = f"没有“{state}”这个状态", suggest(state, states)
                    ladder.report("unknown-state", ("级次", index, *loc), message, hint)


def _remarks(parts: Parts) -> None:
    """Reports what each kind finds wrong with its own items."""
    indicators = {one.form.id: one.form for one in parts.measured}
    for _, item in parts.items:
        for remark in kinds()[item.form.kind].remarks(item.form, indicators):
            hint = suggest(remark.unknown, list(indicators)) if remark.unknown else remark.hint
            if remark.code == "missing" and item.holds(remark.loc):  # the key exists but is empty
                item.report("blank", remark.loc, f"“{remark.loc[-1]}”没有填写", hint)
            else:
                item.report(remark.code, remark.loc, remark.message, hint, info=remark.info)


# --- dates ---------------------------------------------------------------------------------------------------------


def _dates(parts: Parts) -> None:
    """Reports dates that are valid but probably not meant (info only)."""
    for _, item in parts.items:
        due = getattr(item.form, "due", None)
        if due:
            _look_at(parts, item, ("完成时限",), due)
        for index, step in enumerate(getattr(item.form, "steps", ())):
            if step.due:
                _look_at(parts, item, ("步骤", index, "完成时限"), step.due)
        for path, area in written_areas(item):
            if area.due:
                _look_at(parts, item, (*path, "完成时限"), area.due)
    for indicator in parts.measured:
        for index, target in enumerate(indicator.form.all_targets):
            _look_at(parts, indicator, ("目标", index, "期限"), target.due)


def _look_at(parts: Parts, at: Placed[ItemForm] | Placed[IndicatorForm], loc: Path, due: DueDate) -> None:
    start = parts.plan.form.starts_on if parts.plan else None
    if start and due.on < start:
        message = f"“{due.words()}”早于起算日{start}，不会督办"
        at.report("before-start", loc, message, "确认年份是否写错", info=True)
    elif parts.calendar and due.precision is Precision.DAY and not parts.calendar.is_workday(due.on):
        # Only dates that name a day: nobody chose the weekday of 2027年底.
        name = parts.calendar.holiday_name(due.on) or f"星期{'一二三四五六日'[due.on.weekday()]}"
        message = f"“{due.words()}”是{name}，不上班"
        at.report("day-off", loc, message, "如非有意，改为前后的工作日", info=True)
