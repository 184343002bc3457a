"""投递: one message to one robot, one outcome. The only module that knows httpx and httpcore.

Many transports of one connection each ("shards") over one TLS context: a stock pool of many connections walks all of
them for every request, and a new client for every robot would shake hands for every message.
Bare connections and not clients, because a client logs every address it calls, keeps cookies and may follow redirects.
Where they may lead is decided when they are opened (`bot/shell/gate.py`).
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

import httpcore
import httpx

from bot.core.message import Message
from bot.core.outcome import Outcome, Verdict
from bot.platforms import Platform, Request, Robot, platform
from bot.shell.gate import Gate, WrongPlaceError, is_loopback

REPLY_BYTES = 64 * 1024
CONNECT = (
    0.4  # of the time of an attempt, for TCP and again for TLS: httpcore leaks a socket cancelled in its handshake
)
SECRET_LENGTH = 6  # characters: shorter ends of an address are words such as `send`
KEEP_ALIVE = 5.0  # seconds: shorter than any server's own, so that a connection is seldom closed under a request

# Their finer levels write addresses and whatever headers a server sends back.
for _library in ("httpx", "httpcore"):
    logging.getLogger(_library).setLevel(logging.WARNING)

_ADDRESS = "请核对群聊配置中的地址"
_NOT_SENT = "连不上平台，消息没有发出，稍后自动重试；一直如此请检查网络、域名解析、代理和证书"
_UNREACHED = "检查网络、防火墙、域名解析、代理和根证书"
_INSIDE = "域名解析到内网或本机地址，没有发送：请核对域名解析；确属内网平台的，在该机器人下写 允许内网: 是"
_UNSURE = "消息已发出，但没有收到完整的答复，可能已送达：将标明“补发”再发一次"


class Courier:
    """Sends through at most `shards` connections, `timeout` seconds an attempt from connecting to the last byte.

    A host is allowed exactly (`oapi.dingtalk.com`) or by suffix (`*.dg-work.cn`), over https only; loopback needs neither.
    With `loopback_only` nothing else is ever written to: for the drill and for any clock that is not the real one.
    """

    def __init__(
        self, allowed_hosts: Collection[str], *, shards: int = 64, timeout: float = 10.0, loopback_only: bool = False
    ) -> None:
        self._allowed = tuple(host.lower() for host in allowed_hosts)
        self._timeout = timeout
        self._loopback_only = loopback_only
        self._seats = asyncio.Semaphore(shards)
        self._shards = shards
        self._open = 0  # shards in use or idle
        self._idle: list[_Shard] = []  # the most recently used one last

    async def send(self, robot: Robot, message: Message, now: datetime) -> Outcome:
        """Sends one part, signed with wall time `now`. Raises nothing but CancelledError."""
        url, lane, refusal = self._way(robot)
        if refusal:
            return refusal
        try:
            dialect = platform(robot.dialect)
        except ValueError as error:
            return _refused(str(error), "请核对群聊配置中的方言")
        try:
            request = dialect.encode(message, robot, now)
        except Exception as error:  # a message that cannot be written down must not stop the others
            return Outcome(Verdict.UNDELIVERABLE, text=type(error).__name__, remedy="消息无法编码：请告知维护人员")
        signed = url if request.url is robot.url else httpx.URL(request.url.get_secret_value())
        found = _scrubbed(await self._post(dialect, request, signed, lane), robot, url)
        return replace(found, body=request.body)

    async def reach(self, robot: Robot) -> Outcome | None:
        """Connects, shakes hands, closes: no request is written. None when it went well; of a proxy only itself is tried."""
        url, lane, refusal = self._way(robot)
        if refusal:
            return refusal
        goal = httpx.URL(lane.proxy) if lane.proxy else url
        try:
            async with asyncio.timeout(self._timeout):
                await _knock(goal, lane, self._timeout * CONNECT)
        except WrongPlaceError:
            return _refused("解析到不允许的地址", _INSIDE)
        except Exception as error:
            return Outcome(Verdict.LATER, text=_why_unreached(error), remedy=_UNREACHED)
        return None

    async def aclose(self) -> None:
        """Closes the idle connections; sends still under way close their own."""
        while self._idle:
            self._open -= 1
            await self._idle.pop().line.aclose()

    def _way(self, robot: Robot) -> tuple[httpx.URL, Lane, Outcome | None]:
        """Where to, how, and why not."""
        lane = Lane(robot.proxy.get_secret_value() if robot.proxy else "", robot.authority, robot.inside)
        try:
            url = _parsed(robot.url.get_secret_value())
        except httpx.InvalidURL:
            return httpx.URL(), lane, _refused("不是网址", _ADDRESS)
        return url, lane, self._forbidden(url, lane)

    def _forbidden(self, url: httpx.URL, lane: Lane) -> Outcome | None:
        local = is_loopback(url.host)
        if self._loopback_only and not (local and (not lane.proxy or is_loopback(httpx.URL(lane.proxy).host))):
            return _refused("演练中只能发往本机", "演练不会写到真实的群；要发到测试群，请用演练命令指定该群")
        if url.scheme != "https" and not (local and url.scheme == "http"):
            return _refused("地址不是 https", _ADDRESS)
        if not local and not any(_matches(url.host, allowed) for allowed in self._allowed):
            return _refused(f"主机 {url.host} 不在允许名单中", f"{_ADDRESS}；确属本单位平台的，请把主机加入允许名单")
        return None

    async def _post(self, dialect: Platform, request: Request, url: httpx.URL, lane: Lane) -> Outcome:
        trail = _Trail(request.body)
        try:
            reply = await self._exchange(request, url, lane, trail)
        except WrongPlaceError:
            return _refused("解析到不允许的地址", _INSIDE)
        except Exception as error:  # whatever went wrong, the outcome depends only on what was written
            return trail.outcome(type(error).__name__)
        return dialect.read_reply(reply.status, reply.body, reply.headers)

    async def _exchange(self, request: Request, url: httpx.URL, lane: Lane, trail: _Trail) -> _Reply:
        """The reply. A shard on which anything failed is not used again."""
        async with self._seats:
            shard = await self._take(f"{url.scheme}://{url.netloc.decode()}", lane)
            try:
                async with asyncio.timeout(self._timeout):
                    reply = await shard.post(url, request, trail, self._timeout * CONNECT)
            except BaseException:
                self._open -= 1
                with suppress(Exception):
                    await shard.line.aclose()
                raise
            self._idle.append(shard)
            return reply

    async def _take(self, origin: str, lane: Lane) -> _Shard:
        """An idle shard last used for `origin`; else a new one; else the one idle longest, which will reconnect."""
        for place in range(len(self._idle) - 1, -1, -1):
            if (self._idle[place].origin, self._idle[place].lane) == (origin, lane):
                shard = self._idle.pop(place)
                return await self._renewed(shard)
        if self._open < self._shards:
            shard = _Shard(origin, lane, self._line(lane, origin))
            self._open += 1
            return shard
        shard = self._idle.pop(0)
        old, shard = shard.line, _Shard(origin, lane, self._line(lane, origin))
        with suppress(Exception):
            await old.aclose()
        return shard

    async def _renewed(self, shard: _Shard) -> _Shard:
        """The same with a connection that can still be used; a proxy's looks after itself."""
        line = shard.line
        if isinstance(line, httpcore.AsyncHTTPConnection) and (line.has_expired() or line.is_closed()):
            with suppress(Exception):
                await line.aclose()
            shard.line = self._line(shard.lane, shard.origin)
        return shard

    def _line(self, lane: Lane, origin: str) -> _Line:
        """One connection that is kept, past the gate or through a proxy, which resolves names for itself."""
        if lane.proxy:
            proxy = httpx.URL(lane.proxy)
            return httpcore.AsyncHTTPProxy(
                str(proxy.copy_with(userinfo=b"")),
                proxy_auth=(proxy.username, proxy.password) if proxy.userinfo else None,
                ssl_context=_tls(lane.authority),
                max_connections=1,
                keepalive_expiry=KEEP_ALIVE,
            )
        return httpcore.AsyncHTTPConnection(
            httpcore.URL(origin).origin,
            ssl_context=_tls(lane.authority),
            keepalive_expiry=KEEP_ALIVE,
            network_backend=Gate(inside=lane.inside),
        )


