"""自查 self-audit: compares what should have been told by now, computed a second time, with the tellings and their receipts.

How much is computed independently of the service's code:

- **Everything** for kinds that are `plain` (节点 with their steps, 周期, 报送): state, extension, 办结 and 销号, addressees and their
  roles, the date of every rung, and the day it is told (`owed.py`, `owed_dates.py`).
- **In part** for numbers, cases, bans and the office's own findings (交办 and the admin's list): state and anchor come from the
  last evaluation; whether the rungs were told is computed as above.
- **Nothing** for recoveries, and for rungs that a 月初清单 replaces.

A rung that is due and not told becomes a gap only once it could have been told: a digest of its chat was composed after an audit
had seen the rung due, or today's digest is missing after `GRACE` of office hours. A silence, 待核, a pause, or an older message of
the chat that must wait (the robot's rate limit, a platform that is down) does not count. The waiting starts again after a
restart, and whenever the rung's grounds change (an edit, an event, another chat, a clock set back). So a lost telling is
reported after one sending day at the latest, and a rung that an edit dates back is not reported.

Every telling on record must have an entry that is not cancelled, and every entry its tellings on record; archived entries are checked
by `duban verify`. An entry that contradicts itself (`contradictions.py`) is a gap. An entry that
is due and has not been sent for `STUCK`, or that is not delivered after `LONGEST`, is a gap for any reason. So is a telling that
was promised and cancelled `IN_VAIN` times while rules, facts and chats stayed as they were: deciding and sending disagree.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property, lru_cache

from bot.core.audit.contradictions import contradictions
from bot.core.audit.owed import RETURNED, Books, ExpectedState, Owed, asked, expected_states, owed, quiet_until
from bot.core.audit.owed_dates import PlainDates
from bot.core.deciding.addressees import ADMIN, name_of
from bot.core.deciding.memory import Tellings
from bot.core.rules.item import State
from bot.core.rules.item_ids import without_step
from bot.core.rules.ladder import MONTH_LIST
from bot.core.telling.entry import Entry, EntryState, Telling
from bot.core.time.windows import is_open, slot
from bot.core.time.workdays import Calendar
from bot.core.time.zone import ZONE, day_of

#: How long office hours must have been open before an untold rung is a gap.
GRACE = timedelta(minutes=15)
#: After this time a due message that is not being sent is a gap; two audits must have seen it unchanged.
STUCK = timedelta(hours=1)
#: After this time an undelivered message is a gap; not for chats without a robot, where no delivery is expected.
LONGEST = timedelta(days=14)
#: `LONGEST` is checked only this long after the process's first audit: after an outage, old messages are sent first.
SETTLED = timedelta(days=1)

#: After being promised and cancelled this often, with nothing changed in between, a telling is a gap.
IN_VAIN = 2

#: Labels of tellings that no ladder contains.
_UNLISTED = (RETURNED, MONTH_LIST, "补报", "恢复", "已登记")
#: What is said of an entry that was merged (`Store.merge`).
_INTO = re.compile(r"并入(\d{4}-\d+)")
_NEVER = datetime.min.replace(tzinfo=ZONE)
_WAITING = (EntryState.PENDING, EntryState.LATER)


@dataclass(frozen=True, slots=True)
class Gap:
    """One disagreement: an item's rung, who should have been told, since when, and what is on record instead."""

    item: str
    rung: str
    unit: str
    due: datetime
    says: str

    def __str__(self) -> str:
        return f"{without_step(self.item)} {self.unit} {self.rung}（应于{self.due:%Y-%m-%d %H:%M}）：{self.says}"


@dataclass(frozen=True, slots=True)
class Report:
    """What an audit found at `at`. `unasked` is less serious: tellings that the rules of that time do not ask for."""

    at: datetime
    gaps: tuple[Gap, ...] = ()
    unasked: tuple[Gap, ...] = ()

    @property
    def agrees(self) -> bool:
        """Whether nothing is missing."""
        return not self.gaps


