"""The entries in memory: who of a chat goes next, and who waits for a person."""

from __future__ import annotations

from datetime import timedelta

from bot.core.rules.succession import UNCHANGED
from bot.core.telling.entry import EntryState
from bot.state.shelf import Shelf
from tests.core.telling.test_outbox import NOW, an_entry


def test_entries_of_a_chat_go_oldest_first_and_refused_ones_wait_for_a_person() -> None:
    shelf = Shelf(UNCHANGED)
    entries = [
        an_entry("2027-0003", at=NOW + timedelta(minutes=1)),
        an_entry("2027-0002"),
        an_entry("2027-0001"),
        an_entry("2027-0004", state=EntryState.REFUSED),
        an_entry("2027-0005", state=EntryState.SENDING),
        an_entry("2027-0006", state=EntryState.LATER, at=NOW + timedelta(minutes=2)),
        an_entry("2027-0007", state=EntryState.DELIVERED),
    ]
    for doc_id, entry in enumerate(entries):
        shelf.put(entry, doc_id)
    order = []
    while head := shelf.head("县教育局"):
        order.append(head.number)
        shelf.put(head.model_copy(update={"state": EntryState.DELIVERED}), shelf.ids[head.number])
    assert order == ["2027-0001", "2027-0002", "2027-0003", "2027-0006"]
