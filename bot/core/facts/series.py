"""An indicator's values in order of period, and the arithmetic on them. Exact: fractions inside, decimals outside.

A series holds the final values whose labels have the shape of the indicator's cadence: 2026, 2026H1, 2026Q1 and 2026-03 are
never compared with each other.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from bot.core.facts.facts import Facts, Observation
from bot.core.rules.item import Moment
from bot.core.rules.rulebook import IndicatorForm
from bot.core.rules.words import DueDate, Precision
from bot.core.time.cadence import Cadence, Rhythm
from bot.core.time.zone import day_of

#: Months a written date covers up to its last day.
_COVERS = {Precision.YEAR: 12, Precision.HALF: 6, Precision.QUARTER: 3, Precision.MONTH: 1}
_LABEL = re.compile(r"(20\d\d)(?:(H|Q|W|-)(\d{1,2})([上下])?)?")


@dataclass(frozen=True, slots=True)
class Scale:
    """Numbers the periods of a cadence through the years: consecutive periods have consecutive numbers.

    `mark` tells the shape of the label: "" 2027, H 2027H1, Q 2027Q1, "-0" 2027-03, 上下 2027-03上, W 2027W05, "-" 2027-1.
    `years` is more than 1 where there is a period only every so many years, counted from `since`. `early` marks periods that
    may begin before the one with the number before has ended in the calendar: school years, terms and other written dates.
    """

    per_year: int
    mark: str = ""
    years: int = 1
    since: int = 0
    early: bool = False

    @classmethod
    def of(cls, cadence: Cadence) -> Scale:
        """The scale of the labels a cadence makes (`bot/core/time/cadence.py`)."""
        if cadence.rhythm is Rhythm.DATES:
            count = len(cadence.dates)
            return cls(count, "-", early=True) if count > 1 else cls(1, "", cadence.count or 1, cadence.since)
        found = next((word, scale) for word, scale in _SCALES.items() if word in cadence.rhythm.value)
        return cls(*found[1], early="学" in found[0])

    def index(self, label: str) -> int | None:
        """The number of a label; None for one of another shape."""
        found = _LABEL.fullmatch(label)
        if found is None:
            return None
        year, number = int(found[1]), int(found[3] or 1)
        if self.mark == "W":
            index = (date(year, 1, 4).toordinal() - 1) // 7 + number - 1
        elif self.mark == "上下":
            index = year * 24 + 2 * (number - 1) + (found[4] == "下")
        else:
            index = (year - self.since) // self.years * self.per_year + number - 1
        return index if index >= 0 and self.label(index) == label else None

    def label(self, index: int) -> str:
        """The label of a number."""
        if self.mark == "W":
            monday = date.fromordinal(index * 7 + 1).isocalendar()
            return f"{monday.year}W{monday.week:02}"
        year, place = self._placed(index)
        if self.mark == "上下":
            return f"{year}-{place // 2 + 1:02}{self.mark[place % 2]}"
        if self.mark == "-0":
            return f"{year}-{place + 1:02}"
        return f"{year}{self.mark}{place + 1}" if self.mark else str(year)

    def _placed(self, index: int) -> tuple[int, int]:
        turn, place = divmod(index, self.per_year)
        return self.since + turn * self.years, place

    def end(self, index: int) -> Fraction:
        """When a period ends, in years: 2027 ends at 2028, 2027H1 at 2027½."""
        if self.mark == "W":
            return year_time(date.fromordinal(index * 7 + 7))
        year, place = self._placed(index)
        return year + Fraction(place + 1, self.per_year)

    def has_begun(self, index: int, day: date) -> bool:
        """Whether a period has begun on a day; of periods that may begin early, whether it may have."""
        return year_time(day) > self.end(index - (2 if self.early else 1))

    def covering(self, day: date) -> int:
        """The period that contains a day; of periods years apart the first that ends on or after it."""
        if self.mark == "W":
            return (day.toordinal() - 1) // 7
        return -((1 - (year_time(day) - self.since) * self.per_year) // self.years)

    def a_year_before(self, index: int) -> int | None:
        """The same period a year earlier; of periods years apart the previous one. None for some 53rd weeks."""
        if self.mark != "W":
            return index - self.per_year
        year, week = self.label(index).split("W")
        return self.index(f"{int(year) - 1}W{week}")

    def span(self, index: int) -> str:
        """A period in words: 2027年, 2027年上半年, 2027年第3季度, 2027年3月, 2027年第5周, 2027年第2期."""
        if self.mark == "W":
            name, week = self.label(index).split("W")
            return f"{name}年第{int(week)}周"
        year, place = self._placed(index)
        if self.mark == "上下":
            return f"{year}年{place // 2 + 1}月{self.mark[place % 2]}半月"
        words = {"": "", "H": "上下"[place % 2] + "半年", "Q": f"第{place + 1}季度", "-0": f"{place + 1}月"}
        return f"{year}年{words.get(self.mark, f'第{place + 1}期')}"


#: By a word in the rhythm; the first match counts (每半月 before 每半年 and 每月).
_SCALES: dict[str, tuple[int, str]] = {
    "半月": (24, "上下"),
    "每周": (52, "W"),
    "学期": (2, "-"),
    "学年": (1, ""),
    "半年": (2, "H"),
    "季度": (4, "Q"),
    "每月": (12, "-0"),
    "每年": (1, ""),
}


def year_time(day: date) -> Fraction:
    """The end of a day in years: 31 December 2027 is 2028."""
    return Fraction(day.year) + (day.month - 1 + Fraction(day.day, monthrange(day.year, day.month)[1])) / 12


def begins(due: DueDate) -> Fraction:
    """When the period named by a date begins, in years: 2027年 at 2027, 2027年6月 on its first day."""
    if due.precision is Precision.DAY:
        return year_time(due.on) - Fraction(1, 12 * monthrange(due.on.year, due.on.month)[1])
    return year_time(due.on) - Fraction(_COVERS[due.precision], 12)


@dataclass(frozen=True, slots=True)
class Point:
    """A final value, and when it became known."""

    index: int
    value: Decimal
    known: Moment

    @classmethod
    def of(cls, index: int, seen: Observation) -> Point:
        """An observation as the value of a period."""
        return cls(index, seen.value, seen.moment)


@dataclass(frozen=True, slots=True)
class Series:
    """Final values of one indicator, earliest period first."""

    scale: Scale
    points: tuple[Point, ...]

    @property
    def latest(self) -> Point | None:
        """The value of the latest known period, whenever it was reported."""
        return self.points[-1] if self.points else None

    def at(self, index: int) -> Point | None:
        """The value of a period."""
        return next((point for point in self.points if point.index == index), None)

    def a_year_before(self, point: Point) -> Point | None:
        """The value of the same period of the previous year."""
        index = self.scale.a_year_before(point.index)
        return self.at(index) if index is not None else None

    def without_latest(self) -> Series:
        """The series without its latest period."""
        return Series(self.scale, self.points[:-1])

    def run(self, most: int) -> tuple[Point, ...]:
        """The last values without a gap between them, at most `most`."""
        found = self.points[-1:]
        for point in reversed(self.points[:-1]):
            if len(found) >= most or point.index != found[0].index - 1:
                break
            found = (point, *found)
        return found

    def said(self, point: Point) -> str:
        """The period of a value in words: 2027年."""
        return self.scale.span(point.index)


def final_value(form: IndicatorForm, facts: Facts, label: str) -> Observation | None:
    """The final value of a period; None for one that was entered before its period began, which is a mistake."""
    seen = facts.value(form.id, label)
    if seen is None:
        return None
    scale, day = Scale.of(form.reporting.cadence), day_of(seen.at)
    index = scale.index(label)
    begun = scale.has_begun(index, day) if index is not None else label[:4] <= str(day.year)
    return seen if begun else None


def taken_back(form: IndicatorForm, facts: Facts, labels: Sequence[str]) -> str:
    """That the values of these periods were withdrawn, as a short phrase; empty if none was."""
    scale = Scale.of(form.reporting.cadence)
    gone = [(label, scale.index(label)) for label in labels if (form.id, label) in facts.withdrawn]
    said = "、".join(label if index is None else scale.span(index) for label, index in gone)
    return f"{said}的数据已撤回" if gone else ""


def series_of(form: IndicatorForm, facts: Facts) -> Series:
    """The final values of an indicator in the labels of its own cadence, each known since its period began or later.

    So the latest of them is never one of a period to come, whatever is kept for 2035 by mistake.
    """
    scale = Scale.of(form.reporting.cadence)
    found: list[Point] = []
    for label in facts.periods.get(form.id, ()):
        index, seen = scale.index(label), final_value(form, facts, label)
        if index is not None and seen is not None:
            found.append(Point.of(index, seen))
    return Series(scale, tuple(sorted(found, key=lambda point: point.index)))


# --- arithmetic ---------------------------------------------------------------


def slope(values: Sequence[Decimal]) -> Fraction:
    """Least-squares change per period over at least two consecutive values."""
    middle = Fraction(len(values) - 1, 2)
    rise = sum(((at - middle) * Fraction(value) for at, value in enumerate(values)), Fraction())
    return rise / sum(((at - middle) ** 2 for at in range(len(values))), Fraction())


def extrapolated(values: Sequence[Decimal], ahead: int) -> Fraction:
    """Where the least-squares line stands `ahead` periods after the last of the values."""
    mean = sum((Fraction(value) for value in values), Fraction()) / len(values)
    return mean + slope(values) * (Fraction(len(values) - 1, 2) + ahead)


def decimal(value: Fraction) -> Decimal:
    """To 28 digits, which is exact for every value that can equal a bound in a rule file."""
    return Decimal(value.numerator) / Decimal(value.denominator)


def rounded(value: Fraction, places: int = 2) -> Decimal:
    """Half away from zero, without trailing zeros; for people, never for comparing."""
    scaled = abs(value) * 10**places
    whole = (scaled.numerator * 2 + scaled.denominator) // (scaled.denominator * 2)
    number = Decimal(whole if value >= 0 else -whole).scaleb(-places).normalize()
    return number if number else Decimal(0)


def written(value: Decimal | Fraction) -> str:
    """As people write it: 48.1, not 4.81E+1 nor 48.10."""
    text = f"{value if isinstance(value, Decimal) else rounded(value):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def signed(value: Fraction) -> str:
    """+1.3, -0.5, 0."""
    shown = rounded(value)
    return f"{'+' if shown > 0 else ''}{shown:f}"
