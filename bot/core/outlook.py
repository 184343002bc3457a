"""Preview: the same engine under another clock and sink (design §1.5). Yields what each chat will be told, in time order.

With no events to come, a day can be decided at once: telling one chat never changes what another is owed, because told keys
are per addressee and an addressee has one chat. Days on which nothing can change are jumped over.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from bot.core import office
from bot.core.digest import Draft, compose
from bot.core.facts import Facts
from bot.core.findings import ZONE, Finding, judge, judge_one, known_items, next_horizon, under
from bot.core.item import Item
from bot.core.notices import Decision, Desk, Directory, Reason, Used, addressees, decide, midnight, weigh
from bot.core.office import Trouble
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
    """A copy of the memory, played forward day by day; a decision is made again only when it may come out differently.

    The agenda says when to look at which item for which addressees; an empty set of addressees stands for all of them.
    """

    def __init__(self, scene: Scene) -> None:
        self._memory = scene.memory.copy()
        self._spent: dict[tuple[str, date], Used] = {}
        self._scene = replace(scene, memory=self._memory, used=_both(scene.used, self._spent))
        self.findings: dict[str, Finding] = {}
        self._known: tuple[Item, ...] = ()
        self._items: dict[str, Item] = {}
        self._office: dict[str, Finding] = {}
        self._agenda: dict[datetime, dict[str, set[str]]] = {}

    def play(self, now: datetime) -> tuple[list[Draft], datetime]:
        """One day's messages, remembered as told, and the instant to play next."""
        today = now.astimezone(ZONE).date()
        decisions = self._decide(now, today)
        singles = {chat: self._scene.used(chat, today).singles for chat in {d.chat for d in decisions}}
        drafts = compose(_of_day(decisions, today), singles)
        for draft in drafts:
            self._remember(draft)
        told_now = {(row.item, row.addressee) for draft in drafts for row in draft.rows}
        for decision in decisions:
            self._plan(decision, now, today, told_now)
        return drafts, self._next(now, today)

    def _decide(self, now: datetime, today: date) -> list[Decision]:
        due: dict[str, set[str]] = {}
        for at in [at for at in self._agenda if at <= now]:
            for item, wanted in self._agenda.pop(at).items():
                due.setdefault(item, set()).update(wanted)
        judged = self._judged(due, today)
        self.findings.update((finding.item.id, finding) for finding in judged)
        found = [*judged, *self._said_by_office(due, today)]
        the_desk = desk(self._scene, now)
        return [
            weigh(finding, addressee, the_desk)
            for finding in found
            for addressee in addressees(finding)
            if not due.get(finding.item.id) or addressee.key in due[finding.item.id]
        ]

    def _judged(self, due: Iterable[str], today: date) -> list[Finding]:
        """Fresh findings of the items whose time has come; a step is judged beside its parent, which may speak for it."""
        known = known_items(self._scene.rulebook, today)
        fresh = [item for item in known if item.id not in self._items] if known is not self._known else []
        self._known = known
        again = [self._items[item] for item in due if item in self._items]
        self._items.update((item.id, item) for item in fresh)
        return [self._judge(item, today) for item in (*again, *fresh)]

    def _judge(self, item: Item, today: date) -> Finding:
        facts, calendar = self._scene.facts, self._scene.rulebook.calendar
        finding = judge_one(item, facts, today, calendar)
        if item.parent in self._items:
            return under(finding, judge_one(self._items[item.parent], facts, today, calendar))
        return finding

    def _said_by_office(self, due: Iterable[str], today: date) -> list[Finding]:
        """What the office says by itself; the set of it changes on the first or fifteenth of a month at most."""
        scene = self._scene
        before = self._office
        if not before or today.day in (1, 15):
            items = [self.findings[item] for item in self._items]
            found = office.findings(scene.rulebook, scene.facts, items, today, scene.troubles)
            self._office = {finding.item.id: finding for finding in found}
            self.findings.update(self._office)
        now_due = {*due, *(self._office.keys() - before.keys())}
        return [finding for item, finding in self._office.items() if item in now_due]

    def _plan(self, decision: Decision, now: datetime, today: date, told_now: Container[tuple[str, str]]) -> None:
        """Puts the next look at a decision on the agenda; what could be told but found no room is looked at at once."""
        item, who = decision.finding.item.id, decision.addressee.key
        told_today = decision.at is not None and decision.at.date() == today
        at = now if told_today and (item, who) not in told_now else _changes_at(decision, today)
        if at is not None:
            self._agenda.setdefault(at, {}).setdefault(item, set()).add(who)

    def _remember(self, draft: Draft) -> None:
        for row in draft.rows:
            self._memory.add(told(row, "", draft.at))
        key = (draft.chat, draft.at.date())
        used = self._spent.get(key, Used())
        single = int(draft.form == Delivery.SINGLE.value)
        self._spent[key] = Used(used.slots + int(draft.slot), used.singles + single)

    def _next(self, now: datetime, today: date) -> datetime:
        """The next instant at which something may change; never past the 1st or 15th of a month, or new items."""
        first = (today.replace(day=1) + timedelta(days=32)).replace(day=1)
        milestone = today.replace(day=15) if today.day < 15 else first
        return max(now, min(midnight(milestone), midnight(next_horizon(today)), *self._agenda))


def _of_day(decisions: Iterable[Decision], today: date) -> list[Decision]:
    return [d for d in decisions if d.reason.tells and d.at is not None and d.at.date() == today]


def _both(base: Callable[[str, date], Used], spent: dict[tuple[str, date], Used]) -> Callable[[str, date], Used]:
    def used(chat: str, day: date) -> Used:
        first, second = base(chat, day), spent.get((chat, day), Used())
        return Used(first.slots + second.slots, first.singles + second.singles)

    return used


def _changes_at(decision: Decision, today: date) -> datetime | None:
    """When this decision may come out differently: at the start of its slot's day if still ahead, else at `until`.

    A day's slots are all composed at its first instant; only a silence may end within the day.
    """
    if decision.at is not None and decision.at.date() > today:
        return midnight(decision.at.date())
    if decision.until is None or decision.reason is Reason.SILENCED:
        return decision.until
    return max(decision.until.astimezone(ZONE).replace(hour=0, minute=0), midnight(today + timedelta(days=1)))