def place_of(robot: Robot) -> str:
    """Host and port of a robot and whether a proxy leads there: nothing of either's path, query or password."""
    with suppress(httpx.InvalidURL):
        url = _parsed(robot.url.get_secret_value())
        where = f"{url.host}:{url.port or (443 if url.scheme == 'https' else 80)}"
        return f"{where}，经代理" if robot.proxy else where
    return "地址不是网址的"


async def _knock(goal: httpx.URL, lane: Lane, patience: float) -> None:
    """A connection and, over https, a handshake; `patience` in seconds for each. Raises what a send would."""
    encrypted = goal.scheme == "https"
    gate = Gate(inside=lane.inside or bool(lane.proxy))
    stream = await gate.connect_tcp(goal.host, goal.port or (443 if encrypted else 80), patience)
    try:
        if encrypted:
            stream = await stream.start_tls(_tls(lane.authority), goal.host, patience)
    finally:
        await stream.aclose()


def _why_unreached(error: Exception) -> str:
    """In words, from the failure underneath the library's."""
    cause = error.__cause__ or error
    if isinstance(cause, socket.gaierror):
        return "域名解析不了"
    if isinstance(cause, ssl.SSLCertVerificationError):
        return "证书不受信任"
    if isinstance(cause, ssl.SSLError):
        return "加密握手失败"
    return "连接超时" if isinstance(cause, TimeoutError) else f"连不上（{type(cause).__name__}）"


