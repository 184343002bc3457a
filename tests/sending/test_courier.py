"""The courier over real HTTP on the loopback: what was written decides what may be done next."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx
import pytest
import uvicorn
from pydantic import SecretStr

from bot.core.telling.message import Line, Message
from bot.core.telling.outcome import Outcome, Verdict
from bot.drill.twin import Twin
from bot.platforms import Robot, Style, platforms
from bot.sending.courier import Courier
from bot.sending.transports import Body, DirectTransport, Lane, parsed, port_of
from tests.platforms.samples import sample

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
KEY = "693a91f6-demo-4bc4-97a0-0ec2sifa5aaa"
MESSAGE = Message("【督办汇总】县教育局", (Line("1. 控辍保学学期排查　已逾期100天"),), number="2027-0412")
OK = b'{"errcode":0,"errmsg":"ok"}'


def wecom(base: str, key: str = KEY, style: Style = "markdown") -> Robot:
    return Robot("县教育局#1", "wecom", SecretStr(f"{base}/cgi-bin/webhook/send?key={key}"), style=style)


@asynccontextmanager
async def courier(shards: int = 4, seconds: float = 300.0, loopback_only: bool = False) -> AsyncIterator[Courier]:
    one = Courier(("qyapi.weixin.qq.com",), shards=shards, timeout=seconds, loopback_only=loopback_only)
    try:
        yield one
    finally:
        await one.aclose()


@asynccontextmanager
async def serving(twin: Twin) -> AsyncIterator[str]:
    """The twin on a free port of the loopback, behind the server that runs it in the drill."""
    started = asyncio.Event()

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            started.set()

    config = uvicorn.Config(
        twin.asgi, "127.0.0.1", 0, lifespan="off", log_config=None, access_log=False, timeout_graceful_shutdown=1
    )
    server = Server(config)
    task = asyncio.create_task(server.serve())
    await started.wait()
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Gateway:
    """A server that does what a script says, for what no platform would do."""

    script: Script
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    base: str = ""

    def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.tasks.append(asyncio.create_task(self.serve(reader, writer)))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while not writer.is_closing() and (request := await self._read(reader)):
                self.requests.append(request)
                self.asked.set()
                await self.script(reader, writer)
        with suppress(ConnectionError):
            writer.close()
            await writer.wait_closed()

    async def _read(self, reader: asyncio.StreamReader) -> bytes:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return b""
        size = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        return head + await reader.readexactly(size)


@asynccontextmanager
async def gateway(script: Script, tls: ssl.SSLContext | None = None) -> AsyncIterator[Gateway]:
    one = Gateway(script)
    server = await asyncio.start_server(one.connected, "127.0.0.1", 0, ssl=tls)
    one.base = f"{'https' if tls else 'http'}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield one
    finally:
        server.close()
        await server.wait_closed()
        await asyncio.gather(*one.tasks)


def answering(body: bytes, status: str = "200 OK", *headers: str) -> Script:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
        writer.write("\r\n".join(lines).encode() + body)
        await writer.drain()

    return script


def free_port() -> int:
    """A port of the loopback that nobody listens to."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
    return port


async def sent_to(script: Script, seconds: float = 300.0) -> Outcome:
    async with gateway(script) as server, courier(seconds=seconds) as one:
        return await one.send(wecom(server.base), MESSAGE, NOW)


def twin() -> Twin:
    return Twin(clock=lambda: NOW, wall=lambda: NOW)


@pytest.mark.parametrize("dialect", platforms())
async def test_signed_message_is_delivered_to_every_platform(dialect: str) -> None:
    chats = twin()
    secret = sample(dialect).secret
    path = chats.add_chat("县教育局", dialect, secret=secret, keyword="督办")
    async with serving(chats) as base, courier() as one:
        robot = Robot("县教育局#1", dialect, SecretStr(base + path), SecretStr(secret) if secret else None, "督办")
        outcome = await one.send(robot, MESSAGE, NOW)
    assert outcome.verdict is Verdict.DELIVERED
    assert [bubble.title for bubble in chats.received("县教育局")] == ["【督办汇总】县教育局"]


async def test_refusal_is_read_from_the_body_though_http_says_200() -> None:
    async with serving(twin()) as base, courier() as one:
        outcome = await one.send(wecom(base), MESSAGE, NOW)
    assert (outcome.verdict, outcome.code) == (Verdict.REFUSED, "93000")


