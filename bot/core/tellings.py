"""What has been told: the memory behind "due and not told". The store keeps one durably, a preview keeps one in mind."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

from bot.core.notices import Told
from bot.core.outbox import Row

Key = tuple[str, date | None, str]


class Tellings:
    """The latest telling by (item, due date, addressee); a `Memory` for `decide`."""

    def __init__(self, told: Iterable[Told] = ()) -> None:
        self._last: dict[Key, list[Told]] = {}
        for one in told:
            self.add(one)

    def last(self, item: str, due_on: date | None, addressee: str) -> Told | None:
        """The telling with the latest nominal date for this key."""
        found = self._last.get((item, due_on, addressee))
        return found[-1] if found else None

    def add(self, told: Told) -> None:
        """Remembers one telling; nominal dates stay in order whatever the order of arrival."""
        found = self._last.setdefault((told.item, told.due_on, told.addressee), [])
        found.append(told)
        found.sort(key=lambda one: one.rung_on)

    def forget(self, told: Told) -> None:
        """Takes back a telling that was cancelled before it left, so that it may be owed again."""
        found = self._last.get((told.item, told.due_on, told.addressee), [])
        if told in found:
            found.remove(told)

    def copy(self) -> Tellings:
        """An independent memory to play the future with."""
        twin = Tellings()
        twin._last = {key: list(found) for key, found in self._last.items()}
        return twin


def told(row: Row, number: str, at: datetime) -> Told:
    """The record a row leaves behind."""
    return Told(row.item, row.due_on, row.addressee, row.rung_on, row.rung, row.state, row.reason, number, at)
