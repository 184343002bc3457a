"""Cases 办件: what is known of each.

A case is a number and dates and has no name. It is opened by an event and goes through the steps of its rule one after the
other; its clock may be stopped in between (暂停计时). When its steps are due: `case_steps.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from bot.core.rules.item_ids import case_id


@dataclass(frozen=True, slots=True)
class Pause:
    """The clock of a case is stopped from `since` on; `until` is the first day on which it runs again."""

    since: date
    until: date | None = None
    reason: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Case:
    """What is known of one case.

    `steps`: the names of the steps that its rule had when it was opened. `done`: by step, the day on which it was finished,
    and when that was entered.
    """

    rule: str
    number: str
    opened_on: date
    category: str = ""
    steps: tuple[str, ...] = ()
    done: Mapping[str, tuple[date, datetime]] = field(default_factory=dict)
    pauses: tuple[Pause, ...] = ()

    @property
    def id(self) -> str:
        """T09-C1@2027-003: the id under which an event closes the whole case."""
        return case_id(self.rule, self.number)

    @property
    def paused_since(self) -> date | None:
        """Since when the clock is stopped; None when it runs."""
        last = self.pauses[-1] if self.pauses else None
        return last.since if last and last.until is None else None

    @property
    def touched_on(self) -> date:
        """The latest day of anything that is known of it."""
        days = [on for on, _ in self.done.values()] + [pause.until or pause.since for pause in self.pauses]
        return max(days, default=self.opened_on)

    def advanced(self, step: str, on: date, at: datetime) -> Case:
        """The same case with a step finished."""
        return replace(self, done={**self.done, step: (on, at)})

    def without_step(self, step: str) -> Case:
        """The same case with a step not finished."""
        return replace(self, done={name: when for name, when in self.done.items() if name != step})

    def without_pause(self) -> Case:
        """The same case as if its clock had not been stopped the last time."""
        return replace(self, pauses=self.pauses[:-1])

    def still_paused(self) -> Case:
        """The same case as if its clock ran again only some day."""
        return replace(self, pauses=(*self.pauses[:-1], replace(self.pauses[-1], until=None))) if self.pauses else self

    def paused(self, on: date, reason: str = "") -> Case:
        """The same case with its clock stopped."""
        return replace(self, pauses=(*self.pauses, Pause(on, reason=reason)))

    def resumed(self, on: date) -> Case:
        """The same case with its clock running again."""
        if self.paused_since is None:
            return self
        return replace(self, pauses=(*self.pauses[:-1], replace(self.pauses[-1], until=on)))
