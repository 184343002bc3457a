"""A house for tests: a home folder with rules, its chats played by the twin over real HTTP, an app, and a story clock.

async with furnished(tmp_path) as house:
    await house.live(until="2027-03-01T18:00")
    assert house.seen("县教育局") == [...]
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import uvicorn

from bot.core.deciding.addressees import ADMIN, LEADING_GROUP
from bot.core.telling.entry import Entry, EntryState
from bot.core.time.zone import ZONE
from bot.drill.twin import Bubble, Twin
from bot.sending.chats import Chats
from bot.service.app import App
from bot.service.home import Home, open_store, read_home
from bot.service.wiring import drill_chats, listen, make_app
from bot.sources.clock import StoryClock, wall
from bot.state.disk.lock import StateLock
from bot.state.store import Store
from tests.kit.rules_factory import write_rules

NAMES = ("县委教育工委", "县教育局", "县财政局", "各学校", ADMIN, LEADING_GROUP)


#: What each platform says when it is busy, when too much is sent, when its robot is gone, and when it will never take a message.
SAYS = {
    "busy": {"wecom": -1, "dingtalk": -1, "feishu": 2200, "lanxin": 503, "webhook": 503},
    "limited": {"wecom": 45009, "dingtalk": 410100, "feishu": 11232, "lanxin": 429, "webhook": 429},
    "dead": {"wecom": 93000, "dingtalk": 300001, "feishu": 19001, "lanxin": 404, "webhook": 410},
    "never": {"wecom": 44004, "dingtalk": 430104, "feishu": 19002, "lanxin": 400, "webhook": 422},
}


def at(text: str) -> datetime:
    """2027-12-24T08:31 in Asia/Shanghai."""
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)


async def until(condition: Callable[[], bool]) -> None:
    """Returns when the condition holds; where it never does, pytest's own timeout ends the test."""
    while not condition():  # noqa: ASYNC110 - whatever is asked sets no event
        await asyncio.sleep(0.005)


@asynccontextmanager
async def serving(asgi: object) -> AsyncIterator[int]:
    """The port on 127.0.0.1 at which `asgi` answers meanwhile."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # else answers wait for Nagle
    listening.bind(("127.0.0.1", 0))
    listening.listen()
    config = uvicorn.Config(asgi, log_config=None, lifespan="off", ws="none", timeout_graceful_shutdown=1)  # type: ignore[arg-type]
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve(sockets=[listening]))
    await until(lambda: server.started)
    try:
        yield listening.getsockname()[1]
    finally:
        for one in server.servers:
            one.close()
        for connection in list(server.server_state.connections):
            connection.transport.abort()
        task.cancel()
        await asyncio.gather(task, *server.server_state.tasks, return_exceptions=True)
        await asyncio.sleep(0)


@dataclass
class House:
    """One home folder and everything around it. `clock` outlives restarts of the bot, as time does."""

    folder: Path
    twin: Twin
    port: int
    clock: StoryClock
    names: Sequence[str] = NAMES
    as_confirmed: bool = True
    heard: bool = False  # whether everybody heard of everything long ago, so that nothing is asked for by a later day
    app: App = field(init=False)
    store: Store = field(init=False)
    home: Home = field(init=False)
    _lock: StateLock | None = None
    _chats: Chats | None = None

    def chats(self) -> Chats:
        """Everybody's robot on the twin; made once, so that addresses stay."""
        if self._chats is None:
            self._chats = drill_chats(
                [name for name in self.names if name not in (ADMIN, LEADING_GROUP)],
                lambda name, dialect: f"http://127.0.0.1:{self.port}{self.twin.add_chat(name, dialect)}",
            )
        return self._chats

    def replace_robots(self) -> None:
        """From the next start on everybody has a new robot, at a new address."""
        self._chats = None

    def open(self, chats: Chats | None = None, *, listening: bool = True) -> App:
        """Starts the bot on the folder as it is."""
        self.home = read_home(self.folder)
        self.store, self._lock = open_store(self.folder / "state" / "drill", "drill", as_confirmed=self.as_confirmed)
        self.app = make_app(self.home, self.store, self.clock, chats or self.chats())
        if self.heard:
            self.store.tellings.hearings.always = at("2026-11-23T08:00")
        if listening:
            listen(self.app, self.home, config=chats is not None)
        return self.app

    def close(self) -> None:
        """Ends the bot without a word, as a power cut does."""
        if self._lock is not None:
            self.store.close()
            self._lock.release()
            self._lock = None

    def reopen(self) -> App:
        """A restart."""
        self.close()
        return self.open()

    async def live(self, until: str) -> None:
        """Runs the bot's own loop up to an instant of the story, then stops it cleanly and leaves the state open."""
        self.clock.until = at(until)
        self.clock.over.clear()
        made = self.app
        running = asyncio.create_task(made.run())
        over = asyncio.create_task(self.clock.over.wait())
        await asyncio.wait((running, over), return_when=asyncio.FIRST_COMPLETED)
        over.cancel()
        made.stop()
        await running
        self.clock.over.clear()

    async def passes(self, *instants: str) -> None:
        """One pass at each instant, all settled in between; then the bot is stopped as `live` stops it."""
        for instant in instants:
            self.clock.jump(at(instant))
            await self.app.one_pass()
        await self.app.deliveries.close()

    def refuse(self, how: str, *chats: str) -> None:
        """These chats' platforms say busy, dead or never from now on."""
        for chat in chats:
            [robot] = self.chats().robots[chat]
            self.twin.refuse(chat, SAYS[how][robot.dialect])

    def heal(self, *chats: str) -> None:
        """They are well again."""
        for chat in chats:
            self.twin.heal(chat)

    def seen(self, chat: str) -> list[Bubble]:
        """What the members of a chat have seen."""
        return self.twin.received(chat)

    def all_seen(self) -> list[Bubble]:
        """Everything anybody has seen, in order of time."""
        return sorted((b for name in self.names for b in self.seen(name)), key=lambda bubble: bubble.at)

    def entries(self, *states: EntryState) -> list[Entry]:
        """Entries by number, of these states or of all."""
        return [entry for entry in self.store.entries.values() if not states or entry.state in states]


@asynccontextmanager
async def furnished(
    folder: Path,
    start: str = "2027-01-04T08:00",
    *,
    changes: Mapping[str, str | bytes | None] | None = None,
    names: Sequence[str] = NAMES,
    as_confirmed: bool = True,
    begin: bool = True,
    heard: bool = False,
) -> AsyncIterator[House]:
    """A house with the small rulebook of `rules_factory` (or with `changes` to it), the bot started."""
    if not (folder / "rules").exists():
        write_rules(folder, changes)
    clock = StoryClock(at(start))
    twin = Twin(clock.now, wall)
    async with serving(twin.asgi) as port:
        house = House(folder, twin, port, clock, names, as_confirmed, heard)
        if begin:
            house.open()
        try:
            yield house
        finally:
            if begin:
                await house.app.deliveries.close()
            house.close()
