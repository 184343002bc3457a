"""`python -m tests.simulation --seed 1234` tells one story step by step; `--years 100 --from 0` lives many silently."""

from __future__ import annotations

import argparse
import sys
import traceback
from time import perf_counter

from tests.simulation.stage import Violation
from tests.simulation.story import days_of, live


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, help="one story, told")
    parser.add_argument("--from", type=int, default=0, dest="first", help="first seed of many")
    parser.add_argument("--years", type=float, default=10, help="simulated years of many")
    given = parser.parse_args()
    if given.seed is not None:
        result = live(given.seed, lambda text: sys.stdout.write(text + "\n"))
        sys.stdout.write(f"{result}\n")
        return 0
    return many(given.first, given.years)


def many(first: int, years: float) -> int:
    """Lives seeds from `first` on until that many years are reached; how many failed."""
    began, lived, failed, seed = perf_counter(), 0.0, 0, first
    while lived < years:
        try:
            live(seed)
        except Exception as error:
            failed += 1
            where = "" if isinstance(error, Violation) else traceback.extract_tb(error.__traceback__)[-1]
            sys.stdout.write(f"seed {seed}: {error!r} {where}\n")
            sys.stdout.flush()
        lived, seed = lived + days_of(seed) / 365, seed + 1
    pace = lived / (perf_counter() - began) * 60
    sys.stdout.write(f"{lived:.1f} years, {pace:.1f} years per minute, {failed} of {seed - first} seeds failed\n")
    return failed


if __name__ == "__main__":
    sys.exit(bool(main()))
