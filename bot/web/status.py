"""How the service stands, as probes, the status page and /metrics show it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from bot.core.wording import WEEKDAYS


@dataclass(frozen=True)
class Status:
    """How the service stands. `reasons` say in Chinese why it is not ready; `counts` are outbox entries by state.

    `doubts` are what the last self-audit, at `audited`, found missing; `broken` counts robots that a person must mend.
    """

    alive: bool
    ready: bool
    reasons: tuple[str, ...]
    now: datetime  # business time
    clock: str  # real, drill
    plan: str
    version: str
    counts: Mapping[str, int]
    audited: datetime | None = None
    doubts: tuple[str, ...] = ()
    evaluated: datetime | None = None
    broken: int = 0


def moment(at: datetime) -> str:
    """2026年11月24日（周二）08:31."""
    return f"{at.year}年{at.month}月{at.day}日（周{WEEKDAYS[at.weekday()]}）{at:%H:%M}"
