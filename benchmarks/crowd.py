"""The set-up of the delivery benchmarks: many chats, each with its own robot and one due message.

All parts are the service's own: store and journal, outbox, robots with their rate limits, wording, courier. Only the clock is
shifted, so that the messages are due in office hours of a workday whenever the benchmark runs.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

from loguru import logger
from pydantic import SecretStr

import bot.sending.delivery
from benchmarks.look import RULES, scene
from benchmarks.sink import TLS
from bot.core.deciding.addressees import Addressee, Directory
from bot.core.deciding.findings import Finding
from bot.core.facts.facts import Facts
from bot.core.preview.preview import preview_of
from bot.core.rules.rulebook import Rulebook
from bot.core.telling.digest import Draft
from bot.core.telling.entry import EntryState
from bot.core.telling.message import Message
from bot.core.telling.outbox import promised
from bot.core.telling.outcome import Verdict
from bot.core.telling.wording import Letterhead, Words, word
from bot.core.time.windows import OfficeHours
from bot.core.time.zone import ZONE
from bot.platforms import Robot
from bot.rulefiles.loader import load
from bot.sending.courier import Courier
from bot.sending.delivery import Deliveries
from bot.sending.robots import Robots
from bot.state.disk.collector import seldom
from bot.state.disk.database import Database
from bot.state.disk.journal import Disk, Journal
from bot.state.sent import Sent
from bot.state.store import Store

CONNECTIONS = 64
START, END = datetime(2027, 6, 1, 8, tzinfo=ZONE), datetime(2027, 7, 1, tzinfo=ZONE)


class CountingDisk(Disk):
    """The real disk; `flushes` counts calls of fdatasync."""

    def __init__(self) -> None:
        self.flushes = 0

    def flush(self, file: int) -> None:
        self.flushes += 1
        os.fdatasync(file)


@dataclass(frozen=True)
class Sample:
    """A message made from the county's rules, and what is needed to word it."""

    rulebook: Rulebook
    findings: Mapping[str, Finding]
    draft: Draft

    def words(self) -> Words:
        return Words(self.rulebook, self.findings, self.draft.at.date(), Letterhead())

    def message(self, number: int) -> Message:
        """The message as the service words it under this number."""
        [draft] = drafts_for([chat(number)], self)
        entry = promised(draft, f"2027-{number:04}")
        return word(entry, self.words())


@cache
def sample() -> Sample:
    """The first message of June 2027 about a single item."""
    rulebook = load(RULES).rulebook
    assert rulebook is not None
    draft, findings = next(found for found in preview_of(scene(rulebook), START, END) if len(found[0].tellings) == 1)
    return Sample(rulebook, findings, draft)


def chat(number: int) -> str:
    return f"单位{number}"


def drafts_for(chats: Sequence[str], of: Sample) -> list[Draft]:
    """One message for each chat: the sample, as if every chat's unit were responsible for its item."""
    [row] = of.draft.tellings
    return [replace(of.draft, chat=name, tellings=(replace(row, unit=name, addressee=name),)) for name in chats]


class AnyUnit(Directory):
    """Every unit is responsible for the sample's item."""

    def hearer(self, finding: Finding, key: str, role: str) -> Addressee | None:
        """The item's own addressee under this name."""
        own = (one for one in self.hearers(finding) if role in one.roles)
        return next((replace(one, key=key, unit=key) for one in own), None)


def robot(number: int, base: str, path: str = "/cgi-bin/webhook/send?key=") -> Robot:
    """A WeCom robot at the receiver; over TLS it trusts only the tests' certificate authority."""
    authority = (TLS / "ca.pem").read_text() if base.startswith("https") else ""
    return Robot(f"{chat(number)}#1", "wecom", SecretStr(f"{base}{path}{number:036d}"), authority=authority)


class Crowd:
    """The service's delivery with these robots; the state is in a folder, or in memory for comparison."""

    def __init__(self, folder: Path | None, robots: Mapping[str, Sequence[Robot]], connections: int) -> None:
        logger.remove()
        logger.add(os.devnull, level="INFO")  # the service writes a log line for each message, which must be measured
        seldom()  # like the service
        self.sample, self.disk = sample(), CountingDisk()
        database = Database(Journal.open(folder, self.disk)) if folder else Database.in_memory()
        self.store = Store(database, Facts(all_confirmed=True))
        self._began = time.monotonic()
        self.robots = Robots(robots, self.store)
        self.courier = Courier((), shards=connections, timeout=60.0)
        with _workers(connections):
            self.deliveries = Deliveries(
                self.store,
                self.robots,
                self.courier,
                OfficeHours(),
                self.now,
                lambda: datetime.now(ZONE),
                sent=Sent(folder / "archive") if folder else None,
            )
        self._connections = connections
        self.deliveries.view(self.sample.rulebook, self.sample.findings, Letterhead(), AnyUnit({}))
        self.robots.note_setups()

    def now(self) -> datetime:
        """The sample's slot plus the time since the start."""
        return self.sample.draft.at + timedelta(seconds=time.monotonic() - self._began)

    def promise(self, chats: Sequence[str]) -> None:
        """Queues one message for each chat in one durable unit of work, as the service does."""
        with self.store.work():
            self.store.promise(drafts_for(chats, self.sample), self.now(), self.sample.rulebook.digest)

    def start(self) -> None:
        """Starts delivery of every due chat."""
        with _workers(self._connections):
            self.deliveries.start()

    async def deliver(self) -> None:
        """Delivers until nothing is due."""
        self.start()
        await self.deliveries.settled()

    def delivered(self) -> int:
        return sum(entry.state is EntryState.DELIVERED for entry in self.store.entries.values())

    async def close(self) -> None:
        await self.deliveries.close()
        self.store.close()


@contextmanager
def _workers(count: int) -> Iterator[None]:
    """Sets the number of delivery workers to that of connections; the service has 64 of both."""
    before, bot.sending.delivery.WORKERS = bot.sending.delivery.WORKERS, count
    try:
        yield
    finally:
        bot.sending.delivery.WORKERS = before


def delivered_on_disk(folder: Path) -> int:
    """The number of delivered messages that a restart after a power cut finds on disk."""
    store = Store(Database.open(folder), Facts(all_confirmed=True))
    try:
        return sum(entry.state is EntryState.DELIVERED for entry in store.entries.values())
    finally:
        store.close()


def peak_mib() -> float:
    """Peak resident memory of this process in MiB; ru_maxrss would include the parent's before exec."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


async def by_courier(base: str, messages: int, connections: int) -> dict[str, float]:
    """Seconds to send the same messages with the courier alone: as many workers as connections, one queue."""
    found, targets = sample(), [robot(number, base) for number in range(messages)]
    courier = Courier((), shards=connections, timeout=60.0)
    worded, numbers = [found.message(number) for number in range(messages)], iter(range(messages))

    async def work() -> None:
        for number in numbers:
            outcome = await courier.send(targets[number], worded[number], found.draft.at)
            assert outcome.verdict is Verdict.DELIVERED, outcome

    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(work() for _ in range(connections)))
    took = {"wall_s": time.perf_counter() - began, "cpu_s": time.process_time() - cpu, "delivered": messages}
    await courier.aclose()
    return took | {"peak_mib": peak_mib()}
