"""Commands that say what happened: report, done, close, return, extend, silence, confirm.

Each becomes one event. If a bot runs, the event goes into its inbox; if none does, the command takes the lock and applies
it itself. Whatever is unknown is refused with a near match before anything is written.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import click

from bot.cli.common import OK, PROBLEMS, WRONG_USE, Failure, agreed, day, in_home, moment, opened, rules_of, unknown
from bot.core.deciding.addressees import Directory
from bot.core.deciding.admission import Refused, addressee_called, periods_of, vetted
from bot.core.deciding.findings import arisen_items, canonical, find_item, items_of
from bot.core.deciding.office import unconfirmed
from bot.core.facts.case_steps import case_named, not_reached
from bot.core.facts.events import Closed, Confirmed, Done, Event, Extended, Observed, Payload, Returned, Silenced
from bot.core.facts.facts import Facts, Observation
from bot.core.facts.plausible import number_in, value_doubt
from bot.core.rules.forms import reckonable
from bot.core.rules.item import Item
from bot.core.rules.item_ids import typed_id, without_step
from bot.core.rules.rulebook import IndicatorForm, Role, Rulebook
from bot.sending.orders import obey
from bot.service.home import Home, facts_of, open_store
from bot.sources.clock import wall
from bot.sources.inbox import Inbox
from bot.state.disk.lock import StateLocked


def send(home: Home, payload: Payload, done: str) -> int:
    """Applies an event, or leaves it for the running bot."""
    click.echo(done + hand_in(home, [payload]))
    return OK


def hand_in(home: Home, payloads: Sequence[Payload]) -> str:
    """Keeps all events or none, or leaves them for the running bot; then it returns the sentence that says so."""
    now = wall()
    events = [Event.of(payload, key=uuid.uuid4().hex, time=now, source="duban/cli") for payload in payloads]
    try:
        store, lock = open_store(home.state("real"), "real")
    except StateLocked:
        for event in events:
            Inbox(home.inbox).post(event)
        return "（已交给运行中的督办，几秒内生效）"
    try:
        with store.work():
            for event in events:
                store.keep(event)
                obey(store, event, now)
    finally:
        store.close()
        lock.release()
    return ""


def known_item(home: Home, rulebook: Rulebook, item: str) -> Item:
    """The item meant. Raises Failure with a near match."""
    facts = facts_of(home)
    found = find_item(rulebook, item, wall().date(), facts)
    if found is None:
        _no_case(rulebook, canonical(rulebook, item, facts), facts)
        planned = items_of(rulebook, date(wall().year + 2, 12, 31))
        raise unknown("事项", item, [one.id for one in (*planned, *arisen_items(rulebook, facts))])
    return found


def _no_case(rulebook: Rulebook, name: str, facts: Facts) -> None:
    """Raises Failure for a whole case, with the step that it has come to, and for a step that it has not come to."""
    case = case_named(name, facts)
    if case is None or case.rule not in rulebook.by_id:
        return
    reached = [item.id for item in arisen_items(rulebook, facts) if without_step(item.id) == case.id]
    if name == case.id and reached:
        raise Failure(
            f"{name} 是一整件，请写明是哪一步，如 {reached[-1]}；整件销号用 duban case close。什么都没有写入。"
        )
    if unreached := not_reached(name, rulebook.by_id, facts, rulebook.calendar):
        raise Failure(f"{unreached}。什么都没有写入。")


class _Numbers(click.Command):
    """A command whose negative numbers are not taken for options: -1.2 needs no -- before it."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        pairs = pairwise(["", *args])
        values = [one if before in ("--by", "--note") else re.sub(r"^-(?=\.?\d)", "−", one) for before, one in pairs]
        return super().parse_args(ctx, values)


@click.command("report", cls=_Numbers)
@click.argument("indicator", metavar="指标", type=typed_id)
@click.argument("period", metavar="期", type=typed_id)
@click.argument("value", metavar="数值")
@click.option("--preliminary", "--初步数", "preliminary", is_flag=True, help="初步数：先记下，不据以判断，等终值")
@click.option("--yes", "--是", "yes", is_flag=True, help="数值与目标或往期相差悬殊时不再询问，已核对无误")
@click.option("--by", default="", help="报送单位")
@click.option("--note", default="", help="说明")
@in_home
def report(
    folder: Path, indicator: str, period: str, value: str, preliminary: bool, yes: bool, by: str, note: str
) -> int:
    """录入或更正指标数据：duban report I4 2026 96.8；还会变的数加 --preliminary"""
    home = opened(folder, tests=False)
    rulebook = rules_of(home)
    known = {one.id: one for one in rulebook.indicators}
    indicator = rulebook.succession.renumbered(indicator)
    if indicator not in known:
        raise unknown("指标", indicator, list(known))
    labels = periods_of(rulebook, indicator, wall().date())
    if period not in labels:
        recent = [label for label in labels if label >= str(wall().year - 2)]
        raise Failure(
            f"指标{indicator}没有“{period}”这一期。可用：{'、'.join(recent[:8])}等。什么都没有写入。", WRONG_USE
        )
    facts, number = facts_of(home), _number(value)
    payload = Observed(
        indicator=indicator, period=period, value=number, final=not preliminary, confirmed=True, by=by, note=note
    )
    _check_admitted(home, rulebook, payload)
    _ask(known[indicator], value_doubt(known[indicator], period, number, facts), yes)
    before = facts.observations.get((indicator, period))
    return send(home, payload, f"已录入：{_entered(known[indicator], payload, before)}。")


