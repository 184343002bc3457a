"""decide(): who is told what now and why, or who is not told and why not.

For every (finding, addressee) there is exactly one `Decision` with exactly one `Reason`. A decision to tell holds the
instant at which its chat's slot opens; until then `as_of` shows it as OUT_OF_HOURS.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cached_property, lru_cache
from typing import Protocol

from bot.core.deciding.addressees import (
    ADMIN,
    ASKED_UPWARD,
    INFORMED_UPWARD,
    LEADING_GROUP,
    SUPERVISOR,
    Addressee,
    Directory,
    addressees,
    left_out,
    name_of,
)
from bot.core.deciding.findings import Finding
from bot.core.deciding.lateness import ACTING
from bot.core.deciding.office import handed_over
from bot.core.deciding.reasons import Reason
from bot.core.facts.facts import Facts, Silence
from bot.core.facts.quoting import quoted
from bot.core.rules.item import GRAVITY, Moment, State, recurs
from bot.core.rules.item_ids import without_step
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
from bot.core.rules.rulebook import Delivery, Role, Rule, RungForm
from bot.core.rules.words import Offset
from bot.core.time.windows import OfficeHours, open_from, slot, week_day
from bot.core.time.workdays import Calendar
from bot.core.time.zone import ZONE, day_of, midnight

__all__ = [
    "ADMIN",
    "LEADING_GROUP",
    "SUPERVISOR",
    "Addressee",
    "Decision",
    "Desk",
    "Directory",
    "Memory",
    "PastTelling",
    "Used",
    "addressees",
    "decide",
    "silence_of",
    "weigh",
]

SINGLES_A_DAY = 2


@dataclass(frozen=True, slots=True)
class PastTelling:
    """One telling that was made: what an addressee was told about an item with this due date.

    `known` is when the last of the values became known that a verdict rested on; None in the record of an older version.
    """

    item: str
    due_on: date | None
    addressee: str
    rung_on: date
    rung: str
    state: str
    reason: str
    number: str
    at: datetime
    ordinal: int | None = None  # which repetition of its rung; None of before 2026-12: known by its date alone
    known: Moment | None = None


class Memory(Protocol):
    """The record of past tellings that decisions are made from."""

    def last(self, item: str, due_on: date | None, addressee: str) -> PastTelling | None:
        """The telling for this key whose rung has the latest nominal date."""
        ...

    def newest(self, item: str, due_on: date | None, addressee: str) -> PastTelling | None:
        """The telling for this key that was made last."""
        ...

    def latest(self, item: str, addressee: str) -> PastTelling | None:
        """The last telling of the item to this addressee, whatever its due date was then."""
        ...

    def heard(self, rule: Rule, unit: str, *, to_act: bool = False) -> datetime | None:
        """When the unit first heard of the rule."""
        ...

    def asked(self, rule: Rule, unit: str, *, to_act: bool = False) -> datetime | None:
        """When the unit was first asked for what the rule asks, whether it arrived or not."""
        ...

    def in_force_since(self, rule: Rule) -> datetime | None:
        """When the rule came into force; None if it was there from the beginning."""
        ...


@dataclass(frozen=True, slots=True)
class Used:
    """How many digest slots and single messages of a chat are used on one day."""

    slots: int = 0
    singles: int = 0


@dataclass(frozen=True, slots=True)
class Decision:
    """What is decided about one finding for one addressee, and the reason.

    `at` is when the message goes out; it is set only if one results. One that `rides` goes out then only if its chat gets a
    digest anyway. Time alone does not change the decision before `until`,
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
    rides: bool = False
    provisional: bool = False
    typed: bool = False
    hands: tuple[Rule, ...] = ()  # of a 交办: what it hands over

    @property
    def delivery(self) -> Delivery:
        """The delivery the rung asks for. `compose` puts a single into the digest where the day's budget is used."""
        return self.rung.form.delivery if self.rung else Delivery.DIGEST


