"""工作日, 调休 and 学期: workdays, days on which messages may be sent (sending days), and school terms.

A `Calendar` is built from year files (State Council notices), the table of statutory days off, and local exceptions, which
outrank both. A year is announced by a file that is 已公布 and gives all seven holidays. Any other year is provisional: weekends
and statutory days are off, and nothing is sent on days that the coming notice will probably make holidays. What the State's
file of such a year says already counts where it is off; its make-up workdays count once the year is announced. For years that
the table does not contain, only statutory days with a fixed date are off, and nothing is sent from 除夕 to 初七. Questions
about any day of the years 1 to 9999 are answered.
"""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from bot.core.time.festivals import FIRST_DAYS, HOLIDAYS, named_in, spring_break
from bot.core.time.grammar import PlainDate, WordError

SATURDAY, FRIDAY, MONDAY = 5, 4, 0
FIXED_DAYS = {(1, 1): "元旦"} | {(5, day): "劳动节" for day in (1, 2)} | {(10, day): "国庆节" for day in (1, 2, 3)}
QUIET_DAYS = frozenset({(5, day) for day in range(1, 6)} | {(10, day) for day in range(1, 8)})


class Level(StrEnum):
    """Who set the days off, by rising rank: a higher rank overrules a lower one."""

    STATE = "国家"
    PROVINCE = "省"
    CITY = "市"
    COUNTY = "县"

    @property
    def rank(self) -> int:
        return list(Level).index(self)


