"""`python wrong_clock.py FILE ARGUMENTS…`: duban under a wall clock that is wrong by as many seconds as FILE says, now.

The real clock and its scheduler read the wrong time like that of a machine that somebody sets; elapsed time goes on.
"""

from __future__ import annotations

import sys
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Self

import apscheduler.job
import apscheduler.schedulers.base
import apscheduler.triggers.date

import bot.sources.clock

WRONG = Path(sys.argv[1])


class Wall(datetime):
    """What the machine's clock says."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        return super().now(tz) + timedelta(seconds=float(WRONG.read_text() or 0))


for module in (
    bot.sources.clock, apscheduler.schedulers.base, apscheduler.job, apscheduler.triggers.date,
):  # fmt: skip
    module.__dict__["datetime"] = Wall

if __name__ == "__main__":
    from bot.cli import main

    main(sys.argv[2:])
