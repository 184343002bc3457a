"""The httpx transports a message goes over: one of our own straight to the platform, httpx's own through a proxy.

A transport takes an `httpx.Request` and gives an `httpx.Response`; it is no client, so it follows no redirect, keeps no
cookie, reads no proxy from the environment and unpacks nothing (`docs/decisions/0004-transports-not-clients.md`).
"""

from __future__ import annotations

import asyncio
import logging
import re
import ssl
from collections.abc import AsyncIterator, Iterator
from functools import lru_cache
from typing import NamedTuple

import httpx

from bot.sending.gate import WrongPlaceError, places
from bot.sending.wire import KEEP_ALIVE, REPLY_BYTES, TooLongError, Wire, opened

PORTS = {"http": 80, "https": 443}

# Below WARNING these libraries log addresses and the headers of replies; an address is its robot's password.
for _library in ("httpx", "httpcore"):
    logging.getLogger(_library).setLevel(logging.WARNING)


# An origin without user name, and a target of which nothing has to be encoded.
_USUAL = re.compile(r"(https?://[A-Za-z0-9.:\[\]-]+)(/[A-Za-z0-9._~!$&'()*+,;=:@/?%-]*)")


class Address(NamedTuple):
    """A robot's address: `origin` with an empty path, and the request's `target`, which holds the robot's password.

    Apart, because httpx takes 15 to 30 µs to parse an address, while origins are few and parsed once.
    """

    origin: httpx.URL
    target: bytes

    def __repr__(self) -> str:
        return f"Address({self.origin.host})"


def parsed(address: str) -> Address:
    """An address taken apart. Raises httpx.InvalidURL."""
    if usual := _USUAL.fullmatch(address):
        return Address(_url(usual[1]), usual[2].encode("ascii"))
    url = _url(address)
    return Address(url.copy_with(path="/", query=None, fragment=None), url.raw_path)


@lru_cache(maxsize=64)
def _url(address: str) -> httpx.URL:
    try:
        url = httpx.URL(address)
        url.host  # noqa: B018 - decoding fails for a host that is no internet name
    except UnicodeError:
        raise httpx.InvalidURL("the host is no internet name") from None
    return url


def port_of(url: httpx.URL) -> int:
    """The port as written, or the usual one of the scheme; 0 when there is neither."""
    return url.port or PORTS.get(url.scheme, 0)


@lru_cache(maxsize=8)
def root(authority: str) -> ssl.SSLContext:
    """The TLS context that trusts one private root, or the public ones; made once, for it reads every root certificate."""
    return ssl.create_default_context(cadata=authority) if authority else httpx.create_ssl_context(trust_env=False)


class Lane(NamedTuple):
    """What two robots must have in common to share a connection, beside the origin. Holds a proxy's password."""

    proxy: str
    authority: str
    inside: bool

    def __repr__(self) -> str:
        return "Lane(…)"


def transport_of(lane: Lane) -> httpx.AsyncBaseTransport:
    """A transport with one connection, which it keeps. A proxy resolves names for itself, so nothing is resolved here."""
    if not lane.proxy:
        return DirectTransport(lane.authority, inside=lane.inside)
    limits = httpx.Limits(max_connections=1, keepalive_expiry=KEEP_ALIVE)
    return httpx.AsyncHTTPTransport(verify=root(lane.authority), proxy=lane.proxy, limits=limits, trust_env=False)


class Body(httpx.SyncByteStream, httpx.AsyncByteStream):
    """The body of a request. A transport reads it once it is connected; before that the server has nothing to act on."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.was_read = False

    def __iter__(self) -> Iterator[bytes]:
        self.was_read = True
        yield self._content

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self.was_read = True
        yield self._content


async def content_of(response: httpx.Response) -> bytes:
    """The reply's body as sent, never unpacked: a small one cannot grow. Raises TooLongError, httpx.TransportError."""
    if isinstance(response.stream, httpx.ByteStream):  # it is in memory already; its transport limited it
        return b"".join(response.stream)
    assert isinstance(response.stream, httpx.AsyncByteStream)
    content = bytearray()
    async for chunk in response.stream:
        content += chunk
        if len(content) > REPLY_BYTES:
            raise TooLongError
    await response.stream.aclose()  # httpx's own transport takes its connection back only now
    return bytes(content)


class DirectTransport(httpx.AsyncBaseTransport):
    """One connection, opened when needed to an address that the gate allows, and again when it is no longer usable.

    The request must state its Content-Length. Of its timeouts only `connect` counts: seconds for TCP and again for TLS;
    the whole attempt is for the caller to limit. Raises httpx.ConnectError or ConnectTimeout when nothing was sent; after
    any other failure nobody knows what the server read.
    """

    def __init__(self, authority: str = "", *, inside: bool = False) -> None:
        self._authority, self._inside = authority, inside
        self._wire: Wire | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        head = _head(request)
        if self._wire is None or not self._wire.usable():
            await self.connect(request.url, request.extensions.get("timeout", {}).get("connect"))
        assert self._wire is not None
        assert isinstance(request.stream, httpx.SyncByteStream)
        return await self._wire.exchange(head + b"".join(request.stream))

    async def connect(self, url: httpx.URL, patience: float | None) -> None:
        """A new connection, to the first of the name's addresses that answers. Raises WrongPlaceError as well."""
        await self.aclose()
        try:
            tls = root(self._authority) if url.scheme == "https" else None
            async with asyncio.timeout(patience):
                wire = await self._opened(url.host, port_of(url), patience)
            if tls is not None:
                await wire.encrypt(tls, url.host, patience)
        except TimeoutError as error:
            raise httpx.ConnectTimeout("not connected in time") from error
        except (OSError, EOFError, RuntimeError) as error:
            raise httpx.ConnectError("not connected") from error
        self._wire = wire

    async def aclose(self) -> None:
        """At once: nothing waits for the other side."""
        if self._wire is not None:
            self._wire.transport.abort()
            self._wire = None

    async def _opened(self, host: str, port: int, patience: float | None) -> Wire:
        found = await places(host, port, inside=self._inside)
        if not found:
            raise WrongPlaceError
        share = patience and patience / len(found)
        for place in found[:-1]:
            try:
                return await opened(place, port, share)
            except OSError:
                continue
        return await opened(found[-1], port, share)


def _head(request: httpx.Request) -> bytes:
    """The request's head as bytes. Raises ValueError where something would end a line early."""
    target = request.extensions.get("target") or request.url.raw_path
    lines = [b"%s %s HTTP/1.1" % (request.method.encode("ascii"), target)]
    lines += [b"%s: %s" % header for header in request.headers.raw]
    head = b"\r\n".join([*lines, b"", b""])
    if head.count(b"\n") + head.count(b"\r") != 2 * (len(lines) + 1):
        raise ValueError("a line break inside a header")
    return head
