"""Facts: what is known at a moment, folded from events in the order in which they were taken in.

`after` returns new facts and does not change the old ones; replaying all events gives the same facts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import singledispatch
from typing import TypeVar

from bot.core.facts import events as e
from bot.core.facts.cases import Case
from bot.core.facts.renaming import payload_of_today
from bot.core.rules.item import Item, Moment
from bot.core.rules.item_ids import case_id, split_step, without_step
from bot.core.rules.rulebook import Basis, Rule
from bot.core.rules.succession import UNCHANGED, Succession
from bot.core.time.cadence import period_place, same_cadence
from bot.core.time.zone import day_of

Key = TypeVar("Key")
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Mark:
    """The last thing people said of an item: done, closed or returned; when, by whom, why. `order` as of an observation.

    `before` is what was said last of another kind: it holds again when this is withdrawn.
    """

    what: str
    at: datetime
    by: str = ""
    note: str = ""
    order: int = field(default=0, compare=False)
    before: Mark | None = field(default=None, repr=False)

    @property
    def moment(self) -> Moment:
        """When it was said."""
        return self.at, self.order


@dataclass(frozen=True, slots=True)
class Extension:
    """A granted new due date, bound to the rule's date it replaced."""

    to: date
    rule_due: date
    reason: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class TakenBack:
    """What was registered at `entered` and withdrawn at `at`, by the name that its event has after `duban.`."""

    what: str
    entered: datetime
    at: datetime

    @property
    def reopens(self) -> bool:
        """Whether what had stood for a day is to be done again, or sooner; what is put right on the same day changes nothing."""
        return self.what != "returned" and day_of(self.entered) < day_of(self.at)


@dataclass(frozen=True, slots=True)
class Observation:
    """A reported value, and when it became known; `order` tells apart events of one instant, as they were taken in."""

    value: Decimal
    at: datetime
    event: str
    final: bool = True
    order: int = field(default=0, compare=False)

    @property
    def moment(self) -> Moment:
        """When it became known."""
        return self.at, self.order


@dataclass(frozen=True, slots=True)
class Silence:
    """No reminders until an instant; of an item, or to a chat."""

    until: datetime
    at: datetime
    by: str
    reason: str


#: Begins the key of what says that refused edits were put right.
MENDED = "规则改好@"


