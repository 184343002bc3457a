"""decide(): who is told what now and why, or who is not told and why not.

For every (finding, addressee) there is exactly one `Decision` with exactly one `Reason`. A decision to tell holds the
instant at which its chat's slot opens; until then `as_of` shows it as OUT_OF_HOURS.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date

from bot.core.deciding.addressees import Addressee, Directory, left_out
from bot.core.deciding.decision import Decision, earliest
from bot.core.deciding.desk import SINGLES_A_DAY, VERDICTS, Desk, in_company, unless_silenced, weekday_of
from bot.core.deciding.event_rungs import HANDED_ON, RETURNED, asked_late, handed_on, returned, to_hand_over
from bot.core.deciding.findings import Finding, turn
from bot.core.deciding.lateness import ACTING
from bot.core.deciding.memory import PastTelling
from bot.core.deciding.notices import WRONG, answers, heard_of_trouble, noticed, when_typed
from bot.core.deciding.reasons import Reason
from bot.core.rules.item import GRAVITY, State, recurs
from bot.core.rules.ladder import (
    REPLACED,
    REPLACED_OF_DUTIES,
    Anchor,
    DatedRung,
    Stairs,
    date_today,
    is_still,
    rungs_for,
    stairs,
)
from bot.core.rules.rulebook import Delivery, Role
from bot.core.time.zone import day_of


def decide(findings: Iterable[Finding], desk: Desk) -> list[Decision]:
    """Exactly one decision for every finding and every addressee of its ladder."""
    return [weigh(finding, addressee, desk) for finding in findings for addressee in desk.directory.hearers(finding)]


def weigh(finding: Finding, addressee: Addressee, desk: Desk) -> Decision:
    """The decision about one finding for one addressee: by what holds it back, else by its ladder, else by a notice."""
    held = _held(finding)
    return noticed(_kept_back(finding, addressee, held, desk) if held else _by_ladder(finding, addressee, desk), desk)


def _kept_back(finding: Finding, addressee: Addressee, held: Reason, desk: Desk) -> Decision:
    chat, mark = desk.directory.route(addressee)
    return Decision(finding, addressee, chat, held, mark, by=_cause(finding, held))


def _by_ladder(finding: Finding, addressee: Addressee, desk: Desk) -> Decision:
    """By the rung that is due, and by what was told before."""
    chat, mark = desk.directory.route(addressee)
    last = _reached(finding, addressee, desk)
    steps = stairs_of(finding, addressee, desk)
    rung, next_on = steps.at(desk.today)
    hands = to_hand_over(finding, addressee, last, desk)
    until = earliest(desk.slot_from(chat, next_on) if next_on else None, turn(finding, desk.today))
    due_rung, quiet = _due(finding, addressee, rung, last, bool(hands), desk), _quiet(finding, addressee, next_on)
    if addressee.roles.isdisjoint(ACTING) and _waits(finding, chat, desk):
        due_rung, quiet = None, Reason.NOT_DUE  # nobody hears of it before whoever must act
    if due_rung is None:
        return Decision(finding, addressee, chat, quiet, mark, until=until, by=_cause(finding, quiet))
    news = last is not None and _is_news(finding, addressee, desk)
    if not _owed(due_rung, last) and not news:
        return Decision(finding, addressee, chat, _told_before(finding, next_on), mark, until=until, rung=due_rung)
    if finding.state is State.RECOVERED and not heard_of_trouble(desk.memory.latest(finding.item.id, addressee.key)):
        return Decision(finding, addressee, chat, Reason.NOT_HEARD, mark, until=until)
    told = Decision(
        finding,
        addressee,
        chat,
        Reason.WORSENED if news else _why(finding, addressee, due_rung, last),
        mark,
        at=desk.opening(chat),
        until=until,
        rung=due_rung,
        superseded=tuple(steps.between(last.rung_on if last else None, due_rung.on)),
        provisional=finding.provisional or desk.calendar.is_provisional(due_rung.slot_on),
        hands=hands,
    )
    told = _prompt(told, desk) if _just_happened(finding, due_rung) else when_typed(told, desk)
    return in_company(_in_time(unless_silenced(told, desk)), desk)


def _due(
    finding: Finding, addressee: Addressee, rung: DatedRung | None, last: PastTelling | None, hands: bool, desk: Desk
) -> DatedRung | None:
    """The rung that is due: the ladder's own, or the one that an event makes."""
    if rung and (_before_grant(finding, addressee, rung) or _past_list(finding, rung, desk)):
        rung = None
    if hands and last:
        return handed_on(rung, last, desk)
    return returned(finding, addressee, rung, last, desk) or rung or asked_late(finding, addressee, last, desk)


