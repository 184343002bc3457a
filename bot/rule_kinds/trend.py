"""趋势: the values of an indicator do not move against its direction.

The change is that of a least-squares line through the last values (slope × periods between first and last). A change against
方向 by more than 最小变化 is 未达标; everything else is 正常推进, and a change within 最小变化 is called 持平.

At least three consecutive values are needed. Values from samples (近视率) vary by chance, so 最小变化 is set, in the indicator's
own unit. Which way is good is a matter of the indicator's 方向.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

from pydantic import Field

from bot.core.facts.facts import Facts
from bot.core.facts.series import Series, signed, slope, written
from bot.core.rules.item import Item, State
from bot.core.rules.rulebook import Direction, Form, IndicatorForm
from bot.core.time.cadence import NUMERALS
from bot.rule_kinds._numbers import NumberKind, NumberVerdict, awaiting


class TrendOptions(Form):
    """What may be set behind 趋势."""

    window: int = Field(default=3, alias="窗口", ge=3, le=20, description="看最近几期，至少3期")
    least: Decimal = Field(
        default=Decimal(0), alias="最小变化", ge=0, description="窗口内的变化不超过它算持平，用指标的计量单位"
    )


class Trend(NumberKind):
    """See the module."""

    name = "趋势"
    Options = TrendOptions
    ladder = "数值监测"
    example = """\
  方向: 越低越好
  监测: [报送, 趋势: {窗口: 3, 最小变化: 0.5}]
"""

    def dates(self, form: IndicatorForm) -> str:
        """Direction, window and dead band."""
        options: TrendOptions = form.options(self.name)
        return f"{form.direction} {options.window} {written(options.least)}"

    def when(self, form: IndicatorForm) -> str:
        """How many values are compared, and which change counts."""
        options: TrendOptions = form.options(self.name)
        unit = "个百分点" if form.measure == "%" else form.measure
        band = f"，变化{written(options.least)}{unit}以内算持平" if options.least else ""
        return f"看最近{options.window}期，要求{_wanted(form)}{band}"

    def verdict(self, item: Item, series: Series, facts: Facts) -> NumberVerdict:
        """未达标 where the values move against the direction by more than 最小变化."""
        del facts
        form: IndicatorForm = item.rule.form
        options: TrendOptions = form.options(self.name)
        points = series.run(options.window)
        if not points:
            return awaiting()
        if len(points) < options.window:
            return awaiting(f"连续数据{len(points)}期，满{options.window}期后判断趋势")
        change = slope([point.value for point in points]) * (len(points) - 1)
        better = change if form.direction is Direction.HIGHER else -change
        band = Fraction(options.least)
        latest = points[-1]
        flat = "（持平）" if abs(change) <= band else ""
        detail = (
            f"{series.said(latest)}{written(latest.value)}{form.measure}，"
            f"{_counted(options.window)}期变化{signed(change)}{flat}，要求{_wanted(form)}"
        )
        return NumberVerdict(State.MISSED if better < -band else State.ON_TRACK, points, detail)


def _counted(periods: int) -> str:
    return NUMERALS[periods - 1] if periods <= len(NUMERALS) else str(periods)


def _wanted(form: IndicatorForm) -> str:
    """What is asked of the number itself: a place in a ranking gets better as its number falls."""
    return "数值不下降" if form.direction is Direction.HIGHER else "数值不上升"


KIND: Any = Trend()
