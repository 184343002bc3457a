"""python -m benchmarks: runs the benchmarks one after another, each in its own process, so that none warms up another."""

from __future__ import annotations

import subprocess
import sys

NAMES = ("look", "growth", "store", "decade", "drain", "slow", "event", "start", "idle")


def main() -> int:
    """Runs the named benchmarks, or all; returns the exit code of the first that fails."""
    for name in sys.argv[1:] or NAMES:
        print(f"\n== {name}", flush=True)
        code = subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
