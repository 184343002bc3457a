"""Preview: the messages each chat will get from now on, in order of time, made by the service's own engine.

A preview assumes that no events come, so it decides a whole day at once: a message to one chat does not change what another
chat is due, because tellings are recorded per addressee and each addressee has one chat. Days on which no decision can
change are skipped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from heapq import heappop, heappush

from bot.core.deciding import office
from bot.core.deciding.decision import Decision
from bot.core.deciding.decisions import weigh
from bot.core.deciding.desk import Desk, Used
from bot.core.deciding.findings import (
    Finding,
    arisen_items,
    extension,
    judgement,
    known_items,
    laid_over,
    next_horizon,
    under,
)
from bot.core.deciding.lateness import Asking, Listener
from bot.core.deciding.look import Scene, desk, listener
from bot.core.deciding.office import NOTICE_MISSING
from bot.core.deciding.reasons import Reason
from bot.core.preview.repeats import MonthlyList, Repeat, listed_again, repeat, repeated
from bot.core.rules.item import Item, Judgement
from bot.core.rules.rulebook import Delivery
from bot.core.telling.digest import DIGEST, Draft, compose, in_order
from bot.core.telling.entry import Telling, hearings_of, past_telling
from bot.core.time.zone import day_of, midnight


def preview_of(scene: Scene, start: datetime, until: datetime) -> Iterator[tuple[Draft, Mapping[str, Finding]]]:
    """Every message from `start` to `until`, each with the findings of its day, if nothing is reported or edited meanwhile."""
    future = _Future(scene)
    future.hear_all(start)
    now = start
    while now <= until:
        drafts, now = future.play(now)
        for draft in drafts:
            if draft.at <= until:
                yield draft, future.findings


@dataclass(slots=True)
class _Page:
    """What is scheduled for one instant.

    `looks` are items to decide about, with the addressees concerned (an empty set means all). `repeats` and `lists` are
    tellings that repeat without a new decision.
    """

    looks: dict[str, set[str]] = field(default_factory=dict)
    repeats: list[Repeat] = field(default_factory=list)
    lists: dict[tuple[str, int], MonthlyList] = field(default_factory=dict)


class _Future:
    """The state of a preview: a copy of past tellings, and a schedule of when each decision may change.

    Marks and extensions are applied to an item's judgement only when the judgement changes, since no events come.
    """

    def __init__(self, scene: Scene) -> None:
        self._memory = scene.memory.copy()
        self._spent: dict[tuple[str, date], Used] = {}
        self._scene = replace(scene, memory=self._memory, used=_both(scene.used, self._spent))
        self.findings: dict[str, Finding] = {}
        self._known: tuple[Item, ...] | None = None  # None and not (): a plan may have no planned items at all
        self._items: dict[str, Item] = {}
        self._extended: dict[str, Item] = {}
        self._judgements: dict[str, Judgement] = {}
        self._findings: dict[str, Finding] = {}  # not yet regarding parents
        self._askings: dict[str, Asking] = {}
        self._hears: tuple[date, int, Listener] | None = None
        self._office: dict[str, Finding] = {}
        self._agenda: dict[datetime, _Page] = {}
        self._instants: list[datetime] = []  # of the agenda, as a heap

    def hear_all(self, now: datetime) -> None:
        """What was asked and has not arrived arrives now."""
        self._memory.hearings.hear_all(now)

    def play(self, now: datetime) -> tuple[list[Draft], datetime]:
        """Decides one day and records its messages as told. Returns them, and the instant to play next."""
        the_desk = desk(self._scene, now)
        today = the_desk.today
        page = self._take_due(now)
        due = page.looks
        lists = [again for one in page.lists.values() if (again := self._listed_again(one, due, the_desk))]
        repeated = self._repeated(page.repeats, due, the_desk)
        decisions = self._decide(due, the_desk)
        singles = {chat: self._scene.used(chat, today).singles for chat in {d.chat for d in decisions}}
        company = {one.chat for one in repeated} | {one.chat for one in lists}
        drafts = compose(_of_day(decisions, today), singles, company)
        told_now = {(telling.item, telling.addressee): telling for draft in drafts for telling in draft.tellings}
        for draft in drafts:
            self._record(draft.tellings, draft.at)
        for decision in decisions:
            self._schedule(decision, the_desk, told_now)
        drafts = _joined(drafts, repeated, lists, the_desk)
        for draft in drafts:
            self._count_used(draft)
        for one in repeated:
            self._schedule_repeat(one)
        for listed in lists:
            self._schedule_list(listed)
        return drafts, self._next(now, today)

    def _listener(self, today: date) -> Listener:
        """What tells on one day what nobody may be called late for; as of the hearings so far."""
        version = self._memory.hearings.version
        if self._hears is None or self._hears[:2] != (today, version):
            self._hears = today, version, listener(self._scene, today)
        return self._hears[2]

    def _take_due(self, now: datetime) -> _Page:
        """Removes from the agenda everything scheduled up to now, as one page."""
        found = _Page()
        while self._instants and self._instants[0] <= now:
            page = self._agenda.pop(heappop(self._instants))
            found.repeats += page.repeats
            found.lists |= page.lists
            for item, wanted in page.looks.items():
                found.looks.setdefault(item, set()).update(wanted)
        return found

    def _listed_again(self, one: MonthlyList, due: dict[str, set[str]], the_desk: Desk) -> MonthlyList | None:
        """The list as it is told today; None, with its items marked as due, if they must be decided again.

        Unlike `_repeated` this need not look at other tellings of these items: a list is never merged with a single.
        """
        again = listed_again(one, the_desk)
        if again is None:
            self._weigh_again((telling for _, telling in one.lines), the_desk.slot_from(one.chat, one.told_on), due)
        return again

    def _repeated(self, repeats: list[Repeat], due: dict[str, set[str]], the_desk: Desk) -> list[Repeat]:
        """The repeats told today. If anything else about an item is due, all its repeats are decided again instead."""
        pairs = [(one, repeated(one, the_desk)) for one in repeats]
        weighed = {*due, *(one.telling.item for one, again in pairs if again is None)}
        for one, _ in pairs:
            if one.telling.item in weighed:
                self._weigh_again([one.telling], the_desk.slot_from(one.chat, one.told_on), due)
        return [again for one, again in pairs if again is not None and one.telling.item not in weighed]

    def _weigh_again(self, tellings: Iterable[Telling], at: datetime, due: dict[str, set[str]]) -> None:
        """Ends repeats: records each telling as the last one told, and marks its item and addressee as due."""
        for telling in tellings:
            self._memory.add(past_telling(telling, "", at))
            due.setdefault(telling.item, set()).add(telling.addressee)

    def _decide(self, due: Mapping[str, set[str]], the_desk: Desk) -> list[Decision]:
        judged = self._judged(due, the_desk.today)
        self.findings.update((finding.item.id, finding) for finding in judged)
        return [
            weigh(finding, addressee, the_desk)
            for finding in (*judged, *self._said_by_office(due, the_desk.today))
            for addressee in the_desk.directory.hearers(finding)
            if not due.get(finding.item.id) or addressee.key in due[finding.item.id]
        ]

    def _judged(self, due: Iterable[str], today: date) -> list[Finding]:
        """New findings of the items that are due, and of new items; steps are judged together with their parents."""
        again = [self._items[item] for item in due if item in self._items]
        fresh = self._fresh(today)
        return [self._beside_parent(item, today) for item in (*again, *fresh)]

    def _fresh(self, today: date) -> list[Item]:
        """Items that were not known yet: on the first day all items, later those of each new year."""
        rulebook, facts = self._scene.rulebook, self._scene.facts
        known = known_items(rulebook, today)
        if known is self._known:
            return []
        self._known = known
        fresh = [item for item in (*known, *arisen_items(rulebook, facts)) if item.id not in self._items]
        self._items.update((item.id, item) for item in fresh)
        self._extended.update((item.id, extended) for item in fresh if (extended := extension(item, facts)))
        return fresh

    def _beside_parent(self, item: Item, today: date) -> Finding:
        finding = self._judge(item, today)
        parent = self._items.get(item.parent) if item.parent else None
        return under(finding, self._judge(parent, today)) if parent else finding

    def _judge(self, item: Item, today: date) -> Finding:
        """The finding of one item without its parent; kept as long as the judgement stays equal."""
        facts, calendar, extended = self._scene.facts, self._scene.rulebook.calendar, self._extended.get(item.id)
        asking = self._listener(today).of(extended or item)
        judged = judgement(asking.moved(extended or item), facts, today, calendar)
        if judged != self._judgements.get(item.id) or asking != self._askings.get(item.id):
            self._judgements[item.id], self._askings[item.id] = judged, asking
            self._findings[item.id] = laid_over(judged, item, extended, facts, calendar, asking)
        return self._findings[item.id]

    def _said_by_office(self, due: Iterable[str], today: date) -> list[Finding]:
        """Office findings that are due or new; without events they change only on the 1st of a month and on 15 November."""
        scene = self._scene
        before = self._office
        if not before or today.day == 1 or (today.month, today.day) == NOTICE_MISSING:
            items = [self.findings[item] for item in self._items]
            found = office.findings(
                scene.rulebook, scene.facts, items, today, scene.troubles, scene.memory.hearings.withdrawn
            )
            self._office = {finding.item.id: finding for finding in found}
            self.findings.update(self._office)
        now_due = {*due, *(self._office.keys() - before.keys())}
        return [finding for item, finding in self._office.items() if item in now_due]

    def _schedule(self, decision: Decision, the_desk: Desk, told_now: Mapping[tuple[str, str], Telling]) -> None:
        """Schedules the next look at a decision; at once if it could be told today but no message had room for it."""
        item, who, today = decision.finding.item.id, decision.addressee.key, the_desk.today
        telling = told_now.get((item, who))
        repeats = repeat(decision, telling, the_desk) if telling and item in self._items else None
        if repeats is not None:
            self._schedule_repeat(repeats)
            return
        told_today = decision.at is not None and decision.at.date() == today and not decision.rides
        at = the_desk.now if told_today and telling is None else _changes_at(decision, today)
        if at is not None:
            self._page(at).looks.setdefault(item, set()).add(who)

    def _page(self, at: datetime) -> _Page:
        page = self._agenda.get(at)
        if page is None:
            page = self._agenda[at] = _Page()
            heappush(self._instants, at)
        return page

    def _schedule_repeat(self, one: Repeat) -> None:
        if one.steps.only_lists:
            self._schedule_list(MonthlyList(one.chat, one.told_on, one.coming, [(one.finding, one.telling)]))
        else:
            self._page(midnight(one.due_on)).repeats.append(one)

    def _schedule_list(self, one: MonthlyList) -> None:
        lists = self._page(midnight(one.coming.slot_on)).lists
        lists.setdefault((one.chat, id(one.coming)), MonthlyList(one.chat, one.told_on, one.coming)).lines += one.lines

    def _record(self, tellings: Iterable[Telling], at: datetime) -> None:
        for telling in tellings:
            self._memory.add(past_telling(telling, "", at))
            for heard in hearings_of(telling, at, at):
                self._memory.hearings.add(heard)

    def _count_used(self, draft: Draft) -> None:
        key = (draft.chat, draft.at.date())
        used = self._spent.get(key, Used())
        single = int(draft.form == Delivery.SINGLE.value)
        self._spent[key] = Used(used.slots + int(draft.slot), used.singles + single)

    def _next(self, now: datetime, today: date) -> datetime:
        """The next instant at which something may change: the agenda's first, or a day with new office findings or new items."""
        first = (today.replace(day=1) + timedelta(days=32)).replace(day=1)
        missing = date(today.year, *NOTICE_MISSING)
        days = [day for day in (first, missing, next_horizon(today)) if day > today]
        return max(now, min((midnight(min(days)), *self._instants[:1])))


