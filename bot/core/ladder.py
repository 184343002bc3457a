"""督办阶梯: when each rung of a ladder is nominally due, and in which slot it is told.

The nominal date never moves; the slot does: before the due date to the sending day before, after it to the sending day
after (design §4). A rung is identified for ever by its nominal date, so downtime and edits never repeat one.
"""

from __future__ import annotations

from bisect import bisect_right
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from bot.core.rulebook import Delivery, Role, Rule, RungForm
from bot.core.words import Offset, Side, Span, Unit
from bot.core.workdays import Calendar


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One telling of one rung: `on` is nominal, `slot_on` the day on which it is told at the earliest."""

    on: date
    slot_on: date
    rung: RungForm
    label: str
    before_due: bool


@dataclass(frozen=True, slots=True)
class Anchor:
    """What a ladder counts from: the due date, and the day overdue rungs count from.

    `happened` is True when the anchor is an event (a value became known): then nothing can be told before it.
    """

    due_on: date
    late_from: date
    happened: bool = False


def step(day: date, count: int, unit: Unit, calendar: Calendar) -> date:
    """`count` days, workdays or months after `day` (before it when negative)."""
    if unit is Unit.WORKDAY:
        return calendar.shift_workdays(day, count)
    if unit is Unit.MONTH:
        return _months(day, count)
    return day + timedelta(days=count)


def _months(day: date, count: int) -> date:
    """The same day of another month, or that month's last day when it is shorter."""
    year, month = divmod(day.year * 12 + day.month - 1 + count, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def approaching_from(due_on: date, span: Span, calendar: Calendar) -> date:
    """First day on which an item counts as 临期."""
    return step(due_on, -span.count, span.unit, calendar)


def send_day(day: date, forward: bool, calendar: Calendar) -> date:
    """The sending day at or next to `day`, searching forward or back."""
    return calendar.send_day_on_or_after(day) if forward else calendar.send_day_on_or_before(day)


@dataclass(frozen=True, slots=True)
class Stairs:
    """The tellings one addressee hears, and their slot days made monotone so that bisect may be used."""

    tellings: tuple[Occurrence, ...]
    slots: tuple[date, ...]

    def at(self, today: date) -> tuple[Occurrence | None, date | None]:
        """The deepest telling whose slot has come by `today`, and the slot day of the next one (None at the end)."""
        index = bisect_right(self.slots, today)
        return (
            self.tellings[index - 1] if index else None,
            self.slots[index] if index < len(self.slots) else None,
        )

    def between(self, after: date | None, upto: date) -> tuple[date, ...]:
        """Nominal dates later than `after` and before `upto`: what a deeper rung supersedes."""
        return tuple(t.on for t in self.tellings if (after is None or t.on > after) and t.on < upto)


@lru_cache(maxsize=200_000)
def stairs(
    rule: Rule, anchor: Anchor, calendar: Calendar, until: date, roles: frozenset[Role], state: str, past_due: bool
) -> Stairs:
    """What somebody with these `roles` hears of a finding in `state`: everything up to `until` and the next after it.

    Before-due rungs lapse once the due date has passed: nobody is told 提前7天 of something overdue.
    """
    found = [
        telling
        for telling in _occurrences(rule, anchor, calendar, until)
        if roles.intersection(telling.rung.roles)
        and (not telling.rung.states or state in telling.rung.states)
        and not (past_due and telling.before_due)
    ]
    slots: list[date] = []
    for telling in found:
        slots.append(max(telling.slot_on, slots[-1]) if slots else telling.slot_on)
    return Stairs(tuple(found), tuple(slots))


@lru_cache(maxsize=50_000)
def _occurrences(rule: Rule, anchor: Anchor, calendar: Calendar, until: date) -> tuple[Occurrence, ...]:
    """Every telling of every rung, in order of nominal date, then as the ladder lists them.

    A repeating rung is unrolled up to its first telling after `until`, so that "no next telling" is never said too early.
    """
    found = [one for rung in rule.ladder.rungs for one in _of_rung(rung, anchor, calendar, until)]
    return tuple(sorted(found, key=lambda occurrence: occurrence.on))


def _of_rung(rung: RungForm, anchor: Anchor, calendar: Calendar, until: date) -> Iterator[Occurrence]:
    before = rung.offset.side is not Side.AFTER and not anchor.happened
    base = anchor.late_from if rung.offset.side is Side.AFTER else anchor.due_on
    for on in _nominal(rung.offset, base, calendar, until):
        if rung.delivery is Delivery.MONTHLY:
            yield from _monthly(rung, on, calendar, until)
            return
        yield Occurrence(on, send_day(on, not before, calendar), rung, _label(rung.offset), before)


def _nominal(offset: Offset, base: date, calendar: Calendar, until: date) -> Iterator[date]:
    sign = {Side.BEFORE: -1, Side.ON: 0, Side.AFTER: 1}[offset.side]
    times = 1
    while True:
        on = step(base, sign * times * offset.count, offset.unit, calendar) if sign else base
        yield on
        if not offset.repeats or on > until:
            return
        times += 1


def _monthly(rung: RungForm, reached: date, calendar: Calendar, until: date) -> Iterator[Occurrence]:
    """The first sending day of every month from the one in which the rung is reached."""
    label = f"{_label(rung.offset)}·月度清单"
    month = reached.replace(day=1)
    while True:
        on = _opening_day(month, calendar)
        if on >= reached:
            yield Occurrence(on, on, rung, label, False)
            if on > until:
                return
        month = (month + timedelta(days=32)).replace(day=1)


@lru_cache(maxsize=4096)
def _opening_day(month: date, calendar: Calendar) -> date:
    """The first sending day of a month."""
    return send_day(month, True, calendar)


@lru_cache(maxsize=1024)
def _label(offset: Offset) -> str:
    return offset.words()
