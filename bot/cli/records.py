"""Commands about what is kept: backup, restore, verify, receipt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import click

from bot.cli.common import OK, PROBLEMS, WRONG_USE, Failure, in_home, opened, say_json, unknown
from bot.cli.explain import state_folder, usable_rulebook_for_looking
from bot.core.rules.item_ids import typed_id
from bot.core.telling.entry import Entry
from bot.core.telling.receipts import Receipt, Sheet, as_json, in_words, receipts
from bot.core.time.zone import ZONE
from bot.platforms import as_read
from bot.service.home import Home, peek_store
from bot.sources.clock import wall
from bot.state.archive import Archive, past_entries
from bot.state.backup import Backup, back_up, read_backup, restore, resume, salvage
from bot.state.sent import texts_of
from bot.state.store import Store
from bot.state.verify import Verified, verify


@click.command("backup")
@click.argument("file", metavar="[文件]", required=False, type=click.Path(path_type=Path, dir_okay=False))
@in_home
def backup(folder: Path, file: Path | None) -> int:
    """把状态另存为一个文件；督办运行时也可以用。"""
    home = opened(folder)
    now = wall()
    target = file or home.backups / f"duban-{now:%Y-%m-%d-%H%M%S}.tar.gz"
    back_up(home.state("real"), target, now)
    click.echo(f"已备份到 {target}（{target.stat().st_size / 1024:,.0f} KB）。")
    return OK


@click.command("restore")
@click.argument("file", metavar="[备份文件]", required=False, type=click.Path(path_type=Path))
@click.option("--salvage", "salvage_", is_flag=True, help="不用备份：状态损坏时只留下损坏之前的内容")
@in_home
def restore_(folder: Path, file: Path | None, salvage_: bool) -> int:
    """用备份换下现在的状态（先停止督办）；换下的另存，不删除。不写文件名则列出备份。"""
    home = opened(folder)
    if file is not None and salvage_:
        raise Failure("备份文件和 --salvage 只能选一个", WRONG_USE)
    if salvage_:
        return _salvage(home)
    if file is None:
        return _list(home)
    found = read_backup(file)
    if found.store.meta("clock", "real") != "real":
        raise Failure(f"{file} 是演练的状态，不能恢复为正式状态。", WRONG_USE)
    aside = restore(home.state("real"), found, wall())
    click.echo(f"已恢复为{_when(found)}的状态。{_kept(aside)}")
    click.echo("此后收到的事件请补录；启动后管理员会收到一条说明。")
    return OK


def _salvage(home: Home) -> int:
    done = salvage(home.state("real"), wall())
    if done is None:
        click.echo("状态完好，没有改动。")
        return OK
    aside, damage = done
    click.echo(f"已只留下 {damage.file.name} 第 {damage.offset} 字节之前的内容。{_kept(aside)}")
    return OK


def _kept(aside: Path | None) -> str:
    return f"换下的另存在 {aside}。" if aside else "原来没有状态。"


def _list(home: Home) -> int:
    """Prints the backups, newest first. A restore that was interrupted is finished first."""
    if resume(home.state("real")):
        click.echo("上次中断的恢复已经做完。")
    files = sorted(home.backups.glob("duban-*.tar.gz"), reverse=True)
    for path in files:
        click.echo(f"{path}　{path.stat().st_size / 1024:,.0f} KB")
    click.echo(f"共{len(files)}份备份。恢复：先停止督办，再 duban restore 备份文件。")
    return OK


def _when(found: Backup) -> str:
    return f"{found.at.astimezone(ZONE):%Y-%m-%d %H:%M}"


@click.command("verify")
@click.argument("file", metavar="[备份文件]", required=False, type=click.Path(path_type=Path))
@click.option("--drill", is_flag=True, help="核对演练的状态")
@click.option("--json", "json_", is_flag=True, help="输出 JSON")
@in_home
def verify_(folder: Path, file: Path | None, drill: bool, json_: bool) -> int:
    """核对状态、归档链和每一行记录；有改动就指出第一处。也可核对一份备份。"""
    if file is not None:
        return _verify_backup(file)
    found = verify(state_folder(opened(folder), drill))
    if json_:
        say_json({"events": found.events, "entries": found.entries, "archived": dict(found.seal.rows),
                  "sha256": found.seal.sha256, "tail": found.tail})  # fmt: skip
    else:
        _say(found)
    return PROBLEMS if found.tail else OK


def _say(found: Verified) -> None:
    if found.tail:
        click.echo(f"日志末尾有{found.tail}字节没有写完，第{found.journal_bytes}字节起；启动督办时会截去并另存。")
    click.echo(f"现行状态完好：事件{found.events}件，消息{found.entries}条。")
    if found.seal.month:
        rows = found.seal.rows
        click.echo(
            f"归档完好：到{found.seal.month}止，消息{rows.get('outbox', 0)}条，告知{rows.get('told', 0)}条，"
            f"事件{rows.get('events', 0)}件，首尾相接。末行散列 {found.seal.sha256}"
        )


def _verify_backup(file: Path) -> int:
    found = read_backup(file)
    rows = found.check_archive()
    click.echo(
        f"备份完好：{_when(found)}，事件{len(found.store.events)}件，消息{len(found.store.entries)}条，归档{rows}行。"
    )
    return OK


@click.command("receipt")
@click.argument("item", metavar="事项", type=typed_id)
@click.option("--drill", is_flag=True, help="看演练的")
@click.option("--json", "json_", is_flag=True, help="输出 JSON")
@in_home
def receipt(folder: Path, item: str, drill: bool, json_: bool) -> int:
    """送达凭证：一个事项历次发了什么、给谁、何时、依哪一版规则、平台怎么答复。"""
    home = opened(folder)
    state = state_folder(home, drill)
    store = peek_store(state)
    rulebook = usable_rulebook_for_looking(home, store)
    store.follow(rulebook.succession)
    names = store.facts.names
    found = list(receipts(_all_entries(state, store), frozenset({item, names.item(item)}), names))
    texts = texts_of(state / "archive", {one.entry.number for one in found})
    if json_:
        say_json([as_json(one, texts) for one in found])
        return OK
    if not found and item not in rulebook.by_id:
        known = {telling.item for entry in store.entries.values() for telling in entry.tellings}
        raise unknown("事项的送达记录", item, sorted({*known, *rulebook.by_id}), writes=False)
    _print(item, found, texts)
    return OK


def _all_entries(state: Path, store: Store) -> Iterator[Entry]:
    """Receipts from the archive, then those of the live state in order of time."""
    yield from past_entries(Archive(state / "archive"), store.seal)
    yield from sorted(store.entries.values(), key=lambda entry: (entry.at, entry.number))


def _print(item: str, found: list[Receipt], texts: Mapping[str, Sheet]) -> None:
    click.echo(f"送达凭证：{item}")
    read = {sha: Sheet(one.part, as_read(one.text)) for sha, one in texts.items()}
    for one in found:
        click.echo("\n".join(in_words(one, read)))
    delivered = sum(one.entry.delivered_at is not None for one in found)
    click.echo(f"共{len(found)}条，已送达{delivered}条；出具时间{wall():%Y-%m-%d %H:%M}。")


COMMANDS = (backup, restore_, verify_, receipt)
