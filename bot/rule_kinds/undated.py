"""待定: a commitment of the plan that has no date yet.

No responsible unit is reminded of it. It stands in the admin's quarterly list until a person sets a date, which makes it a 节点
or a 周期.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any, Literal

from pydantic import Field

from bot.core.facts.facts import Facts
from bot.core.rules.item import Item, Judgement, State, spoken
from bot.core.rules.kind import BaseKind
from bot.core.rules.rulebook import ItemForm, Rule
from bot.core.rules.words import DueDate
from bot.core.time.workdays import Calendar


class UndatedForm(ItemForm):
    """What a 待定 may say."""

    kind: Literal["待定"] = Field(alias="类型")
    proposed: DueDate | None = Field(default=None, alias="建议时限", description="供确定时限时参考，不会发给责任单位")


class Undated(BaseKind):
    """See the module."""

    name = "待定"
    Params = UndatedForm
    ladder = "一般节点"
    letter = "D"
    undated = True
    example = """\
- 编号: T05-D1
  类型: 待定
  名称: 打造乡村温馨学校
  依据: 方案
  出处: “乡村温馨学校”
"""

    def dates(self, form: UndatedForm) -> str:
        """The proposed date, if there is one."""
        return form.proposed.words() if form.proposed else "待定"

    def when(self, form: UndatedForm) -> str:
        """待定, and the proposed date if there is one."""
        return f"待定（建议{spoken(form.proposed)}）" if form.proposed else "待定"

    def items(self, rule: Rule, calendar: Calendar, since: date, until: date) -> Iterable[Item]:
        """One item without dates."""
        del calendar, since, until
        yield Item(rule.id, rule, rule.form.title, None)

    def judge(self, item: Item, facts: Facts, today: date) -> Judgement:
        """Always 待定."""
        del item, facts, today
        return Judgement(State.UNDATED)


KIND: Any = Undated()
