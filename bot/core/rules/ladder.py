"""督办阶梯: when each rung of a ladder is nominally due, and in which slot it is told.

The day on which a rung is told is next to its nominal date: a rung before the due date is told on the last sending day up to it,
one after the due date on the first sending day from it on. What is only repeated to a unit, and a digest months before its date,
waits for that unit's day of the week.
What counts from a value is repeated once a quarter: it cannot change before the next value. A rung is identified by its label and
by which repetition it is, so neither downtime nor an edit of the rules leads to telling one twice, nor does a holiday notice that
moves its date.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from calendar import monthrange
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
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
    """One telling of one rung: `on` is the nominal date, `slot_on` the first day on which it may be told.

    `ordinal` says which repetition it is: 0 where there is one, n for the n-th, year * 12 + month for a monthly list.
    """

    on: date
    slot_on: date
    form: RungForm
    label: str
    before_due: bool
    ordinal: int = 0


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
    if unit is Unit.QUARTER:
        return _quarter(day, count)
    return day + timedelta(days=count)


def _months(day: date, count: int) -> date:
    """The same day of another month, or that month's last day when it is shorter."""
    year, month = divmod(day.year * 12 + day.month - 1 + count, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


#: What was said less than this long before a quarter begins need not be said again in that quarter's list.
LATELY = timedelta(days=90)


def _quarter(day: date, count: int) -> date:
    """The first day of the count-th quarter that begins 90 days or more after `day`."""
    eve = day + LATELY - timedelta(days=1)
    return _months(date(eve.year, (eve.month - 1) // 3 * 3 + 1, 1), 3 * count)


def approaching_from(due_on: date, span: Span, calendar: Calendar) -> date:
    """First day on which an item counts as 临期."""
    return step(due_on, -span.count, span.unit, calendar)


def send_day(day: date, forward: bool, calendar: Calendar) -> date:
    """The sending day at or next to `day`, searching forward or back."""
    return calendar.send_day_on_or_after(day) if forward else calendar.send_day_on_or_before(day)


class Stairs:
    """The tellings of a finding to one addressee, by nominal date, worked out lazily: a rung that repeats has no end.

    A slot day is never earlier than the one before it, so that bisect works. Answers do not depend on earlier questions.
    Not safe for several threads.
    """

    def __init__(self, tellings: Iterator[DatedRung], only_lists: bool = False) -> None:
        self.only_lists = only_lists  # the monthly lists of one rung, and no other rung
        self._coming = tellings
        self._tellings: list[DatedRung] = []
        self._slots: list[date] = []
        self._dates: list[date] = []

    def at(self, today: date) -> tuple[DatedRung | None, date | None]:
        """The last telling whose slot day is not after `today`, and the slot day of the next one (None at the end)."""
        place = self.place(today)
        return (
            self._tellings[place - 1] if place else None,
            self._slots[place] if place < len(self._slots) else None,
        )

    def place(self, today: date) -> int:
        """The number of tellings whose slot day is not after `today`; also the place of the next telling."""
        if not self._slots or self._slots[-1] <= today:
            self._unroll(self._slots, today)
        return bisect_right(self._slots, today)

    def nth(self, place: int) -> tuple[DatedRung, date] | None:
        """The telling at a place (from 0) and its slot day; None past the end."""
        while place >= len(self._tellings):
            if not self._climb():
                return None
        return self._tellings[place], self._slots[place]

    def between(self, after: date | None, before: date) -> list[date]:
        """Nominal dates later than `after` and earlier than `before`: the tellings that a later one makes needless."""
        if not self._dates or self._dates[-1] < before:
            self._unroll(self._dates, before)
        return self._dates[bisect_right(self._dates, after) if after else 0 : bisect_left(self._dates, before)]

    def until(self, day: date) -> list[DatedRung]:
        """The tellings of nominal dates up to `day`."""
        self._unroll(self._dates, day)
        return self._tellings[: bisect_right(self._dates, day)]

    def _unroll(self, reached: list[date], day: date) -> None:
        """Works out tellings until the last of `reached` (slot days or dates) is after `day`."""
        while not reached or reached[-1] <= day:
            if not self._climb():
                return

    def _climb(self) -> bool:
        """Works out one more telling; False at the end."""
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


#: Verdicts on values that call for action.
_WRONG_VALUES = frozenset({State.MISSED, State.BEHIND, State.FAR_BEHIND, State.WARNED})
_EACH_QUARTER = Offset.parse("逾期每季度")

#: A digest so many days before its date waits for its unit's day of the week, so long at most.
EARLY, LONGEST = 60, timedelta(days=6)

#: Label of the telling on the first sending day of the month in which something is due.
MONTH_LIST = "月初清单"
#: The month's list replaces rungs this many days before the date, where it comes itself at least a week before the date. Of a duty
#: that recurs it replaces later digests, too: the same is due again next time.
REPLACED, REPLACED_OF_DUTIES, A_WEEK = range(8, 32), range(1, 32), 7
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
    month_list: range | None = None,
    weekday: int | None = None,
) -> Stairs:
    """What an addressee with these `roles` is told of a finding in `state`; of equal dates in the order of the ladder.

    Rungs before the due date are left out once it has passed: nobody is told 提前7天 of something overdue. With a `month_list`
    what is due in a month is told on the month's first sending day, in place of digests so many days before the date. With a
    `weekday` (Monday 0) repeats wait for it.
    """
    key = (anchor, calendar, roles, state, past_due, month_list, weekday)
    found = rule.climbed.get(key)
    if found is None:
        found = rule.climbed[key] = _heard(rule, *key)
    return found


def rungs_for(rule: Rule, roles: frozenset[Role], state: str) -> list[RungForm]:
    """The rungs that speak to these roles of something in `state`."""
    return [
        rung
        for rung in rule.ladder.rungs
        if roles.intersection(rung.roles)
        and (not rung.states or state in rung.states)
        and not (rung.offset.side is Side.AFTER and state == State.ADVISED)
    ]


def _heard(
    rule: Rule,
    anchor: Anchor,
    calendar: Calendar,
    roles: frozenset[Role],
    state: str,
    past_due: bool,
    month_list: range | None,
    weekday: int | None,
) -> Stairs:
    rungs = [rung for rung in rungs_for(rule, roles, state) if not (past_due and _before_due(rung, anchor))]
    listed = _listed(rungs, anchor, calendar) if month_list and not past_due and not anchor.happened else None
    if listed is not None:
        rungs = [rung for rung in rungs if not _said_by(listed, rung, anchor, calendar, month_list or REPLACED)]
    endless = any(rung.offset.repeats or rung.delivery is Delivery.MONTHLY for rung in rungs)
    still = is_still(anchor, state)
    advised = state == State.ADVISED
    heard = [of_rung(rung, anchor, calendar, still, weekday, advised) for rung in rungs]
    heard += [iter((listed,))] if listed else []
    if len(heard) == 1:
        return Stairs(heard[0], bool(rungs) and rungs[0].delivery is Delivery.MONTHLY and not still)
    if not endless:  # sorting is cheaper than merging and gives the same order
        once = sorted(chain.from_iterable(heard), key=_ON)
        return Stairs(iter(once) if weekday is None else _not_past_the_next(once))
    in_order = merge(*heard, key=_ON)
    return Stairs(in_order if weekday is None else _not_past_the_next(in_order))


def is_still(anchor: Anchor, state: str) -> bool:
    """Whether a verdict on a value calls for action and cannot change before the next value comes in."""
    return anchor.happened and state in _WRONG_VALUES


def _not_past_the_next(tellings: Iterable[DatedRung]) -> Iterator[DatedRung]:
    """The same tellings; one that waits for its day of the week waits no longer than until the next is told."""
    waiting: list[DatedRung] = []
    for one in tellings:
        if not waiting and one.slot_on <= one.on:  # nothing that follows is told before it
            yield one
            continue
        waiting = [other if other.slot_on <= one.slot_on else replace(other, slot_on=one.slot_on) for other in waiting]
        while waiting and waiting[0].slot_on <= one.on:
            yield waiting.pop(0)
        waiting.append(one)
    yield from waiting


def _listed(rungs: Iterable[RungForm], anchor: Anchor, calendar: Calendar) -> DatedRung | None:
    """The line in the month's list; None without a rung before the date, after the date, or on the day of a 单发 rung."""
    on = _opening_day(anchor.due_on.replace(day=1), calendar)
    ahead = [(rung, day) for rung in rungs if (day := _ahead(rung, anchor, calendar))]
    alone = any(day == on and rung.delivery is Delivery.SINGLE for rung, day in ahead)
    return DatedRung(on, on, _LISTED, MONTH_LIST, True) if ahead and on < anchor.due_on and not alone else None


def _said_by(listed: DatedRung, rung: RungForm, anchor: Anchor, calendar: Calendar, replaced: range) -> bool:
    """Whether the month's list replaces this rung: one of these days before the date, or on the list's own day."""
    on = _ahead(rung, anchor, calendar)
    if on is None or on == listed.on:
        return on is not None
    days, in_time = (anchor.due_on - on).days, (anchor.due_on - listed.on).days >= A_WEEK
    return in_time and days in replaced and (days in REPLACED or rung.delivery is Delivery.DIGEST)


def _ahead(rung: RungForm, anchor: Anchor, calendar: Calendar) -> date | None:
    """The day of a rung that is told once, before the date; None for any other rung."""
    offset = rung.offset
    if offset.side is not Side.BEFORE or offset.repeats or rung.delivery is Delivery.MONTHLY:
        return None
    return step(anchor.due_on, -offset.count, offset.unit, calendar)


def _before_due(rung: RungForm, anchor: Anchor) -> bool:
    return rung.offset.side is not Side.AFTER and not anchor.happened


def of_rung(
    rung: RungForm,
    anchor: Anchor,
    calendar: Calendar,
    still: bool = False,
    weekday: int | None = None,
    advised: bool = False,
) -> Iterator[DatedRung]:
    """Every date of one rung, in order; without end for a rung that repeats. What is `still` is repeated once a quarter.

    What became known on the day of a month's list is too late for it: it stands in the next one.
    """
    slowed = still and rung.offset.repeats and rung.delivery is not Delivery.MONTHLY
    offset = _EACH_QUARTER if slowed else rung.offset
    before, label = _before_due(rung, anchor), _label(offset)
    early = _is_early(rung, advised)
    waits = weekday is not None and (_may_wait(rung) or early)
    for times in count(1) if offset.repeats else (0,):
        on = _nominal(offset, times, anchor, calendar)
        if rung.delivery is Delivery.MONTHLY:
            lists = _monthly(rung, on + timedelta(days=anchor.happened), calendar)
            yield from _each_quarter(lists) if still else lists
            return
        slot_on = on_weekday(on, weekday, calendar) if waits and weekday is not None else None
        if slot_on and early:
            slot_on = min(slot_on, calendar.send_day_on_or_before(on + LONGEST))
        yield DatedRung(on, slot_on or send_day(on, not before, calendar), rung, label, before, times)


def _may_wait(rung: RungForm) -> bool:
    """Whether a rung is only repeated, in a digest, and not more often than once a week."""
    offset = rung.offset
    a_week = offset.count >= (5 if offset.unit is Unit.WORKDAY else 7) or offset.unit is Unit.QUARTER
    return offset.repeats and a_week and rung.delivery is Delivery.DIGEST


def _is_early(rung: RungForm, advised: bool) -> bool:
    """Whether a digest says something so long before its date that some days more or less do not matter, or only advises."""
    offset = rung.offset
    days = offset.count * (30 if offset.unit is Unit.MONTH else 1)
    early = days >= EARLY or (advised and days > LONGEST.days and offset.unit is not Unit.WORKDAY)
    return offset.side is Side.BEFORE and not offset.repeats and early and rung.delivery is Delivery.DIGEST


def on_weekday(day: date, weekday: int, calendar: Calendar) -> date:
    """The first such day of the week on or after `day`; if it is off, the sending day before it, not before `day`, else after it."""
    found = day + timedelta(days=(weekday - day.weekday()) % 7)
    before = calendar.send_day_on_or_before(found)
    return before if before >= day else calendar.send_day_on_or_after(found)


def _each_quarter(lists: Iterator[DatedRung]) -> Iterator[DatedRung]:
    """The first of the monthly lists, then the first of each quarter."""
    yield next(lists)
    yield from (listed for listed in lists if listed.on.month % 3 == 1)


def _nominal(offset: Offset, times: int, anchor: Anchor, calendar: Calendar) -> date:
    """The nominal date of a rung, for one that repeats that of its repetition `times`."""
    base = anchor.late_from if offset.side is Side.AFTER else anchor.due_on
    sign = {Side.BEFORE: -1, Side.ON: 0, Side.AFTER: 1}[offset.side]
    return step(base, sign * max(times, 1) * offset.count, offset.unit, calendar) if sign else base


def date_today(rule: Rule, anchor: Anchor, calendar: Calendar, label: str, ordinal: int) -> date | None:
    """The nominal date that a rung told before has by today's dates and calendar; None if the ladder has it no more."""
    if label == MONTH_LIST:
        return _opening_day(anchor.due_on.replace(day=1), calendar)
    for rung in rule.ladder.rungs:
        if rung.delivery is Delivery.MONTHLY and _list_label(rung) == label:
            year, month = divmod(ordinal - 1, 12)
            return _opening_day(date(year, month + 1, 1), calendar)
        if rung.delivery is not Delivery.MONTHLY and _label(rung.offset) == label:
            return _nominal(rung.offset, ordinal, anchor, calendar)
    return None


def _monthly(rung: RungForm, reached: date, calendar: Calendar) -> Iterator[DatedRung]:
    """The monthly lists of a rung from `reached` on, without end."""
    for year in count(reached.year):
        for listed in _lists(rung, year, calendar):
            if listed.on >= reached:
                yield listed


def following_list(listed: DatedRung, calendar: Calendar) -> DatedRung:
    """The same rung's list of the next month."""
    return next(_monthly(listed.form, listed.on + timedelta(days=1), calendar))


@lru_cache(maxsize=4096)
def _lists(rung: RungForm, year: int, calendar: Calendar) -> tuple[DatedRung, ...]:
    """The monthly lists of a rung in one year: on the first sending day of each month."""
    label, months = _list_label(rung), range(1, 13)
    days = ((_opening_day(date(year, month, 1), calendar), year * 12 + month) for month in months)
    return tuple(DatedRung(day, day, rung, label, False, ordinal) for day, ordinal in days)


def _list_label(rung: RungForm) -> str:
    return f"{_label(rung.offset)}·月度清单"


@lru_cache(maxsize=4096)
def _opening_day(month: date, calendar: Calendar) -> date:
    """The first sending day of a month."""
    return send_day(month, True, calendar)


@lru_cache(maxsize=1024)
def _label(offset: Offset) -> str:
    return offset.words()