@dataclass(frozen=True)
class Desk:
    """Everything that decisions depend on besides the findings, at the instant `now` (aware)."""

    facts: Facts
    memory: Memory
    directory: Directory
    calendar: Calendar
    hours: OfficeHours
    now: datetime
    used: Callable[[str, date], Used]

    @cached_property
    def today(self) -> date:
        """The day in Asia/Shanghai."""
        return day_of(self.now)

    @cached_property
    def _openings(self) -> dict[str, datetime]:
        return {}

    def slot_from(self, chat: str, day: date) -> datetime:
        """The chat's slot on the first sending day on or after `day`."""
        return _slot_from(chat, day, self.calendar, self.hours)

    def opening(self, chat: str) -> datetime:
        """When the chat's next digest is composed.

        This is today's slot if it is unused and ahead; the next open minute of today if the slot's time has passed unused;
        else the slot of the next sending day.
        """
        found = self._openings.get(chat)
        if found is None:
            found = self._openings[chat] = self._opening(chat)
        return found

    def _opening(self, chat: str) -> datetime:
        today = self.today
        if self.calendar.may_send(today) and not self.used(chat, today).slots:
            planned = slot(chat, today, self.hours)
            if self.now <= planned:
                return planned
            late = self._open_minute()
            if late.date() == today:
                return late
        return self.slot_from(chat, today + timedelta(days=1))

    def settled(self, chat: str, known: Moment) -> datetime | None:
        """When what rests on a new value is told, if that is later than `opening`: after a pause, at the chat's next slot at the latest."""
        at = self.opening(chat)
        ends = open_from(known[0].astimezone(ZONE) + self.hours.entry_pause, self.hours, self.calendar)
        if ends <= at or at == slot(chat, at.date(), self.hours):
            return None
        return min(ends, self.slot_from(chat, self.today + timedelta(days=1)))

    def promptly(self, chat: str) -> datetime | None:
        """An open minute of today for a prompt single message; None unless the chat's slot is used and its budget is not."""
        at = self._open_minute()
        used = self.used(chat, self.today)
        return at if at.date() == self.today and used.slots and used.singles < SINGLES_A_DAY else None

    def _open_minute(self) -> datetime:
        return open_from(self.now, self.hours, self.calendar)


@lru_cache(maxsize=65536)
def _slot_from(chat: str, day: date, calendar: Calendar, hours: OfficeHours) -> datetime:
    return slot(chat, calendar.send_day_on_or_after(day), hours)


#: States of this gravity or more mean that something is wrong: 逾期, 未报, 未达标.
WRONG = GRAVITY[State.OVERDUE]

#: States of indicator values that need no reminder, and all states of indicator values.
CALM = frozenset({State.ON_TRACK, State.MET, State.RECOVERED})
VERDICTS = CALM | {State.MISSED, State.BEHIND, State.FAR_BEHIND, State.WARNED}

RETURNED = RungForm(offset=Offset.parse("当天"), roles=(Role.LEAD, Role.PROVIDER), delivery=Delivery.SINGLE)
ASKED_LATE = RungForm(offset=Offset.parse("当天"), roles=(Role.LEAD, Role.PROVIDER), delivery=Delivery.DIGEST)
RECOVERED = RungForm(offset=Offset.parse("当天"), roles=(Role.LEAD,), delivery=Delivery.DIGEST)
REGISTERED = RungForm(offset=Offset.parse("当天"), roles=(Role.LEAD, Role.PROVIDER), delivery=Delivery.DIGEST)

#: The label of that rung.
REGISTERED_LABEL = "已登记"
#: So long after the day on which it may go by itself, what was registered is no news any more.
STALE = timedelta(days=31)

HANDED_ON = RungForm(offset=Offset.parse("当天"), roles=(Role.LEAD,), delivery=Delivery.DIGEST)

#: The label of the rung that hands over what came to a unit after its 交办.
HANDED_ON_LABEL = "新增"
#: Begins the label of the rung that takes back a verdict; the verdict follows.
VOID = "撤回"


def decide(findings: Iterable[Finding], desk: Desk) -> list[Decision]:
    """Exactly one decision for every finding and every addressee of its ladder."""
    return [weigh(finding, addressee, desk) for finding in findings for addressee in desk.directory.hearers(finding)]


def weigh(finding: Finding, addressee: Addressee, desk: Desk) -> Decision:
    """The decision about one finding for one addressee."""
    decision = _weighed(finding, addressee, desk)
    if finding.state is State.CLOSED and decision.reason is Reason.RECOVERED:
        return _closed(decision, desk)
    return decision if finding.registered_at is None or decision.reason.tells else _registered(decision, desk)


