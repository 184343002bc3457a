"""The small strict Chinese grammar of rule files: every form with an example.

Full-width digits and punctuation count as half-width, and blanks are ignored (２０２７ 年底 is 2027年底).

完成时限 `DueDate`
    2027-12-31 · 2027年12月31日[前]               that day                    日
    2027年6月 · 2027年6月底 · 2027年6月底前          last day of the month       月
    2027年第一季度 · 2027年一季度                    last day of the quarter     季
    2027年上半年 · 2027年下半年                      06-30 · 12-31               半年
    2027年 · 2027年底 · 2027年底前 · 2027年年底      12-31                       年
    2027年中 · 2027年年中                            06-30                       半年
    2027年6月上旬 · 2027年6月中旬 · 2027年6月下旬     10th · 20th · last day      月
    “十五五”末 · “十五五”期末 · “十五五”期间          2030-12-31                  年
    到2030年 · 2030年末 · 2030年底以前                as without 到; 末 is 底
时点 `Offset` of a rung, counted from the due date
    提前30天 · 提前1个工作日 · 当天 · 逾期7天 · 逾期1个工作日 · 逾期每7天 · 逾期每5个工作日 · 逾期每季度
周期 `Cadence` of a recurring duty or report; the due date within each period
    每年11月30日 · 每年11月底 · 每年底 (= 每年, 每年12月底)      label 2027
    每年3月15日、9月15日 (at most nine a year)                 labels 2027-1, 2027-2
    自2026年起每2年11月底 (每两年, 每五年 …)                   labels 2026, 2028; 自2026年起 may stand before any form
    每半年末 (= 每半年)                                      2027H1
    每季度末 (= 每季度) · 每季度末月25日 · 每季度首月10日        2027Q1
    每月10日 · 每月底 (= 每月) · 每月最后一个工作日              2027-03
    每月第1个工作日                                          2027-03
    每半月                                                  2027-03上, 2027-03下; the 15th and the last day
    每周五                                                  2027W05; Monday to Sunday, numbered as calendars do (ISO)
    每月结束后5日内 · 每季度结束后10个工作日内 (also 每半年, 每年)  the label of the period that is over
    每学期开学后20个工作日内                                  2027-1; the day school starts is not counted
    每学期末 (= 每学期) · 每学期结束前10个工作日                2027-1; the day it ends is not counted
    每学年末 (= 每学年)                                      2027; the end of the spring term
    Harmless and left out when read back: 前 (每月5日前), 一次 (每季度一次), 每个, 和 for 、; 1月 in a list of months is 1月底
应报 `Lag`: when the value of a period is due
    当年10月31日 · 次年3月31日 · 次年3月底                     by the year in the label
    次月10日 · 次季度首月15日 · 期满后20个工作日 · 期满后15天     by the last day of the period
    季后15日内, 月后, 每季度结束后10个工作日内 …               read as 期满后
例外 `Instead`: what one period of a duty has in place of its own date
    11月底 · 11月30日 (of the year in its label) · 2027-01-15 · 不开展
宽限 `Grace`
    10个工作日 · 15天
时长 `Span`
    10个工作日 · 7天 · 3个月 (7日内, 收到之日起10个工作日内: the same)
季节 `Season`: a part of every year
    4月1日至9月30日 · 11月1日至次年2月底 (次年 may be left out)   both days count
基准日 `MonthDay`
    9月1日 · 11月底 (11月上旬 is 11月10日, 中旬 the 20th, 下旬 the last day)
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from enum import StrEnum
from typing import ClassVar, Self

from bot.core.time.cadence import MONTH_DAY, TEN_DAYS, Cadence, MonthDay, Period, Rhythm
from bot.core.time.grammar import (
    Word,
    WordError,
    check_count,
    check_month,
    check_year,
    month_end,
    nearest,
    parse_date,
    real_date,
)
from bot.core.time.workdays import Calendar

__all__ = [
    "Cadence",
    "DueDate",
    "Grace",
    "Instead",
    "Lag",
    "LagFrom",
    "MonthDay",
    "Offset",
    "Period",
    "Precision",
    "Rhythm",
    "Season",
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
    """The unit of a count."""

    DAY = "天"
    WORKDAY = "工作日"
    MONTH = "个月"
    QUARTER = "季度"


class Side(StrEnum):
    """Whether a rung is before, on or after the due date."""

    BEFORE = "提前"
    ON = "当天"
    AFTER = "逾期"


def _amount(count: int, unit: Unit) -> str:
    return f"{count}个工作日" if unit is Unit.WORKDAY else f"{count}{unit.value}"


def _unit(word: str) -> Unit:
    return Unit.DAY if word == "日" else Unit(word.removeprefix("个")) if word != "个月" else Unit.MONTH


def _quarter(word: str) -> int:
    return int(word) if word in "1234" else "一二三四".index(word) + 1


_DAY = re.compile(r"(\d{4})(?:-(\d{1,2})-(\d{1,2})|年(\d{1,2})月(\d{1,2})日前?)")
_MONTH = re.compile(r"(\d{4})年(\d{1,2})月(?:[底末]前?)?")
_TEN_DAYS = re.compile(r"(\d{4})年(\d{1,2})月([上中下])旬前?")
_QUARTER = re.compile(r"(\d{4})年第?([一二三四1-4])季度(?:[底末]前?)?")
_HALF = re.compile(r"(\d{4})年(?:([上下])半年(?:[底末]前?)?|年?中)")
_YEAR = re.compile(r"(\d{4})年(?:年?[底末]前?)?")
_FIVE_YEARS = re.compile(r"[“\"'‘]?十([三四五六七])五[”\"'’]?(?:规划)?(?:时期|期)?(?:[底末]前?|间|结束前?)?")
#: Last years of the national five-year plans.
FIVE_YEAR_ENDS = {"三": "2020", "四": "2025", "五": "2030", "六": "2035", "七": "2040"}


@dataclass(frozen=True, slots=True)
class DueDate(Word):
    """The last good day, and how exactly it was written. `text` keeps the words and is not compared."""

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
        "2027年中",
        "2027年6月上旬",
        "“十五五”末",
    )

    @classmethod
    def _as_text(cls, value: object) -> str:
        return value.isoformat() if type(value) is date else super(DueDate, cls)._as_text(value)

    @classmethod
    def _read(cls, text: str) -> Self | None:
        text = re.sub("[以之]前$", "前", re.sub("^(?:截?至|到)", "", text))
        if re.fullmatch(r"\d{4}年前", text):
            year = int(text[:4])
            hint = f"可以写：“{year - 1}年底”、“{year}年底”"
            raise WordError(f"“{text}”看不出含不含{year}年", hint)
        if found := _FIVE_YEARS.fullmatch(text):
            return cls._until(text, FIVE_YEAR_ENDS[found[1]], 12, Precision.YEAR)
        if found := _TEN_DAYS.fullmatch(text):
            year, month = check_year(int(found[1]), text), check_month(int(found[2]), text)
            day = TEN_DAYS[found[3]] or month_end(year, month).day
            return cls(date(year, month, day), Precision.MONTH, text)
        return cls._of_period(text)

    @classmethod
    def _of_period(cls, text: str) -> Self | None:
        if found := _DAY.fullmatch(text):
            year, month, day = (int(part) for part in found.groups() if part is not None)
            return cls(real_date(year, month, day, text), Precision.DAY, text)
        if found := _MONTH.fullmatch(text):
            return cls._until(text, found[1], check_month(int(found[2]), text), Precision.MONTH)
        if found := _QUARTER.fullmatch(text):
            return cls._until(text, found[1], 3 * _quarter(found[2]), Precision.QUARTER)
        if found := _HALF.fullmatch(text):
            return cls._until(text, found[1], 12 if found[2] == "下" else 6, Precision.HALF)
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
    """When a rung is told: `count` days or workdays before or after the due date, once or repeatedly, or once a quarter."""

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
        "逾期每季度",
    )

    @classmethod
    def _read(cls, text: str) -> Self | None:
        if text == Side.ON:
            return cls(0, Unit.DAY, Side.ON)
        if text == "逾期每季度":
            return cls(1, Unit.QUARTER, Side.AFTER, repeats=True)
        found = _OFFSET.fullmatch(text)
        if found is None or (found[1] == Side.BEFORE and found[2]):
            return None
        return cls(check_count(int(found[3]), text), _unit(found[4]), Side(found[1]), bool(found[2]))

    def words(self) -> str:
        if self.side is Side.ON:
            return Side.ON.value
        if self.unit is Unit.QUARTER:
            return f"{self.side.value}每{self.count if self.count > 1 else ''}季度"
        return f"{self.side.value}{'每' if self.repeats else ''}{_amount(self.count, self.unit)}"


_SPAN = re.compile(r"(?:(?:自|从)?[\u4e00-\u9fff]{2,8}之日起)?(\d+)(天|日|个工作日|个月)内?")


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
    """How many days or workdays after 应报 nobody is reminded of a missing value."""

    title: ClassVar[str] = "宽限"
    about: ClassVar[str] = "应报日之后若干天或工作日"
    examples: ClassVar[tuple[str, ...]] = ("10个工作日", "15天")

    @classmethod
    def _read(cls, text: str) -> Self | None:
        found = super(Grace, cls)._read(text)
        return None if found is None or found.unit is Unit.MONTH else found


@dataclass(frozen=True, slots=True)
class Instead(Word):
    """The date of one period of a duty in place of the usual one; or that the period is left out (`dropped`)."""

    on: MonthDay | None = None
    day: date | None = None

    title: ClassVar[str] = "例外"
    about: ClassVar[str] = "这一期自己的日子，或者不开展"
    examples: ClassVar[tuple[str, ...]] = ("11月底", "11月30日", "2027-01-15", "不开展")

    @classmethod
    def _read(cls, text: str) -> Self | None:
        text = text.removesuffix("前")
        if text in ("不开展", "不报", "不办", "无"):
            return cls()
        if MONTH_DAY.fullmatch(text):
            return cls(on=MonthDay.parse(text))
        return cls(day=parse_date(text)) if re.match(r"\d{4}[-年]", text) else None

    def words(self) -> str:
        if self.on:
            return self.on.words()
        return self.day.isoformat() if self.day else "不开展"

    def of(self, period: Period) -> Period | None:
        """The period with this date; None when it is left out."""
        if self.on:
            return replace(period, due=self.on.in_year(int(period.label[:4])))
        return replace(period, due=self.day) if self.day else None


class LagFrom(StrEnum):
    """From when a lag counts."""

    SAME_YEAR = "当年"
    NEXT_YEAR = "次年"
    NEXT_MONTH = "次月"
    NEXT_QUARTER = "次季度首月"
    PERIOD_END = "期满后"


_LAG = re.compile("(" + "|".join(LagFrom) + ")(.+?)前?")
_PERIOD_OVER = re.compile(r"(?:每?(?:年度?|半年|季度?|月|期)(?:结束)?后|期满后)(\d+)(天|日|个工作日)内?")
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
        if over := _PERIOD_OVER.fullmatch(text):
            return cls(LagFrom.PERIOD_END, span=Span.parse(over[1] + over[2]))
        found = _LAG.fullmatch(text.replace("下月", LagFrom.NEXT_MONTH))
        if found is None or found[1] == LagFrom.PERIOD_END:
            return None
        start, rest = LagFrom(found[1]), found[2]
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


_SEASON = re.compile(r"(.+?)(?:至|到|-|—|~)(?:次年)?(.+)")


@dataclass(frozen=True, slots=True)
class Season(Word):
    """A part of every year, first and last day included; it runs into the next year when it ends before it begins."""

    begins: MonthDay
    ends: MonthDay

    title: ClassVar[str] = "季节"
    about: ClassVar[str] = "每年从哪天到哪天"
    examples: ClassVar[tuple[str, ...]] = ("4月1日至9月30日", "11月1日至次年2月底")

    @classmethod
    def _read(cls, text: str) -> Self | None:
        found = _SEASON.fullmatch(text)
        if found is None or not all(MONTH_DAY.fullmatch(part) for part in found.groups()):
            return None
        begins, ends = (MonthDay.parse(part) for part in found.groups())
        if begins == ends:
            raise WordError(f"“{text}”只有一天", nearest(text, cls.examples))
        return cls(begins, ends)

    @property
    def _over_new_year(self) -> bool:
        return self.ends.in_year(2027) < self.begins.in_year(2027)

    def words(self) -> str:
        return f"{self.begins.words()}至{'次年' if self._over_new_year else ''}{self.ends.words()}"

    @property
    def closing(self) -> str:
        """至9月30日止."""
        return f"至{'次年' if self._over_new_year else ''}{self.ends.words()}止"

    def in_year(self, year: int) -> tuple[date, date]:
        """First and last day of the season that begins in that year."""
        return self.begins.in_year(year), self.ends.in_year(year + self._over_new_year)
