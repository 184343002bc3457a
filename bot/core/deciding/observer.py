"""A cache for repeated looks at the same rules and facts: only what may have changed since the last look is decided again.

The findings of a day are kept until the facts, what units heard, or troubles change. A decision that tells nobody is kept
until the day of its `until`. It is dropped when its finding changes, or when a telling of the item is added or removed. A
decision to tell is made anew every time, and so is one that depends on what the chat has had today.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial

from bot.core.deciding import office
from bot.core.deciding.decision import Decision
from bot.core.deciding.decisions import weigh
from bot.core.deciding.desk import Desk
from bot.core.deciding.findings import Finding, extension, judge, judgement, laid_over
from bot.core.deciding.lateness import Asking, Listener
from bot.core.deciding.look import Scene, desk, listener
from bot.core.deciding.memory import Tellings
from bot.core.deciding.reasons import Reason
from bot.core.facts.facts import Facts
from bot.core.rules.item import Item, Judgement
from bot.core.time.workdays import Calendar
from bot.core.time.zone import day_of, midnight

FOREVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Weighed:
    """The decisions about one finding, valid until `until`; `version` is the item's version in the record of tellings."""

    finding: Finding
    decisions: Sequence[Decision]
    version: int
    until: datetime


class Observer:
    """Returns what `look` returns, from a cache where possible; tests/core/deciding/test_observer.py compares the two."""

    def __init__(self) -> None:
        self._grounds: tuple[object, ...] = ()
        self._facts = Facts()
        self._found: tuple[tuple[object, ...], list[Finding]] = (), []
        self._last: datetime | None = None
        self._judged: dict[str, tuple[Judgement, Asking, Finding]] = {}
        self._weighed: dict[str, _Weighed] = {}

    def look(self, scene: Scene, now: datetime) -> tuple[list[Finding], list[Decision]]:
        """The findings of the day, and the decisions about all of them at `now`."""
        the_desk = desk(scene, now)
        self._forget_unless(scene, now)
        findings = self._findings(scene, the_desk.today)
        weighed = [self._weigh(one, scene.memory, the_desk) for one in findings]
        self._weighed = {one.finding.item.id: one for one in weighed}
        self._last = now
        return findings, [decision for one in weighed for decision in one.decisions]

    def _forget_unless(self, scene: Scene, now: datetime) -> None:
        """Empties the cache unless rules, chats and orders are the same objects and the clock did not go back."""
        grounds = scene.rulebook, scene.memory, scene.directory, scene.hours, *orders(scene.facts)
        same = len(self._grounds) == len(grounds) and all(map(_is, self._grounds, grounds))
        if not same or (self._last is not None and now < self._last):
            self._grounds, self._weighed, self._judged, self._found = grounds, {}, {}, ((), [])
        if scene.facts is not self._facts:
            self._facts, self._judged, self._found = scene.facts, {}, ((), [])

    def _findings(self, scene: Scene, today: date) -> list[Finding]:
        """The findings of the day, those of the last look if all that they are made from is the same."""
        hearings = scene.memory.hearings
        made_from = today, hearings.version, hearings.withdrawn, scene.troubles
        if self._found[0] != made_from:
            rulebook, facts = scene.rulebook, scene.facts
            items = judge(rulebook, facts, today, partial(self._judge, listener(scene, today)))
            more = office.findings(rulebook, facts, items, today, scene.troubles, hearings.withdrawn)
            self._found = made_from, items + more
        return self._found[1]

    def _judge(self, hears: Listener, item: Item, facts: Facts, today: date, calendar: Calendar) -> Finding:
        """The cached finding if the judgement is equal: the facts are the same object, so no event can have changed it."""
        extended = extension(item, facts)
        asking = hears.of(extended or item)
        judged = judgement(asking.moved(extended or item), facts, today, calendar)
        before = self._judged.get(item.id)
        if before is None or before[0] != judged or before[1] != asking:
            finding = laid_over(judged, item, extended, facts, calendar, asking)
            before = self._judged[item.id] = judged, asking, finding
        return before[2]

    def _weigh(self, finding: Finding, memory: Tellings, the_desk: Desk) -> _Weighed:
        kept, version = self._weighed.get(finding.item.id), memory.changed(finding.item.id)
        if (
            kept is not None
            and kept.version == version
            and the_desk.now < kept.until
            and (kept.finding is finding or kept.finding == finding)
        ):
            return kept
        decisions = [weigh(finding, addressee, the_desk) for addressee in the_desk.directory.hearers(finding)]
        return _Weighed(finding, decisions, version, _stands_until(finding, decisions, the_desk))


def orders(facts: Facts) -> tuple[object, ...]:
    """What weighing reads of the facts themselves: silences and confirmations. All else it sees through the findings."""
    silences = facts.item_silences, facts.chat_silences
    confirmed = facts.confirmed_rules, facts.confirmed_leads, facts.confirmed_at, facts.all_confirmed
    return *silences, *confirmed, facts.names


def _is(one: object, other: object) -> bool:
    return one is other


#: Reasons that hold back a telling that is due: its rung and nominal date may be different tomorrow, and its chat may have room again.
HELD_BACK = (Reason.OVER_BUDGET, Reason.SILENCED, Reason.TOO_LATE)


def _stands_until(finding: Finding, decisions: Iterable[Decision], the_desk: Desk) -> datetime:
    """Until when the decisions are valid: not beyond now if anybody is told, or would be without a budget or a silence."""
    now = the_desk.now
    ahead = finding.registered_at is not None and finding.registered_at > now
    if ahead or any(one.at is not None or one.reason in HELD_BACK for one in decisions):
        return now
    return min((_changes(one.until, the_desk.today) for one in decisions if one.until), default=FOREVER)


def _changes(until: datetime, today: date) -> datetime:
    """When a decision changes: what is told in a slot is decided from the first instant of the slot's day."""
    day = day_of(until)
    return midnight(day) if day > today else until
