"""研判: from rules, facts and a day to findings, one per item.

A kind judges an item by its rule and reported values. This module then applies what people reported (done, closed, returned,
extended) and what a parent means for its steps. A finding contains everything `decide` needs, so that later stages do not
depend on rule kinds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import lru_cache

from bot.core.deciding.lateness import IN_TIME, Asking, Listener
from bot.core.facts.case_steps import step_today
from bot.core.facts.facts import Facts, Mark, TakenBack
from bot.core.facts.quoting import quoted
from bot.core.facts.renaming import item_of_today
from bot.core.rules.item import Item, Judgement, Moment, State
from bot.core.rules.kind import BaseKind
from bot.core.rules.ladder import Anchor, approaching_from, step
from bot.core.rules.rulebook import Rule, Rulebook
from bot.core.rules.succession import UNCHANGED, Succession
from bot.core.time.workdays import Calendar
from bot.core.time.zone import day_of, midnight

#: What a later period may make good.
_MISSED = (State.OVERDUE, State.MISSED)
NOTHING_KNOWN = Facts()
#: How far ahead items are made: more than the longest lead time of a ladder.
HORIZON = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class Finding:
    """The verdict about one item on one day.

    `due_on` is the effective due date, under which tellings are recorded; `anchor` is the date the ladder counts from.
    `suppressed_by` is the parent item whose reminders cover this step; without one, `parent_due_on` is the parent's due date.
    `asking` says how it stands to its unit's first hearing: with a later day in it, `anchor` is that day, and not `due_on`.
    `made_good_by` is the later period that was done, so that this one, though missed or asked for late, is over.
    `registered_at` is when the last thing was registered for its unit, or withdrawn: done, closed, returned, extended.
    `returned_at` is when the item was returned; `extended` says whether an extension is in force. `returned_for` and
    `extended_for` are the reasons that were typed, fit to be quoted.
    `taken_back` says what was registered for it and withdrawn. `known` is that of the judgement.
    """

    item: Item
    state: State
    due_on: date | None
    anchor: Anchor | None
    detail: str = ""
    extended: bool = False
    granted_on: date | None = None  # the day on which the extension in force was granted
    returned_at: datetime | None = None
    registered_at: datetime | None = None
    suppressed_by: str | None = None
    made_good_by: str = ""
    parent_due_on: date | None = None
    confirmed: bool = True
    lead: str | None = None
    provisional: bool = False
    returned_for: str = ""
    taken_back: TakenBack | None = None
    extended_for: str = ""
    known: Moment | None = None
    lines: tuple[str, ...] = ()  # the text of an office finding
    asking: Asking = IN_TIME


JudgeOne = Callable[[Item, Facts, date, Calendar], Finding]


@lru_cache(maxsize=64)
def items_of(rulebook: Rulebook, until: date) -> tuple[Item, ...]:
    """Every item due from the plan's first day up to `until`, parents before their steps.

    Periods that open after the plan's last day (截止日) are left out.
    """
    since, last = rulebook.plan.starts_on, rulebook.plan.ends_on or date.max
    found = (item for rule in rulebook.rules for item in rule.kind.items(rule, rulebook.calendar, since, until))
    return tuple(item for item in found if item.opens_on is None or item.opens_on <= last)


def arisen_items(rulebook: Rulebook, facts: Facts) -> list[Item]:
    """Items that exist because of an event (such as a case that was opened), in the rulebook's order."""
    rules = _arising_rules(rulebook)
    return [item for rule in rules for item in rule.kind.arising(rule, facts, rulebook.calendar)]


@lru_cache(maxsize=64)
def _arising_rules(rulebook: Rulebook) -> tuple[Rule, ...]:
    """Rules whose kind implements `arising`; the others are not asked, for speed."""
    quiet = BaseKind.arising
    return tuple(rule for rule in rulebook.rules if getattr(type(rule.kind), "arising", None) is not quiet)


def known_items(rulebook: Rulebook, today: date) -> tuple[Item, ...]:
    """Planned items up to the horizon. The horizon is a year's end, so that the list is made anew only once a year."""
    return items_of(rulebook, date((today + HORIZON).year, 12, 31))


def kin(rulebook: Rulebook, today: date, item: str) -> tuple[Item, ...]:
    """A known item and all its steps, parents first, or all periods of its rule: what one event may concern. Empty for an unknown id."""
    return _families(rulebook, date((today + HORIZON).year, 12, 31)).get(item, ())


@lru_cache(maxsize=8)
def _families(rulebook: Rulebook, until: date) -> Mapping[str, tuple[Item, ...]]:
    families: dict[str, list[Item]] = {}
    periods: dict[str, list[Item]] = {}
    for item in items_of(rulebook, until):
        families[item.id] = periods.setdefault(item.rule.id, []) if item.period else []
        families[item.id].append(item)
        above = item.parent
        while above in families:
            families[above].append(item)
            above = families[above][0].parent
    return {id_: tuple(items) for id_, items in families.items()}


