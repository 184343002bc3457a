"""Draining: sends one message to each of many robots, every attempt and outcome durable, beside the client without a disk.

    python -m benchmarks.drain [--messages 10000] [--rounds 5] [--tls] [--senders service courier memory stock]

`service` is what the bot does: all messages are queued in one durable record; then each is worded, sent and settled. The
attempt is on disk before the request is sent, and the outcome before the chat's next message. A restart must find all of them
delivered. `memory` is the same with a store without files. `courier` is the client alone. `stock` is one httpx.AsyncClient
with 64 connections, whose pool takes quadratic time. Rates and ratios are medians over the rounds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import httpx

from benchmarks.crowd import CONNECTIONS, Crowd, by_courier, chat, delivered_on_disk, peak_mib, robot, sample
from benchmarks.sink import Receiver
from benchmarks.turns import Figures, child, mark, middle, ratio, table
from bot.platforms import platform

SENDERS = ("service", "courier", "memory", "stock")
COLUMNS = {"rate": "messages/s", "us": "us each", "cpu_us": "CPU us each", "peak_mib": "peak MiB", "flushes": "flushes",
           "connections": "connections"}  # fmt: skip


async def by_service(base: str, messages: int, folder: Path | None) -> dict[str, float]:
    """Seconds from queueing to the last durable outcome, and the number of flushes."""
    robots = {chat(number): (robot(number, base),) for number in range(messages)}
    crowd = Crowd(folder, robots, CONNECTIONS)
    flushes, began, cpu = crowd.disk.flushes, time.perf_counter(), time.process_time()
    crowd.promise(list(robots))
    promised = time.perf_counter() - began
    await crowd.deliver()
    found = {"wall_s": time.perf_counter() - began, "cpu_s": time.process_time() - cpu, "promised_s": promised}
    found |= {"flushes": crowd.disk.flushes - flushes, "peak_mib": peak_mib(), "delivered": crowd.delivered()}
    await crowd.close()
    return found


async def by_stock(base: str, messages: int) -> dict[str, float]:
    limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
    found, numbers = sample(), iter(range(messages))
    async with httpx.AsyncClient(limits=limits, trust_env=False, timeout=60) as client:

        async def work() -> None:
            for number in numbers:
                target = robot(number, base)
                request = platform(target.dialect).encode(found.message(number), target, datetime.now(UTC))
                await client.post(request.url.get_secret_value(), content=request.body, headers=dict(request.headers))

        began, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(work() for _ in range(CONNECTIONS)))
        took = {"wall_s": time.perf_counter() - began, "cpu_s": time.process_time() - cpu, "delivered": messages}
    return took | {"peak_mib": peak_mib()}


def measure(sender: str, messages: int, tls: bool) -> Figures:
    """One run of one sender in this process."""
    with Receiver(tls=tls) as sink, tempfile.TemporaryDirectory() as folder:
        if sender in ("service", "memory"):
            home = Path(folder) / "state" if sender == "service" else None
            found = asyncio.run(by_service(sink.base, messages, home))
            kept = delivered_on_disk(home) if home else found["delivered"]
            assert kept == messages, f"{messages - kept} of {messages} are not known as delivered"
        else:
            run = by_stock(sink.base, messages) if sender == "stock" else by_courier(sink.base, messages, CONNECTIONS)
            found = asyncio.run(run)
        stats = sink.stats()
    assert stats["requests"] == stats["addresses"] == messages, stats
    each = {"us": found["wall_s"] / messages * 1e6, "cpu_us": found["cpu_s"] / messages * 1e6}
    return found | each | {"n": messages, "rate": messages / found["wall_s"], "connections": stats["connections"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tls", action="store_true", help="the robots speak HTTPS under the tests' own authority")
    parser.add_argument("--senders", nargs="+", choices=SENDERS, default=["service", "courier", "memory"])
    parser.add_argument("--one", choices=SENDERS, help="run this one alone and print one line of JSON")
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.one, options.messages, options.tls)))
        return
    more = ["--messages", options.messages, *(["--tls"] if options.tls else [])]
    rounds = [{name: child("drain", "--one", name, *more) for name in options.senders} for _ in range(options.rounds)]
    print(
        f"{options.messages:,} messages to as many robots{' over TLS' if options.tls else ''}, {options.rounds} rounds"
    )
    print(table(rounds, COLUMNS))
    if {"service", "courier"} <= set(options.senders):
        print(mark("durable : the same client without a disk, time", ratio(rounds, "service", "courier", "us"), 1.15))
    if "service" in options.senders:
        print(mark("peak MiB", middle(rounds, "service", "peak_mib"), 64))
        print(mark("connections (handshakes, over TLS)", middle(rounds, "service", "connections"), CONNECTIONS))


if __name__ == "__main__":
    main()
