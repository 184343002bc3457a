"""Latency of one event: from taking it in to the arrival of its message at the receiver, with its durable record.

    python -m benchmarks.event [--events 200] [--robots 0 10000] [--rounds 3]

It runs the whole service with the county's rules. An item is returned (退回), the facts are updated, all items are judged and
decided, event and telling are stored in one durable record, and the message is worded and sent; the receiver notes when its
last byte arrived. Events come one at a time to an idle service, in office hours of workdays. The floor is to append and flush
as many bytes and to send the same message with the same client. `--robots` adds that many chats with robots that get nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import tempfile
import time
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

from loguru import logger

from benchmarks.crowd import robot, sample
from benchmarks.look import RULES
from benchmarks.sink import Receiver
from benchmarks.turns import Figures, child, mark, middle, ratio
from bot.core.deciding.findings import Finding
from bot.core.deciding.look import look
from bot.core.facts.events import Event, Returned
from bot.core.rules.item import State
from bot.core.rules.rulebook import Role
from bot.core.time.zone import ZONE
from bot.sending.chats import Chats
from bot.sending.courier import Courier
from bot.service.app import App
from bot.service.home import everybody, open_store, read_home
from bot.service.wiring import make_app
from bot.sources.clock import StoryClock

AFTERNOON = datetime(2027, 6, 1, 15, 7, tzinfo=ZONE)  # not the hour itself, at which nothing leaves
PERCENT = {"p50": 0.5, "p99": 0.99}


class Watch(StoryClock):
    """A clock that can be set to any instant and runs in real time from there."""

    def __init__(self, at: datetime) -> None:
        super().__init__(at)
        self.set(at)

    def set(self, at: datetime) -> None:
        self._at, self._since = at, time.monotonic()

    def now(self) -> datetime:
        return self._at + timedelta(seconds=time.monotonic() - self._since)


def open_app(folder: Path, base: str, more: int) -> tuple[App, Watch]:
    """The service with the county's rules, a robot at the receiver for everybody, and `more` other chats."""
    logger.remove()
    logger.add(os.devnull, level="INFO")
    shutil.copytree(RULES, folder / "rules")
    home = read_home(folder)
    assert home.rulebook is not None
    directory = everybody(home.rulebook)
    names = [*dict.fromkeys(directory.chats.values()), *(f"单位{number}" for number in range(more))]
    chats = Chats({name: (robot(number, base),) for number, name in enumerate(names)}, directory)
    clock = Watch(AFTERNOON)
    store, _ = open_store(folder / "state" / "drill", "drill", as_confirmed=True)
    app = make_app(home, store, clock, chats)
    app.start()
    return app, clock


async def measure(folder: Path, sink: Receiver, events: int, more: int) -> Figures:
    """Percentiles of the milliseconds from taking in an event to the arrival of its message."""
    app, clock = open_app(folder, sink.base, more)
    waited: list[float] = []
    day = AFTERNOON
    while len(waited) < events:
        clock.set(day)
        while app.rulebook.calendar.may_send(day.date()) is False:
            day += timedelta(days=1)
            clock.set(day)
        await app.one_pass()
        for item in one_item_a_chat(app)[: events - len(waited)]:
            waited.append(await one(app, sink, item, len(waited)))
        day += timedelta(days=1)
    await app.deliveries.close()
    app.store.close()
    return percentiles(waited)


async def one(app: App, sink: Receiver, item: str, number: int) -> float:
    """Milliseconds of one event."""
    sink.reset()
    await asyncio.sleep(0.01)
    returned = Returned(item=item, by="办公室", reason="材料不全，请补充后再报")
    event = Event.of(returned, key=f"returned-{number}-{item}", time=app.clock.now(), source="benchmark")
    began = time.monotonic()
    entries = app.take_in(event)
    app.send_due()
    await app.deliveries.settled()
    arrived: float = sink.stats()["first"]
    assert entries, f"{item}: nobody is told"
    assert arrived > began, f"{item}: nothing arrived"
    await app.one_pass()
    return (arrived - began) * 1e3


def one_item_a_chat(app: App) -> list[str]:
    """Items of which a return is told at once: one for each chat that was not told anything today."""
    today, found = app.clock.now().date(), dict[str, str]()
    leads = [one for one in look(app.scene(), app.clock.now())[1] if Role.LEAD in one.addressee.roles]
    chats = Counter(one.finding.item.id for one in leads)
    for one in leads:
        item = one.finding.item.id
        if chats[item] == 1 and speaks(one.finding) and not app.store.used(one.chat, today).slots:
            found.setdefault(one.chat, item)
    return list(found.values())


def speaks(finding: Finding) -> bool:
    """Whether reminders about the item are not held back."""
    live = finding.state in (State.APPROACHING, State.ON_TRACK, State.OVERDUE)
    return live and finding.confirmed and finding.anchor is not None and not finding.suppressed_by


async def floor(folder: Path, sink: Receiver, events: int) -> Figures:
    """The floor: appends and flushes the bytes of the same message, then sends it with the same client."""
    courier, target, message = Courier(()), robot(0, sink.base), sample().message(0)
    line = str(message).encode() * 2
    file = os.open(folder / "bare", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    waited = []
    for _ in range(events):
        sink.reset()
        await asyncio.sleep(0.01)
        began = time.monotonic()
        os.write(file, line)
        os.fdatasync(file)
        await courier.send(target, message, AFTERNOON)
        waited.append((sink.stats()["first"] - began) * 1e3)
    os.close(file)
    await courier.aclose()
    return percentiles(waited)


def percentiles(waited: list[float]) -> Figures:
    return {name: sorted(waited)[min(len(waited) - 1, int(len(waited) * share))] for name, share in PERCENT.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=200)
    parser.add_argument("--robots", type=int, nargs=2, default=[0, 10_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", choices=["floor", "service"])
    parser.add_argument("--more", type=int, default=0)
    options = parser.parse_args()
    if options.one:
        with Receiver() as sink, tempfile.TemporaryDirectory() as folder:
            given = Path(folder), sink, options.events
            run = floor(*given) if options.one == "floor" else measure(*given, options.more)
            print(json.dumps(asyncio.run(run)))
        return
    few, many = options.robots
    contenders = {"floor": ["floor"], "few": ["service", "--more", few], "many": ["service", "--more", many]}
    rounds = [
        {name: child("event", "--events", options.events, "--one", *how) for name, how in contenders.items()}
        for _ in range(options.rounds)
    ]
    for name, shown in {
        "floor": "append, flush, send",
        "few": "the service",
        "many": f"... and {many:,} robots",
    }.items():
        print(f"{shown:<30}" + "".join(f"   {one} {middle(rounds, name, one):8.2f} ms" for one in PERCENT))
    print(mark("one event, p50 ms", middle(rounds, "few", "p50"), 2))
    print(mark("one event, p99 ms", middle(rounds, "few", "p99"), 10))
    print(mark(f"with {many:,} robots more, p50", ratio(rounds, "many", "few", "p50"), 1.2))


if __name__ == "__main__":
    main()
