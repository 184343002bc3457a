"""Findings of the office itself: 交办 to units, and what the admin must know (待确认, 待定, 待核, calendar, refused edits).

They are ordinary findings of rules that no file contains, so that slots, budgets, records, preview and explain treat them
like all others.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache, lru_cache
from typing import Any

from bot.core.deciding.findings import Finding, undated
from bot.core.deciding.hearing import WITHDRAWN, Withdrawn, is_of
from bot.core.facts.case_steps import misfits
from bot.core.facts.facts import MENDED, Facts
from bot.core.rules.item import SENSITIVE_TITLE, Item, Judgement, State, long_date
from bot.core.rules.kind import BaseKind
from bot.core.rules.ladder import Anchor, send_day
from bot.core.rules.rulebook import (
    Basis,
    Delivery,
    IndicatorForm,
    Ladder,
    LeadForm,
    Role,
    Rule,
    Rulebook,
    RungForm,
    TaskForm,
)
from bot.core.rules.words import Offset
from bot.core.time.zone import day_of

#: How many titles a list in the admin chat shows at most.
FIRST_TITLES = 20
#: The most characters on a line of a list.
LINE_LENGTH = 200
SPACE = "\u3000"
#: Month and day from which the admin is told that next year's days off are missing.
NOTICE_MISSING = (11, 15)


class OfficeKind(BaseKind):
    """The kind of the office's own rules, which no file contains; this module makes their findings."""

    name = "办公室"
    Params = None
    ladder = ""
    example = ""

    def dates(self, form: Any) -> str:
        """Office findings have no written dates."""
        del form
        return ""

    def when(self, form: Any) -> str:
        """Office findings have no written dates."""
        del form
        return ""

    def judge(self, *_: Any) -> Judgement:
        """Never needed: office findings are made with their state."""
        return Judgement(State.NOTED)


@cache
def _ladder(delivery: Delivery, roles: tuple[Role, ...], *offsets: str) -> Ladder:
    rungs = tuple(RungForm(offset=Offset.parse(text), roles=roles, delivery=delivery) for text in ("当天", *offsets))
    return Ladder(rungs=rungs)


_TO_UNITS = (Role.LEAD, Role.COOPERATING, Role.GUIDING)


@lru_cache(maxsize=4096)
def _rule(key: str, title: str, delivery: Delivery, *repeats: str) -> Rule:
    """A rule whose only addressee is the admin."""
    ladder = _ladder(delivery, (Role.ADMIN,), *repeats)
    return Rule(
        id=key, kind=OfficeKind(), form=None, owner=key, owner_title=title, citation="", title=title, basis=Basis.ADMIN,
        units=(), lead=None, cooperating=(), provider="", ladder=ladder, ladder_name="",
    )  # fmt: skip


def _noted(key: str, title: str, on: date, lines: Sequence[str], *repeats: str, single: bool = False) -> Finding:
    rule = _rule(f"系统:{key}", title, Delivery.SINGLE if single else Delivery.DIGEST, *repeats)
    anchor = Anchor(on, on, happened=True)
    return Finding(Item(rule.id, rule, title, on, on), State.NOTED, on, anchor, lines=tuple(lines))


@dataclass(frozen=True, slots=True)
class Trouble:
    """A fault that the admin is told daily while it lasts: a broken robot, an undeliverable entry."""

    id: str
    title: str
    since: datetime
    lines: tuple[str, ...]


def findings(
    rulebook: Rulebook,
    facts: Facts,
    items: Sequence[Finding],
    today: date,
    troubles: Iterable[Trouble] = (),
    withdrawn: Iterable[Withdrawn] = (),
) -> list[Finding]:
    """All office findings of the day; `items` are the findings of the rules."""
    return [
        *assignments(rulebook, facts),
        *_withdrawals(rulebook, withdrawn),
        *_to_confirm(rulebook, facts, items, today),
        *_to_confirm_again(rulebook, facts, items),
        *_calendar(rulebook, today),
        *_to_check(rulebook, facts, items),
        *_void_extensions(facts, items),
        *_misfit_cases(rulebook, facts),
        *_rejections(facts),
        *(_noted(t.id, t.title, day_of(t.since), t.lines, "逾期每1个工作日") for t in troubles),
    ]


