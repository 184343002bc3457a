"""Item 事项: anything tracked, and how it stands.

A rule makes items (a recurring duty one per period); an item has an anchor from which its ladder counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from bot.core.rules.rulebook import Rule
from bot.core.rules.words import DueDate, Precision


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
    ADVISED = (
        "提示"  # a reminder of a 禁止 before its season: nothing is asked for, and after its day it is no longer told
    )
    UNDATED = "待定"
    ASSIGNED = "交办"  # a task's first telling to its units
    WITHDRAWN = "已调整"  # what was told to a unit and is not its affair any more
    NOTED = "告知"  # told to the admin; has no state of its own

    @property
    def shown(self) -> str:
        """What people read: the name, except where it would claim progress that nobody reported."""
        return "在办（未到期）" if self is State.ON_TRACK else self.value


#: How serious each state is; a higher number than at the last telling is WORSENED.
GRAVITY: Mapping[State, int] = {
    State.CLOSED: 0,
    State.MET: 0,
    State.RECOVERED: 0,
    State.NOTED: 0,
    State.ASSIGNED: 0,
    State.WITHDRAWN: 0,
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


#: When an event happened: its instant and, among events of one instant, its place in the order of taking in. Never a day alone,
#: for a value may be reported, closed and corrected within one day.
Moment = tuple[datetime, int]

#: What stands in place of a sensitive item's title.
SENSITIVE_TITLE = "督办事项"


@dataclass(frozen=True, slots=True)
class Item:
    """One tracked thing. `due_on` is the rule's date (the last good day), `late_from` the day overdue rungs count from.

    `late_from` differs from `due_on` where a result is published later or a grace period runs; without one no ladder counts
    until the judgement gives an anchor of its own (达标). `opens_on` is the first day of the period it belongs to. Undated
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
    soft: bool = False  # the plan only aims at it (力争): nobody above the unit is told
    shown_id: str = ""  # what messages say in place of an id that holds the name of a step: T09-C1@2027-003第1步
    data: Any = field(default=None, compare=False)  # for the kind itself (a target, a step)

    @property
    def number(self) -> str:
        """The id for messages and public pages, without the names of steps."""
        return self.shown_id or self.id

    @property
    def shown_title(self) -> str:
        """The title for messages and public pages; a sensitive item's is replaced."""
        return SENSITIVE_TITLE if self.rule.sensitive else self.title


@dataclass(frozen=True, slots=True)
class Judgement:
    """A kind's own verdict on an item, before what people said of it (done, closed, extended) is applied.

    `anchor` replaces the due date as the date the ladder counts from (达标 counts from the day its value was known).
    `detail` is a short Chinese phrase for the message: 完成值96.2%，目标97%. `known` is when the last value that it rests on
    became known: what people said of the item before then was said of other values.
    """

    state: State
    anchor: date | None = None
    detail: str = ""
    known: Moment | None = field(default=None, compare=False)


def recurs(item: Item) -> bool:
    """Whether it is a period of a duty or of a report, and no case."""
    return bool(item.period) and item.rule.kind.plain


def by_date(item: Item, today: date) -> State:
    """The state of a dated item by date alone: 正常推进, 待公布 or 逾期. 临期 is added by the ladder."""
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
