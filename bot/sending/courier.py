"""投递: one message to one robot, one outcome. How it gets there is `ways.py`.

Many connections of their own ("shards") over one TLS context: a stock pool of many connections walks all of
them for every request, and a new client for every robot would shake hands for every message.
Connections and not clients, because a client logs every address it calls, keeps cookies and may follow redirects.
Where they may lead is decided when they are opened (`bot/sending/gate.py`).
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple
from urllib.parse import parse_qsl

from bot.core.telling.message import Message
from bot.core.telling.outcome import Outcome, Verdict
from bot.platforms import Platform, Request, Robot, platform
from bot.sending.gate import WrongPlaceError
from bot.sending.ways import BadAddressError, Connection, Direct, Goal, Lane, Trail, Tunnel, root
from bot.sending.wire import NotSentError, Reply

CONNECT = 0.4  # of the time of an attempt, for TCP and again for TLS: what was never connected was not sent
SECRET_LENGTH = 6  # characters: shorter ends of an address are words such as `send`

_ADDRESS = "请核对群聊配置中的地址"
_NOT_SENT = "连不上平台，消息没有发出，稍后自动重试；一直如此请检查网络、域名解析、代理和证书"
_UNREACHED = "检查网络、防火墙、域名解析、代理和根证书"
_INSIDE = "域名解析到内网或本机地址，没有发送：请核对域名解析；确属内网平台的，在该机器人下写 允许内网: 是"
_UNSURE = "消息已发出，但没有收到完整的答复，可能已送达：将标明“补发”再发一次"


class Sealed(NamedTuple):
    """A part ready to go, and the way it goes."""

    robot: Robot
    dialect: Platform
    request: Request
    goal: Goal
    lane: Lane


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
        """Seals and posts one part."""
        return await self.post(self.seal(robot, message, now))

    def seal(self, robot: Robot, message: Message, now: datetime) -> Sealed | Outcome:
        """One part as bytes, signed with wall time `now`, to be posted at once; or why it cannot be. Never raises."""
        goal, lane, refusal = self._way(robot)
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
        signed = goal if request.url is robot.url else Goal.of(request.url.get_secret_value())
        return Sealed(robot, dialect, request, signed, lane)

    async def post(self, sealed: Sealed | Outcome) -> Outcome:
        """What came of it. Raises nothing but CancelledError."""
        if isinstance(sealed, Outcome):
            return sealed
        return _scrubbed(await self._post(sealed), sealed.robot)

    async def reach(self, robot: Robot) -> Outcome | None:
        """Connects, shakes hands, closes: no request is written. None when it went well; of a proxy only itself is tried."""
        goal, lane, refusal = self._way(robot)
        if refusal:
            return refusal
        try:
            async with asyncio.timeout(self._timeout):
                await _knock(Goal.of(lane.proxy) if lane.proxy else goal, lane, self._timeout * CONNECT)
        except WrongPlaceError:
            return _refused("解析到不允许的地址", _INSIDE)
        except Exception as error:
            return Outcome(Verdict.LATER, text=_why_unreached(error), remedy=_UNREACHED)
        return None

    async def aclose(self) -> None:
        """Closes the idle connections; sends still under way close their own."""
        while self._idle:
            self._open -= 1
            await self._idle.pop().connection.aclose()

    def _way(self, robot: Robot) -> tuple[Goal, Lane, Outcome | None]:
        """Where to, how, and why not."""
        lane = Lane(robot.proxy.get_secret_value() if robot.proxy else "", robot.authority, robot.inside)
        try:
            goal = Goal.of(robot.url.get_secret_value())
        except BadAddressError:
            return NOWHERE, lane, _refused("不是网址", _ADDRESS)
        return goal, lane, self._forbidden(goal, lane)

    def _forbidden(self, goal: Goal, lane: Lane) -> Outcome | None:
        if self._loopback_only and not (goal.local and (not lane.proxy or Goal.of(lane.proxy).local)):
            return _refused("演练中只能发往本机", "演练不会写到真实的群；要发到测试群，请用演练命令指定该群")
        if goal.scheme != "https" and not (goal.local and goal.scheme == "http"):
            return _refused("地址不是 https", _ADDRESS)
        if not goal.local and not any(_matches(goal.host, allowed) for allowed in self._allowed):
            return _refused(f"主机 {goal.host} 不在允许名单中", f"{_ADDRESS}；确属本单位平台的，请把主机加入允许名单")
        return None

    async def _post(self, sealed: Sealed) -> Outcome:
        trail = Trail()
        try:
            reply = await self._exchange(sealed, trail)
        except WrongPlaceError:
            return _refused("解析到不允许的地址", _INSIDE)
        except Exception as error:  # whatever went wrong, the outcome depends only on what was written
            return _failed(error, trail)
        said = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in reply.headers}
        return sealed.dialect.read_reply(reply.status, reply.body, said)

    async def _exchange(self, sealed: Sealed, trail: Trail) -> Reply:
        """The reply. A shard on which anything failed is not used again."""
        goal, lane, request = sealed.goal, sealed.lane, sealed.request
        async with self._seats:
            shard = await self._take(goal.origin, lane)
            try:
                deadline = asyncio.get_running_loop().time() + self._timeout
                reply = await shard.connection.post(goal, request, trail, deadline)
            except BaseException:
                self._open -= 1
                with suppress(Exception):
                    await shard.connection.aclose()
                raise
            self._idle.append(shard)
            return reply

    async def _take(self, origin: str, lane: Lane) -> _Shard:
        """An idle shard last used for `origin`; else a new one; else the one idle longest, which will reconnect."""
        for place in range(len(self._idle) - 1, -1, -1):
            if (self._idle[place].origin, self._idle[place].lane) == (origin, lane):
                return self._idle.pop(place)
        if self._open < self._shards:
            self._open += 1
        else:
            with suppress(Exception):
                await self._idle.pop(0).connection.aclose()
        return _Shard(origin, lane, self._connection(lane, origin))

    def _connection(self, lane: Lane, origin: str) -> Connection:
        """One connection that is kept, past the gate or through a proxy, which resolves names for itself."""
        patience = self._timeout * CONNECT
        if lane.proxy:
            return Tunnel(lane, patience)
        return Direct(
            inside=lane.inside, patience=patience, tls=root(lane.authority) if origin.startswith("https:") else None
        )


def place_of(robot: Robot) -> str:
    """Host and port of a robot and whether a proxy leads there: nothing of either's path, query or password."""
    with suppress(BadAddressError):
        goal = Goal.of(robot.url.get_secret_value())
        where = f"{goal.host}:{goal.port}"
        return f"{where}，经代理" if robot.proxy else where
    return "地址不是网址的"