def assignments(rulebook: Rulebook, facts: Facts) -> Iterator[Finding]:
    """交办: one finding per task and indicator; its units are told once, when lead (and proposed units) are confirmed."""
    for rule in _assigned_rules(rulebook):
        lead = facts.confirmed_lead(rule)
        on = rulebook.plan.starts_on
        item = Item(rule.id, rule, rule.owner_title, on, on, data=tuple(rulebook.rules_of(rule.owner)))
        confirmed = lead is not None
        anchor = Anchor(on, on, happened=True)
        yield Finding(item, State.ASSIGNED, on, anchor, confirmed=confirmed, lead=lead)


def handed_over(assigned: Finding, units: Iterable[str]) -> Iterator[Rule]:
    """The rules that a hand-over tells these units of: what is theirs to do or to help with, and has a date."""
    rules: tuple[Rule, ...] = assigned.item.data or ()
    return (rule for rule in rules if not rule.kind.undated and any(role_in(rule, unit) for unit in units))


def duties_of(rulebook: Rulebook) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Every duty and figure by id: its title for messages, and the units that hear of it."""
    found: dict[str, tuple[str, tuple[str, ...]]] = {}
    for rule in rulebook.rules:
        key = rule.form.id if rule.provider else rule.id
        title = rule.form.title if rule.provider else rule.title
        helping = () if rule.asks_provider else (*rule.cooperating, *rule.guiding)
        before = found.get(key, ("", ()))[1]
        units = tuple(dict.fromkeys((*before, *rule.principals, *helping)))
        found[key] = SENSITIVE_TITLE if rule.sensitive else title, units
    return found


def _withdrawals(rulebook: Rulebook, withdrawn: Iterable[Withdrawn]) -> Iterator[Finding]:
    """What units heard of and is theirs no more: told once, from the day after the change on, unless it came back."""
    for one in withdrawn:
        rules = [rule for rule in rulebook.rules if is_of(rule.id, one.rule)]
        units = tuple(unit for unit in one.units if not any(role_in(rule, unit) for rule in rules))
        if units:
            on = one.since + timedelta(days=1)
            said = "已调整，不再由你单位办理" if rules else "已从方案台账中删去，不再督办"
            rule = _withdrawn_rule(one.rule, one.title, units)
            item = Item(one.item, rule, one.title, on, on)
            lines = (f"{one.title}（{one.rule}）{SPACE}{said}",)
            anchor = Anchor(on, on, happened=True)
            yield Finding(item, State.WITHDRAWN, on, anchor, lead="、".join(units), lines=lines)


@lru_cache(maxsize=1024)
def _withdrawn_rule(name: str, title: str, units: tuple[str, ...]) -> Rule:
    key = f"{WITHDRAWN}{name}"
    return Rule(
        id=key, kind=OfficeKind(), form=None, owner=key, owner_title=title, citation="", title=title, basis=Basis.ADMIN,
        units=units, lead=LeadForm(units=units, basis=Basis.ADMIN), cooperating=(), provider="",
        ladder=_ladder(Delivery.DIGEST, (Role.LEAD,)), ladder_name="",
    )  # fmt: skip


def role_in(rule: Rule, unit: str) -> Role | None:
    """In which role a unit hears of a rule's items; None when it does not."""
    if rule.asks_provider:
        return Role.PROVIDER if unit == rule.provider else None
    named = ((Role.LEAD, rule.principals), (Role.COOPERATING, rule.cooperating), (Role.GUIDING, rule.guiding))
    return next((role for role, units in named if unit in units), None)


@lru_cache(maxsize=16)
def _assigned_rules(rulebook: Rulebook) -> tuple[Rule, ...]:
    return tuple(_assigned_rule(owner, _reached(rulebook, owner)) for owner in rulebook.owners)


def _reached(rulebook: Rulebook, owner: TaskForm | IndicatorForm) -> dict[str, Role]:
    """Every unit that has to do with a task or indicator, with its role: as the task has it, or a single rule of it."""
    found = dict.fromkeys(owner.units, Role.COOPERATING)
    found |= dict.fromkeys(owner.guiding if isinstance(owner, TaskForm) else (), Role.GUIDING)
    for rule in rulebook.rules_of(owner.id):
        helping = () if rule.asks_provider else rule.cooperating
        for unit in (*rule.principals, *helping):
            found[unit] = Role.COOPERATING
        for unit in () if rule.asks_provider else rule.guiding:
            found.setdefault(unit, Role.GUIDING)
    return found


