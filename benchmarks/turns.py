"""Runs contenders in turns: in each round, every contender runs once in a fresh process; ratios are taken within a round.

Changes of a shared machine's speed then affect all contenders alike. Results are medians over the rounds.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from statistics import median

Figures = dict[str, float]
Round = dict[str, Figures]


def child(module: str, *options: object) -> Figures:
    """The figures of `python -m benchmarks.<module>`, which it prints as JSON on its last line."""
    command = [sys.executable, "-m", f"benchmarks.{module}", *map(str, options)]
    run = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    figures: Figures = json.loads(run.stdout.splitlines()[-1])
    return figures


def middle(rounds: Sequence[Round], name: str, figure: str) -> float:
    return median(one[name][figure] for one in rounds)


def ratio(rounds: Sequence[Round], name: str, floor: str, figure: str) -> float:
    """The median of the ratios within each round."""
    return median(one[name][figure] / one[floor][figure] for one in rounds)


def mark(what: str, figure: float, limit: float, *, least: bool = False) -> str:
    """One line with a figure, its goal, and whether it was reached."""
    met = figure >= limit if least else figure <= limit
    return f"{what:<58}{figure:>10.2f}   {'>=' if least else '<='} {limit:<8g}{'reached' if met else 'MISSED'}"


def table(rounds: Sequence[Round], columns: Mapping[str, str]) -> str:
    """A table with one row for each contender and the median of each figure; `columns` maps figures to headings."""
    names = list(rounds[0])
    width = max(map(len, names))
    lines = [f"{'':<{width}}" + "".join(f"{heading:>16}" for heading in columns.values())]
    for name in names:
        cells = ((f"{middle(rounds, name, one):,.1f}" if one in rounds[0][name] else "") for one in columns)
        lines.append(f"{name:<{width}}" + "".join(f"{cell:>16}" for cell in cells))
    return "\n".join(lines)
