"""Start: the time from spawning `duban run` until it is ready, with 10,000 messages on record, beside the imports alone.

    python -m benchmarks.start [--entries 10000] [--rounds 5]

The state contains delivered messages with two journal records each, not yet compacted into a snapshot. The service is ready
when it says so: its page is up, its state recovered and its rules read. The floor is an interpreter that imports every module
outside the bot that the service imports, and ends.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from benchmarks.crowd import chat, drafts_for, sample
from benchmarks.look import RULES
from benchmarks.turns import Figures, mark, middle, ratio, table
from bot.core.facts.facts import Facts
from bot.core.telling.entry import EntryState
from bot.core.telling.outbox import sending
from bot.state.disk.database import Database
from bot.state.store import Store

IMPORTED = re.compile(r"^import time:\s+\d+ \|\s+\d+ \|\s+(\S+)$", re.MULTILINE)
IMPORT_ALL = """
import contextlib, importlib, sys
for name in sys.stdin.read().split():
    with contextlib.suppress(ImportError):  # a package's own alias for a part of it
        importlib.import_module(name)
"""


def furnish(home: Path, entries: int) -> None:
    """Makes a home folder with the county's rules and a state of delivered messages, two journal records for each."""
    shutil.copytree(RULES, home / "rules")
    (home / "config").mkdir()
    found = sample()
    db = Database.open(home / "state", compact_bytes=1 << 40)
    store = Store(db, Facts(all_confirmed=True))
    for draft in drafts_for([chat(number) for number in range(entries)], found):
        with db.work(durable=False):
            [entry] = store.promise([replace(draft, slot=False)], draft.at, found.rulebook.digest)
        with db.work(durable=False):
            done = {"state": EntryState.DELIVERED, "delivered_at": draft.at, "code": "0"}
            store.put(sending(entry, f"{entry.chat}#1", draft.at).model_copy(update=done))
    store.close()


def command(home: Path, *flags: str) -> list[str]:
    return [sys.executable, *flags, "-m", "bot", "--home", str(home), "run", "--port", "0"]


def ready_ms(home: Path) -> float:
    """Milliseconds until the service says that it is running; then ends it."""
    began = time.perf_counter()
    process = subprocess.Popen(command(home), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout
    try:
        said = any("服务已启动" in line for line in process.stdout)
        took = (time.perf_counter() - began) * 1e3
    finally:
        process.terminate()
        process.wait(120)
        process.stdout.close()
    assert said, "the service did not start"
    return took


def packages(home: Path) -> str:
    """The modules outside the bot that the service imports until it is ready."""
    process = subprocess.Popen(
        command(home, "-X", "importtime"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout
    next(line for line in process.stdout if "服务已启动" in line)
    process.terminate()
    said = process.communicate(timeout=120)[1]
    return "\n".join(name for name in IMPORTED.findall(said) if name.split(".")[0] != "bot")


def importing_ms(names: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", IMPORT_ALL], input=names, text=True, check=True)
    return (time.perf_counter() - began) * 1e3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        full, empty = Path(folder) / "full", Path(folder) / "empty"
        furnish(full, options.entries)
        furnish(empty, 0)
        names = packages(full)
        rounds: list[dict[str, Figures]] = []
        for _ in range(options.rounds + (options.rounds > 1)):
            figures = (importing_ms(names), ready_ms(empty), ready_ms(full))
            shown = ("importing", "ready, nothing on record", f"ready, {options.entries:,} on record")
            rounds.append({name: {"ms": figure} for name, figure in zip(shown, figures, strict=True)})
    rounds = rounds[1:] or rounds  # the first round fills the disk cache and compiles files
    print(f"{len(names.split())} modules, {options.rounds} rounds")
    print(table(rounds, {"ms": "ms"}))
    last = shown[2]
    print(mark("ready : importing the same packages", ratio(rounds, last, "importing", "ms"), 1.5))
    print(f"  recovering adds {middle(rounds, last, 'ms') - middle(rounds, shown[1], 'ms'):.0f} ms")


if __name__ == "__main__":
    main()