def _reached(finding: Finding, addressee: Addressee, desk: Desk) -> PastTelling | None:
    """How far down its ladder an addressee was told, with the date that this rung has today: a holiday notice may have moved it."""
    last = desk.memory.last(finding.item.id, finding.due_on, addressee.key)
    if last is None:
        return None
    newest = desk.memory.newest(finding.item.id, finding.due_on, addressee.key)
    since = finding.asking.since
    counted = [one for one in (last, newest) if one and (since is None or one.at >= since)]
    return max((_dated_today(one, finding, desk) for one in counted), key=lambda one: one.rung_on, default=None)


def _dated_today(told: PastTelling, finding: Finding, desk: Desk) -> PastTelling:
    if told.ordinal is None or finding.anchor is None:
        return told
    on = date_today(finding.item.rule, finding.anchor, desk.calendar, told.rung, told.ordinal)
    return told if on is None or on == told.rung_on else replace(told, rung_on=on)


def _just_happened(finding: Finding, due_rung: DatedRung) -> bool:
    """Whether a rung reports a recent event: an item was returned, or the office sends a single message."""
    return due_rung.form is RETURNED or (finding.state is State.NOTED and due_rung.form.delivery is Delivery.SINGLE)


def _owed(due_rung: DatedRung, last: PastTelling | None) -> bool:
    """Whether a rung is still to be told: it is later than the last one told, a return, or a hand-over of what is new to them."""
    event = due_rung.form is RETURNED or due_rung.form is HANDED_ON  # by identity: a ladder may have an equal rung
    return last is None or due_rung.on > last.rung_on or event


def _is_news(finding: Finding, addressee: Addressee, desk: Desk) -> bool:
    """Whether a verdict, or the values that it rests on, are others than the addressee heard last: something was corrected."""
    if finding.known is None or finding.state not in VERDICTS:
        return False
    heard = desk.memory.latest(finding.item.id, addressee.key)
    if heard is None or heard.at > desk.now:  # the clock was set back: it is told when that instant has come again
        return False
    if heard.known is None and State(heard.state) in VERDICTS | {State.CLOSED}:  # in the record of an older version
        return heard.rung_on == finding.due_on and finding.state != heard.state
    return (finding.known, finding.state) != (heard.known, heard.state)


def _held(finding: Finding) -> Reason | None:
    """The reason for which nobody is told of the finding, whatever its ladder says; None without one."""
    if finding.state is State.CLOSED:
        return Reason.CLOSED
    if not finding.confirmed:
        return Reason.UNCONFIRMED
    if finding.state is State.AWAITING_CHECK:
        return Reason.AWAITING_CHECK
    if finding.state is State.PAUSED:
        return Reason.PAUSED
    if finding.anchor is None:
        return _without_date(finding)
    if finding.asking.void:
        return Reason.BEFORE_FORCE
    if finding.made_good_by:
        return Reason.MADE_GOOD
    return Reason.SUPPRESSED if finding.suppressed_by else None


def _without_date(finding: Finding) -> Reason:
    """Why nothing is told that has no date yet: it is a 待定, a value is to come, or something else is lacking."""
    if finding.state is not State.AWAITING_RESULT:
        return Reason.UNDATED
    return Reason.UNDECIDED if finding.detail else Reason.AWAITING_RESULT


def stairs_of(finding: Finding, addressee: Addressee, desk: Desk) -> Stairs:
    """The dated rungs of a finding for one addressee; the finding must have an anchor."""
    anchor = finding.anchor
    assert anchor is not None
    past_due = desk.today > anchor.due_on and not anchor.happened
    listed = addressee.name in finding.item.rule.listed and _for_month_list(finding, anchor, desk)
    month_list = (REPLACED_OF_DUTIES if recurs(finding.item) else REPLACED) if listed else None
    return stairs(
        finding.item.rule,
        anchor,
        desk.calendar,
        addressee.roles,
        finding.state,
        past_due,
        month_list,
        weekday_of(addressee, desk),
    )


def _for_month_list(finding: Finding, anchor: Anchor, desk: Desk) -> bool:
    """Whether the item's date belongs in a 月初清单: not for monthly duties, nor for what arose or was put off to it since."""
    item, due = finding.item, anchor.due_on
    if item.rule.comes_monthly or finding.state not in (State.ON_TRACK, State.APPROACHING):
        return False
    if finding.granted_on and finding.granted_on >= desk.calendar.send_day_on_or_after(due.replace(day=1)):
        return False
    opens = item.opens_on
    return opens is None or opens.day == 1 or (opens.year, opens.month) != (due.year, due.month)