def _check_admitted(home: Home, rulebook: Rulebook, payload: Payload, code: int = WRONG_USE) -> None:
    """Raises Failure for what a letter would be refused for, so that no command reports a success that the bot then refuses."""
    now = wall()
    event = Event.of(payload, key="command", time=now, source="duban/cli")
    try:
        vetted(event, rulebook, home.chats.robots, now.date(), facts_of(home))
    except Refused as refused:
        raise Failure(f"{refused}。什么都没有写入。", code) from None


def _ask(form: IndicatorForm, doubt: str, yes: bool) -> None:
    """Lets a person confirm a doubtful value. Raises Failure where nobody says yes."""
    if not doubt or yes:
        return
    shown = "数值与目标或往期相差悬殊" if form.sensitive else doubt
    if not agreed(f"{shown}。确认录入？", f"{shown}。核对无误的，加上 --yes 再运行。什么都没有写入。"):
        raise Failure("什么都没有写入。")


def _entered(form: IndicatorForm, payload: Observed, before: Observation | None) -> str:
    """高中阶段毛入学率 2026 96.8%（更正，原值96.2%）; of a sensitive indicator no title and no amounts."""
    kind = "" if payload.final else "初步数"
    if form.sensitive:
        return f"{form.id} {payload.period}{kind and f' {kind}'}{'（更正）' if before else ''}"
    said = f"{form.title} {payload.period} {kind}{payload.value}{form.measure}"
    if before is None or (before.value, before.final) == (payload.value, payload.final):
        return said
    if before.value == payload.value:
        return f"{said}（原为{'终值' if before.final else '初步数'}）"
    return f"{said}（更正，原{'值' if before.final else '初步数'}{before.value}{form.measure}）"


def _number(text: str) -> Decimal:
    number = number_in(text)
    if number is None:
        raise Failure(f"“{text.replace('−', '-')}”不是数值。什么都没有写入。", WRONG_USE)
    if not reckonable(number):
        raise Failure("数值过大或位数过多，请核对。什么都没有写入。", WRONG_USE)
    return Decimal(f"{number:f}")  # 1e2 is shown as 100


@click.command("done")
@click.argument("item", metavar="事项", type=typed_id)
@click.option("--by", default="", help="报告单位")
@click.option("--note", default="", help="说明")
@in_home
def done(folder: Path, item: str, by: str, note: str) -> int:
    """报办结：事项转为待核，等办公室销号或退回。"""
    home = opened(folder, tests=False)
    rulebook = rules_of(home)
    found = known_item(home, rulebook, item)
    if found.due_on is None:
        raise Failure(f"{found.id} 还没有时限，不在督办中。什么都没有写入。", WRONG_USE)
    payload = Done(item=found.id, by=by, note=note)
    _check_admitted(home, rulebook, payload, PROBLEMS)
    return send(home, payload, f"{found.id} {found.shown_title}：已报办结，待核。")


@click.command("close")
@click.argument("item", metavar="事项", type=typed_id)
@click.option("--by", required=True, help="核实人或办公室")
@in_home
def close(folder: Path, item: str, by: str) -> int:
    """销号：核实办结，不再提醒。"""
    home = opened(folder, tests=False)
    rulebook = rules_of(home)
    found = known_item(home, rulebook, item)
    payload = Closed(item=found.id, by=by)
    _check_admitted(home, rulebook, payload, PROBLEMS)
    return send(home, payload, f"{found.id} {found.shown_title}：已销号。")


@click.command("return")
@click.argument("item", metavar="事项", type=typed_id)
@click.option("--reason", required=True, help="退回原因")
@click.option("--by", default="", help="核实人或办公室")
@in_home
def return_(folder: Path, item: str, reason: str, by: str) -> int:
    """退回：核实不通过，事项重新督办。"""
    home = opened(folder, tests=False)
    rulebook = rules_of(home)
    found = known_item(home, rulebook, item)
    payload = Returned(item=found.id, reason=reason, by=by)
    _check_admitted(home, rulebook, payload)
    return send(home, payload, f"{found.id} {found.shown_title}：已退回。")


