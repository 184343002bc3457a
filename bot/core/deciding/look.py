"""The findings and decisions of one instant, for everything or for one item.

The service, previews, rule tests and explanations all use these functions, so that they cannot differ.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial

from bot.core.deciding import office
from bot.core.deciding.addressees import Directory
from bot.core.deciding.decision import Decision
from bot.core.deciding.decisions import decide
from bot.core.deciding.desk import Desk, Used
from bot.core.deciding.findings import Finding, judge, judge_one, kin, under
from bot.core.deciding.lateness import Listener
from bot.core.deciding.memory import Tellings
from bot.core.deciding.office import Trouble
from bot.core.facts.facts import Facts
from bot.core.rules.rulebook import Rulebook
from bot.core.time.windows import OfficeHours
from bot.core.time.zone import day_of


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that findings and decisions are made from, except the time."""

    rulebook: Rulebook
    facts: Facts
    memory: Tellings
    directory: Directory
    hours: OfficeHours
    used: Callable[[str, date], Used]
    troubles: tuple[Trouble, ...] = ()


def look(scene: Scene, now: datetime) -> tuple[list[Finding], list[Decision]]:
    """The findings of the day, and the decisions about all of them at `now`."""
    today = day_of(now)
    items = judge(scene.rulebook, scene.facts, today, partial(judge_one, listener=listener(scene, today)))
    findings = items + office.findings(
        scene.rulebook, scene.facts, items, today, scene.troubles, scene.memory.hearings.withdrawn
    )
    return findings, decide(findings, desk(scene, now))


def look_at(
    scene: Scene, now: datetime, about: str, seen: Mapping[str, Finding]
) -> tuple[list[Finding], list[Decision]]:
    """What `look` returns, limited to one planned item, its steps and the other periods of its rule.

    `seen` has the findings of all other items. Empty for an item that exists because of an event.
    """
    today, found = day_of(now), dict[str, Finding]()
    hears = listener(scene, today)
    for item in kin(scene.rulebook, today, about):
        parent = (found.get(item.parent) or seen.get(item.parent)) if item.parent else None
        finding = judge_one(item, scene.facts, today, scene.rulebook.calendar, hears)
        found[item.id] = under(finding, parent) if parent else finding
    findings = list(found.values())
    return findings, decide(findings, desk(scene, now))


def listener(scene: Scene, today: date) -> Listener:
    """What tells on one day what nobody may be called late for."""
    return Listener(scene.rulebook, scene.facts, scene.memory.hearings, today)


def desk(scene: Scene, now: datetime) -> Desk:
    """The scene at one instant, in the form that `decide` takes."""
    return Desk(
        facts=scene.facts,
        memory=scene.memory,
        directory=scene.directory,
        calendar=scene.rulebook.calendar,
        hours=scene.hours,
        now=now,
        used=scene.used,
    )
