"""The receiver of the benchmarks: a separate process on 127.0.0.1 that answers like a WeCom robot and counts requests.

    python -m benchmarks.sink [--latency 0] [--tls]

For each address it notes when the first request was complete (CLOCK_MONOTONIC, comparable between processes of a machine).
An address that begins with /hang/ is answered after --hang seconds.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import http.client
import json
import ssl
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

TLS = Path(__file__).parents[1] / "tests" / "data" / "tls"  # the tests' certificate authority, for 127.0.0.1
OK = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 27\r\n\r\n{"errcode":0,"errmsg":"ok"}'


class Tally:
    """Counts of requests since the start or the last reset."""

    def __init__(self, latency: float, hang: float) -> None:
        self.latency, self.hang = latency, hang
        self.reset()

    def reset(self) -> None:
        self.requests = 0
        self.connections = 0  # connections with at least one message; over TLS each is one handshake
        self.times: dict[str, float] = {}
        self.first = self.last = 0.0

    def stats(self) -> dict[str, Any]:
        return {
            "requests": self.requests, "connections": self.connections, "addresses": len(self.times),
            "first": self.first, "last": self.last,
        }  # fmt: skip

    def note(self, path: str) -> float:
        """Counts one complete request; returns the seconds to wait before answering."""
        now = time.monotonic()
        self.first = self.first or now
        self.last = now
        self.requests += 1
        self.times.setdefault(path, now)
        return self.hang if path.startswith("/hang/") else self.latency


class Sink(asyncio.Protocol):
    """Answers each request when its body is complete; supports only requests with a Content-Length."""

    def __init__(self, tally: Tally) -> None:
        self.tally = tally
        self.waiting = b""
        self.used = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.waiting += data
        while (end := self.waiting.find(b"\r\n\r\n")) >= 0:
            head = self.waiting[:end]
            size = int((head.lower().partition(b"content-length:")[2].split(b"\r\n", 1) or [b""])[0] or 0)
            if len(self.waiting) < end + 4 + size:
                return
            self.waiting = self.waiting[end + 4 + size :]
            self.take(head.split(b" ", 2)[1].decode())

    def take(self, path: str) -> None:
        if path.startswith("/_"):
            self.transport.write(self.control(path))
            return
        if not self.used:
            self.used = True
            self.tally.connections += 1
        wait = self.tally.note(path)
        if wait:
            asyncio.get_running_loop().call_later(wait, self.answer)
        else:
            self.transport.write(OK)

    def answer(self) -> None:
        if not self.transport.is_closing():
            self.transport.write(OK)

    def control(self, path: str) -> bytes:
        if path == "/_reset":
            self.tally.reset()
        body = json.dumps(self.tally.times if path == "/_times" else self.tally.stats()).encode()
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


async def serve(latency: float, hang: float, tls: bool) -> None:
    """Serves until the process is ended; prints the port for messages and the port for statistics."""
    tally, loop, context = Tally(latency, hang), asyncio.get_running_loop(), None
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(TLS / "server.pem", TLS / "server.key")
    server = await loop.create_server(lambda: Sink(tally), "127.0.0.1", 0, backlog=4096, ssl=context)
    asked = await loop.create_server(lambda: Sink(tally), "127.0.0.1", 0)
    print(*(one.sockets[0].getsockname()[1] for one in (server, asked)), flush=True)
    gc.disable()  # this process makes no cycles, and a collection would be measured as latency
    await server.serve_forever()


class Receiver:
    """Runs the receiver process for a `with` block."""

    def __init__(self, latency: float = 0.0, hang: float = 30.0, *, tls: bool = False) -> None:
        options = ["--latency", str(latency), "--hang", str(hang), *(["--tls"] if tls else [])]
        self._command = [sys.executable, "-m", "benchmarks.sink", *options]
        self.tls = tls

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout
        self.port, self._asked = map(int, self._process.stdout.readline().split())
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout
        self._process.stdout.close()

    @property
    def base(self) -> str:
        """Scheme, host and port."""
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self.port}"

    def stats(self) -> dict[str, Any]:
        """Requests, connections that carried one, addresses, first and last instant."""
        return self._ask("/_stats")

    def times(self) -> dict[str, float]:
        """The instant of each address's first request since the last reset."""
        return self._ask("/_times")

    def reset(self) -> None:
        self._ask("/_reset")

    def _ask(self, path: str) -> dict[str, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self._asked, timeout=30)
        try:
            connection.request("GET", path, headers={"Content-Length": "0"})
            found: dict[str, Any] = json.loads(connection.getresponse().read())
            return found
        finally:
            connection.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before every answer")
    parser.add_argument("--hang", type=float, default=30.0, help="seconds before an answer under /hang/")
    parser.add_argument("--tls", action="store_true")
    options = parser.parse_args()
    asyncio.run(serve(options.latency, options.hang, options.tls))


if __name__ == "__main__":
    main()