def _assigned_rule(owner: TaskForm | IndicatorForm, units: Mapping[str, Role]) -> Rule:
    lead = owner.chosen_lead if isinstance(owner, TaskForm) else owner.lead
    if isinstance(owner, TaskForm) and lead and owner.units_basis is Basis.PROPOSED:
        lead = LeadForm(units=lead.units, basis=Basis.PROPOSED)

    def others(role: Role) -> tuple[str, ...]:
        return tuple(unit for unit, its in units.items() if its is role and (lead is None or unit not in lead.units))

    return Rule(
        id=f"交办:{owner.id}", kind=OfficeKind(), form=owner, owner=owner.id, owner_title=owner.title, citation="",
        title=owner.title, basis=Basis.PLAN, units=owner.units, lead=lead, cooperating=others(Role.COOPERATING),
        provider="", ladder=_ladder(Delivery.DIGEST, _TO_UNITS), ladder_name="", guiding=others(Role.GUIDING),
    )  # fmt: skip


def unconfirmed(rulebook: Rulebook, facts: Facts) -> tuple[list[Rule], dict[str, str]]:
    """Rules that wait for confirmation, and proposed leads that do: the key under which a lead is confirmed → the unit."""
    rules = [rule for rule in rulebook.rules if not facts.confirms(rule)]
    leads = {
        rule.lead_key: rule.lead.unit if rule.lead else ""
        for rule in (*_assigned_rules(rulebook), *rulebook.rules)
        if facts.confirmed_lead(rule) is None and not rule.asks_provider
    }
    return rules, leads


def _to_confirm(rulebook: Rulebook, facts: Facts, items: Sequence[Finding], today: date) -> Iterator[Finding]:
    """The 待确认 list, at the plan's start and on the first workday of each quarter; from the second on with the 待定 list."""
    rules, leads = unconfirmed(rulebook, facts)
    quarter = _quarter_start(today)
    begun = quarter > rulebook.plan.starts_on
    on = send_day(quarter, True, rulebook.calendar) if begun else rulebook.plan.starts_on
    label = f"{quarter.year}Q{quarter.month // 3 + 1}" if begun else "启动"
    if rules or leads:
        lines = [rulebook.plan.in_own_words(_confirm_counts(rules, leads)), *_confirm_lines(rules, items)]
        yield _noted(f"待确认@{label}", "待确认事项", on, lines)
    lines = _undated_lines(items) if begun else []
    if lines:
        yield _noted(f"待定@{label}", "未定时限事项", on, lines)


def _to_confirm_again(rulebook: Rulebook, facts: Facts, items: Sequence[Finding]) -> Iterator[Finding]:
    """Rules that were confirmed and then changed, so that units hear nothing of them any more: once for each change."""
    changed = (rule for rule in rulebook.rules if rule.id in facts.confirmed_rules and not facts.confirms(rule))
    for rule in changed:
        change = hashlib.sha256(rule.fingerprint.encode()).hexdigest()[:8]
        lines = (f"确认以后有改动，重新确认前不发给责任单位：duban confirm {rule.id}", _proposal(rule, items))
        yield _noted(f"重新确认:{rule.id}@{change}", f"待确认：{rule.id}有改动", rulebook.plan.starts_on, lines)


