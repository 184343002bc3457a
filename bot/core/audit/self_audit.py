"""自查 self-audit: what should have been told by now, worked out a second time, against what was told and its receipts.

What is worked out anew, and how far:

- **From the rules' words alone** (`PLAIN`: 节点 with their steps, 周期, 报送): state, extension, 办结 and 销号, who hears in
  which role, the date of every rung, the day it is told on (`plainrungs.py`, `plaindates.py`); by other code than the service's.
- **Weaker**: expected_states about numbers, cases, bans and what the office says itself (交办 and the admin's list). ExpectedState and
  anchor are the last evaluation's; whether its rungs were told is worked out as above.
- **Not at all**: that somebody hears of a recovery, of a verdict corrected within the day, and the rungs that a 月初清单 stands for.

A rung that is owed and not told is on its way, and no gap, until its chat had an occasion: a digest was composed after an audit
had already seen the rung owed, or today's never was although `GRACE` of office hours has passed. Silence, 待核, a pause, a chat
behind a message that must wait (a robot's pace, a platform that is down) are no occasions. Whatever changes the grounds (an
edit, an event, another chat, a clock set back) begins the waiting anew; so does a restart. So a loss shows after one sending
day at the latest, and what an edit dates back is never one.

What counts as told must have a receipt or a message behind it: an entry that is not cancelled. What the archive took is left to
`duban verify`. An entry that nobody takes for `STUCK`, or that is not out after `LONGEST`, is a gap whatever its excuse.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property, lru_cache

from bot.core.audit.owed import PLAIN, RETURNED, Books, ExpectedState, Owed, asked, expected_states, owed, quiet_until
from bot.core.audit.owed_dates import PlainDates
from bot.core.deciding.addressees import ADMIN
from bot.core.deciding.memory import Tellings
from bot.core.rules.ladder import MONTH_LIST
from bot.core.telling.entry import Entry, EntryState
from bot.core.time.windows import is_open, slot
from bot.core.time.workdays import Calendar
from bot.core.time.zone import ZONE, day_of

#: Of office hours, before what nobody was told counts as missed.
GRACE = timedelta(minutes=15)
#: After which a message that is due and that nobody takes in hand is a gap; two audits must have seen it so.
STUCK = timedelta(hours=1)
#: After which a message that is not out is a gap; no robot at all is no gap, for then nobody expects one.
LONGEST = timedelta(days=14)
#: Since the first audit of this process, before `LONGEST` is asked about: a machine that was off begins by sending.
SETTLED = timedelta(days=1)

#: Tellings that no ladder lists.
_UNLISTED = (RETURNED, MONTH_LIST, "恢复")
#: What is said of an entry that was merged (`Store.merge`).
_INTO = re.compile(r"并入(\d{4}-\d+)")
_NEVER = datetime.min.replace(tzinfo=ZONE)
_WAITING = (EntryState.PENDING, EntryState.LATER)


@dataclass(frozen=True, slots=True)
class Gap:
    """One disagreement: an item's rung, who should have heard it, since when, and what is on record instead."""

    item: str
    rung: str
    unit: str
    due: datetime
    says: str

    def __str__(self) -> str:
        return f"{self.item} {self.unit} {self.rung}（应于{self.due:%Y-%m-%d %H:%M}）：{self.says}"


@dataclass(frozen=True, slots=True)
class Report:
    """What an audit found at `at`. `unasked` is softer: told, though nothing in the rules of that time asks for it."""

    at: datetime
    gaps: tuple[Gap, ...] = ()
    unasked: tuple[Gap, ...] = ()

    @property
    def agrees(self) -> bool:
        """Whether nothing is missing."""
        return not self.gaps


@dataclass(slots=True)
class _Seen:
    """When, and by its number in a row, an audit first saw something owed, and on what grounds."""

    since: datetime
    audit: int
    grounds: tuple[object, ...]
    missed: bool = False


@dataclass(frozen=True, slots=True)
class _Quiet:
    """Of an item that stands like this, with its tellings in this version, nothing is owed from `day` until `until`."""

    verdict: ExpectedState
    version: int
    day: date
    until: date


