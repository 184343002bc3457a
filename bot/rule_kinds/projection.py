"""推算: which value an indicator will have in the year of each target if the last values go on as they did.

A least-squares line through the last values is extended to the target's year; 预警 where its value there misses the target.

At least three values without a gap are needed. 左右 has its tolerance as in 达标. Once the target's own value is final, the item
is closed. The message says 推算, so that nobody takes it for a reported value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from pydantic import Field

from bot.core.facts.facts import Facts
from bot.core.facts.series import Series, decimal, extrapolated, final_value, written
from bot.core.rules.aims import met, wish
from bot.core.rules.item import Item, State
from bot.core.rules.kind import Remark
from bot.core.rules.rulebook import Form, IndicatorForm, Rule, TargetForm
from bot.core.time.workdays import Calendar
from bot.rule_kinds._numbers import NumberKind, NumberVerdict, awaiting

FEWEST = 3


class ProjectionOptions(Form):
    """What may be set behind 推算."""

    periods: int = Field(default=5, alias="期数", ge=FEWEST, le=20, description="按最近几期推算，至少3期")


class Projection(NumberKind):
    """See the module."""

    name = "推算"
    Options = ProjectionOptions
    ladder = "数值监测"
    example = """\
  目标:
    - {期限: 2027年, 值: 97, 措辞: 达到}
  监测: [报送, 推算: {期数: 5}]
"""

    def dates(self, form: IndicatorForm) -> str:
        """The targets, and how many values are used."""
        options: ProjectionOptions = form.options(self.name)
        aims = " ".join(f"{target.due.words()}{target.aim}{target.value}" for target in form.targets)
        return f"{options.periods} {aims}".strip()

    def when(self, form: IndicatorForm) -> str:
        """The years of the targets, and how many values are used."""
        options: ProjectionOptions = form.options(self.name)
        years = "、".join(f"{target.due.on.year}年" for target in form.targets)
        return f"按最近{options.periods}期（至少{FEWEST}期）推算{years}能否达到目标"

    def items(self, rule: Rule, calendar: Calendar, since: date, until: date) -> Iterable[Item]:
        """One item per target whose date is not before `since`."""
        del calendar, until
        form: IndicatorForm = rule.form
        for target in form.targets:
            if target.due.on >= since:
                year = str(target.due.on.year)
                yield Item(f"{rule.id}@{year}", rule, f"{form.title}{year}年推算", None, period=year, data=target)

    def verdict(self, item: Item, series: Series, facts: Facts) -> NumberVerdict:
        """Whether the extended line meets the target in the target's period."""
        form: IndicatorForm = item.rule.form
        options: ProjectionOptions = form.options(self.name)
        target: TargetForm = item.data
        wanted = series.scale.covering(target.due.on)
        if series.at(wanted) or final_value(form, facts, item.period):
            return NumberVerdict(State.CLOSED, detail=f"{item.period}年数据已报")
        points = series.run(options.periods)
        ahead = wanted - points[-1].index if points else 0
        if len(points) < FEWEST or ahead < 0:
            return awaiting(f"连续数据{len(points)}期，满{FEWEST}期后推算" if points and ahead >= 0 else "")
        value = extrapolated([point.value for point in points], ahead)
        asked = wish(target, form.measure, form.direction)
        detail = f"按近{len(points)}期推算，{item.period}年为{written(value)}{form.measure}，目标{asked}"
        fine = met(decimal(value), target, form.direction)
        return NumberVerdict(State.ON_TRACK if fine else State.WARNED, points, detail)

    def remarks(self, form: IndicatorForm, indicators: Mapping[str, IndicatorForm]) -> Iterable[Remark]:
        """There must be a target."""
        del indicators
        if not form.targets:
            yield Remark("no-targets", (self.name,), "“推算”要有“目标”才知道推算到哪一年", "写上“目标”，或改用趋势")


KIND: Any = Projection()
