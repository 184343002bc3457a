"""`duban case`: open, step, pause, resume, close and list cases 办件 and leads under 禁止.

Every change is one event, checked before it is written (`bot/core/deciding/admission.py`), whether a bot runs or not. The note of a
case is kept with its event and shown nowhere.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import click

from bot.cli.common import OK, PROBLEMS, WRONG_USE, Failure, in_home, opened, rules_of, say_json, unknown
from bot.cli.facts import send
from bot.core.deciding.admission import Refused, vetted
from bot.core.deciding.findings import Finding, arisen_items, judge_one
from bot.core.facts.case_steps import Leg, current_leg, legs, misfits, procedure_of
from bot.core.facts.cases import Case
from bot.core.facts.events import CaseAdvanced, CaseOpened, CasePaused, CaseResumed, Closed, Event, Payload
from bot.core.facts.facts import Facts
from bot.core.rules.item import State
from bot.core.rules.item_ids import CaseStep, typed_id
from bot.core.rules.rulebook import Rule, Rulebook
from bot.core.time.grammar import WordError, parse_date
from bot.core.time.zone import ZONE
from bot.service.home import Home, facts_of
from bot.sources.clock import wall

RULE_GONE = "规则已删"  # instead of a state

_RULE = click.argument("rule", metavar="事项", type=typed_id)
_CASE = click.argument("case", metavar="编号", type=typed_id)
_ON = click.option("--on", default="", help="哪一天，如 2027-03-01，默认今天")


@click.group("case")
def case() -> None:
    """办件：登记、逐步办理、暂停计时、恢复、列出。"""


@case.command("open")
@_RULE
@_CASE
@_ON
@click.option("--category", default="", help="类别，规则里有才写")
@click.option("--by", default="", help="登记人或办公室")
@click.option("--note", default="", help="备注，只存在本机，不出现在任何消息和页面里")
@in_home
def open_(folder: Path, rule: str, case: str, on: str, category: str, by: str, note: str) -> int:
    """登记一件：duban case open T09-C1 2027-003 --on 2027-03-01"""
    home = opened(folder, tests=False)
    payload = CaseOpened(rule=rule, case=case, on=_day(on), category=category, by=by, note=note)
    return _enter(home, payload, "已登记", rule, case)


@case.command("step")
@_RULE
@_CASE
@click.argument("name", required=False, default="", metavar="[步骤]")
@_ON
@click.option("--by", default="", help="办理人或办公室")
@in_home
def step(folder: Path, rule: str, case: str, name: str, on: str, by: str) -> int:
    """当前一步办完，下一步从这天的次日起算。可以写明步骤的名称或第几步，不是当前一步就不写入。"""
    home = opened(folder, tests=False)
    rulebook, facts = _known(home)
    leg = _leg(rulebook, facts, rulebook.by_id.get(rule), case)
    if leg and name in ("", leg.title, str(leg.step), f"第{leg.step}步"):
        name = leg.name
    payload = CaseAdvanced(item=CaseStep(rule, case, name or "1").id, on=_day(on), by=by)
    return _enter(home, payload, "本步已办完", rule, case)


@case.command("pause")
@_RULE
@_CASE
@click.option("--reason", required=True, help="原因")
@_ON
@click.option("--by", default="", help="批准人或办公室")
@in_home
def pause(folder: Path, rule: str, case: str, reason: str, on: str, by: str) -> int:
    """暂停计时：恢复之前不提醒，时限顺延。"""
    payload = CasePaused(rule=rule, case=case, on=_day(on), reason=reason, by=by)
    return _enter(opened(folder, tests=False), payload, "已暂停计时", rule, case)


@case.command("resume")
@_RULE
@_CASE
@_ON
@click.option("--by", default="", help="批准人或办公室")
@in_home
def resume(folder: Path, rule: str, case: str, on: str, by: str) -> int:
    """恢复计时：从这天起重新计时，时限按暂停的天数顺延。"""
    payload = CaseResumed(rule=rule, case=case, on=_day(on), by=by)
    return _enter(opened(folder, tests=False), payload, "已恢复计时", rule, case)


@case.command("close")
@_RULE
@_CASE
@click.option("--by", required=True, help="核实人或办公室")
@in_home
def close(folder: Path, rule: str, case: str, by: str) -> int:
    """整件销号：提前办结或登记有误，不再走余下的步骤。"""
    home = opened(folder, tests=False)
    rulebook, facts = _known(home)
    found = facts.cases.get((rulebook.succession.renumbered(rule), case))
    if found is None:
        raise unknown("办件", f"{rule} {case}", [f"{one.rule} {one.number}" for one in facts.cases.values()])
    return _enter(home, Closed(item=found.id, by=by), "已整件销号", rule, case)


@case.command("list")
@click.argument("rule", required=False, metavar="[事项]", type=typed_id)
@click.option("--all", "all_", is_flag=True, help="连同已办结的一起列出")
@click.option("--json", "json_", is_flag=True, help="输出 JSON")
@in_home
def list_(folder: Path, rule: str | None, all_: bool, json_: bool) -> int:
    """列出办件：到了第几步、时限、状态。"""
    home = opened(folder, tests=False)
    rulebook, facts = _known(home)
    unfit = [(one, line) for one, line in misfits(rulebook.by_id, facts, rulebook.calendar) if rule in (None, one.rule)]
    known = None if rule in {case.rule for case in facts.cases.values()} else _rule_id(rulebook, rule)
    rows = [row for row in _rows(rulebook, facts, known or rule) if all_ or row["状态"] != State.CLOSED]
    left = [_left_row(case) for case, _ in unfit if case.rule not in {one.id for one in _case_rules(rulebook)}]
    if json_:
        say_json([*rows, *left])
        return OK
    for _, line in unfit:
        click.echo(line)
    for row in rows:
        wait = "" if row["已确认"] else "　规则未确认，确认前不提醒"
        click.echo(
            f"{row['编号']}　第{row['步']}步　时限{row['时限']}　{State(row['状态']).shown}　{row['步骤']}{wait}"
        )
    click.echo(_total([State(row["状态"]).shown for row in rows] + [RULE_GONE for _ in left]))
    return OK


def _total(states: list[str]) -> str:
    """共3件：逾期2件；规则已删1件。"""
    counts = "；".join(f"{state}{count}件" for state, count in Counter(states).items())
    return f"共{len(states)}件：{counts}。" if states else "没有办件。"


def _rule_id(rulebook: Rulebook, rule: str | None) -> str | None:
    """Today's id of a rule that takes cases."""
    if rule is None:
        return None
    found = rulebook.by_id.get(rule)
    if found is None or procedure_of(found) is None:
        raise unknown("办件事项", rule, [one.id for one in _case_rules(rulebook)], writes=False)
    return found.id