async def _knock(goal: Goal, lane: Lane, patience: float) -> None:
    """A connection and, over https, a handshake; `patience` in seconds for each. Raises what a send would."""
    tls = root(lane.authority) if goal.scheme == "https" else None
    line = Direct(inside=lane.inside or bool(lane.proxy), patience=patience, tls=tls)
    try:
        await line.connect(goal)
    finally:
        await line.aclose()


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


@dataclass(slots=True)
class _Shard:
    """One connection, opened when first needed and kept for `origin`."""

    origin: str
    lane: Lane
    connection: Connection


NOWHERE = Goal("", "", 0, "", "", local=False)


def _failed(error: Exception, trail: Trail) -> Outcome:
    """What a failed exchange means; no code, for the platform said nothing."""
    if trail.wrote and not isinstance(error, NotSentError):
        return Outcome(Verdict.AMBIGUOUS, text=f"没有收到完整的答复（{type(error).__name__}）", remedy=_UNSURE)
    cause = error if isinstance(error, TimeoutError) else error.__cause__ or error
    return Outcome(Verdict.LATER, text=f"没有连上平台（{type(cause).__name__}）", remedy=_NOT_SENT)


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
    secrets += [Goal.of(robot.proxy.get_secret_value()).password] if robot.proxy else []
    text = outcome.text
    for secret in secrets:
        if len(secret) >= SECRET_LENGTH:
            text = text.replace(secret, "…")
    return outcome if text == outcome.text else replace(outcome, text=text)