def _quarter_start(today: date) -> date:
    return date(today.year, (today.month - 1) // 3 * 3 + 1, 1)


def _confirm_counts(rules: Sequence[Rule], leads: Mapping[str, str]) -> str:
    return f"待确认事项{len(rules)}项，待确认牵头单位{len(leads)}处。确认前不发给责任单位。"


def _confirm_lines(rules: Sequence[Rule], items: Sequence[Finding]) -> list[str]:
    lines = [_proposal(rule, items) for rule in rules[:FIRST_TITLES]]
    if len(rules) > FIRST_TITLES:
        lines.append(f"其余{len(rules) - FIRST_TITLES}项见 duban confirm。")
    return lines


def _proposal(rule: Rule, items: Sequence[Finding]) -> str:
    """A line for one proposed rule: its date in words, and the proposed dates of its steps with their ids."""
    title = "" if rule.sensitive else f" {rule.title}"
    own = (one.item for one in items if one.item.rule is rule and one.item.proposed)
    steps = "、".join(f"{item.id} {long_date(item.due_on)}" for item in own if item.due_on)
    return f"{rule.id}{title}：{rule.shown_when}{f'；步骤 {steps}' if steps else ''}"


def _undated_lines(items: Sequence[Finding]) -> list[str]:
    """Lines with ids and titles of everything without a date, grouped by task."""
    by_owner: dict[str, list[Finding]] = {}
    for finding in undated(items):
        by_owner.setdefault(finding.item.rule.owner, []).append(finding)
    total = sum(len(group) for group in by_owner.values())
    lines = [f"未定时限{total}项，请确定时限后改为节点或周期。"] if total else []
    for owner, group in by_owner.items():
        lines += _packed(f"{owner}（{len(group)}项）：", [_named(finding) for finding in group])
    return lines


def _packed(head: str, names: Sequence[str]) -> list[str]:
    """The names after the head, broken into lines of at most `LINE_LENGTH` characters."""
    lines = [head + names[0]]
    for name in names[1:]:
        if len(lines[-1]) + len(name) < LINE_LENGTH:
            lines[-1] += f"；{name}"
        else:
            lines.append(f"{SPACE}{name}")
    return lines


def _named(finding: Finding) -> str:
    short = finding.item.id.partition("-")[2]
    return short if finding.item.rule.sensitive else f"{short}{finding.item.title}"


def _calendar(rulebook: Rulebook, today: date) -> Iterator[Finding]:
    """While next year's holiday notice is missing or lacks a holiday: weekly from 15 November to the end of January."""
    year = today.year + 1 if (today.month, today.day) >= NOTICE_MISSING else today.year
    if (year == today.year and today.month > 1) or not rulebook.calendar.is_provisional(date(year, 1, 4)):
        return
    lines = [f"{year}年放假安排没有录全，该年日期按暂定日历计算。国务院通知公布后用 duban calendar add 录入。"]
    if not rulebook.calendar.knows_law_of(year):
        lines.append(
            f"法定节日.yaml 里没有{year}年：通知录入前，清明、端午、中秋都会当作工作日，照常发消息。请补上这一年。"
        )
    yield _noted(f"日历@{year}", f"{year}年放假安排没有录全", date(year - 1, *NOTICE_MISSING), lines, "逾期每7天")


def _to_check(rulebook: Rulebook, facts: Facts, items: Sequence[Finding]) -> Iterator[Finding]:
    """Items that have been 待核 for more than 5 workdays."""
    for finding in items:
        if finding.state is State.AWAITING_CHECK:
            mark = facts.marks[finding.item.id]
            said = day_of(mark.at)
            on = rulebook.calendar.shift_workdays(said, 6)
            line = f"{finding.item.number} 自{said.month}月{said.day}日报办结，尚未核实。请核实后销号或退回。"
            yield _noted(
                f"待核:{finding.item.id}", f"待核超过5个工作日：{finding.item.number}", on, [line], "逾期每10个工作日"
            )


def _void_extensions(facts: Facts, items: Sequence[Finding]) -> Iterator[Finding]:
    for finding in items if facts.extensions else ():
        void = facts.void_extension_of(finding.item) if not finding.extended else None
        if void:
            line = (
                f"{finding.item.number} 原定时限{long_date(void.rule_due)}，曾延期至{long_date(void.to)}；"
                "规则时限已改，原延期不再有效。"
            )
            yield _noted(f"延期失效:{finding.item.id}", "延期失效", day_of(void.at), [line])


def _misfit_cases(rulebook: Rulebook, facts: Facts) -> Iterator[Finding]:
    """Open cases whose rule, step or category was taken out of the rules: one finding for each rule."""
    by_rule: dict[str, list[tuple[date, str]]] = {}
    for case, line in misfits(rulebook.by_id, facts, rulebook.calendar) if facts.cases else ():
        by_rule.setdefault(case.rule, []).append((case.opened_on, line))
    for rule, found in by_rule.items():
        lines = [line for _, line in found[:FIRST_TITLES]]
        if len(found) > FIRST_TITLES:
            lines.append(f"其余{len(found) - FIRST_TITLES}件见 duban case list。")
        yield _noted(f"办件@{rule}", "规则改动后的办件", max(on for on, _ in found), lines, "逾期每10个工作日")


def _rejections(facts: Facts) -> Iterator[Finding]:
    """Refused edits and events, and refused edits put right.

    A refusal is told at once, except one that soon follows another; that one and what was put right go into the digest.
    """
    for before, rejection in zip((None, *facts.rejections), facts.rejections, strict=False):
        if rejection.mended:
            continue
        on = day_of(rejection.at)
        kind, _, _ = rejection.key.partition("@")
        title = {"规则改动": "规则改动未生效", "规则改好": "规则问题已改好", "来件": "来件无法识别"}[kind]
        waits = rejection.key.startswith(MENDED) or (before is not None and rejection.follows(before))
        yield _noted(rejection.key, title, on, rejection.lines, single=not waits)
