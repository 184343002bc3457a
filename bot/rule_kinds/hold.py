"""保持: every value stays on the good side of a bound.

Without 值 the bound is the latest 目标 due by the end of the period judged, with its 措辞 (左右 has its tolerance).

Without 界 a value may always be better than the bound: 巩固率 may exceed 100 because pupils transfer in. 容差 allows for rounding
(99.95 reported as 99.9) and has the indicator's own unit. Periods before 起, and those before the first target, are not
judged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Any

from pydantic import Field

from bot.core.facts.facts import Facts
from bot.core.facts.series import Point, Series, begins, written, year_time
from bot.core.rules.aims import met, wish
from bot.core.rules.item import Item, State, long_date, spoken
from bot.core.rules.kind import Remark
from bot.core.rules.rulebook import Direction, Form, IndicatorForm, TargetForm
from bot.core.rules.words import DueDate, Precision
from bot.rule_kinds._numbers import NumberKind, NumberVerdict, awaiting


class BoundSide(StrEnum):
    """界: on which side of the bound a value may lie."""

    AT_LEAST = "不低于"
    AT_MOST = "不高于"
    EXACTLY = "等于"


class HoldOptions(Form):
    """What may be set behind 保持."""

    value: Decimal | None = Field(default=None, alias="值", description="不填则用到期的目标值")
    side: BoundSide | None = Field(default=None, alias="界", description="不填则越高越好的不低于，越低越好的不高于")
    tolerance: Decimal = Field(default=Decimal(0), alias="容差", ge=0, description="四舍五入的余地，用指标的计量单位")
    start: DueDate | None = Field(default=None, alias="起", description="从哪一年（月）的数据起监测")


class Hold(NumberKind):
    """See the module."""

    name = "保持"
    Options = HoldOptions
    ladder = "底线监测"
    must_hold = True
    example = """\
  监测: [报送, 保持: {值: 2, 界: 不低于, 起: 2027年}]
"""

    def dates(self, form: IndicatorForm) -> str:
        """Bound, tolerance and beginning."""
        options: HoldOptions = form.options(self.name)
        targets = " ".join(f"{target.due.words()}{target.aim}{target.value}" for target in form.targets)
        bound = f"{_side(form, options)}{written(options.value)}" if options.value is not None else targets
        start = options.start.words() if options.start else ""
        return f"{bound} {written(options.tolerance)} {start}".strip()

    def when(self, form: IndicatorForm) -> str:
        """The bound, and from when on it is watched."""
        options: HoldOptions = form.options(self.name)
        bound = "不差于已到期的目标"
        if options.value is not None:
            bound = f"{_bound(form, options)}{written(options.value)}{form.measure}"
        slack = f"（容差{written(options.tolerance)}{form.measure}）" if options.tolerance else ""
        return f"{_since(options)}每期{bound}{slack}"

    def verdict(self, item: Item, series: Series, facts: Facts) -> NumberVerdict:
        """Compares the latest value with its bound."""
        del facts
        form: IndicatorForm = item.rule.form
        options: HoldOptions = form.options(self.name)
        latest = series.latest
        if latest is None:
            return awaiting()
        if options.start and series.scale.end(latest.index) <= begins(options.start):
            return awaiting(f"{_since(options)}监测")
        said = f"{series.said(latest)}{written(latest.value)}{form.measure}"
        if options.value is not None:
            side = _side(form, options)
            fine = _within(latest.value - options.value, side, options.tolerance)
            wanted = f"{_bound(form, options)}{written(options.value)}{form.measure}"
        else:
            target = _target(form, series, latest)
            if target is None:
                return awaiting("还没有到期的目标")
            near = (latest.value, latest.value - options.tolerance, latest.value + options.tolerance)
            fine = any(met(value, target, form.direction) for value in near)
            wanted = wish(target, form.measure, form.direction)
        return NumberVerdict(State.MET if fine else State.MISSED, (latest,), f"{said}，要求{wanted}")

    def remarks(self, form: IndicatorForm, indicators: Mapping[str, IndicatorForm]) -> Iterable[Remark]:
        """There must be a 值 or a target to compare with."""
        del indicators
        options: HoldOptions = form.options(self.name)
        if options.value is None and options.side:
            yield Remark("bound-without-value", (self.name, "界"), "“界”要和“值”一起写", "写上“值”，或删去“界”")
        if options.value is None and not form.targets:
            hint = "写成“保持: {值: 2}”，或在“目标”里写上"
            yield Remark("no-bound", (self.name,), "“保持”没有可比的值：没有写“值”，也没有“目标”", hint)


def _side(form: IndicatorForm, options: HoldOptions) -> BoundSide:
    return options.side or (BoundSide.AT_LEAST if form.direction is Direction.HIGHER else BoundSide.AT_MOST)


def _bound(form: IndicatorForm, options: HoldOptions) -> str:
    """The side in words; a side that follows from 越低越好 is said of the number, which may be a place in a ranking."""
    side = _side(form, options)
    return f"数值{side}" if side is BoundSide.AT_MOST and options.side is None else side


def _since(options: HoldOptions) -> str:
    if options.start is None:
        return ""
    day = options.start.precision is Precision.DAY
    return f"{long_date(options.start.on) if day else spoken(options.start).removesuffix('前').removesuffix('底')}起"


def _target(form: IndicatorForm, series: Series, latest: Point) -> TargetForm | None:
    """The latest target due by the end of the period."""
    end = series.scale.end(latest.index)
    due = [target for target in form.targets if year_time(target.due.on) <= end]
    return max(due, key=lambda target: target.due.on, default=None)


def _within(above: Decimal, side: BoundSide, tolerance: Decimal) -> bool:
    """Whether a value this far above its bound is on the good side; a difference of exactly the tolerance is."""
    low = above >= -tolerance or side is BoundSide.AT_MOST
    high = above <= tolerance or side is BoundSide.AT_LEAST
    return low and high


KIND: Any = Hold()
