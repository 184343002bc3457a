"""Checks 放假日历: a year that counts as announced gives all seven holidays, nobody works on them, terms do not overlap.

All of these are hints: a county may have its reasons, and a year that is not whole stays provisional.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import combinations, islice

from bot.core.time.festivals import named_in, possible
from bot.core.time.workdays import FIXED_DAYS, CalendarYear, DayRange, Level, StatutoryTable, law_days
from bot.rulefiles.text.problems import Path
from bot.rulefiles.text.sheet import Placed

Years = Sequence[Placed[CalendarYear]]


def check_calendars(years: Years, table: Placed[StatutoryTable] | None) -> None:
    """Reports what looks wrong in the calendar files, each at its line."""
    law = table.form if table else None
    for year in years:
        if year.form.level is Level.STATE:
            _whole(year, law)
        _seasons(year, year.form.year, year.form.off, ("放假",))
        _worked(year, _holidays(year.form.year, years, law))
    _terms(years)
    if table:
        for index, row in enumerate(table.form.years):
            _seasons(table, row.year, row.off, ("各年", index, "放假"))
        _unknown_years(years, table)


def _whole(year: Placed[CalendarYear], law: StatutoryTable | None) -> None:
    """Reports holidays that an announced year does not give; until they are there the year stays provisional."""
    lacking = year.form.missing(law) if year.form.announced else ()
    if not lacking:
        return
    named = (index for index, run in enumerate(year.form.off) if lacking[0] in named_in(run.name))
    loc: Path = ("放假", *islice(named, 1)) if year.holds(("放假",)) else ("状态",)
    message = f"{year.form.year}年写了“已公布”，“放假”里却没有{'、'.join(lacking)}或日期不全：这一年仍按暂定日历计算，调休上班日还不算"
    hint = "照国务院办公厅的通知把七个节日补全；也可用 duban calendar add 粘贴通知原文"
    year.report("holidays-missing", loc, message, hint, info=True)


def _seasons(at: Placed[CalendarYear] | Placed[StatutoryTable], year: int, off: Iterable[DayRange], loc: Path) -> None:
    """Reports days off that cannot be the holiday they are named after: 春节 without 正月初一."""
    for index, run in enumerate(off):
        for name in named_in(run.name):
            span = possible(name, year)
            if span and (run.last < span[0] or span[1] < run.first):
                on = _said([span[0]]) if span[0] == span[1] else f"{_said([span[0]])}到{_said([span[1]])}之间"
                message = f"{year}年的{name}是{on}，这里写的是{_said([run.first])}到{_said([run.last])}"
                at.report("holiday-out-of-season", (*loc, index), message, "对照通知或农历，把起止改准", info=True)


def _holidays(year: int, years: Years, law: StatutoryTable | None) -> Mapping[date, str]:
    """The holiday on each day that is off by law; for holidays whose days the law does not name, by the State's notice."""
    known = law_days(year, law)
    found = {date(year, *day): name for day, name in FIXED_DAYS.items()}
    found |= {day: name for name, days in known.items() for day in days}
    for one in years:
        if one.form.year == year and one.form.level is Level.STATE and one.form.announced:
            for run in one.form.off:
                if known.keys().isdisjoint(named_in(run.name)):
                    found.update(dict.fromkeys(run.days(), run.name))
    return found


def _worked(year: Placed[CalendarYear], holidays: Mapping[date, str]) -> None:
    """Reports workdays on a holiday that is off by law."""
    clash = [(index, day) for index, day in enumerate(year.form.makeup) if day in holidays]
    if clash:
        names = "、".join(dict.fromkeys(holidays[day] for _, day in clash))
        message = f"{_said(day for _, day in clash)}是{names}，法律规定放假，这里写成上班：机器人当天会照常发消息"
        loc = ("上班", clash[0][0])
        year.report("works-on-holiday", loc, message, "确认是不是写错；写错就删去", info=True)


def _terms(years: Years) -> None:
    """Reports school terms of one level that overlap."""
    terms = [(term, year, ("学期", index)) for year in years for index, term in enumerate(year.form.terms)]
    terms.sort(key=lambda one: one[0].starts_on)
    for (term, year, _), (other, later, loc) in combinations(terms, 2):
        if year.form.level is later.form.level and other.starts_on <= term.ends_on:
            message = f"{other.name}从{_said([other.starts_on])}开始，{term.name}到{_said([term.ends_on])}才结束：两个学期重叠"
            later.report("terms-overlap", loc, message, "对照校历，把“开始”“结束”改准", info=True)


def _unknown_years(years: Years, table: Placed[StatutoryTable]) -> None:
    """Reports provisional years that the table of statutory days lacks: 清明, 端午 and 中秋 are then taken for workdays."""
    listed = {row.year for row in table.form.years}
    for year in years:
        if year.form.level is Level.STATE and year.form.year not in listed and not year.form.announced:
            message = f"法定节日.yaml 里没有{year.form.year}年：通知公布前，清明、端午、中秋都会当作工作日"
            year.report("no-statutory-year", ("年份",), message, "在 法定节日.yaml 的“各年”里加上这一年", info=True)


def _said(days: Iterable[date]) -> str:
    return "、".join(f"{day.month}月{day.day}日" for day in days)
