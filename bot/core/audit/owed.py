"""Which rungs are due to whom and not told, computed a second time from the rules: only for the self-audit (`self_audit.py`).

Nothing here calls the code that judges, dates ladders or decides. Shared with that code are items and their dates, facts, the
calendar's answer for one day, and the record of tellings. For kinds that are not `plain`, states are taken from the last evaluation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache

from bot.core.audit.contradictions import Numbers
from bot.core.audit.owed_dates import PlainDates
from bot.core.deciding.addressees import ADMIN, LEADING_GROUP, SUPERVISOR, Directory, name_of
from bot.core.deciding.findings import Finding, known_items
from bot.core.deciding.lateness import AT_THE_LATEST
from bot.core.deciding.memory import PastTelling, Tellings
from bot.core.facts.facts import Facts
from bot.core.rules.item import Item, Moment, State
from bot.core.rules.item_ids import without_step
from bot.core.rules.ladder import MONTH_LIST, REPLACED, REPLACED_OF_DUTIES
from bot.core.rules.rulebook import Basis, Delivery, Role, Rule, Rulebook, RungForm
from bot.core.rules.words import Side
from bot.core.telling.entry import Entry
from bot.core.time.windows import OfficeHours, week_day
from bot.core.time.zone import day_of

RETURNED = "退回"
_VERDICTS = frozenset(map(State, ("达标", "恢复", "正常推进", "未达标", "滞后", "严重滞后", "预警")))
EARLY = 60  # days: a digest so long before its date waits for its unit's day of the week
_BAD = frozenset(map(State, ("逾期", "未报", "未达标", "滞后", "严重滞后", "预警")))
_CALLING = frozenset(map(State, ("未达标", "滞后", "严重滞后", "预警")))
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Books:
    """What an audit reads.

    `entries` are those not archived; from the day `unarchived` on none is archived. `spoken` are the chats that have a robot.
    `findings` are those of the last evaluation, by item. `numbers` are the highest given to messages, by year.
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
    numbers: Numbers = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Owed:
    """A rung that is due according to the rules and has not been told to `hearer`."""

    item: str
    rule: str
    due_on: date
    hearer: str
    rung: str
    on: date
    told_on: date
    grounds: tuple[object, ...] = field(compare=False)
    known: Moment | None = field(default=None, compare=False)

    @property
    def key(self) -> tuple[object, ...]:
        return self.item, self.due_on, self.hearer, self.rung, self.on


@dataclass(frozen=True, slots=True)
class ExpectedState:
    """The part of a finding that its rungs depend on. `happened`: its ladder counts from an event, so it has no rungs before."""

    item: Item
    state: State
    due_on: date
    late_from: date
    led: bool
    happened: bool = False
    returned: datetime | None = None
    known: Moment | None = None
    key_on: date | None = None  # the date under which it is told, where its unit heard late and `due_on` is a later day
    since: date | None = None  # the day before which nothing told counts, where its unit heard late
    granted_on: date | None = None  # the day on which its extension was granted
    waits: bool = False  # for the hearing of whoever must act: nobody else is told before

    @property
    def told_for(self) -> date:
        """The due date under which it is told."""
        return self.key_on or self.due_on

    @property
    def still(self) -> bool:
        """Whether it is a verdict on a value that calls for action: it cannot change before the next value."""
        return self.happened and self.state in _CALLING


# --- expected states ---------------------------------------------------------------------


def expected_states(books: Books, dates: PlainDates, today: date) -> Iterator[ExpectedState]:
    """Every item that needs reminders today: plain kinds computed anew, all others as evaluated last."""
    parents: dict[str, tuple[str, date | None]] = {}
    plain: set[str] = set()
    over = _last_periods_done(books, today)
    for item in known_items(books.rulebook, today):
        if item.rule.kind.plain:
            plain.add(item.id)
            found = _plain_verdict(item, books, dates, today, parents)
            missed = found is not None and (found.state is State.OVERDUE or found.since)
            if found is not None and not (missed and _is_before(item, over)):
                yield found
    for finding in books.findings.values():
        if finding.item.id not in plain and not finding.item.rule.kind.plain:
            verdict = _as_evaluated(finding, books.facts)
            if verdict is not None:
                yield verdict


