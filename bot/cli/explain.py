"""Commands that only look: explain, schema. They never touch the network or change anything."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click

from bot.authoring.preview import begun, evaluated
from bot.cli.common import OK, Failure, in_home, moment, opened, say_json, unknown
from bot.core.deciding.decision import Decision, as_of
from bot.core.deciding.decisions import left_out_decisions
from bot.core.deciding.findings import Finding, canonical, find_item
from bot.core.deciding.look import Scene, look
from bot.core.facts.case_steps import not_reached
from bot.core.preview.preview import preview_of
from bot.core.rules.item_ids import is_one_of, typed_id, without_step
from bot.core.rules.rulebook import Rulebook
from bot.core.telling.entry import hearings_of, past_telling
from bot.core.time.zone import ZONE
from bot.service.home import Home, peek_store, usable_rulebook
from bot.service.wiring import scene_of
from bot.sources.clock import wall
from bot.state.store import Store


def state_folder(home: Home, drill: bool) -> Path:
    """The real state, or the drill's. Without a real state the drill's is used, and a line says so."""
    real, story = home.state("real"), home.state("drill")
    has = {folder: any(folder.glob("journal-*.log")) for folder in (real, story)}
    if not drill and not has[real] and has[story]:
        click.echo("（还没有正式状态，以下是演练的）", err=True)
        return story
    return story if drill else real


# --- explain ------------------------------------------------------------------


@click.command("explain")
@click.argument("item", metavar="事项", type=typed_id)
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
    scene = scene_of(home, rulebook, store)
    wanted = canonical(rulebook, item, scene.facts)
    answers = list(_played(scene, _first_look(rulebook, store, when), when, wanted))
    if not answers:
        found = find_item(rulebook, item, when.date(), store.facts)
        known = [
            *(f.item.id for f in look(scene_of(home, rulebook, store), when)[0]),
            *(rule.id for rule in rulebook.rules),
        ]
        if unreached := not_reached(wanted, rulebook.by_id, scene.facts, rulebook.calendar):
            raise Failure(f"{unreached}；走到这一步才计时、提醒。")
        raise (
            unknown("事项", item, known, writes=False)
            if found is None and wanted not in rulebook.by_id
            else Failure(f"{item} 在{when:%Y-%m-%d}还没有进入督办。")
        )
    said = [_explained(one, when, _undelivered(one, store)) for one in answers]
    if json_:
        say_json(said)
    else:
        for one in said:
            click.echo(rulebook.plan.in_own_words(one["text"]))
    return OK


def usable_rulebook_for_looking(home: Home, store: Store) -> Rulebook:
    """The rulebook in force: that of the files, or the last good one if they are broken. Writes nothing."""
    return home.rulebook if home.rulebook is not None else usable_rulebook(home, store)


def _first_look(rulebook: Rulebook, store: Store, when: datetime) -> datetime:
    """The instant from which it is played up to `when`: where the state stands.

    A service that has never run begins now; a day before today is explained as if it had run since the plan's first day.
    """
    stands = begun(rulebook, store)
    return min(stands if evaluated(store) or when < wall() else max(stands, wall()), when)


def _played(scene: Scene, start: datetime, when: datetime, item: str) -> Iterable[Decision]:
    """The decisions about one item at `when`, if everything due before was told."""
    memory = scene.memory.copy()
    eve = datetime.combine(when.date(), datetime.min.time(), ZONE)
    for draft, _ in preview_of(scene, start, eve - timedelta(minutes=1)):
        for telling in draft.tellings:
            memory.add(past_telling(telling, "", draft.at))
            for heard in hearings_of(telling, draft.at, draft.at):
                memory.hearings.add(heard)
    findings, decisions = look(replace(scene, memory=memory), max(eve, min(start, when)))
    decisions += (one for finding in findings for one in left_out_decisions(finding, scene.directory))
    return _about(item, decisions)


def _about(name: str, decisions: Sequence[Decision]) -> list[Decision]:
    """The decisions about an item; else about all of a case, of a rule, or of an indicator's rules."""
    of_id, of_case, of_rule, of_indicator = (
        lambda item: item.id == name,
        lambda item: without_step(item.id) == name,
        lambda item: item.rule.id == name,
        lambda item: is_one_of(item.rule.id, name),
    )
    found = ([one for one in decisions if fits(one.finding.item)] for fits in (of_id, of_case, of_rule, of_indicator))
    return next((some for some in found if some), [])


def _undelivered(one: Decision, store: Store) -> str:
    """That what was promised about an item to an addressee has not reached them, as far as the state goes."""
    wanted = one.finding.item.id, one.addressee.key
    waiting = (*store.open_entries(), *store.shelf.failed())
    numbers = [entry.number for entry in waiting if wanted in {(row.item, row.addressee) for row in entry.tellings}]
    return f"；消息{'、'.join(numbers)}还没有送达，见 duban outbox" if numbers else ""


def _explained(decision: Decision, when: datetime, undelivered: str) -> dict[str, Any]:
    one = as_of(decision, when)
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
        "text": _sentence(one, when, undelivered),
    }


def _sentence(one: Decision, when: datetime, undelivered: str) -> str:
    finding: Finding = one.finding
    head = f"{finding.item.id} {finding.item.shown_title}（{finding.state.shown}）→ {one.addressee.key}（{one.addressee.role.value}）："
    rung = f"，级次“{one.rung.label}”（{one.rung.on}）" if one.rung else ""
    if one.reason.tells:
        at = one.at.astimezone(ZONE) if one.at else when
        why = f"{one.reason.words}{'，' + one.mark if one.mark else ''}{_given(finding)}"
        return f"{head}{at:%Y-%m-%d %H:%M} 发到“{one.chat}”{rung}，理由：{why}{undelivered}。"
    until = f"；最早{one.until.astimezone(ZONE):%Y-%m-%d %H:%M}再看" if one.until else ""
    by = f"（{one.by}）" if one.by else ""
    return f"{head}不发，理由：{one.reason.words}{by}{rung}{_given(finding)}{until}{undelivered}。"


def _given(finding: Finding) -> str:
    """The reasons that people typed for what was registered of the item."""
    reasons = {"已延期": finding.extended_for, "已退回": finding.returned_for}
    return "".join(f"；{what}：{reason}" for what, reason in reasons.items() if reason)


# --- schema ---------------------------------------------------------------------


@click.command("schema")
@click.argument("name", required=False)
@click.option("--out", type=click.Path(path_type=Path), help="写到文件夹，供编辑器补全使用")
@in_home
def schema(folder: Path, name: str | None, out: Path | None) -> int:
    """输出规则文件的 JSON Schema；方案有自己的称呼时，两种写法都认。"""
    from bot.rulefiles.schema import schemas

    rulebook = opened(folder).rulebook
    found = schemas(rulebook.plan if rulebook else None)
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


COMMANDS = (explain, schema)
