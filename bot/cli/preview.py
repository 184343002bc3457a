"""duban preview: what will be told, and with --diff what an edit of the rule files changes in it."""

from __future__ import annotations

import gc
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from itertools import chain, groupby
from pathlib import Path
from time import perf_counter
from typing import Any

import click

from bot.authoring import preview as previews
from bot.authoring.preview import YEARS_AHEAD, DraftOfDay, PreviewSpan
from bot.cli.common import OK, WRONG_USE, Failure, in_home, moment, opened, rules_of, say_json, unknown
from bot.core.deciding.addressees import ADMIN, key_of
from bot.core.deciding.reasons import Reason
from bot.core.preview.difference import Difference, PreviewTelling, by_chat, described, messages, totals
from bot.core.rules.item import State
from bot.core.rules.rulebook import Rulebook
from bot.core.telling.entry import Telling
from bot.core.telling.outbox import promised
from bot.core.telling.wording import Words, short_day, word
from bot.core.time.zone import ZONE
from bot.service.home import Home, RulesUnusableError, peek_store
from bot.sources.clock import wall
from bot.state.store import Store

PATIENCE = 1.0  # seconds before the progress bar appears
IN_FORCE = ""  # the value of --diff without a folder


@click.command("preview")
@click.option("--from", "from_", help="从哪天起显示，默认现在")
@click.option("--until", help="到哪天止，默认90天后")
@click.option("--unit", help="只看一个单位或群聊")
@click.option("--as-confirmed", is_flag=True, help="把待确认的都当作已确认")
@click.option("--text", is_flag=True, help="显示消息全文")
@click.option(
    "--diff",
    is_flag=False,
    flag_value=IN_FORCE,
    metavar="[文件夹]",
    help="只看改动：与生效中的规则对照；写了文件夹就与那里的规则对照",
)
@click.option("--json", "json_", is_flag=True, help="输出 JSON")
@click.option("--today", hidden=True, help="当作今天的日子或时刻")
@in_home
def preview(
    folder: Path,
    from_: str | None,
    until: str | None,
    unit: str | None,
    as_confirmed: bool,
    text: bool,
    diff: str | None,
    json_: bool,
    today: str | None,
) -> int:
    """预览将要发出的提醒：哪天、哪个群、哪件事、为什么；改了规则，用 --diff 看改动的后果。"""
    if diff is not None and text:
        raise Failure("--diff 与 --text 不能同用", WRONG_USE)
    with _in_one_go():
        home = opened(folder, tests=False)
        rulebook = rules_of(home)
        name = _known_unit(rulebook, unit) if unit else None
        span = _span(moment(today) if today else wall(), from_, until)
        _check_near(span, rulebook)
        store = peek_store(home.state("real"), as_confirmed=as_confirmed)
        if diff is not None:
            _say_changes(_changes(home, rulebook, store, span, diff), name, span, json_)
        else:
            coming = previews.drafts(
                previews.scene(home, rulebook, store), span.start(rulebook, store), span, with_progress
            )
            _say_texts(home, rulebook, coming, name) if text and not json_ else _say_rows(coming, name, json_)
    return OK


def _span(now: datetime, from_: str | None, until: str | None) -> PreviewSpan:
    since = moment(from_) if from_ else now
    last = moment(until, end=True) if until else since + timedelta(days=90)
    if last < since:
        raise Failure("--until 早于 --from", WRONG_USE)
    return PreviewSpan(now, since, last)


def _check_near(span: PreviewSpan, rulebook: Rulebook) -> None:
    """Raises Failure for a span that is further away than pages show: every day before it would have to be played."""
    last = date(max(span.now.year, rulebook.plan.starts_on.year) + YEARS_AHEAD, 12, 31)
    if span.until.date() > last:
        raise Failure(f"预览从今天起一天天推演，最多到{last}。请把 --from 或 --until 改近一些", WRONG_USE)


