"""禁止: what must not happen. Units are reminded of it once before its season and need report nothing.

Without a season nobody is reminded. A person may enter a lead (线索), which is to be looked into and is no proof of anything;
while it is open it stands in the leading group's monthly list.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any, Literal

from pydantic import Field

from bot.core.facts.case_steps import Limit, Procedure, items_of_cases, judge_leg
from bot.core.facts.facts import Facts
from bot.core.rules.item import Item, Judgement, State
from bot.core.rules.kind import BaseKind
from bot.core.rules.rulebook import ItemForm, Rule
from bot.core.rules.words import Season, Span
from bot.core.time.workdays import Calendar

HANDLING, LEAD = "处理", "线索"


class ProhibitionForm(ItemForm):
    """What a 禁止 may say."""

    kind: Literal["禁止"] = Field(alias="类型")
    season: Season | None = Field(default=None, alias="季节", description="每年此前提醒一次；不写则只在登记线索后督办")
    handling: Span = Field(
        default_factory=lambda: Span.parse("10个工作日"), alias="处理时限", description="线索登记后多久处理完"
    )


class Prohibition(BaseKind):
    """See the module."""

    name = "禁止"
    Params = ProhibitionForm
    ladder = "禁止事项"
    example = """\
- 编号: T17-B1
  类型: 禁止
  名称: 严禁跨区域招生
  季节: 4月1日至9月30日
  处理时限: 10个工作日
  依据: 建议
"""

    def dates(self, form: ProhibitionForm) -> str:
        """Season and limit."""
        return f"{form.season.words() if form.season else '全年'} {form.handling.words()}"

    def when(self, form: ProhibitionForm) -> str:
        """Season and limit in words."""
        before = f"每年{form.season.words()}，季前提示一次；" if form.season else ""
        return f"{before}线索登记后{form.handling.words()}内处理"

    def procedure(self, form: ProhibitionForm) -> Procedure:
        """A lead has one step."""
        return Procedure((Limit(HANDLING, form.handling),), word=LEAD)

    def step_names(self, form: ProhibitionForm) -> tuple[str, ...]:
        """A lead has one step."""
        del form
        return (HANDLING,)

    def items(self, rule: Rule, calendar: Calendar, since: date, until: date) -> Iterable[Item]:
        """One item for every season that begins in [since, until]; its day is the season's first."""
        del calendar
        form: ProhibitionForm = rule.form
        if form.season is None:
            return
        for year in range(since.year, until.year + 1):
            begins, ends = form.season.in_year(year)
            if since <= begins <= until:
                words = form.season.words()
                yield Item(f"{rule.id}@{year}", rule, form.title, begins, ends, period=str(year), words=words)

    def arising(self, rule: Rule, facts: Facts, calendar: Calendar) -> Iterable[Item]:
        """An item for every lead entered."""
        return items_of_cases(rule, self.procedure(rule.form), facts, calendar) if facts.cases else ()

    def judge(self, item: Item, facts: Facts, today: date) -> Judgement:
        """A season is 提示 and never late; a lead is judged by its date."""
        del facts
        if item.data is not None:
            return judge_leg(item, today)
        form: ProhibitionForm = item.rule.form
        return Judgement(State.ADVISED, detail=f"{form.season.closing}，无需报送" if form.season else "")


KIND: Any = Prohibition()