def _weighed(finding: Finding, addressee: Addressee, desk: Desk) -> Decision:
    """By the ladder, and by what was told before."""
    chat, mark = desk.directory.route(addressee)
    held = _held(finding)
    if held is not None:
        nothing = Decision(finding, addressee, chat, held, mark, by=_cause(finding, held))
        return _voided(nothing, desk) if held in (Reason.AWAITING_RESULT, Reason.UNDECIDED) else nothing
    last = desk.memory.last(finding.item.id, finding.due_on, addressee.key)
    if finding.state is State.CLOSED:
        dated = finding.anchor is not None and not finding.anchor.happened
        heard = last if dated else desk.memory.latest(finding.item.id, addressee.key)
        return _recovered(finding, addressee, heard, Reason.CLOSED, desk)
    last = _reached(finding, addressee, last, desk)
    steps = stairs_of(finding, addressee, desk)
    rung, next_on = steps.at(desk.today)
    rung = None if rung and _before_grant(finding, addressee, rung, desk) else rung
    hands = _to_hand_over(finding, addressee, last, desk)
    if hands and last:
        due_rung = _handed_on(rung, last, desk)
    else:
        due_rung = _returned(finding, addressee, rung, last, desk) or _asked_late(finding, addressee, last, desk)
    until = _earliest(desk.slot_from(chat, next_on) if next_on else None, turn(finding, desk.today))
    quiet = _quiet(finding) if next_on else _silent(finding, addressee)
    if addressee.roles.isdisjoint(ACTING) and _waits(finding, chat, desk):
        due_rung, quiet = None, Reason.NOT_DUE  # nobody hears of it before whoever must act
    if due_rung is None and finding.state in CALM and finding.due_on and finding.anchor and finding.anchor.happened:
        heard = desk.memory.latest(finding.item.id, addressee.key)
        return _recovered(finding, addressee, heard, quiet, desk, until)
    if due_rung is None:
        return Decision(finding, addressee, chat, quiet, mark, until=until, by=_cause(finding, quiet))
    news = last is not None and _is_news(finding, addressee, desk)
    if not _owed(due_rung, last) and not news:
        return Decision(finding, addressee, chat, _told_before(finding, next_on), mark, until=until, rung=due_rung)
    if finding.state is State.RECOVERED and not _heard_of_trouble(desk.memory.latest(finding.item.id, addressee.key)):
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
    told = _prompt(told, desk) if _just_happened(finding, due_rung) else _when_typed(told, desk)
    return _in_time(_unless_silenced(told, desk))


def _when_typed(decision: Decision, desk: Desk) -> Decision:
    """What rests on a value that has just come in waits for the next ones; a breach of what must hold does not."""
    finding = decision.finding
    if finding.known is None or (finding.state is State.MISSED and finding.item.rule.kind.must_hold):
        return decision
    at = desk.settled(decision.chat, finding.known)
    return replace(decision, at=at, typed=True) if at else decision


def _reached(finding: Finding, addressee: Addressee, last: PastTelling | None, desk: Desk) -> PastTelling | None:
    """How far down its ladder an addressee was told, with the date that this rung has today: a holiday notice may have moved it."""
    if last is None:
        return None
    newest = desk.memory.newest(finding.item.id, finding.due_on, addressee.key)
    since = midnight(finding.asking.since) if finding.asking.since else None
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


def turn(finding: Finding, today: date) -> datetime | None:
    """When time alone changes a finding: after its own or its parent's due date, the day it becomes late; daily while it waits."""
    anchor = finding.anchor
    if anchor is None or anchor.happened:
        return None
    days = (anchor.due_on, anchor.late_from, finding.parent_due_on)
    ahead = [day for day in days if day and day >= today] + ([today] if finding.asking.waits else [])
    following = [day + timedelta(days=1) for day in ahead]
    following += [day for day in (finding.asking.enters, finding.asking.hushed) if day and day > today]
    return midnight(min(following)) if following else None


def _earliest(one: datetime | None, other: datetime | None) -> datetime | None:
    return min(one, other) if one and other else one or other


def _held(finding: Finding) -> Reason | None:
    """The reason for which nobody is told of the finding, whatever its ladder says; None without one."""
    if finding.state is State.CLOSED:
        return None
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
        _weekday(addressee, desk),
    )


