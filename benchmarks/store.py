"""The cost of a durable change, beside a bare append + fdatasync of as many bytes on the same disk in the same run.

    python -m benchmarks.store [--folder DIR] [--rounds 5] [--changes 1000] [--sizes 1000 10000 100000] [--check]

Every figure is the median over the rounds. Rounds alternate between sizes, so that changes of the machine's speed affect all
rows alike. With --check the exit code is 1 if a goal is missed: a durable insert or update <= 1.5x the bare one; the cost at
the largest size <= 1.2x that at the smallest; with 64 in flight <= 2.15x a minimal group commit with asyncio and a thread
(40,000/s where that reaches 86,000/s), and <= 1 flush per 50 changes; get by id <= 5 us; recovery <= 2x json.loads of the
journal.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Coroutine
from pathlib import Path
from statistics import median
from typing import Any

from bot.state.disk.database import Database, StateTable
from bot.state.disk.journal import Disk, Journal

IN_FLIGHT = 64
FLOORS = {  # what is measured → what it is compared with, within one round
    "durable update": "append + fdatasync",
    "durable insert": "append + fdatasync",
    "64 in flight, update": "64 in flight, bare group commit",
    "64 in flight, put": "64 in flight, bare group commit",
}
GOALS = {"durable update": 1.5, "durable insert": 1.5, "64 in flight, update": 2.15, "64 in flight, put": 2.15}
Figures = defaultdict[tuple[str, int], list[float]]  # (what, documents) → one figure per round


class CountingDisk(Disk):
    def __init__(self) -> None:
        self.flushes = 0

    def flush(self, file: int) -> None:
        self.flushes += 1
        os.fdatasync(file)


def entry(number: int) -> dict[str, Any]:
    """An outbox entry of about 320 bytes of JSON."""
    return {
        "number": f"2027-{number:06}",
        "chat": f"县教育局{number % 200}",
        "state": "pending",
        "attempts": 0,
        "next_attempt_at": 1767225600.0 + number,
        "text": "控辍保学学期排查，时限9月15日，请反馈进展或申请延期。" * 2,
    }


def each_us(action: Callable[[int], object], numbers: range) -> float:
    """Microseconds per call."""
    begin = time.perf_counter()
    for number in numbers:
        action(number)
    return (time.perf_counter() - begin) / len(numbers) * 1e6


def bare_us(folder: Path, changes: int, size: int) -> float:
    """Microseconds to append `size` bytes and fdatasync, and nothing else."""
    file = os.open(folder / "bare", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    line = b"x" * size

    def commit(_: int) -> None:
        os.write(file, line)
        os.fdatasync(file)

    try:
        return each_us(commit, range(changes))
    finally:
        os.close(file)


async def bare_group(folder: Path, turns: int, size: int) -> None:
    """A minimal group commit: 64 coroutines, each waiting until its bytes are on disk; a thread writes and flushes."""
    file = os.open(folder / "bare", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    loop = asyncio.get_running_loop()
    waiting: list[asyncio.Future[None]] = []
    line = b"x" * size

    def flush(count: int) -> None:
        os.write(file, line * count)
        os.fdatasync(file)

    async def one() -> None:
        for _ in range(turns):
            waiter: asyncio.Future[None] = loop.create_future()
            waiting.append(waiter)
            await waiter

    async def flusher() -> None:
        for _ in range(turns):
            aboard = waiting.copy()
            waiting.clear()
            await loop.run_in_executor(None, flush, len(aboard))
            for waiter in aboard:
                waiter.set_result(None)
            await asyncio.sleep(0)

    await asyncio.gather(*(one() for _ in range(IN_FLIGHT)), flusher())
    os.close(file)


class Bench:
    """A database of one size, open during all rounds."""

    def __init__(self, folder: Path, size: int) -> None:
        self.size, self.disk = size, CountingDisk()
        self.db = Database(Journal.open(folder, self.disk))
        self.table: StateTable = self.db.table("outbox")
        with self.db.work():
            self.table.insert_multiple(entry(number) for number in range(size))
        self.db.compact()
        self._turn = 0
        self._entry = entry(0)

    def round(self, figures: Figures, changes: int) -> None:
        self._turn += 1
        numbers = range(self._turn * 1_000_000, self._turn * 1_000_000 + changes)
        before = self.db.journal_bytes
        update = each_us(self._update, numbers)
        record_bytes = (self.db.journal_bytes - before) // changes
        figures["append + fdatasync", self.size].append(bare_us(self._folder, changes, record_bytes))
        figures["durable update", self.size].append(update)
        figures["durable insert", self.size].append(each_us(lambda number: self.table.insert(entry(number)), numbers))
        figures["get by id", self.size].append(each_us(lambda number: self.table.get(doc_id=self._id(number)), numbers))
        figures["text by id", self.size].append(each_us(lambda number: self.table.text(self._id(number)), numbers))
        self._round_in_flight(figures, changes // 10, record_bytes)
        figures["compaction, ms", self.size].append(each_us(lambda _: self.db.compact(), range(1)) / 1000)

    @property
    def _folder(self) -> Path:
        assert self.db._state.journal is not None
        return self.db._state.journal.file.parent

    def _id(self, number: int) -> int:
        return number * 7919 % self.size + 1

    def _update(self, number: int) -> None:
        self.table.update({"state": "delivered", "attempts": number}, doc_ids=[self._id(number)])

    def _replace(self, number: int) -> None:
        self.table.put(self._id(number), self._entry | {"attempts": number})

    def _round_in_flight(self, figures: Figures, turns: int, record_bytes: int) -> None:
        bare = _each_in_flight_us(bare_group(self._folder, turns, record_bytes), turns)
        figures["64 in flight, bare group commit", self.size].append(bare)
        flushes = self.disk.flushes
        figures["64 in flight, update", self.size].append(
            _each_in_flight_us(self._in_flight(turns, self._update), turns)
        )
        figures["64 in flight, changes a flush", self.size].append(turns * IN_FLIGHT / (self.disk.flushes - flushes))
        figures["64 in flight, put", self.size].append(_each_in_flight_us(self._in_flight(turns, self._replace), turns))

    async def _in_flight(self, turns: int, change: Callable[[int], None]) -> None:
        async def one(worker: int) -> None:
            for turn in range(turns):
                with self.db.work(durable=False):
                    change(self._turn * 1_000_000 + turn * IN_FLIGHT + worker)
                await self.db.durable()

        await asyncio.gather(*(one(worker) for worker in range(IN_FLIGHT)))


def _each_in_flight_us(run: Coroutine[Any, Any, None], turns: int) -> float:
    begin = time.perf_counter()
    asyncio.run(run)
    return (time.perf_counter() - begin) / (turns * IN_FLIGHT) * 1e6


def recovery(folder: Path, figures: Figures, documents: int) -> None:
    """Times of reading 20,000 journal lines (10,000 entries, written and settled): by json.loads alone and by `Database.open`."""
    db = Database.open(folder, compact_bytes=1 << 40)
    for number in range(1, documents + 1):
        with db.work(durable=False):
            db.table("outbox").put(number, entry(number))
        with db.work(durable=False):
            db.table("outbox").update({"state": "delivered"}, doc_ids=[number])
    db.close()
    payloads = [line.split(b" ", 3)[3] for line in (folder / "journal-0.log").read_bytes().splitlines()]
    figures["json.loads of 20,000 lines, ms", documents].append(
        each_us(lambda _: [json.loads(payload) for payload in payloads], range(1)) / 1000
    )
    figures["recovery, ms", documents].append(each_us(lambda _: Database.open(folder).close(), range(1)) / 1000)


def measure(folder: Path, sizes: list[int], rounds: int, changes: int) -> dict[tuple[str, int], float]:
    figures: Figures = defaultdict(list)
    benches = [Bench(folder / str(size), size) for size in sizes]
    for turn in range(rounds):
        for bench in benches:
            bench.round(figures, changes)
        recovery(folder / f"recovery-{turn}", figures, 10_000)
    for bench in benches:
        bench.db.close()
    for size in sizes:
        for what, floor in FLOORS.items():
            pairs = zip(figures[what, size], figures[floor, size], strict=True)
            figures[f"{what} : {floor}", size] = [cost / bare for cost, bare in pairs]
    return {row: median(values) for row, values in figures.items()}


def show(result: dict[tuple[str, int], float], sizes: list[int]) -> None:
    columns = sorted({*sizes, 10_000})
    print(f"{'microseconds unless said otherwise':<56}" + "".join(f"{size:>12,} docs" for size in columns))
    for what in dict.fromkeys(what for what, _ in result):
        cells = (f"{result[what, size]:>17,.2f}" if (what, size) in result else " " * 17 for size in columns)
        print(f"{what:<56}" + "".join(cells))


def missed(result: dict[tuple[str, int], float], sizes: list[int]) -> list[str]:
    """The goals that this run missed, each with its figure."""
    small, large = min(sizes), max(sizes)
    checks: list[tuple[str, float, float]] = []
    for what, floor in FLOORS.items():
        checks += [
            (f"{what} : {floor}, {size:,} docs", result[f"{what} : {floor}", size], GOALS[what]) for size in sizes
        ]
        checks.append((f"{what}, {large:,} : {small:,} docs", result[what, large] / result[what, small], 1.2))
    for size in sizes:
        checks.append((f"get by id, {size:,} docs", result["get by id", size], 5.0))
        checks.append((f"flushes per 50, {size:,} docs", 50 / result["64 in flight, changes a flush", size], 1.0))
    loads = result["json.loads of 20,000 lines, ms", 10_000]
    checks.append(("recovery : json.loads", result["recovery, ms", 10_000] / loads, 2.0))
    return [f"{what}: {figure:.2f}, goal {goal}" for what, figure, goal in checks if figure > goal]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=None, help="where to measure (default: the temporary folder)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--changes", type=int, default=1000)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        result = measure(Path(folder), options.sizes, options.rounds, options.changes)
    show(result, options.sizes)
    failures = missed(result, options.sizes)
    for failure in failures:
        print("missed:", failure)
    return 1 if failures and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
