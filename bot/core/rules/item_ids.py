"""Ids of items: the one place that puts them together and takes them apart.

    T05-M1                    a rule, and its item where it has only one
    T05-M1-02                 a step of a milestone
    T05-R1@2027-1             a period of a duty; T02-I21@2027 is a target, I4:报送@2026 a report
    T09-C1@2027-003           a whole case 办件
    T09-C1@2027-003#核查      a step of a case
    交办:T05, 系统:待核:T05-M1  findings of the office itself

A rule's id begins with a number of the plan that holds none of `@`, `:` and `#`, and a case number holds none of them
either (`is_case_number`). So the first of them is always the border, whatever a person typed behind it, and two different
things never have the same id.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from bot.core.time.near import squeezed

#: Beginnings of the ids of the office's own findings.
OFFICE = ("交办:", "系统:")
#: Text that can only be the id of a rule or an item.
ITEM_ID = re.compile(r"[A-Z]\d+(-\d+)?-[A-Z]+\d+(-\w+)*(:\w+)?(@[\w-]+(#\S+)?)?|I\d+(:\w+)?@[\w-]+")

_BORDER = re.compile("[@:#]")
_CASE_NUMBER = re.compile(r"[0-9A-Z]+(?:-[0-9A-Z]+)*")  # no Chinese, so that a number cannot contain a person's name
_YEAR = re.compile(r"[0-9]{4}")
_BY_POSITION = re.compile(r"(.+)-([1-9][0-9]?)")


class CaseStep(NamedTuple):
    """A step of a case, as its id says it."""

    rule: str
    number: str
    step: str

    @property
    def id(self) -> str:
        """T09-C1@2027-003#核查."""
        return f"{case_id(self.rule, self.number)}#{self.step}"


def typed_id(text: str) -> str:
    """The id that a person meant: half-width and without blanks; the name of a step stays as it is written."""
    head, border, step = text.strip().replace("＃", "#").partition("#")
    return f"{squeezed(head)}{border}{step.strip()}"


def is_case_number(text: str) -> bool:
    """Whether a case may have this number. A bare year is refused: T17-B1@2027 is the season of a ban."""
    return len(text) <= 20 and bool(_CASE_NUMBER.fullmatch(text)) and not is_year(text)


def is_year(text: str) -> bool:
    """Whether this is a year and nothing else."""
    return bool(_YEAR.fullmatch(text))


def case_id(rule: str, number: str) -> str:
    """T09-C1@2027-003: the id under which an event closes the whole case."""
    return f"{rule}@{number}"


def split_case(item: str) -> tuple[str, str]:
    """Rule and case number, if this is the id of a whole case."""
    rule, _, number = item.partition("@")
    return rule, number


def split_step(item: str) -> CaseStep | None:
    """The step of a case with this id; None for any other id."""
    case, border, step = item.partition("#")
    rule, number = split_case(case)
    return CaseStep(rule, number, step) if border and number and step else None


def without_step(item: str) -> str:
    """The id without the name of a case's step, which no chat is shown."""
    return item.partition("#")[0]


def step_by_position(item: str, steps_of: Callable[[str, str], Sequence[str]]) -> CaseStep | None:
    """The step that the form of before 2026-12 names by its position: T09-C1@2027-003-2. None for any other id.

    `steps_of` gives the names of the steps of a case, by rule and number.
    """
    rule, at, rest = item.partition("@")
    found = _BY_POSITION.fullmatch(rest) if at and "#" not in rest else None
    if found is None:
        return None
    steps, position = steps_of(rule, found[1]), int(found[2])
    return CaseStep(rule, found[1], steps[position - 1]) if position <= len(steps) else None


def subject(item: str) -> str:
    """What an id is about: the number of the plan in front of the first border (T02-I21 of T02-I21:报送@2027)."""
    return _BORDER.split(item, maxsplit=1)[0]


def may_be_of(item: str, rule: str, owner: str) -> bool:
    """Whether an id may be that of a rule of this task or indicator, or of one of its items."""
    about, own = subject(item), subject(rule)
    return about in (own, owner) or about.startswith(f"{own}-")


def is_step_of(item: str, milestone: str) -> bool:
    """Whether an item is a step of a milestone: T05-M1-02 of T05-M1."""
    return item.startswith(f"{milestone}-")


def is_one_of(item: str, rule: str) -> bool:
    """Whether an item is one of several of a rule, an indicator or a case: a period, a target, a step."""
    return item.startswith((f"{rule}@", f"{rule}:", f"{rule}#"))
