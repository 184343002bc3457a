"""The desk at which decisions are made: everything they depend on besides the findings, at one instant; who is silenced there, and what
waits for company 随行: it goes along with the chat's next digest, and alone only when it has waited long enough.

- What is **closed or registered** waits until the month's lists.
- A **verdict** that is no miss, and what is not a unit's affair any more, wait until the chat's day of the week, six days at most.
- What **corrects** a verdict that was told waits until the second sending day after its value became known; the first word of a miss
  does not wait at all.

Who is above the units waits for nothing, nor does the admin.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cached_property, lru_cache

from bot.core.deciding.addressees import ADMIN, Addressee, Directory, name_of
from bot.core.deciding.decision import Decision, earliest
from bot.core.deciding.findings import turn
from bot.core.deciding.memory import Memory
from bot.core.deciding.reasons import Reason
from bot.core.facts.facts import Facts, Silence
from bot.core.facts.quoting import quoted
from bot.core.rules.item import Moment, State
from bot.core.rules.item_ids import without_step
from bot.core.rules.ladder import LONGEST, on_weekday
from bot.core.rules.rulebook import Delivery, Role
from bot.core.time.windows import OfficeHours, open_from, slot, week_day
from bot.core.time.workdays import Calendar
from bot.core.time.zone import ZONE, day_of, midnight

SINGLES_A_DAY = 2

#: States of indicator values that need no reminder, and all states of indicator values.
CALM = frozenset({State.ON_TRACK, State.MET, State.RECOVERED})
VERDICTS = CALM | {State.MISSED, State.BEHIND, State.FAR_BEHIND, State.WARNED}


@dataclass(frozen=True, slots=True)
class Used:
    """How many digest slots and single messages of a chat are used on one day."""

    slots: int = 0
    singles: int = 0


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


def unless_silenced(decision: Decision, desk: Desk) -> Decision:
    """The decision, held back while its item, its case or rule, its addressee or its chat is silenced."""
    item = decision.finding.item
    longest = silence_of(item.id, item.rule.id, decision.addressee.key, decision.chat, desk.facts, desk.now)
    if longest is None:
        return decision
    until = earliest(longest.until.astimezone(ZONE), turn(decision.finding, desk.today))
    by = "：".join(filter(None, (longest.by, quoted(longest.reason))))
    return replace(decision, reason=Reason.SILENCED, at=None, until=until, by=by, prompt=False)


def riding(decision: Decision, alone: date, why: Reason, desk: Desk) -> Decision:
    """The decision as one that goes only along with a digest, until the day from which it may go alone."""
    if desk.today >= alone or not decision.reason.tells:
        return decision
    return replace(decision, rides=why, until=earliest(decision.until, midnight(alone)))


def month_after(at: datetime, desk: Desk) -> date:
    """The first sending day of the month after."""
    return desk.calendar.send_day_on_or_after((day_of(at).replace(day=1) + timedelta(days=32)).replace(day=1))


def in_company(decision: Decision, desk: Desk) -> Decision:
    """The decision, riding where its chat may hear of it some days later."""
    weekday, rung = weekday_of(decision.addressee, desk), decision.rung
    if weekday is None or rung is None or not decision.reason.tells or decision.prompt:
        return decision
    if rung.form.delivery is not Delivery.DIGEST or rung.form.offset.repeats:
        return decision
    alone = _alone_from(decision, weekday, desk)
    return decision if alone is None else riding(decision, alone, Reason.IN_COMPANY, desk)


def weekday_of(addressee: Addressee, desk: Desk) -> int | None:
    """The day of the week on which a unit hears repeats: that of its chat. None for the admin and above the units."""
    if addressee.name == ADMIN or addressee.role in (Role.SUPERVISOR, Role.LEADING_GROUP):
        return None
    return week_day(desk.directory.route(addressee)[0])


def _alone_from(decision: Decision, weekday: int, desk: Desk) -> date | None:
    """The day from which it goes alone; None for what must not wait."""
    finding, rung = decision.finding, decision.rung
    assert rung is not None
    if finding.state is State.WITHDRAWN:
        return _by_weekday(rung.slot_on, weekday, desk)
    if finding.known is None or finding.state not in VERDICTS:
        return None
    heard = desk.memory.latest(finding.item.id, decision.addressee.key)
    said = heard.state if heard is not None and heard.state in VERDICTS else ""
    if finding.state is State.MISSED and said != State.MISSED:
        return None
    if (said and (said in CALM) != (finding.state in CALM)) or finding.state is State.MISSED:
        return _next_but_one(finding.known[0], desk)
    return _by_weekday(rung.slot_on, weekday, desk)


def _next_but_one(known: datetime, desk: Desk) -> date:
    """The second sending day after a value became known."""
    day = timedelta(days=1)
    following = desk.calendar.send_day_on_or_after(known.astimezone(ZONE).date() + day)
    return desk.calendar.send_day_on_or_after(following + day)


def _by_weekday(since: date, weekday: int, desk: Desk) -> date:
    """The chat's day of the week after a day, or the last sending day within six days; the month's lists if they come before."""
    calendar = desk.calendar
    latest = calendar.send_day_on_or_before(since + LONGEST)
    return min(on_weekday(since + timedelta(days=1), weekday, calendar), latest, month_after(midnight(since), desk))