def next_horizon(today: date) -> date:
    """The next day on which `known_items` grows."""
    return date((today + HORIZON).year + 1, 1, 1) - HORIZON


def judge(rulebook: Rulebook, facts: Facts, today: date, one: JudgeOne | None = None) -> list[Finding]:
    """One finding per known item, in the rulebook's order; `one` replaces `judge_one`."""
    found: dict[str, Finding] = {}
    one = one or judge_one
    for item in (*known_items(rulebook, today), *arisen_items(rulebook, facts)):
        finding = one(item, facts, today, rulebook.calendar)
        parent = found.get(item.parent) if item.parent else None
        if parent is not None:
            finding = under(finding, parent)
        found[item.id] = finding
    return list(found.values())


def judge_one(item: Item, facts: Facts, today: date, calendar: Calendar, listener: Listener | None = None) -> Finding:
    """The verdict about one item, not yet regarding its parent (`under`); by a `listener` nothing is late before it was told."""
    extended = extension(item, facts)
    asking = listener.of(extended or item) if listener else IN_TIME
    judged = judgement(asking.moved(extended or item), facts, today, calendar)
    return laid_over(judged, item, extended, facts, calendar, asking)


def extension(item: Item, facts: Facts) -> Item | None:
    """The item with the dates of the extension in force; None without an extension."""
    granted = facts.extension_of(item)
    if granted is None:
        return None
    return replace(item, due_on=granted.to, late_from=max(granted.to, item.late_from) if item.late_from else None)


def judgement(item: Item, facts: Facts, today: date, calendar: Calendar) -> Judgement:
    """The part of a verdict that depends on the day."""
    return _near(item.rule.kind.judge(item, facts, today), item, today, calendar)


def laid_over(
    judged: Judgement,
    item: Item,
    extended: Item | None,
    facts: Facts,
    calendar: Calendar,
    asking: Asking = IN_TIME,
) -> Finding:
    """The finding: the judgement with what only events change applied to it (done, closed, returned, extended, confirmed)."""
    granted, item = facts.extension_of(item) if extended else None, extended or item
    mark, gone = _mark(item, judged, facts), facts.taken_back.get(item.id)
    state, detail = _with_mark(judged, mark)
    anchor = _anchor(asking.moved(item), judged)
    due_on = item.due_on if asking.by else anchor.due_on if anchor else None
    return Finding(
        item=item,
        state=state,
        due_on=due_on,
        anchor=anchor,
        detail=detail,
        taken_back=gone,
        extended=extended is not None,
        granted_on=day_of(granted.at) if granted else None,
        made_good_by=item.rule.kind.made_good_by(item, facts) if state in _MISSED or asking.by else "",
        returned_at=mark.at if mark and mark.what == "returned" else None,
        registered_at=max((one.at for one in (mark, granted, gone) if one), default=None),
        returned_for=quoted(mark.note) if mark and mark.what == "returned" else "",
        extended_for=quoted(granted.reason) if granted else "",
        confirmed=facts.allows(item),
        lead=facts.confirmed_lead(item.rule),
        provisional=anchor is not None and calendar.is_provisional(anchor.due_on),
        known=judged.known,
        asking=asking,
    )


def _mark(item: Item, judged: Judgement, facts: Facts) -> Mark | None:
    """The last mark on the item; where values are judged, only a mark that is later than the last of them."""
    mark = facts.marks.get(item.id)
    if mark is None or judged.known is None:
        return mark
    return mark if mark.moment > judged.known else None


def _near(judgement: Judgement, item: Item, today: date, calendar: Calendar) -> Judgement:
    """Turns 正常推进 into 临期 when the ladder's lead time before the due date has begun."""
    if judgement.state is not State.ON_TRACK or item.due_on is None or today > item.due_on:
        return judgement
    if today >= approaching_from(item.due_on, item.rule.ladder.approaching, calendar):
        return replace(judgement, state=State.APPROACHING)
    return judgement


def _with_mark(judgement: Judgement, mark: Mark | None) -> tuple[State, str]:
    """State and detail with the mark applied; an item that its kind found closed (a value was reported) needs no check."""
    if mark is not None and mark.what == "closed":
        return State.CLOSED, "已销号"
    if mark is not None and mark.what == "done" and judgement.state is not State.CLOSED:
        return State.AWAITING_CHECK, "已报办结，待核"
    return judgement.state, judgement.detail


def _anchor(item: Item, judgement: Judgement) -> Anchor | None:
    if judgement.anchor is not None:
        return Anchor(judgement.anchor, judgement.anchor, happened=True)
    if item.due_on is None or item.late_from is None:
        return None
    return Anchor(item.due_on, item.late_from)


def under(step: Finding, parent: Finding) -> Finding:
    """The step's finding with its parent regarded: closed with the parent; suppressed if the parent is overdue or reported done."""
    if parent.state is State.CLOSED:
        return replace(step, state=State.CLOSED, detail="随节点销号")
    if parent.state in (State.OVERDUE, State.AWAITING_RESULT, State.AWAITING_CHECK):
        return replace(step, suppressed_by=parent.item.id)
    return replace(step, parent_due_on=parent.due_on)


