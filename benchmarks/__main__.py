"""python -m benchmarks: every benchmark in turn, each in a process of its own so that none warms up another."""

from __future__ import annotations

import subprocess
import sys

NAMES = ("look", "growth", "store", "decade", "drain", "slow", "event", "start", "idle")


def main() -> int:
    """Runs the named benchmarks, or all; the first failure is the exit code."""
    for name in sys.argv[1:] or NAMES:
        print(f"\n== {name}", flush=True)
        code = subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
