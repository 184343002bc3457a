"""One simulated service: its home folder, its life and deaths. Everything but clock, sockets and disk is the real code."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from unittest import mock

from bot.core.facts.facts import Facts
from bot.sending.courier import Courier
from bot.service import app, edits, mail, wiring
from bot.service import home as homes
from bot.service import maintenance as upkeep
from bot.service.app import App
from bot.service.heartbeat import Heartbeat
from bot.state.archive import Archive
from bot.state.disk import journal
from bot.state.disk.database import Database
from bot.state.disk.errors import JournalBroken, StorageFailed
from bot.state.disk.files import read_folder
from bot.state.disk.journal import Journal
from bot.state.store import Store
from tests.simulation import reading
from tests.simulation.audit import Audit, database_in, same_state, tables
from tests.simulation.disk import StageDisk
from tests.simulation.platforms import Wires
from tests.simulation.stage import PowerCut, StageClock, Violation

BASE = Facts(all_confirmed=True)
COMPACT = 96 * 1024  # bytes: small, so that compactions happen too


class World:
    """The service and everything around it; a story acts on it."""

    def __init__(self, folder: Path, start: datetime, dice: Random, say: Callable[[str], object]) -> None:
        self.folder, self.dice = folder, dice
        self._tell = say
        self.clock = StageClock(start, asyncio.get_running_loop())
        self.disk = StageDisk(dice)
        self.wires = Wires(self.clock, dice)
        self.audit = Audit(self.clock)
        self.audit.say = self.say
        self.wires.on_bubble = self.audit.see
        self.wires.on_written = self.audit.written
        self.wires.on_refused = self.audit.refused
        self.wires.on_slip = self.audit.stop
        self.audit.on_failure = self._end
        self.wires.on_cut = self._cut_on_the_wire
        self.disk.on_trouble = self.clock.beat
        self.disk.on_cut = self._power_is_gone
        self.app: App | None = None
        self._running: asyncio.Task[None] | None = None
        self._gone = asyncio.Event()
        self._letters = 0
        self.posted: list[tuple[str, str]] = []  # source and id of every event that lay in the inbox
        self.folders = reading.Folders()
        self.deaths = 0

    @property
    def state(self) -> Path:
        return self.folder / "state"

    def say(self, text: str) -> None:
        """One line of the story."""
        wrong = f" ({self.clock.now():%m-%d %H:%M} 钟)" if self.clock.wrong else ""
        self._tell(f"{self.clock.true():%Y-%m-%d %H:%M:%S}{wrong} {text}")

    # --- files ---------------------------------------------------------------

    def write(self, name: str, raw: bytes) -> None:
        """A file of the home folder, dated so that it counts as changed and not as fresh."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.tmp")
        temporary.write_bytes(raw)
        self.folders.edits += 1
        os.utime(temporary, (self.folders.edits, self.folders.edits))
        os.replace(temporary, path)

    def rules(self, files: Mapping[str, bytes]) -> None:
        """A whole rules folder."""
        for name, raw in files.items():
            path = self.folder / "rules" / name
            if not path.exists() or path.read_bytes() != raw:
                self.write(f"rules/{name}", raw)
        self.clock.beat()

    def letter(self, text: str) -> None:
        """An event in the inbox."""
        self._letters += 1
        said = json.loads(text)
        self.posted.append((said["source"], said["id"]))
        self.write(f"state/inbox/{self._letters:06}.json", text.encode())
        self.clock.beat(1)

    # --- life ------------------------------------------------------------------

    def start(self) -> None:
        """A start of the service, as `duban run` does it."""
        home = homes.read_home(self.folder)
        self._journal = Journal.open(self.state, self.disk)
        store = Store(Database(self._journal, COMPACT), BASE)
        self.app = wiring.make_app(home, store, self.clock, home.chats, on_outcome=self.audit.settled)
        wiring.listen(self.app, home)
        self.audit.app = self.app
        self.audit.found_at_the_start(store)
        self.wires.dead = False
        self._gone.clear()
        self._running = asyncio.create_task(self.app.run())

    def up(self) -> bool:
        return self._running is not None

    async def live(self, until: datetime) -> None:
        """Lets time pass; whoever dies by a documented way is started again after a while."""
        while (left := (until - self.clock.true()).total_seconds()) > 0:
            if self._running is None:
                await asyncio.sleep(left)
                continue
            gone = asyncio.create_task(self._gone.wait())
            await asyncio.wait((self._running, gone), timeout=left, return_when=asyncio.FIRST_COMPLETED)
            gone.cancel()
            self._must_be_sound()
            if self._gone.is_set() or self._running.done():
                await self._fallen()

    def _must_be_sound(self) -> None:
        if self.audit.failed:
            raise self.audit.failed
        assert self.app is not None
        for worker in self.app.deliveries.workers:
            error = worker.exception() if worker.done() and not worker.cancelled() else None
            if error is not None and not isinstance(error, PowerCut):
                raise Violation(f"10 a worker died: {error!r}") from error

    async def _fallen(self) -> None:
        """The service is gone: by the power, or because its journal broke."""
        assert self._running is not None
        error: BaseException | None = None
        if not self._gone.is_set():
            error = self._running.exception()
            if error is None or not isinstance(error, JournalBroken | PowerCut):
                raise Violation(f"10 the service ended by {error!r}") from error
            self.say(f"服务退出：{error}")
        await self.bury(power=not isinstance(error, JournalBroken))
        await asyncio.sleep(self.dice.choice((1, 20, 120)))
        await self.begin_again()

    async def begin_again(self) -> None:
        """A start after an end; the power may go during it, too, and a full disk is waited out."""
        self.disk.cut_in = self.dice.randint(0, 12) if self.dice.random() < 0.1 else None
        while self._running is None:
            try:
                self.start()
            except PowerCut:
                self.say("启动时又断电")
                self.disk.lose()
            except StorageFailed as error:
                self.say(f"启动不了：{error.errno}")
                self.disk.settle(mended=False)
                await asyncio.sleep(30)
        self.say("服务启动")

    async def bury(self, *, power: bool) -> None:
        """Nothing of the process is left; of the disk what a power cut leaves, or all that was written."""
        assert self.app is not None
        assert self._running is not None
        self.deaths += 1
        self.disk.dead = self.wires.dead = True
        tasks = [self._running, *self.app.deliveries.workers]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._must_be_sound()
        store = self.app.store
        log = self._journal
        _close(log._file)  # noqa: SLF001 - the system closes what a dead process had open, without its help
        self.disk.lose() if power else self.disk.settle()
        self._nothing_durable_is_lost(tables(store.database), log)
        self._running = None
        self._gone.clear()

    def _nothing_durable_is_lost(self, live: dict[str, Any], log: Journal) -> None:
        """9: the disk holds every record that was flushed, and no more than the one that was on its way besides."""
        found = read_folder(self.state)
        last = found.snapshot.sequence + len(found.records)
        if not log.synced <= last <= log.sequence + 1:
            raise Violation(f"9 the disk holds record {last}; {log.synced} of {log.sequence} were flushed")
        if last == log.sequence == log.synced and tables(database_in(self.state)) != live:
            raise Violation(f"9 record {last} is the last one in memory and on disk, and they differ")

    async def stop(self) -> None:
        """A clean end, and 9."""
        assert self.app is not None
        assert self._running is not None
        self.app.stop()
        self.app.poke.set()
        try:
            await self._running
        except JournalBroken:
            await self.bury(power=False)
            return
        except PowerCut:
            await self.bury(power=True)
            return
        self._must_be_sound()
        if self._gone.is_set():
            await self.bury(power=True)
            return
        self.check()
        try:
            self.app.store.close()
        except JournalBroken:
            self.say("关闭时未能写盘")
        self.disk.settle(mended=False)
        self._running = None

    def check(self) -> None:
        """What can be checked at any quiet instant."""
        self._must_be_sound()
        if self.app is not None and self._running is not None and not self.disk.broken:
            same_state(self.app.store, self.state, BASE)
            self.audit.look_over(self.app.store)
            self.audit.nothing_overlooked(self.app)

    def _end(self) -> None:
        """A violation: nothing more is said or written."""
        self.wires.dead = self.disk.dead = True
        self._gone.set()

    def _power_is_gone(self) -> None:
        self.say("断电")
        self.wires.dead = True
        self._gone.set()

    def _cut_on_the_wire(self) -> PowerCut:
        self.disk.dead = True
        self._power_is_gone()
        return PowerCut()

    def jump(self, by: timedelta) -> None:
        """Somebody sets the machine's clock."""
        self.say(f"时钟拨动 {by}")
        self.clock.wrong += by
        self.audit.forget_order()
        self.clock.beat()


