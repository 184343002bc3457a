"""Named points at which a bot is killed: each lies between two steps of which one without the other must do no harm."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any

import httpx

from bot.sending.courier import Courier
from bot.sending.wire import Wire
from bot.state.archive import Archive
from bot.state.disk.journal import Disk
from bot.state.disk.lock import StateLock

#: Name → what is killed there: (owner, attribute, whether the step is done by then).
STEPS: dict[str, tuple[Any, str, bool]] = {
    "lock taken": (StateLock, "acquire", True),
    "record not written": (Disk, "write", False),
    "record written, not flushed": (Disk, "write", True),
    "record flushed": (Disk, "flush", True),
    "promised, not connected": (Courier, "_exchange", False),
    "answered, not noted": (Courier, "_exchange", True),
    "snapshot drafted": (Disk, "rename", False),
    "snapshot in place": (Disk, "rename", True),
    "leftovers not removed": (Disk, "remove", False),
    "leftovers removed": (Disk, "remove", True),
    "archived, not out of the live state": (Archive, "extend", True),
}
HALF_WRITTEN, HALF_SAID = "record half written", "request written, not answered"
POINTS = (*STEPS, HALF_WRITTEN, HALF_SAID)


def arm(point: str, nth: int) -> None:
    """From now on this process is killed when it comes to `point` for the `nth` time, counted from 1."""
    left = nth

    def come() -> bool:
        nonlocal left
        left -= 1
        return left == 0

    if point == HALF_WRITTEN:
        _arm_writing(come)
    elif point == HALF_SAID:
        _arm_request(come)
    else:
        owner, name, done = STEPS[point]
        found = getattr(owner, name)
        armed = _around(found, come, done)
        setattr(owner, name, staticmethod(armed) if isinstance(owner.__dict__[name], staticmethod) else armed)


def die() -> None:
    """The process is gone when this would return."""
    os.kill(os.getpid(), signal.SIGKILL)


def _around(step: Callable[..., Any], come: Callable[[], bool], done: bool) -> Callable[..., Any]:
    """The step, with the kill before or after it."""

    @wraps(step)
    async def waiting(*arguments: Any, **named: Any) -> Any:
        deadly = come()
        if deadly and not done:
            die()
        result = await step(*arguments, **named)
        if deadly:
            die()
        return result

    @wraps(step)
    def at_once(*arguments: Any, **named: Any) -> Any:
        deadly = come()
        if deadly and not done:
            die()
        result = step(*arguments, **named)
        if deadly:
            die()
        return result

    return waiting if iscoroutinefunction(step) else at_once


def _arm_writing(come: Callable[[], bool]) -> None:
    write = Disk.write

    def writing(file: int, data: bytes) -> int:
        if come():
            write(file, data[: len(data) // 2])
            die()
        return write(file, data)

    Disk.write = staticmethod(writing)


def _arm_request(come: Callable[[], bool]) -> None:
    exchange = Wire.exchange

    async def exchanging(wire: Wire, request: bytes) -> httpx.Response:
        if come():
            wire.transport.write(request)
            die()
        return await exchange(wire, request)

    Wire.exchange = exchanging  # type: ignore[method-assign, assignment]
