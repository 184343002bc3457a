"""达标: a target judged once, when the value of exactly its period is known (domain.md R3).

Traps: a 2027 target is not judged with a 2026 value; before the value is known nothing is alarmed (报送 does that);
达到 is a floor though 以上 is not written; 保持 alarms below only; 左右 has a one-sided tolerance.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any, Literal
from zoneinfo import ZoneInfo

from bot.core.facts import Facts
from bot.core.item import BaseKind, Item, Judgement, State
from bot.core.rulebook import Aim, Direction, IndicatorForm, Rule, TargetForm
from bot.core.workdays import Calendar

ZONE = ZoneInfo("Asia/Shanghai")


def floor(target: TargetForm, direction: Direction) -> Decimal:
    """The worst value that still meets the target."""
    if target.aim is not Aim.ABOUT:
        return target.value
    slack = target.value * target.tolerance / 100
    return target.value - slack if direction is Direction.HIGHER else target.value + slack


def met(value: Decimal, target: TargetForm, direction: Direction) -> bool:
    """Whether `value` meets the target in its direction; being better than the target never fails."""
    bound = floor(target, direction)
    return value >= bound if direction is Direction.HIGHER else value <= bound


def wish(target: TargetForm, measure: str) -> str:
    """A target as the plan words it: 达到97%, 97.5%以上, 保持100%, 36%左右."""
    amount = f"{target.value}{measure}"
    return f"{amount}{target.aim}" if target.aim in (Aim.AT_LEAST, Aim.ABOUT) else f"{target.aim}{amount}"


class Target(BaseKind):
    """See the module."""

    name = "达标"
    subject: Literal["指标"] = "指标"
    Params = None
    ladder = "指标达标"
    example = """\
  目标:
    - {期限: 2027年, 值: 97, 措辞: 达到, 出处: 高中阶段毛入学率达到97%}
  监测: [达标, 报送]
"""

    def dates(self, form: IndicatorForm) -> str:
        """The targets with their dates."""
        return " ".join(f"{target.due.words()}{target.aim}{target.value}" for target in form.targets)

    def when(self, form: IndicatorForm) -> str:
        """The targets with their years."""
        return "，".join(f"{target.due.on.year}年{wish(target, form.measure)}" for target in form.targets)

    def items(self, rule: Rule, calendar: Calendar, since: date, until: date) -> Iterable[Item]:
        """One item per target whose date is not before `since`, whatever `until` (it is judged later than its date)."""
        del calendar, until
        form: IndicatorForm = rule.form
        for target in form.targets:
            if target.due.on >= since:
                period = str(target.due.on.year)
                title = f"{form.title}{period}年目标（{wish(target, form.measure)}）"
                yield Item(
                    f"{form.id}@{period}", rule, title, target.due.on, period=period,
                    words=target.due.words(), data=target,
                )  # fmt: skip

    def judge(self, item: Item, facts: Facts, today: date) -> Judgement:
        """Met or missed once the value of the period is known; until then its result is awaited."""
        del today
        form: IndicatorForm = item.rule.form
        seen = facts.value(form.id, item.period)
        if seen is None:
            return Judgement(State.AWAITING_RESULT)
        good = met(seen.value, item.data, form.direction)
        detail = f"完成值{seen.value}{form.measure}，目标{wish(item.data, form.measure)}"
        return Judgement(State.MET if good else State.MISSED, seen.at.astimezone(ZONE).date(), detail)


KIND: Any = Target()