def _last_periods_done(books: Books, today: date) -> Mapping[str, date]:
    """For each rule with periods the date of the last of them that is done or closed."""
    found: dict[str, date] = {}
    for item in known_items(books.rulebook, today) if books.facts.marks else ():
        mark = books.facts.marks.get(item.id)
        if mark and mark.what != "returned" and item.period and item.due_on and not item.rule.kind.asks_for_values:
            found[item.rule.id] = max(item.due_on, found.get(item.rule.id, item.due_on))
    return found


def _is_before(item: Item, over: Mapping[str, date]) -> bool:
    """Whether a later period of the item's rule is over, so that nobody is told of this one any more."""
    return item.due_on is not None and item.due_on < over.get(item.rule.id, item.due_on)


def _plain_verdict(
    item: Item, books: Books, dates: PlainDates, today: date, parents: dict[str, tuple[str, date | None]]
) -> ExpectedState | None:
    """The state of a dated item from its dates, marks and extension; None if nobody is to be told of it."""
    facts = books.facts
    mark = facts.marks.get(item.id)
    life = mark.what if mark else ""
    granted = facts.extensions.get(item.id)
    extended = granted is not None and granted.rule_due == item.due_on
    due = granted.to if granted and extended else item.due_on
    late = max(due, item.late_from) if due and item.late_from else None
    key_on, since, waits = due, None, False
    if due is not None and late is not None and (told := _told_late(item, due, books, dates, today)):
        due, since, waits = told
        late = max(due, late)
    parents[item.id] = life, due
    if _was_over_before(item, key_on, books):
        return None
    if life in ("closed", "done") or due is None or late is None or not facts.allows(item):
        return None
    if item.parent and _spoken_for(parents.get(item.parent), today):
        return None
    report = item.rule.kind.asks_for_values
    seen = facts.value(item.rule.form.id, item.period) if report else None
    if seen is not None and (item.opens_on is None or day_of(seen.at) >= item.opens_on):
        return None
    state = _state(item, due, late, report, dates, today)
    returned = mark.at if mark and life == "returned" else None
    led = facts.confirmed_lead(item.rule) is not None
    return ExpectedState(
        item,
        state,
        due,
        late,
        led,
        returned=returned,
        key_on=key_on if since else None,
        since=since,
        granted_on=day_of(granted.at) if granted and extended else None,
        waits=waits,
    )


def _told_late(item: Item, due: date, books: Books, dates: PlainDates, today: date) -> tuple[date, date, bool] | None:
    """Until when an item is asked for that its unit heard of late, and the day on which that was first said; None if in time."""
    rule, grace = item.rule, books.rulebook.plan.grace
    named = rule.asks_provider or books.facts.confirmed_lead(rule) is not None
    acting = any({Role.LEAD, Role.PROVIDER} & set(rung.roles) for rung in rule.ladder.rungs)
    if not acting or due > dates.moved(today, grace.count, grace.unit):
        return None
    heard, since, waits = date.min, date.min, False
    for unit in rule.principals if named else (ADMIN,):
        record = books.memory.hearings
        at, asked = record.heard(rule, unit, to_act=True), record.asked(rule, unit, to_act=True)
        latest = dates.workdays.after(day_of(asked), AT_THE_LATEST) if asked else today
        mine = min(latest, day_of(at) if at else today)
        heard, since = max(heard, mine), max(since, day_of(asked) if asked else today)
        waits = waits or (mine if at else latest) >= today
    force = _in_force(rule, books)
    heard, since = max(heard, force or heard), max(since, force or since)
    anew = _asked_anew(item, books)
    if anew and anew >= heard:
        heard, since, waits = anew, anew, anew >= today
    by = dates.moved(heard, grace.count, grace.unit)
    return (by, since, waits) if due < by else None


