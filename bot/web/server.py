"""uvicorn in the bot's event loop. It installs no signal handlers, never ends the process, and stops within seconds."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_IDLE = 75  # seconds an idle connection is kept: longer than the courier keeps one, so that only one side closes it
_CAUSES = {
    errno.EADDRINUSE: "端口 {port} 已被别的程序占用：请先停掉那个程序，或用 --port 换一个端口，例如 --port {other}",
    errno.EACCES: "没有权限使用端口 {port}：请用 --port 换一个 1024 以上的端口，例如 --port 8866",
    errno.EADDRNOTAVAIL: "本机没有地址 {host}，端口 {port} 打不开：请改监听地址（--host），一般用 127.0.0.1",
}


class PortTaken(Exception):  # noqa: N818 - it says what is the case
    """The server cannot listen on the address. The text is Chinese, names the port and says what to do."""

    def __init__(self, host: str, port: int, error: OSError) -> None:
        self.host, self.port = host, port
        cause = _CAUSES.get(error.errno or 0, "在 {host} 上打不开端口 {port}：请检查监听地址（--host）和端口（--port）")
        super().__init__(cause.format(host=host, port=port, other=port + 1 if port < 65535 else 8866))


class _Uvicorn(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Installs no handlers: the command that runs the loop handles signals."""
        yield

    async def main_loop(self) -> None:
        """Waits for the end. uvicorn's own loop wakes ten times a second for a Date header and a request limit; both are off."""
        await self.stopping.wait()

    stopping: asyncio.Event


class _Disconnecting:
    """Tells `asgi` that its clients are gone once the server stops, so that streams end as if the page had been closed.

    A request that is still arriving is read to its end, and an answer under way is finished.
    """

    def __init__(self, asgi: ASGIApp, stopping: asyncio.Event) -> None:
        self._asgi = asgi
        self._stopping = stopping

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        call = _Call(receive, send, self._stopping)
        await self._asgi(scope, call.receive, call.send)
        if self._stopping.is_set() and call.streaming:
            await send(
                {"type": "http.response.body", "body": b""}
            )  # the stream ends properly for a page that is still open


class _Call:
    """One request and its answer, watched as they pass."""

    def __init__(self, receive: Receive, send: Send, stopping: asyncio.Event) -> None:
        self._receive = receive
        self._send = send
        self._stopping = stopping
        self._arrived = False
        self.streaming = False  # an answer without a length has begun and not ended

    async def receive(self) -> Message:
        if self._arrived:
            return await self._unless_stopping()
        message = await self._receive()
        self._arrived = not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.streaming = all(name.lower() != b"content-length" for name, _ in message.get("headers", ()))
        elif not message.get("more_body", False):
            self.streaming = False
        await self._send(message)

    async def _unless_stopping(self) -> Message:
        if self._stopping.is_set():
            return {"type": "http.disconnect"}
        hearing = asyncio.ensure_future(self._receive())
        stopped = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait((hearing, stopped), return_when=asyncio.FIRST_COMPLETED)
            return hearing.result() if hearing.done() else {"type": "http.disconnect"}
        finally:
            hearing.cancel()
            stopped.cancel()


class PageServer:
    """One HTTP server. `grace` is how many seconds answers under way may take after `stop`."""

    def __init__(self, grace: int = 4) -> None:
        self._grace = grace
        self._stopping = asyncio.Event()
        self._uvicorn: _Uvicorn | None = None
        self._serving: asyncio.Task[None] | None = None

    async def start(self, asgi: ASGIApp, host: str, port: int) -> int:
        """Starts to listen and returns the port; 0 takes a free one. Raises PortTaken."""
        listening = await asyncio.to_thread(_listening, host, port)
        config = uvicorn.Config(
            _Disconnecting(asgi, self._stopping),
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="warning",  # its info lines are English and repeat what our log says
            access_log=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=_IDLE,
            timeout_graceful_shutdown=self._grace,
        )
        self._uvicorn = _Uvicorn(config)
        self._uvicorn.stopping = self._stopping
        self._serving = asyncio.create_task(self._uvicorn.serve(sockets=[listening]))
        bound: int = listening.getsockname()[1]
        return bound

    async def stop(self) -> None:
        """Accepts no more requests, ends open streams, lets answers finish within `grace`. Does nothing if never started."""
        if self._uvicorn is None or self._serving is None:
            return
        self._stopping.set()
        self._uvicorn.should_exit = True
        await self._serving


def _listening(host: str, port: int) -> socket.socket:
    """A listening socket, opened here so that a taken port is reported. Resolves the host, which may block."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        # asyncio turns Nagle's algorithm off only for a socket that has its protocol number; with it on, each answer waits 44 ms.
        listening = socket.socket(family, kind, protocol)
    except OSError as error:
        raise PortTaken(host, port, error) from None
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(256)
    except OSError as error:
        listening.close()
        raise PortTaken(host, port, error) from None
    return listening
