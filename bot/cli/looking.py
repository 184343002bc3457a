"""Commands that only look: preview, explain, outbox, schema. They never touch the network or change anything."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

import click

from bot.build import Home, peek_store, scene_of, usable_rulebook
from bot.cli.common import OK, Failure, in_home, moment, opened, rules_of, say_json, unknown
from bot.core.digest import Draft
from bot.core.findings import Finding, canonical, find_item
from bot.core.notices import ADMIN, Decision, Reason, settled
from bot.core.outbox import Entry, EntryState, Row
from bot.core.outlook import Scene, look, outlook
from bot.core.rulebook import Rulebook
from bot.core.tellings import told
from bot.core.wording import Words, short_day, word
from bot.shell.chats import key_of
from bot.shell.store import Store, day_of
from bot.sources.clock import ZONE, wall


def state_folder(home: Home, drill: bool) -> Path:
    """state/ or the drill's; without a real state yet, the drill's is shown and said so."""
    real, story = home.state("real"), home.state("drill")
    has = {folder: any(folder.glob("journal-*.log")) for folder in (real, story)}
    if not drill and not has[real] and has[story]:
        click.echo("（还没有正式状态，以下是演练的）", err=True)
        return story
    return story if drill else real


# --- preview ------------------------------------------------------------------


@click.command("preview")
@click.option("--from", "from_", help="从哪天起，默认现在")
@click.option("--until", help="到哪天止，默认90天后")
@click.option("--unit", help="只看一个单位或群聊")
@click.option("--as-confirmed", is_flag=True, help="把待确认的都当作已确认")
@click.option("--text", is_flag=True, help="显示消息全文")
@click.option("--json", "json_", is_flag=True, help="输出 JSON")
@in_home
def preview(
    folder: Path, from_: str | None, until: str | None, unit: str | None, as_confirmed: bool, text: bool, json_: bool
) -> int:
    """预览将要发出的提醒：哪天、哪个群、哪件事、为什么。"""
    home = opened(folder)
    rulebook = rules_of(home)
    if unit:
        unit = _known_unit(rulebook, unit)
    store = peek_store(home.state("real"), as_confirmed=as_confirmed)
    since = moment(from_) if from_ else wall()
    last = moment(until, end=True) if until else since + timedelta(days=90)
    if last < since:
        raise Failure("--until 早于 --from", 2)
    start = (
        min(since, max(wall(), _evaluated(store))) if _evaluated(store) > datetime.min.replace(tzinfo=ZONE) else since
    )
    scene = scene_of(home, rulebook, store)
    rows = [
        (draft, row, findings)
        for draft, findings in with_progress(outlook(scene, start, last), start, last)
        for row in draft.rows
        if draft.at >= since and (unit is None or unit in (row.unit, draft.chat))
    ]
    if json_:
        say_json([row_json(draft.at, draft.chat, row) for draft, row, _ in rows])
    elif text:
        _print_texts(home, rulebook, scene, start, since, last, unit)
    else:
        _print_table([(draft.at, draft.chat, row) for draft, row, _ in rows])
    return OK


Told = tuple[Draft, Mapping[str, Finding]]


def with_progress(drafts: Iterable[Told], start: datetime, last: datetime) -> Iterator[Told]:
    """The same drafts, with a bar on a terminal's stderr when the window is long enough to be waited for."""
    if last - start < timedelta(days=500) or not sys.stderr.isatty():
        yield from drafts
        return
    with click.progressbar(length=(last - start).days, label="推演", file=sys.stderr) as bar:
        shown = start
        for told_ in drafts:
            bar.update((told_[0].at - shown).days)
            shown += timedelta(days=(told_[0].at - shown).days)
            yield told_
        bar.update((last - shown).days)


def _evaluated(store: Store) -> datetime:
    text = store.meta("evaluated")
    return datetime.fromisoformat(text) if text else datetime.min.replace(tzinfo=ZONE)


def _known_unit(rulebook: Rulebook, name: str) -> str:
    known = [*rulebook.addressable, ADMIN, "领导小组"]
    found = rulebook.unit_aliases.get(name, key_of(name))
    if found.removesuffix("·分管领导") in known:
        return found
    if found not in known:
        raise unknown("单位", name, known, writes=False)
    return found


def row_json(at: datetime, chat: str, row: Row) -> dict[str, Any]:
    """One telling as the contract has it."""
    return {
        "at": at.astimezone(ZONE).isoformat(timespec="minutes"),
        "chat": chat,
        "unit": row.unit,
        "item": row.item,
        "title": row.title,
        "state": row.state,
        "rung": row.rung,
        "rung_on": row.rung_on.isoformat(),
        "reason": row.reason,
        "理由": Reason[row.reason].words,
        "form": row.form,
        "addressee": row.role,
        "provisional": row.provisional,
    }


