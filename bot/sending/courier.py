"""投递: one message to one robot, one outcome.

The courier makes an `httpx.Request` and hands it to a transport (`transports.py`). Each transport has one connection
("shard"): a pool of httpx's own walks all its connections for every request. Transports and not clients, because a
client logs every address it calls, keeps cookies and may follow redirects. Which network addresses a connection may
lead to is decided when it is opened (`gate.py`).
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple
from urllib.parse import parse_qsl

import httpx

from bot.core.telling.message import Message
from bot.core.telling.outcome import Outcome, Verdict
from bot.platforms import Platform, Request, Robot, platform
from bot.sending.gate import WrongPlaceError, is_loopback
from bot.sending.transports import Address, Body, DirectTransport, Lane, content_of, parsed, port_of, transport_of

CONNECT = 0.4  # share of an attempt's time for TCP, and again for TLS; without a connection nothing is sent
UNCONNECTED = (httpx.ConnectError, httpx.ConnectTimeout)
SECRET_LENGTH = 6  # characters: shorter ends of an address are words such as `send`

_ADDRESS = "请核对群聊配置中的地址"
_NOT_SENT = "连不上平台，消息没有发出，稍后自动重试；一直如此请检查网络、域名解析、代理和证书"
_UNREACHED = "检查网络、防火墙、域名解析、代理和根证书"
_INSIDE = "域名解析到内网或本机地址，没有发送：请核对域名解析；确属内网平台的，在该机器人下写 允许内网: 是"
_UNSURE = "消息已发出，但没有收到完整的答复，可能已送达：将标明“补发”再发一次"


class Sealed(NamedTuple):
    """A part ready to be posted, and the way it goes."""

    robot: Robot
    dialect: Platform
    request: Request
    address: Address
    lane: Lane


Origin = tuple[str, bytes]  # scheme, host with port


@dataclass(slots=True)
class _Shard:
    """One transport, whose connection is kept for `origin`."""

    origin: Origin
    lane: Lane
    transport: httpx.AsyncBaseTransport


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
        self._patience = timeout * CONNECT
        self._extensions = {"timeout": {"connect": self._patience}}  # of every request, as httpx has it
        self._loopback_only = loopback_only
        self._seats = asyncio.Semaphore(shards)
        self._shards = shards
        self._open = 0  # shards in use or idle
        self._idle: list[_Shard] = []  # the most recently used one last

    async def send(self, robot: Robot, message: Message, now: datetime) -> Outcome:
        """Seals and posts one part."""
        return await self.post(self.seal(robot, message, now))

    def seal(self, robot: Robot, message: Message, now: datetime) -> Sealed | Outcome:
        """One part as bytes, signed with wall time `now`, to be posted at once; or why it cannot be. Never raises."""
        lane, refusal = self._way(robot)
        if refusal:
            return refusal
        try:
            dialect = platform(robot.dialect)
        except ValueError as error:
            return _refused(str(error), "请核对群聊配置中的方言")
        try:
            request = dialect.encode(message, robot, now)
        except Exception as error:  # a message that cannot be written down must not stop the others
            remedy = "消息无法编码：请告知维护人员"
            return Outcome(Verdict.UNDELIVERABLE, text=type(error).__name__, remedy=remedy)
        return Sealed(robot, dialect, request, parsed(request.url.get_secret_value()), lane)

    async def post(self, sealed: Sealed | Outcome) -> Outcome:
        """What came of it. Raises nothing but CancelledError."""
        if isinstance(sealed, Outcome):
            return sealed
        return _scrubbed(await self._post(sealed), sealed.robot)

    async def reach(self, robot: Robot) -> Outcome | None:
        """Connects, shakes hands, closes: no request is written. None when it went well; of a proxy only itself is tried."""
        lane, refusal = self._way(robot)
        if refusal:
            return refusal
        try:
            async with asyncio.timeout(self._timeout):
                await _knock(parsed(lane.proxy or robot.url.get_secret_value()).origin, lane, self._patience)
        except WrongPlaceError:
            return _refused("解析到不允许的地址", _INSIDE)
        except Exception as error:
            return Outcome(Verdict.LATER, text=_why_unreached(error), remedy=_UNREACHED)
        return None

    async def aclose(self) -> None:
        """Closes the idle connections; sends still under way close their own."""
        while self._idle:
            self._open -= 1
            await self._idle.pop().transport.aclose()

    def _way(self, robot: Robot) -> tuple[Lane, Outcome | None]:
        """How its messages go, and why they may not."""
        lane = Lane(robot.proxy.get_secret_value() if robot.proxy else "", robot.authority, robot.inside)
        try:
            url = parsed(robot.url.get_secret_value()).origin
        except httpx.InvalidURL:
            return lane, _refused("不是网址", _ADDRESS)
        return lane, self._forbidden(url, lane)

    def _forbidden(self, url: httpx.URL, lane: Lane) -> Outcome | None:
        local = is_loopback(url.host)
        if self._loopback_only and not (local and (not lane.proxy or is_loopback(parsed(lane.proxy).origin.host))):
            return _refused("演练中只能发往本机", "演练不会写到真实的群；要发到测试群，请用演练命令指定该群")
        if url.scheme != "https" and not (local and url.scheme == "http"):
            return _refused("地址不是 https", _ADDRESS)
        if not local and not any(_matches(url.host, allowed) for allowed in self._allowed):
            return _refused(f"主机 {url.host} 不在允许名单中", f"{_ADDRESS}；确属本单位平台的，请把主机加入允许名单")
        return None

    async def _post(self, sealed: Sealed) -> Outcome:
        body = Body(sealed.request.body)
        try:
            response, content = await self._exchange(sealed, _asked(sealed, body, self._extensions))
        except WrongPlaceError:
            return _refused("解析到不允许的地址", _INSIDE)
        except Exception as error:  # whatever went wrong, the outcome depends only on what may have been sent
            return _failed(error, body)
        return sealed.dialect.read_reply(response.status_code, content, response.headers, sealed.robot.success)

    async def _exchange(self, sealed: Sealed, request: httpx.Request) -> tuple[httpx.Response, bytes]:
        """The reply and its body. A shard on which anything failed is not used again."""
        async with self._seats:
            shard = await self._take((sealed.address.origin.scheme, sealed.address.origin.netloc), sealed.lane)
            try:
                async with asyncio.timeout(self._timeout):
                    response = await shard.transport.handle_async_request(request)
                    content = await content_of(response)
            except BaseException:
                self._open -= 1
                with suppress(Exception):
                    await shard.transport.aclose()
                raise
            self._idle.append(shard)
            return response, content

    async def _take(self, origin: Origin, lane: Lane) -> _Shard:
        """An idle shard last used for `origin`; else a new one, for which the one idle longest makes room if need be."""
        for place in range(len(self._idle) - 1, -1, -1):
            if (self._idle[place].origin, self._idle[place].lane) == (origin, lane):
                return self._idle.pop(place)
        if self._open < self._shards:
            self._open += 1
        else:
            with suppress(Exception):
                await self._idle.pop(0).transport.aclose()
        return _Shard(origin, lane, self._transport(lane))

    def _transport(self, lane: Lane) -> httpx.AsyncBaseTransport:
        """A new one; tests put `httpx.MockTransport` here."""
        return transport_of(lane)


def place_of(robot: Robot) -> str:
    """Host and port of a robot and whether a proxy leads there: nothing of either's path, query or password."""
    with suppress(httpx.InvalidURL):
        url = parsed(robot.url.get_secret_value()).origin
        where = f"{url.host}:{port_of(url)}"
        return f"{where}，经代理" if robot.proxy else where
    return "地址不是网址的"