@lru_cache(maxsize=512)
def _parsed(url: str) -> httpx.URL:
    """A robot's address, taken apart once. Raises httpx.InvalidURL."""
    return httpx.URL(url)


@lru_cache(maxsize=8)
def _tls(authority: str) -> ssl.SSLContext:
    """One context for each private root; made at the first need, for it reads every root certificate."""
    return ssl.create_default_context(cadata=authority) if authority else httpx.create_ssl_context(trust_env=False)


_Line = httpcore.AsyncHTTPConnection | httpcore.AsyncHTTPProxy  # without a pool, which walks and locks for nothing


class Lane(NamedTuple):
    """What two robots must have in common to share a connection, beside the origin. Holds a proxy's password."""

    proxy: str
    authority: str
    inside: bool

    def __repr__(self) -> str:
        return "Lane(…)"


class _Reply(NamedTuple):
    status: int
    body: bytes
    headers: Mapping[str, str]


@dataclass(slots=True)
class _Shard:
    """One connection, opened when first needed and kept for `origin`."""

    origin: str
    lane: Lane
    line: _Line

    async def post(self, url: httpx.URL, request: Request, trail: _Trail, connect: float) -> _Reply:
        """The reply as sent, never unpacked: a small one cannot grow. `connect` is in seconds."""
        headers = [("Host", url.netloc.decode()), *request.headers]
        headers += [("Content-Length", str(len(request.body))), ("Accept-Encoding", "identity")]
        response = await self.line.handle_async_request(
            httpcore.Request(
                "POST",
                httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                headers=headers,
                content=trail.written(),
                extensions={"timeout": {"connect": connect}},
            )
        )
        reply = bytearray()
        async for chunk in response.aiter_stream():
            reply += chunk
            if len(reply) > REPLY_BYTES:
                raise _TooLongError
        await response.aclose()  # gives the connection back to the line
        said = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
        return _Reply(response.status, bytes(reply), said)


class _TooLongError(Exception):
    """The reply is longer than any platform's."""


@dataclass(slots=True)
class _Trail:
    """How far a request got. Before its body is asked for, the server cannot have acted on it."""

    body: bytes
    wrote: bool = False

    async def written(self) -> AsyncIterator[bytes]:
        """The body, handed over only when the headers have been written."""
        self.wrote = True
        yield self.body

    def outcome(self, error: str) -> Outcome:
        """What a failed exchange means; no code, for the platform said nothing."""
        if self.wrote:
            return Outcome(Verdict.AMBIGUOUS, text=f"没有收到完整的答复（{error}）", remedy=_UNSURE)
        return Outcome(Verdict.LATER, text=f"没有连上平台（{error}）", remedy=_NOT_SENT)


def _refused(text: str, remedy: str) -> Outcome:
    return Outcome(Verdict.REFUSED, text=text, remedy=remedy)


def _matches(host: str, allowed: str) -> bool:
    return host == allowed or (allowed.startswith("*.") and host.endswith(allowed[1:]))


def _scrubbed(outcome: Outcome, robot: Robot, url: httpx.URL) -> Outcome:
    """The outcome without this robot's key or secret, should the server have repeated one."""
    secrets = [*url.params.values(), url.path.rpartition("/")[2]]
    secrets += [one.get_secret_value() for one in (robot.secret, robot.proxy) if one]
    secrets += [httpx.URL(robot.proxy.get_secret_value()).password] if robot.proxy else []
    text = outcome.text
    for secret in secrets:
        if len(secret) >= SECRET_LENGTH:
            text = text.replace(secret, "…")
    return outcome if text == outcome.text else replace(outcome, text=text)
