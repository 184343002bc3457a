"""Working days, sending days and office hours, read from the calendar files without the bot's help."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

import yaml

FOLDER = "calendars/"
LAW = f"{FOLDER}法定节日.yaml"
OFFICE = ((830, 1200), (1430, 1730))  # hours and minutes, the end not included
QUIET = {(5, day) for day in range(1, 6)} | {
    (10, day) for day in range(1, 8)
}  # nothing is sent before the notice says more
ONE = timedelta(days=1)


@lru_cache(maxsize=256)
def read(text: str) -> Any:
    """A YAML file's content; the same text is read once."""
    return yaml.safe_load(text)


@dataclass(frozen=True, eq=False)
class Days:
    """The calendar of one set of rule files."""

    off: frozenset[date]
    worked: frozenset[date]  # make-up days
    quiet: frozenset[date]  # worked perhaps, but nothing is sent
    terms: tuple[tuple[date, date], ...]

    def is_workday(self, day: date) -> bool:
        """Whether offices work."""
        return day in self.worked or (day.weekday() < 5 and day not in self.off)

    def may_send(self, day: date) -> bool:
        """Whether messages may leave."""
        return self.is_workday(day) and day not in self.quiet

    def first_sending_day(self, day: date) -> date:
        """The first sending day on or after `day`."""
        while not self.may_send(day):
            day += ONE
        return day

    def after(self, day: date, count: int) -> date:
        """The count-th workday after `day` (before it, if negative)."""
        step = ONE if count > 0 else -ONE
        while count:
            day += step
            count -= self.is_workday(day) * (1 if count > 0 else -1)
        return day

    def between(self, after: date, until: date) -> int:
        """Workdays after `after`, up to and including `until`."""
        return sum(self.is_workday(after + ONE * n) for n in range(1, (until - after).days + 1))

    def open(self, at: datetime) -> bool:
        """Whether messages may leave at this moment."""
        minute = at.hour * 100 + at.minute
        return self.may_send(at.date()) and any(start <= minute < end for start, end in OFFICE)


@lru_cache(maxsize=64)
def _of_texts(texts: tuple[tuple[str, str], ...]) -> Days:
    law = {year["年份"]: year for year in read(dict(texts)[LAW])["各年"]}
    years = sorted((read(text) for name, text in texts if name != LAW), key=lambda year: bool(year.get("级别")))
    announced = {year["年份"] for year in years if year["状态"] == "已公布" and not year.get("级别")}
    by_law = [one for year, one in law.items() if year not in announced]
    off = {day for one in by_law for day in _runs(one["放假"])}
    worked: set[date] = set()
    for year in years:
        off = (off | set(_runs(year.get("放假") or ()))) - set(year.get("上班") or ())
        worked = (worked | set(year.get("上班") or ())) - set(_runs(year.get("放假") or ()))
    quiet = {day for one in by_law for day in _runs(one.get("免打扰") or ())} | _quiet(set(law) - announced)
    terms = sorted((term["开始"], term["结束"]) for year in years for term in year.get("学期") or ())
    return Days(frozenset(off), frozenset(worked), frozenset(quiet), tuple(terms))


def days_of(files: Mapping[str, str]) -> Days:
    """The calendar in force under these rule files."""
    return _of_texts(tuple(sorted((name, text) for name, text in files.items() if name.startswith(FOLDER))))


def _runs(runs: Iterable[Mapping[str, Any]]) -> Iterator[date]:
    for run in runs:
        yield from (run["起"] + ONE * n for n in range((run["止"] - run["起"]).days + 1))


def _quiet(years: Iterable[int]) -> set[date]:
    return {date(year, month, day) for year in years for month, day in QUIET}
