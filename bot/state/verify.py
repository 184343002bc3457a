"""Verifies the whole state, from the first archived row to the last journal record, and reports the first wrong one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from bot.state.archive import Archive, Seal
from bot.state.disk.database import Database
from bot.state.disk.errors import ForgottenEvent, UnreadableState
from bot.state.disk.files import read_living
from bot.state.sent import check_sent
from bot.state.store import Store


@dataclass(frozen=True, slots=True)
class Verified:
    """What was verified. `tail` is the number of bytes of a half-written record at the journal's end."""

    events: int
    entries: int
    tail: int
    seal: Seal
    snapshot_bytes: int
    journal_bytes: int


def verify(state: Path) -> Verified:
    """Verifies journal, snapshot, archive, and every event against its archived copy; also beside a running bot.

    Raises DamagedState, DamagedArchive, ForgottenEvent or UnreadableState at the first wrong row, OSError.
    """
    pair = read_living(state)
    try:
        store = Store(Database.of_files(dict(pair.files())))
    except (ValidationError, ValueError, KeyError, TypeError) as error:
        raise UnreadableState(state, type(error).__name__) from error
    seal = store.seal
    _against_archive(store, Archive(state / "archive"), seal)
    check_sent(state / "archive")
    return Verified(
        len(store.events), len(store.entries), pair.tail, seal, len(pair.snapshot or b""), len(pair.journal)
    )


def _against_archive(store: Store, archive: Archive, seal: Seal) -> None:
    """Compares events, which are both in the live state and in the archive. Raises ForgottenEvent."""
    live = {(event.source, event.id): event.model_dump(mode="json") for event in store.events}
    for number, link in enumerate(archive.links(seal), 1):
        if link.kind == "events":
            row = link.row
            if live.get((row["source"], row["id"])) != row:
                raise ForgottenEvent(archive.folder, number, f"{row['source']}/{row['id']}")
