"""Every benchmark runs, at sizes that prove nothing about speed; a figure that is printed is never asserted."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import NAMES

ROOT = Path(__file__).parents[2]

SMALL = {
    "look": ["--rounds", "1"],
    "growth": ["--times", "2"],
    "store": ["--rounds", "1", "--changes", "10", "--sizes", "20"],
    "decade": ["--years", "1"],
    "drain": ["--messages", "40", "--rounds", "1"],
    "slow": ["--messages", "50", "--rounds", "1", "--hang", "2"],
    "event": ["--events", "3", "--robots", "0", "20", "--rounds", "1"],
    "start": ["--entries", "20", "--rounds", "1"],
    "idle": ["--seconds", "0.1", "--settle", "1"],
}
LINES = {"drain": "peak MiB", "slow": "one robot hangs", "event": "one event, p99 ms", "start": "recovering adds"}


def run(name: str, *options: str) -> str:
    command = [sys.executable, "-m", f"benchmarks.{name}", *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_every_benchmark_that_is_listed_is_tried_here() -> None:
    assert set(NAMES) == set(SMALL)


@pytest.mark.parametrize("name", NAMES)
def test_a_benchmark_runs_and_prints_its_figures(name: str) -> None:
    assert LINES.get(name, "") in run(name, *SMALL[name])


def test_draining_over_tls_shakes_hands_no_more_often_than_there_are_connections() -> None:
    said = run("drain", "--messages", "130", "--rounds", "1", "--tls", "--senders", "service")
    assert "connections (handshakes, over TLS)" in said
    assert "MISSED" not in next(line for line in said.splitlines() if line.startswith("connections"))


def test_the_row_for_a_side_by_side_run_has_what_such_a_harness_asks_for() -> None:
    assert {'"n": 20', '"delivered": 20'} <= set(run("row", "20").strip("{}\n").split(", "))
    assert '"event_to_webhook": {"p50_ms": ' in run("row", "2", "--event")
