"""Office hours and slots: at which minute a message may go to a chat.

Times are aware datetimes in the office's zone (Asia/Shanghai). Nothing is sent on the hour or the half hour: other robots
send then, and the platforms are busiest.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from itertools import pairwise

from bot.core.time.workdays import Calendar
from bot.core.time.zone import ZONE, day_of

CROWDED_MINUTES = (0, 30)

Spans = tuple[tuple[time, time], ...]


@dataclass(frozen=True, slots=True)
class SeasonalHours:
    """Office hours of a season, from (month, day) to (month, day), both included; the season may include New Year."""

    starts: tuple[int, int]
    ends: tuple[int, int]
    spans: Spans

    def __post_init__(self) -> None:
        _check(self.spans)
        for month, day in (self.starts, self.ends):
            try:
                date(2028, month, day)
            except ValueError:
                raise ValueError(f"季节办公时间写了不存在的日期：{month}月{day}日") from None

    def covers(self, day: date) -> bool:
        """Whether the day lies in the season."""
        here = (day.month, day.day)
        if self.starts <= self.ends:
            return self.starts <= here <= self.ends
        return here >= self.starts or here <= self.ends


@dataclass(frozen=True, slots=True)
class OfficeHours:
    """Office hours of a workday, the morning's first. The first season that covers a day replaces the usual spans.

    `entry_pause` is how long what rests on a new value waits for the next ones, within office hours.
    Raises ValueError (in Chinese) when spans are empty, reversed, overlapping or shorter than two minutes.
    """

    spans: Spans = ((time(8, 30), time(12, 0)), (time(14, 30), time(17, 30)))
    seasons: tuple[SeasonalHours, ...] = ()
    entry_pause: timedelta = timedelta(minutes=30)

    def __post_init__(self) -> None:
        _check(self.spans)

    def on(self, day: date) -> Spans:
        """The spans of that day; a span does not include its end."""
        return next((season.spans for season in self.seasons if season.covers(day)), self.spans)


def _check(spans: Spans) -> None:
    if not spans:
        raise ValueError("办公时间至少要有一段")
    for start, end in spans:
        if _minute(end) - _minute(start) < 2:
            raise ValueError(f"办公时间{start:%H:%M}-{end:%H:%M}：结束应晚于开始")
    for (_, end), (start, _) in pairwise(spans):
        if start < end:
            raise ValueError(f"办公时间两段重叠或次序颠倒：{end:%H:%M}之后又写了{start:%H:%M}")


def _minute(moment: time) -> int:
    return moment.hour * 60 + moment.minute


@lru_cache(maxsize=64)
def _open_minutes(spans: Spans) -> tuple[int, ...]:
    """Minutes of the day at which a message may go out."""
    return tuple(
        minute
        for start, end in spans
        for minute in range(_minute(start), _minute(end))
        if minute % 60 not in CROWDED_MINUTES
    )


@lru_cache(maxsize=8192)
def _slot_minute(chat: str, spans: Spans) -> int:
    """The chat's minute of the day: derived from a hash of its name, in the first hour of the first span."""
    start = _minute(spans[0][0])
    choices = [minute for minute in _open_minutes(spans[:1]) if start < minute < start + 60] or [start]
    place = int.from_bytes(hashlib.sha256(chat.encode()).digest()[:8], "big")
    return choices[place % len(choices)]


@lru_cache(maxsize=8192)
def week_day(chat: str) -> int:
    """The day of the week, from Monday 0 to Friday 4, on which a chat hears what is only repeated: by a hash of its name."""
    return int.from_bytes(hashlib.sha256(chat.encode()).digest()[8:16], "big") % 5


def _at(day: date, minute: int, tz: tzinfo | None) -> datetime:
    return datetime(day.year, day.month, day.day, minute // 60, minute % 60, tzinfo=tz)


def slot(chat: str, day: date, hours: OfficeHours, tz: tzinfo = ZONE) -> datetime:
    """When the chat's digest goes out on that day: by default between 08:31 and 09:29, the same minute on every day of a season."""
    return _at(day, _slot_minute(chat, hours.on(day)), tz)


def is_open(at: datetime, hours: OfficeHours, calendar: Calendar) -> bool:
    """Whether a message may go out at `at` (aware, in the office's zone): a sending day, and within its office hours."""
    _aware(at)
    here = at.time()
    return calendar.may_send(at.date()) and any(start <= here < end for start, end in hours.on(at.date()))


def next_open_minute(at: datetime, hours: OfficeHours, calendar: Calendar) -> datetime:
    """The first whole minute at or after `at` at which a message may go out; never on the hour or half hour."""
    _aware(at)
    minute = at.hour * 60 + at.minute + (1 if at.second or at.microsecond else 0)
    day = at.date()
    while True:
        choices = _open_minutes(hours.on(day)) if calendar.may_send(day) else ()
        index = bisect_left(choices, minute)
        if index < len(choices):
            return _at(day, choices[index], at.tzinfo)
        day, minute = calendar.send_day_on_or_after(day + timedelta(days=1)), 0


def open_from(at: datetime, hours: OfficeHours, calendar: Calendar) -> datetime:
    """`at` itself if a message may go out then, else the next open minute; never on the hour or half hour."""
    crowded = at.minute in CROWDED_MINUTES
    return at if is_open(at, hours, calendar) and not crowded else next_open_minute(at, hours, calendar)


def allowed(at: datetime, chat: str, today: datetime, hours: OfficeHours, calendar: Calendar) -> datetime:
    """The instant at or after `at` at which a chat may be written to: today in office hours, else in its next slot."""
    at = at.astimezone(ZONE)
    opens = open_from(at, hours, calendar)
    return opens if opens.date() == day_of(today) else max(opens, slot(chat, opens.date(), hours))


def _aware(at: datetime) -> None:
    if at.tzinfo is None:
        raise ValueError("a moment without a time zone")
