"""An entry 待发件 of the outbox and the tellings it holds: plain values. What becomes of an entry is in `outbox.py`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import ClassVar, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from bot.core.deciding.addressees import ADMIN, ALSO
from bot.core.deciding.decision import Decision
from bot.core.deciding.hearing import Hearing
from bot.core.deciding.memory import PastTelling
from bot.core.deciding.reasons import Reason
from bot.core.rules.item import Moment, State
from bot.core.rules.ladder import DatedRung
from bot.core.rules.rulebook import Role
from bot.core.rules.succession import ASSIGNED
from bot.core.telling.message import RESENT, Message, items_of
from bot.core.time.zone import day_of

#: Interruptions of one entry after which the younger ones of its chat go before it.
YIELDS = 5


class EntryState(StrEnum):
    """Where a 待发件 stands."""

    PENDING = "待发"
    SENDING = "发送中"
    DELIVERED = "已送达"
    LATER = "稍后重试"
    REFUSED = "被拒收"
    UNDELIVERABLE = "投递失败"
    CANCELLED = "已取消"

    open: bool  #: whether the entry still has to be delivered

    def __init__(self, word: str) -> None:
        self.open = word in ("待发", "发送中", "稍后重试", "被拒收")


@dataclass(frozen=True, slots=True)
class Telling:
    """One telling inside an entry: what, to whom, which rung, why. Words are made from it at the moment of sending."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    item: str
    rule: str
    title: str
    unit: str
    addressee: str
    role: str
    state: str
    due_on: date | None
    rung: str
    rung_on: date
    form: str
    reason: str
    mark: str = ""
    provisional: bool = False
    superseded: tuple[date, ...] = ()
    ordinal: int | None = None  # which repetition of its rung, as in `DatedRung`
    known: Moment | None = None  # when the last value that its verdict rests on became known
    hands: tuple[str, ...] | None = None  # of a 交办: the ids of the rules that it hands over to its addressee
    leads: tuple[str, ...] = ()  # those among them for which the addressee must act
    seen: bool = False  # members may have seen it already, in another message
    by_order: bool = False  # a person sent it to the chat where it is

    @classmethod
    def of(cls, decision: Decision, form: str) -> Self:
        """The telling that a decision to tell becomes; `form` is what is left of its form after the day's budget."""
        assert decision.rung is not None
        return cls(
            item=decision.finding.item.id,
            rule=decision.finding.item.rule.id,
            title=decision.finding.item.shown_title,
            unit=decision.addressee.unit,
            addressee=decision.addressee.key,
            role=str(decision.addressee.role),
            state=str(decision.finding.state),
            due_on=decision.finding.due_on,
            rung=decision.rung.label,
            rung_on=decision.rung.on,
            form=form,
            reason=decision.reason.name,
            mark=decision.mark,
            provisional=decision.provisional,
            superseded=decision.superseded,
            ordinal=decision.rung.ordinal,
            known=decision.finding.known,
            hands=tuple(rule.id for rule in decision.hands) if decision.finding.state is State.ASSIGNED else None,
            leads=tuple(rule.id for rule in decision.hands if decision.addressee.name in rule.principals),
        )

    def again(self, rung: DatedRung, reason: str, provisional: bool) -> Self:
        """The same telling with the next repetition of its rung."""
        return type(self)(
            self.item, self.rule, self.title, self.unit, self.addressee, self.role, self.state, self.due_on, self.rung,
            rung.on, self.form, reason, self.mark, provisional, (), rung.ordinal, self.known,
        )  # fmt: skip

    @property
    def about(self) -> tuple[str, ...]:
        """The ids of the rules that its addressee hears of."""
        return (self.rule,) if self.hands is None else self.hands


