"""Brings up bots to be killed: `python nursery.py HOME START UNTIL`, one bot for every line that comes in.

Everything is imported once; each bot is a process of its own, forked here, that runs the story on from where the state
stands. Its number is printed when it begins, and its exit code when it is gone. An empty line is a bot that is killed from
outside or not at all; `POINT<tab>N` one that is killed when it comes to that point of `fault_points` for the Nth time.
"""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import datetime
from functools import partial
from pathlib import Path

from loguru import logger

from bot.core.time.zone import ZONE
from bot.service.home import open_store, read_home
from bot.service.maintenance import Maintenance
from bot.service.wiring import listen, make_app
from bot.sources.clock import StoryClock
from bot.state.disk.database import Database
from tests.kit.fault_points import arm

#: Bytes after which the journal becomes a snapshot: so few that a year's story does it often.
COMPACT_BYTES = 25_000


async def live(folder: Path, start: datetime, until: datetime) -> None:
    """The journey as the service runs it, up to the end of the story."""
    home = read_home(folder)
    store, lock = open_store(folder / "state" / "drill", "drill", as_confirmed=True)
    evaluated = store.meta("evaluated")
    now = max(start, datetime.fromisoformat(evaluated).astimezone(ZONE)) if evaluated else start
    clock = StoryClock(now, until=until)
    app = make_app(home, store, clock, home.chats)
    listen(app, home)
    app.before_pass.append(Maintenance(store, folder / "state" / "drill", None).look)
    running = asyncio.create_task(app.run())
    await clock.over.wait()
    app.stop()
    await running
    store.close()
    lock.release()


def main(folder: Path, start: datetime, until: datetime) -> None:
    """Forks on every line; the child never comes back here."""
    logger.remove()
    Database.open = partial(Database.open, compact_bytes=COMPACT_BYTES)  # type: ignore[method-assign]
    for line in sys.stdin:
        point, _, nth = line.rstrip("\n").partition("\t")
        child = os.fork()
        if not child:
            code = 1
            try:
                if point:
                    arm(point, int(nth))
                asyncio.run(live(folder, start, until))
                code = 0
            finally:
                os._exit(code)
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    moments = [datetime.fromisoformat(text).replace(tzinfo=ZONE) for text in sys.argv[2:4]]
    main(Path(sys.argv[1]), *moments)