def _asked_anew(item: Item, books: Books) -> date | None:
    """The day on which what had settled an item, or put it off, was withdrawn, or an edit made it due sooner."""
    facts, edit = books.facts, books.memory.hearings.anew.get(item.id)
    found = [facts.taken_back.get(item.id)]
    found += [facts.withdrawn.get((item.rule.form.id, item.period))] if item.rule.kind.asks_for_values else []
    days = [day_of(gone.at) for gone in found if gone and gone.reopens]
    days += [day_of(edit.at)] if edit else []
    agreed = facts.agreed_at.get(item.rule.id) if edit and item.rule.basis is Basis.PROPOSED else None
    return max([*days, *([day_of(agreed)] if agreed else [])], default=None)


def _in_force(rule: Rule, books: Books) -> date | None:
    """Since when a rule is in force, by an edit or a confirmation."""
    instants = [books.memory.hearings.since(rule)]
    if rule.basis is Basis.PROPOSED and not books.facts.all_confirmed:
        instants.append(books.facts.confirmed_at.get(rule.id))
    return max((day_of(at) for at in instants if at), default=None)


def _was_over_before(item: Item, due: date | None, books: Books) -> bool:
    """Whether a period was over before its rule came into force, or before an edit made it one of its periods."""
    if not item.period or item.rule.kind.asks_for_values or due is None:
        return False
    force, edit = _in_force(item.rule, books), books.memory.hearings.anew.get(item.id)
    return (force is not None and due < force) or (edit is not None and edit.new and due < day_of(edit.at))


def _spoken_for(parent: tuple[str, date | None] | None, today: date) -> bool:
    """Whether a step's parent is closed, reported done or past its date: then the parent's reminders cover the step."""
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


def _as_evaluated(finding: Finding, facts: Facts) -> ExpectedState | None:
    """The state of the last evaluation; None if nobody is to be told of it."""
    anchor = finding.anchor
    quiet = finding.state in (State.CLOSED, State.AWAITING_CHECK, State.PAUSED)
    if anchor is None or quiet or not finding.confirmed or finding.suppressed_by or finding.made_good_by:
        return None
    granted = facts.extensions.get(finding.item.id) if finding.extended else None
    return ExpectedState(
        finding.item, finding.state, anchor.due_on, anchor.late_from, bool(finding.lead), anchor.happened,
        finding.returned_at, finding.known, granted_on=day_of(granted.at) if granted else None,
    )  # fmt: skip


# --- rungs ----------------------------------------------------------------------------


def owed(one: ExpectedState, books: Books, dates: PlainDates, now: datetime) -> Iterator[Owed]:
    """For each addressee, the earliest rung that is due and that they were not told."""
    for hearer, roles, unheard in _unheard(one, books, dates, now.date()):
        found = [rung for rung in unheard if rung[2] <= now.date()] or _return(one, hearer, roles, books, now)
        if found:
            first = min(found, key=lambda owed: owed[1])
            yield Owed(
                one.item.id,
                one.item.rule.id,
                one.told_for,
                hearer,
                *first,
                grounds=_grounds(one, books),
                known=one.known,
            )


def quiet_until(one: ExpectedState, books: Books, dates: PlainDates, today: date) -> date:
    """The first day on which a rung may be due, if the state stays the same and nothing is told of the item until then."""
    unheard = (rung for _, _, rungs in _unheard(one, books, dates, today) for rung in rungs)
    return min((told_on for _, _, told_on in unheard), default=date.max)