class Entry(BaseModel):
    """One message to one chat. `number` is what members see and stays the same on every attempt.

    `at` is the instant the message was composed for; `parts_done` counts parts already accepted; `resent` makes the next
    attempt carry 补发; `compact` is set after a platform refused the shape, so that the next attempt is smaller. `tried_at` is
    the last time that it was written to a connection. `pieces` are the parts of a message of several, as they were worded for
    the first attempt that members may have seen.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True, serialize_by_alias=True)

    number: str
    chat: str
    form: str  # 单发 | 汇总
    slot: bool  # False for an event-driven single
    tellings: tuple[Telling, ...] = Field(alias="rows")  # the older word, as it is on disk
    at: AwareDatetime
    state: EntryState = EntryState.PENDING
    attempts: int = 0
    unknown_answers: int = 0
    unclear: int = 0  # attempts of which nobody knows whether they arrived
    busy: int = 0  # answers that the platform or a gateway is in trouble, perhaps after posting
    interrupted: int = 0  # times that the process ended while a part was in flight: no answer of the platform's
    next_attempt_at: AwareDatetime
    tried_at: AwareDatetime | None = None
    parts_done: int = 0
    begun: int = 0  # parts whose sending was begun: between two parts as many as were accepted
    pieces: tuple[Message, ...] = ()
    cut: str = Field("", exclude=True)  # in states of before 2026-12, which did not keep the pieces
    resent: bool = False
    compact: bool = False
    moved: bool = (
        False  # it came from another chat and takes nothing of this one's day: it goes in one digest with the day's
    )
    robot: str = ""
    code: str = ""
    why: str = ""
    delivered_at: AwareDatetime | None = None
    rules: str = ""  # digest of the rulebook it was decided under
    texts: tuple[str, ...] = ()  # hashes of the words that members saw or may have seen under this number, in order
    carries: tuple[str, ...] = ()  # numbers of the entries merged into it, directly or through another merged entry

    def behind(self, today: date) -> bool:
        """Whether it waits for its chat's digest: it was composed before today, or for another chat."""
        return self.moved or day_of(self.at) < today

    @property
    def doubtful(self) -> bool:
        """Whether any of it may have been seen already, in this message."""
        return self.resent or self.unclear > 0 or self.parts_done > 0

    @property
    def perhaps_told(self) -> tuple[Telling, ...]:
        """The tellings that members may have seen already, in this message or in another one."""
        if self.doubtful and not self.pieces:
            return self.tellings
        seen = items_of(self.pieces[: self.parts_done]) | items_of(part for part in self.rest if part.mark == RESENT)
        return tuple(telling for telling in self.tellings if telling.seen or telling.item in seen)

    @property
    def marked(self) -> bool:
        """Whether its headline says 补发: members may have seen all that it says."""
        return self.resent or (not self.marked_lines and any(telling.seen for telling in self.tellings))

    @property
    def marked_lines(self) -> frozenset[str]:
        """The items whose lines say 补发: members may have seen them in another message, and not all of this one."""
        seen = {telling.item for telling in self.tellings if telling.seen}
        return frozenset(seen) if seen != {telling.item for telling in self.tellings} else frozenset()

    @property
    def rest(self) -> tuple[Message, ...]:
        """The parts that are left, as they were worded; none if the message must be worded now."""
        return self.pieces[self.parts_done :] if self.resent or self.parts_done else ()

    @property
    def in_flight(self) -> bool:
        """Whether a part is on its way."""
        return self.state is EntryState.SENDING and not (self.pieces and self.begun == self.parts_done)

    @property
    def yields(self) -> bool:
        """Whether it was interrupted so often that younger ones of its chat go first."""
        return self.interrupted >= YIELDS


#: Roles in which one must act.
_ACTING = (Role.LEAD.value, Role.PROVIDER.value)


def hearings_of(telling: Telling, asked: datetime, heard: datetime | None = None) -> Iterator[Hearing]:
    """What a telling lets its addressee hear, rule by rule. A further chat (也发) does not count."""
    if ALSO not in telling.addressee and telling.reason != Reason.RECOVERED.name:
        for rule in telling.about:
            acts = (
                rule in telling.leads if telling.hands else telling.role in _ACTING or telling.item.startswith(ASSIGNED)
            )
            yield Hearing(rule, telling.addressee, asked, heard, acts or telling.addressee == ADMIN)


def past_telling(telling: Telling, number: str, at: datetime) -> PastTelling:
    """The record a telling leaves behind."""
    return PastTelling(
        telling.item, telling.due_on, telling.addressee, telling.rung_on, telling.rung, telling.state, telling.reason,
        number, at, telling.ordinal, telling.known,
    )  # fmt: skip
