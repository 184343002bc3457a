"""One rule by itself, and the situations in which a test of it is worth having.

A situation is: nothing known, a value just above or below the point where the verdict changes, or a case just opened. What is
told of a rule depends on no other rule, so its preview is that of a rulebook with this rule alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property
from itertools import groupby, islice, pairwise
from typing import Any

from bot.core.facts import events as e
from bot.core.facts.events import Event
from bot.core.facts.facts import Facts, fold
from bot.core.preview.mutations import Mutation, alone, families, fine
from bot.core.preview.rehearsal import Occasion, WordedTelling, first_look, happening, play
from bot.core.rules.item import Item
from bot.core.rules.rulebook import IndicatorForm, Rule, Rulebook
from bot.core.time.zone import day_of
from bot.rule_kinds import kinds
from bot.rulefiles.known import VERBS, Known

#: Tests are written for the first year of a rule's dates; what is told is followed for some months after each date.
YEARS = timedelta(days=366)
AFTERWARDS = timedelta(days=130)
#: How far ahead dates of a rule are looked for.
AHEAD = timedelta(days=366 * 12)
#: A rule with at most this many dates is followed to the last, however far apart they are (目标2027、2035).
FEW = 3
#: How many values are tried to find where a verdict changes.
GRID = 40
#: How many periods are tried; after this many with a change of verdict the rest are left out.
PERIODS = 4
TURNING = 2
#: The value tried first for an indicator without target and baseline.
USUAL = Decimal(50)
#: How many earlier periods are reported, too: none, one, enough for a trend.
HISTORIES = (0, 1, 3)

Spot = tuple[date, str, str]  # day, unit, item
WordedPreview = Mapping[Spot, WordedTelling]


@dataclass(frozen=True)
class Situation:
    """What has happened: as lines of 已知, and as events."""

    known: tuple[Known, ...] = ()
    events: tuple[Event, ...] = ()

    @property
    def label(self) -> str:
        """What happened last, as a word for the name of a test."""
        last = self.known[-1] if self.known else None
        if last is None:
            return ""
        return f"报{last.value}" if hasattr(last, "value") else last.verb

    @property
    def last(self) -> date:
        """The day of the last event."""
        return max((day_of(event.time) for event in self.events), default=date.min)


@dataclass(frozen=True)
class World:
    """One rule in its rulebook; `item` narrows it to one of its items."""

    rulebook: Rulebook
    rule: Rule
    item: str = ""

    @cached_property
    def until(self) -> date:
        """The last day of its previews: some months after the last date that is followed."""
        start = self.rulebook.plan.starts_on
        items = self.rule.kind.items(self.rule, self.rulebook.calendar, start, start + AHEAD)
        dates = sorted({one.late_from or one.due_on for one in items if one.due_on and self._wants(one.id)})
        near = [day for day in dates if len(dates) <= FEW or day <= dates[0] + YEARS]
        return max([*near[-1:], start]) + AFTERWARDS

    @cached_property
    def situations(self) -> tuple[Situation, ...]:
        """Nothing known, and the values or cases that change what is told."""
        return (Situation(), *_values(self), *_cases(self))

    @cached_property
    def previews(self) -> tuple[WordedPreview, ...]:
        """What is told of the rule in each situation."""
        return tuple(self.preview(self.rule, situation) for situation in self.situations)

    @cached_property
    def items(self) -> frozenset[str]:
        """The ids a test may name: of items with a date, and of every item that is told."""
        start = self.rulebook.plan.starts_on
        planned = self.rule.kind.items(self.rule, self.rulebook.calendar, start, start + AHEAD)
        told = (spot[2] for preview in self.previews for spot in preview)
        return frozenset((*(one.id for one in planned), *told))

    def preview(self, rule: Rule, situation: Situation) -> WordedPreview:
        """What would be told in a situation if `rule` took the rule's place."""
        world, until, start = alone(self.rulebook, rule), self.until, self.rulebook.plan.starts_on
        if situation.events:
            start = first_look(world, situation.last, situation.events)
            until = situation.last + AFTERWARDS
        return {
            (said.on, said.unit, part.telling.item): part
            for said in play(world, Occasion(until, situation.events), start)
            for part in said.about
            if part.telling.rule == rule.id and self._wants(part.telling.item) and said.on > situation.last
        }

    def _wants(self, item: str) -> bool:
        return not self.item or item == self.item

    def changes(self) -> Iterator[Iterator[Mutation]]:
        """The possible changes of the rule, grouped by the place they change."""
        return families(self.rule, self.rulebook.addressable)


