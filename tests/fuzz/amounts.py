"""How much is tried: a little in `make test`; `FUZZ=40` tries forty times as much and says how fast it went."""

from __future__ import annotations

import os
from collections import Counter

from hypothesis import HealthCheck, settings

FACTOR = int(os.environ.get("FUZZ", "1"))
#: Test name → inputs tried.
TRIED: Counter[str] = Counter()


def much(examples: int) -> settings:
    """For a property that is tried `examples` times in a short run."""
    slow = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example)
    return settings(max_examples=examples * FACTOR, suppress_health_check=slow)


def tried() -> None:
    """Counts one input for the test that runs."""
    name = os.environ["PYTEST_CURRENT_TEST"].rpartition("::")[2]
    TRIED[name.split(" ")[0].split("[")[0]] += 1