async def _knock(url: httpx.URL, lane: Lane, patience: float) -> None:
    """A connection and, over https, a handshake; `patience` in seconds for each. Raises what a send would."""
    async with DirectTransport(lane.authority, inside=lane.inside or bool(lane.proxy)) as transport:
        await transport.connect(url, patience)


def _why_unreached(error: Exception) -> str:
    """The failure to connect in words."""
    cause = _cause(error)
    if isinstance(cause, socket.gaierror):
        return "域名解析不了"
    if isinstance(cause, ssl.SSLCertVerificationError):
        return "证书不受信任"
    if isinstance(cause, ssl.SSLError):
        return "加密握手失败"
    return "连接超时" if isinstance(cause, TimeoutError) else f"连不上（{type(cause).__name__}）"


def _asked(sealed: Sealed, body: Body, extensions: Mapping[str, object]) -> httpx.Request:
    """The request as a transport takes it. Raises UnicodeEncodeError.

    Its target travels as an extension. Only through a proxy the URL is whole: httpx's transport would put the extension
    into its own CONNECT as well.
    """
    origin, target = sealed.address
    headers = [
        (b"Host", origin.netloc),
        (b"Accept-Encoding", b"identity"),
        *[(name.encode("ascii"), value.encode("ascii")) for name, value in sealed.request.headers],
        (b"Content-Length", b"%d" % len(sealed.request.body)),
    ]
    if sealed.lane.proxy:
        url = origin.copy_with(raw_path=target)
        return httpx.Request("POST", url, headers=headers, stream=body, extensions=extensions)
    return httpx.Request("POST", origin, headers=headers, stream=body, extensions={**extensions, "target": target})


def _failed(error: Exception, body: Body) -> Outcome:
    """What a failed exchange means; no code, for the platform said nothing."""
    name = type(_cause(error)).__name__
    if body.was_read and not isinstance(error, UNCONNECTED):
        return Outcome(Verdict.AMBIGUOUS, text=f"没有收到完整的答复（{name}）", remedy=_UNSURE)
    return Outcome(Verdict.LATER, text=f"没有连上平台（{name}）", remedy=_NOT_SENT)


def _cause(error: Exception) -> BaseException:
    """The failure underneath httpx's, which says more."""
    return error.__cause__ or error if isinstance(error, httpx.TransportError) else error


def _refused(text: str, remedy: str) -> Outcome:
    return Outcome(Verdict.REFUSED, text=text, remedy=remedy)


def _matches(host: str, allowed: str) -> bool:
    return host == allowed or (allowed.startswith("*.") and host.endswith(allowed[1:]))


def _scrubbed(outcome: Outcome, robot: Robot) -> Outcome:
    """The outcome without this robot's key or secret, should the server have repeated one."""
    if len(outcome.text) < SECRET_LENGTH:
        return outcome
    path, _, query = robot.url.get_secret_value().partition("?")
    secrets = [value for _, value in parse_qsl(query)] + [path.rpartition("/")[2]]
    secrets += [one.get_secret_value() for one in (robot.secret, robot.proxy) if one]
    secrets += [parsed(robot.proxy.get_secret_value()).origin.password] if robot.proxy else []
    text = outcome.text
    for secret in secrets:
        if len(secret) >= SECRET_LENGTH:
            text = text.replace(secret, "…")
    return outcome if text == outcome.text else replace(outcome, text=text)