class SelfAudit:
    """Audits in a row; what one saw owed the next may find missed. Pure: it keeps nothing that a restart would need."""

    def __init__(self) -> None:
        self._dates: PlainDates | None = None
        self._owing: tuple[tuple[object, ...], dict[str, ExpectedState], list[Owed]] | None = (
            None  # and what it rests on
        )
        self._quiet: dict[str, _Quiet] = {}
        self._entries: list[Entry] = []
        self._unkept: tuple[tuple[object, ...], list[Gap]] | None = None  # likewise
        self._seen: dict[tuple[object, ...], _Seen] = {}
        self._heads: dict[str, tuple[Entry, datetime]] = {}
        self._noticed: dict[str, int] = {}  # entry → the audit, by its number in a row, that saw it first
        self._count = 0
        self._old: set[str] = set()
        self._first: datetime | None = None
        self._last: datetime | None = None

    def audit(self, books: Books, now: datetime) -> Report:
        """Compares; `now` is aware. To be asked right after a pass, at least once in every chat's sending day."""
        now = now.astimezone(ZONE)
        if self._last is not None and now < self._last:  # the clock was set back: nothing seen before means anything
            self._seen, self._heads, self._first = {}, {}, now
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
        ]
        return Report(now, tuple(gaps), tuple(_unasked(books, self._dates, known, entries, since)))

    # --- worked out again only when what it rests on is another -------------------

    def _noted(self, books: Books) -> list[Entry]:
        """The entries; those that are here for the first time are noticed by the audit that is under way."""
        entries = list(books.entries)
        if entries != self._entries:
            noticed = self._noticed
            self._noticed = {entry.number: noticed.get(entry.number, self._count + 1) for entry in entries}
            self._entries = entries
        return self._entries

    def _owed(self, books: Books, dates: PlainDates, now: datetime) -> tuple[dict[str, ExpectedState], list[Owed]]:
        """How everything stands and what is owed; the hour matters only to what comes back from a clock ahead of ours."""
        memory, today = books.memory, now.date()
        grounds = (books.rulebook, books.facts, books.findings, dates, memory, memory.version, today)
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
        """Nothing until the day on which the first rung comes, if all is as it was when that day was worked out."""
        today, version = now.date(), books.memory.changed(one.item.id)
        quiet = self._quiet.get(one.item.id)
        if quiet is not None and quiet.day <= today < quiet.until and quiet.version == version and quiet.verdict == one:
            return []
        found = list(owed(one, books, dates, now))
        until = today if found or one.returned else quiet_until(one, books.memory, dates, today)
        self._quiet[one.item.id] = _Quiet(one, version, today, until)
        return found

    def _without_receipt(self, books: Books, entries: list[Entry]) -> list[Gap]:
        memory = books.memory
        grounds = (entries, memory, memory.version, books.facts.names, books.unarchived)
        if self._unkept is None or not _same(self._unkept[0], grounds):
            self._unkept = grounds, list(_without_receipt(books, entries))
        return self._unkept[1]

    # --- owed and not told ----------------------------------------------------

    def _missed(self, waiting: Iterable[Owed], chats: _Chats, books: Books, now: datetime) -> Iterator[Gap]:
        """What had its occasion; everything else that is owed is remembered for the next audit."""
        still: dict[tuple[object, ...], _Seen] = {}
        for one in waiting:
            chat = books.directory.chats.get(one.hearer, ADMIN)
            if _silenced(one, chat, books, now):
                continue
            grounds = (*one.grounds, chat, books.facts.chat_silences.get(chat))
            seen = self._seen.get(one.key)
            if seen is None or seen.grounds != grounds:
                seen = _Seen(now, self._count, grounds)
            still[one.key] = seen
            seen.missed = seen.missed or chats.had_occasion(chat, seen)
            if seen.missed:
                yield Gap(one.item, one.rung, one.hearer, slot(chat, one.told_on, books.hours), _on_record(one, books))
        self._seen = still

    # --- on its way, but for how long -------------------------------------------

    def _held_up(self, books: Books, entries: Iterable[Entry], now: datetime) -> Iterator[Gap]:
        """Messages that nobody takes in hand, and those that are not out after weeks; one line each, under its number."""
        waiting = [one for one in entries if one.state.open and one.chat in books.spoken]
        heads = _heads(waiting, now)
        self._heads = {
            chat: kept if (kept := self._heads.get(chat)) and kept[0] == head else (head, now)
            for chat, head in heads.items()
        }
        stuck = {head.number for head, seen in self._heads.values() if now - seen >= STUCK}  # unchanged for as long
        old = (one for one in waiting if now - _promised(one, books) > LONGEST)
        self._old = {one.number for one in old if one.number in self._old or self._had_its_day(one, books, now)}
        for one in waiting:
            if one.number in stuck | self._old:
                telling, says = one.tellings[0], "到了时间没有发出" if one.number in stuck else "一直没有送达"
                yield Gap(
                    telling.item, telling.rung, telling.addressee, one.at.astimezone(ZONE), f"{one.number} {says}"
                )

    def _had_its_day(self, entry: Entry, books: Books, now: datetime) -> bool:
        """Whether the service has been up for a while and this is an hour at which it would have sent it."""
        return self._first is not None and now - self._first >= SETTLED and _could_speak(entry.chat, books, now)


