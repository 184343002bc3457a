"""Whether a number that a person typed is plausible: compared with the indicator's other values, its targets and its unit.

A slip of the decimal point makes a number ten, a hundred or a thousand times too large or too small. A number is doubted when
it is nearer to such a multiple of every known number than to the number itself. Doubt is a question, never a refusal.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from decimal import Decimal, InvalidOperation

from bot.core.facts.facts import Facts
from bot.core.facts.series import Scale, written
from bot.core.rules.rulebook import IndicatorForm, TargetForm

#: Beyond this ratio a number is nearer to ten times another one than to the other one (√10).
FAR = Decimal("3.1623")
#: Differences that are never doubted: in per cent; between whole numbers; across zero.
NEAR_PERCENT, NEAR_WHOLE, NEAR_ZERO = Decimal(1), Decimal(20), Decimal(10)
POWERS = (1, -1, 2, -2, 3, -3, 4, -4)
_MINUS = str.maketrans("−–—﹣", "----")


def counts_percent(measure: str) -> bool:
    """Whether a unit of measure is per cent: %, ％, 百分点."""
    text = unicodedata.normalize("NFKC", measure)
    return "%" in text or "百分" in text


def number_in(text: str) -> Decimal | None:
    """The number that a text says: full-width digits, grouped thousands, one % at its end; None for any other text."""
    plain = re.sub(r"\s+", "", unicodedata.normalize("NFKC", text)).translate(_MINUS).removesuffix("%")
    try:
        number = Decimal(re.sub(r"(?<=\d),(?=\d{3}(?:\D|$))", "", plain))
    except InvalidOperation:
        return None
    return number if number.is_finite() and "_" not in plain else None


def value_doubt(form: IndicatorForm, period: str, value: Decimal, facts: Facts) -> str:
    """Why a value of a period is to be confirmed, as Chinese clauses without a full stop; nothing for a plausible one.

    The text holds numbers: of a sensitive indicator it may not be shown.
    """
    before = facts.observations.get((form.id, period))
    if before is not None and _near(value, before.value, counts_percent(form.measure)):
        return ""
    return doubt(value, form.measure, [*_neighbour(form, period, facts), *_wanted(form, period)])


def doubt(value: Decimal, measure: str, known: Iterable[tuple[str, Decimal]]) -> str:
    """Why a number is to be confirmed beside known ones, each with what it is (目标, 基期); nothing for a plausible one."""
    others = [(what, other) for what, other in known if other]
    percent = counts_percent(measure)
    if any(_near(value, other, percent) for _, other in others):
        beyond = percent and value > 100 and all(0 < other <= 100 for _, other in others)
        return f"{written(value)}{measure}超过100%" if beyond else ""
    if others:
        what, other = others[0]
        said = f"{written(value)}{measure}与{what}{written(other)}{measure}相差悬殊"
        meant = _meant(value, other, percent)
        return f"{said}，是不是{written(meant)}{measure}" if meant is not None else said
    if percent and (abs(value) > 1000 or 0 < abs(value) <= 1):
        return f"计量单位是{measure}，{written(value)}{measure}是不是{written(_shifted(value, -2 if value > 1 else 2))}{measure}"
    return ""


def _neighbour(form: IndicatorForm, period: str, facts: Facts) -> Iterator[tuple[str, Decimal]]:
    """The value of the nearest other period."""
    scale = Scale.of(form.reporting.cadence)
    here = scale.index(period)
    known = [(scale.index(label), facts.observations.get((form.id, label))) for label in facts.periods.get(form.id, ())]
    found = [(at, seen) for at, seen in known if at is not None and seen is not None and at != here]
    if here is not None and found:
        at, seen = min(found, key=lambda one: (abs(one[0] - here), -one[0]))
        yield f"{scale.span(at)}的", seen.value


def _wanted(form: IndicatorForm, period: str) -> Iterator[tuple[str, Decimal]]:
    """Targets and baseline, as far as they can be compared: a quarter's amount is not held against a year's target."""
    comparable = [one for one in form.targets if _shape(one.label) == _shape(period) or counts_percent(form.measure)]
    for target in sorted(comparable, key=lambda one: one.label < period):
        yield from bounds(target)
    if form.baseline is not None and (period.isdigit() or counts_percent(form.measure)):
        yield "基期值", form.baseline.value


def bounds(target: TargetForm) -> Iterator[tuple[str, Decimal]]:
    """The numbers of a target that is no sum, each with what it is."""
    if target.number is not None:
        yield f"{target.due.words()}的目标", target.number
    if target.upper is not None:
        yield f"{target.due.words()}目标的上限", target.upper


def _shape(label: str) -> str:
    return re.sub(r"\d+", "", label) + str(len(label))


def _near(value: Decimal, other: Decimal, percent: bool) -> bool:
    if percent and abs(value - other) <= NEAR_PERCENT:
        return True
    whole = not percent and value == value.to_integral_value() and other == other.to_integral_value()
    if whole and abs(value - other) <= NEAR_WHOLE:
        return True
    if value * other <= 0:
        return abs(value - other) <= NEAR_ZERO
    small, large = sorted((abs(value), abs(other)))
    return large <= small * FAR


def _meant(value: Decimal, other: Decimal, percent: bool) -> Decimal | None:
    """The number with its point moved that comes nearest the other one."""
    moved = [_shifted(value, power) for power in POWERS]
    most = 100 if percent and abs(other) <= 100 else max(map(abs, moved))
    likely = [one for one in moved if one * other > 0 and abs(one) <= most and _near(one, other, percent)]
    return min(likely, key=lambda one: abs(one - other), default=None)


def _shifted(value: Decimal, power: int) -> Decimal:
    return value.scaleb(power).normalize() + 0
