"""`python -m tests.simulation --seed 1234` tells one story step by step; `--years 100 --from 0` lives many silently."""

from __future__ import annotations

import argparse
import sys
import traceback
from collections.abc import Callable, Iterator
from itertools import count
from multiprocessing import Pool
from time import perf_counter

from tests.simulation.stage import Violation
from tests.simulation.story import Result, days_of, live

PROGRESS = 200  # seeds between two words of how far it is


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, help="one story, told")
    parser.add_argument("--from", type=int, default=0, dest="first", help="first seed of many")
    parser.add_argument("--years", type=float, default=10, help="simulated years of many")
    parser.add_argument("--cores", type=int, default=1, help="how many stories are lived at a time")
    given = parser.parse_args()
    if given.seed is not None:
        sys.stdout.write(f"{live(given.seed, _tell)}\n")
        return 0
    return many(given.first, given.years, given.cores)


def lived(seed: int, live_it: Callable[[int], Result] = live) -> Result:
    """Lives through one seed; what goes wrong says how to see it again."""
    try:
        return live_it(seed)
    except Exception as error:
        where = "" if isinstance(error, Violation) else f" {traceback.extract_tb(error.__traceback__)[-1]}"
        raise Violation(f"{error!r}{where}\n再看一遍：{sys.executable} -m tests.simulation --seed {seed}") from error


def seeds_of(first: int, years: float) -> Iterator[int]:
    """Seeds from `first` on until that many years are reached."""
    days = 0
    for seed in count(first):
        if days >= years * 365:
            return
        days += days_of(seed)
        yield seed


def many(first: int, years: float, cores: int = 1) -> int:
    """Lives them all; how many failed."""
    began, seeds, failed, days = perf_counter(), list(seeds_of(first, years)), 0, 0
    with Pool(cores, maxtasksperchild=PROGRESS) as pool:
        for done, (seed, trouble) in enumerate(pool.imap_unordered(_trouble, seeds), 1):
            failed, days = failed + bool(trouble), days + days_of(seed)
            if trouble:
                _tell(f"seed {seed}: {trouble}")
            if done % PROGRESS == 0 or done == len(seeds):
                pace = days / 365 / (perf_counter() - began) * 60
                _tell(f"{days / 365:.1f} years, {pace:.1f} years per minute, {failed} of {done} seeds failed")
    return failed


def _trouble(seed: int) -> tuple[int, str]:
    """What went wrong in a story, in words that pass between processes."""
    try:
        lived(seed)
    except Violation as violation:
        return seed, str(violation)
    return seed, ""


def _tell(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(bool(main()))
