"""周期: a duty that comes back; every period is an item of its own and a missed one stays open (domain.md R2).

Traps: a missed period must not be overwritten by the next; schools have terms and vacations; the period's label is its
year and ordinal, so that moving a date inside a year keeps the period's identity.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any, Literal

from pydantic import Field

from bot.core.facts import Facts
from bot.core.item import BaseKind, Item, Judgement, by_date
from bot.core.rulebook import ItemForm, Rule
from bot.core.words import Cadence
from bot.core.workdays import Calendar


class RecurringForm(ItemForm):
    """What a 周期 may say."""

    kind: Literal["周期"] = Field(alias="类型")
    cadence: Cadence = Field(alias="周期")


class Recurring(BaseKind):
    """See the module."""

    name = "周期"
    subject: Literal["事项"] = "事项"
    Params = RecurringForm
    ladder = "常态工作"
    example = """\
- 编号: T05-R1
  类型: 周期
  名称: 控辍保学学期排查
  周期: 每年3月15日、9月15日
  依据: 建议
"""

    def dates(self, form: RecurringForm) -> str:
        """The cadence in words."""
        return form.cadence.words()

    def when(self, form: RecurringForm) -> str:
        """The cadence in words."""
        return form.cadence.words()

    def items(self, rule: Rule, calendar: Calendar, since: date, until: date) -> Iterable[Item]:
        """One item per period whose due date lies in [since, until]."""
        form: RecurringForm = rule.form
        for period in form.cadence.periods(calendar, since, until):
            yield Item(
                f"{rule.id}@{period.label}",
                rule,
                form.title,
                period.due,
                period.due,
                opens_on=period.opens,
                period=period.label,
                words=form.cadence.words(),
            )

    def judge(self, item: Item, facts: Facts, today: date) -> Judgement:
        """By date alone."""
        del facts
        return Judgement(by_date(item, today))


KIND: Any = Recurring()