@contextmanager
def _in_one_go() -> Iterator[None]:
    """Switches the garbage collector off: a preview makes no cycles, and collecting takes a quarter of a long one's time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def with_progress(drafts: Iterable[DraftOfDay], start: datetime, until: datetime) -> Iterator[DraftOfDay]:
    """The same drafts. After a second a progress bar by days is shown on stderr, if that is a terminal."""
    if not sys.stderr.isatty():
        yield from drafts
        return
    began, coming = perf_counter(), iter(drafts)
    for one in coming:
        yield one
        if perf_counter() - began > PATIENCE:
            yield from _with_bar(coming, start, one[0].at, until)


def _with_bar(
    drafts: Iterator[DraftOfDay], start: datetime, reached: datetime, until: datetime
) -> Iterator[DraftOfDay]:
    with click.progressbar(length=(until - start).days, label="推演", file=sys.stderr) as bar:
        bar.update((reached - start).days)
        for one in drafts:
            bar.update((one[0].at - start).days - bar.pos)
            yield one
        bar.update(bar.length or 0)


def _known_unit(rulebook: Rulebook, name: str) -> str:
    known = [*rulebook.addressable, ADMIN, "领导小组"]
    found = rulebook.unit_aliases.get(name, key_of(name))
    if found.removesuffix("·分管领导") in known:
        return found
    if found not in known:
        raise unknown("单位", name, known, writes=False)
    return found


# --- what will be told -----------------------------------------------------------


def row_json(at: datetime, chat: str, telling: Telling) -> dict[str, Any]:
    """One telling in the form that --json prints."""
    return {
        "at": at.astimezone(ZONE).isoformat(timespec="minutes"),
        "chat": chat,
        "unit": telling.unit,
        "item": telling.item,
        "title": telling.title,
        "state": telling.state,
        "rung": telling.rung,
        "rung_on": telling.rung_on.isoformat(),
        "reason": telling.reason,
        "理由": Reason[telling.reason].words,
        "form": telling.form,
        "addressee": telling.role,
        "provisional": telling.provisional,
    }


def _say_rows(coming: Iterable[DraftOfDay], unit: str | None, json_: bool) -> None:
    tellings = [
        PreviewTelling(draft.at, draft.chat, telling)
        for draft, _ in coming
        for telling in draft.tellings
        if unit is None or unit in (telling.unit, draft.chat)
    ]
    if json_:
        lines = (json.dumps(row_json(one.at, one.chat, one.telling), ensure_ascii=False) for one in tellings)
        click.echo("[" + ",\n ".join(lines) + "]")
    elif tellings:
        # Not click.echo: it would search the megabytes of a long preview for colour codes.
        sys.stdout.writelines(f"{line}\n" for line in chain(_table(tellings), (_sums(tellings),)))
    else:
        click.echo("这段时间没有要发的提醒。")


def _table(tellings: list[PreviewTelling]) -> Iterator[str]:
    for (at, chat), group in groupby(tellings, key=lambda one: (one.at, one.chat)):
        yield f"{at:%Y-%m-%d} {short_day(at.date())[-4:]} {at:%H:%M} {chat}"
        for one in group:
            yield f"    {one.telling.form} {_brief(one.telling)}　{State(one.telling.state).shown}　{one.telling.rung}　{_why(one.telling)}"


def _brief(telling: Telling) -> str:
    return f"{telling.item} {telling.title}"


def _why(telling: Telling) -> str:
    return Reason[telling.reason].words + ("（暂定日历）" if telling.provisional else "")


def _sums(tellings: list[PreviewTelling]) -> str:
    """Prints messages by chat, then tellings by unit. A digest is one message with many tellings."""
    by_name = sorted(tellings, key=lambda one: one.chat)
    chats = Counter({chat: messages(group) for chat, group in groupby(by_name, key=lambda one: one.chat)})
    units = Counter(one.telling.unit for one in tellings)
    return f"合计{chats.total()}条消息：{_counted(chats)}\n提醒{len(tellings)}项，按单位：{_counted(units)}"


def _counted(counts: Counter[str]) -> str:
    return "、".join(f"{name}{count}" for name, count in counts.most_common())


def _say_texts(home: Home, rulebook: Rulebook, coming: Iterable[DraftOfDay], unit: str | None) -> None:
    for draft, findings in coming:
        if unit and unit != draft.chat and all(telling.unit != unit for telling in draft.tellings):
            continue
        entry = promised(draft, f"{draft.at.year}-预览")
        message = word(entry, Words(rulebook, findings, draft.at.date(), home.settings.letterhead()))
        click.echo(f"── {draft.at:%Y-%m-%d %H:%M} {draft.chat}")
        click.echo("\n".join((message.headline, *(line.text for line in (*message.lines, *message.foot)), "")))


# --- what an edit changes ---------------------------------------------------------


def _changes(home: Home, rulebook: Rulebook, store: Store, span: PreviewSpan, other: str) -> list[Difference]:
    before = previews.in_force(store) if other == IN_FORCE else _other(Path(other))
    if before is None:
        raise Failure("还没有生效中的规则（服务没有运行过）。可写明与哪个文件夹对照：duban preview --diff 文件夹")
    return previews.changes(home, before, rulebook, store, span, with_progress)


def _other(folder: Path) -> Rulebook:
    if not folder.is_dir():
        raise Failure(f"没有文件夹 {folder}", WRONG_USE)
    rulebook, problems = previews.other_rules(folder)
    if rulebook is None:
        raise RulesUnusableError(problems)
    return rulebook


def _say_changes(found: list[Difference], unit: str | None, span: PreviewSpan, json_: bool) -> None:
    if unit:
        found = [one for one in found if any(unit in (s.telling.unit, s.chat) for s in (one.before, one.after) if s)]
    if json_:
        say_json([_change_json(one) for one in found])
        return
    click.echo(f"{span.since:%Y-%m-%d}至{span.until:%Y-%m-%d}，与对照的规则相比：")
    if not found:
        click.echo("将要发出的提醒没有变化。")
        return
    for chat, changes in by_chat(found).items():
        click.echo(f"{chat}：{totals(changes)}")
        for one in changes:
            click.echo(f"    {said(one)}")
    click.echo(f"合计{len(found)}处：{totals(found)}，涉及{len(by_chat(found))}个群。")


def said(one: Difference) -> str:
    """改期 T05-M1 创建工作通过国家评估认定　提前30天：2027-12-01→2027-11-30."""
    return f"{one.change} {_brief(one.told.telling)}　{one.told.telling.rung}　{described(one)}"


def _change_json(one: Difference) -> dict[str, Any]:
    sides = {"before": one.before, "after": one.after}
    told = {name: row_json(side.at, side.chat, side.telling) if side else None for name, side in sides.items()}
    return {"change": str(one.change), **told}


COMMANDS = (preview,)
