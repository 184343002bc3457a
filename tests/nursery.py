"""Brings up bots to be killed: `python nursery.py HOME START UNTIL`, one bot for every line that comes in.

Everything is imported once; each bot is a process of its own, forked here, that runs the story on from where the state
stands. Its number is printed when it begins, and its exit code when it is gone.
"""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import datetime
from pathlib import Path

from loguru import logger

from bot.build import listen, make_app, open_store, read_home
from bot.sources.clock import ZONE, StoryClock


async def live(folder: Path, start: datetime, until: datetime) -> None:
    """The journey as the service runs it, up to the end of the story."""
    home = read_home(folder)
    store, lock = open_store(folder / "state" / "drill", "drill", as_confirmed=True)
    evaluated = store.meta("evaluated")
    now = max(start, datetime.fromisoformat(evaluated).astimezone(ZONE)) if evaluated else start
    clock = StoryClock(now, until=until)
    app = make_app(home, store, clock, home.chats)
    listen(app, home)
    running = asyncio.create_task(app.run())
    await clock.over.wait()
    app.stop()
    await running
    store.close()
    lock.release()


def main(folder: Path, start: datetime, until: datetime) -> None:
    """Forks on every line; the child never comes back here."""
    logger.remove()
    for _ in sys.stdin:
        child = os.fork()
        if not child:
            code = 1
            try:
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
