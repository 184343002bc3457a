"""What comes back under a wrong label, and the way to a platform of one's own: private root, proxy, names that lead astray."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.core.telling.message import Line, Message
from bot.core.telling.outcome import Outcome, Verdict
from bot.platforms import Robot
from bot.sending import gate, transports
from bot.sending.courier import Courier
from bot.sending.gate import may_lead_to
from tests.sending.test_courier import KEY, OK, answering, courier, free_port, gateway, sent_to, wecom

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
MESSAGE = Message("【督办汇总】县教育局", (Line("1. 控辍保学学期排查"),), number="2027-0412")
TLS = Path(__file__).parents[1] / "data" / "tls"
ROOT = (TLS / "ca.pem").read_text()


def server_tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(TLS / "server.pem", TLS / "server.key")
    return context


# --- what comes back ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "kind", "verdict"),
    [
        pytest.param(b"<html><body>ok</body></html>", "text/html", Verdict.AMBIGUOUS, id="a page"),
        pytest.param(b"<html><body>ok</body></html>", "application/json", Verdict.AMBIGUOUS, id="a page called JSON"),
        pytest.param(OK, "text/html", Verdict.DELIVERED, id="JSON called a page"),
        pytest.param(OK, "", Verdict.DELIVERED, id="JSON called nothing"),
        pytest.param(b"{}", "application/json", Verdict.AMBIGUOUS, id="no code"),
        pytest.param(b'{"errcode":"0","errmsg":"ok"}', "application/json", Verdict.AMBIGUOUS, id="code as text"),
        pytest.param(b'{"errcode":null}', "application/json", Verdict.AMBIGUOUS, id="code null"),
    ],
)
async def test_what_was_answered_counts_and_not_how_it_was_labelled(body: bytes, kind: str, verdict: Verdict) -> None:
    assert (await sent_to(answering(body, "200 OK", f"Content-Type: {kind}"))).verdict is verdict


async def test_retry_after_reaches_the_platform_s_reader() -> None:
    outcome = await sent_to(answering(b"", "429 Too Many Requests", "Retry-After: 90"))
    assert (outcome.verdict, outcome.wait_seconds) == (Verdict.LATER, 90)


# --- a private root --------------------------------------------------------------------


async def test_a_private_root_is_trusted_by_the_robot_that_names_it_and_by_no_other() -> None:
    async with gateway(answering(OK), server_tls()) as server, courier() as one:
        trusting = replace(wecom(server.base), authority=ROOT)
        outcomes = [await one.send(robot, MESSAGE, NOW) for robot in (wecom(server.base), trusting, wecom(server.base))]
    assert [outcome.verdict for outcome in outcomes] == [Verdict.LATER, Verdict.DELIVERED, Verdict.LATER]
    assert len(server.requests) == 1  # to a server that could not prove itself nothing was written


async def test_a_certificate_for_another_name_is_refused() -> None:
    async with gateway(answering(OK), server_tls()) as server, courier() as one:
        elsewhere = server.base.replace("127.0.0.1", "127.0.0.2")
        outcome = await one.send(replace(wecom(elsewhere), authority=ROOT), MESSAGE, NOW)
    assert outcome.verdict is Verdict.LATER
    assert server.requests == []


async def test_connections_are_kept_apart_by_root() -> None:
    async with gateway(answering(OK), server_tls()) as server, courier(shards=1) as one:
        trusting = replace(wecom(server.base), authority=ROOT)
        verdicts = [
            (await one.send(robot, MESSAGE, NOW)).verdict
            for robot in (trusting, wecom(server.base), trusting, trusting)
        ]
    assert verdicts == [Verdict.DELIVERED, Verdict.LATER, Verdict.DELIVERED, Verdict.DELIVERED]


async def test_host_with_port_and_path_prefix_is_written_to_as_it_stands() -> None:
    async with gateway(answering(OK)) as server, courier() as one:
        address = SecretStr(f"{server.base}/im/prefix/cgi-bin/webhook/send?key={KEY}")
        assert (await one.send(Robot("县教育局#1", "wecom", address), MESSAGE, NOW)).verdict is Verdict.DELIVERED
    head = server.requests[0].split(b"\r\n")
    assert head[0] == f"POST /im/prefix/cgi-bin/webhook/send?key={KEY} HTTP/1.1".encode()
    assert b"Host: " + server.base.removeprefix("http://").encode() in head


# --- a proxy ------------------------------------------------------------------------------


@dataclass
class Proxy:
    """A forward proxy: CONNECT opens a tunnel, anything else it passes on itself. It wants a password when it has one."""

    answer: str = ""  # what it says instead of passing anything on
    asked: list[bytes] = field(default_factory=list)
    base: str = ""
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        self.tasks.append(asyncio.create_task(self.serve(reader, writer)))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            head = await reader.readuntil(b"\r\n\r\n")
            self.asked.append(head)
            if self.answer:
                writer.write(f"HTTP/1.1 {self.answer}\r\nContent-Length: 0\r\n\r\n".encode())
            else:
                await self.pass_on(head, reader, writer)
        writer.close()

    async def pass_on(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tunnel = head.startswith(b"CONNECT ")
        target = head.split(b" ")[1].removeprefix(b"http://").split(b"/")[0].decode()
        host, _, port = target.rpartition(":")
        there, thither = await asyncio.open_connection(host, int(port))
        if tunnel:
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            thither.write(head.replace(f"http://{target}".encode(), b"", 1))
        self.writers.append(thither)
        await asyncio.gather(copied(reader, thither), copied(there, writer))


async def copied(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while piece := await reader.read(65536):
            writer.write(piece)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def proxy(answer: str = "") -> AsyncIterator[Proxy]:
    one = Proxy(answer)
    server = await asyncio.start_server(one.connected, "127.0.0.1", 0)
    one.base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield one
    server.close()
    await server.wait_closed()
    for task in one.tasks:
        task.cancel()
    await asyncio.gather(*one.tasks, return_exceptions=True)
    for writer in one.writers:
        writer.close()
    await asyncio.gather(*(writer.wait_closed() for writer in one.writers), return_exceptions=True)


def through(robot: Robot, base: str, user: str = "") -> Robot:
    return replace(robot, proxy=SecretStr(base.replace("//", f"//{user}@") if user else base))


async def test_https_goes_through_a_tunnel_that_sees_no_path_and_no_message() -> None:
    async with gateway(answering(OK), server_tls()) as server, proxy() as between, courier() as one:
        robot = through(replace(wecom(server.base), authority=ROOT), between.base, "ban:password-0f2c9a31")
        outcomes = [await one.send(robot, MESSAGE, NOW) for _ in range(3)]
    assert {outcome.verdict for outcome in outcomes} == {Verdict.DELIVERED}
    [asked] = between.asked  # one tunnel serves one message after another
    assert asked.startswith(f"CONNECT {server.base.removeprefix('https://')} HTTP/1.1\r\n".encode())
    assert b"Proxy-Authorization: Basic YmFuOnBhc3N3b3JkLTBmMmM5YTMx" in asked
    assert KEY.encode() not in asked
    assert not any(b"Proxy-Authorization" in request for request in server.requests)


async def test_plain_http_on_this_machine_is_passed_on_by_the_proxy() -> None:
    async with gateway(answering(OK)) as server, proxy() as between, courier() as one:
        outcome = await one.send(through(wecom(server.base), between.base), MESSAGE, NOW)
    assert outcome.verdict is Verdict.DELIVERED
    assert len(between.asked) == len(server.requests) == 1


@pytest.mark.parametrize("answer", ["407 Proxy Authentication Required", "403 Forbidden", "502 Bad Gateway"])
async def test_a_proxy_that_opens_no_tunnel_means_not_sent(answer: str) -> None:
    async with proxy(answer) as between, courier() as one:
        robot = through(wecom("https://qyapi.weixin.qq.com"), between.base, "ban:password-0f2c9a31")
        outcome = await one.send(robot, MESSAGE, NOW)
    assert outcome.verdict is Verdict.LATER
    assert "没有发出" in outcome.remedy
    assert "password-0f2c9a31" not in repr(outcome)


async def test_a_proxy_that_is_not_there_means_not_sent() -> None:
    async with courier() as one:
        robot = through(wecom("https://qyapi.weixin.qq.com"), f"http://127.0.0.1:{free_port()}")
        assert (await one.send(robot, MESSAGE, NOW)).verdict is Verdict.LATER


async def test_with_and_without_proxy_are_different_connections() -> None:
    async with gateway(answering(OK)) as server, proxy() as between, courier(shards=1) as one:
        for robot in (wecom(server.base), through(wecom(server.base), between.base), wecom(server.base)):
            assert (await one.send(robot, MESSAGE, NOW)).verdict is Verdict.DELIVERED
    assert (len(between.asked), len(server.requests)) == (1, 3)


async def test_the_list_of_hosts_holds_through_a_proxy_too() -> None:
    async with proxy() as between, courier() as one:
        outcome = await one.send(through(wecom("https://evil.example.cn"), between.base), MESSAGE, NOW)
    assert (outcome.verdict, between.asked) == (Verdict.REFUSED, [])


async def test_a_drill_goes_through_no_proxy_elsewhere() -> None:
    async with courier(loopback_only=True) as one:
        outcome = await one.send(through(wecom("http://127.0.0.1:9"), "http://10.0.0.8:3128"), MESSAGE, NOW)
    assert (outcome.verdict, outcome.text) == (Verdict.REFUSED, "演练中只能发往本机")


# --- where a name may lead -------------------------------------------------------------------


PUBLIC, PRIVATE = ["119.29.29.29", "2400:3200::1"], ["10.0.0.8", "172.16.3.4", "192.168.1.1", "fd00::8", "100.64.0.7"]
NEVER = ["127.0.0.1", "::1", "0.0.0.0", "::", "169.254.169.254", "fe80::1", "224.0.0.1", "255.255.255.255"]
WRAPPED = ["::ffff:127.0.0.1", "::ffff:169.254.169.254", "2002:7f00:1::"]


@pytest.mark.parametrize("address", PUBLIC)
@pytest.mark.parametrize("inside", [False, True])
def test_a_name_may_lead_to_a_public_address(address: str, inside: bool) -> None:
    assert may_lead_to("im.example.cn", address, inside=inside)


@pytest.mark.parametrize("address", [*PRIVATE, "::ffff:10.0.0.8"])
def test_a_name_may_lead_to_a_private_address_only_where_the_robot_says_so(address: str) -> None:
    assert not may_lead_to("im.example.cn", address, inside=False)
    assert may_lead_to("im.example.cn", address, inside=True)


@pytest.mark.parametrize("address", [*NEVER, *WRAPPED])
@pytest.mark.parametrize("inside", [False, True])
def test_a_name_never_leads_to_this_machine_or_to_nowhere(address: str, inside: bool) -> None:
    assert not may_lead_to("im.example.cn", address, inside=inside)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.8.8", "::1"])
def test_this_machine_s_own_names_lead_to_it_and_nowhere_else(host: str) -> None:
    assert may_lead_to(host, "127.0.0.1", inside=False)
    assert not may_lead_to(host, "10.0.0.8", inside=True)
    assert not may_lead_to(host, "119.29.29.29", inside=True)


class Names:
    """A resolver that answers by script, and counts how often it was asked."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers, self.asked = list(answers), 0

    async def resolved(self, host: str, port: int) -> list[str]:
        self.asked += 1
        return self.answers[min(self.asked, len(self.answers)) - 1]


