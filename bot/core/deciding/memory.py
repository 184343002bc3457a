"""The record of past tellings, from which `decide` sees what is due and not told.

The store keeps it on disk; a preview keeps a copy in memory.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Protocol

from bot.core.deciding.hearing import Hearings
from bot.core.rules.item import Moment
from bot.core.rules.succession import UNCHANGED, Succession
from bot.core.time.zone import midnight

#: Dates that a calendar moved, without an edit of the rules: by item, a former due date → today's.
Moves = Mapping[str, Mapping[date, date]]
#: (item, addressee). Under each key, tellings are listed by effective due date, each list in order of nominal date.
ItemAddressee = tuple[str, str]


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
    """The record of past tellings that decisions are made from, and of who heard of which rule."""

    @property
    def hearings(self) -> Hearings:
        """When units first heard of rules, and since when rules are in force."""

    def last(self, item: str, due_on: date | None, addressee: str) -> PastTelling | None:
        """The telling for this key whose rung has the latest nominal date."""

    def newest(self, item: str, due_on: date | None, addressee: str) -> PastTelling | None:
        """The telling for this key that was made last."""

    def latest(self, item: str, addressee: str) -> PastTelling | None:
        """The last telling of the item to this addressee, whatever its due date was then."""


class Tellings:
    """A `Memory`: past tellings by item, addressee and due date, under the names that items and addressees have today."""

    def __init__(
        self, told: Iterable[PastTelling] = (), names: Succession = UNCHANGED, hearings: Hearings | None = None
    ) -> None:
        self._names = names
        self._moved: Moves = {}
        self.hearings = hearings or Hearings(names=names)
        self._told: dict[ItemAddressee, dict[date | None, list[PastTelling]]] = {}
        self.version = 0  # counts changes
        self._changed: dict[str, int] = {}  # item → version of its last change
        for one in told:
            self.add(one)

    def last(self, item: str, due_on: date | None, addressee: str) -> PastTelling | None:
        """The telling for this key whose rung has the latest nominal date."""
        found = self._told.get((item, addressee), {}).get(due_on)
        return found[-1] if found else None

    def newest(self, item: str, due_on: date | None, addressee: str) -> PastTelling | None:
        """The telling for this key that was made last; of one instant, the one with the latest nominal date."""
        found = self._told.get((item, addressee), {}).get(due_on)
        return max(reversed(found), key=lambda one: one.at) if found else None

    def latest(self, item: str, addressee: str) -> PastTelling | None:
        """The last telling of the item to this addressee, whatever its due date was; of one instant, the one added last."""
        return max(reversed(self.of(item, addressee)), key=lambda one: one.at, default=None)

    def of(self, item: str, addressee: str) -> list[PastTelling]:
        """All tellings of the item to this addressee."""
        return [one for tellings in self._told.get((item, addressee), {}).values() for one in tellings]

    def add(self, told: PastTelling) -> PastTelling:
        """Records one telling and returns it as recorded; lists stay in order of nominal date, in whatever order tellings are added."""
        told = self._of_today(told)
        self._note_change(told.item)
        found = self._told.setdefault((told.item, told.addressee), {}).setdefault(told.due_on, [])
        insort(found, told, key=lambda one: one.rung_on)
        return told

    def forget(self, told: PastTelling) -> None:
        """Removes a telling that was cancelled before it was sent, so that it is due again."""
        told = self._of_today(told)
        found = self._told.get((told.item, told.addressee), {}).get(told.due_on, [])
        if told in found:
            found.remove(told)
            self._note_change(told.item)

    def redated(self, moved: Moves) -> Tellings:
        """The same tellings under the due dates that their items have since a calendar moved them."""
        twin = self.copy()
        twin._moved, told = moved, list(twin)
        twin._told = {}
        for one in told:
            twin.add(one)
        return twin

    def _of_today(self, told: PastTelling) -> PastTelling:
        """The telling under the names of today, and under the due date of today where a calendar moved it."""
        told = today(told, self._names)
        on = self._moved.get(told.item, {}).get(told.due_on) if self._moved and told.due_on else None
        return replace(told, due_on=on) if on else told

    def changed(self, item: str) -> int:
        """The version in which a telling of the item was last added or removed."""
        return self._changed.get(item, 0)

    def _note_change(self, item: str) -> None:
        self.version += 1
        self._changed[item] = self.version

    def since(self, day: date) -> Iterator[PastTelling]:
        """Tellings made on or after a day (in Asia/Shanghai), in no order."""
        first = midnight(day)
        return (one for one in self if one.at >= first)

    def __iter__(self) -> Iterator[PastTelling]:
        """Everything that was told, in no order."""
        for by_due in self._told.values():
            for found in by_due.values():
                yield from found

    def copy(self) -> Tellings:
        """An independent copy, for a preview."""
        twin = Tellings(names=self._names, hearings=self.hearings.copy())
        twin._moved = self._moved
        twin._told = {
            key: {due_on: list(found) for due_on, found in by_due.items()} for key, by_due in self._told.items()
        }
        return twin


@dataclass(frozen=True, slots=True)
class WithoutMessage:
    """A `Memory` without what a message says under any of its numbers: as if it had not been made."""

    memory: Tellings
    numbers: frozenset[str]

    def last(self, item: str, due_on: date | None, addressee: str) -> PastTelling | None:
        """The telling for this key whose rung has the latest nominal date."""
        found = [one for one in self._of(item, addressee) if one.due_on == due_on]
        return max(reversed(found), key=lambda one: one.rung_on, default=None)

    def newest(self, item: str, due_on: date | None, addressee: str) -> PastTelling | None:
        """The telling for this key that was made last."""
        found = [one for one in self._of(item, addressee) if one.due_on == due_on]
        return max(reversed(found), key=lambda one: one.at, default=None)

    def latest(self, item: str, addressee: str) -> PastTelling | None:
        """The last telling of the item to this addressee, whatever its due date was."""
        return max(reversed(self._of(item, addressee)), key=lambda one: one.at, default=None)

    @property
    def hearings(self) -> Hearings:
        """When units first heard of rules."""
        return self.memory.hearings

    def _of(self, item: str, addressee: str) -> list[PastTelling]:
        return [one for one in self.memory.of(item, addressee) if one.number not in self.numbers]


def today(told: PastTelling, names: Succession) -> PastTelling:
    """The telling under the names that its item and its addressee have today."""
    if not names:
        return told
    item, addressee = names.item(told.item), names.hearer(told.item, told.addressee)
    if (item, addressee) == (told.item, told.addressee):
        return told
    return replace(told, item=item, addressee=addressee)


def superseded(rows: Mapping[int, PastTelling], kept: Container[ItemAddressee]) -> dict[int, PastTelling]:
    """Tellings, by document id, that no decision needs any more.

    Needed are the last telling for each (item, due date, addressee), the latest for each (item, addressee), and those of
    keys in `kept`.
    """
    last: dict[object, int] = {}
    for doc_id, one in rows.items():
        key, hearer = (one.item, one.due_on, one.addressee), (one.item, one.addressee)
        if key not in last or one.rung_on >= rows[last[key]].rung_on:
            last[key] = doc_id
        if hearer not in last or one.at >= rows[last[hearer]].at:
            last[hearer] = doc_id
    stay = set(last.values())
    return {doc_id: one for doc_id, one in rows.items() if doc_id not in stay and (one.item, one.addressee) not in kept}


def moved_again(before: Moves, fresh: Mapping[str, tuple[date, date]]) -> Moves:
    """The moves of before with further ones; what was moved twice leads to the last date."""
    found = {item: dict(dates) for item, dates in before.items()}
    for item, (old, new) in fresh.items():
        dates = {former: new if to == old else to for former, to in found.get(item, {}).items()} | {old: new}
        found[item] = {former: to for former, to in dates.items() if former != to}
    return found
