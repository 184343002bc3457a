"""What must hold at every step and at the end. It goes by what the platforms showed, never by what the service believes.

1 lost    2 repeat    3 untrue    4 hours    5 budget    6 pace (platforms.py)    7 place    8 order    9 state    10 death (world.py)
11 an honest heart: it does not beat while the self-audit misses something, and the audit misses all that is owed and nothing else
12 in vain: nothing is promised and cancelled again and again while nothing changed
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn

from bot.core.deciding.addressees import Addressee
from bot.core.deciding.desk import Used
from bot.core.deciding.look import look
from bot.core.deciding.memory import Tellings
from bot.core.facts.facts import Facts
from bot.core.rules.rulebook import Role
from bot.core.telling.entry import Entry, EntryState, Telling, past_telling
from bot.core.time.windows import is_open
from bot.core.time.zone import day_of
from bot.drill.twin import Bubble
from bot.platforms import Shown as Request
from bot.service.app import App
from bot.state.disk.database import Database
from bot.state.store import Store
from tests.simulation.county import CHATS
from tests.simulation.stage import StageClock, Violation

#: (item, due date, addressee, nominal date, rung, state, when its values became known): what may be said once.
Key = tuple[str, date | None, str, date, str, str, object]
RESENT = "补发"
GRACE, READ = timedelta(minutes=10), timedelta(seconds=2)
RETURN, REGISTERED = "退回", "已登记"


def number_of(shown: Bubble | Request) -> str:
    """The number a member of the chat sees."""
    return shown.source.split("编号 ")[-1].split()[0]


def line_of(row: Telling, shown: Request) -> str:
    """What a message says of a telling's item, in the hand-over too; nothing where that is in another part, or has no number."""
    found = re.compile(rf"[（、]{re.escape(row.item)}[）、]")
    return "".join(line for line in shown.source.splitlines() if found.search(line))


@dataclass
class Shown:
    """One message as the platforms have shown it."""

    number: str
    chat: str
    at: datetime
    rows: tuple[Telling, ...]
    pieces: dict[int, set[int]] = field(default_factory=dict)  # of how many parts: which

    @property
    def whole(self) -> bool:
        """Every part up to the number that the last one names; what is left of a message may be cut anew."""
        return bool(self.pieces) and set(range(1, next(reversed(self.pieces)) + 1)) <= set().union(
            *self.pieces.values()
        )


