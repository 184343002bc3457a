"""The server lives in our loop: it finds its port or says why not, and stops whatever its clients do."""

from __future__ import annotations

import asyncio
import signal
import socket
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from bot.web.server import PageServer, PortTaken


async def hello(_: Request) -> Response:
    return PlainTextResponse("你好")


async def echo(request: Request) -> Response:
    return PlainTextResponse(await request.body())


async def stream(_: Request) -> Response:
    async def forever() -> AsyncIterator[str]:
        yield "data: 一\n\n"
        await asyncio.Event().wait()

    return StreamingResponse(forever(), media_type="text/event-stream")


@asynccontextmanager
async def serving(asgi: ASGIApp, grace: int = 4) -> AsyncIterator[tuple[PageServer, httpx.AsyncClient]]:
    server = PageServer(grace)
    port = await server.start(asgi, "127.0.0.1", 0)
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=None) as client:
            yield server, client
    finally:
        await server.stop()


def app(*routes: Route) -> Starlette:
    return Starlette(routes=routes)


async def test_it_answers_on_the_port_it_names() -> None:
    async with serving(app(Route("/", hello))) as (_, client):
        reply = await client.get("/")
    assert (reply.status_code, reply.text) == (200, "你好")
    assert "server" not in reply.headers


async def test_a_taken_port_is_a_chinese_sentence_with_the_way_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(PortTaken) as caught:
            await PageServer().start(app(), "127.0.0.1", port)
    assert f"端口 {port} 已被别的程序占用" in str(caught.value)
    assert "--port" in str(caught.value)
    assert "Errno" not in "".join(traceback.format_exception(caught.value))


async def test_an_address_that_is_not_ours_is_a_chinese_sentence_too() -> None:
    with pytest.raises(PortTaken, match="本机没有地址"):
        await PageServer().start(app(), "192.0.2.1", 0)


async def test_two_servers_of_one_process_do_not_meet() -> None:
    async with serving(app(Route("/", hello))) as (_, first), serving(app(Route("/", echo))) as (_, second):
        assert first.base_url.port != second.base_url.port
        assert (await first.get("/")).text == "你好"


async def test_the_port_is_free_again_after_a_stop() -> None:
    server = PageServer()
    port = await server.start(app(), "127.0.0.1", 0)
    await server.stop()
    again = PageServer()
    assert await again.start(app(), "127.0.0.1", port) == port
    await again.stop()


async def test_signals_stay_with_the_owner_of_the_loop() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    async with serving(app(Route("/", hello))) as (_, client):
        await client.get("/")
        assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


async def test_an_open_stream_ends_when_the_server_stops(caplog: pytest.LogCaptureFixture) -> None:
    """A grace far longer than the test may take: the stream ends because it is told, not because time is up."""
    async with (
        serving(app(Route("/", stream)), grace=3600) as (server, client),
        client.stream("GET", "/") as reply,
    ):
        chunks = reply.aiter_text()
        assert await anext(chunks) == "data: 一\n\n"
        await server.stop()
        assert [chunk async for chunk in chunks] == []
    assert caplog.messages == []


async def test_an_answer_under_way_is_finished_before_the_server_stops() -> None:
    entered, go_on = asyncio.Event(), asyncio.Event()

    async def slow(_: Request) -> Response:
        entered.set()
        await go_on.wait()
        return PlainTextResponse("办完了")

    async with serving(app(Route("/", slow)), grace=3600) as (server, client):
        asking = asyncio.create_task(client.get("/"))
        await entered.wait()
        stopping = asyncio.create_task(server.stop())
        await asyncio.sleep(0.15)
        go_on.set()
        await stopping
        assert (await asking).text == "办完了"


async def test_a_request_still_arriving_is_taken_whole_while_the_server_stops() -> None:
    arriving, go_on = asyncio.Event(), asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield "前半".encode()
        await go_on.wait()
        yield "后半".encode()

    async def hear_out(request: Request) -> Response:
        arriving.set()
        return await echo(request)

    async with serving(app(Route("/", hear_out, methods=["POST"])), grace=3600) as (server, client):
        asking = asyncio.create_task(client.post("/", content=body()))
        await arriving.wait()
        stopping = asyncio.create_task(server.stop())
        await asyncio.sleep(0.15)
        go_on.set()
        await stopping
        assert (await asking).text == "前半后半"


async def test_an_answer_that_never_comes_is_cut_off_after_the_grace() -> None:
    entered = asyncio.Event()
    cut = asyncio.Event()

    async def stuck(_: Request) -> Response:
        entered.set()
        try:
            await asyncio.Event().wait()
        finally:
            cut.set()
        return PlainTextResponse("不会到这里")

    async with serving(app(Route("/", stuck)), grace=0) as (server, client):
        asking = asyncio.create_task(client.get("/"))
        await entered.wait()
        await server.stop()
        await cut.wait()
        reply = await asking
        assert reply.status_code == 500


async def test_stopping_what_never_started_and_stopping_twice_are_nothing() -> None:
    server = PageServer()
    await server.stop()
    await server.start(app(), "127.0.0.1", 0)
    await server.stop()
    await server.stop()
