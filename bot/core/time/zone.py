"""The office's time zone, and conversions between instants and days in it."""

from __future__ import annotations

from datetime import date, datetime, time
from functools import lru_cache
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Asia/Shanghai")


def day_of(at: datetime) -> date:
    """The day of an aware instant in Asia/Shanghai."""
    return at.astimezone(ZONE).date()


@lru_cache(maxsize=8192)
def midnight(day: date) -> datetime:
    """The first instant of a day in Asia/Shanghai."""
    return datetime.combine(day, time(), ZONE)