def turn(finding: Finding, today: date) -> datetime | None:
    """When time alone changes a finding: after its own or its parent's due date, the day it becomes late; daily while it waits."""
    anchor = finding.anchor
    if anchor is None or anchor.happened:
        return None
    days = (anchor.due_on, anchor.late_from, finding.parent_due_on)
    ahead = [day for day in days if day and day >= today] + ([today] if finding.asking.waits else [])
    following = [day + timedelta(days=1) for day in ahead]
    following += [day for day in (finding.asking.enters, finding.asking.hushed) if day and day > today]
    return midnight(min(following)) if following else None


def find_item(rulebook: Rulebook, item_id: str, today: date, facts: Facts) -> Item | None:
    """The item with that id, or with a former id; looks a few years ahead, for milestones beyond the horizon."""
    wanted = canonical(rulebook, item_id, facts)
    planned = items_of(rulebook, date(max(today.year + 2, 2036), 12, 31))
    for item in (*planned, *arisen_items(rulebook, facts)):
        if item.id == wanted:
            return item
    return None


def canonical(rulebook: Rulebook, item_id: str, facts: Facts = NOTHING_KNOWN) -> str:
    """The id as it is written today: with today's number of its rule, and a step of a case by its name."""
    return step_today(item_of_today(item_id, rulebook.succession, facts.cases, whole=True), rulebook.by_id, facts)


def undated(findings: Sequence[Finding]) -> Iterator[Finding]:
    """The findings of the 待定 list: commitments and steps without a date, in the rulebook's order."""
    return (finding for finding in findings if finding.state is State.UNDATED)


def moved_by_calendar(before: Rulebook, after: Rulebook, facts: Facts, today: date) -> dict[str, tuple[date, date]]:
    """Items whose due date a calendar moved: what their rules say of dates is the same before and after. Old and new date of each."""
    if before.calendar == after.calendar:
        return {}
    then = {item.id: item for item in (*known_items(before, today), *arisen_items(before, facts))}
    moved: dict[str, tuple[date, date]] = {}
    for item in (*known_items(after, today), *arisen_items(after, facts)):
        old = then.get(item.id)
        if old and old.due_on and item.due_on and old.due_on != item.due_on and _dates(old.rule) == _dates(item.rule):
            moved[item.id] = old.due_on, item.due_on
    return moved


def asked_anew(before: Rulebook, after: Rulebook, facts: Facts, today: date) -> dict[str, bool]:
    """Items that an edit made due soon or earlier than its units know; of each, whether its rule had none of that name before.

    A rule that was not there at all is none of them: it comes into force as a whole.
    """
    if before.rules == after.rules and before.plan == after.plan:
        return {}
    names, grace = after.succession, after.plan.grace
    soon = step(today, grace.count, grace.unit, after.calendar)
    then = {names.item(item.id): item for item in known_items(before, today) if item.rule.kind.plain}
    known = {names.renumbered(rule.id) for rule in before.rules}
    near = (item for item in known_items(after, today) if item.rule.kind.plain and item.due_on and item.due_on < soon)
    found = ((item.id, _is_anew(item, then.get(item.id), facts, today)) for item in near if item.rule.id in known)
    return {name: new for name, new in found if new is not None}


def redated(before: Rulebook, after: Rulebook, today: date) -> list[str]:
    """The rules that an edit gave other dates, under today's names: their units know the former ones."""
    names = after.succession
    rules = {names.renumbered(rule.id): rule for rule in before.rules}
    then, now = _days(before, today, names), _days(after, today, UNCHANGED)
    both = (
        (rule, rules[rule.id]) for rule in after.rules if rule.id in rules and then.get(rule.id) != now.get(rule.id)
    )
    return [rule.id for rule, old in both if _dates(rule) != _dates(old)]


def _days(rulebook: Rulebook, today: date, names: Succession) -> dict[str, dict[str, date | None]]:
    """The dates of every item by rule, under the names of `names`."""
    found: dict[str, dict[str, date | None]] = {}
    for item in known_items(rulebook, today):
        found.setdefault(names.renumbered(item.rule.id), {})[names.item(item.id)] = item.due_on
    return found


def _is_anew(item: Item, old: Item | None, facts: Facts, today: date) -> bool | None:
    """Whether an item is new, or (False) asked for sooner than before; None if neither. What was over before the edit is not."""
    if old is None or old.due_on is None:
        return True
    if not facts.allows(old) and item.rule.basis is not old.rule.basis and facts.allows(item):
        return True  # a proposal became the plan's own or a person's word
    sooner = item.due_on is not None and item.due_on < old.due_on and _dates(old.rule) != _dates(item.rule)
    return False if sooner and today <= old.due_on else None


def _dates(rule: Rule) -> str:
    """What a rule says of dates."""
    return rule.kind.dates(rule.form)
