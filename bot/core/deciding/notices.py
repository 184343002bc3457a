"""Notices 告知: what is said where the ladder is silent, because something happened: 撤回, 恢复, 已登记.

Each looks at a decision by which nobody is told, and answers with another one or with None; they are asked in the order of
`NOTICES`. What is closed or registered makes no message of its own: it rides with a digest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from bot.core.deciding.addressees import ADMIN, ASKED_UPWARD, INFORMED_UPWARD, Addressee
from bot.core.deciding.decision import Decision, earliest
from bot.core.deciding.desk import CALM, VERDICTS, Desk, in_company, month_after, riding, unless_silenced
from bot.core.deciding.findings import Finding
from bot.core.deciding.lateness import ACTING
from bot.core.deciding.memory import PastTelling
from bot.core.deciding.reasons import Reason
from bot.core.rules.item import GRAVITY, State
from bot.core.rules.ladder import DatedRung
from bot.core.rules.rulebook import Delivery, Role, RungForm
from bot.core.rules.words import Offset
from bot.core.time.zone import day_of, midnight

#: States of this gravity or more mean that something is wrong: 逾期, 未报, 未达标.
WRONG = GRAVITY[State.OVERDUE]

RECOVERED = RungForm(offset=Offset.parse("当天"), roles=(Role.LEAD,), delivery=Delivery.DIGEST)
REGISTERED = RungForm(offset=Offset.parse("当天"), roles=(Role.LEAD, Role.PROVIDER), delivery=Delivery.DIGEST)

#: Labels of those rungs; that which takes back a verdict begins with `VOID`, and the verdict follows.
RECOVERED_LABEL, REGISTERED_LABEL, VOID = "恢复", "已登记", "撤回"
#: So long after the day on which it may go by itself, what was registered is no news any more.
STALE = timedelta(days=31)

#: Roles above the units: they are informed, not asked.
ABOVE = (Role.SUPERVISOR, Role.LEADING_GROUP)

#: Why a ladder is silent: no rung is due.
_QUIET = frozenset({Reason.NOT_DUE, Reason.EXTENDED, Reason.AWAITING_RESULT, Reason.PASSED, Reason.NO_RUNG})
#: Why nothing is judged that was judged before.
_UNJUDGED = frozenset({Reason.AWAITING_RESULT, Reason.UNDECIDED})

Notice = Callable[[Decision, Desk], Decision | None]


def noticed(decision: Decision, desk: Desk) -> Decision:
    """The decision, or the first notice that has something to say in its place."""
    if decision.reason.tells:
        return decision
    return next((told for notice in NOTICES if (told := notice(decision, desk))), decision)


def voided(decision: Decision, desk: Desk) -> Decision | None:
    """An addressee who was told a verdict hears once that it does not hold any more: the values that it rested on are gone."""
    finding, addressee = decision.finding, decision.addressee
    if decision.reason not in _UNJUDGED or finding.anchor is not None or addressee.name == ADMIN:
        return None
    heard = desk.memory.latest(finding.item.id, addressee.key)
    if heard is None or State(heard.state) not in VERDICTS:
        return None
    on, said = max(heard.rung_on, desk.today), State(heard.state)
    said = State.RECOVERED if said is State.ON_TRACK else said  # as it was worded
    due_rung = DatedRung(on, on, RECOVERED, f"{VOID}{said}", False)
    at = desk.opening(decision.chat)
    return unless_silenced(replace(decision, reason=Reason.VOIDED, at=at, by="", rung=due_rung), desk)


def recovered(decision: Decision, desk: Desk) -> Decision | None:
    """An addressee who was told that something is wrong is told once, in a digest, when it is closed or corrected."""
    if decision.reason is Reason.CLOSED:
        return _closed(decision, desk)
    finding = decision.finding
    happened = finding.due_on is not None and finding.anchor is not None and finding.anchor.happened
    if decision.reason not in _QUIET or finding.state not in CALM or not happened:
        return None
    told = _better(decision, desk.memory.latest(finding.item.id, decision.addressee.key), desk)
    return in_company(told, desk) if told else None


def _better(decision: Decision, heard: PastTelling | None, desk: Desk) -> Decision | None:
    if heard is None or not heard_of_trouble(heard) or decision.addressee.name == ADMIN:
        return None
    on = max(heard.rung_on, desk.today)
    rung = DatedRung(on, on, RECOVERED, RECOVERED_LABEL, False)
    at = desk.opening(decision.chat)
    told = replace(decision, reason=Reason.RECOVERED, at=at, until=None, by="", rung=rung)
    return unless_silenced(when_typed(told, desk), desk)


def heard_of_trouble(last: PastTelling | None) -> bool:
    """Whether the last thing told was that something is wrong."""
    return last is not None and (GRAVITY[State(last.state)] >= WRONG or last.state == State.BEHIND.value)


def _closed(decision: Decision, desk: Desk) -> Decision | None:
    """That something is closed rides with a digest; who is above the units is informed, not asked."""
    finding, key = decision.finding, decision.addressee.key
    heard = desk.memory.latest(finding.item.id, key)
    dated = finding.anchor is not None and not finding.anchor.happened
    told = _better(decision, desk.memory.last(finding.item.id, finding.due_on, key) if dated else heard, desk)
    if told is None or not told.reason.tells:
        return told
    since = finding.registered_at or _closed_at(finding, desk) or (heard.at if heard else desk.now)
    mark = told.mark.replace(ASKED_UPWARD, INFORMED_UPWARD)
    return riding(replace(told, mark=mark), month_after(since, desk), Reason.RIDING, desk)


def _closed_at(finding: Finding, desk: Desk) -> datetime | None:
    """When something was closed of itself: a report by its value, a step with its milestone."""
    mark = desk.facts.marks.get(finding.item.parent or "")
    return finding.known[0] if finding.known else mark.at if mark else None


def registered(decision: Decision, desk: Desk) -> Decision | None:
    """Who must act hears what was registered for it since it heard of the item last: once, riding.

    Who is above hears that something was put off of which they heard that it is late.
    """
    finding, addressee, at = decision.finding, decision.addressee, decision.finding.registered_at
    if at is None or at > desk.now or decision.reason in (Reason.UNCONFIRMED, Reason.SILENCED):
        return None
    alone, heard = month_after(at, desk), desk.memory.latest(finding.item.id, addressee.key)
    above = finding.extended and addressee.role in ABOVE and heard_of_trouble(heard)
    if not (above or answers(addressee)):
        return None
    if (heard is not None and heard.at >= at) or desk.today > alone + STALE:
        return None
    gone = finding.taken_back
    if gone and gone.at == at and (heard is None or heard.at < gone.entered):
        return None  # they never heard of what was withdrawn
    last = desk.memory.last(finding.item.id, finding.due_on, addressee.key)
    on = max(day_of(at), last.rung_on) if last else day_of(at)
    rung = DatedRung(on, on, REGISTERED, REGISTERED_LABEL, False)
    until = earliest(decision.until, midnight(alone + STALE + timedelta(days=1)))
    told = replace(decision, reason=Reason.REGISTERED, at=desk.opening(decision.chat), until=until, by="", rung=rung)
    told = replace(told, superseded=(), mark=told.mark.replace(ASKED_UPWARD, INFORMED_UPWARD))
    return riding(unless_silenced(told, desk), alone, Reason.RIDING, desk)


#: What is asked in turn where nobody is told by the ladder.
NOTICES: tuple[Notice, ...] = (voided, recovered, registered)


def answers(addressee: Addressee) -> bool:
    """Whether it must act itself and is not the office that stands in for somebody."""
    return not addressee.roles.isdisjoint(ACTING) and addressee.name != ADMIN


def when_typed(decision: Decision, desk: Desk) -> Decision:
    """What rests on a value that has just come in waits for the next ones; a breach of what must hold does not."""
    finding = decision.finding
    if finding.known is None or (finding.state is State.MISSED and finding.item.rule.kind.must_hold):
        return decision
    at = desk.settled(decision.chat, finding.known)
    return replace(decision, at=at, typed=True) if at else decision
