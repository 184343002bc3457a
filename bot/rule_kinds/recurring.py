"""周期: a duty that recurs. Every period is an item of its own. A missed one stays open until it or a later one is done.

A period is identified by its year and its place in the year, so a date that is moved within the year leaves the period the
same item. An exception (首期, 例外) moves or drops one period and does not change the labels of the others. Terms of school
are periods too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Annotated, Any, Literal

from pydantic import Field

from bot.core.facts.facts import Facts
from bot.core.rules.item import Item, Judgement, by_date, long_date, spoken
from bot.core.rules.kind import BaseKind, DateCell
from bot.core.rules.rulebook import ItemForm, Rule
from bot.core.rules.words import Cadence, DueDate, Instead, Period
from bot.core.time.grammar import PlainDate
from bot.core.time.workdays import Calendar

#: The most by which 首期 or 例外 may move a period's date.
A_YEAR = timedelta(days=366)
Label = Annotated[
    str, Field(pattern=r"^20\d\d(H[12]|Q[1-4]|W\d\d|-\d{1,2}[上下]?)?$", description="期别如 2027、2027Q1、2027-03")
]


class RecurringForm(ItemForm):
    """What a 周期 may say."""

    kind: Literal["周期"] = Field(alias="类型")
    cadence: Cadence = Field(alias="周期")
    first: PlainDate | None = Field(
        default=None,
        alias="首期",
        description="第一期自己的日子，此前没有别的期；方案写“首年11月底、以后每年3月底”时用",
    )
    last: DueDate | None = Field(default=None, alias="末期", description="此日之后才开始的期不再督办，如 2030年底")
    exceptions: dict[Label, Instead] = Field(
        default_factory=dict,
        alias="例外",
        description="期别 → 那一期自己的日子，或“不开展”，如 {2026: 11月底, 2028: 不开展}",
    )

    @property
    def spoken(self) -> str:
        """The cadence in words, then its exceptions."""
        parts = [f"首期{long_date(self.first)}"] if self.first else []
        parts += [f"{label}期{instead}" for label, instead in sorted(self.exceptions.items())]
        parts += [f"{spoken(self.last)}为止"] if self.last else []
        return self.cadence.words() + (f"（{'，'.join(parts)}）" if parts else "")

    def periods(self, calendar: Calendar, since: date, until: date) -> Iterator[Period]:
        """Periods due in [since, until], each by its own date."""
        if not (self.first or self.last or self.exceptions):
            yield from self.cadence.periods(calendar, since, until)
            return
        for period in self.cadence.periods(calendar, since - A_YEAR, until + A_YEAR):
            moved = self._moved(period)
            if moved is not None and since <= moved.due <= until:
                yield moved

    def _moved(self, period: Period) -> Period | None:
        if self.last and period.opens > self.last.on:
            return None
        if self.first and self.first > max(period.due, period.ends):
            return None
        if period.label in self.exceptions:
            return self.exceptions[period.label].of(period)
        if self.first and period.opens <= self.first:
            return replace(period, due=self.first)
        return period


class Recurring(BaseKind):
    """See the module."""

    name = "周期"
    Params = RecurringForm
    ladder = "常态工作"
    letter = "R"
    plain = True
    date_cell = DateCell("周期", "cadence", Cadence, "每季度末")
    example = """\
- 编号: T05-R1
  类型: 周期
  名称: 控辍保学学期排查
  周期: 每年3月15日、9月15日
  依据: 建议
"""

    def dates(self, form: RecurringForm) -> str:
        """The cadence in words, and its exceptions."""
        return form.spoken

    def when(self, form: RecurringForm) -> str:
        """The cadence in words, and its exceptions."""
        return form.spoken

    def items(self, rule: Rule, calendar: Calendar, since: date, until: date) -> Iterable[Item]:
        """One item per period whose due date lies in [since, until]."""
        form: RecurringForm = rule.form
        for period in form.periods(calendar, since, until):
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

    def made_good_by(self, item: Item, facts: Facts) -> str:
        """A later period that was done: nobody can hold the meeting of last spring any more."""
        return facts.later_done(item)


KIND: Any = Recurring()
