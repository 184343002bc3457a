"""The calendar files that ship: compared day by day with other people's records of the same notices."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import chinese_calendar  # type: ignore[import-untyped]
import pytest
import yaml
from borax.calendars.lunardate import LunarDate, TermUtils  # type: ignore[import-untyped]

from bot.core.time.festivals import new_year, possible
from bot.core.time.workdays import Calendar, CalendarYear, StatutoryTable

FOLDER = Path(__file__).parents[2] / "rules" / "calendars"

# 除夕, 清明, 端午, 中秋 as the packages lunardate 0.3 and holidays 0.109 both give them
KNOWN = {
    2027: ("02-05", "04-05", "06-09", "09-15"),
    2028: ("01-25", "04-04", "05-28", "10-03"),
    2029: ("02-12", "04-04", "06-16", "09-22"),
    2030: ("02-02", "04-05", "06-05", "09-12"),
    2031: ("01-22", "04-05", "06-24", "10-01"),
    2032: ("02-10", "04-04", "06-12", "09-19"),
    2033: ("01-30", "04-04", "06-01", "09-08"),
    2034: ("02-18", "04-05", "06-20", "09-27"),
    2035: ("02-07", "04-05", "06-10", "09-16"),
}
LISTED = range(2027, 2051)


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def shipped_years() -> list[CalendarYear]:
    return [CalendarYear.model_validate(read(path)) for path in sorted(FOLDER.glob("2*.yaml"))]


def shipped_table() -> StatutoryTable:
    return StatutoryTable.model_validate(read(FOLDER / "法定节日.yaml"))


@pytest.fixture(scope="module")
def calendar() -> Calendar:
    return Calendar.build(shipped_years(), shipped_table())


def days_of(year: int) -> Iterator[date]:
    day = date(year, 1, 1)
    while day.year == year:
        yield day
        day += timedelta(days=1)


@pytest.mark.parametrize("year", [2024, 2025, 2026])
def test_every_day_of_an_announced_year_agrees_with_chinesecalendar(calendar: Calendar, year: int) -> None:
    differing = [day for day in days_of(year) if calendar.is_workday(day) != chinese_calendar.is_workday(day)]
    assert differing == []


def test_only_the_years_with_a_notice_count_as_announced(calendar: Calendar) -> None:
    assert calendar.years_announced == {2024, 2025, 2026}


def test_2026_has_33_days_off_and_six_makeup_days() -> None:
    year = next(one for one in shipped_years() if one.year == 2026)
    assert len([day for run in year.off for day in run.days()]) == 33
    assert [day.isoformat()[5:] for day in year.makeup] == ["01-04", "02-14", "02-28", "05-09", "09-20", "10-10"]


@pytest.mark.parametrize("year", KNOWN)
def test_statutory_days_agree_with_what_two_packages_say(year: int) -> None:
    eve, qingming, duanwu, midautumn = (date.fromisoformat(f"{year}-{day}") for day in KNOWN[year])
    assert statutory(year) == {
        "元旦": (date(year, 1, 1), date(year, 1, 1)),
        "春节": (eve, eve + timedelta(days=3)),
        "清明节": (qingming, qingming),
        "劳动节": (date(year, 5, 1), date(year, 5, 2)),
        "端午节": (duanwu, duanwu),
        "中秋节": (midautumn, midautumn),
        "国庆节": (date(year, 10, 1), date(year, 10, 3)),
    }
    quiet = next(one.quiet for one in shipped_table().years if one.year == year)
    assert [(run.first, run.last) for run in quiet] == [(eve, eve + timedelta(days=7))]


@pytest.mark.parametrize("year", LISTED)
def test_lunar_days_agree_with_what_a_third_package_computes(year: int) -> None:
    def solar(month: int, day: int) -> date:
        found: date = LunarDate(year, month, day).to_solar_date()
        return found

    found = statutory(year)
    assert found["春节"][0] == solar(1, 1) - timedelta(days=1)
    assert found["端午节"][0] == solar(5, 5)
    assert found["中秋节"][0] == solar(8, 15)
    assert found["清明节"][0] == TermUtils.nth_term_day(year, TermUtils.name2index("清明"))
    quiet = next(one.quiet for one in shipped_table().years if one.year == year)
    assert [(run.first, run.last) for run in quiet] == [(found["春节"][0], solar(1, 7))]


def statutory(year: int) -> dict[str, tuple[date, date]]:
    rows = next(one.off for one in shipped_table().years if one.year == year)
    return {run.name: (run.first, run.last) for run in rows}


def test_the_table_covers_2027_to_2050_with_thirteen_days_each() -> None:
    table = shipped_table()
    assert [one.year for one in table.years] == list(LISTED)
    assert {sum(len(list(run.days())) for run in one.off) for one in table.years} == {13}


def test_shipped_terms_are_proposals_for_2024_to_2027_that_open_and_close_on_workdays(calendar: Calendar) -> None:
    terms = [term for year in shipped_years() for term in year.terms]
    assert [term.name for term in terms] == [f"{y}年{s}季学期" for y in range(2024, 2028) for s in "春秋"]
    assert all(term.provisional for term in terms)
    assert all(calendar.is_workday(term.starts_on) and calendar.is_workday(term.ends_on) for term in terms)


def test_file_names_say_the_year_inside() -> None:
    assert [path.stem for path in sorted(FOLDER.glob("2*.yaml"))] == [str(one.year) for one in shipped_years()]


@pytest.mark.parametrize("year", range(2000, 2100))
def test_the_new_years_kept_in_the_code_are_those_a_package_computes(year: int) -> None:
    assert new_year(year) == LunarDate(year, 1, 1).to_solar_date()
    for name, month, day in (("端午节", 5, 5), ("中秋节", 8, 15)):
        first, last = possible(name, year) or (date.max, date.min)
        assert first <= LunarDate(year, month, day).to_solar_date() <= last
