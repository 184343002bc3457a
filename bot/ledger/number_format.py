"""What a number format of a spreadsheet makes of a value: the power of ten between the stored and the shown number.

A format is up to four sections separated by `;`. A section may begin with a condition (`[>100]`), a colour or a locale; text in
quotes and a character after `\\`, `!`, `_` or `*` are literal. Only an unquoted `%` multiplies by 100, and only a comma after the
last digit divides by 1000.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from decimal import Decimal

_TOKEN = re.compile(r'"[^"]*"?|\[[^\]]*\]?|[\\!_*].?|.', re.DOTALL)
_CONDITION = re.compile(r"\[\s*(<=|>=|<>|<|>|=)\s*(-?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)\s*\]")
_AFTER_DIGITS = re.compile(r"[0#?](,*)[^0#?]*$")
_COMPARE: Mapping[str, Callable[[Decimal, Decimal], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
    "<>": operator.ne,
}


def shown_scale(number_format: str, value: Decimal) -> int:
    """The power of ten by which the shown number differs from the stored one: 2 for per cent, -3 for thousands."""
    section = _section_for(_sections(number_format), value)
    marks = "".join(token for token in section if len(token) == 1)
    thousands = _AFTER_DIGITS.search(marks)
    return 2 * marks.count("%") - 3 * (len(thousands[1]) if thousands else 0)


def _sections(number_format: str) -> list[list[str]]:
    """The sections as lists of tokens; a literal or a bracket is one token of more than one character."""
    sections: list[list[str]] = [[]]
    for token in _TOKEN.findall(number_format):
        if token == ";":
            sections.append([])
        else:
            sections[-1].append(token)
    return sections


def _section_for(sections: list[list[str]], value: Decimal) -> list[str]:
    """The section that is used for a number; the one for text (with `@`) never is while there is another."""
    numeric = [section for section in sections[:4] if "@" not in section] or sections[:1]
    conditions = [_condition(section) for section in numeric]
    if not any(conditions):
        at = 0 if value > 0 or len(numeric) == 1 else 1 if value < 0 else 2
        return numeric[at] if at < len(numeric) else numeric[0]
    for section, condition in zip(numeric, conditions, strict=True):
        if condition is not None and condition(value):
            return section
    left = [section for section, condition in zip(numeric, conditions, strict=True) if condition is None]
    if len(left) > 1 and value >= 0:
        return left[-1]  # [>100]…;…;…: the section between is for negative numbers
    return left[0] if left else numeric[-1]


def _condition(section: list[str]) -> Callable[[Decimal], bool] | None:
    for token in section:
        found = _CONDITION.fullmatch(token)
        if found:
            compare, bound = _COMPARE[found[1]], Decimal(found[2])
            return lambda value: compare(value, bound)
    return None
