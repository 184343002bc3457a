"""The contract of a rule kind: how one file of `bot/rule_kinds/` makes items of a rule and judges them.

Code outside a kind's own file never asks for a kind by its name: what is special about a kind is a property here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Protocol

from bot.core.rules.item import Item, Judgement
from bot.core.rules.rulebook import Form, IndicatorForm, ItemForm, Rule
from bot.core.time.grammar import Word
from bot.core.time.workdays import Calendar

if TYPE_CHECKING:
    from bot.core.facts.facts import Facts


@dataclass(frozen=True, slots=True)
class Remark:
    """What a kind finds wrong with a form of the right shape. A `loc` that begins with the kind's name is in its options."""

    code: str
    loc: tuple[str | int, ...]
    message: str
    hint: str = ""
    info: bool = False
    unknown: str = ""  # the id of an indicator that does not exist; the report adds similar ids


@dataclass(frozen=True, slots=True)
class DateCell:
    """How the ledger's 完成时限 cell holds the date of a kind, where it may be set there."""

    key: str  # under which a rule file has it: 完成时限, 周期
    field: str  # of the kind's form
    word: type[Word]  # what the cell is read as
    example: str  # how to write it, for whoever wrote something else


class RuleKind(Protocol):
    """One file in `bot/rule_kinds/` is one of these."""

    @property
    def name(self) -> str:
        """The word after 类型: or in 监测:."""
        ...

    @property
    def watches_numbers(self) -> bool:
        """Whether it watches an indicator (监测) and not items of a task (事项)."""
        ...

    @property
    def undated(self) -> bool:
        """Whether its items never have a date: nobody is reminded, they only stand in the admin's quarterly list."""
        ...

    @property
    def plain(self) -> bool:
        """Whether its state follows from dates and from what people said alone; the self-audit works those out anew."""
        ...

    @property
    def asks_for_values(self) -> bool:
        """Whether it asks the provider for an indicator's values; a final value closes its item."""
        ...

    @property
    def counts_from_value(self) -> bool:
        """Whether its ladder counts from the day on which a value came in, and is read out so by `duban check --read`."""
        ...

    @property
    def must_hold(self) -> bool:
        """Whether a miss is a breach of what must hold, and is told before further values may have come in."""
        ...

    @property
    def rest_cooperate(self) -> bool:
        """Whether the other units of an item cooperate where its form names no cooperating units."""
        ...

    @property
    def letter(self) -> str:
        """The letter in the ids of items that the ledger adds: M as in T05-M1. Empty where it adds none."""
        ...

    @property
    def date_cell(self) -> DateCell | None:
        """How the ledger writes its date; None where the ledger only shows it."""
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

    def steps(self, form: Any) -> Iterable[Any]:
        """Parts of the form with a title, a basis and a due date of their own, which the ledger gives a row each."""
        ...

    def step_names(self, form: Any) -> tuple[str, ...]:
        """The names of the steps of its cases 办件, in order; empty for a kind that takes none."""
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

    def made_good_by(self, item: Item, facts: Facts) -> str:
        """The later item that makes good this one, which was missed; empty without one. Nobody is told of it any more."""
        ...

    def reopened(self, item: Item, facts: Facts) -> datetime | None:
        """When what had settled the item, or put it off, was withdrawn; None if nothing was, or it is settled again."""
        ...

    def planned(self, form: Any) -> Iterable[str]:
        """The indicators whose values may be entered for periods that have not begun."""
        ...

    def remarks(self, form: Any, indicators: Mapping[str, IndicatorForm]) -> Iterable[Remark]:
        """What does not make sense in this form, seen beside all indicators by id."""
        ...


class BaseKind:
    """What most kinds have in common: nothing special, nothing proposed besides 依据, nothing that arises from events."""

    Options: type[Form] | None = None
    watches_numbers: bool = False
    undated: bool = False
    plain: bool = False
    asks_for_values: bool = False
    counts_from_value: bool = False
    must_hold: bool = False
    rest_cooperate: bool = False
    letter: str = ""
    date_cell: DateCell | None = None

    def remarks(self, form: Any, indicators: Mapping[str, IndicatorForm]) -> Iterable[Remark]:
        """Nothing besides its shape."""
        del form, indicators
        return ()

    def made_good_by(self, item: Item, facts: Facts) -> str:
        """What was missed stays open."""
        del item, facts
        return ""

    def reopened(self, item: Item, facts: Facts) -> datetime | None:
        """By a mark or an extension that was withdrawn."""
        taken = facts.taken_back.get(item.id)
        return taken.at if taken and taken.reopens else None

    def planned(self, form: Any) -> Iterable[str]:
        """None."""
        del form
        return ()

    def proposes(self, form: Any) -> bool:
        """Nothing besides its own 依据."""
        del form
        return False

    def steps(self, form: Any) -> Iterable[Any]:
        """No part with a row of its own."""
        del form
        return ()

    def step_names(self, form: Any) -> tuple[str, ...]:
        """It takes no cases."""
        del form
        return ()

    def items(self, rule: Rule, calendar: Calendar, since: date, until: date) -> Iterable[Item]:
        """No item of the calendar."""
        del rule, calendar, since, until
        return ()

    def arising(self, rule: Rule, facts: Facts, calendar: Calendar) -> Iterable[Item]:
        """No item from events."""
        del rule, facts, calendar
        return ()