def _print_table(rows: list[tuple[datetime, str, Row]]) -> None:
    if not rows:
        click.echo("这段时间没有要发的提醒。")
        return
    for (at, chat), group in groupby(rows, key=lambda one: (one[0], one[1])):
        found = [row for _, _, row in group]
        click.echo(f"{at:%Y-%m-%d} {short_day(at.date())[-4:]} {at:%H:%M} {chat}")
        for row in found:
            guess = "（暂定日历）" if row.provisional else ""
            click.echo(
                f"    {row.form} {row.item} {row.title}　{row.state}　{row.rung}　{Reason[row.reason].words}{guess}"
            )
    chats = {
        (at, chat, row.form if row.form == "单发" else "汇总", row.item if row.form == "单发" else "")
        for at, chat, row in rows
    }
    totals: dict[str, int] = {}
    for _, chat, _, _ in chats:
        totals[chat] = totals.get(chat, 0) + 1
    click.echo(
        f"合计{len(chats)}条消息：{'、'.join(f'{chat}{n}' for chat, n in sorted(totals.items(), key=lambda t: -t[1]))}"
    )


def _print_texts(
    home: Home, rulebook: Rulebook, scene: Scene, start: datetime, since: datetime, last: datetime, unit: str | None
) -> None:
    for draft, findings in outlook(scene, start, last):
        if draft.at < since or (unit and unit != draft.chat and all(row.unit != unit for row in draft.rows)):
            continue
        entry = Entry(
            number=f"{draft.at.year}-预览", chat=draft.chat, form=draft.form, slot=draft.slot, rows=draft.rows,
            at=draft.at, next_attempt_at=draft.at,
        )  # fmt: skip
        message = word(entry, Words(rulebook, findings, draft.at.date(), home.settings.letterhead()))
        click.echo(f"── {draft.at:%Y-%m-%d %H:%M} {draft.chat}")
        click.echo("\n".join((message.headline, *(line.text for line in (*message.lines, *message.foot)), "")))


# --- explain ------------------------------------------------------------------


@click.command("explain")
@click.argument("item", metavar="事项")
@click.option("--at", help="哪天或哪一刻，默认现在")
@click.option("--as-confirmed", is_flag=True, help="把待确认的都当作已确认")
@click.option("--json", "json_", is_flag=True, help="输出 JSON")
@in_home
def explain(folder: Path, item: str, at: str | None, as_confirmed: bool, json_: bool) -> int:
    """说明一个事项为什么提醒、为什么不提醒。"""
    home = opened(folder)
    store = peek_store(home.state("real"), as_confirmed=as_confirmed)
    rulebook = usable_rulebook_for_looking(home, store)
    when = moment(at, end=True) if at else wall()
    wanted = canonical(rulebook, item)
    answers = list(_played(scene_of(home, rulebook, store), _first_look(rulebook, store, when), when, wanted))
    if not answers:
        found = find_item(rulebook, item, when.date())
        known = [
            *(f.item.id for f in look(scene_of(home, rulebook, store), when)[0]),
            *(rule.id for rule in rulebook.rules),
        ]
        raise (
            unknown("事项", item, known, writes=False)
            if found is None
            else Failure(f"{item} 在{when:%Y-%m-%d}还没有进入督办。")
        )
    if json_:
        say_json([_explained(one, when) for one in answers])
    else:
        for one in answers:
            click.echo(_explained(one, when)["text"])
    return OK


def usable_rulebook_for_looking(home: Home, store: Store) -> Rulebook:
    """The rulebook in force: the files', or the last good one beside a broken edit; never writes."""
    return home.rulebook if home.rulebook is not None else usable_rulebook(home, store)


def _first_look(rulebook: Rulebook, store: Store, when: datetime) -> datetime:
    """Where the story up to `when` begins: where the state stands, or the plan's first day for a state not begun."""
    begun = _evaluated(store)
    start = datetime.combine(rulebook.plan.starts_on, datetime.min.time(), ZONE) if begun.year == 1 else begun
    return min(start, when)


def _played(scene: Scene, start: datetime, when: datetime, item: str) -> Iterable[Decision]:
    """The decisions about one item at `when`, everything due before having been told."""
    memory = scene.memory.copy()
    eve = datetime.combine(when.date(), datetime.min.time(), ZONE)
    for draft, _ in outlook(scene, start, eve - timedelta(minutes=1)):
        for row in draft.rows:
            memory.add(told(row, "", draft.at))
    decisions = look(replace(scene, memory=memory), max(eve, min(start, when)))[1]
    exact = [one for one in decisions if one.finding.item.id == item]
    return exact or [one for one in decisions if one.finding.item.rule.id == item]


