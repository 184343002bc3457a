"""Brings up bots that are killed at a chosen step of their disk: `python killed_at.py START UNTIL`, one bot a line.

A line is `STEP HOME`; the bot is killed with SIGKILL right before its step number STEP, counting writes and flushes from
1; 0 lets it live. Its exit code is printed when it is gone.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from datetime import datetime
from pathlib import Path

from loguru import logger

from bot.core.time.zone import ZONE
from bot.state.disk.journal import Disk
from tests.kit.nursery import live


def arm(step: int) -> None:
    """Makes every disk of this process deadly at that step."""
    write, flush, count = Disk.write, Disk.flush, 0

    def step_on() -> None:
        nonlocal count
        count += 1
        if count == step:
            os.kill(os.getpid(), signal.SIGKILL)

    def writing(file: int, data: bytes) -> int:
        step_on()
        return write(file, data)

    def flushing(file: int) -> None:
        step_on()
        flush(file)

    Disk.write, Disk.flush = staticmethod(writing), staticmethod(flushing)


def main(start: datetime, until: datetime) -> None:
    """Forks on every line; the child never comes back here."""
    logger.remove()
    for line in sys.stdin:
        step, home = line.rstrip("\n").split(" ", 1)
        child = os.fork()
        if not child:
            code = 1
            try:
                arm(int(step))
                asyncio.run(live(Path(home), start, until))
                code = 0
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*(datetime.fromisoformat(text).replace(tzinfo=ZONE) for text in sys.argv[1:3]))