@dataclass(slots=True)
class _Seen:
    """The first audit (its time and running number) that saw a rung due, and the rung's grounds at that time."""

    since: datetime
    audit: int
    grounds: tuple[object, ...]
    missed: bool = False
    lacked: datetime | None = None  # the first audit that found today's digest missing


@dataclass(frozen=True, slots=True)
class _Quiet:
    """Cached: with this state and this version of its tellings, nothing is due for an item from `day` until `until`."""

    verdict: ExpectedState
    version: int
    day: date
    until: date


@dataclass(slots=True)
class _Vain:
    """What was cancelled while these grounds held: each telling with when it was promised last, and how often."""

    grounds: tuple[object, ...]
    counted: set[str]
    found: dict[tuple[object, ...], tuple[Telling, datetime, int]] = field(default_factory=dict)

    def count(self, entry: Entry) -> None:
        """Counts a cancelled entry. What was merged goes on in another one; what the admin is told of robots comes and goes."""
        self.counted.add(entry.number)
        for one in entry.tellings if not _INTO.fullmatch(entry.why) else ():
            key = (one.item, one.addressee, one.rung, one.rung_on)
            if one.state != State.NOTED:
                self.found[key] = one, entry.at, self.found.get(key, (one, entry.at, 0))[2] + 1