def _unheard(
    one: ExpectedState, books: Books, dates: PlainDates, today: date
) -> Iterator[tuple[str, set[Role], list[tuple[str, date, date]]]]:
    """Each addressee with their roles, and for each rung of the ladder its first date that they were not told."""
    for hearer, roles in _hearers(one.item.rule, one.led, one.item.soft or one.item.rule.soft).items():
        last, latest = books.memory.last(one.item.id, one.told_for, hearer), books.memory.latest(one.item.id, hearer)
        if one.waits and not roles & {Role.LEAD, Role.PROVIDER}:
            continue
        if one.state is State.RECOVERED and (latest is None or State(latest.state) not in _BAD):
            continue
        newest = books.memory.newest(one.item.id, one.told_for, hearer)
        counted = (told for told in (last, newest) if told and (one.since is None or day_of(told.at) >= one.since))
        reached = max((_day_today(told, one, dates) for told in counted), default=None)
        heard = None if last and _corrected(one, latest, today) else reached
        spoken = (rung for rung in one.item.rule.ladder.rungs if not roles.isdisjoint(rung.roles))
        is_first_miss = one.state is State.MISSED and (latest is None or latest.state != one.state)
        weekday = None if is_first_miss else _weekday(hearer, books.directory)
        arose = _arose(one, books, today)
        found = (
            date
            for rung in spoken
            for date in _rung(one, rung, hearer, _in_lists(rung, heard, arose), dates, today, weekday)
        )
        yield hearer, roles, list(found)


def _arose(one: ExpectedState, books: Books, today: date) -> date | None:
    """The day on which something was last said of an item, before today: it stands in the lists that follow."""
    facts, id_, rule = books.facts, one.item.id, one.item.rule
    said = facts.marks.get(id_), facts.extensions.get(id_), facts.taken_back.get(id_)
    hushed = facts.item_silences.get(id_), facts.item_silences.get(rule.id)
    instants = [given.at for given in said if given] + [silence.until for silence in hushed if silence]
    instants += filter(None, (facts.confirmed_at.get(rule.id), books.memory.hearings.since(rule)))
    return max((day for at in instants if (day := day_of(at)) < today), default=None)


def _in_lists(rung: RungForm, heard: date | None, arose: date | None) -> date | None:
    """The day after which a rung is owed: of a month's list, what was said later than it stands in the next."""
    return max(filter(None, (heard, arose)), default=None) if rung.delivery is Delivery.MONTHLY else heard


def _weekday(hearer: str, directory: Directory) -> int | None:
    """The day of the week on which a unit hears repeats; None for the admin and above the units."""
    if hearer in (ADMIN, LEADING_GROUP) or hearer.endswith(SUPERVISOR):
        return None
    return week_day(directory.chats.get(hearer, ADMIN))


def _day_today(told: PastTelling, one: ExpectedState, dates: PlainDates) -> date:
    """The nominal date that the rung of a past telling has today: a holiday notice may have moved it."""
    for rung in one.item.rule.ladder.rungs if told.ordinal is not None else ():
        if f"{rung.offset.words()}{'·月度清单' if rung.delivery is Delivery.MONTHLY else ''}" == told.rung:
            base = one.late_from if rung.offset.side is Side.AFTER else one.due_on
            return dates.nth(rung, base, told.ordinal or 0)
    return dates.first_sending_day(one.due_on.replace(day=1)) if told.rung == MONTH_LIST else told.rung_on


def _corrected(one: ExpectedState, latest: PastTelling | None, today: date) -> bool:
    """Whether another verdict than the one told last holds by now, or other values stand behind it: then its rungs are due anew."""
    if latest is None or one.known is None or one.state not in _VERDICTS or day_of(latest.at) > today:
        return False
    if latest.known is None and State(latest.state) in _VERDICTS | {State.CLOSED}:  # told by an older version
        return latest.rung_on == one.due_on and latest.state != one.state
    return latest.known != one.known or latest.state != one.state


