"""The contract of a rule kind: how one file of `bot/rule_kinds/` makes items of a rule and judges them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Literal, Protocol

from bot.core.rules.item import Item, Judgement
from bot.core.rules.rulebook import Form, IndicatorForm, ItemForm, Rule
from bot.core.time.workdays import Calendar

if TYPE_CHECKING:
    from bot.core.facts.facts import Facts


@dataclass(frozen=True, slots=True)
class Remark:
    """What a kind finds wrong with a form that fits its shape; `loc` may begin with the kind's name: then it is in its options."""

    code: str
    loc: tuple[str | int, ...]
    message: str
    hint: str = ""
    info: bool = False
    unknown: str = ""  # the id of an indicator there is not; whoever reports it adds what is near


class RuleKind(Protocol):
    """One file in `bot/rule_kinds/` is one of these (design §2)."""

    @property
    def name(self) -> str:
        """The word after 类型: or in 监测:."""
        ...

    @property
    def subject(self) -> Literal["事项", "指标"]:
        """Whether it judges items of a task or watches an indicator."""
        ...

    @property
    def Params(self) -> type[ItemForm] | None:  # noqa: N802 - it is a class
        """What a rule file may say; None for kinds that watch an indicator."""
        ...

    @property
    def Options(self) -> type[Form] | None:  # noqa: N802 - it is a class
        """What may be set behind its name in 监测 (趋势: {窗口: 3}); None where there is nothing to set."""
        ...

    @property
    def ladder(self) -> str:
        """The default 督办阶梯."""
        ...

    @property
    def example(self) -> str:
        """YAML an admin can copy."""
        ...

    def proposes(self, form: Any) -> bool:
        """Whether the form holds proposals besides its own 依据 (dates of steps)."""
        ...

    def dates(self, form: Any) -> str:
        """Every date of a form as one line of text: what a confirmation is bound to. For machines; people read `when`."""
        ...

    def when(self, form: Any) -> str:
        """The dates of a form as an official would write them: 2027年底（2028年3月31日前公布结果）."""
        ...

    def items(self, rule: Rule, calendar: Calendar, since: date, until: date) -> Iterable[Item]:
        """Items whose due date lies in [since, until]; with no dependence on facts."""
        ...

    def arising(self, rule: Rule, facts: Facts, calendar: Calendar) -> Iterable[Item]:
        """Items that exist because something happened (a case was opened); besides those of the calendar."""
        ...

    def judge(self, item: Item, facts: Facts, today: date) -> Judgement:
        """How this item stands today if nobody said done, closed or extended.

        Once all its dates have passed, only events change it: a preview does not ask again.
        """
        ...

    def remarks(self, form: Any, indicators: Mapping[str, IndicatorForm]) -> Iterable[Remark]:
        """What does not make sense in this form, seen beside all indicators by id."""
        ...


class BaseKind:
    """What most kinds have in common: nothing proposed besides 依据, nothing that arises from events."""

    Options: type[Form] | None = None

    def remarks(self, form: Any, indicators: Mapping[str, IndicatorForm]) -> Iterable[Remark]:
        """Nothing besides its shape."""
        del form, indicators
        return ()

    def proposes(self, form: Any) -> bool:
        """Nothing besides its own 依据."""
        del form
        return False

    def items(self, rule: Rule, calendar: Calendar, since: date, until: date) -> Iterable[Item]:
        """No item of the calendar."""
        del rule, calendar, since, until
        return ()

    def arising(self, rule: Rule, facts: Facts, calendar: Calendar) -> Iterable[Item]:
        """No item from events."""
        del rule, facts, calendar
        return ()