@dataclass(frozen=True, slots=True)
class Rejection:
    """An edit or an inbox file the bot could not accept."""

    key: str
    at: datetime
    lines: tuple[str, ...]
    mended: bool = False  # put right since: told no more

    @property
    def of_rules(self) -> bool:
        """Whether it is an edit of the rules."""
        return self.key.startswith("规则改动@")

    @property
    def stands(self) -> bool:
        """Whether it is an edit of the rules that nothing has put right yet."""
        return self.of_rules and not self.mended

    def follows(self, other: Rejection) -> bool:
        """Whether both are edits of the rules, and this one came less than an hour after the other."""
        return self.of_rules and other.of_rules and self.at - other.at < timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known. Keys are item ids, rule ids, chats, or (indicator, period)."""

    marks: Mapping[str, Mark] = field(default_factory=dict)
    #: rule → its periods that ever had a mark: where to look for one that is done
    marked_periods: Mapping[str, tuple[str, ...]] = field(default_factory=dict, compare=False)
    extensions: Mapping[str, Extension] = field(default_factory=dict)
    observations: Mapping[tuple[str, str], Observation] = field(default_factory=dict)
    periods: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # indicator → periods with any value
    #: values taken back and not reported anew, if they counted
    withdrawn: Mapping[tuple[str, str], TakenBack] = field(default_factory=dict)
    taken_back: Mapping[str, TakenBack] = field(
        default_factory=dict
    )  # by item, until something is registered for it again
    cases: Mapping[tuple[str, str], Case] = field(default_factory=dict)  # by (rule, case number)
    item_silences: Mapping[str, Silence] = field(default_factory=dict)
    chat_silences: Mapping[str, Silence] = field(default_factory=dict)
    confirmed_rules: Mapping[str, str] = field(default_factory=dict)
    confirmed_leads: Mapping[str, str] = field(default_factory=dict)
    confirmed_at: Mapping[str, datetime] = field(default_factory=dict)  # when each rule was first confirmed
    agreed_at: Mapping[str, datetime] = field(
        default_factory=dict
    )  # when each was last confirmed as something else than before
    rejections: tuple[Rejection, ...] = ()
    all_confirmed: bool = False  # --as-confirmed and the drill
    names: Succession = UNCHANGED  # under which names they are known today
    version: int = 0  # counts events; equal versions of one lineage are equal facts

    def after(self, event: e.Event) -> Facts:
        """The facts once `event` is taken in."""
        changed = _apply(payload_of_today(event.payload, self.names, self.cases), self, event)
        return replace(changed, version=self.version + 1)

    def value(self, indicator: str, period: str) -> Observation | None:
        """The final value of an indicator for a period; None for a preliminary one."""
        seen = self.observations.get((indicator, period))
        return seen if seen is not None and seen.final else None

    def later_done(self, item: Item) -> str:
        """A later period of the item's rule that was done or closed; empty without one."""
        mine = period_place(item.period)
        alike = (one for one in self.marked_periods.get(item.rule.id, ()) if same_cadence(one, item.period))
        later = (one for one in alike if period_place(one) > mine)
        return next((one for one in (f"{item.rule.id}@{period}" for period in later) if self._is_done(one)), "")

    def _is_done(self, item: str) -> bool:
        mark = self.marks.get(item)
        return mark is not None and mark.what in ("done", "closed")

    def confirms(self, rule: Rule) -> bool:
        """Whether no part of a rule is an unconfirmed proposal: it is the plan's or a person's, or was confirmed as it is."""
        if self.all_confirmed or not (rule.basis is Basis.PROPOSED or rule.kind.proposes(rule.form)):
            return True
        leads = rule.lead.units if rule.lead else ()
        return self.names.agrees(self.confirmed_rules.get(rule.id, ""), rule.fingerprint, leads)

    def allows(self, item: Item) -> bool:
        """Whether units may be told of an item: its own date must be confirmed, those of its rule's steps need not."""
        proposed = item.proposed or item.rule.basis is Basis.PROPOSED
        return not proposed or self.confirms(item.rule)

    def confirmed_lead(self, rule: Rule) -> str | None:
        """The lead in force; None while it is an unconfirmed proposal."""
        if rule.lead is None:
            return None
        if self.all_confirmed or rule.lead.basis is not Basis.PROPOSED:
            return rule.lead.unit
        return rule.lead.unit if self.confirmed_leads.get(rule.lead_key) == rule.lead.unit else None

    def extension_of(self, item: Item) -> Extension | None:
        """The extension in force. It is void once the rule's date is another than the one it replaced."""
        extension = self.extensions.get(item.id)
        return extension if extension and extension.rule_due == item.due_on else None

    def void_extension_of(self, item: Item) -> Extension | None:
        """An extension that is void because the rule's date has changed."""
        extension = self.extensions.get(item.id)
        return extension if extension and extension.rule_due != item.due_on else None


def fold(events: Iterable[e.Event], start: Facts | None = None) -> Facts:
    """Facts after all `events`, in order."""
    facts = start or Facts()
    for event in events:
        facts = facts.after(event)
    return facts


@singledispatch
def _apply(payload: e.Payload, facts: Facts, event: e.Event) -> Facts:
    raise TypeError(f"no fold for {type(payload).__name__}")


def _marked(facts: Facts, item: str, mark: Mark) -> Facts:
    last = facts.marks.get(item)
    before = last.before if last and last.what == mark.what else last
    mark = replace(mark, order=facts.version, before=before)
    return replace(
        facts,
        marks={**facts.marks, item: mark},
        marked_periods=_with_period(facts, item),
        taken_back=_without(facts.taken_back, item),
    )


def _with_period(facts: Facts, item: str) -> Mapping[str, tuple[str, ...]]:
    """The marked periods, with the item's among them."""
    rule, _, period = item.partition("@")
    known = facts.marked_periods.get(rule, ())
    return facts.marked_periods if not period or period in known else {**facts.marked_periods, rule: (*known, period)}


@_apply.register
def _(payload: e.Done, facts: Facts, event: e.Event) -> Facts:
    return _marked(facts, payload.item, Mark("done", event.time, payload.by, payload.note))


@_apply.register
def _(payload: e.Closed, facts: Facts, event: e.Event) -> Facts:
    return _marked(facts, payload.item, Mark("closed", event.time, payload.by))


@_apply.register
def _(payload: e.Returned, facts: Facts, event: e.Event) -> Facts:
    return _marked(facts, payload.item, Mark("returned", event.time, payload.by, payload.reason))


@_apply.register
def _(payload: e.Extended, facts: Facts, event: e.Event) -> Facts:
    granted = Extension(payload.to, payload.rule_due, payload.reason, payload.by, event.time)
    return replace(
        facts,
        extensions={**facts.extensions, payload.item: granted},
        taken_back=_without(facts.taken_back, payload.item),
    )


