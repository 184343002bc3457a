"""What is owed to whom today, worked out a second time from the rules' words: for the self-audit (`selfaudit.py`) only.

The judgement, the ladder and the decision are not called; what they share with this is the items and their dates, the facts,
the calendar's word on a day, and the memory of tellings. Only expected_states of other kinds than `PLAIN` are taken as evaluated.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache

from bot.core.audit.owed_dates import PlainDates
from bot.core.deciding.addressees import ADMIN, LEADING_GROUP, SUPERVISOR, name_of
from bot.core.deciding.decisions import Directory
from bot.core.deciding.findings import Finding, known_items
from bot.core.deciding.memory import Tellings
from bot.core.facts.facts import Facts
from bot.core.rules.item import Item, State
from bot.core.rules.ladder import REPLACED
from bot.core.rules.rulebook import Role, Rule, Rulebook, RungForm
from bot.core.rules.words import Side
from bot.core.telling.entry import Entry
from bot.core.time.windows import OfficeHours
from bot.core.time.zone import day_of

#: Kinds whose verdict is worked out anew.
PLAIN = frozenset({"节点", "周期", "报送"})
RETURNED = "退回"
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Books:
    """What an audit reads. `entries` are those that are not archived; `unarchived` is the first day of which all are here.

    `spoken` are the chats that have a robot; `findings` the last evaluation's, by item.
    """

    rulebook: Rulebook
    facts: Facts
    memory: Tellings
    directory: Directory
    hours: OfficeHours
    entries: Iterable[Entry]
    findings: Mapping[str, Finding]
    spoken: frozenset[str]
    unarchived: date


@dataclass(frozen=True, slots=True)
class Owed:
    """A rung as the rules have it, told to nobody yet."""

    item: str
    rule: str
    due_on: date
    hearer: str
    rung: str
    on: date
    told_on: date
    grounds: tuple[object, ...] = field(compare=False)

    @property
    def key(self) -> tuple[object, ...]:
        return self.item, self.due_on, self.hearer, self.rung, self.on


@dataclass(frozen=True, slots=True)
class ExpectedState:
    """How a finding stands, as far as its rungs depend on it. `happened`: counts from an event, so nothing lies before it."""

    item: Item
    state: State
    due_on: date
    late_from: date
    led: bool
    happened: bool = False
    returned: datetime | None = None


# --- expected_states ---------------------------------------------------------------------


def expected_states(books: Books, dates: PlainDates, today: date) -> Iterator[ExpectedState]:
    """What asks for reminders today: plain kinds by their words, everything else as it was evaluated last."""
    parents: dict[str, tuple[str, date | None]] = {}
    plain: set[str] = set()
    for item in known_items(books.rulebook, today):
        if item.rule.kind.name in PLAIN:
            plain.add(item.id)
            found = _plain_verdict(item, books.facts, dates, today, parents)
            if found is not None:
                yield found
    for finding in books.findings.values():
        if finding.item.id not in plain and finding.item.rule.kind.name not in PLAIN:
            verdict = _as_evaluated(finding)
            if verdict is not None:
                yield verdict


def _plain_verdict(
    item: Item, facts: Facts, dates: PlainDates, today: date, parents: dict[str, tuple[str, date | None]]
) -> ExpectedState | None:
    """How a dated item stands by its dates and what people said; nothing where nobody need be told of it."""
    mark = facts.marks.get(item.id)
    life = mark.what if mark else ""
    granted = facts.extensions.get(item.id)
    extended = granted is not None and granted.rule_due == item.due_on
    due = granted.to if granted and extended else item.due_on
    late = max(due, item.late_from) if due and item.late_from else None
    parents[item.id] = life, due
    if life in ("closed", "done") or due is None or late is None or not facts.allows(item):
        return None
    if item.parent and _spoken_for(parents.get(item.parent), today):
        return None
    report = item.rule.kind.name == "报送"
    if report and facts.value(item.rule.form.id, item.period) is not None:
        return None
    state = _state(item, due, late, report, dates, today)
    returned = mark.at if mark and life == "returned" else None
    return ExpectedState(item, state, due, late, facts.confirmed_lead(item.rule) is not None, returned=returned)


def _spoken_for(parent: tuple[str, date | None] | None, today: date) -> bool:
    """Whether a step's milestone is closed or reported done, or past its date: then it speaks for its steps."""
    if parent is None:
        return False
    life, due = parent
    return life in ("closed", "done") or (due is not None and today > due)


def _state(item: Item, due: date, late: date, report: bool, dates: PlainDates, today: date) -> State:
    if today > late:
        return State.UNREPORTED if report else State.OVERDUE
    if today > due:
        return State.ON_TRACK if report else State.AWAITING_RESULT
    near = item.rule.ladder.approaching
    return State.APPROACHING if today >= dates.moved(due, -near.count, near.unit) else State.ON_TRACK


def _as_evaluated(finding: Finding) -> ExpectedState | None:
    """The verdict of the last evaluation, unless it keeps everybody from being told."""
    anchor = finding.anchor
    quiet = finding.state in (State.CLOSED, State.AWAITING_CHECK, State.PAUSED)
    if anchor is None or quiet or not finding.confirmed or finding.suppressed_by:
        return None
    return ExpectedState(
        finding.item, finding.state, anchor.due_on, anchor.late_from, bool(finding.lead), anchor.happened,
        finding.returned_at,
    )  # fmt: skip


# --- rungs ----------------------------------------------------------------------------


