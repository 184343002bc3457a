"""Preview: the same engine under another clock and sink (design §1.5). Yields what each chat will be told, in time order.

With no events to come, a day can be decided at once: telling one chat never changes what another is owed, because told keys
are per addressee and an addressee has one chat. Days on which nothing can change are jumped over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from bot.core import office
from bot.core.digest import Draft, compose
from bot.core.facts import Facts
from bot.core.findings import ZONE, Finding, judge
from bot.core.notices import Decision, Desk, Directory, Used, decide, midnight
from bot.core.office import Trouble
from bot.core.rulebook import Rulebook
from bot.core.tellings import Tellings, told
from bot.core.windows import OfficeHours


@dataclass(frozen=True, slots=True)
class Scene:
    """What a moment is decided from: everything but the moment itself."""

    rulebook: Rulebook
    facts: Facts
    memory: Tellings
    directory: Directory
    hours: OfficeHours
    used: Callable[[str, date], Used]
    troubles: tuple[Trouble, ...] = ()


def look(scene: Scene, now: datetime) -> tuple[list[Finding], list[Decision]]:
    """Findings of the day and the decision about every one of them: one clock read, used for everything."""
    today = now.astimezone(ZONE).date()
    items = judge(scene.rulebook, scene.facts, today)
    findings = items + office.findings(scene.rulebook, scene.facts, items, today, scene.troubles)
    desk = Desk(
        facts=scene.facts,
        memory=scene.memory,
        directory=scene.directory,
        calendar=scene.rulebook.calendar,
        hours=scene.hours,
        now=now,
        used=scene.used,
    )
    return findings, decide(findings, desk)


def outlook(scene: Scene, start: datetime, until: datetime) -> Iterator[tuple[Draft, list[Finding]]]:
    """Every message from `start` to `until` if nothing is reported, done or edited meanwhile, with that day's findings."""
    memory = scene.memory.copy()
    spent: dict[tuple[str, date], Used] = {}
    scene = replace(scene, memory=memory, used=_both(scene.used, spent))
    now = start
    while now <= until:
        today = now.astimezone(ZONE).date()
        findings, decisions = look(scene, now)
        drafts = compose(
            _of_day(decisions, today), {chat: used.singles for (chat, day), used in spent.items() if day == today}
        )
        for draft in drafts:
            if draft.at > until:
                continue
            _remember(draft, memory, spent)
            yield draft, findings
        again = any(draft.slot is False for draft in drafts)
        now = now if again else _next_day(decisions, now)


def _of_day(decisions: list[Decision], today: date) -> list[Decision]:
    return [d for d in decisions if d.reason.tells and d.at is not None and d.at.date() == today]


def _remember(draft: Draft, memory: Tellings, spent: dict[tuple[str, date], Used]) -> None:
    for row in draft.rows:
        memory.add(told(row, "", draft.at))
    key = (draft.chat, draft.at.date())
    used = spent.get(key, Used())
    single = 1 if draft.form == "单发" else 0
    spent[key] = Used(used.slots + int(draft.slot), used.singles + single)


def _both(base: Callable[[str, date], Used], spent: dict[tuple[str, date], Used]) -> Callable[[str, date], Used]:
    def used(chat: str, day: date) -> Used:
        first, second = base(chat, day), spent.get((chat, day), Used())
        return Used(first.slots + second.slots, first.singles + second.singles)

    return used


def _next_day(decisions: list[Decision], now: datetime) -> datetime:
    """The first instant of the next day on which something may change; never past the 1st or 15th of a month."""
    today = now.astimezone(ZONE).date()
    tomorrow = today + timedelta(days=1)
    first = (today.replace(day=1) + timedelta(days=32)).replace(day=1)
    milestone = today.replace(day=15) if today.day < 15 else first
    changes = (_changes_on(decision, tomorrow) for decision in decisions)
    return midnight(min([milestone, *(day for day in changes if day is not None and day >= tomorrow)]))


def _changes_on(decision: Decision, tomorrow: date) -> date | None:
    """The day on which this decision may come out differently: its slot if still ahead, else its next rung's."""
    if decision.at is not None and decision.at.date() >= tomorrow:
        return decision.at.date()
    return decision.until.astimezone(ZONE).date() if decision.until else None
