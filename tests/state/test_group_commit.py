from __future__ import annotations

import asyncio
import errno
import os
import threading
import time
from pathlib import Path

import pytest

from bot.state.disk.journal import Journal, JournalBroken
from tests.kit.faulty_disks import FailingDisk

PAYLOADS = ['{"单位":"县教育局"}'.encode(), '{"单位":"县民政局"}'.encode()]


def recovered(folder: Path) -> tuple[list[bytes], list[bytes]]:
    """Snapshot lines and payloads found by opening the folder; closes it again."""
    journal = Journal.open(folder)
    found = journal.recovered
    journal.close()
    assert found is not None
    return found.snapshot, found.records


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state"


async def test_many_waiting_coroutines_share_flushes_and_each_finds_its_record_on_disk(folder: Path) -> None:
    disk = Counting()
    journal = Journal.open(folder, disk)
    disk.flushed_bytes, disk.flushes = 0, 0

    async def commit(number: int) -> None:
        for turn in range(10):
            journal.append(b"[%d,%d]" % (number, turn))
            end = journal.journal_bytes
            await journal.durable()
            assert disk.flushed_bytes >= end

    await asyncio.gather(*(commit(number) for number in range(64)))
    assert disk.flushes <= 640 / 50
    await journal.durable()
    assert disk.flushes <= 640 / 50
    journal.close()
    assert len(recovered(folder)[1]) == 640


async def test_a_cancelled_waiter_leaves_the_others_waiting_for_the_disk(folder: Path) -> None:
    disk = Counting()
    journal = Journal.open(folder, disk)
    journal.append(PAYLOADS[0])
    waiters = [asyncio.ensure_future(journal.durable()) for _ in range(3)]
    waiters[1].cancel()
    results = await asyncio.gather(*waiters, return_exceptions=True)
    assert [type(result) for result in results] == [type(None), asyncio.CancelledError, type(None)]
    assert disk.flushed_bytes == journal.journal_bytes
    journal.close()


async def test_a_flush_that_fails_is_told_to_every_waiter(folder: Path) -> None:
    disk = FailingDisk("flush", errno.EIO)
    journal = Journal.open(folder, disk)
    journal.append(PAYLOADS[0])
    disk.arm(0)
    results = await asyncio.gather(*(journal.durable() for _ in range(3)), return_exceptions=True)
    assert [type(result) for result in results] == [JournalBroken] * 3
    with pytest.raises(JournalBroken):
        journal.append(PAYLOADS[1])
    journal.close()


async def test_a_compaction_while_coroutines_wait_loses_nothing(folder: Path) -> None:
    journal = Journal.open(folder)
    state: list[bytes] = []

    async def commit(number: int) -> None:
        for turn in range(5):
            payload = b"[%d,%d]" % (number, turn)
            journal.append(payload)
            state.append(payload)
            if turn == number % 5:
                journal.compact(state)
            await journal.durable()

    await asyncio.gather(*(commit(number) for number in range(20)))
    journal.close()
    snapshot, records = recovered(folder)
    assert snapshot + records == state


async def test_a_compaction_waits_for_the_flush_under_way_in_the_thread(folder: Path) -> None:
    class Slow(FailingDisk):
        started = threading.Event()

        def flush(self, file: int) -> None:
            if threading.current_thread() is not threading.main_thread():
                self.started.set()
                time.sleep(0.05)  # long enough for the compaction to close this file, if it did not wait
            os.fdatasync(file)

    disk = Slow()
    journal = Journal.open(folder, disk)
    journal.append(PAYLOADS[0])
    waiter = asyncio.ensure_future(journal.durable())
    await asyncio.to_thread(disk.started.wait)
    journal.compact(PAYLOADS[:1])
    await waiter
    journal.append(PAYLOADS[1])
    await journal.durable()
    journal.close()
    assert recovered(folder) == (PAYLOADS[:1], PAYLOADS[1:])


def test_one_journal_serves_one_event_loop_after_another(folder: Path) -> None:
    journal = Journal.open(folder)

    async def commit() -> None:
        journal.append(PAYLOADS[0])
        await journal.durable()

    async def walk_away() -> None:
        journal.append(PAYLOADS[1])
        journal.durable()

    asyncio.run(commit())
    asyncio.run(walk_away())
    asyncio.run(commit())
    journal.close()
    assert recovered(folder)[1] == [PAYLOADS[0], PAYLOADS[1], PAYLOADS[0]]


async def test_closing_does_not_leave_a_waiter_hanging(folder: Path) -> None:
    journal = Journal.open(folder)
    journal.append(PAYLOADS[0])
    waiter = journal.durable()
    journal.close()
    with pytest.raises(RuntimeError, match="closed"):
        await waiter
    assert recovered(folder)[1] == [PAYLOADS[0]]


class Counting(FailingDisk):
    """Knows how many bytes of the journal are surely on disk."""

    flushed_bytes = 0
    flushes = 0

    def flush(self, file: int) -> None:
        size = os.fstat(file).st_size
        os.fdatasync(file)
        self.flushed_bytes, self.flushes = size, self.flushes + 1
