"""No input may make the process grow; a long run says how many inputs it tried, how fast, and how large it became."""

from __future__ import annotations

import resource
from collections.abc import Iterator

import pytest
from _pytest.terminal import TerminalReporter
from loguru import logger

from tests.fuzz.amounts import FACTOR, TRIED

MIB = 1024  # ru_maxrss is in KiB
GROWTH = 256 * MIB


def peak() -> int:
    """The largest size this process ever had, in KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


@pytest.fixture(autouse=True)
def _never_grows() -> Iterator[None]:
    logger.remove()
    before = peak()
    yield
    assert peak() - before < GROWTH


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    if FACTOR == 1:
        return
    seconds: dict[str, float] = {}
    for report in terminalreporter.stats.get("passed", []) + terminalreporter.stats.get("failed", []):
        name = report.nodeid.rpartition("::")[2].split("[")[0]
        seconds[name] = seconds.get(name, 0.0) + report.duration
    terminalreporter.section("fuzz")
    for name, count in TRIED.items():
        rate = count / seconds[name] if seconds.get(name) else 0.0
        terminalreporter.write_line(f"{count:>9,} inputs {rate:>8,.0f}/s  {name}")
    terminalreporter.write_line(f"peak memory {peak() / MIB:.0f} MiB")