def _joined(
    drafts: list[Draft], repeated: Iterable[Repeat], lists: Iterable[MonthlyList], the_desk: Desk
) -> list[Draft]:
    """The day's drafts, with repeats and lists added to the digests of their chats."""
    tellings: dict[str, list[Telling]] = {}
    for one in repeated:
        tellings.setdefault(one.chat, []).append(one.telling)
    for listed in lists:
        tellings.setdefault(listed.chat, []).extend(telling for _, telling in listed.lines)
    digests = {draft.chat: draft for draft in drafts if draft.form == DIGEST}
    joined = [draft for draft in drafts if draft.form != DIGEST or draft.chat not in tellings]
    for chat, more in tellings.items():
        before = digests[chat].tellings if chat in digests else ()
        joined.append(Draft(chat, DIGEST, True, (*before, *more), the_desk.opening(chat)))
    return in_order(joined)


def _of_day(decisions: Iterable[Decision], today: date) -> list[Decision]:
    return [d for d in decisions if d.reason.tells and d.at is not None and d.at.date() == today]


def _both(base: Callable[[str, date], Used], spent: dict[tuple[str, date], Used]) -> Callable[[str, date], Used]:
    def used(chat: str, day: date) -> Used:
        first, second = base(chat, day), spent.get((chat, day), Used())
        return Used(first.slots + second.slots, first.singles + second.singles)

    return used


def _changes_at(decision: Decision, today: date) -> datetime | None:
    """When this decision may change: at the start of its slot's day if that is ahead, else at `until`.

    A preview composes all slots of a day at its first instant; only the end of a silence matters within a day.
    """
    if decision.rides:
        return midnight(today + timedelta(days=1))
    if decision.at is not None and decision.at.date() > today:
        return midnight(decision.at.date())
    if decision.until is None or decision.reason is Reason.SILENCED:
        return decision.until
    return midnight(max(day_of(decision.until), today + timedelta(days=1)))