async def test_signature_older_than_an_hour_is_refused() -> None:
    chats = twin()
    path = chats.add_chat("县教育局", "dingtalk", secret="SECdemo")
    async with serving(chats) as base, courier() as one:
        robot = Robot("县教育局#1", "dingtalk", SecretStr(base + path), SecretStr("SECdemo"))
        outcome = await one.send(robot, MESSAGE, datetime(2026, 11, 23, 1, 59, tzinfo=UTC))
    assert (outcome.verdict, outcome.code) == (Verdict.REFUSED, "310000")


async def test_cut_after_acceptance_is_ambiguous_and_not_tried_twice() -> None:
    chats = twin()
    path = chats.add_chat("县教育局", "wecom")
    chats.drop_after_accept("县教育局")
    async with serving(chats) as base, courier() as one:
        outcome = await one.send(Robot("县教育局#1", "wecom", SecretStr(base + path)), MESSAGE, NOW)
    assert outcome.verdict is Verdict.AMBIGUOUS
    assert len(chats.received("县教育局")) == 1


async def test_gateway_page_is_ambiguous() -> None:
    chats = twin()
    path = chats.add_chat("县教育局", "wecom")
    chats.html("县教育局")
    async with serving(chats) as base, courier() as one:
        outcome = await one.send(Robot("县教育局#1", "wecom", SecretStr(base + path)), MESSAGE, NOW)
    assert outcome.verdict is Verdict.AMBIGUOUS
    assert chats.received("县教育局") == []


async def test_hanging_answer_is_ambiguous() -> None:
    chats = twin()
    path = chats.add_chat("县教育局", "wecom")
    chats.hang("县教育局", 30)
    async with serving(chats) as base, courier(seconds=2.0) as one:
        outcome = await one.send(Robot("县教育局#1", "wecom", SecretStr(base + path)), MESSAGE, NOW)
    assert outcome.verdict is Verdict.AMBIGUOUS
    assert "补发" in outcome.remedy


async def test_empty_answer_is_ambiguous() -> None:
    assert (await sent_to(answering(b""))).verdict is Verdict.AMBIGUOUS


async def test_connection_closed_without_an_answer_is_ambiguous() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    assert (await sent_to(script)).verdict is Verdict.AMBIGUOUS


async def test_reset_after_the_request_is_ambiguous() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    assert (await sent_to(script)).verdict is Verdict.AMBIGUOUS


async def test_answer_that_is_not_http_is_ambiguous() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH\r\n\r\n")

    assert (await sent_to(script)).verdict is Verdict.AMBIGUOUS


async def test_answer_cut_short_is_ambiguous() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 60\r\n\r\n" + OK)
        writer.close()

    assert (await sent_to(script)).verdict is Verdict.AMBIGUOUS


async def test_slow_trickle_ends_with_the_time_allowed() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.01)

    assert (await sent_to(script, seconds=2.0)).verdict is Verdict.AMBIGUOUS


@pytest.mark.parametrize(("size", "verdict"), [(64 * 1024, Verdict.DELIVERED), (64 * 1024 + 1, Verdict.AMBIGUOUS)])
async def test_oversized_answer_is_not_read_to_its_end(size: int, verdict: Verdict) -> None:
    assert (await sent_to(answering(OK + b" " * (size - len(OK))))).verdict is verdict