class SelfAudit:
    """Successive audits: a rung that one audit saw due, the next may report as a gap. Its state need not outlast a restart."""

    def __init__(self) -> None:
        self._dates: PlainDates | None = None
        # The last result of `_owed`, after the grounds it was computed from; likewise `_unkept` for `_without_receipt`.
        self._owing: tuple[tuple[object, ...], dict[str, ExpectedState], list[Owed]] | None = None
        self._quiet: dict[str, _Quiet] = {}
        self._entries: list[Entry] = []
        self._unkept: tuple[tuple[object, ...], list[Gap]] | None = None
        self._seen: dict[tuple[object, ...], _Seen] = {}
        self._heads: dict[str, tuple[Entry, datetime]] = {}
        self._noticed: dict[str, int] = {}  # entry → running number of the audit that saw it first
        self._count = 0
        self._old: set[str] = set()
        self._vain: _Vain | None = None
        self._first: datetime | None = None
        self._last: datetime | None = None

    def audit(self, books: Books, now: datetime) -> Report:
        """Runs one audit at `now` (aware). Call it right after a pass, at least once on every sending day."""
        now = now.astimezone(ZONE)
        if self._last is not None and now < self._last:  # the clock was set back: earlier observations are void
            self._seen, self._heads, self._first, self._vain = {}, {}, now, None
        since, self._last = self._last, now
        self._first = self._first or now
        today = now.date()
        if self._dates is None or self._dates.calendar != books.rulebook.calendar:
            self._dates = _dates(books.rulebook.calendar, today.year)
        entries, self._count = self._noted(books), self._count + 1
        known, waiting = self._owed(books, self._dates, now)
        gaps = [
            *self._missed(waiting, _Chats(books, entries, self._noticed, now), books, now),
            *self._without_receipt(books, entries),
            *self._held_up(books, entries, now),
            *self._promised_in_vain(books, entries),
        ]
        return Report(now, tuple(gaps), tuple(_unasked(books, self._dates, known, entries, since)))

    # --- cached: computed again only when its grounds changed -------------------

    def _noted(self, books: Books) -> list[Entry]:
        """The entries as a list; for new ones, notes the number of the audit that is running."""
        entries = list(books.entries)
        if entries != self._entries:
            noticed = self._noticed
            self._noticed = {entry.number: noticed.get(entry.number, self._count + 1) for entry in entries}
            self._entries = entries
        return self._entries

    def _owed(self, books: Books, dates: PlainDates, now: datetime) -> tuple[dict[str, ExpectedState], list[Owed]]:
        """The expected state of every item, and the rungs that are due.

        Within a day the result does not depend on the time, except for returns dated in the future (the sender's clock was
        ahead): with one of these the result is not cached.
        """
        memory, today = books.memory, now.date()
        grounds = (
            books.rulebook,
            books.facts,
            books.findings,
            dates,
            memory,
            memory.version,
            today,
            memory.hearings.version,
        )
        if self._owing is None or not _same(self._owing[0], grounds):
            if self._owing is None or not _same(self._owing[0][:1] + self._owing[0][3:5], (grounds[0], dates, memory)):
                self._quiet = {}
            known = {one.item.id: one for one in expected_states(books, dates, today)}
            waiting = [rung for one in known.values() for rung in self._owed_of(one, books, dates, now)]
            if any(one.returned and one.returned > now for one in known.values()):
                return known, waiting
            self._owing = grounds, known, waiting
        return self._owing[1:]

    def _owed_of(self, one: ExpectedState, books: Books, dates: PlainDates, now: datetime) -> list[Owed]:
        """The due rungs of one item; empty without a computation while its cached quiet period is valid."""
        today, version = now.date(), books.memory.changed(one.item.id)
        quiet = self._quiet.get(one.item.id)
        if quiet is not None and quiet.day <= today < quiet.until and quiet.version == version and quiet.verdict == one:
            return []
        found = list(owed(one, books, dates, now))
        until = today if found or one.returned else quiet_until(one, books, dates, today)
        self._quiet[one.item.id] = _Quiet(one, version, today, until)
        return found

    def _without_receipt(self, books: Books, entries: list[Entry]) -> list[Gap]:
        memory = books.memory
        grounds = (entries, memory, memory.version, books.facts.names, books.unarchived)
        if self._unkept is None or not _same(self._unkept[0], grounds):
            self._unkept = grounds, [*_without_receipt(books, entries), *_contradictions(books, entries)]
        return self._unkept[1]

    # --- owed and not told ----------------------------------------------------

    def _missed(self, waiting: Iterable[Owed], chats: _Chats, books: Books, now: datetime) -> Iterator[Gap]:
        """Gaps for due rungs that could have been told; the other due rungs are kept for the next audit."""
        still: dict[tuple[object, ...], _Seen] = {}
        for one in waiting:
            chat = books.directory.chats.get(one.hearer, ADMIN)
            if _silenced(one, chat, books, now) or (one.known and now - one.known[0] < books.hours.entry_pause):
                continue
            silences = books.facts.chat_silences
            grounds = (*one.grounds, chat, silences.get(chat), silences.get(name_of(one.hearer)))
            seen = self._seen.get(one.key)
            if seen is None or seen.grounds != grounds:
                seen = _Seen(now, self._count, grounds)
            still[one.key] = seen
            seen.missed = seen.missed or chats.had_occasion(chat, seen)
            if seen.missed:
                yield Gap(one.item, one.rung, one.hearer, slot(chat, one.told_on, books.hours), _on_record(one, books))
        self._seen = still

    # --- waiting too long -------------------------------------------

    def _held_up(self, books: Books, entries: Iterable[Entry], now: datetime) -> Iterator[Gap]:
        """Gaps for messages that are stuck (`STUCK`) or undelivered too long (`LONGEST`), one for each entry."""
        waiting = [one for one in entries if one.state.open and one.chat in books.spoken]
        heads = _heads(waiting, now)
        self._heads = {
            chat: kept if (kept := self._heads.get(chat)) and kept[0] == head else (head, now)
            for chat, head in heads.items()
        }
        stuck = {head.number for head, seen in self._heads.values() if now - seen >= STUCK}  # unchanged since `seen`
        old = (one for one in waiting if now - _promised(one, books) > LONGEST)
        self._old = {one.number for one in old if one.number in self._old or self._had_its_day(one, books, now)}
        for one in waiting:
            if one.number in stuck | self._old:
                telling, says = one.tellings[0], "到了时间没有发出" if one.number in stuck else "一直没有送达"
                yield Gap(
                    telling.item, telling.rung, telling.addressee, one.at.astimezone(ZONE), f"{one.number} {says}"
                )

    # --- promised and cancelled again and again -----------------------

    def _promised_in_vain(self, books: Books, entries: Iterable[Entry]) -> Iterator[Gap]:
        """Gaps for tellings that were cancelled several times since rules, facts or chats changed last."""
        grounds = (books.rulebook, books.facts, books.directory)
        gone = {one.number: one for one in entries if one.state is EntryState.CANCELLED}
        if self._vain is None or not _same(self._vain.grounds, grounds):
            self._vain = _Vain(grounds, set(gone))
        for number in gone.keys() - self._vain.counted:
            self._vain.count(gone[number])
        for telling, at, times in self._vain.found.values():
            if times >= IN_VAIN:
                says = f"{times}次列入待发又取消，其间规则、数据和群聊都没有变"
                yield Gap(telling.item, telling.rung, telling.addressee, at.astimezone(ZONE), says)

    def _had_its_day(self, entry: Entry, books: Books, now: datetime) -> bool:
        """Whether the service has run for `SETTLED`, and would have sent the entry by this time of the day."""
        return self._first is not None and now - self._first >= SETTLED and _could_speak(entry.chat, books, now)


