"""Time for simulations: an event loop whose clock jumps over every wait, and the service's clock on top of it.

Nothing sleeps and nothing runs beside the loop, so that a seed is the whole story.
"""

from __future__ import annotations

import asyncio
import gc
import selectors
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import Any

from bot.state.disk.collector import undisturbed

HOT = 200  # passes at one instant: the loop goes round without time passing


class PowerCut(BaseException):
    """The machine is gone, or the process is: nothing may catch this as an error."""


class Violation(AssertionError):  # noqa: N818 - it is what the simulation looks for
    """A promise was broken; the text says which, and when."""


class _Selector(selectors.SelectSelector):
    """Waits by moving the time on."""

    passed = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Violation("nobody will ever wake up again")
        self.passed += max(0.0, timeout)
        return []


class StageLoop(asyncio.SelectorEventLoop):
    """Seconds begin at 0 and pass only while everybody waits."""

    def __init__(self) -> None:
        self._stage = _Selector()
        super().__init__(self._stage)
        self._clock_resolution = 1e-6  # after months the next float is further away than a real clock's resolution

    def time(self) -> float:
        return self._stage.passed


@contextmanager
def tidy() -> Iterator[None]:
    """No garbage is collected during a story and all of its own at its end, without a look at what was there before."""
    gc.freeze()
    try:
        with undisturbed():
            yield
        gc.collect()
    finally:
        gc.unfreeze()


def staged(main: Callable[[], Any]) -> Any:
    """Runs a coroutine function to its end in a loop of its own."""
    with asyncio.Runner(loop_factory=StageLoop) as runner:
        runner.get_loop().set_exception_handler(_unless_dead)
        return runner.run(main())


def _unless_dead(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """A power cut leaves half-done work behind, which is nobody's slip."""
    if not isinstance(context.get("exception"), PowerCut):
        loop.default_exception_handler(context)


class StageClock:
    """The service's clock: true time and how wrong the machine's clock is. It is a `real` clock to the service.

    There is no heartbeat: quiet time is jumped over, and whatever a heartbeat would find is announced by `beat`.
    """

    kind = "real"

    def __init__(self, start: datetime, loop: asyncio.AbstractEventLoop) -> None:
        self._start, self._loop = start, loop
        self._zero = loop.time()
        self.wrong = timedelta()
        self.poke: asyncio.Event | None = None
        self.passes = 0
        self._stood: tuple[datetime, int] = (start, 0)
        self._read: tuple[float, datetime] = (self._zero, start)  # asked much more often than it moves

    def true(self) -> datetime:
        """The time by which everybody else lives."""
        at = self._loop.time()
        if at != self._read[0]:
            self._read = (at, self._start + timedelta(seconds=at - self._zero))
        return self._read[1]

    def now(self) -> datetime:
        return self.true() + self.wrong

    def elapsed(self) -> float:
        """Seconds by a clock that nobody sets."""
        return self._loop.time()

    def later(self, seconds: float, act: Callable[[], object]) -> None:
        """Something happens in so many seconds of true time."""
        self._loop.call_later(seconds, act)

    def beat(self, seconds: float = 30.0) -> None:
        """The heartbeat after a disturbance."""
        self.later(seconds, self._ring)

    def _ring(self) -> None:
        if self.poke is not None:
            self.poke.set()

    def start(self, wake: Callable[[], None]) -> None:
        """Nothing to begin; `wait` is given what to set."""

    def look(self, now: datetime) -> None:
        """Nothing is new."""

    async def wait(self, until: datetime | None, poke: asyncio.Event, spoke: bool = False) -> None:
        del spoke
        self.passes += 1
        self._must_move()
        self.poke = poke
        seconds = (until - self.now()).total_seconds() if until else 86400.0
        with suppress(TimeoutError):
            await asyncio.wait_for(poke.wait(), max(0.0, seconds))
        poke.clear()

    def _must_move(self) -> None:
        at, count = self._stood
        self._stood = (at, count + 1) if at == self.true() else (self.true(), 0)
        if count > HOT:
            raise Violation(f"{self.true()}: the loop goes round without time passing")

    def stop(self) -> None:
        """Nothing to end."""
