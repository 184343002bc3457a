"""比照: the value of this indicator is not below that of another one for the same period.

It is meant for pay, which is sensitive: messages, explanations and pages say 达到 or 未达到 and the period, never an amount or a
difference. Both values must be final; while one is missing the state is 待公布.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import Field

from bot.core.facts.facts import Facts
from bot.core.facts.series import Point, Scale, Series
from bot.core.rules.item import Item, State
from bot.core.rules.kind import Remark
from bot.core.rules.rulebook import Direction, Form, IndicatorForm, Text
from bot.rule_kinds._numbers import NumberKind, NumberVerdict, awaiting


class ParityOptions(Form):
    """What must be set behind 比照."""

    other: Text = Field(alias="不低于", description="拿来比照的另一个指标的编号，如 T12-I2")


class Parity(NumberKind):
    """See the module."""

    name = "比照"
    Options = ParityOptions
    ladder = "底线监测"
    example = """\
  监测: [报送, 比照: {不低于: I9}]
  敏感: 是
"""

    def dates(self, form: IndicatorForm) -> str:
        """The id of the other indicator."""
        options: ParityOptions = form.options(self.name)
        return f"不低于{options.other}"

    def when(self, form: IndicatorForm) -> str:
        """What is compared; the other indicator is named by its id only."""
        options: ParityOptions = form.options(self.name)
        return f"每期不低于同期的{options.other}"

    def verdict(self, item: Item, series: Series, facts: Facts) -> NumberVerdict:
        """Compares the latest value with the other indicator's of the same period."""
        form: IndicatorForm = item.rule.form
        options: ParityOptions = form.options(self.name)
        latest = series.latest
        if latest is None:
            return awaiting()
        said = series.said(latest)
        other = facts.value(options.other, series.scale.label(latest.index))
        if other is None:
            return awaiting(f"缺{said}比照标准，暂不比较")
        fine = latest.value >= other.value
        # The other value is a point too: when it is corrected, the verdict is told again.
        sides = (latest, Point.of(latest.index, other))
        detail = f"{said}{'达到' if fine else '未达到'}比照标准"
        return NumberVerdict(State.MET if fine else State.MISSED, sides, detail)

    def remarks(self, form: IndicatorForm, indicators: Mapping[str, IndicatorForm]) -> Iterable[Remark]:
        """The other indicator must exist, be another one, and be reported for the same periods; more must be better."""
        options: ParityOptions = form.options(self.name)
        loc = (self.name, "不低于")
        other = indicators.get(options.other)
        if other is None:
            yield Remark("unknown-indicator", loc, f"没有“{options.other}”这个指标", unknown=options.other)
        elif other.id == form.id:
            yield Remark("parity-with-itself", loc, f"{form.id}和它自己比照", "写另一个指标的编号")
        elif Scale.of(other.reporting.cadence) != Scale.of(form.reporting.cadence):
            message = f"{options.other}{other.reporting.cadence.words()}报送，和{form.id}不是同样的期，比不起来"
            yield Remark("parity-periods", loc, message, "两个指标的报送周期写成一样")
        elif form.direction is Direction.LOWER:
            message = f"{form.id}越低越好，“比照”却要求不低于{options.other}，数值变好反而会报未达到"
            yield Remark("parity-of-lower", loc, message, "确认方向；要守住上限的写“保持: {值: 5, 界: 不高于}”")


KIND: Any = Parity()