def _rung(
    one: ExpectedState,
    rung: RungForm,
    hearer: str,
    heard: date | None,
    dates: PlainDates,
    today: date,
    weekday: int | None,
) -> Iterator[tuple[str, date, date]]:
    """A rung's label, nominal date and day of telling; nothing where the rung does not apply to this state."""
    after = rung.offset.side is Side.AFTER
    ahead = not after and not one.happened
    if (rung.states and one.state not in rung.states) or (ahead and today > one.due_on):
        return
    if after and one.state is State.ADVISED:
        return
    on = dates.first_unheard(rung, _base(one, rung), heard, one.still)
    if (heard is not None and on <= heard) or (ahead and _listed(one, rung, hearer, on, dates)):
        return
    if ahead and one.granted_on is not None and on < one.granted_on:
        return
    told_on = dates.told_on(on, ahead)
    if weekday is not None and rung.delivery is Delivery.DIGEST:
        if rung.offset.repeats:
            told_on = dates.on_weekday(on, weekday)
        elif one.happened and (one.state in _VERDICTS or one.state is State.WITHDRAWN):
            later = dates.sending.after(told_on, 2)
            told_on = later if one.state is State.MISSED else max(dates.within_a_week(told_on), later)
        elif ahead and ((one.due_on - on).days >= EARLY or one.state is State.ADVISED):
            told_on = min(dates.on_weekday(on, weekday), dates.within_a_week(on))
    yield rung.offset.words(), on, max(told_on, one.late_from + DAY) if after else told_on


def _base(one: ExpectedState, rung: RungForm) -> date:
    """The day that a rung counts from; what became known on the day of a month's list stands in the next one."""
    base = one.late_from if rung.offset.side is Side.AFTER else one.due_on
    return base + DAY if one.happened and rung.delivery is Delivery.MONTHLY else base


def _listed(one: ExpectedState, rung: RungForm, hearer: str, on: date, dates: PlainDates) -> bool:
    """Whether a unit's 月初清单 may replace this rung before the due date."""
    if hearer not in one.item.rule.listed:
        return False
    of_duty = one.item.period and one.item.rule.kind.plain and rung.delivery is Delivery.DIGEST
    return (one.due_on - on).days in (REPLACED_OF_DUTIES if of_duty else REPLACED) or on == dates.first_sending_day(
        one.due_on.replace(day=1)
    )


def _return(
    one: ExpectedState, hearer: str, roles: set[Role], books: Books, now: datetime
) -> list[tuple[str, date, date]]:
    """The rung of a returned item: told once to those who must act, unless they were told anything about the item since."""
    at = one.returned
    if at is None or at > now or not roles & {Role.LEAD, Role.PROVIDER}:
        return []
    heard = books.memory.latest(one.item.id, hearer)
    on = day_of(at)
    return [] if heard is not None and heard.at >= at else [(RETURNED, on, on)]


@lru_cache(maxsize=4096)
def _hearers(rule: Rule, led: bool, soft: bool) -> Mapping[str, set[Role]]:
    """All addressees of a rule with their roles, collected by the roles that the ladder names."""
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
    """Everything whose change explains a late telling, so that it is not taken for a lost one."""
    facts, item = books.facts, one.item
    silences = [facts.item_silences.get(name) for name in (item.id, without_step(item.id), item.rule.id)]
    said = facts.marks.get(item.id), facts.extensions.get(item.id), facts.marks.get(item.parent or "")
    evaluated = () if item.rule.kind.plain else (one.state, facts.observations, facts.cases)
    return (books.rulebook, one.due_on, one.late_from, one.led, *said, *silences, *evaluated)


def asked(one: ExpectedState, on: date, hearer: str, dates: PlainDates) -> bool:
    """Whether any rung for this addressee, with the lead confirmed or not, has this nominal date."""
    rule = one.item.rule
    roles = {role for led in (True, False) for role in _hearers(rule, led, False).get(name_of(hearer), ())}
    for rung in rule.ladder.rungs:
        if roles & set(rung.roles) and dates.first_unheard(rung, _base(one, rung), on - timedelta(days=1)) == on:
            return True
    return False