@_apply.register
def _(payload: e.Observed, facts: Facts, event: e.Event) -> Facts:
    key = payload.indicator, payload.period
    known = facts.observations.get(key)
    again = known is not None and (known.value, known.final) == (payload.value, payload.final)
    if known and again and (not _too_soon(payload.period, known.at) or _too_soon(payload.period, event.time)):
        return facts  # the same value reported again changes nothing, and nobody is told
    seen = Observation(payload.value, event.time, event.id, payload.final, facts.version)
    facts = replace(facts, observations={**facts.observations, key: seen}, withdrawn=_without(facts.withdrawn, key))
    if known is not None:
        return facts
    labels = (*facts.periods.get(payload.indicator, ()), payload.period)
    return replace(facts, periods={**facts.periods, payload.indicator: labels})


def _too_soon(period: str, at: datetime) -> bool:
    """Whether a period certainly lay ahead, by the year or month in its label; such a value is judged by nothing."""
    year, month = period[:4], period[5:7] if re.fullmatch(r"\d{4}-\d\d", period) else ""
    return f"{year}{month}" > day_of(at).strftime("%Y%m" if month else "%Y")


@_apply.register
def _(payload: e.CaseOpened, facts: Facts, event: e.Event) -> Facts:
    del event
    if (payload.rule, payload.case) in facts.cases:
        return facts  # a case number is used once
    opened = Case(payload.rule, payload.case, payload.on, payload.category, payload.steps)
    return replace(facts, cases={**facts.cases, (payload.rule, payload.case): opened})


@_apply.register
def _(payload: e.CaseAdvanced, facts: Facts, event: e.Event) -> Facts:
    found = split_step(payload.item)
    if found is None:
        return facts
    return _with_case(facts, found[:2], lambda case: case.advanced(found.step, payload.on, event.time))


@_apply.register
def _(payload: e.CasePaused, facts: Facts, event: e.Event) -> Facts:
    del event
    return _with_case(facts, (payload.rule, payload.case), lambda case: case.paused(payload.on, payload.reason))


@_apply.register
def _(payload: e.CaseResumed, facts: Facts, event: e.Event) -> Facts:
    del event
    return _with_case(facts, (payload.rule, payload.case), lambda case: case.resumed(payload.on))


def _with_case(facts: Facts, key: tuple[str, str], change: Callable[[Case], Case]) -> Facts:
    """Facts with one case changed; an event about none changes nothing."""
    case = facts.cases.get(key)
    return facts if case is None else replace(facts, cases={**facts.cases, key: change(case)})


@_apply.register
def _(payload: e.Silenced, facts: Facts, event: e.Event) -> Facts:
    silence = Silence(payload.until, event.time, payload.by, payload.reason)
    if payload.chat:
        return replace(facts, chat_silences={**facts.chat_silences, payload.chat: silence})
    return replace(facts, item_silences={**facts.item_silences, payload.item: silence})


@_apply.register
def _(payload: e.Confirmed, facts: Facts, event: e.Event) -> Facts:
    fresh = [rule for rule, what in payload.rules.items() if facts.confirmed_rules.get(rule) != what]
    return replace(
        facts,
        agreed_at={**facts.agreed_at, **dict.fromkeys(fresh, event.time)},
        confirmed_rules={**facts.confirmed_rules, **payload.rules},
        confirmed_leads={**facts.confirmed_leads, **payload.leads},
        confirmed_at={**dict.fromkeys(payload.rules, event.time), **facts.confirmed_at},
    )


@_apply.register
def _(payload: e.Withdrawn, facts: Facts, event: e.Event) -> Facts:
    """Facts without what is withdrawn; what is not there changes nothing."""
    item = payload.item
    match payload.what:
        case "observed":
            return _without_value(facts, payload.indicator, payload.period, event.time)
        case "done" | "closed" | "returned":
            return _without_mark(facts, item, payload.what, event.time)
        case "extended":
            return _without_extension(facts, item, event.time)
        case "silenced":
            items, chats = _without(facts.item_silences, item), _without(facts.chat_silences, payload.chat)
            return replace(facts, item_silences=items, chat_silences=chats)
        case "confirmed":
            rules, leads = _without(facts.confirmed_rules, item), _without(facts.confirmed_leads, item)
            at, agreed = _without(facts.confirmed_at, item), _without(facts.agreed_at, item)
            return replace(facts, confirmed_rules=rules, confirmed_leads=leads, confirmed_at=at, agreed_at=agreed)
        case "case_opened":
            return _without_case(facts, (payload.rule, payload.case))
        case "case_advanced":
            step = split_step(item)
            return _with_case(facts, step[:2], lambda case: case.without_step(step.step)) if step else facts
        case "case_paused":
            return _with_case(facts, (payload.rule, payload.case), Case.without_pause)
        case "case_resumed":
            return _with_case(facts, (payload.rule, payload.case), Case.still_paused)


