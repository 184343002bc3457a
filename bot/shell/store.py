"""The store: what the bot knows durably, and the indexes that make it quick. One unit of work is one durable record.

Tables: events (append-only, precious), told, outbox, robots, meta. Indexes are rebuilt from the tables at start and after
a rollback, so they can never say more than the disk does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, TypeAdapter

from bot.core.digest import Draft
from bot.core.events import Event
from bot.core.facts import Facts, fold
from bot.core.findings import ZONE
from bot.core.notices import Told, Used
from bot.core.office import Trouble
from bot.core.outbox import Entry, EntryState, Row, cancelled, merged
from bot.core.tellings import Tellings, told
from bot.shell.database import Database

SCHEMA = 1
TOLD: TypeAdapter[Told] = TypeAdapter(Told)
EPOCH = datetime(1970, 1, 1, tzinfo=ZONE)

_Key = tuple[str, date | None, str, date, str]


class RobotState(BaseModel):
    """What is remembered about one robot: recent send instants, how long it must rest, why it is broken.

    `address` tells whose history this is, `setup` also covers secret and keyword: a change there mends a broken robot
    by itself. Both are fingerprints.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    address: str = ""
    setup: str = ""
    sends: tuple[AwareDatetime, ...] = ()
    blocked_until: AwareDatetime | None = None
    broken: str = ""
    broken_since: AwareDatetime | None = None


