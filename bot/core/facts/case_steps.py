"""The steps of cases 办件: how long each may take, which step a case has reached, and the items made of them.

Everything is worked out from the rule and the facts; there is no state.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Protocol, runtime_checkable

from bot.core.facts.cases import Case
from bot.core.facts.facts import Facts, Mark
from bot.core.facts.quoting import quoted
from bot.core.rules.item import Item, Judgement, State, by_date, long_date
from bot.core.rules.item_ids import CaseStep, case_id, split_case, split_step, without_step
from bot.core.rules.rulebook import Rule
from bot.core.rules.words import Span, Unit
from bot.core.time.workdays import Calendar
from bot.core.time.zone import day_of

#: A finished case this much older than the rule's newest one is left out of the items.
KEPT = timedelta(days=730)


@dataclass(frozen=True, slots=True)
class Limit:
    """The time limit of one step, by category where it differs. Without any, only the total limit counts.

    `former`: names that the step had before (曾用名).
    """

    title: str
    span: Span | None
    by_category: Mapping[str, Span] = field(default_factory=dict)
    former: tuple[str, ...] = ()

    def of(self, category: str) -> Span | None:
        """The time limit for a case of this category."""
        return self.by_category.get(category) or self.span or next(iter(self.by_category.values()), None)


@dataclass(frozen=True, slots=True)
class Procedure:
    """The steps of a rule's cases, and the categories a case may have."""

    limits: tuple[Limit, ...]
    categories: tuple[str, ...] = ()
    total: Span | None = None
    word: str = ""  # behind the rule's title: 线索


@runtime_checkable
class TakesCases(Protocol):
    """A rule kind under whose rules cases are opened."""

    def procedure(self, form: Any) -> Procedure:
        """The steps a case of this rule goes through."""
        ...


def procedure_of(rule: Rule) -> Procedure | None:
    """The steps of the cases of a rule, or None when it takes none."""
    return rule.kind.procedure(rule.form) if isinstance(rule.kind, TakesCases) else None


@dataclass(frozen=True, slots=True)
class Leg:
    """One step of one case. `name` is as the case was opened with, `title` as the rule has it today.

    `done_on` is None for the step that the case has reached.
    """

    case: Case
    step: int
    name: str
    title: str
    started_on: date
    due_on: date
    done_on: date | None
    paused_since: date | None


def cases_of(rule: Rule, facts: Facts) -> list[Case]:
    """The cases of a rule in the order in which they were entered."""
    return [case for case in facts.cases.values() if case.rule == rule.id]


def legs(case: Case, procedure: Procedure, facts: Facts, calendar: Calendar) -> tuple[Leg, ...]:
    """The steps of a case up to the one it has reached, or at which the whole case was closed."""
    found: list[Leg] = []
    start = case.opened_on
    ended_on = _closed_on(facts.marks.get(case.id))
    latest = _due(procedure.total, case.opened_on, None, case, calendar)
    for step, (name, limit) in enumerate(path_of(case, procedure), 1):
        done_on = _done_on(case, name, facts)
        here = ended_on if done_on is None else done_on
        limits = (_due(limit.of(case.category), start, here, case, calendar), latest)
        due = min((one for one in limits if one), default=start)
        found.append(Leg(case, step, name, limit.title, start, due, here, None if here else case.paused_since))
        if done_on is None:
            break
        start = done_on
    return tuple(found)


def path_of(case: Case, procedure: Procedure) -> list[tuple[str, Limit]]:
    """The steps that a case goes through, under the names it was opened with: a later change of the rule moves no case.

    Steps added since are not asked of it. A step that is gone stays where it was done, and is left out where it was not; if
    none is left to do because of that, the steps added since follow, so that no case ends by an edit.
    """
    if not case.steps:
        return [(limit.title, limit) for limit in procedure.limits]
    known = _known_today(case.steps, procedure.limits)
    done = {name: Limit(name, None) for name in case.done}
    path = [(name, known.get(name) or done[name]) for name in case.steps if name in known or name in done]
    ended_by_an_edit = all(name in case.done for name, _ in path) and not all(name in case.done for name in case.steps)
    come = [limit for limit in procedure.limits if limit not in known.values()]
    return path + [(limit.title, limit) for limit in come] if ended_by_an_edit else path


def _known_today(names: Sequence[str], limits: Sequence[Limit]) -> dict[str, Limit]:
    """The steps of today by the names that a case was opened with, as far as they are still in the rule.

    The rule says what a step was called before. Without that, only one step gone and one come at the same place is a rename.
    """
    calls = {call: limit for limit in limits for call in (*limit.former, limit.title)}
    known = {name: calls[name] for name in names if name in calls}
    gone = [place for place, name in enumerate(names) if name not in known]
    come = [place for place, limit in enumerate(limits) if limit not in known.values()]
    if gone == come and len(gone) == 1:
        known[names[gone[0]]] = limits[come[0]]
    return known


def current_leg(found: Iterable[Leg]) -> Leg | None:
    """The step that a case has reached, or None when it is finished."""
    return next((leg for leg in found if leg.done_on is None), None)


def case_named(item: str, facts: Facts) -> Case | None:
    """The case that an id names, as a whole or by one of its steps."""
    return facts.cases.get(split_case(without_step(item)))


def ids_of_cases(rules: Mapping[str, Rule], facts: Facts) -> Iterator[str]:
    """The id of every case that rules take, and of each of its steps, reached or not."""
    for case in facts.cases.values():
        procedure = procedure_of(rules[case.rule]) if case.rule in rules else None
        if procedure is not None:
            yield case.id
            yield from (CaseStep(case.rule, case.number, name).id for name, _ in path_of(case, procedure))