def saying(raw: bytes) -> Script:
    """These very bytes, and then the end of the connection."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        await writer.drain()
        writer.close()

    return script


@pytest.mark.parametrize(
    ("raw", "verdict"),
    [
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n"
            + OK[:5]
            + b"\r\n16\r\n"
            + OK[5:]
            + b"\r\n0\r\n\r\n",
            Verdict.DELIVERED,
            id="in chunks",
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n16\r\n" + OK[:22],
            Verdict.AMBIGUOUS,
            id="half the chunks",
        ),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\n" + OK, Verdict.DELIVERED, id="till the connection ends"),
        pytest.param(b"HTTP/1.0 200 OK\r\n\r\n" + OK, Verdict.DELIVERED, id="by HTTP/1.0"),
        pytest.param(
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
            b"HTTP/1.1 200 OK\r\nContent-Length: 27\r\n\r\n" + OK,
            Verdict.DELIVERED,
            id="after hints",
        ),
        pytest.param(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", Verdict.AMBIGUOUS, id="another protocol"
        ),
        pytest.param(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000, Verdict.AMBIGUOUS, id="a head without end"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Length: 27\r\nContent-Length: 5\r\n\r\n" + OK,
            Verdict.AMBIGUOUS,
            id="two lengths",
        ),
    ],
)
async def test_every_framing_of_http_is_read_and_nothing_half_read_counts(raw: bytes, verdict: Verdict) -> None:
    assert (await sent_to(saying(raw))).verdict is verdict


@pytest.mark.parametrize(
    "head", [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", b"HTTP/1.1 200"]
)
async def test_half_an_answer_after_a_hint_is_none_even_where_the_status_alone_counts(head: bytes) -> None:
    async with gateway(saying(b"HTTP/1.1 100 Continue\r\n\r\n" + head)) as server, courier() as one:
        robot = Robot("县教育局#1", "webhook", SecretStr(f"{server.base}/hook/x"), style="text")
        assert (await one.send(robot, MESSAGE, NOW)).verdict is Verdict.AMBIGUOUS


async def test_a_second_answer_nobody_asked_for_spoils_the_connection_and_not_the_next_message() -> None:
    twice = b"HTTP/1.1 200 OK\r\nContent-Length: 27\r\n\r\n" + OK

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(twice + twice.replace(b'"errcode":0', b'"errcode":1'))
        await writer.drain()

    async with gateway(script) as server, courier() as one:
        verdicts = [(await one.send(wecom(server.base), MESSAGE, NOW)).verdict for _ in range(3)]
    assert verdicts == [Verdict.DELIVERED] * 3
    assert server.connections == 3


async def test_a_line_break_in_a_header_never_reaches_the_wire() -> None:
    body = Body(b"{}")
    request = httpx.Request("POST", "http://127.0.0.1/x", headers=[("X-Sign", "a\r\nHost: b")], stream=body)
    with pytest.raises(ValueError, match="line break"):
        await DirectTransport().handle_async_request(request)
    assert not body.was_read


@pytest.mark.parametrize(
    ("address", "host", "port", "netloc", "target"),
    [
        ("https://a.cn/x?key=1", "a.cn", 443, "a.cn", "/x?key=1"),
        ("https://A.cn:8443/x", "a.cn", 8443, "a.cn:8443", "/x"),
        ("https://a.cn:443/x", "a.cn", 443, "a.cn", "/x"),
        ("http://[::1]:80/x", "::1", 80, "[::1]", "/x"),
        ("https://a.cn", "a.cn", 443, "a.cn", "/"),
        ("https://u:p@a.cn/x", "a.cn", 443, "a.cn", "/x"),
        ("https://a.cn/县?键=值#f", "a.cn", 443, "a.cn", "/%E5%8E%BF?%E9%94%AE=%E5%80%BC"),
        ("https://教育.cn/x", "教育.cn", 443, "xn--wcvs22d.cn", "/x"),
    ],
)
def test_an_address_is_taken_apart_as_the_library_would(
    address: str, host: str, port: int, netloc: str, target: str
) -> None:
    url, path = parsed(address)
    assert (url.host, port_of(url), url.netloc.decode(), path.decode()) == (host, port, netloc, target)
    assert "key" not in repr(parsed(address))


class Mocked(Courier):
    """A courier over a function in place of a connection."""

    def __init__(self, answer: Callable[[httpx.Request], httpx.Response]) -> None:
        super().__init__(())
        self._answer = answer

    def _transport(self, lane: Lane) -> httpx.AsyncBaseTransport:
        return httpx.MockTransport(self._answer)


async def test_a_transport_is_handed_the_whole_request() -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, content=OK)

    outcome = await Mocked(answer).send(wecom("http://127.0.0.1:9"), MESSAGE, NOW)
    assert outcome.verdict is Verdict.DELIVERED
    [request] = asked
    assert (request.method, str(request.url)) == ("POST", "http://127.0.0.1:9")
    assert request.extensions["target"] == f"/cgi-bin/webhook/send?key={KEY}".encode()
    assert request.headers["Host"] == "127.0.0.1:9"
    assert int(request.headers["Content-Length"]) == len(request.content)
    assert "控辍保学" in request.content.decode()


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (httpx.ConnectError("?"), Verdict.LATER),
        (httpx.ConnectTimeout("?"), Verdict.LATER),
        (httpx.ReadError("?"), Verdict.AMBIGUOUS),
        (httpx.WriteError("?"), Verdict.AMBIGUOUS),
        (httpx.RemoteProtocolError("?"), Verdict.AMBIGUOUS),
        (RuntimeError("?"), Verdict.AMBIGUOUS),
    ],
)
async def test_only_a_failure_to_connect_means_not_sent_once_the_body_was_read(
    error: Exception, verdict: Verdict
) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise error

    outcome = await Mocked(answer).send(wecom("http://127.0.0.1:9"), MESSAGE, NOW)
    assert outcome.verdict is verdict
    assert type(error).__name__ in outcome.text


async def test_compressed_answer_is_not_unpacked() -> None:
    async with gateway(answering(OK, "200 OK", "Content-Encoding: gzip")) as server, courier() as one:
        assert (await one.send(wecom(server.base), MESSAGE, NOW)).verdict is Verdict.DELIVERED
    assert b"accept-encoding: identity" in server.requests[0].lower()


async def test_redirect_is_refused_and_not_followed() -> None:
    async with gateway(answering(OK)) as elsewhere:
        location = f"Location: {elsewhere.base}/cgi-bin/webhook/send?key=x"
        outcome = await sent_to(answering(OK, "307 Temporary Redirect", location))
    assert outcome.verdict is Verdict.REFUSED
    assert "重定向" in outcome.remedy
    assert elsewhere.connections == 0


async def test_cookies_of_a_server_are_not_kept() -> None:
    async with gateway(answering(OK, "200 OK", "Set-Cookie: who=me")) as server, courier() as one:
        for _ in range(2):
            await one.send(wecom(server.base), MESSAGE, NOW)
    assert len(server.requests) == 2
    assert not any(b"cookie" in request.lower() for request in server.requests)


async def test_refused_connection_is_not_sent_and_free_to_try_again() -> None:
    async with courier() as one:
        outcome = await one.send(wecom(f"http://127.0.0.1:{free_port()}"), MESSAGE, NOW)
    assert (outcome.verdict, outcome.counts, outcome.code) == (Verdict.LATER, True, "")
    assert "没有发出" in outcome.remedy


@asynccontextmanager
async def mute(answer: bytes) -> AsyncIterator[str]:
    """A port where TLS is answered with something that is not TLS; nothing is said when `answer` is empty."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(answer)
        await reader.read()
        writer.close()
        ended.set()

    ended = asyncio.Event()
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()
    await server.wait_closed()
    await ended.wait()


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b""], ids=["fails", "hangs"])
async def test_tls_that_is_never_agreed_is_not_sent(answer: bytes) -> None:
    async with mute(answer) as base, courier(seconds=0.15) as one:
        outcome = await one.send(wecom(base), MESSAGE, NOW)
    assert (outcome.verdict, outcome.code) == (Verdict.LATER, "")


