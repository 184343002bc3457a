"""开学前: a duty so many days before school begins, each year; a kind that does not exist. Its test drops this file in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any, Literal

from pydantic import Field

from bot.core.facts.facts import Facts
from bot.core.rules.item import Item, Judgement, by_date
from bot.core.rules.kind import BaseKind, Remark
from bot.core.rules.rulebook import IndicatorForm, ItemForm, Rule
from bot.core.time.workdays import Calendar


class BeforeTermForm(ItemForm):
    """What a 开学前 may say."""

    kind: Literal["开学前"] = Field(alias="类型")
    days: int = Field(alias="提前天数", ge=1, le=60, description="9月1日前多少天，如 10")


class BeforeTerm(BaseKind):
    """See the module."""

    name = "开学前"
    Params = BeforeTermForm
    ladder = "一般节点"
    example = """\
- 编号: T05-S1
  类型: 开学前
  名称: 校舍安全检查
  提前天数: 10
  依据: 方案
"""

    def dates(self, form: BeforeTermForm) -> str:
        return f"9月1日前{form.days}天"

    def when(self, form: BeforeTermForm) -> str:
        return f"每年开学前{form.days}天"

    def items(self, rule: Rule, calendar: Calendar, since: date, until: date) -> Iterable[Item]:
        del calendar
        for year in range(since.year, until.year + 1):
            due = date(year, 9, 1) - timedelta(days=rule.form.days)
            if since <= due <= until:
                yield Item(f"{rule.id}@{year}", rule, rule.form.title, due, due, period=str(year))

    def judge(self, item: Item, facts: Facts, today: date) -> Judgement:
        del facts
        return Judgement(by_date(item, today))

    def remarks(self, form: BeforeTermForm, indicators: Mapping[str, IndicatorForm]) -> Iterable[Remark]:
        del indicators
        if form.days > 45:
            yield Remark("in-term", ("提前天数",), "那时还没有放暑假", "写45以内的天数", info=True)


KIND: Any = BeforeTerm()