class _Chats:
    """Answers for each chat whether a due rung could have been told."""

    def __init__(self, books: Books, entries: Iterable[Entry], noticed: Mapping[str, int], now: datetime) -> None:
        self._now, self._books = now, books
        self._entries, self._noticed = entries, noticed
        self._last: dict[str, int] = {}  # chat → number of the audit that first saw the chat's last digest
        self._used: set[str] = set()  # chats whose slot of today is used (also by a delayed message)

    @cached_property
    def _asked(self) -> bool:
        """Reads all entries once, on first use."""
        for entry in (one for one in self._entries if one.slot):
            self._note(entry, self._noticed[entry.number])
        return True

    def _note(self, entry: Entry, audit: int) -> None:
        if _composed(entry, self._books.memory):
            self._last[entry.chat] = max(audit, self._last.get(entry.chat, 0))
        counted = entry.delivered_at or max(entry.at, entry.next_attempt_at)
        if entry.state is not EntryState.CANCELLED and day_of(counted) == self._now.date():
            self._used.add(entry.chat)

    def had_occasion(self, chat: str, seen: _Seen) -> bool:
        """Whether a digest of the chat was composed after an audit saw the rung due, or today's should have been."""
        if self._asked and self._last.get(chat, 0) > seen.audit:
            return True
        if chat in self._used or self._now - seen.since < GRACE or not _could_speak(chat, self._books, self._now):
            return False
        seen.lacked = seen.lacked or self._now  # a clock that was set, or a machine that slept, tells at the next pass
        return self._now - seen.lacked >= GRACE


def _could_speak(chat: str, books: Books, now: datetime) -> bool:
    """Whether office hours have been open for `GRACE`, and the chat's slot of today was at least `GRACE` ago."""
    hours, calendar = books.hours, books.rulebook.calendar
    open_for_a_while = is_open(now, hours, calendar) and is_open(now - GRACE, hours, calendar)
    return open_for_a_while and slot(chat, now.date(), hours) + GRACE <= now


def _composed(entry: Entry, memory: Tellings) -> bool:
    """Whether an entry was composed from decisions, and not made by merging or splitting other entries."""
    told = (memory.last(telling.item, telling.due_on, telling.addressee) for telling in entry.tellings)
    return any(one is not None and one.number == entry.number for one in told)


def _silenced(one: Owed, chat: str, books: Books, now: datetime) -> bool:
    facts = books.facts
    items, chats = facts.item_silences, facts.chat_silences
    said = items.get(one.item), items.get(without_step(one.item)), items.get(one.rule)
    silences = (*said, chats.get(chat), chats.get(name_of(one.hearer)))
    return any(silence is not None and now < silence.until for silence in silences)


def _on_record(one: Owed, books: Books) -> str:
    last = books.memory.last(one.item, one.due_on, one.hearer)
    return f"只告知到“{last.rung}”（{last.number}）" if last else "没有告知过"


@lru_cache(maxsize=4)
def _dates(calendar: Calendar, year: int) -> PlainDates:
    """Shared between audits: the lists of days only grow."""
    return PlainDates(calendar, date(year, 1, 1))