async def test_idle_connection_the_server_closed_is_opened_again() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answering(OK)(reader, writer)
        writer.close()
        await writer.wait_closed()

    async with gateway(script) as server, courier() as one:
        verdicts = []
        for _ in range(3):
            verdicts.append((await one.send(wecom(server.base), MESSAGE, NOW)).verdict)
            await asyncio.sleep(0.02)
    assert verdicts == [Verdict.DELIVERED] * 3
    assert server.connections == 3


async def test_one_connection_serves_one_message_after_another() -> None:
    async with gateway(answering(OK)) as server, courier() as one:
        for number in range(20):
            await one.send(wecom(server.base, f"robot-{number}"), MESSAGE, NOW)
    assert (server.connections, len(server.requests)) == (1, 20)


async def test_no_more_connections_than_shards_are_opened() -> None:
    async with gateway(answering(OK)) as server, courier(shards=3) as one:
        sends = [one.send(wecom(server.base, f"robot-{number}"), MESSAGE, NOW) for number in range(60)]
        outcomes = await asyncio.gather(*sends)
    assert {outcome.verdict for outcome in outcomes} == {Verdict.DELIVERED}
    assert server.connections <= 3


async def test_shard_moves_to_another_platform_when_all_are_taken() -> None:
    async with gateway(answering(OK)) as first, gateway(answering(OK)) as second, courier(shards=1) as one:
        bases = [first.base, second.base, second.base, first.base]
        outcomes = [await one.send(wecom(base), MESSAGE, NOW) for base in bases]
    assert {outcome.verdict for outcome in outcomes} == {Verdict.DELIVERED}
    assert (first.connections, second.connections) == (2, 1)


