"""Late only after being told: from which day on something counts as late for whoever answers for it.

A dated item that was due before its unit first heard of it, or soon after (补报宽限), is asked for by a later day, from which
its ladder counts. This is asked only where decisions are made: pages and the ledger show the date of the rule.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from bot.core.deciding.hearing import AskedAnew, Hearings
from bot.core.facts.facts import Facts
from bot.core.rules.item import Item
from bot.core.rules.ladder import step
from bot.core.rules.rulebook import Basis, Role, Rule, Rulebook
from bot.core.rules.units import ADMIN
from bot.core.time.zone import day_of, midnight

#: Workdays after which a unit counts as told although nothing was delivered to it.
AT_THE_LATEST = 10


@dataclass(frozen=True, slots=True)
class Asking:
    """How an item stands to the first hearing of whoever answers for it.

    `by` is the later day until which it is asked for, None where they heard in time. `since` is when they were first asked, or
    asked anew: what anybody was told before does not count. `unheard` says that they have not heard, so that `by` moves with the day.
    Until the day after they heard (`waits`) nobody else is told. `enters` is the day from which one ahead is asked for later;
    from the last sending day before it (`hushed`) nobody else is told either, for it might be said on the day itself.
    `sooner` says that an edit moved its date to an earlier day than they had heard.
    `void` says that its period was over before its rule came into force, so that it is not asked for at all.
    """

    by: date | None = None
    since: datetime | None = None
    unheard: bool = False
    waits: bool = False
    enters: date | None = None
    hushed: date | None = None
    sooner: bool = False
    void: bool = False

    def moved(self, item: Item) -> Item:
        """The item with the dates that its ladder counts from."""
        if self.by is None:
            return item
        return replace(item, due_on=self.by, late_from=max(self.by, item.late_from or self.by))


#: The roles of whoever must act.
ACTING = frozenset({Role.LEAD, Role.PROVIDER})

IN_TIME = Asking()
VOID = Asking(void=True)


class Listener:
    """Answers for one day, whose hearings are those of its making."""

    def __init__(self, rulebook: Rulebook, facts: Facts, hearings: Hearings, today: date) -> None:
        self._facts, self._hearings, self._calendar, self._today = facts, hearings, rulebook.calendar, today
        self._grace = rulebook.plan.grace
        self._soon = self._later(today)
        self._rules: dict[Rule, tuple[Asking, date | None]] = {}

    def of(self, item: Item) -> Asking:
        """How an item with its effective dates stands to the first hearing."""
        asking, anew = self._by_rule(item), self._asked_anew(item)
        if anew is None or asking.void or (not anew.void and asking.by and anew.by and asking.by >= anew.by):
            return asking
        return anew

    def _asked_anew(self, item: Item) -> Asking | None:
        """Of an item that is to be done again or sooner, by a withdrawal or an edit: as if it was heard of on that day."""
        edit = self._hearings.anew.get(item.id)
        at = max(
            filter(None, (item.rule.kind.reopened(item, self._facts), self._agreed(item.rule, edit))), default=None
        )
        if at is None or item.due_on is None or not _told_to_act(item.rule):
            return None
        by, day = self._later(day_of(at)), day_of(at)
        if edit and edit.new and item.due_on < day_of(edit.at) and item.period and not item.rule.kind.asks_for_values:
            return VOID
        sooner = edit is not None and not edit.new
        return Asking(by, at, True, day >= self._today, sooner=sooner) if item.due_on < by else None

    def _agreed(self, rule: Rule, edit: AskedAnew | None) -> datetime | None:
        """When an edit could first be told: at once, or when what it made a proposal was confirmed again."""
        if edit is None:
            return None
        agreed = self._facts.agreed_at.get(rule.id) if rule.basis is Basis.PROPOSED else None
        return max(edit.at, agreed or edit.at)

    def _by_rule(self, item: Item) -> Asking:
        """By when its rule was heard of."""
        found = self._rules.get(item.rule)
        if found is None:
            of_rule = self._of_rule(item.rule) if _told_to_act(item.rule) else IN_TIME
            found = self._rules[item.rule] = of_rule, self._force(item.rule)
        asking, force = found
        if asking is IN_TIME or asking.by is None or item.due_on is None:
            return IN_TIME
        if item.due_on >= self._soon:
            return self._ahead(item.due_on, asking.unheard) if asking.waits else IN_TIME
        if force and item.due_on < force and item.period and not item.rule.kind.asks_for_values:
            return VOID
        return asking if item.due_on < asking.by else IN_TIME

    def _ahead(self, due_on: date, unheard: bool) -> Asking:
        """Of an item that is not near yet. What is hushed stays so to the end of the day on which they heard."""
        near = step(due_on, -self._grace.count, self._grace.unit, self._calendar)
        tomorrow = self._today + timedelta(days=1)
        enters = max(near, tomorrow)
        hushed = self._calendar.send_day_on_or_before(enters - timedelta(days=1))
        if unheard:
            return Asking(enters=enters, hushed=hushed)
        return Asking(enters=tomorrow, hushed=hushed) if hushed <= self._today else IN_TIME

    def _of_rule(self, rule: Rule) -> Asking:
        units = self._answerable(rule)
        asked = [self._asked(rule, unit) for unit in units]
        days = [self._heard_on(rule, unit) for unit in units]
        since = midnight(max((day_of(at) if at else self._today for at in asked), default=self._today))
        heard = max((day or self._today for day in days), default=self._today)
        force = None if self._hearings.always else self._force(rule)
        if force:  # what was heard of before it was in force does not count
            heard, since = max(heard, force), max(since, midnight(force))
        return Asking(self._later(heard), since, None in days, heard >= self._today)

    def _later(self, day: date) -> date:
        return step(day, self._grace.count, self._grace.unit, self._calendar)

    def _heard_on(self, rule: Rule, unit: str) -> date | None:
        """The day on which a unit heard: of a delivery, at the latest ten workdays after it was first asked."""
        heard, asked = self._heard(rule, unit), self._asked(rule, unit)
        latest = self._calendar.shift_workdays(day_of(asked), AT_THE_LATEST) if asked else None
        days = [day_of(heard)] if heard else []
        return min(days + ([latest] if latest and latest < self._today else []), default=None)

    def _heard(self, rule: Rule, unit: str) -> datetime | None:
        return self._hearings.always or self._hearings.heard(rule, unit, to_act=True)

    def _asked(self, rule: Rule, unit: str) -> datetime | None:
        return self._hearings.always or self._hearings.asked(rule, unit, to_act=True)

    def _answerable(self, rule: Rule) -> tuple[str, ...]:
        """Who must act: the data provider or the leads; while none is confirmed the admin, who is told in their place."""
        if rule.asks_provider:
            return rule.principals
        return rule.principals if self._facts.confirmed_lead(rule) else (ADMIN,)

    def _force(self, rule: Rule) -> date | None:
        """The day on which a rule came into force: when it was written, or when the proposal was confirmed; None for always."""
        confirmed = rule.basis is Basis.PROPOSED and not self._facts.all_confirmed
        instants: list[datetime | None] = [self._hearings.since(rule)]
        instants += [self._facts.confirmed_at.get(rule.id)] if confirmed else []
        return max((day_of(at) for at in instants if at), default=None)


def _told_to_act(rule: Rule) -> bool:
    """Whether it has dates of its own, and its ladder speaks to whoever must act: else waiting for their hearing has no end."""
    return rule.kind.plain and any(not ACTING.isdisjoint(rung.roles) for rung in rule.ladder.rungs)
