"""Deciding: loading the county's rules, one full evaluation, and a preview to 2035, beside a plain loop over as many items.

python -m benchmarks.look [--rounds 3]
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

from bot.core.deciding.desk import Used
from bot.core.deciding.findings import known_items
from bot.core.deciding.look import Scene, look
from bot.core.deciding.memory import Tellings
from bot.core.facts.facts import Facts
from bot.core.preview.preview import preview_of
from bot.core.rules.rulebook import Rulebook
from bot.core.time.windows import OfficeHours
from bot.core.time.zone import ZONE
from bot.rulefiles.loader import load
from bot.service.home import everybody

RULES = Path(__file__).parents[1] / "rules"
NOW = datetime(2027, 6, 1, 8, 0, tzinfo=ZONE)


def scene(rulebook: Rulebook) -> Scene:
    """The county with everything confirmed and nothing told."""
    return Scene(
        rulebook=rulebook,
        facts=Facts(all_confirmed=True),
        memory=Tellings(),
        directory=everybody(rulebook),
        hours=OfficeHours(),
        used=lambda chat, day: Used(),
    )


def timed(work: Callable[[], object], rounds: int) -> float:
    """Median seconds of `rounds` runs."""
    found = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        found.append(time.perf_counter() - start)
    return statistics.median(found)


def main() -> None:
    """Prints one line per figure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    reading = timed(lambda: load(RULES), rounds)
    rulebook = load(RULES).rulebook
    assert rulebook is not None
    county = scene(rulebook)
    items = known_items(rulebook, NOW.date())
    floor = timed(lambda: [item.due_on is not None and item.due_on < date(2027, 6, 1) for item in items], 50)
    whole = timed(lambda: look(county, NOW), 10)
    start = datetime(2026, 11, 24, tzinfo=ZONE)
    year = timed(lambda: list(preview_of(county, start, datetime(2027, 11, 23, 23, 59, tzinfo=ZONE))), rounds)
    decade = timed(lambda: list(preview_of(county, start, datetime(2035, 12, 31, 23, 59, tzinfo=ZONE))), 1)
    print(f"read and check the rules      {reading * 1000:8.1f} ms")
    print(
        f"one evaluation, {len(items)} items    {whole * 1000:8.1f} ms  ({whole / floor:.0f} times a bare pass over the dates)"
    )
    print(f"preview of a year             {year:8.2f} s")
    print(f"preview to 2035               {decade:8.2f} s   ({decade / year:.1f} times a year)")


if __name__ == "__main__":
    main()
