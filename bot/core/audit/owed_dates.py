"""When the rungs of a ladder come, worked out a second time from the rules' words: for the self-audit (`selfaudit.py`) only.

Deliberately another way than `ladder.py` goes: two plain lists of days, made by asking the calendar about one day after
another, and places in them. Nothing here calls the ladder's code or the calendar's own arithmetic.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from calendar import monthrange
from collections.abc import Callable
from datetime import date, timedelta

from bot.core.rules.rulebook import Delivery, RungForm
from bot.core.rules.words import Side, Unit
from bot.core.time.workdays import Calendar

CHUNK = timedelta(days=400)


class DayList:
    """The days that pass a test, in order; grows at either end when something beyond it is asked for."""

    def __init__(self, passes: Callable[[date], bool], around: date) -> None:
        self._passes = passes
        self._first = self._end = around  # days in [first, end) have been asked about
        self._days = array("l")

    def after(self, day: date, count: int) -> date:
        """The count-th such day strictly after `day`, or before it when `count` is negative; `day` itself for 0."""
        if count == 0:
            return day
        self._reach(day)
        while True:
            found = self._days
            place = (
                bisect_right(found, day.toordinal()) - 1 if count > 0 else bisect_left(found, day.toordinal())
            ) + count
            if place < 0:
                self._grow_back()
            elif place >= len(found):
                self._grow_on()
            else:
                return date.fromordinal(found[place])

    def counted(self, since: date, until: date) -> int:
        """How many such days lie in (since, until]."""
        self._reach(since)
        self._reach(until)
        return bisect_right(self._days, until.toordinal()) - bisect_right(self._days, since.toordinal())

    def at_or(self, day: date, step: int) -> date:
        """The day itself if it passes, else the next one (step 1) or the last one (step -1)."""
        return day if self._passes(day) else self.after(day, step)

    def _reach(self, day: date) -> None:
        while day < self._first:
            self._grow_back()
        while day >= self._end:
            self._grow_on()

    def _grow_on(self) -> None:
        self._days.extend(self._passing(self._end, self._end + CHUNK))
        self._end += CHUNK

    def _grow_back(self) -> None:
        fresh = array("l", self._passing(self._first - CHUNK, self._first))
        fresh.extend(self._days)
        self._days, self._first = fresh, self._first - CHUNK

    def _passing(self, since: date, until: date) -> list[int]:
        days = (since + timedelta(days=n) for n in range((until - since).days))
        return [day.toordinal() for day in days if self._passes(day)]


class PlainDates:
    """The dates of rungs under one calendar."""

    def __init__(self, calendar: Calendar, around: date) -> None:
        self.calendar = calendar
        self.workdays = DayList(calendar.is_workday, around)
        self.sending = DayList(calendar.may_send, around)

    def moved(self, day: date, count: int, unit: Unit) -> date:
        """`count` days, workdays or months on from `day` (back when negative)."""
        if unit is Unit.WORKDAY:
            return self.workdays.after(day, count)
        if unit is Unit.DAY:
            return day + timedelta(days=count)
        year, month = divmod(day.year * 12 + day.month - 1 + count, 12)
        return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))

    def first_unheard(self, rung: RungForm, base: date, heard: date | None) -> date:
        """The first nominal date of a rung that is later than `heard`; a rung that speaks once has only one date."""
        offset = rung.offset
        sign = -1 if offset.side is Side.BEFORE else 1
        first = base if offset.side is Side.ON else self.moved(base, sign * offset.count, offset.unit)
        if rung.delivery is Delivery.MONTHLY:
            return self._list_after(first, heard)
        if not offset.repeats or heard is None or heard < first:
            return first
        times = self._times(base, heard, offset.count, offset.unit)
        while (on := self.moved(base, times * offset.count, offset.unit)) <= heard:
            times += 1
        return on

    def _times(self, base: date, heard: date, every: int, unit: Unit) -> int:
        """How often a repeating rung has come by `heard`, at least."""
        if unit is Unit.WORKDAY:
            passed = self.workdays.counted(base, heard)
        elif unit is Unit.DAY:
            passed = (heard - base).days
        else:
            passed = (heard.year - base.year) * 12 + heard.month - base.month - 1
        return max(1, passed // every)

    def _list_after(self, first: date, heard: date | None) -> date:
        """The first monthly list from `first` on that is later than `heard`."""
        month = max(first, heard or first).replace(day=1)
        while True:
            on = self.first_sending_day(month)
            if on >= first and (heard is None or on > heard):
                return on
            month = self.moved(month, 1, Unit.MONTH)

    def first_sending_day(self, month: date) -> date:
        """The day of the lists of the month that begins on that day."""
        return self.sending.at_or(month, 1)

    def told_on(self, on: date, backward: bool) -> date:
        """The day on which a rung is told: before the due date a day off moves it back, otherwise on."""
        return self.sending.at_or(on, -1 if backward else 1)