def _same(before: tuple[object, ...], grounds: tuple[object, ...]) -> bool:
    """Whether all grounds are the same objects; numbers and dates need only be equal."""
    return all(
        one is other or (isinstance(other, int | date) and one == other)
        for one, other in zip(before, grounds, strict=True)
    )


# --- receipts ---------------------------------------------------------------------------


def _without_receipt(books: Books, entries: Sequence[Entry]) -> Iterator[Gap]:
    """Gaps for tellings on record without an entry: neither their own, nor the one it was merged into, nor a later one."""
    names = books.facts.names
    by_number = {entry.number: entry for entry in entries}
    carried: dict[tuple[str, str], tuple[datetime, date]] = {}
    for entry in entries:
        if entry.state is not EntryState.CANCELLED:
            for telling in entry.tellings:
                key = names.item(telling.item), names.hearer(telling.item, telling.addressee)
                before = carried.get(key)
                carried[key] = _later(before, entry.at, telling.rung_on) if before else (entry.at, telling.rung_on)
    for told in books.memory.since(books.unarchived):
        at, on = carried.get((told.item, told.addressee), (_NEVER, date.min))
        if at >= told.at or on >= told.rung_on or names.gone(told.addressee) or _merged(told.number, by_number):
            continue
        says = f"记为已告知（{told.number}），但没有送达凭证，也不在待发箱"
        yield Gap(told.item, told.rung, told.addressee, told.at.astimezone(ZONE), says)


def _contradictions(books: Books, entries: Sequence[Entry]) -> Iterator[Gap]:
    for entry, telling, says in contradictions(
        entries, books.memory, books.facts.names, books.unarchived, books.numbers
    ):
        yield Gap(telling.item, telling.rung, telling.addressee, entry.at.astimezone(ZONE), says)


def _later(before: tuple[datetime, date], at: datetime, on: date) -> tuple[datetime, date]:
    return max(before[0], at), max(before[1], on)


def _merged(number: str, entries: Mapping[str, Entry]) -> bool:
    """Whether the entry was merged, perhaps in several steps, into another one that exists."""
    entry, into = entries.get(number), None
    while entry is not None and (into := _INTO.fullmatch(entry.why)):
        entry = entries.get(into[1])
    return entry is not None and into is None and entry.number != number


def _heads(waiting: Iterable[Entry], now: datetime) -> dict[str, Entry]:
    """The entry of each chat that is being sent, or should be: the oldest one waiting, if it is due."""
    found: dict[str, Entry] = {}
    for one in waiting:
        if one.state is EntryState.SENDING or one.state in _WAITING:
            before = found.get(one.chat, one)
            found[one.chat] = min(
                before, one, key=lambda entry: (entry.yields, entry.at, len(entry.number), entry.number)
            )
    return {chat: one for chat, one in found.items() if one.state is EntryState.SENDING or one.next_attempt_at <= now}


def _promised(entry: Entry, books: Books) -> datetime:
    """Since when the oldest telling of an entry waits, merged entries included."""
    told = (books.memory.last(telling.item, telling.due_on, telling.addressee) for telling in entry.tellings)
    return min((one.at for one in told if one), default=entry.at)


# --- told although not asked for ---------------------------------------------------------------


def _unasked(
    books: Books,
    dates: PlainDates,
    known: Mapping[str, ExpectedState],
    entries: Iterable[Entry],
    since: datetime | None,
) -> Iterator[Gap]:
    """Tellings of dated items, decided since the last audit under today's rules, whose nominal date no rung has."""
    for entry in entries:
        if since is None or entry.at < since or entry.rules != books.rulebook.digest:
            continue
        for telling in entry.tellings:
            one = known.get(telling.item)
            if one is None or not one.item.rule.kind.plain or telling.due_on != one.told_for:
                continue
            if telling.rung not in _UNLISTED and not asked(one, telling.rung_on, telling.addressee, dates):
                yield Gap(
                    telling.item,
                    telling.rung,
                    telling.addressee,
                    entry.at.astimezone(ZONE),
                    f"{entry.number} 规则没有要求",
                )
