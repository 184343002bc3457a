"""Why somebody is told of something of the county's plan on a day, or is not: one line for everybody named, and its reason holds.

The reasons are checked against the rules, the ladders and the calendar, without the engine that gave them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from bot.core.deciding.addressees import ADMIN, LEADING_GROUP, SUPERVISOR
from bot.core.deciding.decision import Decision, as_of
from bot.core.deciding.decisions import left_out_decisions
from bot.core.deciding.desk import Used
from bot.core.deciding.findings import Finding
from bot.core.deciding.look import Scene, look
from bot.core.deciding.memory import Tellings
from bot.core.deciding.reasons import Reason
from bot.core.facts.facts import Facts
from bot.core.preview.preview import preview_of
from bot.core.rules.item import State
from bot.core.rules.rulebook import Delivery, Role, Rulebook, RungForm
from bot.core.rules.words import Side, Unit
from bot.core.telling.entry import hearings_of, past_telling
from bot.core.time.windows import OfficeHours
from bot.rulefiles.loader import load
from tests.kit.builders import everybody, moment

ROOT = Path(__file__).parents[2]
DAYS = (
    "2026-11-24 12:13",
    "2026-12-31 18:01",
    "2027-01-04 07:02",
    "2027-02-20 10:03",
    "2027-04-01 17:29",
    "2027-12-25 09:09",
)
UPWARD = (Role.SUPERVISOR, Role.LEADING_GROUP)


@pytest.fixture(scope="module")
def county() -> Rulebook:
    found = load(ROOT / "rules").rulebook
    assert found
    return found


@pytest.fixture(scope="module")
def explained(county: Rulebook) -> dict[str, list[Decision]]:
    """What `explain` says of everything, on each of the days, if all before was told."""
    scene = Scene(county, Facts(all_confirmed=True), Tellings(), everybody(county), OfficeHours(), lambda *_: Used())
    drafts = [draft for draft, _ in preview_of(scene, moment(DAYS[0][:10]), moment(DAYS[-1]))]
    found = {}
    for day in DAYS:
        memory = Tellings()
        for draft in (one for one in drafts if one.at.date() < moment(day).date()):
            for telling in draft.tellings:
                memory.add(past_telling(telling, "", draft.at))
                for heard in hearings_of(telling, draft.at, draft.at):
                    memory.hearings.add(heard)
        findings, decisions = look(replace(scene, memory=memory), moment(day))
        left = [one for finding in findings for one in left_out_decisions(finding, scene.directory)]
        found[day] = [as_of(one, moment(day)) for one in (*decisions, *left)]
    return found


def named(finding: Finding) -> Iterator[str]:
    """Everybody whom the rule or its ladder names; the admin where the lead is not settled."""
    rule = finding.item.rule
    leads = rule.lead.units if finding.lead and rule.lead else ()
    roles = {role for rung in rule.ladder.rungs for role in rung.roles}
    yield from leads or [ADMIN for role in roles & {Role.LEAD, Role.COOPERATING, Role.GUIDING, Role.SUPERVISOR}]
    yield from (*rule.cooperating, *rule.guiding) if leads else ()
    yield from (rule.provider,) if rule.provider else ()
    if Role.SUPERVISOR in roles and leads:
        asked = (rule.provider,) if Role.PROVIDER in roles else leads
        yield from (f"{unit}·{SUPERVISOR}" for unit in asked)
    yield from (LEADING_GROUP,) if Role.LEADING_GROUP in roles else ()
    yield from (ADMIN,) if Role.ADMIN in roles else ()


def rungs(one: Decision) -> list[RungForm]:
    """The rungs that speak to this addressee in this state; after its day a 禁止 is never told."""
    state = one.finding.state
    return [
        rung
        for rung in one.finding.item.rule.ladder.rungs
        if one.addressee.roles & set(rung.roles)
        and (not rung.states or state in rung.states)
        and not (state is State.ADVISED and rung.offset.side is Side.AFTER)
    ]


def nominal(rung: RungForm, finding: Finding, book: Rulebook) -> date:
    """The first day that a rung names."""
    anchor, offset = finding.anchor, rung.offset
    assert anchor
    count = -offset.count if offset.side is Side.BEFORE else offset.count
    base = anchor.late_from if offset.side is Side.AFTER else anchor.due_on
    if offset.unit is Unit.WORKDAY:
        return book.calendar.shift_workdays(base, count)
    if offset.unit is Unit.QUARTER:
        return date(base.year + base.month // 10, ((base.month + 2) // 3 * 3 + 1) % 12, 1)
    assert offset.unit is Unit.DAY
    return base + timedelta(days=count)


def holds(one: Decision, day: str, book: Rulebook) -> bool:
    """Whether the reason of a decision is true."""
    finding, anchor, today = one.finding, one.finding.anchor, moment(day).date()
    if anchor is None or one.reason is Reason.NOT_UPWARD:
        return holds_without_date(one)
    ahead = [nominal(rung, finding, book) for rung in rungs(one)]
    again = any(rung.offset.repeats or rung.delivery is Delivery.MONTHLY for rung in rungs(one))
    latest, soon = max(ahead, default=date.min), today + timedelta(days=12)  # a holiday may lie between
    checks = {
        Reason.AWAITING_RESULT: anchor.due_on < today <= anchor.late_from,
        Reason.NO_RUNG: not ahead,
        Reason.PASSED: bool(ahead) and not again and latest < today,
        Reason.NOT_DUE: again or latest >= today - timedelta(days=12),
        Reason.ALREADY_TOLD: one.rung is not None and one.rung.on <= soon,
        Reason.OUT_OF_HOURS: one.until is not None and one.until > moment(day),
        Reason.MADE_GOOD: bool(finding.made_good_by) and finding.made_good_by == one.by,
        Reason.SUPPRESSED: finding.item.parent == one.by,
    }
    return checks.get(one.reason, one.reason.tells)


def holds_without_date(one: Decision) -> bool:
    """The same of what no ladder counts for, and of who is left out."""
    finding, rule = one.finding, one.finding.item.rule
    waits = finding.state is State.AWAITING_RESULT
    checks = {
        Reason.NOT_UPWARD: (rule.soft or finding.item.soft) and one.addressee.role in UPWARD,
        Reason.UNDATED: finding.item.due_on is None and finding.state is State.UNDATED,
        Reason.UNDECIDED: waits and bool(one.by),
        Reason.AWAITING_RESULT: waits and rule.kind.watches_numbers and not finding.detail,
        Reason.NO_RUNG: not rungs(one),
    }
    return checks.get(one.reason, False)


@pytest.mark.parametrize("day", DAYS)
def test_everybody_named_has_exactly_one_line(explained: dict[str, list[Decision]], day: str) -> None:
    lines = Counter((one.finding.item.id, one.addressee.key) for one in explained[day])
    findings = {one.finding.item.id: one.finding for one in explained[day]}
    wanted = {(item, key) for item, finding in findings.items() for key in named(finding)}
    assert lines.keys() == wanted
    assert set(lines.values()) == {1}


@pytest.mark.parametrize("day", DAYS)
def test_every_reason_holds(explained: dict[str, list[Decision]], county: Rulebook, day: str) -> None:
    wrong = [
        (one.finding.item.id, one.addressee.key, one.reason.words, one.finding.state, one.by)
        for one in explained[day]
        if not holds(one, day, county)
    ]
    assert not wrong, "\n".join(map(str, wrong))


def test_the_reasons_that_were_wrong_before_occur(explained: dict[str, list[Decision]]) -> None:
    seen = {one.reason for found in explained.values() for one in found}
    assert seen >= {Reason.PASSED, Reason.NO_RUNG, Reason.UNDATED, Reason.UNDECIDED}
