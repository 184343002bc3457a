"""周期: how often a duty recurs, and the business periods that follow from it, with their labels and due dates.

A label is the year and, within it, a half, quarter, month, half-month, week or ordinal: 2027, 2027H1, 2027Q1, 2027-03,
2027-03上, 2027W05, 2027-1.
Ordinals are always counted from the start of the year, so a label does not depend on the span of dates that was asked for.
`bot/core/rules/words.py` lists all word forms.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import ClassVar, Self

from bot.core.time.grammar import Word, WordError, check_count, check_month, check_year, month_end, nearest
from bot.core.time.workdays import Calendar, Term

DateFinder = Callable[[date, int, Calendar], date]

_LABEL = re.compile(r"(20\d\d)(?:H([12])|Q([1-4])|-(0[1-9]|1[0-2]))?")
_WEEK_LABEL = re.compile(r"(20\d\d)W(0[1-9]|[1-4]\d|5[0-3])")
WEEKDAYS = "一二三四五六日"
NUMERALS = "一二三四五六七八九十"


@dataclass(frozen=True, slots=True)
class Period:
    """One business period: `opens` is its first day, `due` the last day on which its report is still in time."""

    label: str
    due: date
    opens: date

    @property
    def ends(self) -> date:
        """Last day of the period, read from its label; a period with an ordinal label (2027-1) ends on its due date."""
        if _LABEL.fullmatch(self.label) or _WEEK_LABEL.fullmatch(self.label):
            return label_span(self.label)[1]
        return self.due


def period_place(label: str) -> tuple[tuple[int, ...], str]:
    """Where a period stands among the others of one cadence: by its year and the number in it, then 上 before 下."""
    return tuple(int(number) for number in re.findall(r"\d+", label)), label[-1:]


def same_cadence(one: str, other: str) -> bool:
    """Whether two labels are written alike, so that they may be periods of one cadence: 2027-08 and 2027-1 are not."""
    return re.sub(r"\d", "0", one) == re.sub(r"\d", "0", other)


def label_span(label: str) -> tuple[date, date]:
    """First and last day of 2027, 2027H1, 2027Q1, 2027-03 or 2027W05.

    Raises WordError for an ordinal such as 2027-1: only its cadence knows the dates.
    """
    if week := _WEEK_LABEL.fullmatch(label):
        monday = date.fromisocalendar(int(week[1]), int(week[2]), 1)
        return monday, monday + timedelta(days=6)
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
    """Periods of `months` months each: 12 (the year), 6, 3 or 1. `due` maps a period's last day to its due date."""
    return tuple(_regular(year, number, months, due) for number in range(1, 12 // months + 1))


def _regular(year: int, number: int, months: int, due: Callable[[date], date]) -> Period:
    mark = {12: "", 6: f"H{number}", 3: f"Q{number}", 1: f"-{number:02}"}[months]
    end = month_end(year, months * number)
    return Period(f"{year}{mark}", due(end), date(year, months * (number - 1) + 1, 1))


def dated_periods(year: int, dates_in: Callable[[int], Sequence[date]]) -> tuple[Period, ...]:
    """Periods of fixed dates: with one date a year, the year; with several, each from the day after the date before."""
    dates = dates_in(year)
    if len(dates) == 1:
        return (Period(str(year), dates[0], date(year, 1, 1)),)
    before = [dates_in(year - 1)[-1], *dates]
    return tuple(
        Period(f"{year}-{number}", due, last + timedelta(days=1))
        for number, (last, due) in enumerate(zip(before, dates, strict=False), 1)
    )


def weekly_periods(year: int, weekday: int) -> tuple[Period, ...]:
    """The weeks of the ISO year, Monday to Sunday, each due on that weekday (1 to 7)."""
    last = date(year, 12, 28).isocalendar().week
    mondays = [date.fromisocalendar(year, week, 1) for week in range(1, last + 1)]
    return tuple(
        Period(f"{year}W{week:02}", monday + timedelta(days=weekday - 1), monday)
        for week, monday in enumerate(mondays, 1)
    )


def half_months(year: int) -> tuple[Period, ...]:
    """The half-months of the year: from the 1st to the 15th, and from the 16th to the month's end."""
    return tuple(
        half
        for month in range(1, 13)
        for half in (
            Period(f"{year}-{month:02}上", date(year, month, 15), date(year, month, 1)),
            Period(f"{year}-{month:02}下", month_end(year, month), date(year, month, 16)),
        )
    )


def term_periods(
    terms: Sequence[Term], year: int, *, at_start: bool, due: Callable[[date], date], whole_year: bool = False
) -> tuple[Period, ...]:
    """The terms that start (or end) in the year, numbered by date; `whole_year`: the school year that ends with its spring.

    Terms are ordered by their own dates, not by due dates: ten workdays before the end of a January term may fall in
    December, and a holiday notice that arrives later must not change the numbers.
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


MONTH_DAY = re.compile(r"(\d{1,2})月(?:(\d{1,2})日|底|([上中下])旬)")
#: Last day of each third of a month; 0 is the month's last day.
TEN_DAYS = {"上": 10, "中": 20, "下": 0}


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
        month, day = check_month(int(found[1]), text), int(found[2] or 0) or TEN_DAYS.get(found[3], 0)
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
    """The forms of a cadence. The value is the form as it is written, with N for `count`."""

    DATES = "每年"  # + `dates`
    HALF_END = "每半年末"
    QUARTER_END = "每季度末"
    QUARTER_DAY = "每季度末月N日"
    QUARTER_FIRST_DAY = "每季度首月N日"
    MONTH_END = "每月底"
    MONTH_DAY = "每月N日"
    MONTH_LAST_WORKDAY = "每月最后一个工作日"
    MONTH_WORKDAY = "每月第N个工作日"
    HALF_MONTH = "每半月"
    WEEK_DAY = "每周"  # + 一 to 日; `count` is 1 to 7
    AFTER_YEAR = "每年结束后N日内"
    AFTER_HALF = "每半年结束后N日内"
    AFTER_QUARTER = "每季度结束后N日内"
    AFTER_MONTH = "每月结束后N日内"
    WORKDAYS_AFTER_YEAR = "每年结束后N个工作日内"
    WORKDAYS_AFTER_HALF = "每半年结束后N个工作日内"
    WORKDAYS_AFTER_QUARTER = "每季度结束后N个工作日内"
    WORKDAYS_AFTER_MONTH = "每月结束后N个工作日内"
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
_LARGEST = {
    Rhythm.QUARTER_DAY: (30, "每季度末"),
    Rhythm.QUARTER_FIRST_DAY: (30, "每季度末"),
    Rhythm.MONTH_DAY: (28, "每月底"),
    Rhythm.MONTH_WORKDAY: (15, "每月最后一个工作日"),
}
_SINCE = re.compile(r"自?(20\d\d)年(?:起|开始)、?(每.+)|(每.+?)、自?(20\d\d)年(?:起|开始)")
_EVERY = re.compile(r"每([2-9]|10)年(.*)")


def _tidied(text: str) -> str:
    """Drops words that do not change the meaning (前, 一次, 每个 …) and turns Chinese numerals of a count into digits."""
    text = re.sub(r"(?:(?<=[日底末旬])|(?<=周.))[以之]?前", "", text).removesuffix("一次")
    text = re.sub(r"^每[个一](?=季|月|半|年|周|学)", "每", re.sub("[和及与]", "、", text))
    text = re.sub(r"每季(?!度)", "每季度", re.sub(r"(?<=后)(\d+)天内", r"\1日内", text))
    text = re.sub(r"^(每年)年?[底末]$", r"\1底", text).replace("每周天", "每周日").replace("每星期", "每周")
    text = text.replace("每两年", "每2年")
    return re.sub(f"(?<=[每第])[{NUMERALS}](?=年|个工作日)", lambda found: str(NUMERALS.index(found[0]) + 1), text)


@dataclass(frozen=True, slots=True)
class Cadence(Word):
    """How often a duty recurs, and when it is due.

    `dates` is set only with DATES. `count` is the N of the form; with DATES it means every N years, counted from `since`.
    `since` is the first year that has a period; 0 means no first year.
    """

    rhythm: Rhythm
    dates: tuple[MonthDay, ...] = ()
    count: int = 0
    since: int = 0

    title: ClassVar[str] = "周期"
    about: ClassVar[str] = "多久一次，每次最后一天是哪天"
    examples: ClassVar[tuple[str, ...]] = (
        "每年3月15日、9月15日",
        "每年11月底",
        "每年底",
        "每半年末",
        "每季度末",
        "每季度末月25日",
        "每季度首月10日",
        "每月10日",
        "每月底",
        "每月最后一个工作日",
        "每月第1个工作日",
        "每半月",
        "每周五",
        "每季度结束后10个工作日内",
        "每月结束后5日内",
        "每学期开学后20个工作日内",
        "每学期末",
        "每学期结束前10个工作日",
        "每学年末",
        "自2026年起每2年11月底",
    )

    @classmethod
    def _read(cls, text: str) -> Self | None:
        tidy = _tidied(text)
        if since := _SINCE.fullmatch(tidy):
            year = check_year(int(since[1] or since[4]), text)
            every = cls._every(since[2] or since[3], text)
            return None if every is None else replace(every, since=year)
        if _EVERY.fullmatch(tidy):
            raise WordError(f"“{text}”没有说从哪年算起", f"可以写：“自2026年起{tidy}”")
        return cls._every(tidy, text)

    @classmethod
    def _every(cls, tidy: str, text: str) -> Self | None:
        """The cadence without its 自…年起; `text` is the whole text, for errors."""
        if years := _EVERY.fullmatch(tidy):
            once = cls._dated(years[2] if years[2] not in ("", "底") else "12月底", text)
            return replace(once, count=int(years[1])) if once and len(once.dates) == 1 else None
        full = _SHORT.get(tidy, tidy)
        for rhythm in Rhythm:
            if found := re.fullmatch(rhythm.value.replace("N", r"(\d+)"), full):
                return None if rhythm is Rhythm.WEEK_DAY else cls._counted(rhythm, found, text)
        if week := re.fullmatch(f"每周([{WEEKDAYS}])", full):
            return cls(Rhythm.WEEK_DAY, count=WEEKDAYS.index(week[1]) + 1)
        if re.fullmatch(r"每年[\d月日底上中下旬、]+", full):
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
        parts = [f"{part}底" if re.fullmatch(r"\d{1,2}月", part) else part for part in listed.split("、")]
        if not all(MONTH_DAY.fullmatch(part) for part in parts):
            return None
        dates = tuple(sorted((MonthDay.parse(part) for part in parts), key=lambda one: one.in_year(2027)))
        if len({one.in_year(2027) for one in dates}) < len(dates):
            raise WordError(f"“{text}”里有重复的日期")
        if len(dates) > 9:
            raise WordError(f"“{text}”一年超过9次", nearest("每月10日", ("每月10日", "每月底")))
        return cls(Rhythm.DATES, dates)

    def words(self) -> str:
        return (f"自{self.since}年起" if self.since else "") + self._often()

    def _often(self) -> str:
        if self.rhythm is Rhythm.WEEK_DAY:
            return f"每周{WEEKDAYS[self.count - 1]}"
        every = f"每{self.count}年" if self.dates and self.count else self.rhythm.value.replace("N", str(self.count))
        if self.dates == (MonthDay(12, 0),):
            return f"{every}底"
        return every + "、".join(one.words() for one in self.dates)

    @property
    def every_month(self) -> bool:
        """Whether it recurs every month or more often."""
        return self.rhythm.startswith(("每月", "每半月", "每周"))

    def periods(self, calendar: Calendar, since: date, until: date) -> list[Period]:
        """Periods due in [since, until], by due date."""
        years = range(since.year - 1, until.year + 2)
        found = [one for year in years for one in _periods_of_year(self, calendar, year) if since <= one.due <= until]
        return sorted(found, key=lambda one: one.due)

    def period(self, calendar: Calendar, label: str) -> Period:
        """The period with that label. Raises WordError when this cadence has none."""
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
    if year < cadence.since:
        return ()
    if cadence.rhythm is Rhythm.DATES:
        return _of_dates(cadence, year)
    if cadence.rhythm is Rhythm.WEEK_DAY:
        return weekly_periods(year, count)
    if cadence.rhythm is Rhythm.HALF_MONTH:
        return half_months(year)
    months, due = _REGULAR.get(cadence.rhythm, (0, None))
    if due:
        return regular_periods(year, months, lambda end: due(end, count, calendar))
    terms = calendar.terms(date(year - 1, 1, 1), date(year + 1, 12, 31))
    if cadence.rhythm is Rhythm.TERM_START:
        return term_periods(terms, year, at_start=True, due=lambda day: calendar.shift_workdays(day, count))
    if cadence.rhythm is Rhythm.SCHOOL_YEAR_END:
        return term_periods(terms, year, at_start=False, due=lambda day: day, whole_year=True)
    return term_periods(terms, year, at_start=False, due=lambda day: calendar.shift_workdays(day, -count))


def _of_dates(cadence: Cadence, year: int) -> tuple[Period, ...]:
    """Periods of fixed dates; with a date every N years, a period covers all N years."""
    if not cadence.count:
        return dated_periods(year, lambda of: [one.in_year(of) for one in cadence.dates])
    if (year - cadence.since) % cadence.count:
        return ()
    return (Period(str(year), cadence.dates[0].in_year(year), date(year - cadence.count + 1, 1, 1)),)


def _days_after(end: date, count: int, calendar: Calendar) -> date:
    del calendar
    return end + timedelta(days=count)


def _workdays_after(end: date, count: int, calendar: Calendar) -> date:
    return calendar.shift_workdays(end, count)


#: Months in a period, and the function from the period's last day to its due date.
_REGULAR: dict[Rhythm, tuple[int, DateFinder]] = {
    Rhythm.HALF_END: (6, lambda end, count, calendar: end),
    Rhythm.QUARTER_END: (3, lambda end, count, calendar: end),
    Rhythm.QUARTER_DAY: (3, lambda end, count, calendar: end.replace(day=count)),
    Rhythm.QUARTER_FIRST_DAY: (3, lambda end, count, calendar: end.replace(month=end.month - 2, day=count)),
    Rhythm.MONTH_END: (1, lambda end, count, calendar: end),
    Rhythm.MONTH_DAY: (1, lambda end, count, calendar: end.replace(day=count)),
    Rhythm.MONTH_LAST_WORKDAY: (1, lambda end, count, calendar: calendar.workday_on_or_before(end)),
    Rhythm.MONTH_WORKDAY: (
        1,
        lambda end, count, calendar: calendar.shift_workdays(end.replace(day=1) - timedelta(days=1), count),
    ),
    Rhythm.AFTER_YEAR: (12, _days_after),
    Rhythm.AFTER_HALF: (6, _days_after),
    Rhythm.AFTER_QUARTER: (3, _days_after),
    Rhythm.AFTER_MONTH: (1, _days_after),
    Rhythm.WORKDAYS_AFTER_YEAR: (12, _workdays_after),
    Rhythm.WORKDAYS_AFTER_HALF: (6, _workdays_after),
    Rhythm.WORKDAYS_AFTER_QUARTER: (3, _workdays_after),
    Rhythm.WORKDAYS_AFTER_MONTH: (1, _workdays_after),
}
