"""周期: how often a duty recurs, and the business periods that makes, with their labels and due dates.

A label is the year and, within it, a half, quarter, month or ordinal: 2027, 2027H1, 2027Q1, 2027-03, 2027-1.
It is counted from the whole year, so it never depends on when somebody looks. The forms are listed in `words.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import ClassVar, Self

from bot.core.grammar import Word, WordError, check_count, check_month, month_end, nearest
from bot.core.workdays import Calendar, Term

DateFinder = Callable[[date, int, Calendar], date]

_LABEL = re.compile(r"(20\d\d)(?:H([12])|Q([1-4])|-(0[1-9]|1[0-2]))?")


@dataclass(frozen=True, slots=True)
class Period:
    """One business period: `opens` is its first day, `due` the last good day for what is owed in it."""

    label: str
    due: date
    opens: date

    @property
    def ends(self) -> date:
        """Last day of the period: the label tells it; an ordinal one (2027-1) ends when it is due."""
        return label_span(self.label)[1] if _LABEL.fullmatch(self.label) else self.due


def label_span(label: str) -> tuple[date, date]:
    """First and last day of 2027, 2027H1, 2027Q1 or 2027-03. Raises WordError for 2027-1, which needs its cadence."""
    found = _LABEL.fullmatch(label)
    if found is None:
        raise WordError(f"“{label}”不是能推算起止的期别", "可以写：“2027”、“2027H1”、“2027Q1”、“2027-03”")
    year, half, quarter, month = (int(part) if part else 0 for part in found.groups())
    if month:
        return date(year, month, 1), month_end(year, month)
    if quarter:
        return date(year, 3 * quarter - 2, 1), month_end(year, 3 * quarter)
    if half:
        return date(year, 6 * half - 5, 1), month_end(year, 6 * half)
    return date(year, 1, 1), date(year, 12, 31)


def regular_periods(year: int, months: int, due: Callable[[date], date]) -> tuple[Period, ...]:
    """Halves (6), quarters (3) or months (1) of the year; `due` finds the due date by the period's last day."""
    return tuple(_regular(year, number, months, due) for number in range(1, 12 // months + 1))


def _regular(year: int, number: int, months: int, due: Callable[[date], date]) -> Period:
    mark = {6: f"H{number}", 3: f"Q{number}", 1: f"-{number:02}"}[months]
    end = month_end(year, months * number)
    return Period(f"{year}{mark}", due(end), date(year, months * (number - 1) + 1, 1))


def dated_periods(year: int, dates_in: Callable[[int], Sequence[date]]) -> tuple[Period, ...]:
    """One fixed date a year: the period is the year. Several: each runs from the day after the one before."""
    dates = dates_in(year)
    if len(dates) == 1:
        return (Period(str(year), dates[0], date(year, 1, 1)),)
    before = [dates_in(year - 1)[-1], *dates]
    return tuple(
        Period(f"{year}-{number}", due, last + timedelta(days=1))
        for number, (last, due) in enumerate(zip(before, dates, strict=False), 1)
    )


def term_periods(
    terms: Sequence[Term], year: int, *, at_start: bool, due: Callable[[date], date], whole_year: bool = False
) -> tuple[Period, ...]:
    """Terms that start (or end) in the year, numbered in that order; or the one school year that ends with its spring.

    Numbered by the term's own date and not by the due date: ten workdays before a January end may fall in December,
    and a later notice of holidays must not renumber.
    """
    if whole_year:
        return _school_year(terms, year, due)
    anchors = [(term.starts_on if at_start else term.ends_on, term.starts_on) for term in terms]
    of_year = sorted(pair for pair in anchors if pair[0].year == year)
    return tuple(Period(f"{year}-{number}", due(anchor), opens) for number, (anchor, opens) in enumerate(of_year, 1))


def _school_year(terms: Sequence[Term], year: int, due: Callable[[date], date]) -> tuple[Period, ...]:
    springs = [term for term in terms if term.is_spring and term.starts_on.year == year]
    autumns = [term for term in terms if not term.is_spring and term.starts_on.year == year - 1]
    opens = min(term.starts_on for term in (*autumns, *springs))
    return (Period(str(year), due(max(term.ends_on for term in springs)), opens),)


MONTH_DAY = re.compile(r"(\d{1,2})月(?:(\d{1,2})日|底)")


@dataclass(frozen=True, slots=True)
class MonthDay(Word):
    """A day of every year; `day` 0 is the last day of the month."""

    month: int
    day: int

    title: ClassVar[str] = "月日"
    about: ClassVar[str] = "每年都有的一天"
    examples: ClassVar[tuple[str, ...]] = ("9月1日", "12月31日", "11月底")

    @classmethod
    def _read(cls, text: str) -> Self | None:
        found = MONTH_DAY.fullmatch(text)
        if found is None:
            return None
        month, day = check_month(int(found[1]), text), int(found[2] or 0)
        if (month, day) == (2, 29):
            raise WordError("2月29日不是每年都有", "可以写：“2月底”")
        days = month_end(2027, month).day
        if found[2] is not None and not 1 <= day <= days:
            raise WordError(f"“{text}”这一天不存在：{month}月只有1至{days}日", f"可以写：“{month}月底”")
        return cls(month, day)

    def words(self) -> str:
        return f"{self.month}月{self.day}日" if self.day else f"{self.month}月底"

    def in_year(self, year: int) -> date:
        """That day in that year."""
        return date(year, self.month, self.day) if self.day else month_end(year, self.month)


class Rhythm(StrEnum):
    """The shapes a cadence has; the value is how it is written, N standing for `count`."""

    DATES = "每年"  # + `dates`
    HALF_END = "每半年末"
    QUARTER_END = "每季度末"
    QUARTER_DAY = "每季度末月N日"
    MONTH_END = "每月底"
    MONTH_DAY = "每月N日"
    MONTH_LAST_WORKDAY = "每月最后一个工作日"
    TERM_START = "每学期开学后N个工作日内"
    TERM_END = "每学期末"
    TERM_BEFORE_END = "每学期结束前N个工作日"
    SCHOOL_YEAR_END = "每学年末"


_SHORT = {
    "每年": "每年12月底",
    "每年底": "每年12月底",
    "每半年": "每半年末",
    "每季度": "每季度末",
    "每月": "每月底",
    "每学期": "每学期末",
    "每学年": "每学年末",
}
#: Largest N a form allows, and what to write instead of a larger one.
_LARGEST = {Rhythm.QUARTER_DAY: (30, "每季度末"), Rhythm.MONTH_DAY: (28, "每月底")}


@dataclass(frozen=True, slots=True)
class Cadence(Word):
    """How often a duty recurs, and when it is due. `dates` only with DATES; `count` is N where there is one."""

    rhythm: Rhythm
    dates: tuple[MonthDay, ...] = ()
    count: int = 0

    title: ClassVar[str] = "周期"
    about: ClassVar[str] = "多久一次，每次最后一天是哪天"
    examples: ClassVar[tuple[str, ...]] = (
        "每年3月15日、9月15日",
        "每年11月底",
        "每年底",
        "每半年末",
        "每季度末",
        "每季度末月25日",
        "每月10日",
        "每月底",
        "每月最后一个工作日",
        "每学期开学后20个工作日内",
        "每学期末",
        "每学期结束前10个工作日",
        "每学年末",
    )

    @classmethod
    def _read(cls, text: str) -> Self | None:
        full = _SHORT.get(text, text)
        for rhythm in Rhythm:
            if found := re.fullmatch(rhythm.value.replace("N", r"(\d+)"), full):
                return cls._counted(rhythm, found, text)
        if re.fullmatch(r"每年[\d月日底、]+", full):
            return cls._dated(full.removeprefix(Rhythm.DATES), text)
        return None

    @classmethod
    def _counted(cls, rhythm: Rhythm, found: re.Match[str], text: str) -> Self:
        count = check_count(int(found[1]), text) if found.groups() else 0
        largest, instead = _LARGEST.get(rhythm, (200, ""))
        if count > largest and instead:
            raise WordError(f"“{text}”：{count}日不是每次都有", f"可以写：“{instead}”")
        if count > largest:
            raise WordError(f"“{text}”的数目是{count}，应在1至{largest}之间")
        return cls(rhythm, count=count)

    @classmethod
    def _dated(cls, listed: str, text: str) -> Self | None:
        parts = listed.split("、")
        if not all(MONTH_DAY.fullmatch(part) for part in parts):
            return None
        dates = tuple(sorted((MonthDay.parse(part) for part in parts), key=lambda one: one.in_year(2027)))
        if len({one.in_year(2027) for one in dates}) < len(dates):
            raise WordError(f"“{text}”里有重复的日期")
        if len(dates) > 9:
            raise WordError(f"“{text}”一年超过9次", nearest("每月10日", ("每月10日", "每月底")))
        return cls(Rhythm.DATES, dates)

    def words(self) -> str:
        if self.dates == (MonthDay(12, 0),):
            return "每年底"
        listed = "、".join(one.words() for one in self.dates)
        return self.rhythm.value.replace("N", str(self.count)) + listed

    def periods(self, calendar: Calendar, since: date, until: date) -> list[Period]:
        """Periods due in [since, until], by due date. Labels depend on neither."""
        years = range(since.year - 1, until.year + 2)
        found = [one for year in years for one in _periods_of_year(self, calendar, year) if since <= one.due <= until]
        return sorted(found, key=lambda one: one.due)

    def period(self, calendar: Calendar, label: str) -> Period:
        """The period of that label. Raises WordError when this cadence has none."""
        year = int(label[:4]) if re.match(r"20\d\d", label) else 0
        known = {one.label: one for one in _periods_of_year(self, calendar, year)} if year else {}
        if label not in known:
            labels = [one.label for one in _periods_of_year(self, calendar, year or 2027)]
            raise WordError(f"“{self.words()}”没有“{label}”这一期", nearest(label, labels))
        return known[label]


@lru_cache(maxsize=4096)
def _periods_of_year(cadence: Cadence, calendar: Calendar, year: int) -> tuple[Period, ...]:
    """The periods whose label begins with `year`."""
    count = cadence.count
    if cadence.rhythm is Rhythm.DATES:
        return dated_periods(year, lambda of: [one.in_year(of) for one in cadence.dates])
    months, due = _REGULAR.get(cadence.rhythm, (0, None))
    if due:
        return regular_periods(year, months, lambda end: due(end, count, calendar))
    terms = calendar.terms(date(year - 1, 1, 1), date(year + 1, 12, 31))
    if cadence.rhythm is Rhythm.TERM_START:
        return term_periods(terms, year, at_start=True, due=lambda day: calendar.shift_workdays(day, count))
    if cadence.rhythm is Rhythm.SCHOOL_YEAR_END:
        return term_periods(terms, year, at_start=False, due=lambda day: day, whole_year=True)
    return term_periods(terms, year, at_start=False, due=lambda day: calendar.shift_workdays(day, -count))


#: Months in a period, and the due date by the period's last day.
_REGULAR: dict[Rhythm, tuple[int, DateFinder]] = {
    Rhythm.HALF_END: (6, lambda end, count, calendar: end),
    Rhythm.QUARTER_END: (3, lambda end, count, calendar: end),
    Rhythm.QUARTER_DAY: (3, lambda end, count, calendar: end.replace(day=count)),
    Rhythm.MONTH_END: (1, lambda end, count, calendar: end),
    Rhythm.MONTH_DAY: (1, lambda end, count, calendar: end.replace(day=count)),
    Rhythm.MONTH_LAST_WORKDAY: (1, lambda end, count, calendar: calendar.workday_on_or_before(end)),
}