def owed(one: ExpectedState, books: Books, dates: PlainDates, now: datetime) -> Iterator[Owed]:
    """For everybody who hears of it, the first rung that has come and that they were not told."""
    for hearer, roles, unheard in _unheard(one, books.memory, dates, now.date()):
        found = [rung for rung in unheard if rung[2] <= now.date()] or _return(one, hearer, roles, books, now)
        if found:
            first = min(found, key=lambda owed: owed[1])
            yield Owed(one.item.id, one.item.rule.id, one.due_on, hearer, *first, grounds=_grounds(one, books))


def quiet_until(one: ExpectedState, memory: Tellings, dates: PlainDates, today: date) -> date:
    """The first day on which a rung of it may be owed, as long as it stands as it does and nothing is told of it."""
    unheard = (rung for _, _, rungs in _unheard(one, memory, dates, today) for rung in rungs)
    return min((told_on for _, _, told_on in unheard), default=date.max)


def _unheard(
    one: ExpectedState, memory: Tellings, dates: PlainDates, today: date
) -> Iterator[tuple[str, set[Role], list[tuple[str, date, date]]]]:
    """For everybody who hears of it, in which roles, the first that they have not heard yet of every rung."""
    for hearer, roles in _hearers(one.item.rule, one.led, one.item.soft or one.item.rule.soft).items():
        last = memory.last(one.item.id, one.due_on, hearer)
        heard = last.rung_on if last else None
        spoken = (rung for rung in one.item.rule.ladder.rungs if not roles.isdisjoint(rung.roles))
        yield hearer, roles, [found for rung in spoken for found in _rung(one, rung, hearer, heard, dates, today)]


def _rung(
    one: ExpectedState, rung: RungForm, hearer: str, heard: date | None, dates: PlainDates, today: date
) -> Iterator[tuple[str, date, date]]:
    """A rung's label, nominal date and day of telling; nothing where it does not speak."""
    after = rung.offset.side is Side.AFTER
    ahead = not after and not one.happened
    if (rung.states and one.state not in rung.states) or (ahead and today > one.due_on):
        return
    if after and one.state is State.ADVISED:
        return
    on = dates.first_unheard(rung, one.late_from if after else one.due_on, heard)
    if (heard is not None and on <= heard) or (ahead and _listed(one, hearer, on, dates)):
        return
    told_on = dates.told_on(on, ahead)
    yield rung.offset.words(), on, max(told_on, one.late_from + DAY) if after else told_on


def _listed(one: ExpectedState, hearer: str, on: date, dates: PlainDates) -> bool:
    """Whether a unit's 月初清单 may stand for a rung before the date."""
    if hearer not in one.item.rule.listed:
        return False
    return (one.due_on - on).days in REPLACED or on == dates.first_sending_day(one.due_on.replace(day=1))


def _return(
    one: ExpectedState, hearer: str, roles: set[Role], books: Books, now: datetime
) -> list[tuple[str, date, date]]:
    """What was sent back is told once to who must act, unless they heard anything of it since."""
    at = one.returned
    if at is None or at > now or not roles & {Role.LEAD, Role.PROVIDER}:
        return []
    heard = books.memory.latest(one.item.id, hearer)
    on = day_of(at)
    return [] if heard is not None and heard.at >= at else [(RETURNED, on, on)]


@lru_cache(maxsize=4096)
def _hearers(rule: Rule, led: bool, soft: bool) -> Mapping[str, set[Role]]:
    """Who hears, in which roles: role by role, as the ladder names them."""
    found: dict[str, set[Role]] = {}
    for role in {role for rung in rule.ladder.rungs for role in rung.roles}:
        if not (soft and role in (Role.SUPERVISOR, Role.LEADING_GROUP)):
            for name in _people(rule, led, role):
                found.setdefault(name, set()).add(role)
    return found


def _people(rule: Rule, led: bool, role: Role) -> Iterable[str]:
    leads = rule.lead.units if led and rule.lead else ()
    if role in (Role.COOPERATING, Role.GUIDING):
        helping = rule.cooperating if role is Role.COOPERATING else rule.guiding
        return [unit for unit in helping if unit not in leads] if leads else [ADMIN]
    if role is Role.SUPERVISOR:
        answering = (rule.provider,) if rule.asks_provider else leads
        return [f"{unit}·{SUPERVISOR}" for unit in answering] or [ADMIN]
    if role is Role.PROVIDER:
        return [rule.provider] if rule.provider else []
    return (leads or [ADMIN]) if role is Role.LEAD else [LEADING_GROUP if role is Role.LEADING_GROUP else ADMIN]


def _grounds(one: ExpectedState, books: Books) -> tuple[object, ...]:
    """Everything whose change makes a telling late for another reason than a loss."""
    facts, item = books.facts, one.item
    silences = facts.item_silences.get(item.id), facts.item_silences.get(item.rule.id)
    said = facts.marks.get(item.id), facts.extensions.get(item.id), facts.marks.get(item.parent or "")
    evaluated = () if item.rule.kind.name in PLAIN else (one.state, facts.observations, facts.cases)
    return (books.rulebook, one.due_on, one.late_from, one.led, *said, *silences, *evaluated)


def asked(one: ExpectedState, on: date, hearer: str, dates: PlainDates) -> bool:
    """Whether any rung that this addressee hears, with the lead confirmed or not, has this nominal date."""
    rule = one.item.rule
    roles = {role for led in (True, False) for role in _hearers(rule, led, False).get(name_of(hearer), ())}
    for rung in rule.ladder.rungs:
        base = one.late_from if rung.offset.side is Side.AFTER else one.due_on
        if roles & set(rung.roles) and dates.first_unheard(rung, base, on - timedelta(days=1)) == on:
            return True
    return False
