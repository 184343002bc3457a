"""只增不减: the value of a period is not below that of the same period of the year before.

For 两个只增不减 a rule file has two indicators: 一般公共预算教育支出, and the same per pupil in school.

Only final values are compared: 决算 with 决算 (a 预算 figure is reported as 初步数). A value per pupil uses the pupils of the same
year. A correction of either year leads to a new verdict. 方向 makes no difference: a lower value is always bad.
"""

from __future__ import annotations

from typing import Any

from bot.core.facts.facts import Facts
from bot.core.facts.series import Series, written
from bot.core.rules.item import Item, State
from bot.core.rules.rulebook import IndicatorForm
from bot.rule_kinds._numbers import NumberKind, NumberVerdict, awaiting


class NeverLess(NumberKind):
    """See the module."""

    name = "只增不减"
    ladder = "底线监测"
    example = """\
  监测: [报送, 只增不减]
"""

    def dates(self, form: IndicatorForm) -> str:
        """Nothing can be set: the bound is the year before."""
        del form
        return "不低于上年同期"

    def when(self, form: IndicatorForm) -> str:
        """What is compared."""
        del form
        return "每期终值不低于上年同期终值"

    def verdict(self, item: Item, series: Series, facts: Facts) -> NumberVerdict:
        """Compares the latest value with that of the same period of the year before, both final."""
        del facts
        form: IndicatorForm = item.rule.form
        latest = series.latest
        if latest is None:
            return awaiting()
        before = series.a_year_before(latest)
        if before is None:
            return awaiting(f"有{series.said(latest)}的终值，缺上年同期的，暂不比较")
        detail = (
            f"{series.said(latest)}{written(latest.value)}{form.measure}，"
            f"上年同期{written(before.value)}{form.measure}，要求不低于上年"
        )
        return NumberVerdict(State.MISSED if latest.value < before.value else State.MET, (before, latest), detail)


KIND: Any = NeverLess()
