"""Slow robots: the gain from concurrency, and what a robot that hangs or has reached its rate limit costs the others.

    python -m benchmarks.slow [--messages 4000] [--connections 256] [--latency 0.05] [--hang 30] [--rounds 5]

Three figures. First, the rate with robots that take 50 ms to answer, beside the rate of the client alone and the upper bound
connections / latency. Second, the time to serve all other robots while one does not answer, beside the time without it; the
others are counted at the receiver before the hanging robot's first answer. Third, the tasks and connections in use while
messages wait for their robots' next minute.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.crowd import Crowd, by_courier, chat, robot
from benchmarks.sink import Receiver
from benchmarks.turns import Figures, child, mark, middle, ratio, table
from bot.core.telling.entry import EntryState
from bot.platforms import Robot

HUNG = 0  # the robot that hangs
COLUMNS = {"rate": "messages/s", "us": "us each", "bound": "bound/s"}


def served(messages: int, connections: int, latency: float, hang: float, *, one_hangs: bool) -> Figures:
    """Seconds until all messages but that of the hanging robot were received, and their number."""
    with Receiver(latency, hang) as sink, tempfile.TemporaryDirectory() as folder:
        robots = {chat(number): (robot(number, sink.base),) for number in range(messages)}
        if one_hangs:
            robots[chat(HUNG)] = (robot(HUNG, sink.base, "/hang/"),)
        seconds = asyncio.run(_all_but_one(Path(folder), robots, connections, messages - one_hangs))
        stats = sink.stats()
    return {"wall_s": seconds, "others": stats["addresses"] - one_hangs, "rate": messages / seconds,
            "us": seconds / messages * 1e6, "bound": connections / latency if latency else 0.0}  # fmt: skip


async def _all_but_one(folder: Path, robots: Mapping[str, Sequence[Robot]], connections: int, expected: int) -> float:
    crowd = Crowd(folder / "state", robots, connections)
    crowd.promise(list(robots))
    began = time.perf_counter()
    crowd.start()
    while crowd.deliveries.count < expected:  # noqa: ASYNC110 - there is no event to wait for
        await asyncio.sleep(0.001)
    seconds = time.perf_counter() - began
    for worker in crowd.deliveries.workers:
        worker.cancel()
    await asyncio.gather(*crowd.deliveries.workers, return_exceptions=True)
    crowd.store.close()
    return seconds


def client(messages: int, connections: int, latency: float) -> Figures:
    with Receiver(latency) as sink:
        seconds = asyncio.run(by_courier(sink.base, messages, connections))["wall_s"]
    return {"rate": messages / seconds, "us": seconds / messages * 1e6, "bound": connections / latency}


def held(messages: int, connections: int) -> Figures:
    """What messages occupy while they wait for robots that have reached their rate limit."""
    with Receiver() as sink, tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_held(Path(folder), sink, max(1, messages // 25), connections))


async def _held(folder: Path, sink: Receiver, chats: int, connections: int) -> Figures:
    robots = {chat(number): (robot(number, sink.base),) for number in range(chats)}
    crowd = Crowd(folder / "state", robots, connections)
    tasks = len(asyncio.all_tasks())
    for _ in range(25):
        crowd.promise(list(robots))
    await crowd.deliver()
    waiting = [one for one in crowd.store.open_entries() if one.state in (EntryState.LATER, EntryState.PENDING)]
    robots["空闲"] = (robot(10**6, sink.base),)
    await asyncio.sleep(0)
    found: Figures = {
        "held": len(waiting),
        "tasks": len(asyncio.all_tasks()) - tasks,
        "workers": len(crowd.deliveries.workers),
    }
    found["open"] = crowd.courier._open - len(crowd.courier._idle)
    began = time.perf_counter()
    crowd.promise(["空闲"])
    await crowd.deliver()
    found |= {"another_ms": (time.perf_counter() - began) * 1e3, "delivered": crowd.delivered()}
    await crowd.close()
    return found


def measure(what: str, options: argparse.Namespace) -> Figures:
    if what == "held":
        return held(options.messages, options.connections)
    if what == "client":
        return client(options.messages, options.connections, options.latency)
    slow = options.latency if what == "service" else 0.0
    return served(options.messages, options.connections, slow, options.hang, one_hangs=what == "one hangs")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=4000)
    parser.add_argument("--connections", type=int, default=256)
    parser.add_argument("--latency", type=float, default=0.05, help="seconds")
    parser.add_argument("--hang", type=float, default=30.0, help="seconds")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--one", choices=["service", "client", "nobody hangs", "one hangs", "held"])
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.one, options)), flush=True)  # `os._exit` flushes nothing
        os._exit(0) if options.one == "one hangs" else None
        return
    given = ("messages", "connections", "latency", "hang")
    more = [part for name in given for part in (f"--{name}", getattr(options, name))]
    names = ("service", "client", "nobody hangs", "one hangs", "held")
    rounds = [{name: child("slow", "--one", name, *more) for name in names} for _ in range(options.rounds)]
    print(f"{options.messages:,} messages, {options.connections} connections, {options.rounds} rounds")
    print(table([{name: one[name] for name in names[:4]} for one in rounds], COLUMNS))
    print(mark("robots of 50 ms: the client's own rate", ratio(rounds, "service", "client", "rate"), 0.9, least=True))
    print(mark("one robot hangs: all others, time", ratio(rounds, "one hangs", "nobody hangs", "wall_s"), 1.02))
    print(mark("  others received meanwhile, missing", options.messages - 1 - middle(rounds, "one hangs", "others"), 0))
    busy = middle(rounds, "held", "tasks") - middle(rounds, "held", "workers")
    print(f"{middle(rounds, 'held', 'held'):,.0f} messages held; another chat's takes "
          f"{middle(rounds, 'held', 'another_ms'):.1f} ms")  # fmt: skip
    print(mark("  tasks that held messages occupy", busy, 0))
    print(mark("  connections that held messages occupy", middle(rounds, "held", "open"), 0))


if __name__ == "__main__":
    main()
