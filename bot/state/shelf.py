"""The outbox in memory: all entries, with indexes for the next entry of a chat and for what a chat got on a day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from bot.core.deciding.desk import Used
from bot.core.rules.rulebook import Delivery
from bot.core.rules.succession import Succession
from bot.core.telling.digest import DIGEST
from bot.core.telling.entry import Entry, EntryState
from bot.core.time.zone import day_of


class Shelf:
    """Every entry by its number. Indexes by chat use today's names."""

    def __init__(self, names: Succession) -> None:
        self.entries: dict[str, Entry] = {}
        self.ids: dict[str, int] = {}  # number → document
        self.recounts = 0  # counts changes of what chats got, or will get, on a day
        self._names = names
        self._open: dict[str, dict[str, None]] = {}  # chat → numbers still to be delivered
        self._failed: dict[str, None] = {}
        self._used: dict[tuple[str, date], dict[str, tuple[int, int]]] = {}
        self._counted_at: dict[str, tuple[str, date]] = {}  # the chat and day under which an entry is counted

    def put(self, entry: Entry, doc_id: int) -> None:
        """Adds or replaces an entry in all indexes."""
        number, before, is_open = entry.number, self.entries.get(entry.number), entry.state.open
        self.entries[number] = entry
        self.ids[number] = doc_id
        self._count(entry)
        if before is not None and before.state.open and not (is_open and before.chat == entry.chat):
            self._close(before)
        if is_open:
            self._open.setdefault(entry.chat, {})[number] = None
        if entry.state is EntryState.UNDELIVERABLE:
            self._failed[number] = None
        elif self._failed:
            self._failed.pop(number, None)

    def take(self, number: str) -> int:
        """Removes an entry; returns its document id."""
        entry = self.entries.pop(number)
        self._uncount(number)
        self._close(entry)
        self._failed.pop(number, None)
        return self.ids.pop(number)

    def open(self) -> list[Entry]:
        """Entries still to be delivered."""
        return [self.entries[number] for numbers in self._open.values() for number in numbers]

    def open_of(self, chat: str) -> list[Entry]:
        """Entries of one chat still to be delivered."""
        return [self.entries[number] for number in self._open.get(chat, ())]

    def waiting(self, chat: str, before: date) -> list[Entry]:
        """Open entries of a chat composed before a day, or for another chat, and not being sent right now, in no order.

        A message of which parts were accepted is left out: the other parts follow under its number. So is one that yields, which
        may be what ends the process.
        """
        mine = (one for one in self.open_of(chat) if _ready(one) and not one.parts_done and not one.yields)
        return [one for one in mine if one.behind(before)]

    def head(self, chat: str) -> Entry | None:
        """The oldest entry of a chat that is sent automatically. Younger entries wait for it, so that the order is kept.

        One that was interrupted again and again waits for the younger ones.
        """
        ready = [entry for entry in self.open_of(chat) if _ready(entry)]
        if len(ready) == 1:
            return ready[0]
        return min(ready, key=lambda entry: (entry.yields, entry.at, len(entry.number), entry.number), default=None)

    def heads(self) -> Iterator[Entry]:
        """The head of every chat that has one."""
        return (head for chat in self._open if (head := self.head(chat)) is not None)

    def failed(self) -> list[Entry]:
        """Undeliverable entries that no person has settled yet."""
        return [self.entries[number] for number in self._failed]

    def used(self, chat: str, day: date) -> Used:
        """The slots and singles that a chat got, or will get, on a day."""
        costs = self._used.get((chat, day), {}).values()
        return Used(sum(slot for slot, _ in costs), sum(single for _, single in costs))

    def served(self, chat: str, day: date) -> bool:
        """Whether a digest has reached a chat on a day, or may have."""
        there = map(self.entries.__getitem__, self._used.get((self._names.chat(chat), day), ()))
        return any(one.form == DIGEST and (one.delivered_at is not None or one.doubtful) for one in there)

    def _count(self, entry: Entry) -> None:
        """Counts an entry for its chat and day."""
        place = self._place(entry)
        if self._counted_at.get(entry.number) == place:
            return
        self._uncount(entry.number)
        if place is not None:
            self._counted_at[entry.number] = place
            cost = (int(entry.slot), int(entry.form == Delivery.SINGLE.value))
            self._used.setdefault(place, {})[entry.number] = cost
            self.recounts += 1

    def _place(self, entry: Entry) -> tuple[str, date] | None:
        if entry.state is EntryState.CANCELLED and not entry.doubtful:  # a doubtful one may have arrived, so it counts
            return None
        if entry.moved and entry.state.open and entry.state is not EntryState.SENDING and not entry.doubtful:
            return None
        return self._names.chat(entry.chat) if self._names else entry.chat, counted_day(entry)

    def _uncount(self, number: str) -> None:
        """Removes an entry from the count of its chat and day; empty days are removed."""
        place = self._counted_at.pop(number, None)
        if place is not None:
            there = self._used[place]
            there.pop(number)
            self.recounts += 1
            if not there:
                del self._used[place]

    def _close(self, entry: Entry) -> None:
        """Removes an entry from its chat's open entries."""
        there = self._open.get(entry.chat, {})
        there.pop(entry.number, None)
        if not there:
            self._open.pop(entry.chat, None)


def counted_day(entry: Entry) -> date:
    """The day for which an entry counts: when it was delivered or may have been seen last, else when it was composed.

    One that waits since an earlier day and was not seen takes nothing of today: it goes in one digest with today's.
    """
    if entry.delivered_at is not None:
        return day_of(entry.delivered_at)
    if entry.state.open and entry.parts_done:
        return day_of(max(entry.at, entry.next_attempt_at))
    perhaps = entry.doubtful or entry.state is EntryState.SENDING
    return day_of(entry.tried_at if perhaps and entry.tried_at else entry.at)


def _ready(entry: Entry) -> bool:
    return entry.state in (EntryState.PENDING, EntryState.LATER)
