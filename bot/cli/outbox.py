"""`duban outbox` and `duban robot`: entries that were not delivered and robots that are broken, and orders about them.

Every order is one event, checked before it is written, whether a bot runs or not (`bot/sending/orders.py` acts on it).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from bot.cli.common import OK, WRONG_USE, Failure, in_home, opened, say_json, unknown
from bot.cli.explain import state_folder
from bot.cli.facts import send
from bot.cli.preview import row_json
from bot.core.deciding.addressees import key_of
from bot.core.deciding.admission import Refused
from bot.core.facts.events import ResendAsked, RobotMended
from bot.core.telling.entry import Entry, EntryState
from bot.core.time.zone import ZONE, day_of
from bot.sending.orders import resendable
from bot.service.home import Home, peek_store
from bot.state.archive import Archive, past_entries
from bot.state.store import Store

_BY = click.option("--by", required=True, help="谁决定的")
_REASON = click.option("--reason", default="", help="原因")
_YES = click.option("--yes", is_flag=True, help="不再询问")
_STUCK = (EntryState.UNDELIVERABLE, EntryState.REFUSED)


@click.group("outbox", invoke_without_command=True)
@click.option("--drill", is_flag=True, help="看演练的待发箱")
@click.option("--all", "all_", is_flag=True, help="连同已办结的一起列出")
@click.option("--json", "json_", is_flag=True, help="输出 JSON（全部）")
@in_home
def outbox(folder: Path, drill: bool, all_: bool, json_: bool) -> int:
    """待发箱：列出没送达的、重试中的、投递失败的；重发，改发到别的群。"""
    if click.get_current_context().invoked_subcommand:
        return OK
    state = state_folder(opened(folder), drill)
    store = peek_store(state)
    entries = sorted(store.entries.values(), key=lambda entry: (entry.at, entry.number))
    if all_ or json_:
        entries = [*past_entries(Archive(state / "archive"), store.seal), *entries]
    if json_:
        say_json([entry_json(entry) for entry in entries])
        return OK
    for entry in entries:
        if all_ or entry.state.open or entry.state is EntryState.UNDELIVERABLE:
            click.echo(_line(entry))
    archived = store.seal.rows.get("outbox", 0) if not all_ else 0
    click.echo(_counts(entries) + (f"另有{archived}条已归档，用 --all 列出。" if archived else ""))
    return OK


def _line(entry: Entry) -> str:
    unclear = f"结果不明{entry.unclear}次 " if entry.unclear else ""
    unclear += f"发送途中中断{entry.interrupted}次 " if entry.interrupted else ""
    head = f"{entry.number} {day_of(entry.at)} {entry.chat} {entry.form} {entry.state.value} 第{entry.attempts}次"
    return f"{head} {unclear}{entry.why}".rstrip()


def _counts(entries: list[Entry]) -> str:
    waiting = sum(entry.state.open for entry in entries)
    failed = sum(entry.state is EntryState.UNDELIVERABLE for entry in entries)
    delivered = sum(entry.state is EntryState.DELIVERED for entry in entries)
    unclear = sum(entry.unclear > 0 for entry in entries)
    doubt = f"，曾结果不明{unclear}条" if unclear else ""
    return f"待发{waiting}条，投递失败{failed}条，已送达{delivered}条{doubt}。"


def entry_json(entry: Entry) -> dict[str, Any]:
    """One entry in the form that --json prints."""
    return {
        "number": entry.number,
        "chat": entry.chat,
        "form": entry.form,
        "state": entry.state.value,
        "at": entry.at.astimezone(ZONE).isoformat(timespec="minutes"),
        "next_attempt_at": entry.next_attempt_at.astimezone(ZONE).isoformat(timespec="seconds"),
        "attempts": entry.attempts,
        "unclear": entry.unclear,
        "interrupted": entry.interrupted,
        "code": entry.code,
        "why": entry.why,
        "resent": entry.resent,
        "robot": entry.robot,
        "rows": [row_json(entry.at, entry.chat, telling) for telling in entry.tellings],
    }


@outbox.command("resend")
@click.argument("numbers", nargs=-1, metavar="[编号]...")
@click.option("--failed", is_flag=True, help="全部投递失败和被拒收的")
@_BY
@_REASON
@_YES
@in_home
def resend(folder: Path, numbers: tuple[str, ...], failed: bool, by: str, reason: str, yes: bool) -> int:
    """重发：duban outbox resend 2027-0412 --by 李主任；可能有人看到过的标明补发。"""
    if bool(numbers) == failed:
        raise Failure("写明编号，或用 --failed，只写一样。什么都没有写入。", WRONG_USE)
    home = opened(folder)
    store = peek_store(home.state("real"))
    entries = [entry for entry in store.entries.values() if entry.state in _STUCK] if failed else _of(store, numbers)
    return _order(home, entries, "", by, reason, yes)


@outbox.command("reroute")
@click.argument("what", metavar="编号或群聊")
@click.argument("chat", metavar="改发到")
@_BY
@_REASON
@_YES
@in_home
def reroute(folder: Path, what: str, chat: str, by: str, reason: str, yes: bool) -> int:
    """改发：一条（编号），或一个群聊还没送达的全部，改发到另一个群；每行注明原来发给谁。"""
    home = opened(folder)
    store = peek_store(home.state("real"))
    chats = home.chats.directory.chats
    target = chats.get(key_of(chat), key_of(chat))
    if target not in home.chats.robots:
        raise unknown("有机器人的群聊", chat, list(chats))
    source = chats.get(key_of(what), key_of(what))
    waiting = [e for e in store.entries.values() if e.chat == source and e.state in (*_STUCK, EntryState.LATER)]
    return _order(home, waiting or _of(store, [what]), target, by, reason, yes)


def _of(store: Store, numbers: Iterable[str]) -> list[Entry]:
    try:
        return [resendable(store, number) for number in dict.fromkeys(numbers)]
    except Refused as refused:
        raise Failure(f"{refused}。什么都没有写入。") from None


def _order(home: Home, entries: list[Entry], chat: str, by: str, reason: str, yes: bool) -> int:
    if not entries:
        click.echo("没有要重发的。")
        return OK
    for entry in entries:
        click.echo(_line(entry))
    where = f"改发到“{chat}”" if chat else "重发"
    if not yes and not click.confirm(f"以上{len(entries)}条{where}？"):
        raise Failure("没有重发，什么都没有写入。")
    numbers = tuple(entry.number for entry in entries)
    payload = ResendAsked(numbers=numbers, chat=chat, by=by, reason=reason)
    return send(home, payload, f"{len(entries)}条已排队{where}，在办公时间内发出。")


# --- robots -----------------------------------------------------------------------


@click.group("robot")
def robot() -> None:
    """群机器人：列出状态；修好后立即重试。"""


@robot.command("list")
@in_home
def list_(folder: Path) -> int:
    """列出群机器人和它们的状态。"""
    home = opened(folder)
    known = peek_store(home.state("real")).robots
    for name, dialect in {one.name: one.dialect for robots in home.chats.robots.values() for one in robots}.items():
        state = known.get(name)
        since = f"自{state.broken_since.astimezone(ZONE):%Y-%m-%d}" if state and state.broken_since else ""
        click.echo(f"{name} {dialect} {f'{since}不可用：{state.broken}' if state and state.broken else '正常'}")
    return OK


@robot.command("retry")
@click.argument("name", metavar="群机器人")
@_BY
@in_home
def retry(folder: Path, name: str, by: str) -> int:
    """平台那边修好以后，立即重试：duban robot retry 县教育局#1 --by 李主任"""
    home = opened(folder)
    known = peek_store(home.state("real")).robots
    if name not in known:
        raise unknown("群机器人", name, list(known))
    return send(home, RobotMended(robot=name, by=by), f"{name} 重新启用，留存的消息在办公时间内发出。")


COMMANDS = (outbox, robot)
