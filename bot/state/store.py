"""The store: the bot's durable data, and indexes over it in memory. One unit of work is one journal record.

Tables: events (append-only), told, heard, outbox, robots, meta. Indexes are rebuilt from the tables at the start and after a
rollback, so they always agree with the disk. Settled entries and past tellings move to the archive (`sweep`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Collection, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import date, datetime, timedelta
from types import TracebackType
from typing import Any, NamedTuple

from pydantic import TypeAdapter
from pydantic_core import SchemaSerializer

from bot.core.deciding.addressees import Directory
from bot.core.deciding.desk import Used
from bot.core.deciding.hearing import AskedAnew, Hearing, Hearings, Withdrawn, is_of
from bot.core.deciding.memory import Moves, PastTelling, Tellings, moved_again, superseded, today
from bot.core.deciding.office import Trouble
from bot.core.facts.events import Event
from bot.core.facts.facts import Facts, fold
from bot.core.rules.rulebook import Rule
from bot.core.rules.succession import ASSIGNED, Succession
from bot.core.telling.digest import SINGLE, Draft
from bot.core.telling.doubt import Doubts, doubted, left_unsaid, perhaps_in, said_anew
from bot.core.telling.entry import Entry, EntryState, Telling, hearings_of, past_telling
from bot.core.telling.outbox import (
    cancelled,
    given_up,
    merged,
    numbered,
    of_today,
    perhaps_seen,
    promised,
    readdressed,
    redated,
    said_together,
    taking_over,
)
from bot.core.telling.retries import RESENDS
from bot.core.time.zone import ZONE, day_of, midnight
from bot.state.archive import Archive, Seal
from bot.state.disk.collector import undisturbed
from bot.state.disk.database import Database
from bot.state.disk.errors import NotStorable, StateError
from bot.state.migrations import SCHEMA, migrate
from bot.state.robot_state import RobotState, RobotStates
from bot.state.shelf import Shelf, counted_day

TOLD: TypeAdapter[PastTelling] = TypeAdapter(PastTelling)
HEARD: TypeAdapter[Hearing] = TypeAdapter(Hearing)
GONE: TypeAdapter[Withdrawn] = TypeAdapter(Withdrawn)
ANEW: TypeAdapter[dict[str, AskedAnew]] = TypeAdapter(dict[str, AskedAnew])
EPOCH = datetime(1970, 1, 1, tzinfo=ZONE)

A_YEAR = timedelta(days=366)
#: Numbers skipped after restoring a backup: messages sent since it was made may have used them.
GAP = 1000

#: Duties and figures by id: the title of each, and the units that hear of it.
Duties = Mapping[str, tuple[str, tuple[str, ...]]]
_Key = tuple[str, date | None, str, date, str]


class Store:
    """Facts, tellings, outbox and robots over one `Database`."""

    def __init__(self, database: Database, base: Facts | None = None) -> None:
        self.database = database
        self._base = base or Facts()
        self.revision = 0  # units of work since the start
        migrate(database)
        self._told_table, self._outbox = database.table("told"), database.table("outbox")
        self._event_table, self._meta_table = database.table("events"), database.table("meta")
        self._robot_table, self._heard_table = database.table("robots"), database.table("heard")
        self.reload()

    def reload(self) -> None:
        """Builds every index from the tables."""
        with undisturbed():
            self._load_all()

    def _load_all(self) -> None:
        self.events = [Event.model_validate(doc) for doc in self._event_table.all()]
        self._event_keys = {(event.source, event.id) for event in self.events}
        self.facts = fold(self.events, self._base)
        self._meta: dict[str, Any] = {doc["key"]: doc["value"] for doc in self._meta_table.all()}
        self._meta_ids = {doc["key"]: doc.doc_id for doc in self._meta_table.all()}
        self._told: dict[_Key, tuple[PastTelling, int]] = {}
        self._heard_ids: dict[tuple[str, str, bool], int] = {}
        self.tellings = Tellings(names=self.facts.names, hearings=self._hearings()).redated(self._moves())
        for doc_id, text in self._told_table.texts():
            self._remember(TOLD.validate_json(text), doc_id)
        self.shelf = Shelf(self.facts.names)
        for doc_id, text in self._outbox.texts():
            self.shelf.put(Entry.model_validate_json(text), doc_id)
        self.robots, self._robot_ids = RobotStates(), dict[str, int]()
        for doc_id, text in self._robot_table.texts():
            robot = RobotState.model_validate_json(text)
            self.robots[robot.name], self._robot_ids[robot.name] = robot, doc_id

    def _moves(self) -> Moves:
        kept: dict[str, dict[str, str]] = self.meta("moved", {})
        day = date.fromisoformat
        return {item: {day(old): day(new) for old, new in dates.items()} for item, dates in kept.items()}

    def redate(self, fresh: Mapping[str, tuple[date, date]]) -> None:
        """A calendar moved the due dates of these items: what was told under the old date was told under the new one.

        Waiting entries follow, for nothing has changed that somebody decided.
        """
        moves = moved_again(self._moves(), fresh)
        with self.work():
            self.set_meta(
                "moved", {item: {str(old): str(new) for old, new in dates.items()} for item, dates in moves.items()}
            )
            for entry in self.open_entries():
                self.put(redated(entry, fresh))
        self.reload()

    def _hearings(self) -> Hearings:
        since = {rule: datetime.fromisoformat(at) for rule, at in self.meta("in_force", {}).items() if at}
        hearings = Hearings(since=since, names=self.facts.names)
        for doc_id, text in self._heard_table.texts():
            row = hearings.add(HEARD.validate_json(text))
            if row is not None:
                self._heard_ids[row.key] = doc_id
        hearings.take_away(GONE.validate_python(row, strict=False) for row in self.meta("withdrawn", []))
        hearings.ask_anew(ANEW.validate_python(self.meta("asked_anew", {}), strict=False))
        hearings.redate({rule: datetime.fromisoformat(at) for rule, at in self.meta("redated", {}).items()})
        return hearings

    def work(self, *, durable: bool = True) -> AbstractContextManager[None]:
        """A unit of work: all changes inside become durable together, or none does and the indexes are restored.

        If not `durable`, the record is written but not flushed: await `durable()` before relying on it.
        """
        return _Work(self, self.database.work(durable=durable))

    def durable(self) -> Awaitable[None]:
        """Await it: returns when every finished unit of work is on disk; coroutines that wait together share one flush."""
        return self.database.durable()

    def sync(self) -> None:
        """Like `durable`, but blocks for the flush."""
        self.database.sync()

    def follow(self, names: Succession) -> None:
        """Resolves former names of units and items with `names` from now on; nothing on disk changes.

        Positions of steps in old ids are read by the steps that were noted when they were written (`note_steps`).
        """
        noted: dict[str, list[str]] = self.meta("steps", {})
        if noted:
            then = {names.renumbered(rule): tuple(steps) for rule, steps in noted.items()}
            names = replace(names, steps={**names.steps, **then})
        if names != self.facts.names:
            self._base = replace(self._base, names=names)
            self.reload()

    def note_steps(self, names: Succession) -> None:
        """Notes once which step of a case is which by its position, under the rules that a state of before 2026-12 had."""
        with self.work():
            self.set_meta("steps", {rule: list(steps) for rule, steps in names.steps.items()})

    @property
    def recovery_warning(self) -> str:
        """A Chinese sentence about what was cut off on opening; empty if nothing was."""
        return self.database.recovery.warning

    @property
    def compaction_error(self) -> StateError | None:
        """Why the last automatic compaction failed; None if it succeeded. Commits still work, but the journal grows."""
        return self.database.compaction_error

    def close(self) -> None:
        """Closes the database."""
        self.database.close()

    # --- events -----------------------------------------------------------

    def knows(self, event: Event) -> bool:
        """Whether an event with this source and id is stored already: taking in an event twice has no effect."""
        return (event.source, event.id) in self._event_keys

    def keep(self, event: Event) -> None:
        """Appends an event and updates the facts."""
        facts = self.facts.after(event)
        self._event_table.insert(event.model_dump(mode="json"))
        self.events.append(event)
        self._event_keys.add((event.source, event.id))
        self.facts = facts

    def facts_at(self, then: datetime) -> Facts:
        """The facts of the events dated `then` or before."""
        return fold((event for event in self.events if event.time <= then), self._base)

    # --- promises ---------------------------------------------------------

    def promise(self, drafts: Iterable[Draft], now: datetime, rules: str) -> list[Entry]:
        """Queues drafts: stores their entries and tellings. Waiting entries of earlier days are merged into a chat's digest."""
        return self._join_waiting([self._promise_one(draft, rules) for draft in drafts], now)

    def _promise_one(self, draft: Draft, rules: str) -> Entry:
        draft = replace(draft, tellings=self._with_doubt(draft))
        entry = promised(draft, self._next_number(draft.at), rules)
        self.put(entry)
        for telling in draft.tellings:
            one = past_telling(telling, entry.number, draft.at)
            self._remember(one, self._told_table.keep(None, _written(TOLD.serializer, one)))
            self._note_hearings(hearings_of(telling, draft.at))
        return entry

    def _with_doubt(self, draft: Draft) -> tuple[Telling, ...]:
        """The tellings of a draft, marked where this telling may have arrived in an earlier message.

        A doubt left by a cancelled entry is removed from the record: the new entry has it now.
        """
        doubts: Doubts = self.meta("unsure", {})
        given_up = (entry for entry in self.shelf.failed() if entry.chat == draft.chat)
        said = {*perhaps_in([*self.shelf.open_of(draft.chat), *given_up], draft.tellings)}
        for telling in draft.tellings if doubts else ():
            left = said_anew(doubts, draft.chat, telling, self.facts.names)
            said |= {telling} if left != doubts else set()
            doubts = left
        if doubts != self.meta("unsure", {}):
            self.set_meta("unsure", doubts)
        return tuple(replace(one, seen=True) if one in said else one for one in draft.tellings)

    def doubt(self, chat: str, tellings: Iterable[Telling]) -> None:
        """Records that a chat may have seen these tellings, whatever the outbox says."""
        self.set_meta("unsure", doubted(self.meta("unsure", {}), chat, tellings))

    def _join_waiting(self, entries: list[Entry], now: datetime) -> list[Entry]:
        joined: list[Entry] = [entry for entry in entries if not entry.slot]
        by_chat: dict[str, list[Entry]] = {}
        for entry in (entry for entry in entries if entry.slot):
            by_chat.setdefault(entry.chat, []).append(entry)
        for chat, mine in by_chat.items():
            waiting = self.shelf.waiting(chat, before=day_of(now))
            if not waiting or self.shelf.served(chat, day_of(now)):
                joined += mine
                continue
            joined += self.merge([*waiting, *mine], now)
        return joined

    def merge(self, entries: list[Entry], now: datetime) -> list[Entry]:
        """Merges waiting entries into one digest; the old entries are cancelled with a reference to its number.

        Today's singles stay what they are and go before it; what they say is not in it.
        """
        singles = [one for one in entries if one.form == SINGLE and not one.behind(day_of(now))]
        others = [one for one in entries if one not in singles]
        singles = [taking_over(one, others) for one in singles]
        tellings = said_together(others, singles)
        digests = [merged(others, tellings, self._next_number(now), now)] if tellings else []
        made = [*singles, *digests]
        for entry in others:
            self.put(cancelled(entry, f"并入{made[-1].number}"))
        for entry in made:
            self.put(entry)
        if lost := left_unsaid(others, (telling for entry in made for telling in entry.tellings)):
            self.doubt(others[0].chat, lost)
        return made

    def take_back(self, entry: Entry, tellings: Iterable[Telling]) -> None:
        """Removes the record of tellings of an entry that will not be sent, also under numbers that were merged into it.

        If the entry may have arrived, this is recorded: the tellings are marked 补发 when they are told again.
        """
        tellings, numbers = tuple(tellings), {entry.number, *entry.carries}
        for telling in tellings:
            heard = self.tellings.of(telling.item, telling.addressee)
            mine = [one for one in heard if one.number in numbers]
            for one in mine:
                self._forget_one(one)
            if not mine:  # merged by an older version, which did not note the numbers
                self.untell([telling])
        if perhaps := [telling for telling in tellings if telling in entry.perhaps_told]:
            self.doubt(entry.chat, perhaps)

    def readdress(self, directory: Directory, sound: Container[str], mended: Container[str], now: datetime) -> bool:
        """Open entries go where they belong after chats changed. Whether any is being sent, and so was left where it is."""
        for entry in self.open_entries():
            first, *others = after = readdressed(entry, directory, sound, mended, now, self.facts.names)
            if first != entry or others:
                self.take_back(entry, given_up(entry, after))
                self.put(first)
            for one in others:
                self.put(numbered(one, self._next_number(now)))
        return any(entry.state is EntryState.SENDING for entry in self.open_entries())

    def untell(self, tellings: Iterable[Telling]) -> None:
        """Removes the record of tellings that were never sent, under any number, so that they are due again."""
        for telling in tellings:
            self._forget(_key(past_telling(telling, "", EPOCH)))

    def _forget_one(self, one: PastTelling) -> None:
        """Removes one telling; another message's with the same key (a value corrected on the same day) stays on record."""
        key = _key(one)
        if self._told.get(key, (None, 0))[0] == one:
            self._forget(key)
            return
        self.tellings.forget(one)
        for doc_id, text in self._told_table.texts():
            if today(TOLD.validate_json(text), self.facts.names) == one:
                self._told_table.remove(doc_ids=[doc_id])
                return

    def _forget(self, key: _Key) -> None:
        one, doc_id = self._told.pop(key, (None, 0))
        if one is not None:
            self._told_table.remove(doc_ids=[doc_id])
            self.tellings.forget(one)
            self._recall(key)

    def _recall(self, key: _Key) -> None:
        """Restores an earlier telling with the same key (such as two 退回 on one day) as the one on record."""
        if any(_key(one) == key for one in self.tellings.of(key[0], key[2])):
            for doc_id, text in self._told_table.texts():
                one = today(TOLD.validate_json(text), self.facts.names)
                if _key(one) == key:
                    self._told[key] = (one, doc_id)

    def _remember(self, one: PastTelling, doc_id: int) -> None:
        one = self.tellings.add(one)
        self._told[_key(one)] = (one, doc_id)

    def _note_hearings(self, rows: Iterable[Hearing]) -> None:
        for row in rows:
            after = self.tellings.hearings.add(row)
            if after is not None:
                doc_id = self._heard_ids.get(after.key)
                self._heard_ids[after.key] = self._heard_table.keep(doc_id, _written(HEARD.serializer, after))

    def _forget_hearings(self, rows: Iterable[Hearing]) -> None:
        """Removes hearings under every name that they were kept by."""
        hearings, gone = self.tellings.hearings, {row.key: row for row in rows}
        for doc_id, text in list(self._heard_table.texts()) if gone else ():
            if hearings.named_today(HEARD.validate_json(text)).key in gone:
                self._heard_table.remove(doc_ids=[doc_id])
        for key, row in gone.items():
            self._heard_ids.pop(key, None)
            hearings.forget(row)

    def note_in_force(self, rules: Iterable[str], now: datetime) -> None:
        """Notes of rules that were not known so far that they are in force from now on; at the first time all are since always.

        A rule that is taken out and comes back is no new one, unless somebody was told that it is gone (`note_duties`).
        """
        known: dict[str, str] | None = self.meta("in_force")
        mine = {self.facts.names.renumbered(rule) for rule in known or ()}
        fresh = dict.fromkeys((rule for rule in rules if rule not in mine), "" if known is None else now.isoformat())
        if fresh:
            with self.work():
                self.set_meta("in_force", {**(known or {}), **fresh})
            self.tellings.hearings.begin({rule: now for rule, at in fresh.items() if at})

    def note_edit(self, anew: Mapping[str, bool], redated: Iterable[str], now: datetime) -> None:
        """Notes which items an edit made due soon or sooner, and which rules it gave other dates; of more than a year ago none."""
        hearings, fresh = self.tellings.hearings, dict.fromkeys(redated, now)
        if not anew and not fresh:
            return
        hearings.ask_anew({item: AskedAnew(now, new) for item, new in anew.items()})
        hearings.redate(fresh)
        hearings.anew = {item: one for item, one in hearings.anew.items() if now - one.at < A_YEAR}
        hearings.redated = {rule: at for rule, at in hearings.redated.items() if now - at < A_YEAR}
        with self.work():
            self.set_meta("asked_anew", ANEW.dump_python(dict(hearings.anew), mode="json"))
            self.set_meta("redated", {rule: at.isoformat() for rule, at in hearings.redated.items()})

    def spell_out_hand_overs(self, rules: Iterable[Rule]) -> None:
        """Notes rule by rule what hand-overs of before 2026-12 let their units hear, under the rules of before an edit."""
        hearings = self.tellings.hearings
        whole = [row for row in hearings if row.rule.startswith(ASSIGNED)]
        if whole:
            with self.work():
                self._note_hearings(list(hearings.spelled_out(rules)))
                self._forget_hearings(whole)

    def note_who_acts(self, acting: Mapping[str, Collection[str]], now: datetime) -> None:
        """Notes who must act for each rule: to whom it comes back on another day, it is new."""
        changes = list(self.tellings.hearings.under(acting, day_of(now)))
        if changes:
            with self.work():
                self._forget_hearings(before for before, _ in changes)
                self._note_hearings(after for _, after in changes)

    def note_duties(self, duties: Duties, now: datetime) -> None:
        """Keeps whose each duty is, and what units heard of and is theirs no more; at the first time nothing is withdrawn.

        What was said to be gone and is back is new: it is followed by `note_in_force`.
        """
        known: dict[str, Any] | None = self.meta("duties")
        fresh = {rule: [title, list(units)] for rule, (title, units) in duties.items()}
        if known == fresh:
            return
        before = self.tellings.hearings.withdrawn
        after = (*_still_away(before, duties), *self._gone(known or {}, duties, day_of(now)))
        with self.work():
            for one in before:
                self._begin_anew(one, duties.get(one.rule, ("", ()))[1])
            self.set_meta("duties", fresh)
            if after != before:
                self.set_meta("withdrawn", [GONE.dump_python(one, mode="json") for one in after])
        self.tellings.hearings.withdrawn = after

    def _begin_anew(self, one: Withdrawn, units: Collection[str]) -> None:
        """What is back is new to those who were told that it is theirs no more, and in force anew if it had left the rules."""
        told = {unit for unit in one.units if self.reached(one.item, unit)}
        rows = (row for row in self.tellings.hearings if is_of(row.rule, one.rule))
        self._forget_hearings([row for row in rows if row.unit in told and row.unit in units])
        if units and told and not one.moved:
            known, renumbered = self.meta("in_force", {}), self.facts.names.renumbered
            kept = {rule: at for rule, at in known.items() if not is_of(renumbered(rule), one.rule)}
            self.set_meta("in_force", kept)

    def _gone(self, known: Mapping[str, Any], duties: Duties, on: date) -> Iterator[Withdrawn]:
        names, hearings = self.facts.names, self.tellings.hearings
        for before, (title, former) in known.items():
            rule = names.renumbered(before)
            mark, kept = self.facts.marks.get(rule), duties.get(rule, ("", ()))[1]
            lost = (unit for unit in names.together(former) if unit not in kept and hearings.reached(rule, unit))
            units = () if mark and mark.what in ("closed", "done") else tuple(lost)
            if units:
                yield Withdrawn(rule, title, units, on, rule in duties)

    # --- outbox -----------------------------------------------------------

    def put(self, entry: Entry) -> None:
        """Stores a new or changed entry; one still to be delivered gets today's names of units and items."""
        if entry.state.open and self.facts.names:
            entry = of_today(entry, self.facts.names)
        if entry.delivered_at is not None and entry.state is EntryState.DELIVERED:
            for telling in entry.tellings:
                self._note_hearings(hearings_of(telling, entry.at, entry.delivered_at))
        text = _written(entry.__pydantic_serializer__, entry)
        self.shelf.put(entry, self._outbox.keep(self.shelf.ids.get(entry.number), text))

    @property
    def entries(self) -> dict[str, Entry]:
        """All entries in the live state by number."""
        return self.shelf.entries

    def head(self, chat: str) -> Entry | None:
        """The oldest entry of a chat that is sent automatically."""
        return self.shelf.head(chat)

    def reached(self, item: str, addressee: str) -> bool:
        """Whether an addressee was told of an item in a message that went out, or that may have."""
        waiting = ((row, one.perhaps_told) for one in self.open_entries() for row in one.tellings)
        ahead = any(row.item == item and row.addressee == addressee and row not in told for row, told in waiting)
        return bool(self.tellings.of(item, addressee)) and not ahead

    def open_entries(self) -> list[Entry]:
        """Entries still to be delivered."""
        return self.shelf.open()

    def troubles(self) -> list[Trouble]:
        """Undeliverable entries that no person has settled yet and unclear ones, for the admin's daily digest."""
        given_up = self.shelf.failed()
        unclear = [entry for entry in self.open_entries() if entry.busy > len(RESENDS)]
        return [
            *_trouble("投递失败", "条消息投递失败，需人工处理", given_up),
            *_trouble("答复不明", "条消息多次没有明确答复，每个工作日再试一次", unclear),
        ]

    def used(self, chat: str, day: date) -> Used:
        """The slots and singles that a chat got, or will get, on a day."""
        return self.shelf.used(chat, day)

    # --- archive ------------------------------------------------------------

    @property
    def seal(self) -> Seal:
        """How far the archive reaches."""
        return Seal.of(self.meta("archive"))

    def sweep(self, archive: Archive, now: datetime) -> int:
        """Moves entries settled before this month, and tellings that no decision needs any more, into the archive.

        Events are copied and also stay, since facts are computed from all of them. Each month is durable in the archive before
        one unit of work removes it from the live state. Returns the number of rows moved; raises StorageFailed, DamagedArchive.
        """
        first = day_of(now).replace(day=1)
        months: dict[str, list[_Leaving]] = {}
        for one in sorted(self._leaving(first), key=lambda one: one.at):
            months.setdefault(f"{one.at.astimezone(ZONE):%Y-%m}", []).append(one)
        self._copy_events(months, first)
        for month in sorted(months):
            self._sweep_month(archive, month, months[month])
        return sum(map(len, months.values()))

    def _leaving(self, first: date) -> Iterator[_Leaving]:
        """Entries settled, and tellings superseded, before the month that begins on `first`."""
        for number, entry in self.entries.items():
            if not _unsettled(entry) and counted_day(entry) < first:
                at = entry.delivered_at or max(entry.at, entry.next_attempt_at)
                yield _Leaving("outbox", self.shelf.ids[number], at)
        for doc_id, one in self._superseded().items():
            if day_of(one.at) < first:
                yield _Leaving("told", doc_id, one.at)

    def _superseded(self) -> dict[int, PastTelling]:
        """Tellings, by document id, that no decision needs any more.

        Tellings of an item and addressee stay while an unsettled entry has a later one: if that is taken back, they are needed.
        """
        entries = (entry for entry in self.entries.values() if _unsettled(entry))
        kept = {(telling.item, telling.addressee) for entry in entries for telling in entry.tellings}
        names = self.facts.names
        rows = {doc_id: today(TOLD.validate_json(text), names) for doc_id, text in self._told_table.texts()}
        return superseded(rows, kept)

    def _copy_events(self, months: dict[str, list[_Leaving]], first: date) -> None:
        """Adds events that are not archived yet to the rows of the month that has just ended."""
        last, closed = self.seal.last_event, first - timedelta(days=1)
        at = midnight(closed)
        fresh = [_Leaving("events", doc_id, at) for doc_id, _ in self._event_table.texts() if doc_id > last]
        if fresh:
            months.setdefault(f"{closed:%Y-%m}", []).extend(fresh)

    def _sweep_month(self, archive: Archive, month: str, leaving: list[_Leaving]) -> None:
        rows = ((one.table, self._text(one.table, one.doc_id)) for one in leaving)
        seal = archive.extend(self.seal, month, rows)
        events = [one.doc_id for one in leaving if one.table == "events"]
        with self.work():
            self._leave(leaving)
            self.set_meta("archive", replace(seal, last_event=max(events, default=seal.last_event)).document())

    def _text(self, table: str, doc_id: int) -> bytes:
        text = self.database.table(table).text(doc_id)
        assert text is not None
        return text

    def _leave(self, leaving: list[_Leaving]) -> None:
        """Removes rows from the tables and the indexes."""
        told_ids = {one.doc_id for one in leaving if one.table == "told"}
        for doc_id in told_ids:
            self.tellings.forget(TOLD.validate_json(self._text("told", doc_id)))
        self._told = {key: found for key, found in self._told.items() if found[1] not in told_ids}
        entry_ids = {one.doc_id for one in leaving if one.table == "outbox"}
        for number in [number for number, doc_id in self.shelf.ids.items() if doc_id in entry_ids]:
            self.shelf.take(number)
        self._told_table.remove(doc_ids=list(told_ids))
        self._outbox.remove(doc_ids=list(entry_ids))

    # --- robots and meta --------------------------------------------------

    def put_robot(self, robot: RobotState) -> None:
        """Stores the state of a robot."""
        doc_id = self._robot_ids.get(robot.name)
        self._robot_ids[robot.name] = self._robot_table.keep(doc_id, _written(robot.__pydantic_serializer__, robot))
        self.robots[robot.name] = robot

    def meta(self, key: str, default: Any = None) -> Any:
        """A stored value; `default` if there is none."""
        return self._meta.get(key, default)

    def set_meta(self, key: str, value: Any) -> None:
        """Stores a JSON value."""
        if self._meta.get(key) == value:
            return
        document = {"key": key, "value": value}
        doc_id = self._meta_ids.get(key)
        if doc_id is None:
            self._meta_ids[key] = self._meta_table.insert(document)
        else:
            self._meta_table.put(doc_id, document)
        self._meta[key] = value

    def note(self, key: str, title: str, text: str, at: datetime) -> None:
        """Records something that happened to the state, for the admin; a later note replaces one with the same key."""
        self.set_meta("notes", {**self.meta("notes", {}), key: [at.isoformat(), title, text]})

    def notes(self) -> list[Trouble]:
        """All notes; the caller decides how long to show them."""
        found = (
            (key, datetime.fromisoformat(at), title, text) for key, (at, title, text) in self.meta("notes", {}).items()
        )
        return [Trouble(f"{key}@{day_of(at)}", title, at, (text,)) for key, at, title, text in found]

    def begin_again(self, now: datetime, text: str) -> None:
        """Marks a state restored from a backup: it is not known which messages were sent after the backup was made.

        Open entries may have arrived, numbers that may have been used are skipped, and what was due by now is marked 补发
        (bot/service/restored.py).
        """
        with self.work():
            for entry in self.open_entries():
                self.put(perhaps_seen(entry))
            year = f"count:{now.astimezone(ZONE).year}"
            self.set_meta(year, self.meta(year, 0) + GAP)
            self.set_meta("restored", now.isoformat())
            self.note("恢复备份", "状态由备份恢复", text, now)

    def numbers(self) -> dict[str, int]:
        """The highest number given to a message, by year."""
        counts = ((key.partition(":"), value) for key, value in self._meta.items())
        return {year: value for (kind, _, year), value in counts if kind == "count"}

    def _next_number(self, at: datetime) -> str:
        year = at.astimezone(ZONE).year
        count = self.meta(f"count:{year}", 0) + 1
        self.set_meta(f"count:{year}", count)
        return f"{year}-{count:04d}"


