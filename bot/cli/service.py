"""Commands that decide and send: run (the service), once (one pass), drill (the coming days, on the twin or in a test group)."""

from __future__ import annotations

import asyncio
import errno
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime, time, timedelta
from itertools import islice
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING

import click
from loguru import logger

from bot import __version__
from bot.cli.common import OK, PROBLEMS, WRONG_USE, Failure, in_home, moment, opened, say_json
from bot.core.deciding.addressees import ADMIN, LEADING_GROUP
from bot.core.preview.preview import preview_of
from bot.core.rules.rulebook import Rulebook
from bot.core.telling.entry import EntryState
from bot.core.telling.outbox import promised
from bot.core.telling.outcome import Verdict
from bot.core.telling.wording import Words, word
from bot.core.time.zone import ZONE
from bot.platforms import parts
from bot.sending.courier import Courier
from bot.service.app import App, Tally
from bot.service.home import Home, open_store, tried, usable_rulebook
from bot.service.logs import set_up
from bot.service.status import status_of
from bot.service.wiring import drill_chats, listen, make_app
from bot.sources.clock import Clock, RealClock, StoryClock, wall
from bot.state.disk.collector import seldom
from bot.state.disk.errors import JournalBroken, StorageFailed
from bot.state.store import Store

if TYPE_CHECKING:
    from bot.drill.stage import Stage


#: What a disk says that may be written again by itself, or once somebody has made room.
PASSING = (errno.EROFS, errno.ENOSPC, errno.EDQUOT)
#: Seconds before the state is opened anew.
AGAIN = 30.0

CLOCK = re.compile(r"(?P<at>[^x]+)(?:x(?P<speed>\d+(?:\.\d+)?))?")


def story_clock(text: str) -> StoryClock:
    """The clock that --clock T[xN] means: it starts at T and runs at most N times as fast as real time, without N freely."""
    found = CLOCK.fullmatch(text.strip())
    if not found:
        raise Failure(f"“{text}”不是时钟，应写作 2027-12-24T08:00 或 2027-12-24T08:00x3600", WRONG_USE)
    speed = float(found["speed"]) if found["speed"] else None
    if speed == 0:
        raise Failure("时钟倍数要大于0", WRONG_USE)
    return StoryClock(moment(found["at"]), speed=speed)


def drill_start(rulebook: Rulebook) -> datetime:
    """08:25 of the latest day on which messages may be sent."""
    return datetime.combine(rulebook.calendar.send_day_on_or_before(wall().date()), time(8, 25), ZONE)


@click.command("run")
@click.option("--port", type=int, help="网页端口，0 为任选；默认见配置")
@click.option("--host", help="监听地址，默认只限本机")
@click.option("--drill", is_flag=True, help="演练：所有群聊都由内置的仿真平台扮演")
@click.option("--clock", "clock_text", help="不用真实时钟：起始时刻[x倍数]，如 2027-12-24T08:00x3600")
@click.option("--until", help="故事时钟走到哪天为止；到了就结束（演练的网页留着）")
@click.option("--keep", is_flag=True, help="保留上次演练的状态")
@click.option("--as-confirmed", is_flag=True, help="把待确认的都当作已确认（限演练和故事时钟）")
@in_home
def run(
    folder: Path,
    port: int | None,
    host: str | None,
    drill: bool,
    clock_text: str | None,
    until: str | None,
    keep: bool,
    as_confirmed: bool,
) -> int:
    """启动督办服务，直到按 Ctrl-C。"""
    home = opened(folder, tests=False)
    if not (drill or clock_text):
        _refuse_story_options(until, as_confirmed)
    set_up("WARNING" if drill else home.settings.log_level)
    clock = story_clock(clock_text) if clock_text else None
    if clock and until:
        clock.until = moment(until, end=True)
    kind = "drill" if drill or clock else "real"

    def serve(asked: list[bool]) -> int:
        with _state(home, kind, keep=keep or kind == "real", as_confirmed=as_confirmed or drill) as store:
            given = tried(home, store)
            rulebook, story = usable_rulebook(given, store), clock
            if drill and story is None:
                story = StoryClock(drill_start(rulebook), pause=0.7)
                story.until = moment(until, end=True) if until else story.now() + timedelta(days=366)
            seldom()
            at_port = given.settings.port if port is None else port
            now = story or RealClock(given.settings.heartbeat)
            return asyncio.run(_serve(given, store, now, host or given.settings.host, at_port, drill, asked))

    return serve([]) if kind != "real" else waited_out(serve)


@contextmanager
def _state(home: Home, kind: str, *, keep: bool, as_confirmed: bool) -> Iterator[Store]:
    """The state, under its lock for as long as it is used."""
    store, lock = open_store(home.state(kind), kind, keep=keep, as_confirmed=as_confirmed)
    try:
        yield store
    finally:
        try:
            store.close()
        finally:
            lock.release()