@click.command("extend")
@click.argument("item", metavar="事项", type=typed_id)
@click.argument("to", metavar="新时限")
@click.option("--reason", required=True, help="延期原因")
@click.option("--by", required=True, help="批准人或办公室")
@in_home
def extend(folder: Path, item: str, to: str, reason: str, by: str) -> int:
    """延期：批准新的时限，原时限留档。"""
    home = opened(folder, tests=False)
    rulebook = rules_of(home)
    found = known_item(home, rulebook, item)
    if found.due_on is None:
        raise Failure(f"{found.id} 没有时限，不能延期。什么都没有写入。", WRONG_USE)
    new = day(to)
    if new <= found.due_on:
        raise Failure(f"新时限{new}不晚于原时限{found.due_on}。什么都没有写入。", WRONG_USE)
    payload = Extended(item=found.id, to=new, rule_due=found.due_on, reason=reason, by=by)
    _check_admitted(home, rulebook, payload)
    granted = facts_of(home).extension_of(found)
    before = f"{granted.to}（原定{found.due_on}）" if granted else found.due_on
    return send(home, payload, f"{found.id} {found.shown_title}：时限由{before}延至{new}。")


@click.command("silence")
@click.argument("target", metavar="事项或群聊")
@click.option("--until", required=True, help="到什么时候，如 2027-03-01")
@click.option("--reason", required=True, help="原因")
@click.option("--by", default="", help="批准人或办公室")
@in_home
def silence(folder: Path, target: str, until: str, reason: str, by: str) -> int:
    """静默：到期之前不提醒一个事项，或不发给一个群聊。"""
    home = opened(folder, tests=False)
    rulebook = rules_of(home)
    end = moment(until, end=True)
    chat, item = chat_or_item(home, rulebook, target)
    whose = _whose(home.chats.directory, chat) if chat else f"{item} "
    payload = Silenced(chat=chat, item=item, until=end, reason=reason, by=by)
    _check_admitted(home, rulebook, payload, PROBLEMS)
    return send(home, payload, f"{whose}静默至{end:%Y-%m-%d %H:%M}。")


def chat_or_item(home: Home, rulebook: Rulebook, target: str) -> tuple[str, str]:
    """What a silence is of: a chat and no item, or no chat and an item, a case or a rule. Raises Failure with a near match."""
    chat, facts = addressee_called(rulebook, target), facts_of(home)
    name = canonical(rulebook, typed_id(target), facts)
    if not name[:1].isascii() or chat in home.chats.robots:
        return chat, ""
    if name in rulebook.by_id:
        return "", rulebook.by_id[name].id
    case = case_named(name, facts)
    return "", name if case is not None and name == case.id else known_item(home, rulebook, name).id


def _whose(directory: Directory, name: str) -> str:
    """What a silence of this name covers: 群聊“县教育局”（合用这个群的县妇联在内）."""
    chat = directory.chats.get(name, name)
    if chat != name:
        return f"发给“{name}”的提醒（在“{chat}”群，该群其他提醒照发）"
    sharing = [other for other, shared in directory.chats.items() if shared == name != other]
    if sharing:
        return f"群聊“{name}”（合用这个群的{'、'.join(sharing)}在内）"
    if name in directory.also:
        return f"群聊“{name}”（发给它的提醒在也发的群里也不发）"
    return f"群聊“{name}”" if name in directory.chats else f"发给“{name}”的提醒（由管理员群转告的在内）"


@click.command("confirm")
@click.argument("targets", nargs=-1, metavar="[事项或任务]...", type=typed_id)
@click.option("--all", "all_", is_flag=True, help="确认全部")
@click.option("--by", default="", help="确认人或办公室")
@in_home
def confirm(folder: Path, targets: tuple[str, ...], all_: bool, by: str) -> int:
    """确认建议的时限、周期和牵头单位；确认后才发给责任单位。"""
    home = opened(folder, tests=False)
    rulebook = rules_of(home)
    rules, leads = unconfirmed(rulebook, facts_of(home))
    called = rulebook.plan.called(Role.LEAD)
    if not targets and not all_:
        for rule in rules:
            title = "督办事项" if rule.sensitive else rule.title
            click.echo(f"{rule.id} {title}：{rule.shown_when}")
        for key, unit in leads.items():
            click.echo(f"{key} {called}：{unit or '未填写'}")
        click.echo(f"待确认事项{len(rules)}项，{called}{len(leads)}处。确认：duban confirm 编号，或 --all。")
        return OK
    wanted = _wanted(rulebook, targets)
    chosen = {rule.id: rule.fingerprint for rule in rules if all_ or wanted & {rule.id, rule.form.id, rule.owner}}
    heads = {key: unit for key, unit in leads.items() if unit and (all_ or wanted & {key, key.partition("-")[0]})}
    if not chosen and not heads:
        click.echo("没有需要确认的。")
        return OK
    payload = Confirmed(rules=chosen, leads=heads, by=by)
    return send(home, payload, f"已确认事项{len(chosen)}项，{called}{len(heads)}处。")


def _wanted(rulebook: Rulebook, targets: tuple[str, ...]) -> set[str]:
    known = [*rulebook.by_id, *(one.id for one in rulebook.tasks), *(one.id for one in rulebook.indicators)]
    for target in targets:
        if target not in known:
            raise unknown("事项或任务", target, known)
    return {rulebook.by_id[target].id if target in rulebook.by_id else target for target in targets}


COMMANDS = (report, done, close, return_, extend, silence, confirm)
