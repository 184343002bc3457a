"""`duban check`: every problem of rules and configuration, what can be mended by itself, and the rules read back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import click

from bot.cli.common import OK, PROBLEMS, WRONG_USE, Failure, as_json, in_home, opened, say_json
from bot.core.deciding.office import unconfirmed
from bot.core.facts.case_steps import misfits, procedure_of
from bot.core.rules.item import long_date
from bot.core.rules.rulebook import Basis, Delivery, PlanForm, Role, Rule, Rulebook, RungForm
from bot.core.rules.words import Side
from bot.rule_kinds.milestone import Step
from bot.rulefiles.fixes import mend_folder
from bot.rulefiles.loader import FOLDER, load
from bot.rulefiles.text.problems import START, Problem
from bot.service.home import Home, RulesUnusableError, facts_of, missing_chats


@click.command("check")
@click.option("--fix", is_flag=True, help="先改好只有一种改法的笔误（全角符号、缩进、编码、单位简称等），再检查")
@click.option("--read", "read_", is_flag=True, help="逐条读出规则：哪天、提前或逾期多久、提醒谁")
@click.option("--json", "json_", is_flag=True, help="输出 JSON（全部问题）")
@in_home
def check(folder: Path, fix: bool, read_: bool, json_: bool) -> int:
    """检查规则文件和群聊配置，列出全部问题；--fix 改好笔误，--read 读出每条规则。"""
    if read_ and json_:
        raise Failure("--read 读给人看，不能和 --json 一起用。", WRONG_USE)
    try:
        home = opened(folder)
    except RulesUnusableError as error:  # problems of the rules are shown even if the settings are unusable
        return _unusable((*error.problems, *load(folder / "rules").problems), json_)
    if fix:
        home = _fixed(home, to_errors=json_)
    problems = (*home.loaded_problems, *_misfit_cases(home))
    if json_:
        say_json([as_json(problem) for problem in problems])
    else:
        _tell(home, problems, read_)
    return PROBLEMS if any(problem.is_error for problem in problems) else OK


def _misfit_cases(home: Home) -> Iterator[Problem]:
    """Hints about open cases that an edit of the rules leaves without rule, step or category."""
    if home.rulebook is not None:
        for _, line in misfits(home.rulebook.by_id, facts_of(home), home.rulebook.calendar):
            yield Problem.at(FOLDER, START, "misfit-case", line.rstrip("。"), severity="info")


def _unusable(problems: Sequence[Problem], json_: bool) -> int:
    if json_:
        say_json([as_json(problem) for problem in problems])
    else:
        for problem in problems:
            click.echo(str(problem))
    return PROBLEMS


def _fixed(home: Home, *, to_errors: bool) -> Home:
    """Mends the files, prints every changed line, and reads the home again."""
    try:
        changes = mend_folder(home.rules)
    except OSError as error:
        reason = str(error) if isinstance(error, InterruptedError) else type(error).__name__
        raise Failure(f"规则文件改不了（{reason}）：确认文件夹可写。") from None
    for change in changes:
        click.echo(str(change), err=to_errors)
    click.echo(f"已改{len(changes)}处。" if changes else "没有能自动改的地方。", err=to_errors)
    return opened(home.folder)


def _tell(home: Home, problems: Sequence[Problem], read_: bool) -> None:
    for problem in problems:
        click.echo(str(problem))
    if home.rulebook is None:
        click.echo(f"共{sum(p.is_error for p in home.loaded_problems)}处错误，改好后再用。")
        return
    if read_:
        for line in readings(home.rulebook):
            click.echo(line)
    _summary(home, home.rulebook)


def _summary(home: Home, rulebook: Rulebook) -> None:
    rules, leads = unconfirmed(rulebook, facts_of(home))
    units = sum(not unit.merged_into for unit in rulebook.units.units)
    click.echo(f"《{rulebook.plan.title}》（{rulebook.plan.status}）")
    click.echo(
        f"责任单位{units}个，任务{len(rulebook.tasks)}个文件，规则{len(rulebook.rules)}条，指标{len(rulebook.indicators)}个。"
    )
    if rules or leads:
        lead = rulebook.plan.called(Role.LEAD)
        click.echo(f"待确认：事项{len(rules)}项，{lead}{len(leads)}处（duban confirm）。")
    without = missing_chats(rulebook, home.chats)
    if not home.chats.robots:
        click.echo("还没有配置群聊（config/chats.yaml）；演练不需要。")
    elif without:
        click.echo(f"没有群聊、提醒转管理员群的：{'、'.join(without)}。")
    if home.chats.robots and not home.chats.has_admin:
        click.echo("没有配置管理员群聊：无处可去的提醒会留在待发箱。")
    errors = sum(problem.is_error for problem in home.loaded_problems)
    click.echo(f"规则没有错误；配置有{errors}处错误，见上。" if errors else "没有错误。")


# --- reading back -----------------------------------------------------------------------------------------------------


def readings(rulebook: Rulebook) -> Iterator[str]:
    """Prints each rule as the bot understands it, one line each."""
    for rule in rulebook.rules:
        yield f"{rule.id} {rule.title} 读作：{reading(rule, rulebook)}"


def reading(rule: Rule, rulebook: Rulebook) -> str:
    """Dates, rungs and addressees of one rule: 每年3月15日、9月15日；提前15天汇总告知牵头单位、配合单位；牵头单位：县教育局。"""
    parts = [rule.kind.when(rule.form) + _first_date(rule, rulebook)]
    parts += [f"步骤{step.id}{step.title}：{_step_date(step)}" for step in getattr(rule.form, "steps", ())]
    parts += _case_steps(rule)
    if rule.kind.undated:
        parts.append("没有时限，不提醒责任单位，只在季度清单里请管理员确定")
    else:
        parts += [rulebook.plan.in_own_words(clause) for rung in rule.ladder.rungs if (clause := _clause(rung, rule))]
    parts += _people(rule, rulebook.plan)
    if rule.basis is Basis.PROPOSED:
        parts.append("依据是建议，确认之前不提醒")
    if rule.sensitive:
        parts.append("敏感，消息只显示编号、单位和日期")
    return "；".join(parts) + "。"


def _case_steps(rule: Rule) -> Iterator[str]:
    """第2步核查10个工作日（媒体反映5个工作日）, for cases with more than one step."""
    procedure = procedure_of(rule)
    for number, limit in enumerate(procedure.limits if procedure and len(procedure.limits) > 1 else (), 1):
        others = "、".join(f"{name}{span.words()}" for name, span in limit.by_category.items())
        own = limit.span.words() if limit.span else "不单列时限"
        yield f"第{number}步{limit.title}{own}{f'（{others}）' if others else ''}"


def _step_date(step: Step) -> str:
    if step.due is None:
        return "待定"
    return long_date(step.due.on) + ("（建议）" if step.basis is Basis.PROPOSED else "")


def _first_date(rule: Rule, rulebook: Rulebook) -> str:
    """The first exact date of a date that is not written to the day, or of a duty that recurs."""
    since = rulebook.plan.starts_on
    found = [
        item.due_on
        for item in rule.kind.items(rule, rulebook.calendar, since, since + timedelta(days=800))
        if item.due_on and item.parent is None and item.period and not rule.kind.counts_from_value
    ]
    if found:
        return f"，首期{long_date(min(found))}"
    due = getattr(rule.form, "due", None)
    exact = long_date(due.on) if due else ""
    return f"，即{exact}" if exact not in rule.kind.when(rule.form) else ""


def _clause(rung: RungForm, rule: Rule) -> str:
    """One rung in words, with the addressees that this rule has; empty if it has none of them."""
    missing = {Role.PROVIDER: not rule.provider, Role.COOPERATING: not rule.cooperating, Role.GUIDING: not rule.guiding}
    missing |= dict.fromkeys((Role.SUPERVISOR, Role.LEADING_GROUP), rule.soft)
    heard = "、".join(role for role in rung.roles if not missing.get(role, False))
    if not heard:
        return ""
    state = f"{'、'.join(rung.states)}的，" if rung.states else ""
    on_report = rule.kind.counts_from_value and rung.offset.side is Side.ON
    when = "数据报来当天" if on_report else rung.offset.words()
    if rung.delivery is Delivery.MONTHLY:
        return f"{state}{when}起列入{rung.delivery}报{heard}"
    return f"{state}{when}{rung.delivery}告知{heard}"


def _people(rule: Rule, plan: PlanForm) -> Iterator[str]:
    if rule.lead:
        wait = "" if rule.lead.basis is not Basis.PROPOSED else "（建议，确认之前由管理员的群代收）"
        yield f"{plan.called(Role.LEAD)}是{rule.lead.unit}{wait}"
    else:
        yield f"没有{plan.called(Role.LEAD)}，由管理员的群代收"
    if rule.cooperating:
        yield f"{plan.called(Role.COOPERATING)}是{'、'.join(rule.cooperating)}"
    if rule.guiding:
        yield f"{plan.called(Role.GUIDING)}是{'、'.join(rule.guiding)}"
    if rule.asks_provider:
        yield f"{plan.called(Role.PROVIDER)}是{rule.provider}"
    units = dict.fromkeys((*(rule.lead.units if rule.lead else ()), *rule.cooperating, *rule.guiding, rule.provider))
    if not rule.comes_monthly and any(rung.offset.side is Side.BEFORE for rung in rule.ladder.rungs):
        listed = "、".join(unit for unit in units if unit in rule.listed)
        yield from (
            [f"{listed}有月初清单，到期当月第一个工作日提醒，代替提前8至31天的级次（周期、报送的代替当月的汇总）"]
            if listed
            else []
        )
    if rule.soft:
        yield f"措辞是{rule.form.firmness}，逾期不报{plan.called(Role.SUPERVISOR)}和{plan.called(Role.LEADING_GROUP)}"


COMMANDS = (check,)
