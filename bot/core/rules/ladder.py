"""督办阶梯: when each rung of a ladder is nominally due, and in which slot it is told.

The nominal date never moves; the slot does: before the due date to the sending day before, after it to the sending day
after (design §4). A rung is identified for ever by its nominal date, so downtime and edits never repeat one.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from calendar import monthrange
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from heapq import merge
from itertools import chain, count
from operator import attrgetter

from bot.core.rules.item import State
from bot.core.rules.rulebook import Delivery, Role, Rule, RungForm
from bot.core.rules.words import Offset, Side, Span, Unit
from bot.core.time.workdays import Calendar


@dataclass(frozen=True, slots=True)
class DatedRung:
    """One telling of one rung: `on` is nominal, `slot_on` the day on which it is told at the earliest."""

    on: date
    slot_on: date
    form: RungForm
    label: str
    before_due: bool


_ON = attrgetter("on")


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


class Stairs:
    """The tellings one addressee hears of a finding, by nominal date, unrolled only as far as anybody has asked.

    Slot days are made monotone so that bisect may be used. A ladder that repeats has no last telling, so that "no next
    telling" is never said too early. Answers never depend on what was asked before; one thread at a time may ask.
    """

    def __init__(self, tellings: Iterator[DatedRung], only_lists: bool = False) -> None:
        self.only_lists = only_lists  # one rung's monthly lists and nothing else
        self._coming = tellings
        self._tellings: list[DatedRung] = []
        self._slots: list[date] = []
        self._dates: list[date] = []

    def at(self, today: date) -> tuple[DatedRung | None, date | None]:
        """The deepest telling whose slot has come by `today`, and the slot day of the next one (None at the end)."""
        place = self.place(today)
        return (
            self._tellings[place - 1] if place else None,
            self._slots[place] if place < len(self._slots) else None,
        )

    def place(self, today: date) -> int:
        """How many slots have come by `today`, which is where on the stairs the next telling stands."""
        if not self._slots or self._slots[-1] <= today:
            self._unroll(self._slots, today)
        return bisect_right(self._slots, today)

    def nth(self, place: int) -> tuple[DatedRung, date] | None:
        """The telling at a place (from 0) and its slot day; nothing past the end."""
        while place >= len(self._tellings):
            if not self._climb():
                return None
        return self._tellings[place], self._slots[place]

    def between(self, after: date | None, before: date) -> list[date]:
        """Nominal dates later than `after` and earlier than `before`: what a deeper rung supersedes."""
        if not self._dates or self._dates[-1] < before:
            self._unroll(self._dates, before)
        return self._dates[bisect_right(self._dates, after) if after else 0 : bisect_left(self._dates, before)]

    def until(self, day: date) -> list[DatedRung]:
        """The tellings of nominal dates up to `day`."""
        self._unroll(self._dates, day)
        return self._tellings[: bisect_right(self._dates, day)]

    def _unroll(self, reached: list[date], day: date) -> None:
        """Goes on until `reached` (the slots or the dates) has passed `day`."""
        while not reached or reached[-1] <= day:
            if not self._climb():
                return

    def _climb(self) -> bool:
        """One telling more, if there is any."""
        telling = next(self._coming, None)
        if telling is None:
            return False
        slot_on = telling.slot_on
        if self._slots and self._slots[-1] > slot_on:
            slot_on = self._slots[-1]
        self._tellings.append(telling)
        self._dates.append(telling.on)
        self._slots.append(slot_on)
        return True


#: Label of the telling on the first sending day of the month in which something is due.
MONTH_LIST = "月初清单"
#: A rung that many days before the date is what the month's list replaces, as long as the list itself leaves a week.
REPLACED, A_WEEK = range(8, 32), 7
_LISTED = RungForm(
    offset=Offset.parse("当天"), roles=(Role.LEAD, Role.COOPERATING, Role.PROVIDER), delivery=Delivery.DIGEST
)


def stairs(
    rule: Rule,
    anchor: Anchor,
    calendar: Calendar,
    roles: frozenset[Role],
    state: str,
    past_due: bool,
    month_list: bool = False,
) -> Stairs:
    """What somebody with these `roles` hears of a finding in `state`, as the ladder lists it where dates are equal.

    Before-due rungs lapse once the due date has passed: nobody is told 提前7天 of something overdue. With a `month_list`
    what is due in a month is told on its first sending day.
    """
    key = (anchor, calendar, roles, state, past_due, month_list)
    found = rule.climbed.get(key)
    if found is None:
        found = rule.climbed[key] = _heard(rule, *key)
    return found


def _heard(
    rule: Rule, anchor: Anchor, calendar: Calendar, roles: frozenset[Role], state: str, past_due: bool, month_list: bool
) -> Stairs:
    rungs = [
        rung
        for rung in rule.ladder.rungs
        if roles.intersection(rung.roles)
        and (not rung.states or state in rung.states)
        and not (past_due and _before_due(rung, anchor))
        and not (rung.offset.side is Side.AFTER and state == State.ADVISED)
    ]
    listed = _listed(rungs, anchor, calendar) if month_list and not past_due and not anchor.happened else None
    if listed is not None:
        rungs = [rung for rung in rungs if not _said_by(listed, rung, anchor, calendar)]
    endless = any(rung.offset.repeats or rung.delivery is Delivery.MONTHLY for rung in rungs)
    heard = [of_rung(rung, anchor, calendar) for rung in rungs]
    heard += [iter((listed,))] if listed else []
    if len(heard) == 1:
        return Stairs(heard[0], bool(rungs) and rungs[0].delivery is Delivery.MONTHLY)
    if not endless:  # the same order as merging, which looks at the first of each all the same
        return Stairs(iter(sorted(chain.from_iterable(heard), key=_ON)))
    return Stairs(merge(*heard, key=_ON))


def _listed(rungs: Iterable[RungForm], anchor: Anchor, calendar: Calendar) -> DatedRung | None:
    """The line of the month's list; none where these rungs say nothing ahead, where it would come too late, or beside a single."""
    on = _opening_day(anchor.due_on.replace(day=1), calendar)
    ahead = [(rung, day) for rung in rungs if (day := _ahead(rung, anchor, calendar))]
    alone = any(day == on and rung.delivery is Delivery.SINGLE for rung, day in ahead)
    return DatedRung(on, on, _LISTED, MONTH_LIST, True) if ahead and on < anchor.due_on and not alone else None