def _case_rules(rulebook: Rulebook) -> Iterable[Rule]:
    return (rule for rule in rulebook.rules if procedure_of(rule))


def _rows(rulebook: Rulebook, facts: Facts, rule: str | None) -> list[dict[str, Any]]:
    """The last step of every case, without its notes."""
    latest: dict[str, Finding] = {}
    for item in arisen_items(rulebook, facts):
        if procedure_of(item.rule) and rule in (None, item.rule.id):
            latest[item.data.case.id] = judge_one(item, facts, wall().date(), rulebook.calendar)
    return [_row(name, finding) for name, finding in latest.items()]


def _row(name: str, finding: Finding) -> dict[str, Any]:
    return {
        "编号": name,
        "步": finding.item.data.step,
        "步骤": finding.item.data.title,
        "登记": str(finding.item.data.case.opened_on),
        "类别": finding.item.data.case.category,
        "时限": str(finding.due_on),
        "状态": finding.state.value,
        "已确认": finding.confirmed,
    }


def _left_row(case: Case) -> dict[str, Any]:
    """An open case whose rule is no longer there: it has no step and no date."""
    row = {"编号": case.id, "步": None, "步骤": "", "登记": str(case.opened_on), "类别": case.category}
    return {**row, "时限": None, "状态": RULE_GONE, "已确认": False}


def _known(home: Home) -> tuple[Rulebook, Facts]:
    return rules_of(home), facts_of(home)


def _enter(home: Home, payload: Payload, done: str, rule: str, number: str) -> int:
    """Checks the event as one from outside, keeps it, and prints where the case stands then."""
    rulebook, facts = _known(home)
    now = wall()
    event = Event.of(payload, key=uuid.uuid4().hex, time=now, source="duban/cli")
    try:
        event = vetted(event, rulebook, home.chats.robots, now.date(), facts)
    except Refused as refused:
        raise Failure(f"{refused}。什么都没有写入。", PROBLEMS) from None
    return send(home, event.payload, f"{done}。{_standing(rulebook, facts.after(event), rule, number)}")


def _standing(rulebook: Rulebook, facts: Facts, name: str, number: str) -> str:
    """T09-C1@2027-003 现在是第2步，时限2027-03-15。"""
    rule = rulebook.by_id.get(name)
    case, leg = facts.cases[rulebook.succession.renumbered(name), number], _leg(rulebook, facts, rule, number)
    if rule is None or leg is None:
        return f"{case.id} 已全部办结。"
    if leg.paused_since:
        return f"{case.id} 停在第{leg.step}步，恢复计时前不提醒。"
    wait = "" if facts.confirms(rule) else "规则的时限还是建议，用 duban confirm 确认后才提醒。"
    return f"{case.id} 现在是第{leg.step}步，时限{leg.due_on}。{wait}"


def _leg(rulebook: Rulebook, facts: Facts, rule: Rule | None, number: str) -> Leg | None:
    """The step a case has come to; None if it is finished or was never opened."""
    procedure = procedure_of(rule) if rule else None
    case = facts.cases.get((rule.id, number)) if rule else None
    return current_leg(legs(case, procedure, facts, rulebook.calendar)) if case and procedure else None


def _day(text: str) -> date:
    """The day that was written; today without one."""
    try:
        return parse_date(text) if text else wall().astimezone(ZONE).date()
    except WordError as error:
        raise Failure(f"{error.problem}。{error.hint}。什么都没有写入。", WRONG_USE) from None


COMMANDS = (case,)
