"""报送: the value of an indicator for a period must be reported by a date.

The data provider is reminded, not the responsible unit: before 应报 it is reminded, from 应报 to the end of 宽限 the bot waits,
after that the state is 未报. A final value closes the item.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from bot.core.facts.facts import Facts
from bot.core.facts.series import taken_back
from bot.core.rules.item import Item, Judgement, State, by_date
from bot.core.rules.kind import BaseKind
from bot.core.rules.ladder import step
from bot.core.rules.rulebook import IndicatorForm, Rule
from bot.core.time.workdays import Calendar
from bot.core.time.zone import day_of


class Reporting(BaseKind):
    """See the module."""

    name = "报送"
    watches_numbers = True
    Params = None
    ladder = "数据报送"
    plain = True
    asks_for_values = True
    example = """\
  报送: {周期: 每年, 基准日: 9月1日, 应报: 次年3月31日, 宽限: 10个工作日, 依据: 建议}
  监测: [报送]
"""

    def dates(self, form: IndicatorForm) -> str:
        """Cadence, due date and grace in words."""
        reporting = form.reporting
        return f"{reporting.cadence.words()} {reporting.due.words()} {reporting.grace.words()}"

    def when(self, form: IndicatorForm) -> str:
        """How often, by when, and how long it may take after that."""
        reporting = form.reporting
        often = reporting.cadence.words().replace("每年底", "每年")
        by = f"{reporting.due.words()}{'内' if reporting.due.span else '前'}"
        return f"{often}报送，{by}（宽限{reporting.grace.words()}）"

    def items(self, rule: Rule, calendar: Calendar, since: date, until: date) -> Iterable[Item]:
        """One item per reporting period whose 应报 lies in [since, until]."""
        form: IndicatorForm = rule.form
        reporting = form.reporting
        earliest = since - timedelta(days=800)  # a report may be due more than a year after its period began
        for period in reporting.cadence.periods(calendar, earliest, until):
            due = reporting.due.resolve(period, calendar)
            if since <= due <= until:
                late = step(due, reporting.grace.count, reporting.grace.unit, calendar)
                yield Item(
                    f"{form.id}:报送@{period.label}",
                    rule,
                    f"{form.title}（{period.label}年度）"
                    if len(period.label) == 4
                    else f"{form.title}（{period.label}）",
                    due,
                    late,
                    opens_on=period.opens,
                    period=period.label,
                    words=reporting.due.words(),
                )

    def judge(self, item: Item, facts: Facts, today: date) -> Judgement:
        """Closed by a final value; 未报 after the grace period."""
        seen = facts.observations.get((item.rule.form.id, item.period))
        if seen is not None and item.opens_on and day_of(seen.at) < item.opens_on:
            seen = None  # entered before the period began, by mistake
        if seen is not None and seen.final:
            return Judgement(State.CLOSED, detail="已报送", known=seen.moment)
        state = by_date(item, today)
        detail = "已报初步数，待报终值" if seen else taken_back(item.rule.form, facts, [item.period])
        if state is State.OVERDUE:
            return Judgement(State.UNREPORTED, detail=detail)
        return Judgement(State.ON_TRACK if state is State.AWAITING_RESULT else state, detail=detail)

    def reopened(self, item: Item, facts: Facts) -> datetime | None:
        """By its value that was withdrawn, as by a mark or an extension."""
        gone = facts.withdrawn.get((item.rule.form.id, item.period))
        return gone.at if gone and gone.reopens else super().reopened(item, facts)


KIND: Any = Reporting()