def _said_by(listed: DatedRung, rung: RungForm, anchor: Anchor, calendar: Calendar) -> bool:
    """Whether the month's list says what this rung would say: up to a month ahead, or on the very same day."""
    on = _ahead(rung, anchor, calendar)
    in_time = (anchor.due_on - listed.on).days >= A_WEEK
    return on is not None and (on == listed.on or (in_time and (anchor.due_on - on).days in REPLACED))


def _ahead(rung: RungForm, anchor: Anchor, calendar: Calendar) -> date | None:
    """The day of a rung that speaks once and before the date."""
    offset = rung.offset
    if offset.side is not Side.BEFORE or offset.repeats or rung.delivery is Delivery.MONTHLY:
        return None
    return step(anchor.due_on, -offset.count, offset.unit, calendar)


def _before_due(rung: RungForm, anchor: Anchor) -> bool:
    return rung.offset.side is not Side.AFTER and not anchor.happened


def of_rung(rung: RungForm, anchor: Anchor, calendar: Calendar) -> Iterator[DatedRung]:
    """Every date of one rung, in order; without end for a rung that repeats."""
    before, label = _before_due(rung, anchor), _label(rung.offset)
    for on in _nominal(rung.offset, anchor.late_from if rung.offset.side is Side.AFTER else anchor.due_on, calendar):
        if rung.delivery is Delivery.MONTHLY:
            yield from _monthly(rung, on, calendar)
            return
        yield DatedRung(on, send_day(on, not before, calendar), rung, label, before)


def _nominal(offset: Offset, base: date, calendar: Calendar) -> Iterator[date]:
    """The date of a rung; every date of one that repeats, without end."""
    sign = {Side.BEFORE: -1, Side.ON: 0, Side.AFTER: 1}[offset.side]
    for times in count(1) if offset.repeats else (1,):
        yield step(base, sign * times * offset.count, offset.unit, calendar) if sign else base


def _monthly(rung: RungForm, reached: date, calendar: Calendar) -> Iterator[DatedRung]:
    """The lists from the first that is not before the rung is `reached`, without end."""
    for year in count(reached.year):
        for listed in _lists(rung, year, calendar):
            if listed.on >= reached:
                yield listed


def following_list(listed: DatedRung, calendar: Calendar) -> DatedRung:
    """The same rung's list of the next month."""
    return next(_monthly(listed.form, listed.on + timedelta(days=1), calendar))


@lru_cache(maxsize=4096)
def _lists(rung: RungForm, year: int, calendar: Calendar) -> tuple[DatedRung, ...]:
    """A rung's monthly lists of one year, whatever they count from: on the first sending day of each month."""
    label = f"{_label(rung.offset)}·月度清单"
    days = (_opening_day(date(year, month, 1), calendar) for month in range(1, 13))
    return tuple(DatedRung(day, day, rung, label, False) for day in days)


@lru_cache(maxsize=4096)
def _opening_day(month: date, calendar: Calendar) -> date:
    """The first sending day of a month."""
    return send_day(month, True, calendar)


@lru_cache(maxsize=1024)
def _label(offset: Offset) -> str:
    return offset.words()
