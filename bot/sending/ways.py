"""The ways to a platform: an address taken apart, a connection of our own, a tunnel through a proxy. Only here is httpx known."""

from __future__ import annotations

import asyncio
import logging
import re
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, Protocol, Self

import httpx

from bot.platforms import Request
from bot.sending.gate import WrongPlaceError, is_loopback, places
from bot.sending.wire import KEEP_ALIVE, REPLY_BYTES, NotSentError, Reply, TooLongError, Wire, opened

PORTS = {"http": 80, "https": 443}

# Their finer levels write addresses and whatever headers a server sends back.
for _library in ("httpx", "httpcore"):
    logging.getLogger(_library).setLevel(logging.WARNING)

# What needs no care: origin and target of an address without user name, fragment or anything to be encoded.
_USUAL = re.compile(r"(https?://[A-Za-z0-9.:\[\]-]+)(/[A-Za-z0-9._~!$&'()*+,;=:@/?%-]*)")


class BadAddressError(Exception):
    """This is no address on the web."""


class Goal(NamedTuple):
    """An address taken apart. `netloc` is the host as written, with a port that is not the usual one."""

    scheme: str
    host: str
    port: int
    netloc: str
    target: str
    local: bool  # this very machine
    password: str = ""

    @classmethod
    def of(cls, address: str) -> Self:
        """Raises BadAddressError."""
        if usual := _USUAL.fullmatch(address):
            origin, target = usual.groups()
            return cls(*_origin(f"{origin}/")[:4], target, *_origin(f"{origin}/")[5:])
        return cls(*_apart(address))

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return f"{self.scheme}://{self.netloc}"

    def __repr__(self) -> str:
        return f"Goal({self.netloc})"  # the rest may be a robot's password


def _apart(address: str) -> tuple[str, str, int, str, str, bool, str]:
    try:
        url = httpx.URL(address)
        host = url.host
    except (httpx.InvalidURL, UnicodeError) as error:  # the latter of a name that is no internet name
        raise BadAddressError from error
    port = url.port or PORTS.get(url.scheme, 0)
    netloc, target = url.netloc.decode("ascii"), url.raw_path.decode("ascii")
    return url.scheme, host, port, netloc, target, is_loopback(host), url.password


_origin = lru_cache(maxsize=64)(_apart)  # platforms are few, robots many


@lru_cache(maxsize=8)
def root(authority: str) -> ssl.SSLContext:
    """One context for each private root; made at the first need, for it reads every root certificate."""
    return ssl.create_default_context(cadata=authority) if authority else httpx.create_ssl_context(trust_env=False)


class Lane(NamedTuple):
    """What two robots must have in common to share a connection, beside the origin. Holds a proxy's password."""

    proxy: str
    authority: str
    inside: bool

    def __repr__(self) -> str:
        return "Lane(…)"


@dataclass(slots=True)
class Trail:
    """How far a request got. Before its body is handed over, the server cannot have acted on it."""

    wrote: bool = False


class Connection(Protocol):
    """What carries one request at a time to one origin."""

    async def post(self, goal: Goal, request: Request, trail: Trail, deadline: float) -> Reply:
        """The reply as sent, never unpacked: a small one cannot grow. `deadline` is by the event loop's clock."""

    async def aclose(self) -> None:
        """At once: nothing waits for the other side."""


class Direct:
    """A connection of our own, opened when needed, past the gate, and again when it cannot be used any more.

    The library's takes three times as long for a message (`docs/decisions/0004-transports-not-clients.md`).

    `patience` is in seconds, for TCP and again for TLS; what comes after is for the caller to bound. Raises NotSentError
    when not a byte was handed to the system; after any other failure nobody knows what the server read.
    """

    def __init__(self, *, inside: bool, patience: float, tls: ssl.SSLContext | None = None) -> None:
        self._inside, self._patience, self._tls = inside, patience, tls
        self._wire: Wire | None = None

    async def post(self, goal: Goal, request: Request, trail: Trail, deadline: float) -> Reply:
        head = _head(goal, request)
        if self._wire is None or not self._wire.usable():
            await self.connect(goal)
        assert self._wire is not None
        trail.wrote = True
        return await self._wire.exchange(head + request.body, deadline)

    async def connect(self, goal: Goal) -> None:
        """A new connection, to the first of the name's addresses that answers. Raises WrongPlaceError, NotSentError."""
        await self.aclose()
        try:
            async with asyncio.timeout(self._patience):
                wire = await self._opened(goal.host, goal.port)
            if goal.scheme == "https":
                assert self._tls is not None
                await wire.encrypt(self._tls, goal.host, self._patience)
        except (OSError, EOFError, RuntimeError) as error:  # TimeoutError is an OSError
            raise NotSentError from error
        self._wire = wire

    async def aclose(self) -> None:
        if self._wire is not None:
            self._wire.transport.abort()
            self._wire = None

    async def _opened(self, host: str, port: int) -> Wire:
        found = await places(host, port, inside=self._inside)
        if not found:
            raise WrongPlaceError
        share = self._patience / len(found)
        for place in found[:-1]:
            try:
                return await opened(place, port, share)
            except OSError:
                continue
        return await opened(found[-1], port, share)


def _head(goal: Goal, request: Request) -> bytes:
    """The request's head. Raises ValueError where something would end a line early."""
    lines = [f"POST {goal.target} HTTP/1.1", f"Host: {goal.netloc}", "Accept-Encoding: identity"]
    lines += [f"{name}: {value}" for name, value in request.headers]
    head = "\r\n".join([*lines, f"Content-Length: {len(request.body)}", "", ""])
    if head.count("\n") + head.count("\r") != 2 * (len(lines) + 2):
        raise ValueError("a line break inside a header")
    return head.encode("ascii")


class Tunnel:
    """Through a proxy, which resolves names for itself: httpx's own transport, with one connection."""

    def __init__(self, lane: Lane, patience: float) -> None:
        limits = httpx.Limits(max_connections=1, keepalive_expiry=KEEP_ALIVE)
        self._transport = httpx.AsyncHTTPTransport(
            verify=root(lane.authority), proxy=lane.proxy, limits=limits, trust_env=False
        )
        self._extensions = {"timeout": {"connect": patience}}

    async def post(self, goal: Goal, request: Request, trail: Trail, deadline: float) -> Reply:
        length = ("Content-Length", str(len(request.body)))
        headers = [*request.headers, length, ("Accept-Encoding", "identity")]
        address = f"{goal.origin}{goal.target}"
        asked = httpx.Request(
            "POST", address, headers=headers, content=_handed_over(request.body, trail), extensions=self._extensions
        )
        async with asyncio.timeout_at(deadline):
            response = await self._transport.handle_async_request(asked)
            assert isinstance(response.stream, httpx.AsyncByteStream)
            reply = bytearray()
            async for chunk in response.stream:
                reply += chunk
                if len(reply) > REPLY_BYTES:
                    raise TooLongError
            await response.aclose()  # gives the connection back
        return Reply(response.status_code, response.headers.raw, bytes(reply))

    async def aclose(self) -> None:
        await self._transport.aclose()


async def _handed_over(body: bytes, trail: Trail) -> AsyncIterator[bytes]:
    """The body, asked for only when the headers have been written."""
    trail.wrote = True
    yield body
