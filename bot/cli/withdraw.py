"""`duban withdraw`: takes back what was entered by mistake.

Behind `withdraw` stands the command that it was entered with, without what that command said of it: `duban report I4 2026 96.8` is taken
back by `duban withdraw report I4 2026`. Each becomes one event and is checked as a letter is.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from pathlib import Path

import click

from bot.cli.common import OK, WRONG_USE, Failure, in_home, opened, rules_of
from bot.cli.facts import chat_or_item, hand_in
from bot.core.deciding.admission import Refused, vetted
from bot.core.facts.events import Event, Withdrawn
from bot.core.facts.facts import Facts
from bot.core.facts.withdrawing import CALLED
from bot.core.rules.item_ids import CaseStep, case_id, typed_id
from bot.core.rules.rulebook import Rulebook
from bot.service.home import Home, facts_of
from bot.sources.clock import wall

_ITEM = click.argument("item", metavar="事项", type=typed_id)
_RULE = click.argument("rule", metavar="事项", type=typed_id)
_CASE = click.argument("case", metavar="编号", type=typed_id)
_BY = click.option("--by", default="", help="谁撤回的")
_NOTE = click.option("--note", default="", help="说明")


@click.group("withdraw")
def withdraw() -> None:
    """撤回录错的：后面接录入时的命令，不写数值、原因这些内容。

    \b
    duban withdraw report I4 2026
    duban withdraw close T05-M1
    duban withdraw case open T09-C1 2027-003
    """


@withdraw.command("report")
@click.argument("indicator", metavar="指标", type=typed_id)
@click.argument("period", metavar="期", type=typed_id)
@_BY
@_NOTE
@in_home
def report(folder: Path, indicator: str, period: str, by: str, note: str) -> int:
    """撤回一个数：这一期当作没有报过。"""
    home = opened(folder, tests=False)
    said = "{indicator} {period} 的数据已撤回，这一期当作没有报过。"
    return _enter(home, [Withdrawn(what="observed", indicator=indicator, period=period, by=by, note=note)], said)


@withdraw.command("done")
@_ITEM
@_BY
@_NOTE
@in_home
def done(folder: Path, item: str, by: str, note: str) -> int:
    """撤回办结：事项回到登记办结以前。"""
    return _mark(folder, Withdrawn(what="done", item=item, by=by, note=note))


@withdraw.command("close")
@_ITEM
@_BY
@_NOTE
@in_home
def close(folder: Path, item: str, by: str, note: str) -> int:
    """撤回销号：事项回到销号以前，接着督办。"""
    return _mark(folder, Withdrawn(what="closed", item=item, by=by, note=note))


@withdraw.command("return")
@_ITEM
@_BY
@_NOTE
@in_home
def return_(folder: Path, item: str, by: str, note: str) -> int:
    """撤回退回：事项回到退回以前。"""
    return _mark(folder, Withdrawn(what="returned", item=item, by=by, note=note))


@withdraw.command("extend")
@_ITEM
@_BY
@_NOTE
@in_home
def extend(folder: Path, item: str, by: str, note: str) -> int:
    """撤回延期：按规则里的时限。"""
    said = "{item}：延期已撤回，按规则里的时限。"
    return _enter(opened(folder, tests=False), [Withdrawn(what="extended", item=item, by=by, note=note)], said)


@withdraw.command("silence")
@click.argument("target", metavar="事项或群聊")
@_BY
@_NOTE
@in_home
def silence(folder: Path, target: str, by: str, note: str) -> int:
    """撤回静默：照常提醒。"""
    home = opened(folder, tests=False)
    chat, item = chat_or_item(home, rules_of(home), target)
    payload = Withdrawn(what="silenced", chat=chat, item=item, by=by, note=note)
    return _enter(home, [payload], "{chat}{item}：静默已撤回，照常提醒。")


@withdraw.command("confirm")
@click.argument("targets", nargs=-1, required=True, metavar="事项或任务...", type=typed_id)
@_BY
@_NOTE
@in_home
def confirm(folder: Path, targets: tuple[str, ...], by: str, note: str) -> int:
    """撤回确认：重新确认前不发给责任单位。"""
    home = opened(folder, tests=False)
    rulebook, facts = rules_of(home), facts_of(home)
    names = [name for target in targets for name in _confirmed(rulebook, facts, target) or [target]]
    payloads = [Withdrawn(what="confirmed", item=name, by=by, note=note) for name in dict.fromkeys(names)]
    return _enter(home, payloads, f"已撤回{len(payloads)}处确认，重新确认前不发给责任单位。")


def _confirmed(rulebook: Rulebook, facts: Facts, target: str) -> list[str]:
    """What was confirmed of an item, or of a task with its items and areas."""
    rule = rulebook.by_id.get(target)
    wanted = rule.id if rule else target
    rules = [one.id for one in rulebook.rules if wanted in (one.id, one.owner) and one.id in facts.confirmed_rules]
    return rules + [key for key in facts.confirmed_leads if wanted in (key, key.partition("-")[0])]


@withdraw.group("case")
def case() -> None:
    """撤回办件的登记、步骤、暂停、恢复、整件销号。"""


@case.command("open")
@_RULE
@_CASE
@_BY
@_NOTE
@in_home
def case_open(folder: Path, rule: str, case: str, by: str, note: str) -> int:
    """撤回登记：这一件和它的步骤都没有了，编号可以再用。"""
    said = "{rule}@{case} 的登记已撤回，编号可以再用。"
    return _enter(
        opened(folder, tests=False), [Withdrawn(what="case_opened", rule=rule, case=case, by=by, note=note)], said
    )


@case.command("step")
@_RULE
@_CASE
@click.argument("name", required=False, default="", metavar="[步骤]")
@_BY
@_NOTE
@in_home
def case_step(folder: Path, rule: str, case: str, name: str, by: str, note: str) -> int:
    """撤回最后办完的一步：这一步接着办。可以写明步骤的名称或第几步，不是最后办完的就不写入。"""
    home = opened(folder, tests=False)
    rulebook, facts = rules_of(home), facts_of(home)
    known = facts.cases.get((rulebook.succession.renumbered(rule), case))
    finished = list(known.done) if known else []
    if finished and name in ("", str(len(finished)), f"第{len(finished)}步"):
        name = finished[-1]
    payload = Withdrawn(what="case_advanced", item=CaseStep(rule, case, name or "1").id, by=by, note=note)
    return _enter(home, [payload], f"已撤回。{case_id(rule, case)} 回到第{len(finished)}步。")


@case.command("pause")
@_RULE
@_CASE
@_BY
@_NOTE
@in_home
def case_pause(folder: Path, rule: str, case: str, by: str, note: str) -> int:
    """撤回最后一次暂停：当作没有停过。"""
    said = "{rule}@{case} 的暂停计时已撤回，当作没有停过。"
    return _enter(
        opened(folder, tests=False), [Withdrawn(what="case_paused", rule=rule, case=case, by=by, note=note)], said
    )


@case.command("resume")
@_RULE
@_CASE
@_BY
@_NOTE
@in_home
def case_resume(folder: Path, rule: str, case: str, by: str, note: str) -> int:
    """撤回恢复计时：仍旧暂停。"""
    said = "{rule}@{case} 的恢复计时已撤回，仍旧暂停。"
    return _enter(
        opened(folder, tests=False), [Withdrawn(what="case_resumed", rule=rule, case=case, by=by, note=note)], said
    )


@case.command("close")
@_RULE
@_CASE
@_BY
@_NOTE
@in_home
def case_close(folder: Path, rule: str, case: str, by: str, note: str) -> int:
    """撤回整件销号：接着走余下的步骤。"""
    return _mark(folder, Withdrawn(what="closed", item=case_id(rule, case), by=by, note=note))


def _mark(folder: Path, payload: Withdrawn) -> int:
    """Withdraws a mark, and says how the item stands by the one before it."""
    home = opened(folder, tests=False)
    vetted_payload = _vetted(home, payload)
    last = facts_of(home).marks[vetted_payload.item].before
    stands = {"done": "已报办结，待核", "closed": "已销号", "returned": "已退回"}[last.what] if last else "督办中"
    click.echo(f"{vetted_payload.item}：{CALLED[payload.what]}已撤回，现为{stands}。" + hand_in(home, [vetted_payload]))
    return OK


def _enter(home: Home, payloads: Sequence[Withdrawn], said: str) -> int:
    """Withdraws all or nothing; `said` may name fields of the payload."""
    found = [_vetted(home, payload) for payload in payloads]
    click.echo(said.format_map(found[0].model_dump()) + hand_in(home, found))
    return OK


def _vetted(home: Home, payload: Withdrawn) -> Withdrawn:
    """The payload with today's names. Raises Failure where there is nothing to withdraw."""
    now = wall()
    event = Event.of(payload, key=uuid.uuid4().hex, time=now, source="duban/cli")
    try:
        return Withdrawn.model_validate(
            vetted(event, rules_of(home), home.chats.robots, now.date(), facts_of(home)).data
        )
    except Refused as refused:
        raise Failure(f"{refused}。什么都没有写入。", WRONG_USE) from None


COMMANDS = (withdraw,)
