"""One HTTP/1.1 connection over asyncio's sockets: one request at a time, its reply read by a parser in C."""

from __future__ import annotations

import asyncio
import select
import ssl
from time import monotonic
from typing import cast

import httptools
import httpx

REPLY_BYTES = 64 * 1024
HEAD_BYTES = 64 * 1024  # of the reply, with what chunks add to its body
KEEP_ALIVE = 5.0  # seconds: shorter than any server's own, so that a connection is seldom closed under a request


class TooLongError(Exception):
    """The reply is longer than any platform's."""


async def opened(place: str, port: int, patience: float | None) -> Wire:
    """A connection to one address, in `patience` seconds. Raises OSError."""
    async with asyncio.timeout(patience):
        _, wire = await asyncio.get_running_loop().create_connection(Wire, place, port)
    return wire


class Wire(asyncio.Protocol):
    """The connection: bytes out, one reply in. The parser calls the methods that begin with `on_`."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._reply: asyncio.Future[httpx.Response] | None = None  # of the request under way
        self._headers: list[tuple[bytes, bytes]] = []
        self._body = bytearray()
        self._got = 0  # bytes of this reply
        self._till_the_end = False  # whether the body ends with the connection
        self._sound = True
        self._idle_since = monotonic()

    def usable(self) -> bool:
        """Whether another request may go over it: it is open, was not idle for long, and nothing came unasked."""
        if not self._sound or self.transport.is_closing() or monotonic() - self._idle_since > KEEP_ALIVE:
            return False
        poll = select.poll()
        poll.register(self.transport.get_extra_info("socket").fileno(), select.POLLIN)
        return not poll.poll(0)

    async def encrypt(self, tls: ssl.SSLContext, host: str, patience: float | None) -> None:
        """The same connection, encrypted, in `patience` seconds. Raises OSError."""
        transport = self.transport
        try:
            async with asyncio.timeout(patience):
                found = await asyncio.get_running_loop().start_tls(transport, self, tls, server_hostname=host)
        except BaseException:
            transport.abort()
            raise
        if found is None:  # the other side closed the connection during the handshake
            raise ConnectionResetError
        self.transport = found

    async def exchange(self, request: bytes) -> httpx.Response:
        """The whole reply to one request.

        Raises httpx.ConnectError when nothing was sent; after ReadError, RemoteProtocolError, TooLongError or a
        cancellation nobody knows what the server read.
        """
        self._reply = asyncio.get_running_loop().create_future()
        self._headers, self._body, self._got, self._till_the_end = [], bytearray(), 0, False
        try:
            self.transport.write(request)
            if self.transport.is_closing():  # the system refused the very first byte
                raise httpx.ConnectError("the connection was closed before anything was sent")
            return await self._reply
        except (OSError, EOFError) as error:
            raise httpx.ReadError("the connection ended before the reply did") from error
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            raise httpx.RemoteProtocolError("the reply is not HTTP/1.1") from error
        finally:
            self._reply = None
            self._idle_since = monotonic()

    # --- asyncio's -----------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._got += len(data)
        try:
            if self._got > REPLY_BYTES + HEAD_BYTES:
                raise TooLongError
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade, TooLongError) as error:
            self._fail(error)

    def connection_lost(self, error: Exception | None) -> None:
        if self._till_the_end and error is None:
            self.on_message_complete()
        self._fail(error or EOFError())

    # --- the parser's ----------------------------------------------------------

    def on_message_begin(self) -> None:
        """A reply that nobody asked for makes the connection unusable."""
        self._sound = self._sound and self._reply is not None and not self._reply.done()

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        names = {name.lower() for name, _ in self._headers}
        self._till_the_end = not names & {b"content-length", b"transfer-encoding"}

    def on_body(self, chunk: bytes) -> None:
        self._body += chunk
        if len(self._body) > REPLY_BYTES:
            raise TooLongError

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        if 100 <= status < 200:  # an interim reply: the final one follows
            self._headers, self._till_the_end = [], False
            return
        self._sound = self._sound and not self._till_the_end and self._parser.should_keep_alive()
        self._till_the_end = False
        if self._reply is not None and not self._reply.done():
            stream = httpx.ByteStream(bytes(self._body))
            self._reply.set_result(httpx.Response(status, headers=self._headers, stream=stream))
        if not self._sound:  # the server may be waiting for this side to close
            self.transport.abort()

    def _fail(self, error: Exception) -> None:
        self._sound = False
        if self._reply is not None and not self._reply.done():
            self._reply.set_exception(error)
        self.transport.abort()