async def sent_with(
    monkeypatch: pytest.MonkeyPatch, names: Names, connected: list[str], *, inside: bool = False
) -> Outcome:
    """One send to a listed name; every address reached for is noted, none is connected to."""

    async def reach(host: str, *more: object) -> None:
        connected.append(host)
        raise ConnectionRefusedError

    monkeypatch.setattr(gate, "resolved", names.resolved)
    monkeypatch.setattr(transports, "opened", reach)
    one = Courier(("im.example.cn",))
    outcome = await one.send(replace(wecom("https://im.example.cn"), inside=inside), MESSAGE, NOW)
    await one.aclose()
    return outcome


async def test_a_listed_name_that_leads_inside_is_refused_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    connected: list[str] = []
    outcome = await sent_with(monkeypatch, Names(["192.168.1.1"]), connected)
    assert (outcome.verdict, connected) == (Verdict.REFUSED, [])
    assert "允许内网" in outcome.remedy
    await sent_with(monkeypatch, Names(["192.168.1.1"]), connected, inside=True)
    assert connected == ["192.168.1.1"]


async def test_a_name_that_is_rebound_after_the_check_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    names, connected = Names(["119.29.29.29"], ["127.0.0.1"]), list[str]()
    await sent_with(monkeypatch, names, connected)
    assert (names.asked, connected) == (1, ["119.29.29.29"])


async def test_of_mixed_addresses_only_the_good_ones_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    connected: list[str] = []
    outcome = await sent_with(monkeypatch, Names(["127.0.0.1", "119.29.29.29", "10.0.0.8", "119.28.28.28"]), connected)
    assert connected == ["119.29.29.29", "119.28.28.28"]
    assert outcome.verdict is Verdict.LATER
