"""The dates of a ladder's rungs, computed a second time from the rules: only for the self-audit (`self_audit.py`).

The method deliberately differs from `ladder.py`: two sorted lists of days, made by asking the calendar about one day after
another, and searches in them. Nothing here calls the ladder's code or the calendar's own arithmetic.
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

#: What was told less than this before a quarter begins is not repeated in that quarter.
LATELY = timedelta(days=90)
CHUNK = timedelta(days=400)


class DayList:
    """The days that pass a test, in order; extended at either end when a day beyond it is needed."""

    def __init__(self, passes: Callable[[date], bool], around: date) -> None:
        self._passes = passes
        self._first = self._end = around  # days in [first, end) have been tested
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
        """The number of such days in (since, until]."""
        self._reach(since)
        self._reach(until)
        return bisect_right(self._days, until.toordinal()) - bisect_right(self._days, since.toordinal())

    def at_or(self, day: date, step: int) -> date:
        """The day itself if it passes, else the next such day (step 1) or the one before (step -1)."""
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
        """The day `count` days, workdays or months after `day` (before it when negative)."""
        if unit is Unit.WORKDAY:
            return self.workdays.after(day, count)
        if unit is Unit.DAY:
            return day + timedelta(days=count)
        if unit is Unit.QUARTER:
            return self._quarters(day + LATELY, count)
        year, month = divmod(day.year * 12 + day.month - 1 + count, 12)
        return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))

    def _quarters(self, day: date, count: int) -> date:
        """The count-th first day of a quarter on or after `day`."""
        while day.day != 1 or day.month % 3 != 1:
            day += timedelta(days=1)
        return self.moved(day, 3 * (count - 1), Unit.MONTH)

    def first_unheard(self, rung: RungForm, base: date, heard: date | None, still: bool = False) -> date:
        """The first nominal date of a rung later than `heard`; a rung that does not repeat has one date, whatever `heard`.

        With `still` what repeats, and a monthly list after the first, comes once a quarter.
        """
        offset = rung.offset
        if still and offset.repeats and rung.delivery is not Delivery.MONTHLY:
            on = self.moved(base, 1, Unit.QUARTER)
            return on if heard is None or heard < on else self._quarters(heard + timedelta(days=1), 1)
        sign = -1 if offset.side is Side.BEFORE else 1
        first = base if offset.side is Side.ON else self.moved(base, sign * offset.count, offset.unit)
        if rung.delivery is Delivery.MONTHLY:
            on = self._list_after(first, heard)
            again = still and heard is not None and on != self._list_after(first, None)
            while again and on.month % 3 != 1:
                on = self._list_after(first, on)
            return on
        if not offset.repeats or heard is None or heard < first:
            return first
        times = self._times(base, heard, offset.count, offset.unit)
        while (on := self.moved(base, times * offset.count, offset.unit)) <= heard:
            times += 1
        return on

    def nth(self, rung: RungForm, base: date, ordinal: int) -> date:
        """The nominal date of one repetition of a rung; of a monthly list, that of the month year * 12 + month."""
        if rung.delivery is Delivery.MONTHLY:
            return self.first_sending_day(date((ordinal - 1) // 12, (ordinal - 1) % 12 + 1, 1))
        offset = rung.offset
        if offset.side is Side.ON:
            return base
        sign = -1 if offset.side is Side.BEFORE else 1
        return self.moved(base, sign * max(ordinal, 1) * offset.count, offset.unit)

    def _times(self, base: date, heard: date, every: int, unit: Unit) -> int:
        """A lower bound of how many dates a repeating rung has up to `heard`; at least 1."""
        if unit is Unit.WORKDAY:
            passed = self.workdays.counted(base, heard)
        elif unit is Unit.DAY:
            passed = (heard - base).days
        elif unit is Unit.QUARTER:
            passed = ((heard.year - base.year) * 12 + heard.month - base.month) // 3 - 1
        else:
            passed = (heard.year - base.year) * 12 + heard.month - base.month - 1
        return max(1, passed // every)

    def _list_after(self, first: date, heard: date | None) -> date:
        """The first monthly list on or after `first` and later than `heard`."""
        month = max(first, heard or first).replace(day=1)
        while True:
            on = self.first_sending_day(month)
            if on >= first and (heard is None or on > heard):
                return on
            month = self.moved(month, 1, Unit.MONTH)

    def first_sending_day(self, month: date) -> date:
        """The day of a month's lists; `month` is its first day."""
        return self.sending.at_or(month, 1)

    def on_weekday(self, on: date, weekday: int) -> date:
        """The day on which a repeat is told: the last sending day of those from `on` to that day of the week, else the next one."""
        week = [on + timedelta(days=n) for n in range((weekday - on.weekday()) % 7 + 1)]
        return next(filter(self.calendar.may_send, reversed(week)), None) or self.sending.after(week[-1], 1)

    def within_a_week(self, on: date) -> date:
        """The last sending day up to six days later, by which something that may go along with others is told."""
        return self.sending.at_or(on + timedelta(days=6), -1)

    def told_on(self, on: date, backward: bool) -> date:
        """The day on which a rung is told: a day off moves a rung before the due date back, any other forward."""
        return self.sending.at_or(on, -1 if backward else 1)
