"""How long an entry waits before its next attempt. Times are in seconds; the jitter is a hash, so that a replay waits as long."""

from __future__ import annotations

import hashlib
from datetime import timedelta

from bot.core.telling.entry import Entry

#: Seconds before attempt n+1 when the platform named no wait of its own.
BACKOFF = (20, 60, 300, 900, 1800, 3600)
#: Seconds before each 补发 of a message whose platform gave no clear answer; after the last a person must look.
RESENDS = (300, 3600, 4 * 3600)
#: Before an entry goes again that was interrupted so often that it yields.
INTERRUPTED = timedelta(minutes=30)
#: Seconds up to which a short wait grows when a platform asks for it again and again.
LONGEST_SHORT_WAIT = 60.0
#: After so many attempts any wait that a platform asks for grows, up to so many seconds: a limit that lasts is not tried every minute.
PATIENCE, LONGEST_GROWN_WAIT = 10, 1800.0
#: No wait between two attempts is longer: the last of `RESENDS`, jittered.
LONGEST = timedelta(hours=5)
#: Attempts the platform may answer with a code nobody knows before a person must look.
UNKNOWN_CAP = 5


def retry_wait(entry: Entry, asked: float = 0.0) -> timedelta:
    """What the platform asked for, grown when it asks again and again; else the backoff of this attempt, jittered."""
    if asked:
        return timedelta(seconds=_grown(asked, entry))
    return _jittered(BACKOFF[min(entry.attempts, len(BACKOFF)) - 1] if entry.attempts else BACKOFF[0], entry)


def resend_wait(entry: Entry, copies: int) -> timedelta:
    """Before the next 补发 of a message that may have arrived, after so many copies."""
    return _jittered(RESENDS[copies], entry)


def _grown(seconds: float, entry: Entry) -> float:
    """A few seconds double with every attempt up to a minute, after ten attempts up to half an hour."""
    short = min(LONGEST_SHORT_WAIT, seconds * 2.0 ** min(entry.attempts - 1, 10))
    late = min(entry.attempts - PATIENCE, 10)
    return max(seconds, short, min(LONGEST_GROWN_WAIT, seconds * 2.0**late) if late > 0 else 0.0)


def _jittered(base: float, entry: Entry) -> timedelta:
    """Longer by up to a fifth."""
    spread = hashlib.sha256(f"{entry.number}/{entry.attempts}".encode()).digest()[0] / 255
    return timedelta(seconds=base * (1 + spread / 5))