def _past_list(finding: Finding, rung: DatedRung, desk: Desk) -> bool:
    """Whether a month's list had left when the item came to stand in it: then it stands in the next one."""
    if rung.form.delivery is not Delivery.MONTHLY or desk.today <= rung.slot_on:
        return False
    rule, facts = finding.item.rule, desk.facts
    hushed = facts.item_silences.get(finding.item.id), facts.item_silences.get(rule.id)
    arose = [one.until for one in hushed if one and one.until <= desk.now]
    arose += filter(None, (finding.registered_at, facts.confirmed_at.get(rule.id), desk.memory.hearings.since(rule)))
    return any(day_of(at) >= rung.slot_on for at in arose)


def _before_grant(finding: Finding, addressee: Addressee, rung: DatedRung) -> bool:
    """Whether a rung before the date belongs to days before its extension: whoever must act hears that as 已登记, not as a reminder."""
    granted_on = finding.granted_on if rung.before_due and answers(addressee) else None
    return granted_on is not None and rung.on < granted_on


def _waits(finding: Finding, chat: str, desk: Desk) -> bool:
    """Whether whoever must act has to hear first, on the day on which the chat could be told."""
    asking = finding.asking
    return asking.waits or (asking.hushed is not None and desk.opening(chat).date() >= asking.hushed)


def _quiet(finding: Finding, addressee: Addressee, next_on: date | None) -> Reason:
    """Why nothing is due: a rung is ahead, all are past, or none speaks to this addressee in this state."""
    if next_on is None:
        return Reason.PASSED if rungs_for(finding.item.rule, addressee.roles, finding.state) else Reason.NO_RUNG
    if finding.state is State.AWAITING_RESULT:
        return Reason.AWAITING_RESULT
    return Reason.EXTENDED if finding.extended else Reason.NOT_DUE


def _told_before(finding: Finding, next_on: date | None) -> Reason:
    """Why what was told is not told again: its rung was, or a verdict on a value waits for the quarter's list."""
    still = next_on is not None and finding.anchor is not None and is_still(finding.anchor, finding.state)
    return Reason.UNCHANGED if still else Reason.ALREADY_TOLD


def _cause(finding: Finding, reason: Reason) -> str:
    """What stands behind a reason: the parent that speaks for it, what a judgement lacks, or the state in which no rung speaks."""
    if reason is Reason.CLOSED:
        return ""
    if reason is Reason.NO_RUNG:
        return f"状态为“{finding.state.shown}”时"
    if reason is Reason.MADE_GOOD:
        return finding.made_good_by
    return finding.suppressed_by or (finding.detail if reason in (Reason.UNDECIDED, Reason.PAUSED) else "")


def left_out_decisions(finding: Finding, directory: Directory) -> list[Decision]:
    """A decision for everybody whom the rule or its ladder names and whom no rung ever tells; only explanations need them."""
    return [
        Decision(finding, one, directory.route(one)[0], Reason.NOT_UPWARD if soft else Reason.NO_RUNG)
        for one, soft in left_out(finding)
    ]


def _why(finding: Finding, addressee: Addressee, due_rung: DatedRung, last: PastTelling | None) -> Reason:
    if finding.state is State.ASSIGNED:
        return Reason.ASSIGNED
    if finding.state is State.WITHDRAWN:
        return Reason.WITHDRAWN
    if addressee.role in (Role.SUPERVISOR, Role.LEADING_GROUP) and (last is None or last.rung != due_rung.label):
        return Reason.ESCALATED
    if last is None:
        return Reason.FIRST
    if last.rung == due_rung.label:
        return Reason.REPEAT
    if due_rung.form is RETURNED or GRAVITY[finding.state] >= WRONG > GRAVITY[State(last.state)]:
        return Reason.WORSENED
    return Reason.NEXT_RUNG


def _prompt(decision: Decision, desk: Desk) -> Decision:
    """A recent event does not wait for tomorrow's slot when today's is used: it is told at the next open minute."""
    at = desk.promptly(decision.chat)
    if at is not None:
        return replace(decision, at=at, prompt=True)
    used = desk.used(decision.chat, desk.today)
    if used.slots and used.singles >= SINGLES_A_DAY:
        return replace(decision, reason=Reason.OVER_BUDGET, at=None, until=decision.at, prompt=True)
    return decision


def _in_time(decision: Decision) -> Decision:
    """Drops a rung before the due date that cannot be told by then: 提前1天 would be wrong the day after."""
    anchor, due_rung = decision.finding.anchor, decision.rung
    if decision.at is None or due_rung is None or anchor is None or not due_rung.before_due:
        return decision
    if decision.at.date() <= anchor.due_on:
        return decision
    return replace(decision, reason=Reason.TOO_LATE, at=None, rung=None, superseded=(), prompt=False)
