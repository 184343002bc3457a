"""措辞 of a target: what each wording asks of a value, and how it is written out.

达到 保持 力争 左右       the indicator's own direction; 左右 has a tolerance on the side that fails
以上 不低于 不少于        at least; 超过 more than
以内 不高于 不超过 以下 降到   at most; 低于 less than
稳定                    both sides, within the tolerance
值 and 上限 (60%—65%)    达到, 力争: the end that comes first; 保持, 稳定, 左右, 以内: both ends
比基期, 年均增长          the side to which it is to move
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from bot.core.rules.rulebook import Aim, Direction, TargetForm
from bot.core.rules.targets import Change, Growth

AT_LEAST = (Aim.AT_LEAST, Aim.NOT_BELOW, Aim.NOT_FEWER, Aim.EXCEED)
AT_MOST = (Aim.WITHIN, Aim.NOT_ABOVE, Aim.NOT_EXCEED, Aim.UNDER, Aim.DOWN_TO, Aim.BELOW)
#: 超过 and 低于 mean more and less, not as much.
STRICT = (Aim.EXCEED, Aim.BELOW)
#: Wordings under which a range is a band to stay in.
BAND = (Aim.KEEP, Aim.STEADY, Aim.ABOUT, Aim.WITHIN)

_PHRASES = {
    Aim.AT_LEAST: "{}以上",
    Aim.ABOUT: "{}左右",
    Aim.STRIVE: "力争达到{}",
    Aim.WITHIN: "控制在{}以内",
    Aim.UNDER: "{}以下",
    Aim.STEADY: "稳定在{}左右",
}
#: For an indicator 越低越好: “达到5%” would be met by a value that is worse.
_DOWNWARD = {Aim.REACH: "达到{}以内", Aim.STRIVE: "力争达到{}以内", Aim.KEEP: "保持在{}以内"}
_OF_CHANGE = {Aim.REACH: "{}", Aim.STRIVE: "力争{}", Aim.NOT_BELOW: "{}以上"}


@dataclass(frozen=True, slots=True)
class Bounds:
    """The values that meet a target: at least `low`, at most `high`; with `strict` the bound itself does not meet it."""

    low: Decimal | None = None
    high: Decimal | None = None
    strict: bool = False

    def hold(self, value: Decimal) -> bool:
        """Whether the value lies within."""
        if self.low is not None and (value < self.low or (self.strict and value == self.low)):
            return False
        return self.high is None or not (value > self.high or (self.strict and value == self.high))


def side(target: TargetForm, direction: Direction) -> Direction:
    """In which direction values are better: by the wording, by the change, or by the indicator."""
    if target.aim in AT_LEAST and not target.relative:
        return Direction.HIGHER
    if target.aim in AT_MOST:
        return Direction.LOWER
    if target.relative:
        return Direction.LOWER if target.relative.is_down else Direction.HIGHER
    return direction


def bounds(target: TargetForm, direction: Direction) -> Bounds:
    """The values that meet a target. Raises LookupError while its baseline is missing."""
    low, high = target.value, target.upper if target.upper is not None else target.value
    if target.aim in (Aim.ABOUT, Aim.STEADY):
        low, high = low - abs(low) * target.tolerance / 100, high + abs(high) * target.tolerance / 100
    if target.aim is Aim.STEADY or (target.upper is not None and target.aim in BAND):
        return Bounds(low, high)
    strict = target.aim in STRICT
    if side(target, direction) is Direction.HIGHER:
        return Bounds(low=low, strict=strict)
    return Bounds(high=high, strict=strict)


def met(value: Decimal, target: TargetForm, direction: Direction) -> bool:
    """Whether `value` meets the target. A better value always does, except where both ends are bound."""
    return bounds(target, direction).hold(value)


def wish(target: TargetForm, measure: str, direction: Direction) -> str:
    """A target as the plan words it: 达到97%, 97.5%以上, 控制在5.5%以内, 60%—65%, 比基期下降18%（即82吨）."""
    return f"{_total(target)}{_worded(target, measure, direction)}"


def _total(target: TargetForm) -> str:
    return f"{target.sum_from.on.year}年起累计" if target.sum_from else ""


def _worded(target: TargetForm, measure: str, direction: Direction) -> str:
    if target.relative is not None:
        moved = f"比基期{target.change}" if target.change else f"年均{_growth(target.relative)}"
        known = f"（即{rounded(target.number)}{measure}）" if target.number is not None else "（待填基期）"
        return _OF_CHANGE.get(target.aim, _PHRASES.get(target.aim, "{}")).format(moved) + known
    amount = f"{target.number}{measure}"
    if target.upper is not None:
        return _PHRASES.get(target.aim, f"{target.aim}{{}}").format(f"{amount}—{target.upper}{measure}")
    phrases = _PHRASES | _DOWNWARD if direction is Direction.LOWER else _PHRASES
    return phrases.get(target.aim, f"{target.aim}{{}}").format(amount)


def _growth(relative: Change | Growth) -> str:
    """增长6%, or 下降3% where the file says -3%."""
    return f"下降{str(relative).removeprefix('-')}" if relative.is_down else f"增长{relative}"


def rounded(value: Decimal) -> str:
    """A computed number for people: at most two decimals, no trailing zeros."""
    if value.adjusted() > 20:  # too large to be rounded
        return f"{value:.2E}"
    text = f"{round(value, 2):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