def _weekday(addressee: Addressee, desk: Desk) -> int | None:
    """The day of the week on which a unit hears repeats: that of its chat. None for the admin and above the units."""
    if addressee.name == ADMIN or addressee.role in (Role.SUPERVISOR, Role.LEADING_GROUP):
        return None
    return week_day(desk.directory.route(addressee)[0])


def _for_month_list(finding: Finding, anchor: Anchor, desk: Desk) -> bool:
    """Whether the item's date belongs in a 月初清单: not for monthly duties, nor for what arose or was put off to it since."""
    item, due = finding.item, anchor.due_on
    if item.rule.comes_monthly or finding.state not in (State.ON_TRACK, State.APPROACHING):
        return False
    granted_on = _granted_on(finding, desk)
    if granted_on and granted_on >= desk.calendar.send_day_on_or_after(due.replace(day=1)):
        return False
    opens = item.opens_on
    return opens is None or opens.day == 1 or (opens.year, opens.month) != (due.year, due.month)


def _granted_on(finding: Finding, desk: Desk) -> date | None:
    """The day on which the extension in force was granted."""
    granted = desk.facts.extensions.get(finding.item.id) if finding.extended else None
    return day_of(granted.at) if granted else None


def _before_grant(finding: Finding, addressee: Addressee, rung: DatedRung, desk: Desk) -> bool:
    """Whether a rung before the date belongs to days before its extension: whoever must act hears that as 已登记, not as a reminder."""
    granted_on = _granted_on(finding, desk) if rung.before_due and _answers(addressee) else None
    return granted_on is not None and rung.on < granted_on


def _returned(
    finding: Finding, addressee: Addressee, rung: DatedRung | None, last: PastTelling | None, desk: Desk
) -> DatedRung | None:
    """The rung that says 退回, or the ladder's own rung.

    A return is told once, to those who must act. It is not told if they were told anything about the item since, or if a
    later rung of the ladder is due anyway.
    """
    at = finding.returned_at
    if at is None or at > desk.now or addressee.roles.isdisjoint(ACTING):
        return rung  # `at` may be in the future: the sender's clock is ahead, or ours was set back
    heard = desk.memory.latest(finding.item.id, addressee.key)
    if heard is not None and heard.at >= at:
        return rung
    on = day_of(at)
    if rung is not None and rung.on > on and (last is None or rung.on > last.rung_on):
        return rung
    on = max(on, last.rung_on) if last else on
    return DatedRung(on, on, RETURNED, "退回", False)


def _to_hand_over(finding: Finding, addressee: Addressee, last: PastTelling | None, desk: Desk) -> tuple[Rule, ...]:
    """What a 交办 hands over: all that is confirmed, and once it was told only what the unit has not heard of in its role."""
    if finding.state is not State.ASSIGNED:
        return ()
    facts = desk.facts
    named = handed_over(finding, (addressee.name,))
    rules = [one for one in named if facts.confirms(one) and (one.asks_provider or facts.confirmed_lead(one))]
    if last is None:
        return tuple(rules)
    news = {one: _news(one, addressee.name, last, desk.memory) for one in rules}
    figures = {one.form.id for one, new in news.items() if one.provider and not new}  # another watch of one is no news
    return tuple(one for one, new in news.items() if new and not (one.judges_values and one.form.id in figures))


def _news(rule: Rule, unit: str, last: PastTelling, memory: Memory) -> bool:
    """Whether a unit has not heard of a rule in its role; what was asked for after its last 交办 and never arrived does not count."""
    to_act = unit in rule.principals
    asked = memory.asked(rule, unit, to_act=to_act)
    return memory.heard(rule, unit, to_act=to_act) is None and (asked is None or asked > last.at)


def _handed_on(rung: DatedRung | None, last: PastTelling, desk: Desk) -> DatedRung | None:
    """The rung that hands over what came to a unit after its 交办; the 交办 itself where that is still ahead."""
    on = max(desk.today, last.rung_on)
    return rung and DatedRung(on, on, HANDED_ON, HANDED_ON_LABEL, False, on.toordinal())


def _asked_late(finding: Finding, addressee: Addressee, last: PastTelling | None, desk: Desk) -> DatedRung | None:
    """The rung that asks by a later day for what nobody who answers for it has heard of: told once, at once.

    The ladder's own rungs count from the later day, so that the first of them may come when the date of the rule is past.
    """
    if not finding.asking.unheard or last is not None or addressee.roles.isdisjoint(ACTING):
        return None
    return DatedRung(desk.today, desk.today, ASKED_LATE, "补报", False)