class Store:
    """Facts, tellings, outbox and robots over one `Database`."""

    def __init__(self, database: Database, base: Facts | None = None) -> None:
        self._db = database
        self._base = base or Facts()
        self._load()

    def _load(self) -> None:
        """Builds every index from the tables."""
        self.events = [Event.model_validate(doc) for doc in self._db.table("events").all()]
        self._event_keys = {(event.source, event.id) for event in self.events}
        self.facts = fold(self.events, self._base)
        self._told: dict[_Key, tuple[Told, int]] = {}
        self.tellings = Tellings()
        for doc in self._db.table("told").all():
            self._remember(TOLD.validate_python(doc), doc.doc_id)
        self.entries: dict[str, Entry] = {}
        self._entry_ids: dict[str, int] = {}
        self._open: dict[str, dict[str, None]] = {}  # chat → numbers still to be delivered
        self._failed: dict[str, None] = {}
        self._used: dict[tuple[str, date], dict[str, tuple[int, int]]] = {}
        for doc in self._db.table("outbox").all():
            self._index(Entry.model_validate(doc), doc.doc_id)
        self.robots = {doc["name"]: RobotState.model_validate(doc) for doc in self._db.table("robots").all()}
        self._robot_ids = {doc["name"]: doc.doc_id for doc in self._db.table("robots").all()}
        self._meta: dict[str, Any] = {doc["key"]: doc["value"] for doc in self._db.table("meta").all()}
        self._meta_ids = {doc["key"]: doc.doc_id for doc in self._db.table("meta").all()}

    @contextmanager
    def work(self) -> Iterator[None]:
        """One unit of work: everything inside becomes durable together, or nothing does and the indexes go back."""
        try:
            with self._db.work():
                yield
        except BaseException:
            self._load()
            raise

    @property
    def recovery_warning(self) -> str:
        """What opening had to cut off, as a Chinese sentence; empty when nothing was."""
        return self._db.recovery.warning

    def close(self) -> None:
        """Closes the database."""
        self._db.close()

    # --- events -----------------------------------------------------------

    def knows(self, event: Event) -> bool:
        """Whether this event (source and id) was taken in before: events are idempotent."""
        return (event.source, event.id) in self._event_keys

    def keep(self, event: Event) -> None:
        """Appends an event and moves the facts on."""
        facts = self.facts.after(event)
        self._db.table("events").insert(event.model_dump(mode="json"))
        self.events.append(event)
        self._event_keys.add((event.source, event.id))
        self.facts = facts

    # --- promises ---------------------------------------------------------

    def promise(self, drafts: Iterable[Draft], now: datetime, rules: str) -> list[Entry]:
        """Entries and tellings for drafts; what still waits for the same chat from an earlier day joins the digest."""
        return self._join_waiting([self._promise_one(draft, rules) for draft in drafts], now)

    def _promise_one(self, draft: Draft, rules: str) -> Entry:
        entry = Entry(
            number=self._next_number(draft.at), chat=draft.chat, form=draft.form, slot=draft.slot, rows=draft.rows,
            at=draft.at, next_attempt_at=draft.at, rules=rules,
        )  # fmt: skip
        self.put(entry)
        for row in draft.rows:
            one = told(row, entry.number, draft.at)
            self._remember(one, self._db.table("told").insert(TOLD.dump_python(one, mode="json")))
        return entry

    def _join_waiting(self, entries: list[Entry], now: datetime) -> list[Entry]:
        digests = [entry for entry in entries if entry.slot]
        joined: list[Entry] = [entry for entry in entries if not entry.slot]
        for chat in dict.fromkeys(entry.chat for entry in digests):
            mine = [entry for entry in digests if entry.chat == chat]
            waiting = self.waiting(chat, before=day_of(now))
            if not waiting:
                joined += mine
                continue
            joined.append(self.merge([*waiting, *mine], now))
        return joined

    def waiting(self, chat: str, before: date) -> list[Entry]:
        """Open entries of a chat composed before a day and touched by nobody right now.

        One that may have arrived is not among them: it goes again under the number that was seen.
        """
        return [
            entry
            for entry in self._open_of(chat)
            if day_of(entry.at) < before
            and entry.state in (EntryState.PENDING, EntryState.LATER)
            and not entry.parts_done
            and not entry.resent
        ]

    def merge(self, entries: list[Entry], now: datetime) -> Entry:
        """Several waiting entries as one digest; the old numbers say which one carries them."""
        digest = merged(entries, self._next_number(now), now)
        for entry in entries:
            self.put(cancelled(entry, f"并入{digest.number}"))
        self.put(digest)
        return digest

    def untell(self, rows: Iterable[Row]) -> None:
        """Takes back tellings of rows that never left, under whatever number, so that they may be owed again."""
        for row in rows:
            one, doc_id = self._told.pop(_key(told(row, "", EPOCH)), (None, 0))
            if one is not None:
                self._db.table("told").remove(doc_ids=[doc_id])
                self.tellings.forget(one)

    def _remember(self, one: Told, doc_id: int) -> None:
        self._told[_key(one)] = (one, doc_id)
        self.tellings.add(one)

    # --- outbox -----------------------------------------------------------

    def put(self, entry: Entry) -> None:
        """Writes an entry, new or changed."""
        document = entry.model_dump(mode="json")
        doc_id = self._entry_ids.get(entry.number)
        if doc_id is None:
            doc_id = self._db.table("outbox").insert(document)
        else:
            self._db.table("outbox").put(doc_id, document)
        self._index(entry, doc_id)

    def _index(self, entry: Entry, doc_id: int) -> None:
        before = self.entries.get(entry.number)
        if before is not None:
            self._used.get((before.chat, counted_day(before)), {}).pop(entry.number, None)
            self._open.get(before.chat, {}).pop(entry.number, None)
            self._failed.pop(entry.number, None)
        self.entries[entry.number] = entry
        self._entry_ids[entry.number] = doc_id
        if entry.state.open:
            self._open.setdefault(entry.chat, {})[entry.number] = None
        elif entry.state is EntryState.UNDELIVERABLE:
            self._failed[entry.number] = None
        if entry.state is not EntryState.CANCELLED:
            cost = (int(entry.slot), int(entry.form == "单发"))
            self._used.setdefault((entry.chat, counted_day(entry)), {})[entry.number] = cost

    def open_entries(self) -> list[Entry]:
        """Entries still to be delivered."""
        return [self.entries[number] for numbers in self._open.values() for number in numbers]

    def _open_of(self, chat: str) -> list[Entry]:
        return [self.entries[number] for number in self._open.get(chat, ())]

    def head(self, chat: str) -> Entry | None:
        """The oldest entry of a chat that goes by itself; what is younger waits behind it, so that order is kept."""
        ready = (entry for entry in self._open_of(chat) if entry.state in (EntryState.PENDING, EntryState.LATER))
        return min(ready, key=lambda entry: (entry.at, len(entry.number), entry.number), default=None)

    def heads(self) -> list[Entry]:
        """The head of every chat that has one."""
        return [head for chat in self._open if (head := self.head(chat)) is not None]

    def troubles(self) -> list[Trouble]:
        """Entries given up, for the admin's daily digest until somebody settles them."""
        given_up = [self.entries[number] for number in self._failed]
        if not given_up:
            return []
        since = min(entry.at for entry in given_up)
        lines = [f"{len(given_up)}条消息投递失败，需人工处理，见 duban outbox："]
        lines += [f"{entry.number} {entry.chat}：{entry.why or entry.code}" for entry in given_up[:10]]
        return [Trouble("投递失败", "消息投递失败", since, tuple(lines))]

    def used(self, chat: str, day: date) -> Used:
        """What a chat got, or is about to get, on a day."""
        costs = self._used.get((chat, day), {}).values()
        return Used(sum(slot for slot, _ in costs), sum(single for _, single in costs))

    # --- robots and meta --------------------------------------------------

    def put_robot(self, robot: RobotState) -> None:
        """Writes what is remembered about a robot."""
        document = robot.model_dump(mode="json")
        doc_id = self._robot_ids.get(robot.name)
        if doc_id is None:
            self._robot_ids[robot.name] = self._db.table("robots").insert(document)
        else:
            self._db.table("robots").put(doc_id, document)
        self.robots[robot.name] = robot

    def meta(self, key: str, default: Any = None) -> Any:
        """A remembered value."""
        return self._meta.get(key, default)

    def set_meta(self, key: str, value: Any) -> None:
        """Remembers a JSON value."""
        if self._meta.get(key) == value:
            return
        document = {"key": key, "value": value}
        doc_id = self._meta_ids.get(key)
        if doc_id is None:
            self._meta_ids[key] = self._db.table("meta").insert(document)
        else:
            self._db.table("meta").put(doc_id, document)
        self._meta[key] = value

    def _next_number(self, at: datetime) -> str:
        year = at.astimezone(ZONE).year
        count = self.meta(f"count:{year}", 0) + 1
        self.set_meta(f"count:{year}", count)
        return f"{year}-{count:04d}"


def day_of(at: datetime) -> date:
    """The day in Asia/Shanghai."""
    return at.astimezone(ZONE).date()


def counted_day(entry: Entry) -> date:
    """The day on whose budget an entry weighs: when it was, or next may be, delivered."""
    return day_of(entry.delivered_at or max(entry.at, entry.next_attempt_at))


def _key(one: Told) -> _Key:
    """What makes a telling the same one, whichever entry carries it: a merged digest has a number of its own."""
    return (one.item, one.due_on, one.addressee, one.rung_on, one.rung)