def step_today(item: str, rules: Mapping[str, Rule], facts: Facts) -> str:
    """The id of a case's step by the name under which the case was opened, if `item` has another name of that step."""
    case, step = case_named(item, facts), split_step(item)
    procedure = procedure_of(rules[case.rule]) if case and step and case.rule in rules else None
    if case is None or step is None or procedure is None or step.step in case.steps:
        return item
    calls = ((name, (limit.title, *limit.former)) for name, limit in path_of(case, procedure))
    return next((step._replace(step=name).id for name, called in calls if step.step in called), item)


def not_reached(item: str, rules: Mapping[str, Rule], facts: Facts, calendar: Calendar) -> str:
    """That a case has not come to this step, as a Chinese clause that names no step; empty for any other id."""
    case, step = case_named(item, facts), split_step(item)
    procedure = procedure_of(rules[case.rule]) if case and step and case.rule in rules else None
    if case is None or step is None or procedure is None:
        return ""
    names, found = [name for name, _ in path_of(case, procedure)], legs(case, procedure, facts, calendar)
    if step.step not in names[len(found) :]:
        return ""
    place, here = names.index(step.step) + 1, current_leg(found)
    return f"{case.id}{f'现在是第{here.step}步' if here else '已经办结'}，没有走到第{place}步"


def _closed_on(mark: Mark | None) -> date | None:
    """The day of 销号, if that is the last thing said."""
    return day_of(mark.at) if mark and mark.what == "closed" else None


def _done_on(case: Case, step: str, facts: Facts) -> date | None:
    """When a step was finished: entered as finished, or closed by 销号; a later 退回 undoes either."""
    mark, entered = facts.marks.get(CaseStep(case.rule, case.number, step).id), case.done.get(step)
    if entered and not (mark and mark.what == "returned" and mark.at >= entered[1]):
        return entered[0]
    return _closed_on(mark)


def _due(span: Span | None, start: date, ended_on: date | None, case: Case, calendar: Calendar) -> date | None:
    """The last good day: the limit from `start`, extended by every pause that began before the step ended."""
    if span is None:
        return None
    due = span.after(start, calendar)
    for pause in case.pauses:
        since = max(pause.since, start)
        after_the_end = since > due or (ended_on is not None and since >= ended_on)
        if pause.until is not None and pause.until > since and not after_the_end:
            due = _moved(due, span.unit, since, pause.until, calendar)
    return due


def _moved(due: date, unit: Unit, since: date, until: date, calendar: Calendar) -> date:
    """The due date moved by a pause; the day of stopping is not counted, the day of resuming is."""
    if unit is not Unit.WORKDAY:
        return due + (until - since)
    eve = timedelta(days=1)
    return calendar.shift_workdays(due, calendar.workdays_between(since - eve, until - eve))


# --- items ---------------------------------------------------------------------------------------------------------


def items_of_cases(rule: Rule, procedure: Procedure, facts: Facts, calendar: Calendar) -> Iterator[Item]:
    """An item for every step that a case has reached so far, without cases finished long ago."""
    cases = cases_of(rule, facts)
    edge = max((case.touched_on for case in cases), default=date.min)
    for case in cases:
        found = legs(case, procedure, facts, calendar)
        if current_leg(found) is None and case.touched_on < edge - KEPT:
            continue
        for leg in found:
            yield _item(rule, procedure, leg)


def _item(rule: Rule, procedure: Procedure, leg: Leg) -> Item:
    place = f"第{leg.step}步" if len(path_of(leg.case, procedure)) > 1 else ""
    title = f"{rule.title}{procedure.word}{f'（{place}）' if place else ''}"
    return Item(
        CaseStep(rule.id, leg.case.number, leg.name).id, rule, title, leg.due_on, leg.due_on, opens_on=leg.started_on,
        shown_id=f"{case_id(rule.id, leg.case.number)}{place}", data=leg,
    )  # fmt: skip


def judge_leg(item: Item, today: date) -> Judgement:
    """By date; a finished step is closed, and a step of a case whose clock is stopped is 暂停计时."""
    leg: Leg = item.data
    if leg.done_on is not None:
        return Judgement(State.CLOSED, detail="已办结")
    if leg.paused_since is not None:
        reason = quoted(leg.case.pauses[-1].reason)
        since = f"{long_date(leg.paused_since)}起"
        return Judgement(State.PAUSED, detail=f"{since}，{reason}" if reason else since)
    return Judgement(by_date(item, today))


def misfits(rules: Mapping[str, Rule], facts: Facts, calendar: Calendar) -> Iterator[tuple[Case, str]]:
    """Open cases that the rules no longer fit, each with a Chinese sentence that names no step and no category."""
    for case in facts.cases.values():
        if _closed_on(facts.marks.get(case.id)) or (case.steps and all(name in case.done for name in case.steps)):
            continue
        rule = rules.get(case.rule)
        procedure = procedure_of(rule) if rule else None
        if procedure is None:
            yield case, f"{case.id} 尚未办结，规则里已没有{case.rule}这一办件，不再提醒。请恢复这条规则，或整件销号。"
            continue
        path = {name for name, _ in path_of(case, procedure)}
        if any(name not in path and name not in case.done for name in case.steps):
            yield case, f"{case.id} 尚未办的步骤有的已从规则里删去，不再要求办理；只是改了名的，请在那一步写明曾用名。"
        if (
            case.category
            and case.category not in procedure.categories
            and current_leg(legs(case, procedure, facts, calendar))
        ):
            yield case, f"{case.id} 登记的类别已不在规则里，按步骤的一般时限计算。"
