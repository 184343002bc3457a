"""Delivery: how fast the courier drains messages to many robots, beside one stock httpx client of 64 connections.

    python -m benchmarks.drain [--messages 2000] [--robots 200] [--rounds 3]

The sink answers every POST at once from a process of its own on 127.0.0.1. Both senders render and read replies with
the same platform code; only how the bytes travel differs. Every sender of a round runs in a fresh process; ratios are
taken within a round, and the middle one is printed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import httpx
from pydantic import SecretStr

from bot.core.message import Line, Message
from bot.core.outcome import Outcome, Verdict
from bot.platforms import Robot, platform
from bot.shell.courier import Courier

WORKERS = 64
REPLY = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 27\r\n\r\n{"errcode":0,"errmsg":"ok"}'

Send = Callable[[Robot, Message, datetime], Awaitable[Outcome]]


class Sink(asyncio.Protocol):
    """Answers each request as soon as its body is complete; knows requests with a Content-Length only."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.waiting = b""

    def data_received(self, data: bytes) -> None:
        self.waiting += data
        while (end := self.waiting.find(b"\r\n\r\n")) >= 0:
            head = self.waiting[:end].lower()
            size = int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
            if len(self.waiting) < end + 4 + size:
                return
            self.waiting = self.waiting[end + 4 + size :]
            self.transport.write(REPLY)


async def serve() -> None:
    """The sink until it is killed; its port is the first line it prints."""
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def robots(port: int, count: int) -> list[Robot]:
    url = f"http://127.0.0.1:{port}/cgi-bin/webhook/send?key="
    return [Robot(f"群{number}", "wecom", SecretStr(f"{url}{number:036d}")) for number in range(count)]


def message(number: int) -> Message:
    line = Line("1. 控辍保学学期排查（T05-R1@2027-2）　时限9月15日，已逾期100天　请反馈进展或申请延期")
    return Message("【督办汇总】县教育局", (line,), number=f"2027-{number:04d}")


async def drain(send: Send, port: int, messages: int, count: int) -> float:
    """Seconds until `messages` are delivered by 64 workers over one queue."""
    targets, numbers, now = robots(port, count), iter(range(messages)), datetime.now(UTC)

    async def work() -> None:
        for number in numbers:
            outcome = await send(targets[number % count], message(number), now)
            assert outcome.verdict is Verdict.DELIVERED, outcome

    start = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(WORKERS)))
    return time.perf_counter() - start


async def by_courier(port: int, messages: int, count: int) -> float:
    courier = Courier((), shards=WORKERS)
    try:
        return await drain(courier.send, port, messages, count)
    finally:
        await courier.aclose()


async def by_stock_client(port: int, messages: int, count: int) -> float:
    limits = httpx.Limits(max_connections=WORKERS, max_keepalive_connections=WORKERS)
    async with httpx.AsyncClient(limits=limits, trust_env=False, timeout=60) as client:

        async def send(robot: Robot, message: Message, now: datetime) -> Outcome:
            request = platform(robot.dialect).encode(message, robot, now)
            reply = await client.post(
                request.url.get_secret_value(), content=request.body, headers=dict(request.headers)
            )
            return platform(robot.dialect).read_reply(reply.status_code, reply.content)

        return await drain(send, port, messages, count)


SENDERS = {"courier": by_courier, "stock": by_stock_client}


def measure(sender: str, port: int, messages: int, count: int) -> dict[str, float]:
    """One run in this process: messages a second, CPU microseconds a message, peak memory in MiB."""
    before = time.process_time()
    seconds = asyncio.run(SENDERS[sender](port, messages, count))
    cpu = (time.process_time() - before) / messages * 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"rate": messages / seconds, "cpu": cpu, "peak": peak}


def compare(messages: int, count: int, rounds: int) -> None:
    """Runs every sender in turns and prints the middle of each figure."""
    sink = subprocess.Popen([sys.executable, "-m", "benchmarks.drain", "--sink"], stdout=subprocess.PIPE, text=True)
    assert sink.stdout
    try:
        port = sink.stdout.readline().strip()
        options = ["--port", port, "--messages", str(messages), "--robots", str(count)]
        runs = [{sender: _child(["--sender", sender, *options]) for sender in SENDERS} for _ in range(rounds)]
    finally:
        sink.kill()
        sink.wait()
        sink.stdout.close()
    _print(runs, messages, count)


def _child(options: list[str]) -> dict[str, float]:
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks.drain", *options], check=True, capture_output=True, text=True
    )
    figures: dict[str, float] = json.loads(run.stdout)
    return figures


def _print(runs: list[dict[str, dict[str, float]]], messages: int, count: int) -> None:
    print(f"投递 {messages} 条消息到 {count} 个机器人，{len(runs)} 轮取中位数")
    for sender in SENDERS:
        rate, cpu, peak = (statistics.median(run[sender][figure] for run in runs) for figure in ("rate", "cpu", "peak"))
        print(f"{sender:8} {rate:7.0f} 条/秒   每条 CPU {cpu:6.0f} 微秒   内存峰值 {peak:5.1f} MiB")
    ratio = statistics.median(run["courier"]["rate"] / run["stock"]["rate"] for run in runs)
    print(f"courier 是 stock（一个 64 连接的 httpx.AsyncClient）的 {ratio:.1f} 倍")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else "")
    parser.add_argument("--messages", type=int, default=2000)
    parser.add_argument("--robots", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sink", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--sender", choices=SENDERS, help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.sink:
        asyncio.run(serve())
    elif options.sender:
        print(json.dumps(measure(options.sender, options.port, options.messages, options.robots)))
    else:
        compare(options.messages, options.robots, options.rounds)


if __name__ == "__main__":
    main()
