"""节点: something that must be reached by a date, with optional steps and a date on which the result is published.

到2027年 means 2027-12-31; 6月底前 includes 30 June. Between 完成时限 and 结果公布 the item is 待公布 and not overdue. A milestone
that the plan states twice is one rule with two 要素.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Literal, Self

from pydantic import Field

from bot.core.facts.facts import Facts
from bot.core.rules.item import Item, Judgement, by_date, long_date, spoken
from bot.core.rules.kind import BaseKind, DateCell, Remark
from bot.core.rules.rulebook import AreaForm, Basis, Form, IndicatorForm, ItemForm, Rule, Text
from bot.core.rules.words import DueDate
from bot.core.time.grammar import PlainDate
from bot.core.time.workdays import Calendar


class Step(Form):
    """One 步骤 of a milestone; without a date it is 待定."""

    id: Text = Field(alias="编号")
    title: Text = Field(alias="名称", max_length=60)
    due: DueDate | None = Field(default=None, alias="完成时限")
    basis: Basis = Field(alias="依据")


class MilestoneForm(ItemForm):
    """What a 节点 may say."""

    kind: Literal["节点"] = Field(alias="类型")
    due: DueDate | None = Field(default=None, alias="完成时限", description="分区各有时限、整体没有时不填")
    result_on: PlainDate | None = Field(default=None, alias="结果公布", description="结果公布前为待公布，不算逾期")
    steps: tuple[Step, ...] = Field(default=(), alias="步骤")

    @property
    def stands_for_the_whole(self) -> bool:
        """Whether it is an item besides its areas: it has a date or steps of its own, or no areas."""
        return not self.areas or self.due is not None or bool(self.steps)

    def in_area(self, area: AreaForm) -> Self:
        """The milestone of one area, by its own date; steps belong to the whole."""
        change = {"due": area.due or self.due, "result_on": area.result_on or self.result_on, "steps": ()}
        return super().in_area(area).model_copy(update=change)


class Milestone(BaseKind):
    """See the module."""

    name = "节点"
    Params = MilestoneForm
    ladder = "一般节点"
    letter = "M"
    plain = True
    rest_cooperate = True
    date_cell = DateCell("完成时限", "due", DueDate, "2027年6月底")
    example = """\
- 编号: T05-M1
  类型: 节点
  名称: 义务教育优质均衡发展创建工作通过国家评估认定
  完成时限: 2027年底
  结果公布: 2028-03-31
  依据: 方案
  出处: 创建工作高标准通过国家评估认定
  督办阶梯: 重大节点
"""

    def dates(self, form: MilestoneForm) -> str:
        """Due date, result date and the steps' dates."""
        steps = (f"{step.id}={step.due.words() if step.due else ''}" for step in form.steps)
        due = form.due.words() if form.due else "步骤"
        return " ".join((due, str(form.result_on or ""), *steps)).strip()

    def when(self, form: MilestoneForm) -> str:
        """The due date, and by when its result is published; steps are items of their own."""
        result = f"（{long_date(form.result_on)}前公布结果）" if form.result_on else ""
        return (spoken(form.due) if form.due else "按步骤") + result

    def proposes(self, form: MilestoneForm) -> bool:
        """Steps with proposed dates."""
        return any(step.basis is Basis.PROPOSED and step.due for step in form.steps)

    def steps(self, form: MilestoneForm) -> tuple[Step, ...]:
        """Its steps, each with a row of its own in the ledger."""
        return form.steps

    def items(self, rule: Rule, calendar: Calendar, since: date, until: date) -> Iterable[Item]:
        """The milestone and its steps; undated steps too, so that the 待定 list can name them."""
        form: MilestoneForm = rule.form
        due = form.due
        if due and due.on <= until and max(due.on, form.result_on or due.on) >= since:
            late = max(due.on, form.result_on or due.on)
            yield Item(rule.id, rule, form.title, due.on, late, words=due.words())
        for step in form.steps:
            on = step.due.on if step.due else None
            if on is None or since <= on <= until:
                words = step.due.words() if step.due else ""
                yield Item(
                    step.id,
                    rule,
                    f"{_short(form.title)}：{step.title}",
                    on,
                    on,
                    parent=rule.id if due else None,
                    words=words,
                    proposed=step.basis is Basis.PROPOSED,
                    data=step,
                )

    def judge(self, item: Item, facts: Facts, today: date) -> Judgement:
        """By date alone; 办结, 销号 and 延期 are applied by `core/deciding/findings.py`."""
        del facts
        return Judgement(by_date(item, today))

    def remarks(self, form: MilestoneForm, indicators: Mapping[str, IndicatorForm]) -> Iterable[Remark]:
        """Complains where neither it nor each of its areas has a date."""
        del indicators
        hint = f"可以写：“{DueDate.examples[2]}”、“{DueDate.examples[4]}”"
        if form.due is None and not form.areas:
            yield Remark("missing", ("完成时限",), "缺少“完成时限”", hint)
        for index, area in enumerate(form.areas if form.due is None else ()):
            if isinstance(area, str) or area.due is None:
                name = area if isinstance(area, str) else area.name
                hint = "每个分区写上时限；都一样时写在事项里"
                yield Remark("missing", ("分区", index, "完成时限"), f"“{name}”没有“完成时限”，事项也没有", hint)


def _short(title: str) -> str:
    """A milestone's title cut to 14 characters, in front of its steps' titles."""
    return title if len(title) <= 14 else f"{title[:13]}…"


KIND: Any = Milestone()