def waited_out(serve: Callable[[list[bool]], int], wait: Callable[[float], object] = sleep) -> int:
    """Serves; where the disk cannot be written at the start, or did not confirm what was written, opens the state anew after a while.

    `serve` notes in its list that somebody asked it to stop: then it is not begun again.
    """
    while True:
        asked: list[bool] = []
        try:
            return serve(asked)
        except (StorageFailed, JournalBroken) as error:
            if asked or (isinstance(error, StorageFailed) and error.errno not in PASSING):
                raise
            logger.error("{} {:.0f}秒后重新打开状态。", error, AGAIN)
        wait(AGAIN)


def _refuse_story_options(until: str | None, as_confirmed: bool) -> None:
    """Raises Failure for what only a story may have."""
    if as_confirmed:
        raise Failure("--as-confirmed 只用于演练和故事时钟；正式运行请用 duban confirm", WRONG_USE)
    if until:
        raise Failure("--until 只用于演练和故事时钟，正式运行一直到停止为止", WRONG_USE)


async def _serve(home: Home, store: Store, clock: Clock, host: str, port: int, drill: bool, asked: list[bool]) -> int:
    """Runs the service until a signal, which it notes in `asked`. The server starts first: a drill's robots are on it."""
    from bot.authoring.preview import Previews
    from bot.web.pages import pages
    from bot.web.preview import preview_routes
    from bot.web.server import PageServer, PortTaken

    made: list[App] = []
    previews = Previews(home.rules, home.state(clock.kind), lambda: made[0] if made else None)
    stage = _stage(home, store, clock) if drill and isinstance(clock, StoryClock) else None
    server = PageServer()
    try:
        shown = (*(stage.routes() if stage else ()), *preview_routes(previews.ahead, previews.edit))
        port = await server.start(pages(lambda: status_of(made[0] if made else None), shown), host, port)
    except PortTaken as error:
        raise Failure(str(error)) from None
    try:
        chats = drill_chats(usable_rulebook(home, store).addressable, stage.address(port)) if stage else home.chats
        app = make_app(home, store, clock, chats)
        made.append(app)
        if stage:
            stage.wall.on_control(app.poke.set)
        _announce(app, host, port, stage is not None)
        ending = asyncio.create_task(_end_of_story(app)) if stage is None else None
        listen(app, home, config=stage is None)
        await _until_stopped(app, asked)
        if ending:
            ending.cancel()
    finally:
        await server.stop()
    return OK


async def _end_of_story(app: App) -> None:
    """Stops a service whose story clock has come to its end. Under a real clock it does nothing."""
    if isinstance(app.clock, StoryClock):
        await app.clock.over.wait()
        app.stop()


async def _until_stopped(app: App, asked: list[bool]) -> None:
    """Runs the app until SIGINT or SIGTERM."""

    def stop() -> None:
        asked.append(True)
        app.stop()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    await app.run()


def _stage(home: Home, store: Store, clock: StoryClock) -> Stage:
    """The stage of a drill; each message is also printed."""
    from bot.drill.stage import Stage

    rulebook = usable_rulebook(home, store)
    names = [*rulebook.addressable, ADMIN, LEADING_GROUP]
    stage = Stage(clock, clock.now, wall, names, rulebook.plan.title)
    stage.watch(lambda bubble: click.echo(f"── {bubble.at:%Y-%m-%d %H:%M} {bubble.chat}　{bubble.title}"))
    return stage


def _announce(app: App, host: str, port: int, drill: bool) -> None:
    shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host
    click.echo(f"督办 {__version__}　《{app.rulebook.plan.title}》（{app.rulebook.plan.status}）")
    if drill:
        click.echo(
            f"演练开始：没有任何消息发到真实的群。请打开 http://{shown}:{port}/ 看各群收到的消息，按 Ctrl-C 结束。"
        )
    else:
        click.echo(f"服务已启动：http://{shown}:{port}/　按 Ctrl-C 结束。")
        if not app.chats.has_admin:
            click.echo("没有配置管理员群聊（config/chats.yaml），无处可去的提醒会留在待发箱。")


@click.command("once")
@click.option("--at", help="按这一刻来决定和发送（只写本机机器人）；默认现在")
@click.option("--keep", is_flag=True, help="保留上次的故事状态")
@click.option("--as-confirmed", is_flag=True, help="把待确认的都当作已确认（只与 --at 同用）")
@click.option("--json", "json_", is_flag=True, help="输出 JSON")
@in_home
def once(folder: Path, at: str | None, keep: bool, as_confirmed: bool, json_: bool) -> int:
    """决定并发送此刻该发的，然后退出。"""
    home = opened(folder, tests=False)
    if as_confirmed and at is None:
        raise Failure("--as-confirmed 只与 --at 同用；正式运行请用 duban confirm", WRONG_USE)
    set_up("WARNING")
    kind = "drill" if at else "real"
    clock: Clock = StoryClock(moment(at)) if at else RealClock()
    store, lock = open_store(home.state(kind), kind, keep=keep or at is None, as_confirmed=as_confirmed)
    try:
        tally = asyncio.run(_once(tried(home, store), store, clock))
    finally:
        store.close()
        lock.release()
    if json_:
        say_json(asdict(tally))
    else:
        click.echo(
            f"决定{tally.told}项，暂不通知{tally.withheld}项；送达{tally.delivered}条，稍后{tally.later}条，被拒{tally.refused}条，失败{tally.undeliverable}条。"
        )
    return OK


