"""One connection as httpcore wants it, straight over asyncio: a third of the price of the library's own way."""

from __future__ import annotations

import asyncio
import select
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpcore


@contextmanager
def _as(kind: type[Exception]) -> Iterator[None]:
    """Failures of the network under the library's names, which say how far a request got."""
    try:
        yield
    except (OSError, EOFError, RuntimeError) as error:
        raise kind(type(error).__name__) from error


async def opened(host: str, port: int, timeout: float | None) -> Stream:  # noqa: ASYNC109
    """A connection to an address. `timeout` is in seconds. Raises httpcore.ConnectError and ConnectTimeout."""
    try:
        with _as(httpcore.ConnectError):
            async with asyncio.timeout(timeout):
                return Stream(*await asyncio.open_connection(host, port))
    except httpcore.ConnectError as error:
        if isinstance(error.__cause__, TimeoutError):
            raise httpcore.ConnectTimeout from error.__cause__
        raise


class Stream(httpcore.AsyncNetworkStream):
    """Bytes out and in; how long they may take is for the caller to bound."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        """Up to `max_bytes`, none when the other side has ended. Raises httpcore.ReadError."""
        with _as(httpcore.ReadError):
            return await self._reader.read(max_bytes)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        """Hands everything to the system. Raises httpcore.WriteError, also when the other side is gone already."""
        with _as(httpcore.WriteError):
            if self._writer.is_closing() or self._reader.at_eof():
                raise ConnectionResetError
            self._writer.write(buffer)
            await self._writer.drain()

    async def aclose(self) -> None:
        """At once: nothing waits for the other side."""
        self._writer.transport.abort()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> Stream:
        """The same connection, encrypted. Raises httpcore.ConnectError and ConnectTimeout."""
        try:
            with _as(httpcore.ConnectError):
                async with asyncio.timeout(timeout):
                    await self._writer.start_tls(ssl_context, server_hostname=server_hostname)
        except BaseException:
            self._writer.transport.abort()
            raise
        return self

    def get_extra_info(self, info: str) -> Any:
        """What the library asks for: whether anything came unasked, such as the end, and what TLS agreed on."""
        if info == "is_readable":
            return self._reader.at_eof() or self._writer.is_closing() or self._has_input()
        return self._writer.get_extra_info(info)

    def _has_input(self) -> bool:
        number = self._writer.get_extra_info("socket").fileno()
        if number < 0:
            return True
        poll = select.poll()
        poll.register(number, select.POLLIN)
        return bool(poll.poll(0))
