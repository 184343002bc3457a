"""Preview: the same engine under another clock and sink (design §1.5). Yields what each chat will be told, in time order.

With no events to come, a day can be decided at once: telling one chat never changes what another is owed, because told keys
are per addressee and an addressee has one chat. Days on which nothing can change are jumped over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from bot.core import office
from bot.core.digest import Draft, compose
from bot.core.facts import Facts
from bot.core.findings import ZONE, Finding, judge, judge_one, known_items, under
from bot.core.item import Item
from bot.core.notices import Decision, Desk, Directory, Used, decide, midnight
from bot.core.office import Trouble, is_office
from bot.core.rulebook import Delivery, Rulebook
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
    return findings, decide(findings, desk(scene, now))


def desk(scene: Scene, now: datetime) -> Desk:
    """The scene at one moment, as `decide` wants it."""
    return Desk(
        facts=scene.facts,
        memory=scene.memory,
        directory=scene.directory,
        calendar=scene.rulebook.calendar,
        hours=scene.hours,
        now=now,
        used=scene.used,
    )


def outlook(scene: Scene, start: datetime, until: datetime) -> Iterator[tuple[Draft, Mapping[str, Finding]]]:
    """Every message from `start` to `until` if nothing is reported, done or edited meanwhile, with that day's findings."""
    future = _Future(scene)
    now = start
    while now <= until:
        drafts, now = future.play(now)
        for draft in drafts:
            if draft.at <= until:
                yield draft, future.findings


class _Future:
    """A copy of the memory, played forward day by day; an item is looked at again only when its decisions may change."""

    def __init__(self, scene: Scene) -> None:
        self._memory = scene.memory.copy()
        self._spent: dict[tuple[str, date], Used] = {}
        self._scene = replace(scene, memory=self._memory, used=_both(scene.used, self._spent))
        self.findings: dict[str, Finding] = {}
        self._items: dict[str, Item] = {}
        self._look_on: dict[str, date] = {}

    def play(self, now: datetime) -> tuple[list[Draft], datetime]:
        """One day's messages, remembered as told, and the instant to play next."""
        today = now.astimezone(ZONE).date()
        decisions = decide([*self._judged(today), *self._office(today)], desk(self._scene, now))
        singles = {chat: self._scene.used(chat, today).singles for chat in {d.chat for d in decisions}}
        drafts = compose(_of_day(decisions, today), singles)
        for draft in drafts:
            self._remember(draft)
        self._plan(decisions, today)
        if any(not draft.slot for draft in drafts):
            return drafts, now  # something prompt was told: the rest of the day is decided again
        return drafts, self._next_day(today)

    def _judged(self, today: date) -> list[Finding]:
        """Fresh findings of the items whose day has come, and of all parents, which speak for their steps."""
        scene = self._scene
        judged: list[Finding] = []
        for item in known_items(scene.rulebook, today):
            if item.id in self.findings and self._look_on.get(item.id, date.max) > today:
                continue
            self._items[item.id] = item
            finding = judge_one(item, scene.facts, today, scene.rulebook.calendar)
            if item.parent in self._items:
                parent = judge_one(self._items[item.parent], scene.facts, today, scene.rulebook.calendar)
                finding = under(finding, parent)
            self.findings[item.id] = finding
            judged.append(finding)
        return judged

    def _office(self, today: date) -> list[Finding]:
        scene = self._scene
        items = [finding for finding in self.findings.values() if not is_office(finding)]
        found = office.findings(scene.rulebook, scene.facts, items, today, scene.troubles)
        self.findings.update((finding.item.id, finding) for finding in found)
        return found

    def _plan(self, decisions: Iterable[Decision], today: date) -> None:
        looks: dict[str, date] = {}
        for decision in decisions:
            day = _changes_on(decision, today + timedelta(days=1))
            if day is not None:
                item = decision.finding.item.id
                looks[item] = min(day, looks.get(item, day))
        for decision in decisions:
            self._look_on.pop(decision.finding.item.id, None)
        self._look_on.update(looks)

    def _remember(self, draft: Draft) -> None:
        for row in draft.rows:
            self._memory.add(told(row, "", draft.at))
        key = (draft.chat, draft.at.date())
        used = self._spent.get(key, Used())
        single = int(draft.form == Delivery.SINGLE.value)
        self._spent[key] = Used(used.slots + int(draft.slot), used.singles + single)

    def _next_day(self, today: date) -> datetime:
        """The first instant of the next day on which something may change; never past the 1st or 15th of a month."""
        first = (today.replace(day=1) + timedelta(days=32)).replace(day=1)
        milestone = today.replace(day=15) if today.day < 15 else first
        return midnight(min((milestone, *(day for day in self._look_on.values() if day > today))))


def _of_day(decisions: Iterable[Decision], today: date) -> list[Decision]:
    return [d for d in decisions if d.reason.tells and d.at is not None and d.at.date() == today]


def _both(base: Callable[[str, date], Used], spent: dict[tuple[str, date], Used]) -> Callable[[str, date], Used]:
    def used(chat: str, day: date) -> Used:
        first, second = base(chat, day), spent.get((chat, day), Used())
        return Used(first.slots + second.slots, first.singles + second.singles)

    return used


def _changes_on(decision: Decision, tomorrow: date) -> date | None:
    """The day on which this decision may come out differently: its slot if still ahead, else its next rung's."""
    if decision.at is not None and decision.at.date() >= tomorrow:
        return decision.at.date()
    return decision.until.astimezone(ZONE).date() if decision.until else None
