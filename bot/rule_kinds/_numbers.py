"""What kinds that watch numbers share: one item that goes on, a verdict on the known final values, and 恢复.

Each new or corrected value is told: the ladder counts from the day on which the latest value of the verdict became known.
Where values are missing, preliminary or too few to judge, the state is 待公布 and never a good one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date

from bot.core.facts.facts import Facts
from bot.core.facts.series import Point, Series, series_of, taken_back
from bot.core.rules.item import Item, Judgement, State
from bot.core.rules.kind import BaseKind
from bot.core.rules.rulebook import IndicatorForm, Rule
from bot.core.time.workdays import Calendar
from bot.core.time.zone import day_of

WRONG = frozenset({State.MISSED, State.BEHIND, State.FAR_BEHIND, State.WARNED})
FINE = frozenset({State.MET, State.ON_TRACK})


@dataclass(frozen=True, slots=True)
class NumberVerdict:
    """The state, the values it rests on, and a short phrase for the message."""

    state: State
    points: tuple[Point, ...] = ()
    detail: str = ""


def awaiting(detail: str = "") -> NumberVerdict:
    """No verdict yet; `detail` says why."""
    return NumberVerdict(State.AWAITING_RESULT, (), detail)


class NumberKind(BaseKind, ABC):
    """A kind with one item per rule and no due date of its own."""

    name: str
    watches_numbers = True
    Params = None

    def items(self, rule: Rule, calendar: Calendar, since: date, until: date) -> Iterable[Item]:
        """One item for as long as the rule stands."""
        del calendar, since, until
        yield Item(rule.id, rule, rule.form.title, None)

    @abstractmethod
    def verdict(self, item: Item, series: Series, facts: Facts) -> NumberVerdict:
        """The verdict on these values. `facts` are for other indicators, and for labels of another cadence."""

    def judge(self, item: Item, facts: Facts, today: date) -> Judgement:
        """The verdict on all values; 恢复 when it was bad without the latest period and is good with it."""
        del today
        form: IndicatorForm = item.rule.form
        series = series_of(form, facts)
        now = self.verdict(item, series, facts)
        if now.state in FINE and self.verdict(item, series.without_latest(), facts).state in WRONG:
            now = replace(now, state=State.RECOVERED)
        known = max((one.known for one in now.points), default=None)
        details = (taken_back(form, facts, _withdrawn_since(form, series, facts)), now.detail)
        return Judgement(now.state, day_of(known[0]) if known else None, "；".join(filter(None, details)), known)


def _withdrawn_since(form: IndicatorForm, series: Series, facts: Facts) -> list[str]:
    """Periods later than the latest with a value, of which a value was withdrawn."""
    last = series.latest.index if series.latest else -1
    gone = [label for indicator, label in facts.withdrawn if indicator == form.id]
    return sorted(label for label in gone if (series.scale.index(label) or -1) > last)
