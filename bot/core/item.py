"""Item 事项: anything tracked, and the protocol by which a rule kind makes and judges items.

A rule makes items (a recurring duty one per period); an item has an anchor from which its ladder counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal, Protocol

from bot.core.rulebook import Form, IndicatorForm, ItemForm, Rule
from bot.core.words import DueDate, Precision
from bot.core.workdays import Calendar

if TYPE_CHECKING:
    from bot.core.facts import Facts


class State(StrEnum):
    """How an item stands. The state is named, never the colour."""

    ON_TRACK = "正常推进"
    APPROACHING = "临期"
    OVERDUE = "逾期"
    AWAITING_RESULT = "待公布"
    UNREPORTED = "未报"
    MISSED = "未达标"
    BEHIND = "滞后"
    FAR_BEHIND = "严重滞后"
    WARNED = "预警"  # a forecast leaves its band
    MET = "达标"
    RECOVERED = "恢复"  # met again after a value that missed
    AWAITING_CHECK = "待核"
    CLOSED = "销号"
    PAUSED = "暂停计时"  # a case whose clock stands still
    ADVISED = "提示"  # a rule recalled before its season: asks for nothing, and is told before its day or never
    UNDATED = "待定"
    ASSIGNED = "交办"  # a task's first telling to its units
    NOTED = "告知"  # something the admin is told that has no state of its own


#: From calm to grave; a move to the right since the last telling is WORSENED.
GRAVITY: Mapping[State, int] = {
    State.CLOSED: 0,
    State.MET: 0,
    State.RECOVERED: 0,
    State.NOTED: 0,
    State.ASSIGNED: 0,
    State.UNDATED: 0,
    State.ON_TRACK: 1,
    State.AWAITING_RESULT: 1,
    State.AWAITING_CHECK: 1,
    State.PAUSED: 1,
    State.ADVISED: 1,
    State.APPROACHING: 2,
    State.BEHIND: 2,
    State.UNREPORTED: 3,
    State.OVERDUE: 3,
    State.MISSED: 3,
    State.FAR_BEHIND: 3,
    State.WARNED: 3,
}


#: What stands in place of a sensitive item's title.
SENSITIVE_TITLE = "督办事项"


@dataclass(frozen=True, slots=True)
class Item:
    """One tracked thing. `due_on` is the rule's date (the last good day), `late_from` the day overdue rungs count from.

    `late_from` differs from `due_on` where a result is published later or a grace period runs; without one no ladder counts
    until the judgement brings an anchor of its own (达标). `opens_on` is the first day of the period it belongs to. Undated
    items have neither date.
    """

    id: str
    rule: Rule
    title: str
    due_on: date | None
    late_from: date | None = None
    opens_on: date | None = None
    period: str = ""
    parent: str | None = None
    words: str = ""  # the date as the rule file says it: 2027年底
    proposed: bool = False  # its own date is a proposal (a step), whatever the rule's basis
    soft: bool = False  # the plan only hopes for it (力争): nobody above the unit hears of it
    data: Any = field(default=None, compare=False)  # what the kind itself needs (a target, a step)

    @property
    def shown_title(self) -> str:
        """The title as anybody outside the signed-in pages may read it: nothing of a sensitive item."""
        return SENSITIVE_TITLE if self.rule.sensitive else self.title


@dataclass(frozen=True, slots=True)
class Judgement:
    """A kind's own verdict about an item, before life (done, closed, extended) is laid over it.

    `anchor` replaces the due date as the date the ladder counts from (达标 counts from the day its value was known).
    `detail` is a short Chinese phrase for the message: 完成值96.2%，目标97%.
    """

    state: State
    anchor: date | None = None
    detail: str = ""


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


def by_date(item: Item, today: date) -> State:
    """The verdict every dated item shares: calm, waiting for its result, overdue (临期 is the ladder's to say)."""
    if item.due_on is None or item.late_from is None:
        return State.UNDATED
    if today <= item.due_on:
        return State.ON_TRACK
    return State.OVERDUE if today > item.late_from else State.AWAITING_RESULT


def long_date(day: date | None) -> str:
    """2027年3月31日."""
    return f"{day.year}年{day.month}月{day.day}日" if day else "待定"


def spoken(due: DueDate) -> str:
    """A written date in full Chinese: 2027年底 stays, 2027-03-31 becomes 2027年3月31日."""
    return long_date(due.on) if due.precision is Precision.DAY else due.words()
