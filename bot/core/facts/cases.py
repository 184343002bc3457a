"""Cases 办件: what is known of each.

A case is a number and dates and has no name. It is opened by an event and goes through the steps of its rule one after the
other; its clock may be stopped in between (暂停计时). When its steps are due: `case_steps.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class Pause:
    """The clock of a case is stopped from `since` on; `until` is the first day on which it runs again."""

    since: date
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """What is known of one case. `done`: by step, the day on which it was finished, and when that was entered."""

    rule: str
    number: str
    opened_on: date
    category: str = ""
    done: Mapping[int, tuple[date, datetime]] = field(default_factory=dict)
    pauses: tuple[Pause, ...] = ()

    @property
    def id(self) -> str:
        """T09-C1@2027-003: the id under which an event closes the whole case."""
        return f"{self.rule}@{self.number}"

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

    def advanced(self, step: int, on: date, at: datetime) -> Case:
        """The same case with a step finished."""
        return replace(self, done={**self.done, step: (on, at)})

    def paused(self, on: date) -> Case:
        """The same case with its clock stopped."""
        return replace(self, pauses=(*self.pauses, Pause(on)))

    def resumed(self, on: date) -> Case:
        """The same case with its clock running again."""
        if self.paused_since is None:
            return self
        return replace(self, pauses=(*self.pauses[:-1], Pause(self.pauses[-1].since, on)))


def step_id(rule: str, number: str, step: int) -> str:
    """T09-C1@2027-003-2: the item of a step."""
    return f"{rule}@{number}-{step}"


def split_step_id(item: str) -> tuple[str, str, int] | None:
    """Rule, case number and step named by a step's item id, or None when it names none."""
    rule, _, rest = item.partition("@")
    number, _, step = rest.rpartition("-")
    return (rule, number, int(step)) if number and step.isascii() and step.isdigit() else None
