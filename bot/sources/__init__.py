"""Sources: where events, edits and wake-ups come from. One file is one source; `Source` is what all of them promise.

To add one: write a file here with a class that keeps the promise, and list it in `bot/service/wiring.py::listen`.
Not here: what an event means (`core`) and what is done about it (`service`). May import `core/time` and `core/facts`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol, runtime_checkable


@runtime_checkable
class Source(Protocol):
    """Something outside the service that may have news: a clock, a folder, a mailbox.

    A source hands its news to the callback that its constructor was given, always from inside `look`. The service calls
    all three methods from the thread of the event loop. None of them may block for long.
    """

    def start(self, wake: Callable[[], None]) -> None:
        """Called when the service's loop begins, before its first look. Must not raise.

        From now until `stop` the source may call `wake`, in the event loop's thread, as soon as a look may find
        something. This only saves waiting for the next pass: a source that never wakes anybody is sound, and a wake too
        many costs one pass. A single pass (`duban once`) looks without a start.
        """
        ...

    def look(self, now: datetime) -> None:
        """Called at every pass with the business time (aware). Hands on what is new; nothing is handed on twice.

        Cheap when nothing is new. Raises OSError when the source cannot be read: the service logs that, looks at the
        other sources, and asks again at the next pass. What was not handed on must then be found again.
        """
        ...

    def stop(self) -> None:
        """Called when the loop has ended; there is no `wake` after it. Harmless without a start and when repeated."""
        ...
