"""How every test runs, on a fast machine or a slow one."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# A property that holds on a fast machine holds on a busy one: how long an example takes decides nothing.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")
