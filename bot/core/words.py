"""The small strict Chinese grammar of rule files: every form there is, each with an example.

Full-width digits and punctuation count as half-width, and blanks are ignored (２０２７ 年底 is 2027年底).

完成时限 `DueDate`
    2027-12-31 · 2027年12月31日[前]               that day                    日
    2027年6月 · 2027年6月底 · 2027年6月底前          last day of the month       月
    2027年第一季度 · 2027年一季度                    last day of the quarter     季
    2027年上半年 · 2027年下半年                      06-30 · 12-31               半年
    2027年 · 2027年底 · 2027年底前 · 2027年年底      12-31                       年
时点 `Offset` of a rung, counted from the due date
    提前30天 · 提前1个工作日 · 当天 · 逾期7天 · 逾期1个工作日 · 逾期每7天 · 逾期每5个工作日
周期 `Cadence` of a recurring duty or report; the due date within each period
    每年11月30日 · 每年11月底 · 每年底 (= 每年, 每年12月底)      label 2027
    每年3月15日、9月15日 (at most nine a year)                 labels 2027-1, 2027-2
    每半年末 (= 每半年)                                      2027H1
    每季度末 (= 每季度) · 每季度末月25日                        2027Q1
    每月10日 · 每月底 (= 每月) · 每月最后一个工作日              2027-03
    每学期开学后20个工作日内                                  2027-1; the day school starts is not counted
    每学期末 (= 每学期) · 每学期结束前10个工作日                2027-1; the day it ends is not counted
    每学年末 (= 每学年)                                      2027; the end of the spring term
应报 `Lag`: when the value of a period is due
    当年10月31日 · 次年3月31日 · 次年3月底                     by the year in the label
    次月10日 · 次季度首月15日 · 期满后20个工作日 · 期满后15天     by the last day of the period
宽限 `Grace`
    10个工作日 · 15天
时长 `Span`
    10个工作日 · 7天 · 3个月
基准日 `MonthDay`
    9月1日 · 11月底
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import ClassVar, Self

from bot.core.cadence import MONTH_DAY, Cadence, MonthDay, Period, Rhythm
from bot.core.grammar import Word, WordError, check_count, check_month, check_year, month_end, real_date
from bot.core.workdays import Calendar

__all__ = [
    "Cadence",
    "DueDate",
    "Grace",
    "Lag",
    "LagFrom",
    "MonthDay",
    "Offset",
    "Period",
    "Precision",
    "Rhythm",
    "Side",
    "Span",
    "Unit",
    "WordError",
]


class Precision(StrEnum):
    """How exactly a due date was written."""

    DAY = "日"
    MONTH = "月"
    QUARTER = "季"
    HALF = "半年"
    YEAR = "年"


class Unit(StrEnum):
    """What a count counts."""

    DAY = "天"
    WORKDAY = "工作日"
    MONTH = "个月"


class Side(StrEnum):
    """Where a rung stands."""

    BEFORE = "提前"
    ON = "当天"
    AFTER = "逾期"


def _amount(count: int, unit: Unit) -> str:
    return f"{count}个工作日" if unit is Unit.WORKDAY else f"{count}{unit.value}"


def _unit(word: str) -> Unit:
    return Unit(word.removeprefix("个")) if word != "个月" else Unit.MONTH


def _quarter(word: str) -> int:
    return int(word) if word in "1234" else "一二三四".index(word) + 1


_DAY = re.compile(r"(\d{4})(?:-(\d{1,2})-(\d{1,2})|年(\d{1,2})月(\d{1,2})日前?)")
_MONTH = re.compile(r"(\d{4})年(\d{1,2})月(?:底前?)?")
_QUARTER = re.compile(r"(\d{4})年第?([一二三四1-4])季度")
_HALF = re.compile(r"(\d{4})年([上下])半年")
_YEAR = re.compile(r"(\d{4})年(?:年?底前?)?")


@dataclass(frozen=True, slots=True)
class DueDate(Word):
    """The last good day, and how exactly it was written. Equal by meaning: `text` keeps the words, uncompared."""

    on: date
    precision: Precision
    text: str = field(compare=False)

    title: ClassVar[str] = "完成时限"
    about: ClassVar[str] = "最后一天；只写到年、半年、季度、月的，按期末最后一天算"
    examples: ClassVar[tuple[str, ...]] = (
        "2027-12-31",
        "2027年12月31日",
        "2027年底",
        "2027年",
        "2027年6月底前",
        "2027年6月",
        "2027年上半年",
        "2027年下半年",
        "2027年第一季度",
    )

    @classmethod
    def _as_text(cls, value: object) -> str:
        return value.isoformat() if type(value) is date else super(DueDate, cls)._as_text(value)

    @classmethod
    def _read(cls, text: str) -> Self | None:
        if found := _DAY.fullmatch(text):
            year, month, day = (int(part) for part in found.groups() if part is not None)
            return cls(real_date(year, month, day, text), Precision.DAY, text)
        if found := _MONTH.fullmatch(text):
            return cls._until(text, found[1], check_month(int(found[2]), text), Precision.MONTH)
        if found := _QUARTER.fullmatch(text):
            return cls._until(text, found[1], 3 * _quarter(found[2]), Precision.QUARTER)
        if found := _HALF.fullmatch(text):
            return cls._until(text, found[1], 6 if found[2] == "上" else 12, Precision.HALF)
        if found := _YEAR.fullmatch(text):
            return cls._until(text, found[1], 12, Precision.YEAR)
        return None

    @classmethod
    def _until(cls, text: str, year: str, month: int, precision: Precision) -> Self:
        return cls(month_end(check_year(int(year), text), month), precision, text)

    def words(self) -> str:
        return self.text


_OFFSET = re.compile(r"(提前|逾期)(每?)(\d+)(天|个工作日)")


@dataclass(frozen=True, slots=True)
class Offset(Word):
    """When a rung of a ladder speaks: `count` days or workdays before or after the due date, once or again."""

    count: int
    unit: Unit
    side: Side
    repeats: bool = False

    title: ClassVar[str] = "时点"
    about: ClassVar[str] = "从完成时限数起"
    examples: ClassVar[tuple[str, ...]] = (
        "提前30天",
        "提前1个工作日",
        "当天",
        "逾期7天",
        "逾期1个工作日",
        "逾期每7天",
        "逾期每5个工作日",
    )

    @classmethod
    def _read(cls, text: str) -> Self | None:
        if text == Side.ON:
            return cls(0, Unit.DAY, Side.ON)
        found = _OFFSET.fullmatch(text)
        if found is None or (found[1] == Side.BEFORE and found[2]):
            return None
        return cls(check_count(int(found[3]), text), _unit(found[4]), Side(found[1]), bool(found[2]))

    def words(self) -> str:
        if self.side is Side.ON:
            return Side.ON.value
        return f"{self.side.value}{'每' if self.repeats else ''}{_amount(self.count, self.unit)}"

    def nominal_on(self, due_on: date, calendar: Calendar, times: int = 1) -> date:
        """Nominal date of the rung, for a repeating one of its `times`-th telling (from 1)."""
        count = self.count * times * (-1 if self.side is Side.BEFORE else 1)
        if self.unit is Unit.WORKDAY:
            return calendar.shift_workdays(due_on, count)
        return due_on + timedelta(days=count)


_SPAN = re.compile(r"(\d+)(天|个工作日|个月)")


@dataclass(frozen=True, slots=True)
class Span(Word):
    """A length of time in days, workdays or months."""

    count: int
    unit: Unit

    title: ClassVar[str] = "时长"
    about: ClassVar[str] = "若干天、工作日或月"
    examples: ClassVar[tuple[str, ...]] = ("10个工作日", "7天", "3个月")

    @classmethod
    def _read(cls, text: str) -> Self | None:
        found = _SPAN.fullmatch(text)
        if found is None:
            return None
        return cls(check_count(int(found[1]), text), _unit(found[2]))

    def words(self) -> str:
        return _amount(self.count, self.unit)

    def after(self, day: date, calendar: Calendar) -> date:
        """Last day of the span when `day` is not counted; a month ends on the same day, or at its end."""
        if self.unit is Unit.WORKDAY:
            return calendar.shift_workdays(day, self.count)
        if self.unit is Unit.DAY:
            return day + timedelta(days=self.count)
        years, month = divmod(day.month - 1 + self.count, 12)
        end = month_end(day.year + years, month + 1)
        return end.replace(day=min(day.day, end.day))


@dataclass(frozen=True, slots=True)
class Grace(Span):
    """How long a missing value is not yet chased: days or workdays."""

    title: ClassVar[str] = "宽限"
    about: ClassVar[str] = "应报日之后若干天或工作日"
    examples: ClassVar[tuple[str, ...]] = ("10个工作日", "15天")

    @classmethod
    def _read(cls, text: str) -> Self | None:
        found = super(Grace, cls)._read(text)
        return None if found is None or found.unit is Unit.MONTH else found


class LagFrom(StrEnum):
    """What a lag counts from."""

    SAME_YEAR = "当年"
    NEXT_YEAR = "次年"
    NEXT_MONTH = "次月"
    NEXT_QUARTER = "次季度首月"
    PERIOD_END = "期满后"


_LAG = re.compile("(" + "|".join(LagFrom) + ")(.+)")
_LAG_DAY = re.compile(r"(\d+)日")


@dataclass(frozen=True, slots=True)
class Lag(Word):
    """When the value of a period is due. One of `on` (years), `day` (months, quarters), `span` (期满后) is set."""

    start: LagFrom
    on: MonthDay | None = None
    day: int = 0
    span: Span | None = None

    title: ClassVar[str] = "应报"
    about: ClassVar[str] = "一期数据最迟哪天报送"
    examples: ClassVar[tuple[str, ...]] = (
        "次年3月31日",
        "当年10月31日",
        "次月10日",
        "次季度首月15日",
        "期满后20个工作日",
        "期满后15天",
    )

    @classmethod
    def _read(cls, text: str) -> Self | None:
        found = _LAG.fullmatch(text)
        if found is None:
            return None
        start, rest = LagFrom(found[1]), found[2]
        if start is LagFrom.PERIOD_END:
            return cls(start, span=Span.parse(rest)) if re.fullmatch(r"\d+(天|个工作日)", rest) else None
        if start in (LagFrom.SAME_YEAR, LagFrom.NEXT_YEAR):
            return cls(start, on=MonthDay.parse(rest)) if MONTH_DAY.fullmatch(rest) else None
        return cls._of_day(start, rest, text)

    @classmethod
    def _of_day(cls, start: LagFrom, rest: str, text: str) -> Self | None:
        found = _LAG_DAY.fullmatch(rest)
        if found is None:
            return None
        largest = 28 if start is LagFrom.NEXT_MONTH else 30
        if not 1 <= int(found[1]) <= largest:
            raise WordError(f"“{text}”：{found[1]}日不是每次都有，应在1至{largest}日之间")
        return cls(start, day=int(found[1]))

    def words(self) -> str:
        rest = self.on or self.span
        return f"{self.start.value}{rest.words() if rest else f'{self.day}日'}"

    def resolve(self, period: Period, calendar: Calendar) -> date:
        """When the value of that period is due; `当年` is the year in its label, `次月` and `期满` count from its end."""
        if self.on:
            return self.on.in_year(int(period.label[:4]) + (self.start is LagFrom.NEXT_YEAR))
        if self.span:
            return self.span.after(period.ends, calendar)
        months = 1 if self.start is LagFrom.NEXT_MONTH else 3 - (period.ends.month - 1) % 3
        years, month = divmod(period.ends.month - 1 + months, 12)
        return date(period.ends.year + years, month + 1, self.day)