def _waits(finding: Finding, chat: str, desk: Desk) -> bool:
    """Whether whoever must act has to hear first, on the day on which the chat could be told."""
    asking = finding.asking
    return asking.waits or (asking.hushed is not None and desk.opening(chat).date() >= asking.hushed)


def _quiet(finding: Finding) -> Reason:
    """Why nothing is due while a rung is ahead."""
    if finding.state is State.AWAITING_RESULT:
        return Reason.AWAITING_RESULT
    return Reason.EXTENDED if finding.extended else Reason.NOT_DUE


def _told_before(finding: Finding, next_on: date | None) -> Reason:
    """Why what was told is not told again: its rung was, or a verdict on a value waits for the quarter's list."""
    still = next_on is not None and finding.anchor is not None and is_still(finding.anchor, finding.state)
    return Reason.UNCHANGED if still else Reason.ALREADY_TOLD


def _silent(finding: Finding, addressee: Addressee) -> Reason:
    """Why nothing is due and no rung is ahead: all are past, or none speaks to this addressee in this state."""
    return Reason.PASSED if rungs_for(finding.item.rule, addressee.roles, finding.state) else Reason.NO_RUNG


def _cause(finding: Finding, reason: Reason) -> str:
    """What stands behind a reason: the parent that speaks for it, what a judgement lacks, or the state in which no rung speaks."""
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


def silence_of(item: str, rule: str, addressee: str, chat: str, facts: Facts, now: datetime) -> Silence | None:
    """The longest silence in force for a telling: of its item, its case or rule, its addressee, or the chat it goes to.

    A name counts in every chat in which it is told: one it shares, one of several, or the admin's.
    """
    if not facts.item_silences and not facts.chat_silences:
        return None
    items, chats = facts.item_silences, facts.chat_silences
    of_the_item = (items.get(item), items.get(without_step(item)), items.get(rule))
    silences = (*of_the_item, chats.get(chat), chats.get(name_of(addressee)))
    asked = [one for one in silences if one is not None and now < one.until]
    return max(asked, key=lambda one: one.until, default=None)


def _unless_silenced(decision: Decision, desk: Desk) -> Decision:
    item = decision.finding.item
    longest = silence_of(item.id, item.rule.id, decision.addressee.key, decision.chat, desk.facts, desk.now)
    if longest is None:
        return decision
    until = _earliest(longest.until.astimezone(ZONE), turn(decision.finding, desk.today))
    by = "：".join(filter(None, (longest.by, quoted(longest.reason))))
    return replace(decision, reason=Reason.SILENCED, at=None, until=until, by=by, prompt=False)


def _in_time(decision: Decision) -> Decision:
    """Drops a rung before the due date that cannot be told by then: 提前1天 would be wrong the day after."""
    anchor, due_rung = decision.finding.anchor, decision.rung
    if decision.at is None or due_rung is None or anchor is None or not due_rung.before_due:
        return decision
    if decision.at.date() <= anchor.due_on:
        return decision
    return replace(decision, reason=Reason.TOO_LATE, at=None, rung=None, superseded=(), prompt=False)


def _recovered(
    finding: Finding,
    addressee: Addressee,
    last: PastTelling | None,
    quiet: Reason,
    desk: Desk,
    until: datetime | None = None,
) -> Decision:
    """An addressee who was told that something is wrong is told once, in a digest, when it is closed or corrected."""
    chat, mark = desk.directory.route(addressee)
    if last is None or not _heard_of_trouble(last) or addressee.name == ADMIN:
        return Decision(finding, addressee, chat, quiet, mark, until=until)
    on = max(last.rung_on, desk.today)
    due_rung = DatedRung(on, on, RECOVERED, "恢复", False)
    told = Decision(finding, addressee, chat, Reason.RECOVERED, mark, at=desk.opening(chat), rung=due_rung)
    return _unless_silenced(_when_typed(told, desk), desk)


def _heard_of_trouble(last: PastTelling | None) -> bool:
    """Whether the last thing told was that something is wrong."""
    return last is not None and (GRAVITY[State(last.state)] >= WRONG or last.state == State.BEHIND.value)


