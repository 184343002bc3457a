"""What is decided about one finding for one addressee, and when time alone may change it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from bot.core.deciding.addressees import Addressee
from bot.core.deciding.findings import Finding
from bot.core.deciding.reasons import Reason
from bot.core.rules.ladder import DatedRung
from bot.core.rules.rulebook import Delivery, Rule


@dataclass(frozen=True, slots=True)
class Decision:
    """What is decided about one finding for one addressee, and the reason.

    `at` is when the message goes out; it is set only if one results. One that `rides`, for the reason that this is, goes out then
    only if its chat gets a digest anyway. Time alone does not change the decision before `until`,
    and never if `until` is None. `prompt` marks a single message about something that just happened: today's slot of the
    chat is used, so the message goes out at another minute. `typed`: it waits because values may still be being typed in.
    """

    finding: Finding
    addressee: Addressee
    chat: str
    reason: Reason
    mark: str = ""
    at: datetime | None = None
    until: datetime | None = None
    by: str = ""
    rung: DatedRung | None = None
    superseded: tuple[date, ...] = ()
    prompt: bool = False
    rides: Reason | None = None
    provisional: bool = False
    typed: bool = False
    hands: tuple[Rule, ...] = ()  # of a 交办: what it hands over

    @property
    def delivery(self) -> Delivery:
        """The delivery the rung asks for. `compose` puts a single into the digest where the day's budget is used."""
        return self.rung.form.delivery if self.rung else Delivery.DIGEST


def ripe(decisions: Iterable[Decision], now: datetime) -> list[Decision]:
    """Decisions to tell whose instant has come."""
    return [d for d in decisions if d.reason.tells and d.at is not None and d.at <= now]


def as_of(decision: Decision, now: datetime) -> Decision:
    """The decision as it is shown at `now`: one that waits for its slot becomes OUT_OF_HOURS, for more values BEING_TYPED."""
    if decision.rides:
        return replace(decision, reason=decision.rides)
    if decision.reason.tells and decision.at is not None and decision.at > now:
        waits = Reason.BEING_TYPED if decision.typed else Reason.OUT_OF_HOURS
        return replace(decision, reason=waits, until=decision.at)
    return decision


def turns(decisions: Sequence[Decision]) -> list[datetime]:
    """The instants at which time alone may change a decision, in order."""
    instants = {decision.at for decision in decisions} | {decision.until for decision in decisions}
    return sorted(instant for instant in instants if instant is not None)


def earliest(one: datetime | None, other: datetime | None) -> datetime | None:
    """The earlier of two instants, either of which may be lacking."""
    return min(one, other) if one and other else one or other