# --- situations --------------------------------------------------------------------------------------------------------


def _situation(world: World, facts: Iterable[tuple[str, dict[str, Any], date]]) -> Situation:
    """The situation made of (verb, values, day), each as a line of 已知 and as an event."""
    known, events = [], []
    for index, (word, values, day) in enumerate(sorted(facts, key=lambda one: one[2])):
        verb = VERBS[word]
        line = verb.form.model_validate({**values, "day": day})
        known.append(line)
        payload = verb.event(line, world.rulebook, day)
        events.append(Event.of(payload, key=f"已知-{index}", time=happening(day), source="duban/test"))
    return Situation(tuple(known), tuple(events))


def _cases(world: World) -> Iterator[Situation]:
    """A case opened two months after the plan's start, for kinds whose items arise from cases; one for each category."""
    rule, start = world.rule, world.rulebook.plan.starts_on
    day = world.rulebook.calendar.send_day_on_or_after(start + timedelta(days=60))
    for category in getattr(rule.form, "categories", ()) or ("",):
        opened = e.CaseOpened(rule=rule.id, case=f"{day.year}-001", on=day, category=category)
        facts = Facts(all_confirmed=True).after(Event.of(opened, key="case", time=happening(day)))
        if any(rule.kind.arising(rule, facts, world.rulebook.calendar)):
            values = {"rule": rule.id, "case": f"{day.year}-001", **({"category": category} if category else {})}
            yield _situation(world, [("登记", values, day)])


def _values(world: World) -> Iterator[Situation]:
    """A value on either side of every point where the verdict about a period changes."""
    form = world.rule.form
    if isinstance(form, IndicatorForm):
        reports = _reports(world, form)
        found = (_turning(world, form, reports, period) for period in _periods(world, reports)[:PERIODS])
        for situations in islice((some for some in found if some), TURNING):
            yield from situations


def _turning(world: World, form: IndicatorForm, reports: Mapping[str, date], period: str) -> list[Situation]:
    """The situations around each change of verdict in one period, with as few earlier periods as are needed."""
    for count in HISTORIES:
        probe = _Probe(world, form, reports, period, count)
        values = sorted({value for pair in probe.turns() for value in pair})
        if values:
            return [_situation(world, probe.facts(value)) for value in values]
    return []


def _reports(world: World, form: IndicatorForm) -> dict[str, date]:
    """By period, the day on which its value is due (应报)."""
    start = world.rulebook.plan.starts_on
    calendar, until = world.rulebook.calendar, start + AHEAD
    asking = next(kind for kind in kinds().values() if kind.asks_for_values)
    items = asking.items(world.rule, calendar, start - timedelta(days=366 * 6), until)
    del form
    return {item.period: item.due_on for item in items if item.due_on}


def _periods(world: World, reports: Mapping[str, date]) -> list[str]:
    """Periods that are judged: first those of the rule's items, then the others in order of 应报."""
    start = world.rulebook.plan.starts_on
    later = [period for period, day in reports.items() if day > start + timedelta(days=30)]
    items = world.rule.kind.items(world.rule, world.rulebook.calendar, start, start + AHEAD)
    own = [item.period for item in items if item.period and (not world.item or item.id == world.item)]
    return list(dict.fromkeys((*(period for period in own if period in later), *later)))


