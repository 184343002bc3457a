"""Ten years of a county in one state folder: its size, and the time of a commit and of a start, for each year.

    python -m benchmarks.decade [--years 10] [--folder DIR] [--no-archive] [--close 0.9]

The rules are the repository's, with everything confirmed. Every message of the preview is queued, sent and settled, in three
durable units of work as in the service. Nine items in ten are reported done a week before they are due and closed the day
after; the others stay open and are reminded again. At the end of each month past rows are archived, as in the service.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from statistics import median

from bot.core.deciding.findings import items_of
from bot.core.deciding.look import Scene
from bot.core.facts.events import Closed, Done, Event, Payload
from bot.core.facts.facts import Facts
from bot.core.preview.preview import preview_of
from bot.core.rules.item import Item
from bot.core.rules.rulebook import Rulebook
from bot.core.telling.digest import Draft
from bot.core.telling.entry import EntryState
from bot.core.telling.outbox import sending
from bot.core.time.windows import OfficeHours
from bot.core.time.zone import ZONE
from bot.rulefiles.loader import load
from bot.service.home import everybody
from bot.state.archive import Archive
from bot.state.backup import back_up
from bot.state.disk.database import Database
from bot.state.store import Store

ROOT = Path(__file__).parents[1]
START = datetime(2026, 11, 23, 8, tzinfo=ZONE)
DAY = timedelta(days=1)


@dataclass
class Year:
    """The figures of one year; sizes in bytes, times in milliseconds."""

    name: str
    messages: int = 0
    events: int = 0
    live: int = 0
    archived: int = 0
    commits: list[float] = field(default_factory=list)
    start: float = 0.0
    sweep: float = 0.0
    backup: float = 0.0


class County:
    """One state folder over the years."""

    def __init__(self, folder: Path, archiving: bool, closing: float) -> None:
        rulebook = load(ROOT / "rules").rulebook
        assert rulebook is not None, "the county's rules must be sound"
        self.rulebook: Rulebook = rulebook
        self.folder, self.archiving, self.closing = folder, archiving, closing
        self.archive = Archive(folder / "archive")
        self.store = self._open()
        self._closed: set[str] = set()

    def _open(self) -> Store:
        return Store(Database.open(self.folder), Facts(all_confirmed=True, names=self.rulebook.succession))

    def year(self, since: datetime) -> Year:
        """Runs twelve months from `since`, then reopens the state as after a restart."""
        year = Year(f"{since.year}-{since.year + 1}")
        for month in _months(since):
            self._month(*month, year)
        self.store.close()
        before = time.perf_counter()
        self.store = self._open()
        year.start = (time.perf_counter() - before) * 1e3
        self.store.database.compact()
        year.live = self.store.database.snapshot_bytes + self.store.database.journal_bytes
        year.archived = sum(file.stat().st_size for file in self.folder.glob("archive/*.jsonl"))
        before = time.perf_counter()
        back_up(self.folder, self.folder.parent / "backup.tar.gz", since)
        year.backup = (time.perf_counter() - before) * 1e3
        return year

    def _month(self, since: datetime, until: datetime, year: Year) -> None:
        self._events(since, until, year)
        for draft, _ in preview_of(self._scene(), since, until):
            self._deliver(draft, year)
        if self.archiving:
            before = time.perf_counter()
            self.store.sweep(self.archive, until + DAY)
            year.sweep = max(year.sweep, (time.perf_counter() - before) * 1e3)

    def _scene(self) -> Scene:
        return Scene(
            rulebook=self.rulebook, facts=self.store.facts, memory=self.store.tellings,
            directory=everybody(self.rulebook), hours=OfficeHours(), used=self.store.used,
        )  # fmt: skip

    def _deliver(self, draft: Draft, year: Year) -> None:
        with _timed(year.commits), self.store.work():
            [entry] = self.store.promise([draft], draft.at, self.rulebook.digest)
        with _timed(year.commits), self.store.work():
            self.store.put(entry := sending(entry, f"{entry.chat}#1", draft.at))
        done = {"state": EntryState.DELIVERED, "delivered_at": draft.at, "code": "0"}
        with _timed(year.commits), self.store.work():
            self.store.put(entry.model_copy(update=done))
        year.messages += 1

    def _events(self, since: datetime, until: datetime, year: Year) -> None:
        """Reports items done a week before the date and closes them the day after; a hash of the item decides which are late."""
        for item in _falling_due(self.rulebook, since.date() + 7 * DAY, until.date() + 7 * DAY):
            if item.id not in self._closed and zlib.crc32(item.id.encode()) % 1000 < self.closing * 1000:
                self._closed.add(item.id)
                self._keep(Done(item=item.id, by=item.rule.owner), f"done:{item.id}", since, year)
                self._keep(Closed(item=item.id, by="办公室"), f"closed:{item.id}", since + DAY, year)

    def _keep(self, payload: Payload, key: str, at: datetime, year: Year) -> None:
        with _timed(year.commits), self.store.work():
            self.store.keep(Event.of(payload, key=key, time=at, source="benchmark"))
        year.events += 1


class _timed:  # noqa: N801 - used like a function
    """Appends the milliseconds of its block to a list."""

    def __init__(self, into: list[float]) -> None:
        self._into = into

    def __enter__(self) -> None:
        self._begin = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self._into.append((time.perf_counter() - self._begin) * 1e3)


def _months(since: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The months of a year from `since`, each from its first instant to its last minute."""
    end = since.replace(year=since.year + 1)
    while since < end:
        following = (since.replace(day=1, hour=0) + timedelta(days=32)).replace(day=1)
        yield since, min(following, end) - timedelta(minutes=1)
        since = following


def _falling_due(rulebook: Rulebook, first: date, last: date) -> list[Item]:
    return [item for item in items_of(rulebook, last) if item.due_on and first <= item.due_on <= last]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--years", type=int, default=10)
    parser.add_argument("--folder", type=Path, default=None, help="where to measure (default: the temporary folder)")
    parser.add_argument("--no-archive", action="store_true", help="keep everything live, for comparison")
    parser.add_argument("--close", type=float, default=0.9, help="share of items closed before they are due")
    options = parser.parse_args()
    columns = (
        "messages",
        "events",
        "live KB",
        "archive KB",
        "commit ms",
        "p99 ms",
        "start ms",
        "sweep ms",
        "backup ms",
    )
    print(f"{'year':<10}" + "".join(f"{name:>12}" for name in columns))
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        county = County(Path(folder) / "state", not options.no_archive, options.close)
        for number in range(options.years):
            show(county.year(START.replace(year=START.year + number)))
        if not options.no_archive:
            before = time.perf_counter()
            rows = county.archive.check(county.store.seal)
            print(f"the whole chain, {rows:,} rows, verified in {time.perf_counter() - before:.2f} s")
        county.store.close()


def show(year: Year) -> None:
    commits = sorted(year.commits)
    figures = (
        *(f"{year.messages:,}", f"{year.events:,}", f"{year.live / 1024:,.0f}", f"{year.archived / 1024:,.0f}"),
        *(f"{median(commits):.2f}", f"{commits[int(len(commits) * 0.99)]:.2f}"),
        *(f"{year.start:,.0f}", f"{year.sweep:,.0f}", f"{year.backup:,.0f}"),
    )
    print(f"{year.name:<10}" + "".join(f"{figure:>12}" for figure in figures), flush=True)


if __name__ == "__main__":
    main()
