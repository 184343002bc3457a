"""A telling that only repeats: the same telling with the next date, not decided anew as long as nothing but the day changes.

Nine in ten tellings of a long preview are such: all dates of the item have passed, so that only events would change its verdict
(`RuleKind.judge`), and no events come. What is carried over is what `weigh` would answer; where that is not certain the
answer is nothing, and the decision is made the long way.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date

from bot.core.deciding.decisions import Decision, Desk, Reason, stairs_of, turn
from bot.core.deciding.findings import Finding
from bot.core.rules.ladder import DatedRung, Stairs, following_list
from bot.core.rules.rulebook import Delivery
from bot.core.telling.entry import Telling

REPEAT = Reason.REPEAT.name


@dataclass(slots=True)
class Repeat:
    """One finding and addressee whose ladder goes on repeating: what was told last, and the rung that comes next."""

    finding: Finding
    chat: str
    telling: Telling
    told_on: date  # the day on which the telling was told at the earliest
    steps: Stairs
    place: int  # of the coming rung on the stairs
    coming: DatedRung
    due_on: date  # the day of its slot


def repeat(decision: Decision, telling: Telling, desk: Desk) -> Repeat | None:
    """A decision that was told, as one that goes on: no date ahead, nothing returned or silenced, in a digest or list."""
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


def carried(one: Repeat, desk: Desk) -> Repeat | None:
    """What goes on, once its coming rung is told, on the day that is due; nothing where it must be weighed again."""
    following = one.steps.nth(one.place + 1)
    rung = one.coming
    if following is None or following[0].form is not rung.form:
        return None
    if following[1] <= desk.today or desk.opening(one.chat).date() != desk.today:
        return None
    telling = one.telling.again(rung.on, REPEAT, one.finding.provisional or desk.calendar.is_provisional(rung.slot_on))
    return Repeat(one.finding, one.chat, telling, desk.today, one.steps, one.place + 1, *following)


@dataclass(slots=True)
class MonthlyList:
    """All that stands on one chat's monthly list: its next telling, and every line as it was told last."""

    chat: str
    told_on: date
    coming: DatedRung
    lines: list[tuple[Finding, Telling]] = field(default_factory=list)


def listed_again(one: MonthlyList, desk: Desk) -> MonthlyList | None:
    """The list once it is told today; nothing where each line of it must be weighed again."""
    coming, following = one.coming, following_list(one.coming, desk.calendar)
    if following.slot_on <= desk.today or desk.opening(one.chat).date() != desk.today:
        return None
    guess = desk.calendar.is_provisional(coming.slot_on)
    lines = [
        (finding, telling.again(coming.on, REPEAT, finding.provisional or guess)) for finding, telling in one.lines
    ]
    return MonthlyList(one.chat, desk.today, following, lines)