def _explained(decision: Decision, when: datetime) -> dict[str, Any]:
    one = settled(decision, when)
    role = one.addressee.role.value
    until = one.until.astimezone(ZONE) if one.until else None
    return {
        "item": one.finding.item.id,
        "at": when.isoformat(timespec="minutes"),
        "addressee": role,
        "unit": one.addressee.unit,
        "chat": one.chat,
        "state": one.finding.state.value,
        "told": one.reason.tells,
        "reason": one.reason.name,
        "理由": one.reason.words,
        "until": until.isoformat(timespec="minutes") if until and not one.reason.tells else None,
        "text": _sentence(one, when),
    }


def _sentence(one: Decision, when: datetime) -> str:
    finding: Finding = one.finding
    head = f"{finding.item.id} {finding.item.shown_title}（{finding.state.value}）→ {one.addressee.key}（{one.addressee.role.value}）："
    rung = f"，级次“{one.telling.label}”（{one.telling.on}）" if one.telling else ""
    if one.reason.tells:
        at = one.at.astimezone(ZONE) if one.at else when
        return f"{head}{at:%Y-%m-%d %H:%M} 发到“{one.chat}”{rung}，理由：{one.reason.words}{'，' + one.mark if one.mark else ''}。"
    until = f"；最早{one.until.astimezone(ZONE):%Y-%m-%d %H:%M}再看" if one.until else ""
    if one.reason is Reason.NOT_DUE and one.until is None:
        until = "；此后没有对它的提醒"
    by = f"（{one.by}）" if one.by else ""
    return f"{head}不发，理由：{one.reason.words}{by}{rung}{until}。"


# --- outbox and schema ----------------------------------------------------------


@click.command("outbox")
@click.option("--drill", is_flag=True, help="看演练的待发箱")
@click.option("--all", "all_", is_flag=True, help="连同已办结的一起列出")
@click.option("--json", "json_", is_flag=True, help="输出 JSON（全部）")
@in_home
def outbox(folder: Path, drill: bool, all_: bool, json_: bool) -> int:
    """列出待发箱：没送达的、重试中的、投递失败的。"""
    home = opened(folder)
    store = peek_store(state_folder(home, drill))
    entries = sorted(store.entries.values(), key=lambda entry: (entry.at, entry.number))
    if json_:
        say_json([entry_json(entry) for entry in entries])
        return OK
    shown = [e for e in entries if all_ or e.state.open or e.state is EntryState.UNDELIVERABLE]
    for entry in shown:
        click.echo(
            f"{entry.number} {day_of(entry.at)} {entry.chat} {entry.form} {entry.state.value} 第{entry.attempts}次 {entry.why}".rstrip()
        )
    counts = [
        sum(entry.state is state for entry in entries) for state in (EntryState.UNDELIVERABLE, EntryState.DELIVERED)
    ]
    waiting = sum(entry.state.open for entry in entries)
    click.echo(f"待发{waiting}条，投递失败{counts[0]}条，已送达{counts[1]}条。")
    return OK


def entry_json(entry: Entry) -> dict[str, Any]:
    """One entry as the contract has it."""
    return {
        "number": entry.number,
        "chat": entry.chat,
        "form": entry.form,
        "state": entry.state.value,
        "at": entry.at.astimezone(ZONE).isoformat(timespec="minutes"),
        "next_attempt_at": entry.next_attempt_at.astimezone(ZONE).isoformat(timespec="seconds"),
        "attempts": entry.attempts,
        "code": entry.code,
        "why": entry.why,
        "resent": entry.resent,
        "robot": entry.robot,
        "rows": [row_json(entry.at, entry.chat, row) for row in entry.rows],
    }


@click.command("schema")
@click.argument("name", required=False)
@click.option("--out", type=click.Path(path_type=Path), help="写到文件夹，供编辑器补全使用")
@in_home
def schema(folder: Path, name: str | None, out: Path | None) -> int:
    """输出规则文件的 JSON Schema。"""
    del folder
    from bot.shell.schema import schemas

    found = schemas()
    if name is not None and name not in found:
        raise unknown("规则文件种类", name, list(found), writes=False)
    chosen = {name: found[name]} if name else found
    if out is None:
        say_json(chosen[name] if name else chosen)
        return OK
    import json

    out.mkdir(parents=True, exist_ok=True)
    for key, value in chosen.items():
        (out / f"{key}.schema.json").write_text(json.dumps(value, ensure_ascii=False, indent=1), "utf-8")
        click.echo(f"已写 {out / f'{key}.schema.json'}")
    return OK


COMMANDS = (preview, explain, outbox, schema)