class Audit:
    """Sees every bubble at the moment it is shown."""

    def __init__(self, clock: StageClock) -> None:
        self._clock = clock
        self.app: App | None = None
        self.shown: dict[str, Shown] = {}
        self._said: dict[Key, str] = {}
        self._opened: Counter[tuple[str, date, str]] = Counter()
        self._newest: dict[str, tuple[datetime, str]] = {}
        self._delivered: set[str] = set()
        self._perhaps: Counter[tuple[str, Key]] = Counter()  # what a chat may have seen, by copies
        self._tried: Counter[object] = Counter()  # what was on its way, to whatever chat
        self._attempts: dict[str, tuple[list[tuple[str, Key]], list[object]]] = {}
        self._refused: set[str] = set()  # numbers whose last request was refused, which is still to be written down
        self.freed: set[str] = set()  # numbers that waited for a person, or moved: they may come late
        self._gone: dict[str, datetime] = {}  # chat → since when it has not stood in chats.yaml
        self._saved_at = self._set_at = clock.true()  # when chats.yaml was saved, and when the clock was set
        self.bubbles = 0
        self.again = 0
        self.say: Callable[[str], object] = lambda text: None
        self.failed: Exception | None = None
        self.on_failure: Callable[[], object] = lambda: None

    def _fail(self, text: str) -> NoReturn:
        violation = Violation(f"{self._clock.true():%Y-%m-%d %H:%M:%S} {text}")
        self.stop(violation)
        raise violation

    def stop(self, error: Exception) -> None:
        """The story ends here, whoever catches what is raised."""
        self.failed = self.failed or error
        self.on_failure()

    # --- at every bubble ---------------------------------------------------

    def see(self, bubble: Bubble) -> None:
        """One bubble against 2, 4, 5, 7, 8."""
        assert self.app is not None
        self.bubbles += 1
        number = number_of(bubble)
        self.say(f"    {bubble.chat} ◀ {bubble.title}")
        entry = self.app.store.entries.get(number)
        if entry is None or entry.state is not EntryState.SENDING:
            self._fail(f"2 {number} was shown without being written down as 发送中 before")
        self._once(bubble, entry)
        self._hours(bubble)
        if number not in self.shown:
            self._budget(entry)
            self._place(bubble, entry)
            self._order(entry)
        shown = self.shown.setdefault(number, Shown(number, bubble.chat, self._clock.now(), entry.tellings))
        if not shown.whole:  # what a later copy says may be less
            shown.rows = entry.tellings
        shown.pieces[bubble.parts] = {
            *shown.pieces.pop(bubble.parts, ()),
            bubble.part,
        }  # the last total is the last key

    def _once(self, bubble: Bubble, entry: Entry) -> None:
        before = self.shown.get(entry.number)
        self.again += bool(before and any(bubble.part in found for found in before.pieces.values()))
        for row in entry.tellings:
            key = self._key(row)
            first = self._said.setdefault(key, entry.number)
            if first != entry.number and row.rung != RETURN and first in self._delivered:
                self._fail(f"2 {key} was delivered as {first} and told again as {entry.number}")

    def _key(self, row: Telling) -> Key:
        return row.item, row.due_on, row.addressee, row.rung_on, row.rung, row.state, (row.known, self._again(row))

    # --- at every request ----------------------------------------------------

    def written(self, chat: str, shown: Request) -> None:
        """2, asked of each telling: every copy of what may have been seen says 补发, and nothing else does."""
        assert self.app is not None
        entry = self.app.store.entries[number_of(shown)]
        lines = {row.item: line_of(row, shown) for row in entry.tellings}
        for item, line in lines.items():
            rows = [row for row in entry.tellings if row.item == item]
            here = line or entry.form == "单发"
            if here and not self._perhaps.keys().isdisjoint((chat, self._key(row)) for row in rows):
                if RESENT not in shown.title + line:
                    self._fail(f"2 {item} may have been seen in {chat} and is told by {entry.number} without {RESENT}")
            elif RESENT in shown.title + line and not any(_telling(row) in self._tried for row in rows):
                self._fail(f"2 {item} was never sent and goes to {chat} as {RESENT} in {entry.number}")
        visible = [row for row in entry.tellings if lines[row.item] or entry.form == "单发"]
        self._attempts[entry.number] = (
            [(chat, self._key(row)) for row in visible if row.rung != RETURN],
            [_telling(row) for row in entry.tellings],
        )
        self._perhaps.update(self._attempts[entry.number][0])
        self._tried.update(self._attempts[entry.number][1])

    def refused(self, chat: str, shown: Request) -> None:
        """The platform proved that the last request was not posted."""
        del chat
        number = number_of(shown)
        self._perhaps -= Counter(self._attempts[number][0])
        self._refused.add(number)

    def found_at_the_start(self, store: Store) -> None:
        """What a start finds in 发送中 may have been sent, for all that anybody knows."""
        for entry in store.open_entries():
            if entry.state is EntryState.SENDING:
                self._tried.update(_telling(row) for row in entry.tellings)

    def _again(self, row: Telling) -> int:
        """What is said once more: what was struck off by mistake, and what was registered a second time."""
        assert self.app is not None
        about = [one for one in self.app.store.events if one.data.get("item") == row.item]
        return len(about) if row.rung == REGISTERED else sum(one.type == "duban.withdrawn" for one in about)

    def _hours(self, bubble: Bubble) -> None:
        assert self.app is not None
        now = self._clock.now()
        if bubble.part == 1 and not is_open(now, self.app.hours, self.app.rulebook.calendar):
            self._fail(f"4 {bubble.title} was shown to {bubble.chat} at {now:%Y-%m-%d %H:%M:%S} of its clock")

    def _budget(self, entry: Entry) -> None:
        key = (entry.chat, day_of(self._clock.now()), entry.form)
        self._opened[key] += not entry.resent
        if self._opened[key] > (1 if entry.form == "汇总" else 2):
            self._fail(f"5 {entry.chat} got {self._opened[key]} of {entry.form} on one day, last {entry.number}")

    def _place(self, bubble: Bubble, entry: Entry) -> None:
        assert self.app is not None
        if bubble.chat != entry.chat:
            self._fail(f"7 {entry.number} is for {entry.chat} and was shown in {bubble.chat}")
        directory = self.app.chats.directory
        for row in entry.tellings:
            role = Role(row.role)
            chat, mark = directory.route(Addressee(row.addressee, row.unit, role, frozenset({role})))
            name, further, _ = row.addressee.partition("→")
            if entry.chat != chat or row.addressee in directory.lost or (further and chat not in directory.also[name]):
                self._fail(f"7 {row.item} for {row.addressee} belongs to {chat} and was shown in {bubble.chat}")
            if "未配置群聊" in row.mark:
                self._passed_on(bubble, row)
            if "未配置群聊" in row.mark + mark and row.mark != mark:
                self._fail(f"7 {row.item} for {row.addressee} in {bubble.chat} says “{row.mark}”, not “{mark}”")

    def chats_saved(self, chats: Collection[str]) -> None:
        """chats.yaml has a robot for these from now on, as far as it was written."""
        now = self._clock.true()
        self._gone = {chat: self._gone.get(chat, now) for chat in CHATS if chat not in chats}
        self._saved_at = now

    def _passed_on(self, bubble: Bubble, row: Telling) -> None:
        """A unit whose chat stands in the file, or was taken out less than the grace ago, needs nobody to pass it on."""
        if row.addressee not in CHATS:
            return  # a unit of the county's that never had one
        now, since = self._clock.true(), self._gone.get(row.addressee)
        if now - self._saved_at < READ or (since is not None and since < self._set_at):
            return  # the file may not have been read yet; a clock that was set over a restart is believed
        if since is None or now - since < GRACE:
            self._fail(f"7 {bubble.chat} is to pass on {row.item} to {row.addressee}, which had its chat since {since}")

    def _order(self, entry: Entry) -> None:
        place = (entry.at, entry.number)
        newest = self._newest.get(entry.chat)
        if newest and place < newest and entry.number not in self.freed and not (entry.moved or entry.yields):
            self._fail(f"8 {entry.chat} saw {entry.number} of {entry.at} after {newest[1]} of {newest[0]}")
        self._newest[entry.chat] = max(place, newest or place)

    def forget_order(self) -> None:
        """The clock was set back: what is composed now is dated before what was sent."""
        self._newest.clear()
        self._set_at = self._clock.true()

    # --- at every beat --------------------------------------------------------

    def heart(self, doubts: Sequence[str]) -> None:
        """11: the file is written as a beat, or as the reason why there is none."""
        assert self.app is not None
        missed = self._missed(self.app)
        if missed and not doubts:
            self._fail(f"11 the heart beats although the self-audit misses {missed}")
        if "列入待发又取消" in missed:
            self._fail(f"12 {missed}")

    @staticmethod
    def _missed(app: App) -> str:
        return "；".join(str(gap) for gap in app.audit.gaps[:2]) if app.audit else ""

    # --- at every outcome and check -------------------------------------------

    def settled(self, entry: Entry, outcome: Any) -> None:
        """3: what counts as delivered was shown, every part of it."""
        self.say(
            f"    {entry.number} {entry.chat} {outcome.verdict.value} {outcome.code} {outcome.text[:40]} {entry.state.value}"
        )
        if entry.number in self._refused:
            self._refused.discard(entry.number)
            self._tried -= Counter(self._attempts[entry.number][1])
        if entry.state is EntryState.REFUSED:
            self.freed.add(entry.number)
        if entry.state is EntryState.DELIVERED:
            self._delivered.add(entry.number)
            self._was_shown(entry)

    def _was_shown(self, entry: Entry) -> None:
        shown = self.shown.get(entry.number)
        if shown is None or not shown.whole:
            self._fail(f"3 {entry.number} counts as delivered to {entry.chat} and was not shown whole")

    def look_over(self, store: Store) -> None:
        """3 over everything the store holds."""
        for entry in store.entries.values():
            if entry.state is EntryState.DELIVERED:
                self._was_shown(entry)

    def nothing_overlooked(self, app: App) -> None:
        """1: whoever looks again and again sees what a look at everything sees."""
        now, scene = self._clock.now(), app.scene()
        if app.observer.look(scene, now) != look(scene, now):
            self._fail("1 the observer overlooks what a look at everything sees")

    def _heard(self, store: Store) -> Tellings:
        """What was really said, as a memory. Who heard when is as on record: by delivered entries, which `look_over` checks."""
        seen = (shown for shown in self.shown.values() if shown.whole)
        tellings = (past_telling(row, s.number, s.at) for s in seen for row in s.rows)
        return Tellings(tellings, store.facts.names, store.tellings.hearings.copy())

    # --- at the end -------------------------------------------------------------

    def nothing_is_owed(self) -> None:
        """1: decided anew from what was shown alone, nothing is owed that neither waits for a person nor is told to one."""
        app = self.app
        assert app is not None
        self.look_over(app.store)
        scene = replace(app.scene(), memory=self._heard(app.store), used=lambda chat, day: Used())
        now = self._clock.now()
        excused = {(row.item, row.addressee) for entry in unsettled(app.store) for row in entry.tellings}
        for decision in look(scene, now)[1]:
            key = (decision.finding.item.id, decision.addressee.key)
            telling = decision.rung
            waits = decision.rides or key in excused
            if decision.reason.tells and telling and telling.slot_on < now.date() and not waits:
                owed = f"{key[0]} is owed to {key[1]} since {telling.slot_on} ({telling.label}) and was never shown"
                self._fail(f"1 {owed}" if self._missed(app) else f"11 {owed}, and the self-audit has not noticed")
        self._admin_knows(app)
        if missed := self._missed(app):
            self._fail(f"11 nothing is owed, and yet the self-audit misses {missed}")

    def every_letter_was_read(self, posted: Iterable[tuple[str, str]], rejected: Path) -> None:
        """1: whatever lay in the inbox became a fact, or was set aside with a word to the admin."""
        assert self.app is not None
        aside = len(list(rejected.glob("*.json"))) if rejected.is_dir() else 0
        read = {(event.source, event.id) for event in self.app.store.events}
        unread = [one for one in posted if one not in read]
        if len(unread) > aside:
            self._fail(f"1 letters were lost: {unread[:3]} ({aside} set aside)")

    def _admin_knows(self, app: App) -> None:
        """Nothing waits any more; what was given up is in the admin's hands."""
        late = [e for e in app.store.open_entries() if day_of(e.at) < day_of(self._clock.now())]
        if late:
            self._fail(f"1 {late[0].number} to {late[0].chat} still {late[0].state.value}: {late[0].why}")
        if app.store.troubles() and not any(
            row.item.startswith("系统:投递失败") for s in self.shown.values() if s.whole for row in s.rows
        ):
            self._fail("1 entries were given up and the admin was not told")


