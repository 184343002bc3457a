"""Workers share the flushes of the disk, and still nothing leaves before its own record is on it."""

from __future__ import annotations

import os
from pathlib import Path

from bot.core.telling.entry import EntryState
from bot.drill.twin import Bubble
from tests.kit.post_office import UNITS, Office, post_office


def counted(office: Office) -> list[int]:
    """The file of every flush from now on."""
    flushed: list[int] = []

    def flush(file: int) -> None:
        os.fdatasync(file)
        flushed.append(file)

    office.disk.flush = flush  # type: ignore[method-assign]
    return flushed


async def test_chats_that_send_at_one_moment_share_a_flush(tmp_path: Path) -> None:
    async with post_office(tmp_path) as office:
        promised = [office.promise(chat) for chat in UNITS]
        flushed = counted(office)
        await office.send()
        assert {office.entry(number).state for number in promised} == {EntryState.DELIVERED}
        assert 2 <= len(flushed) <= 1 + len(UNITS), "one for all intentions, at most one for each answer"


async def test_whatever_is_shown_was_written_down_for_good_before(tmp_path: Path) -> None:
    async with post_office(tmp_path) as office:
        office.promise()
        on_disk: list[bool] = []

        def look(_: Bubble) -> None:
            on_disk.append(office.journal.synced == office.journal.sequence)

        office.twin.on_bubble(look)
        await office.send()
        assert on_disk == [True]


async def test_when_sending_is_over_every_outcome_is_on_disk(tmp_path: Path) -> None:
    async with post_office(tmp_path) as office:
        for chat in UNITS:
            office.promise(chat)
        await office.send()
        assert office.journal.synced == office.journal.sequence