def _voided(decision: Decision, desk: Desk) -> Decision:
    """An addressee who was told a verdict hears once that it does not hold any more: the values that it rested on are gone."""
    finding, addressee = decision.finding, decision.addressee
    heard = desk.memory.latest(finding.item.id, addressee.key)
    if heard is None or State(heard.state) not in VERDICTS or addressee.name == ADMIN:
        return decision
    on, said = max(heard.rung_on, desk.today), State(heard.state)
    said = State.RECOVERED if said is State.ON_TRACK else said  # as it was worded
    due_rung = DatedRung(on, on, RECOVERED, f"{VOID}{said}", False)
    at = desk.opening(decision.chat)
    return _unless_silenced(replace(decision, reason=Reason.VOIDED, at=at, by="", rung=due_rung), desk)


def _closed(decision: Decision, desk: Desk) -> Decision:
    """That something is closed rides with a digest; who is above the units is informed, not asked."""
    finding, addressee = decision.finding, decision.addressee
    heard = desk.memory.latest(finding.item.id, addressee.key)
    since = finding.registered_at or (heard.at if heard else desk.now)
    mark = decision.mark.replace(ASKED_UPWARD, INFORMED_UPWARD)
    return _riding(replace(decision, mark=mark), _by_itself_from(since, desk), desk)


def _registered(decision: Decision, desk: Desk) -> Decision:
    """Who must act hears what was registered for it since it heard of the item last, if no rung speaks: once, riding."""
    finding, addressee, at = decision.finding, decision.addressee, decision.finding.registered_at
    if (
        at is None
        or at > desk.now
        or not _answers(addressee)
        or decision.reason in (Reason.UNCONFIRMED, Reason.SILENCED)
    ):
        return decision
    alone, heard = _by_itself_from(at, desk), desk.memory.latest(finding.item.id, addressee.key)
    if (heard is not None and heard.at >= at) or desk.today > alone + STALE:
        return decision
    last = desk.memory.last(finding.item.id, finding.due_on, addressee.key)
    on = max(day_of(at), last.rung_on) if last else day_of(at)
    rung = DatedRung(on, on, REGISTERED, REGISTERED_LABEL, False)
    until = _earliest(decision.until, midnight(alone + STALE + timedelta(days=1)))
    told = replace(decision, reason=Reason.REGISTERED, at=desk.opening(decision.chat), until=until, by="", rung=rung)
    return _riding(_unless_silenced(replace(told, superseded=()), desk), alone, desk)


def _answers(addressee: Addressee) -> bool:
    """Whether it must act itself and is not the office that stands in for somebody."""
    return not addressee.roles.isdisjoint(ACTING) and addressee.name != ADMIN


def _riding(decision: Decision, alone: date, desk: Desk) -> Decision:
    """The decision as one that goes only along with a digest, until the day from which it may go alone."""
    if desk.today >= alone or not decision.reason.tells:
        return decision
    return replace(decision, rides=True, until=_earliest(decision.until, midnight(alone)))


def _by_itself_from(registered_at: datetime, desk: Desk) -> date:
    """The first sending day of the month after: from then on it is told even if the chat gets no digest otherwise."""
    month = day_of(registered_at).replace(day=1)
    return desk.calendar.send_day_on_or_after((month + timedelta(days=32)).replace(day=1))


def ripe(decisions: Iterable[Decision], now: datetime) -> list[Decision]:
    """Decisions to tell whose instant has come."""
    return [d for d in decisions if d.reason.tells and d.at is not None and d.at <= now]


def as_of(decision: Decision, now: datetime) -> Decision:
    """The decision as it is shown at `now`: one that waits for its slot becomes OUT_OF_HOURS, for more values BEING_TYPED."""
    if decision.rides:
        return replace(decision, reason=Reason.RIDING)
    if decision.reason.tells and decision.at is not None and decision.at > now:
        waits = Reason.BEING_TYPED if decision.typed else Reason.OUT_OF_HOURS
        return replace(decision, reason=waits, until=decision.at)
    return decision


def turns(decisions: Iterable[Decision]) -> list[datetime]:
    """The instants at which time alone may change a decision, in order."""
    instants = (instant for decision in decisions for instant in (decision.at, decision.until))
    return sorted({instant for instant in instants if instant is not None})
