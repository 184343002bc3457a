"""Repeated tellings of a preview: the same telling with the next date, without a new decision.

Nine in ten tellings of a long preview are of this sort: all dates of the item have passed, so that only events would change
its verdict (`RuleKind.judge`), and a preview has no events. The functions here return what `weigh` would decide; where that
is not certain they return None, and the caller decides anew.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date

from bot.core.deciding.decision import Decision
from bot.core.deciding.decisions import stairs_of
from bot.core.deciding.desk import Desk
from bot.core.deciding.findings import Finding, turn
from bot.core.deciding.reasons import Reason
from bot.core.rules.ladder import DatedRung, Stairs, following_list
from bot.core.rules.rulebook import Delivery
from bot.core.telling.entry import Telling

REPEAT = Reason.REPEAT.name


@dataclass(slots=True)
class Repeat:
    """One finding and addressee whose ladder repeats: the last telling, and the rung that comes next."""

    finding: Finding
    chat: str
    telling: Telling
    told_on: date  # the day of the last telling, at the earliest
    steps: Stairs
    place: int  # index of the coming rung in `steps`
    coming: DatedRung
    due_on: date  # the day of its slot


def repeat(decision: Decision, telling: Telling, desk: Desk) -> Repeat | None:
    """The repetition of a decision that was told.

    None if a date of the finding is ahead, the item was returned, there is any silence, or the telling was a single.
    """
    finding, rung = decision.finding, decision.rung
    if rung is None or decision.prompt or rung.form.delivery is Delivery.SINGLE:
        return None
    if finding.item.parent or finding.returned_at or desk.facts.item_silences or desk.facts.chat_silences:
        return None
    if finding.anchor is None or turn(finding, desk.today) is not None:
        return None
    steps = stairs_of(finding, decision.addressee, desk)
    place = steps.place(desk.today)
    following = steps.nth(place)
    if following is None or following[0].form is not rung.form:
        return None
    telling = replace(telling, form=str(rung.form.delivery))
    return Repeat(finding, decision.chat, telling, desk.today, steps, place, *following)


def repeated(one: Repeat, desk: Desk) -> Repeat | None:
    """The repetition after its coming rung is told today; None where a new decision is needed."""
    following = one.steps.nth(one.place + 1)
    rung = one.coming
    if following is None or following[0].form is not rung.form:
        return None
    if following[1] <= desk.today or desk.opening(one.chat).date() != desk.today:
        return None
    telling = one.telling.again(rung, REPEAT, one.finding.provisional or desk.calendar.is_provisional(rung.slot_on))
    return Repeat(one.finding, one.chat, telling, desk.today, one.steps, one.place + 1, *following)


@dataclass(slots=True)
class MonthlyList:
    """One chat's monthly list: when it comes next, and its lines as they were told last."""

    chat: str
    told_on: date
    coming: DatedRung
    lines: list[tuple[Finding, Telling]] = field(default_factory=list)


def listed_again(one: MonthlyList, desk: Desk) -> MonthlyList | None:
    """The list after it is told today; None where its lines need new decisions."""
    coming, following = one.coming, following_list(one.coming, desk.calendar)
    if following.slot_on <= desk.today or desk.opening(one.chat).date() != desk.today:
        return None
    guess = desk.calendar.is_provisional(coming.slot_on)
    lines = [(finding, telling.again(coming, REPEAT, finding.provisional or guess)) for finding, telling in one.lines]
    return MonthlyList(one.chat, desk.today, following, lines)