async def test_shard_is_usable_again_after_every_kind_of_failure() -> None:
    chats = twin()
    path = chats.add_chat("县教育局", "wecom")
    async with serving(chats) as base, courier(shards=1, seconds=3.0) as one:
        robot = Robot("县教育局#1", "wecom", SecretStr(base + path))
        for fault in (chats.drop_after_accept, chats.html, lambda chat: chats.hang(chat, 30)):
            fault("县教育局")
            assert (await one.send(robot, MESSAGE, NOW)).verdict is Verdict.AMBIGUOUS
            chats.heal("县教育局")
            assert (await one.send(robot, MESSAGE, NOW)).verdict is Verdict.DELIVERED
        await one.send(wecom(f"http://127.0.0.1:{free_port()}"), MESSAGE, NOW)
        assert (await one.send(robot, MESSAGE, NOW)).verdict is Verdict.DELIVERED


async def test_one_hanging_robot_does_not_hold_up_fifty_others() -> None:
    chats = twin()
    paths = [chats.add_chat(f"群{number}", "wecom") for number in range(50)]
    stuck = chats.add_chat("挂起的群", "wecom")
    chats.hang("挂起的群", 30)
    taken = asyncio.Event()
    chats.on_bubble(lambda bubble: taken.set())
    async with serving(chats) as base, courier(shards=8) as one:
        hanging = asyncio.create_task(one.send(Robot("挂起的群#1", "wecom", SecretStr(base + stuck)), MESSAGE, NOW))
        await taken.wait()
        robots = [Robot(f"群{number}#1", "wecom", SecretStr(base + path)) for number, path in enumerate(paths)]
        outcomes = await asyncio.gather(*(one.send(robot, MESSAGE, NOW) for robot in robots))
        assert {outcome.verdict for outcome in outcomes} == {Verdict.DELIVERED}
        assert not hanging.done()
        hanging.cancel()
        with pytest.raises(asyncio.CancelledError):
            await hanging
    assert all(len(chats.received(f"群{number}")) == 1 for number in range(50))


async def test_cancelled_send_gives_its_place_back() -> None:
    release = asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await release.wait()
        await answering(OK)(reader, writer)

    async with gateway(script) as server, courier(shards=1) as one:
        waiting = asyncio.create_task(one.send(wecom(server.base), MESSAGE, NOW))
        await server.asked.wait()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        release.set()
        assert (await one.send(wecom(server.base), MESSAGE, NOW)).verdict is Verdict.DELIVERED


async def test_drill_reaches_its_own_twin() -> None:
    async with gateway(answering(OK)) as server, courier(loopback_only=True) as one:
        assert (await one.send(wecom(server.base), MESSAGE, NOW)).verdict is Verdict.DELIVERED


async def test_unknown_dialect_is_refused_with_the_ones_there_are() -> None:
    async with courier() as one:
        outcome = await one.send(Robot("群#1", "slack", SecretStr("http://127.0.0.1:9/x")), MESSAGE, NOW)
    assert outcome.verdict is Verdict.REFUSED
    assert "wecom" in outcome.text


async def test_message_that_cannot_be_written_down_stops_nobody() -> None:
    spoilt = Message("督办", (None,))  # type: ignore[arg-type]
    async with courier() as one:
        outcome = await one.send(wecom("http://127.0.0.1:9"), spoilt, NOW)
    assert outcome.verdict is Verdict.UNDELIVERABLE


async def test_key_repeated_by_the_server_is_taken_out() -> None:
    said = f'{{"errcode":93000,"errmsg":"bad 口令demo or {KEY[:14]}"}}'.encode()
    async with gateway(answering(said)) as server, courier() as one:
        robot = wecom(server.base, KEY[:14])
        signed = Robot(robot.name, robot.dialect, robot.url, SecretStr("口令demo"))
        assert (await one.send(signed, MESSAGE, NOW)).text == "bad … or …"


async def test_no_failure_writes_the_address_anywhere(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)

    async def closing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    said = f'{{"errcode":93000,"errmsg":"{KEY} https://x.cn/?key={KEY}"}}'.encode()
    scripts = [
        closing,
        answering(b""),
        answering(said),
        answering(OK),
        answering(b"", "302 Found", f"Location: /?{KEY}"),
    ]
    outcomes = [await sent_to(script) for script in scripts]
    async with courier() as one:
        bases = (f"http://127.0.0.1:{free_port()}", "https://evil.cn", "http://evil.cn", "ftp://x", "https://[")
        outcomes += [await one.send(wecom(base), MESSAGE, NOW) for base in bases]
    captured = capfd.readouterr()
    everything = f"{outcomes!r}{caplog.text}{captured.out}{captured.err}"
    assert len(outcomes) == 10
    assert KEY not in everything
    assert KEY[:13] not in everything