@dataclass(frozen=True)
class _Probe:
    """Searches the values at which the verdict about one period changes; `count` earlier periods are known."""

    world: World
    form: IndicatorForm
    reports: Mapping[str, date]
    period: str
    count: int

    @cached_property
    def _numbers(self) -> list[Decimal]:
        targets = [target.value for target in self.form.targets]
        return sorted({*targets, *([self.form.baseline.value] if self.form.baseline else ())}) or [USUAL]

    @cached_property
    def _step(self) -> Decimal:
        return min(fine(number) for number in self._numbers)

    def facts(self, value: Decimal) -> list[tuple[str, dict[str, Any], date]]:
        """报送 of the earlier periods and of indicators the rule names (all with its lowest number), and of this period."""
        labels = list(self.reports)
        at = labels.index(self.period)
        usual = self._numbers[0]
        earlier = labels[max(0, at - self.count) : at]
        found = [(self.form.id, label, usual) for label in earlier]
        found += [(other, label, usual) for other in self._others for label in (*earlier, self.period)]
        found.append((self.form.id, self.period, value))
        return [
            ("报送", {"indicator": indicator, "period": label, "value": number}, self.reports[label])
            for indicator, label, number in found
        ]

    @cached_property
    def _others(self) -> tuple[str, ...]:
        written = str(self.form.model_dump())
        others = (one.id for one in self.world.rulebook.indicators if one.id != self.form.id)
        return tuple(other for other in others if re.search(rf"\b{other}\b", written))

    def _verdict(self, value: Decimal) -> tuple[Any, ...]:
        world = self.world
        situation = _situation(world, self.facts(value))
        facts = fold(situation.events, Facts(all_confirmed=True))
        start, calendar = world.rulebook.plan.starts_on, world.rulebook.calendar
        items: list[Item] = list(world.rule.kind.items(world.rule, calendar, start, start + AHEAD))
        items += world.rule.kind.arising(world.rule, facts, calendar)
        mine = [item for item in items if not world.item or item.id == world.item]
        today = self.reports[self.period] + timedelta(days=1)
        return tuple((item.id, world.rule.kind.judge(item, facts, today).state) for item in mine)

    def turns(self) -> Iterator[tuple[Decimal, Decimal]]:
        """Pairs of neighbouring values with different verdicts."""
        low, high = self._numbers[0], self._numbers[-1]
        span = max(abs(high) / 2, (high - low) * 2, self._step * GRID)
        steps = max(1, int(span / GRID / self._step))
        first = low - steps * self._step * (GRID // 2)
        grid = [first + steps * self._step * n for n in range(GRID + 1 + int((high - low) / (steps * self._step)))]
        judged = [(value, self._verdict(value)) for value in grid]
        for (left, before), (right, after) in pairwise(judged):
            if before != after:
                yield self._narrowed(left, right, before)

    def _narrowed(self, left: Decimal, right: Decimal, before: tuple[Any, ...]) -> tuple[Decimal, Decimal]:
        while right - left > self._step:
            middle = left + int((right - left) / self._step / 2) * self._step
            if self._verdict(middle) == before:
                left = middle
            else:
                right = middle
        return left, right


# --- naming ---------------------------------------------------------------------------------------------------------------


def worlds(rulebook: Rulebook, name: str) -> list[World]:
    """The rules that an id means (of an item, a rule, a task or an indicator), in the rulebook's order."""
    rule = rulebook.by_id.get(name)
    if rule is not None:
        return [World(rulebook, rule, name if _is_an_item(rulebook, rule, name) else "")]
    owned = list(rulebook.rules_of(name))
    if owned:
        return [World(rulebook, rule) for rule in owned if not _is_undated(rulebook, rule)]
    start = rulebook.plan.starts_on
    for rule, items in groupby(_items(rulebook, start), key=lambda one: one.rule):
        if any(item.id == name for item in items):
            return [World(rulebook, rule, name)]
    return []


def _is_an_item(rulebook: Rulebook, rule: Rule, name: str) -> bool:
    """Whether one of a rule's items has the rule's own id; then that item alone is meant: a milestone without its steps."""
    start = rulebook.plan.starts_on
    return any(item.id == name for item in rule.kind.items(rule, rulebook.calendar, start, start + AHEAD))


def _items(rulebook: Rulebook, start: date) -> Iterator[Item]:
    for rule in rulebook.rules:
        yield from rule.kind.items(rule, rulebook.calendar, start, start + AHEAD)


def _is_undated(rulebook: Rulebook, rule: Rule) -> bool:
    return rule.kind.undated
