"""The platforms' twin: one server that speaks every dialect and refuses like the real ones.

Pace is counted on the business clock, which a drill makes jump; signatures are checked against wall time, as the
senders sign. It keeps everything it showed, for the wall and for tests.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl
from uuid import NAMESPACE_URL, uuid5

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from bot.platforms import Answer, Call, Markup, Platform, RefusalError, Server, platform, platforms

_MINUTE = timedelta(minutes=1)
_SECOND = timedelta(seconds=1)
_PARTS = re.compile(r"（(\d+)/(\d+)）$")


@dataclass(frozen=True, slots=True)
class Bubble:
    """One message as the members of a chat see it. `source` is to be rendered as `markup` says."""

    chat: str
    at: datetime  # business clock
    dialect: str
    payload: dict[str, Any]  # as posted
    markup: Markup
    title: str
    source: str
    part: int = 1
    parts: int = 1


@dataclass(slots=True)
class _Robot:
    chat: str
    platform: Platform
    secret: str | None
    keyword: str | None
    accepted: deque[datetime] = field(default_factory=deque)
    shut_until: datetime | None = None


@dataclass(slots=True)
class _Fault:
    """What goes wrong in a chat until it is healed."""

    code: int = 0  # refuses with it
    hang: float = 0.0  # real seconds between taking a message and answering
    drop: bool = False  # takes the message, then cuts the connection
    html: bool = False  # a page instead of the platform, which never sees the message
    gateway: int = 0  # takes the message, but a gateway answers in its place, with this HTTP status


class Twin:
    """All chats of a drill. `clock` is the business time, `wall` the real one; both give aware datetimes."""

    def __init__(self, clock: Callable[[], datetime], wall: Callable[[], datetime]) -> None:
        self._clock = clock
        self._wall = wall
        self._robots: dict[tuple[str, str], _Robot] = {}
        self._received: dict[str, list[Bubble]] = {}
        self._faults: dict[str, _Fault] = {}
        self._callbacks: list[Callable[[Bubble], object]] = []
        self.asgi = Starlette(routes=[self._route(each) for each in platforms().values()])

    def add_chat(self, chat: str, dialect: str, secret: str | None = None, keyword: str | None = None) -> str:
        """Adds a robot to `chat` and returns its address after the host; the same call order gives the same address."""
        token = str(uuid5(NAMESPACE_URL, f"{dialect}/{len(self._robots)}/{chat}"))
        spoken = platform(dialect)
        self._robots[dialect, token] = _Robot(chat, spoken, secret, keyword)
        self._received.setdefault(chat, [])
        return spoken.server.path.format(token=token)

    def received(self, chat: str) -> list[Bubble]:
        """What the members of `chat` have seen, in order."""
        return list(self._received[chat])

    def on_bubble(self, callback: Callable[[Bubble], object]) -> None:
        """Calls `callback` with every message from now on, before the sender hears that it was accepted."""
        self._callbacks.append(callback)

    def refuse(self, chat: str, code: int) -> None:
        """Every message to `chat` is refused with the platform's `code`."""
        self._fault(chat).code = code

    def hang(self, chat: str, seconds: float) -> None:
        """Messages to `chat` are shown, but answered only after real `seconds`."""
        self._fault(chat).hang = seconds

    def drop_after_accept(self, chat: str) -> None:
        """Messages to `chat` are shown, but the connection is cut in the middle of the answer."""
        self._fault(chat).drop = True

    def html(self, chat: str) -> None:
        """A gateway's page answers in place of the platform, with HTTP 200."""
        self._fault(chat).html = True

    def gateway(self, chat: str, status: int) -> None:
        """Messages to `chat` are shown, but a gateway in between answers with its own `status` and page."""
        self._fault(chat).gateway = status

    def heal(self, chat: str) -> None:
        """Ends every fault of `chat`."""
        self._faults.pop(chat, None)

    def answer(self, dialect: str, token: str, call: Call) -> Answer:
        """The platform's reply to one call; what is accepted is shown. No network is needed for this."""
        spoken = platform(dialect)
        try:
            self._accept(self._robots.get((dialect, token)), spoken.server, call)
        except RefusalError as refusal:
            known = spoken.codes.meanings.get(refusal.code)
            return spoken.server.answer(refusal.code, refusal.says or (known.says if known else "unknown error"))
        return spoken.server.answer(0, "")

    def _fault(self, chat: str) -> _Fault:
        if chat not in self._received:
            raise KeyError(chat)
        return self._faults.setdefault(chat, _Fault())

    def _accept(self, robot: _Robot | None, server: Server, call: Call) -> None:
        if robot is None:
            raise RefusalError(server.unknown_token)
        if (fault := self._faults.get(robot.chat)) and fault.code:
            raise RefusalError(fault.code)
        now = self._clock()
        self._check_pace(robot, now)
        shown = server.read(call, robot.secret, robot.keyword)
        robot.accepted.append(now)
        part, parts = map(int, found.groups()) if (found := _PARTS.search(shown.title)) else (1, 1)
        name = robot.platform.name
        self._show(Bubble(robot.chat, now, name, shown.payload, shown.markup, shown.title, shown.source, part, parts))

    def _check_pace(self, robot: _Robot, now: datetime) -> None:
        """A sliding minute, and where there is one a sliding second, of what was accepted; refused calls do not count."""
        limits, server = robot.platform.limits, robot.platform.server
        while robot.accepted and robot.accepted[0] <= now - _MINUTE:
            robot.accepted.popleft()
        in_second = sum(at > now - _SECOND for at in robot.accepted)
        over = len(robot.accepted) >= limits.per_minute
        over = over or (limits.per_second is not None and in_second >= limits.per_second)
        shut = robot.shut_until is not None and now < robot.shut_until
        if over and not shut and server.shuts:
            robot.shut_until = now + timedelta(seconds=server.shuts)
        if over or shut:
            raise RefusalError(server.too_fast)

    def _show(self, bubble: Bubble) -> None:
        self._received[bubble.chat].append(bubble)
        for callback in self._callbacks:
            callback(bubble)

    def _route(self, each: Platform) -> Route:
        """The platform's path; a robot's token stands in it, or in its query."""
        path, _, query = each.server.path.partition("?")
        name = next((name for name, value in parse_qsl(query) if value == "{token}"), "")

        async def respond(request: Request) -> Response:
            token = request.query_params.get(name, "") if name else request.path_params["token"]
            return await self._respond(each.name, token, request)

        return Route(path, respond, methods=["POST"])

    async def _respond(self, dialect: str, token: str, request: Request) -> Response:
        body = await request.body()
        robot = self._robots.get((dialect, token))
        fault = self._faults.get(robot.chat, _Fault()) if robot else _Fault()
        if fault.html:
            return HTMLResponse("<html><body>上网认证：请先登录</body></html>")
        call = Call(request.query_params, request.headers.get("content-type", ""), body, self._wall(), request.headers)
        answer = self.answer(dialect, token, call)
        if fault.hang:
            # A sender that gives up ends the wait: the next thing received after the body is its disconnection.
            with suppress(TimeoutError):
                await asyncio.wait_for(request.receive(), fault.hang)
        if fault.drop:
            return _Cut(answer.body)
        if fault.gateway:
            return HTMLResponse("<html><body>Bad Gateway</body></html>", fault.gateway)
        kind = "text/plain" if isinstance(answer.content, str) else "application/json"
        return Response(answer.body, answer.status, dict(answer.headers), kind)


class _Cut(Response):
    """Half of an answer: the server then finds the response unfinished and closes the connection."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": self.body[: len(self.body) // 2], "more_body": True})