async def _once(home: Home, store: Store, clock: Clock) -> Tally:
    """One pass, waited for. The counts are of messages that this pass touched."""
    app = make_app(home, store, clock, home.chats)
    if clock.kind == "real":
        listen(app, home)
    app.start()
    before = {number for number, entry in store.entries.items() if not entry.state.open}
    await app.one_pass()
    await app.deliveries.settled()
    await app.deliveries.close()
    states = [entry.state for number, entry in store.entries.items() if number not in before]
    app.tally.delivered = states.count(EntryState.DELIVERED)
    app.tally.later = sum(state in (EntryState.LATER, EntryState.PENDING) for state in states)
    app.tally.refused = states.count(EntryState.REFUSED)
    app.tally.undeliverable = states.count(EntryState.UNDELIVERABLE)
    return app.tally


@click.command("drill")
@click.option("--days", type=click.IntRange(1, 3660), default=30, show_default=True, help="演练多少天")
@click.option("--to", "chat", help="把演练消息发到这个真实测试群，每条标明【演练】")
@click.option("--most", type=click.IntRange(1, 20), default=5, show_default=True, help="最多向测试群发几条")
@in_home
def drill(folder: Path, days: int, chat: str | None, most: int) -> int:
    """演练今后若干天：打印每个群会收到的消息，不发到任何真实的群。"""
    home = opened(folder)
    set_up("WARNING")
    if chat is not None:
        return asyncio.run(_to_test_group(home, chat, days, most))
    store, lock = open_store(home.state("drill"), "drill", keep=False, as_confirmed=True)
    try:
        return asyncio.run(_drill(home, store, days))
    finally:
        store.close()
        lock.release()


async def _drill(home: Home, store: Store, days: int) -> int:
    """Plays the service at full speed against the twin and prints every message."""
    from bot.drill.twin import Twin
    from bot.web.server import PageServer

    rulebook = usable_rulebook(home, store)
    start = drill_start(rulebook)
    clock = StoryClock(start, until=start + timedelta(days=days))
    twin = Twin(clock.now, wall)
    server = PageServer()
    port = await server.start(twin.asgi, "127.0.0.1", 0)
    chats = drill_chats(
        rulebook.addressable, lambda name, dialect: f"http://127.0.0.1:{port}{twin.add_chat(name, dialect)}"
    )
    app = make_app(home, store, clock, chats)
    twin.on_bubble(lambda bubble: _print_bubble(app, bubble.at, bubble.chat))
    try:
        running = asyncio.create_task(app.run())
        await clock.over.wait()
        app.stop()
        await running
    finally:
        await server.stop()
    return _drill_summary(store, days)


def _print_bubble(app: App, at: datetime, chat: str) -> None:
    """The message that is being sent to this chat, as plain text."""
    entry = next(e for e in app.store.open_entries() if e.chat == chat and e.state is EntryState.SENDING)
    if entry.parts_done:
        return
    message = word(entry, Words(app.rulebook, app.findings, at.date(), app.letterhead))
    click.echo(f"── {at:%Y-%m-%d %H:%M} → {chat}")
    click.echo("\n".join((message.headline, *(line.text for line in (*message.lines, *message.foot)), "")))


def _drill_summary(store: Store, days: int) -> int:
    entries = list(store.entries.values())
    delivered = [entry for entry in entries if entry.state is EntryState.DELIVERED]
    chats = {entry.chat for entry in delivered}
    click.echo(
        f"演练{days}天：{len(delivered)}条消息送达{len(chats)}个群，未送达{len(entries) - len(delivered)}条。没有任何消息发到真实的群。"
    )
    return OK if len(delivered) == len(entries) else PROBLEMS


async def _to_test_group(home: Home, chat: str, days: int, most: int) -> int:
    """Sends the drill's first messages to one real robot, marked 【演练】. Writes to no state."""
    robots = home.chats.robots.get(chat)
    if not robots:
        raise Failure(f"config/chats.yaml 里没有“{chat}”的机器人。", WRONG_USE)
    from bot.service.wiring import scene_for_drill

    scene, rulebook = scene_for_drill(home)
    start = drill_start(rulebook)
    courier = Courier(home.settings.allowed_hosts)
    failed = 0
    for draft, findings in islice(preview_of(scene, start, start + timedelta(days=days)), most):
        entry = promised(draft, f"{draft.at.year}-演练")
        message = word(entry, Words(rulebook, findings, draft.at.date(), home.settings.letterhead("演练")))
        for part in parts(message, robots[0]):
            outcome = await courier.send(robots[0], part, wall())
            failed += outcome.verdict is not Verdict.DELIVERED
            click.echo(f"{part.headline} → {chat}：{outcome.verdict.value} {outcome.code} {outcome.remedy}".rstrip())
            if outcome.verdict is Verdict.REFUSED:
                return PROBLEMS
    await courier.aclose()
    return PROBLEMS if failed else OK


COMMANDS = (run, once, drill)