class _Form(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DayRange(_Form):
    """A named run of days, both ends included."""

    name: str = Field(alias="名称", min_length=1, max_length=20)
    first: PlainDate = Field(alias="起")
    last: PlainDate = Field(alias="止")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not 0 <= (self.last - self.first).days < 62:
            raise WordError(f"{self.name}从{self.first}到{self.last}：止日应不早于起日，且不超过62天").for_pydantic()
        return self

    def days(self) -> Iterator[date]:
        """Every day of the run."""
        return (self.first + timedelta(days=n) for n in range((self.last - self.first).days + 1))


class Term(_Form):
    """A school term; with `basis` 建议 it is a proposal that nobody has confirmed."""

    name: str = Field(alias="名称", min_length=1, max_length=40)
    starts_on: PlainDate = Field(alias="开始")
    ends_on: PlainDate = Field(alias="结束")
    basis: Literal["方案", "管理员", "建议"] = Field(alias="依据", default="管理员")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not 28 <= (self.ends_on - self.starts_on).days <= 240:
            raise WordError(f"{self.name}从{self.starts_on}到{self.ends_on}：一个学期应有4周到8个月").for_pydantic()
        return self

    @property
    def is_spring(self) -> bool:
        return self.starts_on.month < 7

    @property
    def provisional(self) -> bool:
        return self.basis == "建议"


class CalendarYear(_Form):
    """One year's file: days off, make-up workdays, school terms that start in the year.

    Days may lie in the December before: the notice for 2019 made 2018-12-29 a workday.
    """

    year: int = Field(alias="年份", ge=2000, le=2099)
    level: Level = Field(alias="级别", default=Level.STATE)
    status: Literal["已公布", "暂定"] = Field(alias="状态")
    document: str = Field(alias="文件", default="")
    issued_on: PlainDate | None = Field(alias="发布日期", default=None)
    off: tuple[DayRange, ...] = Field(alias="放假", default=())
    makeup: tuple[PlainDate, ...] = Field(alias="上班", default=())
    terms: tuple[Term, ...] = Field(alias="学期", default=())

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        problems = [*self._misdated(), *self._contradictions()]
        if self.announced and not (self.document and self.issued_on):
            problems.append("已公布的日历应写明文件和发布日期")
        if problems:
            raise WordError(f"{self.year}年日历：" + "；".join(problems)).for_pydantic()
        return self

    def _misdated(self) -> Iterator[str]:
        first, last = date(self.year - 1, 12, 1), date(self.year, 12, 31)
        for day in [*self.makeup, *(end for run in self.off for end in (run.first, run.last))]:
            if not first <= day <= last:
                yield f"{day}不属于{self.year}年"
        for term in self.terms:
            if term.starts_on.year != self.year:
                yield f"{term.name}不在{self.year}年开始"

    def _contradictions(self) -> Iterator[str]:
        off = {day for run in self.off for day in run.days()}
        for day in self.makeup:
            if day in off:
                yield f"{day}既写了放假又写了上班"
            if self.level is Level.STATE and day.weekday() < SATURDAY:
                yield f"{day}不是周六周日，不能是调休上班日"

    @property
    def announced(self) -> bool:
        return self.status == "已公布"

    def missing(self, table: StatutoryTable | None) -> tuple[str, ...]:
        """The holidays that the days off do not give: a day set by law is worked, or the name does not occur."""
        off = {day for run in self.off for day in run.days()}
        named = {name for run in self.off for name in named_in(run.name)}
        law = law_days(self.year, table)
        return tuple(name for name in HOLIDAYS if not (off.issuperset(law[name]) if name in law else name in named))


class StatutoryYear(_Form):
    """Statutory days off of one year, and the days on which nothing is sent while the year has no notice."""

    year: int = Field(alias="年份")
    off: tuple[DayRange, ...] = Field(alias="放假")
    quiet: tuple[DayRange, ...] = Field(alias="免打扰", default=())


class StatutoryTable(_Form):
    """法定节日.yaml: the days off that the law sets without a notice, as plain dates."""

    basis: str = Field(alias="依据", default="")
    years: tuple[StatutoryYear, ...] = Field(alias="各年", default=())


def law_days(year: int, table: StatutoryTable | None) -> Mapping[str, list[date]]:
    """The days off of each holiday by law: those of the table, or for a year it lacks the first days that never move."""
    rows = [run for one in (table.years if table else ()) if one.year == year for run in one.off]
    return {run.name: list(run.days()) for run in rows} or {
        name: [date(year, *day)] for name, day in FIRST_DAYS.items()
    }


@dataclass(frozen=True, slots=True)
class _YearTable:
    """One year as arrays indexed by day of year (from 0). `done[i]` counts the workdays up to and including day i."""

    year: int
    first: int  # ordinal of 1 January
    worked: bytes
    sendable: bytes
    done: array[int]
    workdays: tuple[int, ...]  # ordinals
    names: dict[int, str]  # ordinal → holiday


@dataclass(frozen=True, slots=True, eq=False)
class Calendar:
    """The workdays in force. Compared and hashed by content (`digest`); each year's arrays are built when first needed."""

    digest: str
    years_announced: frozenset[int]
    _ruled: dict[date, str | None]  # days named in files: the holiday's name, or None for a make-up workday
    _statutory: dict[date, str]
    _statutory_years: frozenset[int]
    _quiet: frozenset[date]
    _filed_terms: dict[tuple[int, bool], tuple[Term, ...]]  # (year, is spring) → terms of the highest rank
    _tables: dict[int, _YearTable] = field(default_factory=dict)
    _terms: dict[int, tuple[Term, ...]] = field(default_factory=dict)

    @classmethod
    def build(
        cls, years: Iterable[CalendarYear], statutory: StatutoryTable, local: Iterable[CalendarYear] = ()
    ) -> Calendar:
        """The calendar of these files. Raises WordError when two files of one rank are for the same year."""
        files = sorted([*years, *local], key=lambda one: (one.level.rank, one.year))
        _refuse_twins(files)
        state = [one for one in files if one.level is Level.STATE]
        announced = frozenset(one.year for one in state if one.announced and not one.missing(statutory))
        return cls(
            digest=_digest([statutory, *files]),
            years_announced=announced,
            _ruled=_rulings(files, announced),
            _statutory=_named_days(run for one in statutory.years for run in one.off),
            _statutory_years=frozenset(one.year for one in statutory.years),
            _quiet=frozenset(day for one in statutory.years for run in one.quiet for day in run.days()),
            _filed_terms=_filed(files),
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Calendar) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return f"Calendar({self.digest[:12]}, announced={sorted(self.years_announced)})"

    def is_workday(self, day: date) -> bool:
        """False on weekends and days off, True on make-up workdays."""
        table = self._table(day.year)
        return bool(table.worked[day.toordinal() - table.first])

    def may_send(self, day: date) -> bool:
        """Whether messages may be sent: on workdays, in provisional years except May 1–5, Oct 1–7 and 除夕 to 初七."""
        table = self._table(day.year)
        return bool(table.sendable[day.toordinal() - table.first])

    def is_provisional(self, day: date) -> bool:
        """True while the State Council has not announced that year's days off."""
        return day.year not in self.years_announced

    def knows_law_of(self, year: int) -> bool:
        """Whether the table of statutory days contains the year; without it 清明, 端午 and 中秋 are taken for workdays."""
        return year in self._statutory_years

    def holiday_name(self, day: date) -> str:
        """The holiday's name (春节, or 国庆节、中秋节 where two fall together); empty on plain weekends and workdays."""
        return self._table(day.year).names.get(day.toordinal(), "")

    def workday_on_or_after(self, day: date) -> date:
        """The day itself if worked, else the next workday."""
        return day if self.is_workday(day) else self.shift_workdays(day, 1)

    def workday_on_or_before(self, day: date) -> date:
        """The day itself if worked, else the last workday before."""
        return day if self.is_workday(day) else self.shift_workdays(day, -1)

    def send_day_on_or_after(self, day: date) -> date:
        """The first sending day on or after `day`."""
        while not self.may_send(day):
            day = self.shift_workdays(day, 1)
        return day

    def send_day_on_or_before(self, day: date) -> date:
        """The last sending day on or before `day`."""
        while not self.may_send(day):
            day = self.shift_workdays(day, -1)
        return day

    def shift_workdays(self, day: date, count: int) -> date:
        """The count-th workday strictly after (count > 0) or before (count < 0) `day`; `day` itself for 0.

        Raises ValueError past the years 1–9999.
        """
        if count == 0:
            return day
        table = self._table(day.year)
        index = day.toordinal() - table.first
        place = table.done[index] + count - (1 if count > 0 else table.worked[index])
        while place >= len(table.workdays):
            place -= len(table.workdays)
            table = self._table(table.year + 1)
        while place < 0:
            table = self._table(table.year - 1)
            place += len(table.workdays)
        return date.fromordinal(table.workdays[place])

    def workdays_between(self, after: date, until: date) -> int:
        """The number of workdays in (after, until]; when `until` is earlier, minus those in (until, after]."""
        if until < after:
            return -self.workdays_between(until, after)
        first, last = self._table(after.year), self._table(until.year)
        whole_years = sum(len(self._table(year).workdays) for year in range(after.year, until.year))
        return whole_years + last.done[until.toordinal() - last.first] - first.done[after.toordinal() - first.first]

    def first_workday(self, year: int, month: int) -> date:
        """First workday of that month."""
        return self.workday_on_or_after(date(year, month, 1))

    def terms(self, since: date, until: date) -> tuple[Term, ...]:
        """School terms that overlap [since, until], by start; where no file names a term, a proposed one (建议)."""
        years = range(since.year - 1, until.year + 1)
        return tuple(
            term for year in years for term in self._terms_of(year) if term.starts_on <= until and term.ends_on >= since
        )

    def _terms_of(self, year: int) -> tuple[Term, ...]:
        """Terms that start in the year."""
        if year not in self._terms:
            spring = self._filed_terms.get((year, True)) or (_proposed_spring(year),)
            autumn = self._filed_terms.get((year, False)) or (_proposed_autumn(year, self.first_workday(year, 9)),)
            self._terms[year] = (*spring, *autumn)
        return self._terms[year]

    def _table(self, year: int) -> _YearTable:
        table = self._tables.get(year)
        if table is None:
            table = self._tables[year] = self._make_table(year)
        return table

    def _make_table(self, year: int) -> _YearTable:
        first = date(year, 1, 1).toordinal()
        days = [date.fromordinal(n) for n in range(first, date(year, 12, 31).toordinal() + 1)]
        names = {day.toordinal(): name for day in days if (name := self._name(day))}
        worked = bytes(self._worked(day) for day in days)
        provisional = year not in self.years_announced
        sendable = bytes(w and not (provisional and self._is_quiet(day)) for w, day in zip(worked, days, strict=True))
        done = array("H")
        for flag in worked:
            done.append((done[-1] if done else 0) + flag)
        workdays = tuple(first + index for index, flag in enumerate(worked) if flag)
        return _YearTable(year, first, worked, sendable, done, workdays, names)

    def _worked(self, day: date) -> bool:
        if day in self._ruled:
            return self._ruled[day] is None
        return day.weekday() < SATURDAY and not self._name(day)

    def _name(self, day: date) -> str:
        if day in self._ruled:
            return self._ruled[day] or ""
        if day.year in self.years_announced:
            return ""
        if day.year in self._statutory_years:
            return self._statutory.get(day, "")
        return FIXED_DAYS.get((day.month, day.day), "")

    def _is_quiet(self, day: date) -> bool:
        if (day.month, day.day) in QUIET_DAYS or day in self._quiet:
            return True
        return day.year not in self._statutory_years and day in spring_break(day.year)


def _refuse_twins(files: list[CalendarYear]) -> None:
    seen: set[tuple[int, Level]] = set()
    for one in files:
        if (one.year, one.level) in seen:
            raise WordError(f"{one.year}年有两份级别为{one.level.value}的日历", "同一年同一级别只能有一份")
        seen.add((one.year, one.level))


def _digest(forms: Iterable[_Form]) -> str:
    text = json.dumps([form.model_dump(mode="json", by_alias=True) for form in forms], ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _rulings(files: Iterable[CalendarYear], announced: Container[int]) -> dict[date, str | None]:
    """What each named day is; files come by rising rank, so the highest rank's entry stays."""
    ruled: dict[date, str | None] = {}
    for one in files:
        ruled.update(_named_days(one.off))
        if one.level is not Level.STATE or one.year in announced:
            ruled.update(dict.fromkeys(one.makeup))
    return ruled


def _named_days(runs: Iterable[DayRange]) -> dict[date, str]:
    """The name of each day; where two holidays fall together, both (国庆节、中秋节)."""
    names: dict[date, str] = {}
    for run in runs:
        for day in run.days():
            names[day] = f"{names[day]}、{run.name}" if day in names else run.name
    return names


def _filed(files: Iterable[CalendarYear]) -> dict[tuple[int, bool], tuple[Term, ...]]:
    filed: dict[tuple[int, bool], tuple[Term, ...]] = {}
    for one in files:
        for spring in (True, False):
            terms = tuple(sorted((t for t in one.terms if t.is_spring is spring), key=lambda t: t.starts_on))
            if terms:
                filed[one.year, spring] = terms
    return filed


def _proposed_spring(year: int) -> Term:
    """First Monday of March to second Friday of July."""
    start = _weekday_on_or_after(date(year, 3, 1), MONDAY)
    end = _weekday_on_or_after(date(year, 7, 8), FRIDAY)
    return Term.model_validate({"名称": f"{year}年春季学期", "开始": start, "结束": end, "依据": "建议"})


def _proposed_autumn(year: int, start: date) -> Term:
    """First workday of September to the Friday nearest 15 January."""
    end = _weekday_on_or_after(date(year + 1, 1, 12), FRIDAY)
    return Term.model_validate({"名称": f"{year}年秋季学期", "开始": start, "结束": end, "依据": "建议"})


def _weekday_on_or_after(day: date, weekday: int) -> date:
    return day + timedelta(days=(weekday - day.weekday()) % 7)
