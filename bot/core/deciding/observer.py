"""Looking again and again at one county, at the cost of what may have come out differently since.

A decision that tells nobody stands until the day of its `until`, whatever the day, as long as its finding is the same, nothing was told or
taken back about the item, and its chats have today what they had (`Decision`). What tells somebody is weighed every time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, date, datetime

from bot.core.deciding import office
from bot.core.deciding.decisions import Decision, Desk, Reason, Used, weigh
from bot.core.deciding.findings import Finding, extension, judge, judgement, laid_over
from bot.core.deciding.look import Scene, desk
from bot.core.deciding.memory import Tellings
from bot.core.facts.facts import Facts
from bot.core.rules.item import Item, Judgement
from bot.core.time.workdays import Calendar
from bot.core.time.zone import day_of, midnight

FOREVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Weighed:
    """What was decided about a finding, and how long it stands; `version` is the item's in the memory of tellings."""

    finding: Finding
    decisions: Sequence[Decision]
    version: int
    chats: frozenset[str]
    until: datetime


class Observer:
    """Answers every time what `look` would, which remembers nothing (tests/core/deciding/test_observer.py)."""

    def __init__(self) -> None:
        self._grounds: tuple[object, ...] = ()
        self._last: datetime | None = None
        self._used: Mapping[str, Used] = {}
        self._judged: dict[str, tuple[Judgement, Finding]] = {}
        self._weighed: dict[str, _Weighed] = {}

    def look(self, scene: Scene, now: datetime) -> tuple[list[Finding], list[Decision]]:
        """Findings of the day and the decision about every one of them."""
        the_desk = desk(scene, now)
        self._forget_unless(scene, now)
        stirred = self._stirred(the_desk)
        items = judge(scene.rulebook, scene.facts, the_desk.today, self._judge)
        findings = items + office.findings(scene.rulebook, scene.facts, items, the_desk.today, scene.troubles)
        weighed = [self._weigh(one, scene.memory, the_desk, stirred) for one in findings]
        self._weighed = {one.finding.item.id: one for one in weighed}
        chats = {chat for one in weighed for chat in one.chats}
        self._used, self._last = {chat: scene.used(chat, the_desk.today) for chat in chats}, now
        return findings, [decision for one in weighed for decision in one.decisions]

    def _forget_unless(self, scene: Scene, now: datetime) -> None:
        """Everything, unless rules, facts and chats are the very same and the clock went on."""
        grounds = scene.rulebook, scene.facts, scene.memory, scene.directory, scene.hours
        same = len(self._grounds) == len(grounds) and all(map(_is, self._grounds, grounds))
        if not same or (self._last is not None and now < self._last):
            self._grounds, self._judged, self._weighed = grounds, {}, {}

    def _stirred(self, the_desk: Desk) -> set[str]:
        """Chats that have not today what they had when it was the same day."""
        if self._last is None or day_of(self._last) != the_desk.today:
            return set()
        return {chat for chat, used in self._used.items() if the_desk.used(chat, the_desk.today) != used}

    def _judge(self, item: Item, facts: Facts, today: date, calendar: Calendar) -> Finding:
        """The same finding as long as the judgement is the same; what only events change is the same, too."""
        extended = extension(item, facts)
        judged = judgement(extended or item, facts, today, calendar)
        before = self._judged.get(item.id)
        if before is None or before[0] != judged:
            before = self._judged[item.id] = judged, laid_over(judged, item, extended, facts, calendar)
        return before[1]

    def _weigh(self, finding: Finding, memory: Tellings, the_desk: Desk, stirred: Set[str]) -> _Weighed:
        kept, version = self._weighed.get(finding.item.id), memory.changed(finding.item.id)
        if (
            kept is not None
            and kept.version == version
            and the_desk.now < kept.until
            and kept.finding == finding
            and kept.chats.isdisjoint(stirred)
        ):
            return kept
        decisions = [weigh(finding, addressee, the_desk) for addressee in the_desk.directory.hearers(finding)]
        chats = frozenset(decision.chat for decision in decisions)
        return _Weighed(finding, decisions, version, chats, _stands_until(finding, decisions, the_desk))


def _is(one: object, other: object) -> bool:
    return one is other


#: Reasons for which a telling that is owed is held back: which rung it is, and of what day, may be another tomorrow.
HELD_BACK = (Reason.OVER_BUDGET, Reason.SILENCED)


def _stands_until(finding: Finding, decisions: Iterable[Decision], the_desk: Desk) -> datetime:
    """No longer than now where anybody is told, or would be but for the hour, the budget or a silence."""
    now = the_desk.now
    ahead = finding.returned_at is not None and finding.returned_at > now
    if ahead or any(one.at is not None or one.reason in HELD_BACK for one in decisions):
        return now
    return min((_changes(one.until, the_desk.today) for one in decisions if one.until), default=FOREVER)


def _changes(until: datetime, today: date) -> datetime:
    """What is told in a slot is decided from the first instant of its day on."""
    day = day_of(until)
    return midnight(day) if day > today else until