class _Chats:
    """Whether somebody who waits for a chat's digest had an occasion to be told."""

    def __init__(self, books: Books, entries: Iterable[Entry], noticed: Mapping[str, int], now: datetime) -> None:
        self._now, self._books = now, books
        self._entries, self._noticed = entries, noticed
        self._last: dict[str, int] = {}  # chat → the first audit that saw its last digest
        self._used: set[str] = set()  # chats whose slot of today is taken, perhaps by what waited from an earlier day

    @cached_property
    def _asked(self) -> bool:
        """Looks at all entries, once somebody asks."""
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
        """Whether a digest of the chat was composed since an audit saw it owed, or today's should have been."""
        if self._asked and self._last.get(chat, 0) > seen.audit:
            return True
        if chat in self._used or self._now - seen.since < GRACE:
            return False
        return _could_speak(chat, self._books, self._now)


def _could_speak(chat: str, books: Books, now: datetime) -> bool:
    """Whether office hours have gone on for `GRACE`, and today's slot of the chat has been as long ago."""
    hours, calendar = books.hours, books.rulebook.calendar
    open_for_a_while = is_open(now, hours, calendar) and is_open(now - GRACE, hours, calendar)
    return open_for_a_while and slot(chat, now.date(), hours) + GRACE <= now


def _composed(entry: Entry, memory: Tellings) -> bool:
    """Whether an entry was made by a decision, rather than out of other entries."""
    told = (memory.last(telling.item, telling.due_on, telling.addressee) for telling in entry.tellings)
    return any(one is not None and one.number == entry.number for one in told)


def _silenced(one: Owed, chat: str, books: Books, now: datetime) -> bool:
    facts = books.facts
    items, chats = facts.item_silences, facts.chat_silences
    silences = items.get(one.item), items.get(one.rule), chats.get(chat)
    return any(silence is not None and now < silence.until for silence in silences)


def _on_record(one: Owed, books: Books) -> str:
    last = books.memory.last(one.item, one.due_on, one.hearer)
    return f"只告知到“{last.rung}”（{last.number}）" if last else "没有告知过"


@lru_cache(maxsize=4)
def _dates(calendar: Calendar, year: int) -> PlainDates:
    """Worked out once: the lists of days only ever grow."""
    return PlainDates(calendar, date(year, 1, 1))


def _same(before: tuple[object, ...], grounds: tuple[object, ...]) -> bool:
    """The very same values; of what is counted or dated, equal ones."""
    return all(
        one is other or (isinstance(other, int | date) and one == other)
        for one, other in zip(before, grounds, strict=True)
    )


# --- receipts ---------------------------------------------------------------------------


def _without_receipt(books: Books, entries: Sequence[Entry]) -> Iterator[Gap]:
    """Tellings on record that no message carries: neither the one they were put in, nor what it was merged into, nor a later one."""
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


def _later(before: tuple[datetime, date], at: datetime, on: date) -> tuple[datetime, date]:
    return max(before[0], at), max(before[1], on)


def _merged(number: str, entries: Mapping[str, Entry]) -> bool:
    """Whether an entry went into another that is there: a deeper rung spoke for its lines, which then may be owed again."""
    entry, into = entries.get(number), None
    while entry is not None and (into := _INTO.fullmatch(entry.why)):
        entry = entries.get(into[1])
    return entry is not None and into is None and entry.number != number


def _heads(waiting: Iterable[Entry], now: datetime) -> dict[str, Entry]:
    """By chat what is, or should be, in hand right now: being sent, or the oldest that goes by itself once it is due."""
    found: dict[str, Entry] = {}
    for one in waiting:
        if one.state is EntryState.SENDING or one.state in _WAITING:
            before = found.get(one.chat, one)
            found[one.chat] = min(before, one, key=lambda entry: (entry.at, len(entry.number), entry.number))
    return {chat: one for chat, one in found.items() if one.state is EntryState.SENDING or one.next_attempt_at <= now}


def _promised(entry: Entry, books: Books) -> datetime:
    """Since when the oldest line of an entry waits, whatever it was merged into since."""
    told = (books.memory.last(telling.item, telling.due_on, telling.addressee) for telling in entry.tellings)
    return min((one.at for one in told if one), default=entry.at)


# --- told without being asked ---------------------------------------------------------------


def _unasked(
    books: Books,
    dates: PlainDates,
    known: Mapping[str, ExpectedState],
    entries: Iterable[Entry],
    since: datetime | None,
) -> Iterator[Gap]:
    """Of what was decided since the last audit under today's rules: dated items told on a day that no rung of theirs has."""
    for entry in entries:
        if since is None or entry.at < since or entry.rules != books.rulebook.digest:
            continue
        for telling in entry.tellings:
            one = known.get(telling.item)
            if one is None or one.item.rule.kind.name not in PLAIN or telling.due_on != one.due_on:
                continue
            if telling.rung not in _UNLISTED and not asked(one, telling.rung_on, telling.addressee, dates):
                yield Gap(
                    telling.item,
                    telling.rung,
                    telling.addressee,
                    entry.at.astimezone(ZONE),
                    f"{entry.number} 规则没有要求",
                )
