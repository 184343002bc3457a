"""How costs grow with the rulebook: the county's rules once, 10 and 100 times, each copy with its own tasks and units.

python -m benchmarks.growth [--times 10 100]
"""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from benchmarks.look import NOW, RULES, scene
from bot.core.deciding.findings import known_items
from bot.core.deciding.look import look
from bot.core.preview.preview import preview_of
from bot.core.time.zone import ZONE
from bot.rulefiles.loader import assemble, read_files

START, END = datetime(2026, 11, 24, tzinfo=ZONE), datetime(2027, 11, 23, 23, 59, tzinfo=ZONE)
TASK = re.compile(r"\b([TS]\d{2})\b(?!/)")
INDICATOR = re.compile(r"(?<![-\w])I(\d+)\b")
UNIT_LINE = re.compile(r"^  - \{编号: (\w+), 名称: ([^,}]+).*\}\n", re.MULTILINE)


def county_times(count: int) -> Mapping[str, bytes]:
    """The rule files of `count` counties in one plan: in the seventh copy T05 is T05-7, I4 is I7004, 县教育局 is 县教育局7."""
    files = {name: raw.decode() for name, raw in read_files(RULES).items()}
    names = sorted((name for _, name in UNIT_LINE.findall(files["units.yaml"])), key=len, reverse=True)
    units = re.compile("|".join(map(re.escape, names)))
    tasks = {name: text for name, text in files.items() if name.startswith("tasks/")}
    indicators = files["indicators.yaml"]
    for copy in range(1, count):
        files |= {f"tasks/{copy:02d}-{name[6:]}": _copied(text, units, copy) for name, text in tasks.items()}
        files["indicators.yaml"] += "\n" + _copied(indicators, units, copy)
    files["units.yaml"] = UNIT_LINE.sub(lambda line: line[0] + _more_units(line, count), files["units.yaml"])
    return {name: text.encode() for name, text in files.items()}


def _copied(text: str, units: re.Pattern[str], copy: int) -> str:
    text = TASK.sub(rf"\1-{copy}", text)
    text = INDICATOR.sub(lambda found: f"I{copy * 1000 + int(found[1])}", text)
    return units.sub(lambda found: f"{found[0]}{copy}", text)


def _more_units(line: re.Match[str], count: int) -> str:
    return "".join(f"  - {{编号: {line[1]}_{copy}, 名称: {line[2]}{copy}}}\n" for copy in range(1, count))


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of one call, and its result."""
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def measured(count: int) -> dict[str, float]:
    """Seconds of each step with that many counties, and the sizes of the rulebook."""
    files = county_times(count)
    check, loaded = timed(lambda: assemble(files))
    rulebook = loaded.rulebook
    assert rulebook is not None, [str(problem) for problem in loaded.problems if problem.is_error][:5]
    many = scene(rulebook)
    look(many, NOW)  # fills the cache of the year's items
    evaluation, _ = timed(lambda: look(many, NOW))
    preview, rows = timed(lambda: sum(len(draft.tellings) for draft, _ in preview_of(many, START, END)))
    items = len(known_items(rulebook, NOW.date()))
    return {"items": items, "rows": rows, "check": check, "one evaluation": evaluation, "preview of a year": preview}


def main() -> None:
    """Prints one table; each figure is followed by its ratio to that of one county."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--times", type=int, nargs="*", default=[10, 100])
    once = measured(1)
    print(f"{'counties':>9}" + "".join(f"{name:>26}" for name in once))
    for count in (1, *parser.parse_args().times):
        found = once if count == 1 else measured(count)
        cells = (f"{found[name]:.3f} s ({found[name] / once[name]:.1f}x)" for name in list(once)[2:])
        sizes = (f"{found[name]:.0f} ({found[name] / once[name]:.1f}x)" for name in list(once)[:2])
        print(f"{count:>9}" + "".join(f"{cell:>26}" for cell in (*sizes, *cells)), flush=True)


if __name__ == "__main__":
    main()
