"""The wall: a page that shows every chat as its members see it and controls the drill's clock.

For each open page the stream looks five times a second for messages after the last number that page has. There is no queue for
a page, so a slow page costs nothing and misses no message that is still kept.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib.resources import files
from itertools import takewhile
from time import monotonic
from typing import Any, Protocol
from urllib.parse import urlsplit
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from bot.core.telling.wording import WEEKDAYS
from bot.drill.rendering import rendered
from bot.drill.twin import Bubble
from bot.platforms import platform

KEPT = 400  # messages a chat remembers
LOOKS = 0.2  # real seconds between two looks for new messages
KEEPALIVE = 15.0  # real seconds after which a silent stream sends a comment, so that proxies keep it open
SLOW, FAST = 2.0, 0.1  # real seconds the clock waits after an instant with messages

_MARK = re.compile(r"【(补发|演练)】")
_FILES = {"/": "wall.html", "/wall/wall.css": "wall.css", "/wall/wall.js": "wall.js"}
_MEDIA = {"html": "text/html", "css": "text/css", "js": "text/javascript"}


class StoryTime(Protocol):
    """What the wall needs of the drill's clock: the time, and how fast it goes."""

    speed: float | None  # at most so many times as fast as real time; None jumps to the next instant
    pause: float  # real seconds it waits after an instant with messages
    paused: bool
    over: asyncio.Event  # set at the end of the story

    def now(self) -> datetime:
        """The business time."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """A bubble and its number, counted from 1 over all chats."""

    number: int
    bubble: Bubble


@dataclass(slots=True)
class _Chat:
    bubbles: deque[_Kept] = field(default_factory=lambda: deque(maxlen=KEPT))
    count: int = 0  # ever shown


class Wall:
    """Keeps what was shown and serves the page. `chats` are on it from the start, others from their first message."""

    def __init__(self, clock: StoryTime, chats: Sequence[str], plan: str = "") -> None:
        self._clock = clock
        self._plan = plan
        self._chats = {chat: _Chat() for chat in chats}
        self._number = 0
        self._run = uuid4().hex  # a page that knows another value belongs to an earlier drill
        self._callbacks: list[Callable[[], object]] = []

    def show(self, bubble: Bubble) -> None:
        """Adds a message; to be passed to `Twin.on_bubble`."""
        self._number += 1
        chat = self._chats.setdefault(bubble.chat, _Chat())
        chat.bubbles.append(_Kept(self._number, bubble))
        chat.count += 1

    def on_control(self, callback: Callable[[], object]) -> None:
        """Calls `callback` after every use of a button, so that a loop that waits for the clock looks at it again."""
        self._callbacks.append(callback)

    def routes(self) -> list[BaseRoute]:
        """The page, its two files, and what it asks for."""
        return [
            *(Route(path, _file(name)) for path, name in _FILES.items()),
            Route("/wall/state", self._state),
            Route("/wall/messages", self._messages),
            Route("/wall/stream", self._stream),
            Route("/wall/control", self._control, methods=["POST"]),
        ]

    # --- what the page asks for -------------------------------------------------

    async def _state(self, _: Request) -> Response:
        chats = [self._summary(name) for name in self._chats]
        head = {"run": self._run, "plan": self._plan, "number": self._number, "clock": self._time()}
        return _json({**head, "chats": chats})

    async def _messages(self, request: Request) -> Response:
        chat = self._chats.get(request.query_params.get("chat", ""))
        if chat is None:
            return _json({"错误": "没有这个群"}, 404)
        return _json({"messages": [_shown(kept) for kept in chat.bubbles]})

    async def _stream(self, request: Request) -> Response:
        headers = {"X-Accel-Buffering": "no"}
        if request.method == "HEAD":  # the stream would never end
            return Response(media_type="text/event-stream", headers=headers)
        return StreamingResponse(self._news(request, _known(request)), media_type="text/event-stream", headers=headers)

    async def _control(self, request: Request) -> Response:
        if not _from_here(request):
            return _json({"错误": "只接受本页面的操作"}, 403)
        try:
            self._turn((await request.json())["action"])
        except (ValueError, KeyError, TypeError, RecursionError):
            return _json({"错误": "没有这个操作，可用的有：pause、resume、slow、fast、live"}, 400)
        for callback in self._callbacks:
            callback()
        return _json(self._time())

    # --- inside -----------------------------------------------------------------

    def _turn(self, action: str) -> None:
        """Raises KeyError for an unknown action."""
        if action in ("pause", "resume"):
            self._clock.paused = action == "pause"
            return
        paces: dict[str, tuple[float | None, float]] = {"slow": (None, SLOW), "fast": (None, FAST), "live": (1.0, 0.0)}
        self._clock.speed, self._clock.pause = paces[action]

    def _time(self) -> dict[str, Any]:
        """The clock as the page shows it."""
        now = self._clock.now()
        pace = "live" if self._clock.speed == 1.0 else ("slow" if self._clock.pause >= 1.0 else "fast")
        return {
            "now": f"{_day(now)}{now:%H:%M}",
            "paused": self._clock.paused,
            "pace": pace,
            "over": self._clock.over.is_set(),
        }

    def _summary(self, name: str) -> dict[str, Any]:
        chat = self._chats[name]
        return {"name": name, "count": chat.count, "last": _shown(chat.bubbles[-1]) if chat.bubbles else None}

    def _after(self, number: int) -> list[_Kept]:
        """Messages after `number` that are still kept, in order."""
        found: list[_Kept] = []
        for chat in self._chats.values():
            found += takewhile(lambda kept: kept.number > number, reversed(chat.bubbles))
        return sorted(found, key=lambda kept: kept.number)

    async def _news(self, request: Request, number: int) -> AsyncIterator[str]:
        """The stream: every message once, the clock whenever it changes, a comment now and then."""
        told: dict[str, Any] = {}
        spoke = monotonic()
        while not await request.is_disconnected():
            news = "".join(self._bubble_event(kept) for kept in self._after(number)) if number < self._number else ""
            number = max(number, self._number)
            if (time := self._time()) != told:
                news += _event("clock", time)
                told = time
            if not news and monotonic() - spoke >= KEEPALIVE:
                news = ": 仍在\n\n"
            if news:
                spoke = monotonic()
                yield news
            await asyncio.sleep(LOOKS)

    def _bubble_event(self, kept: _Kept) -> str:
        chat = kept.bubble.chat
        data = {"chat": chat, "count": self._chats[chat].count, "message": _shown(kept)}
        return f"id: {kept.number}\n{_event('bubble', data)}"


def _shown(kept: _Kept) -> dict[str, Any]:
    """One message for the page; only `html` is HTML."""
    bubble = kept.bubble
    mark = _MARK.match(bubble.title)
    return {
        "number": kept.number,
        "day": _day(bubble.at),
        "time": f"{bubble.at:%H:%M}",
        "dialect": bubble.dialect,
        "platform": platform(bubble.dialect).title,
        "title": bubble.title,
        "mark": mark[1] if mark else "",
        "part": f"第{bubble.part}/{bubble.parts}部分" if bubble.parts > 1 else "",
        "html": rendered(bubble),
    }


def _day(at: datetime) -> str:
    return f"{at.year}年{at.month}月{at.day}日（周{WEEKDAYS[at.weekday()]}）"


def _event(name: str, data: object) -> str:
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"


def _json(body: object, code: int = 200) -> Response:
    return JSONResponse(body, code, media_type="application/json; charset=utf-8")


def _known(request: Request) -> int:
    """The number of the last message the page has; a browser sends it by itself when it reconnects."""
    text = request.headers.get("last-event-id") or request.query_params.get("after", "")
    return int(text) if re.fullmatch(r"[0-9]{1,15}", text) else 0


def _from_here(request: Request) -> bool:
    """Whether a request comes from our own page or from no browser: a page of another site may not move the clock."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        return False  # another site's form cannot send this type
    if (site := request.headers.get("sec-fetch-site")) is not None:
        return site == "same-origin"
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")


def _file(name: str) -> Callable[[Request], Awaitable[Response]]:
    """One of the page's files, read once."""
    content = files("bot.drill").joinpath(name).read_text("utf-8")

    async def respond(_: Request) -> Response:
        return Response(content, media_type=_MEDIA[name.rpartition(".")[2]])

    return respond