def _telling(row: Telling) -> object:
    """What is one telling, whatever its date and its state have become."""
    return row.item, row.addressee, row.role, row.rung, row.rung_on if row.ordinal is None else row.ordinal


def unsettled(store: Store) -> Iterable[Entry]:
    """Open entries and those given up."""
    return [e for e in store.entries.values() if e.state.open or e.state is EntryState.UNDELIVERABLE]


def tables(database: Database) -> dict[str, dict[int, bytes]]:
    """Everything a database holds."""
    return {name: dict(database.table(name).texts()) for name in database.tables()}


def database_in(folder: Path) -> Database:
    """What a start would make of a folder, in memory."""
    return Database.of_files({path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()})


def same_state(live: Store, folder: Path, base: Facts) -> None:
    """9: what a start would find is what the running service holds. Raises Violation."""
    database = database_in(folder)
    if tables(live.database) != tables(database):
        raise Violation("9 tables differ between memory and disk")
    twin = Store(database, base)
    twin.follow(live.facts.names)
    remembered, found = remembered_by(live), remembered_by(twin)
    for what, value in remembered.items():
        if value != found[what]:
            raise Violation(f"9 {what} differ between memory and disk")


def remembered_by(store: Store) -> dict[str, object]:
    """What a store answers from its indexes."""
    return {
        "entries": store.entries,
        "facts": store.facts,
        "robots": store.robots,
        "events": store.events,
        "event keys": all(map(store.knows, store.events)),
        "meta": {doc["key"]: store.meta(doc["key"]) for doc in store.database.table("meta")},
        "tellings": Counter(store.tellings),
    }
