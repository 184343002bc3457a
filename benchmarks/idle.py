"""Idle: memory and CPU of `duban run` with the county's rules while nothing is due, beside a bare asyncio process.

Measured twice: after the first start, which runs the rule tests, and after a restart, which does not.

python -m benchmarks.idle [--seconds 60] [--settle 6]
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]
#: httpx imports rich if it is installed. Developers' tools install it, but a county's container has none, so it is hidden.
RUN = "import sys; sys.modules['rich'] = None; from bot.cli import main; main(['--home', sys.argv[1], 'run', '--port', '0'])"
BARE = "import asyncio; asyncio.run(asyncio.sleep(3600))"


def resident_mib(pid: int) -> float:
    """Resident memory (VmRSS) of a process in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def cpu_ms(pid: int) -> float:
    """CPU time of all threads of a process in milliseconds, from the scheduler's nanosecond counters."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e6


def measure(command: list[str], settle: float, seconds: float) -> tuple[float, float]:
    """Resident MiB after `settle` seconds, and CPU milliseconds per minute, measured over `seconds`."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT)
    try:
        time.sleep(settle)
        before = cpu_ms(process.pid)
        time.sleep(seconds)
        return resident_mib(process.pid), (cpu_ms(process.pid) - before) * 60 / seconds
    finally:
        process.terminate()
        process.wait(120)


def main() -> None:
    """Prints both processes and their ratio."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--settle", type=float, default=6, help="seconds before measuring begins")
    options = parser.parse_args()
    seconds = options.seconds
    with TemporaryDirectory() as home:
        shutil.copytree(ROOT / "rules", Path(home) / "rules")
        os.makedirs(Path(home) / "config")
        command = [sys.executable, "-c", RUN, home]
        first, again = (measure(command, options.settle, seconds) for _ in range(2))
    bare = measure([sys.executable, "-c", BARE], 1, 1)
    for name, (memory, cpu) in {"first start": first, "restart": again, "asyncio": bare}.items():
        print(f"{name:12} {memory:6.1f} MiB  {cpu:7.1f} ms CPU a minute   memory ratio {memory / bare[0]:.2f}")


if __name__ == "__main__":
    main()