def _without(known: Mapping[Key, Value], gone: Key) -> Mapping[Key, Value]:
    return {key: value for key, value in known.items() if key != gone} if gone in known else known


def _without_value(facts: Facts, indicator: str, period: str, at: datetime) -> Facts:
    key = indicator, period
    seen = facts.observations.get(key)
    if seen is None:
        return facts
    labels = tuple(label for label in facts.periods[indicator] if label != period)
    periods = {**facts.periods, indicator: labels} if labels else _without(facts.periods, indicator)
    observations = _without(facts.observations, key)
    missed = (
        facts.withdrawn if _too_soon(period, seen.at) else {**facts.withdrawn, key: TakenBack("observed", seen.at, at)}
    )
    return replace(facts, observations=observations, periods=periods, withdrawn=missed)


def _without_mark(facts: Facts, item: str, what: str, at: datetime) -> Facts:
    """Facts without the last mark of an item, if it is of this kind; the one before holds again."""
    last = facts.marks.get(item)
    if last is None or last.what != what:
        return facts
    marks = _without(facts.marks, item)
    marks = {**marks, item: last.before} if last.before else marks
    return replace(facts, marks=marks, taken_back={**facts.taken_back, item: TakenBack(what, last.at, at)})


def _without_extension(facts: Facts, item: str, at: datetime) -> Facts:
    granted = facts.extensions.get(item)
    if granted is None:
        return facts
    gone = TakenBack("extended", granted.at, at)
    return replace(facts, extensions=_without(facts.extensions, item), taken_back={**facts.taken_back, item: gone})


def _without_case(facts: Facts, key: tuple[str, str]) -> Facts:
    """Facts without a case and all that was said of its steps."""
    if key not in facts.cases:
        return facts
    whole = case_id(*key)

    def others(known: Mapping[str, Value]) -> Mapping[str, Value]:
        return {name: value for name, value in known.items() if without_step(name) != whole}

    return replace(
        facts,
        cases=_without(facts.cases, key),
        marks=others(facts.marks),
        extensions=others(facts.extensions),
        taken_back=others(facts.taken_back),
        item_silences=others(facts.item_silences),
    )


@_apply.register(e.ResendAsked)
@_apply.register(e.RobotMended)
def _(payload: e.Payload, facts: Facts, event: e.Event) -> Facts:
    """About messages and robots, not about items: `bot/sending/orders.py` acts on them."""
    del payload, event
    return facts


@_apply.register
def _(payload: e.RulesRejected, facts: Facts, event: e.Event) -> Facts:
    lines = (f"共{payload.problems}处问题，仍按上一版规则运行。", *payload.first)
    facts = replace(facts, rejections=tuple(one for one in facts.rejections if not one.key.startswith(MENDED)))
    return _rejected(facts, Rejection(payload.key, event.time, lines))


@_apply.register
def _(payload: e.RulesMended, facts: Facts, event: e.Event) -> Facts:
    """What was refused is true no more; that it was put right is news only for an admin who heard of it."""
    left = tuple(replace(one, mended=True) if one.of_rules else one for one in facts.rejections)
    lines = ("此前告知的规则问题已改好，现按改好的规则运行。",)
    mended = (Rejection(f"{MENDED}{event.time:%Y-%m-%dT%H:%M}", event.time, lines),) if payload.told else ()
    return replace(facts, rejections=(*left, *mended))


@_apply.register
def _(payload: e.EventRejected, facts: Facts, event: e.Event) -> Facts:
    return _rejected(facts, Rejection(f"来件@{payload.name}", event.time, (payload.problem,)))


def _rejected(facts: Facts, rejection: Rejection) -> Facts:
    """Keeps the last fifty; of rejected edits less than an hour apart only the first and the last."""
    kept = facts.rejections
    hasty = len(kept) > 1 and rejection.follows(kept[-1]) and rejection.follows(kept[-2])
    kept = kept[:-1] if hasty else kept[-49:]
    return replace(facts, rejections=(*kept, rejection))