def _written(serializer: SchemaSerializer, value: object) -> bytes:
    """A model as one line of JSON. Raises NotStorable for text that UTF-8 cannot encode."""
    try:
        return serializer.to_json(value)
    except ValueError as error:  # a lone surrogate
        raise NotStorable(f"有不能保存的内容（{type(error).__name__}）") from error


class _Work:
    """A unit of work of the database and of the indexes over it; a class costs half as much as a generator."""

    __slots__ = ("_inner", "_store")

    def __init__(self, store: Store, inner: AbstractContextManager[None]) -> None:
        self._store, self._inner = store, inner

    def __enter__(self) -> None:
        self._inner.__enter__()
        if "schema" not in self._store._meta:
            self._store.set_meta("schema", SCHEMA)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._inner.__exit__(kind, error, trace)
        except BaseException:
            self._store.reload()
            raise
        if error is not None:
            self._store.reload()
        else:
            self._store.revision += 1


def _trouble(what: str, says: str, entries: Sequence[Entry]) -> Iterator[Trouble]:
    """What the admin reads of messages that do not arrive, ten of them by number."""
    if entries:
        lines = [f"{len(entries)}{says}，见 duban outbox："]
        lines += [f"{entry.number} {entry.chat}：{entry.why or entry.code}" for entry in entries[:10]]
        yield Trouble(what, f"消息{what}", min(entry.at for entry in entries), tuple(lines))


class _Leaving(NamedTuple):
    """A document to be archived, and the instant that determines its month."""

    table: str
    doc_id: int
    at: datetime


def _still_away(before: Iterable[Withdrawn], duties: Duties) -> Iterator[Withdrawn]:
    """What units heard of and do not have again."""
    for one in before:
        units = tuple(unit for unit in one.units if unit not in duties.get(one.rule, ("", ()))[1])
        if units:
            yield replace(one, units=units, moved=one.moved or one.rule in duties)


def _unsettled(entry: Entry) -> bool:
    """Whether an entry is still to be delivered or waits for a person."""
    return entry.state.open or entry.state is EntryState.UNDELIVERABLE


def _key(one: PastTelling) -> _Key:
    """The identity of a telling, whichever entry contains it: a merged digest has its own number."""
    return (one.item, one.due_on, one.addressee, one.rung_on, one.rung)
