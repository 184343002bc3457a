"""How every test runs, on a fast machine or a slow one."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from unittest import mock

import pytest
from hypothesis import HealthCheck, settings

from bot.rulefiles import fixes, loader
from bot.rulefiles.text.tree import read
from bot.state.disk.collector import seldom

# A property that holds on a fast machine holds on a busy one: how long an example takes decides nothing.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

# As in the service: by Python's own settings a third of the time that the county takes to load goes into looking for cycles.
seldom()


@pytest.fixture(scope="session", autouse=True)
def _files_read_once() -> Iterator[None]:
    """What a rule file says depends on its bytes and its name: the county's thirty, which most tests load, are read once."""
    once = lru_cache(maxsize=64)(read)
    with mock.patch.object(loader, "read", once), mock.patch.object(fixes, "read", once):
        yield
