"""只增不减: the value of a period is not worse than that of the same period of the year before.

For 两个只增不减 a rule file has two indicators: 一般公共预算教育支出, and the same per pupil in school.

Only final values are compared: 决算 with 决算 (a 预算 figure is reported as 初步数). A value per pupil uses the pupils of the same
year. A correction of either year leads to a new verdict. Of an indicator 越低越好 a value may not rise; messages say so in words.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bot.core.facts.facts import Facts
from bot.core.facts.series import Point, Series, written
from bot.core.rules.item import Item, State
from bot.core.rules.kind import Remark
from bot.core.rules.rulebook import Direction, IndicatorForm
from bot.rule_kinds._numbers import NumberKind, NumberVerdict, awaiting


class NeverLess(NumberKind):
    """See the module."""

    name = "只增不减"
    ladder = "底线监测"
    must_hold = True
    example = """\
  监测: [报送, 只增不减]
"""

    def dates(self, form: IndicatorForm) -> str:
        """Nothing can be set: the bound is the year before."""
        return f"{_bound(form)}上年同期"

    def when(self, form: IndicatorForm) -> str:
        """What is compared."""
        return f"每期终值{_bound(form)}上年同期终值"

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
            f"上年同期{written(before.value)}{form.measure}，要求{_said_of_the_number(form)}上年"
        )
        return NumberVerdict(State.MISSED if _worse(latest, before, form) else State.MET, (before, latest), detail)

    def remarks(self, form: IndicatorForm, indicators: Mapping[str, IndicatorForm]) -> Iterable[Remark]:
        """Of an indicator 越低越好 the word says the opposite of what is watched."""
        del indicators
        if form.direction is Direction.LOWER:
            message = f"{form.id}越低越好，“只增不减”按“{_said_of_the_number(form)}上年同期”判断"
            yield Remark(
                "never-less-of-lower", (self.name,), message, "确认方向；要的是数值不减，方向写“越高越好”", info=True
            )


def _worse(latest: Point, before: Point, form: IndicatorForm) -> bool:
    if form.direction is Direction.LOWER:
        return latest.value > before.value
    return latest.value < before.value


def _bound(form: IndicatorForm) -> str:
    return "不高于" if form.direction is Direction.LOWER else "不低于"


def _said_of_the_number(form: IndicatorForm) -> str:
    """A place in a ranking gets better as its number falls, so “不高于” is said of the number."""
    return f"{'数值' if form.direction is Direction.LOWER else ''}{_bound(form)}"


KIND: Any = NeverLess()