def _close(file: int) -> None:
    with suppress(OSError):
        os.close(file)


@contextmanager
def staged_machine(world: Callable[[], World]) -> Iterator[None]:
    """Sockets, threads and the wall's clock replaced for as long as the simulation runs."""
    with ExitStack() as patches:
        for target, name, value in (
            (Courier, "_transport", lambda *_: world().wires.transport()),
            (wiring, "wall", lambda: world().clock.true()),  # noqa: PLW0108 - there is no world yet
            *((module, "assemble", reading.assembled) for module in (homes, edits)),
            *((module, "proven", reading.proven) for module in (homes, edits)),
            (homes, "load_settings", reading.settings),
            *((module, "load_chats", reading.chats) for module in (homes, edits)),
            (edits, "EditedFiles", lambda *given: world().folders.edited_files(*given)),  # noqa: PLW0108
            (mail, "Inbox", lambda *given: world().folders.inbox(*given)),  # noqa: PLW0108
            (upkeep, "Archive", lambda folder: Archive(folder, world().disk)),
            (Heartbeat, "_write", lambda _, now, doubts: world().audit.heart(doubts)),
            (journal, "QUICK_SECONDS", float("inf")),  # a flush is done on the spot, never in a thread
            (app, "LOOK_ANYWAY", timedelta(days=400)),  # a slip of the bookkeeping must show here, not be made good
        ):
            patches.enter_context(mock.patch.object(target, name, value))
        yield


def clear(folder: Path) -> None:
    """Nothing is left of a simulation."""
    shutil.rmtree(folder, ignore_errors=True)
