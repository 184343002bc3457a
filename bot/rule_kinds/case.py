"""办件: a case that an event opens and that goes through steps, each with a time limit of its own.

Limits count workdays and may depend on the category of the case. The clock of a case may be stopped (暂停计时). A chat is
shown the number of the case and its days only, never the names of steps, persons or schools, even where 敏感 is not set.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Literal

from pydantic import Field, field_validator

from bot.core.facts.case_steps import Limit, Procedure, items_of_cases, judge_leg
from bot.core.facts.facts import Facts
from bot.core.rules.item import Item, Judgement
from bot.core.rules.kind import BaseKind, Remark
from bot.core.rules.rulebook import Form, IndicatorForm, ItemForm, Names, Rule, Text
from bot.core.rules.words import Span
from bot.core.time.workdays import Calendar


class StageForm(Form):
    """One step of every case."""

    title: Text = Field(alias="名称", max_length=20)
    former_names: Names = Field(default=(), alias="曾用名", description="改名以前的名称；没有办完的件接着这一步办")
    span: Span | None = Field(default=None, alias="时限", description="从上一步办完的次日算起")
    by_category: dict[str, Span] = Field(
        default_factory=dict,
        alias="按类别",
        description="类别 → 时限，如 {媒体反映: 5个工作日}；没有列出的类别用“时限”",
    )


class CaseForm(ItemForm):
    """What a 办件 may say."""

    kind: Literal["办件"] = Field(alias="类型")
    categories: Names = Field(default=(), alias="类别", description="登记时可选的类别，时限可因此不同")
    stages: tuple[StageForm, ...] = Field(alias="步骤", min_length=1)
    total: Span | None = Field(default=None, alias="总时限", description="从登记的次日算起，各步都不得超过")
    sensitive: bool = Field(default=True, alias="敏感", description="办件一律敏感：消息只显示编号、单位和日期")

    @field_validator("sensitive")
    @classmethod
    def _always(cls, value: bool) -> bool:
        """Every case concerns persons, so it is sensitive whatever the file says."""
        del value
        return True


class CaseKind(BaseKind):
    """See the module."""

    name = "办件"
    Params = CaseForm
    ladder = "办件"
    example = """\
- 编号: T09-C1
  类型: 办件
  名称: 师德违规线索办理
  类别: [群众来信, 媒体反映]
  步骤:
    - {名称: 核查, 时限: 10个工作日, 按类别: {媒体反映: 5个工作日}}
    - {名称: 处理, 时限: 15个工作日}
  总时限: 40个工作日
  依据: 建议
"""

    def dates(self, form: CaseForm) -> str:
        """Every limit, step by step."""
        parts = [one.span.words() if one.span else "" for one in form.stages]
        parts += [f"{name}{span.words()}" for one in form.stages for name, span in one.by_category.items()]
        return " ".join([*(part for part in parts if part), f"共{form.total.words()}" if form.total else ""]).strip()

    def when(self, form: CaseForm) -> str:
        """The limits without the names of the steps, which no chat is shown."""
        limits = "、".join(one.span.words() if one.span else "不单列" for one in form.stages)
        if limits.count("个工作日") == len(form.stages):
            limits = f"{limits.replace('个工作日', '')}个工作日"
        total = f"，全程{form.total.words()}" if form.total else ""
        return f"登记后分{len(form.stages)}步办理，依次为{limits}{total}"

    def procedure(self, form: CaseForm) -> Procedure:
        """The steps a case goes through."""
        limits = tuple(Limit(one.title, one.span, one.by_category, one.former_names) for one in form.stages)
        return Procedure(limits, form.categories, form.total)

    def step_names(self, form: CaseForm) -> tuple[str, ...]:
        """As the rule file has them."""
        return tuple(one.title for one in form.stages)

    def arising(self, rule: Rule, facts: Facts, calendar: Calendar) -> Iterable[Item]:
        """An item for every step that a case has reached."""
        return items_of_cases(rule, self.procedure(rule.form), facts, calendar) if facts.cases else ()

    def judge(self, item: Item, facts: Facts, today: date) -> Judgement:
        """By the step's date, unless the step is finished or the clock of the case is stopped."""
        del facts
        return judge_leg(item, today)

    def remarks(self, form: CaseForm, indicators: Mapping[str, IndicatorForm]) -> Iterable[Remark]:
        """Steps without a limit, limits for categories that do not exist, categories without a limit."""
        del indicators
        names = [one.title for one in form.stages]
        yield from _former_names_twice(form, names)
        for index, one in enumerate(form.stages):
            if one.title in names[:index]:
                hint = "事项的编号里有步骤的名称，每步一个名称"
                yield Remark("duplicate-step", ("步骤", index, "名称"), f"步骤“{one.title}”写了两次", hint)
            for name in one.by_category:
                if name not in form.categories:
                    known = f"类别有：{'、'.join(form.categories)}" if form.categories else "先在“类别”里列出来"
                    loc = ("步骤", index, "按类别", name)
                    yield Remark("unknown-category", loc, f"“类别”里没有“{name}”", known)
            if one.span is None and form.total is None:
                yield from _without_limit(form, index, one)


def _former_names_twice(form: CaseForm, taken: list[str]) -> Iterable[Remark]:
    """A former name that is a step's own, or another's former name too: an open case would not know where it stands."""
    taken = [*taken]
    for index, one in enumerate(form.stages):
        for number, name in enumerate(one.former_names):
            if name in taken:
                loc = ("步骤", index, "曾用名", number)
                yield Remark("duplicate-step", loc, f"步骤的名称“{name}”写了两次", "一个名称只属于一步")
            taken.append(name)


def _without_limit(form: CaseForm, index: int, one: StageForm) -> Iterable[Remark]:
    missing = [name for name in form.categories if name not in one.by_category]
    if missing or not form.categories:
        of = f"类别“{missing[0]}”在" if one.by_category and missing else ""
        message = f"{of}步骤“{one.title}”没有时限"
        yield Remark("step-without-limit", ("步骤", index), message, "加上“时限: 10个工作日”，或给整件写“总时限”")


KIND: Any = CaseKind()
