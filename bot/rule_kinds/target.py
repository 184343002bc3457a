"""达标: a target that is judged once, when the value of exactly its period is known.

A target of 2027 is never judged by a value of 2026. Until the value is known the state is 待公布; 报送 asks for the value. 达到
means at least, also without 以上; for 保持 only a lower value is bad; 左右 has a tolerance on one side, 稳定 on both. A sum (累计自)
is judged when all its values are known. A target written as a change from the baseline waits for the baseline.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from bot.core.facts.facts import Facts, Observation
from bot.core.facts.series import Scale, final_value, taken_back, written
from bot.core.rules.aims import met, wish
from bot.core.rules.item import Item, Judgement, State, spoken
from bot.core.rules.kind import BaseKind, Remark
from bot.core.rules.rulebook import Aim, IndicatorForm, Rule, TargetForm
from bot.core.time.workdays import Calendar
from bot.core.time.zone import day_of


@dataclass(frozen=True, slots=True)
class Goal:
    """A target, and the labels of the values it is compared with: one, or all that its sum adds up."""

    target: TargetForm
    labels: tuple[str, ...]


def labels_of(target: TargetForm, form: IndicatorForm) -> tuple[str, ...]:
    """The labels of the reported periods that a target is about."""
    scale = Scale.of(form.reporting.cadence)
    last = scale.covering(target.due.on)
    first = last
    if target.sum_from:
        first = scale.covering(date(target.sum_from.on.year - 1, 12, 31)) + 1
    return tuple(scale.label(index) for index in range(first, last + 1))


class Target(BaseKind):
    """See the module."""

    name = "达标"
    watches_numbers = True
    Params = None
    ladder = "指标达标"
    counts_from_value = True
    example = """\
  目标:
    - {期限: 2027年, 值: 97, 措辞: 达到, 出处: 高中阶段毛入学率达到97%}
  监测: [达标, 报送]
"""

    def dates(self, form: IndicatorForm) -> str:
        """The targets with their dates."""
        return " ".join(_binding(target) for target in form.all_targets)

    def when(self, form: IndicatorForm) -> str:
        """The targets with their years."""
        return "，".join(
            f"{_period(target)}{wish(target, form.measure, form.direction)}" for target in form.all_targets
        )

    def items(self, rule: Rule, calendar: Calendar, since: date, until: date) -> Iterable[Item]:
        """One item per target whose date is not before `since`, whatever `until` (it is judged later than its date)."""
        del calendar, until
        form: IndicatorForm = rule.form
        for target in form.all_targets:
            if target.due.on >= since:
                labels = labels_of(target, form)
                title = f"{form.title}{_period(target)}目标（{wish(target, form.measure, form.direction)}）"
                yield Item(
                    f"{form.id}@{target.label}", rule, title, target.due.on,
                    period=labels[-1], words=target.due.words(), soft=target.aim is Aim.STRIVE,
                    data=Goal(target, labels),
                )  # fmt: skip

    def remarks(self, form: IndicatorForm, indicators: Mapping[str, IndicatorForm]) -> Iterable[Remark]:
        """There must be a target."""
        del indicators
        if not form.all_targets:
            yield Remark("no-targets", (self.name,), "“达标”要有“目标”才能判断", "写上“目标”，或改用趋势、保持")

    def judge(self, item: Item, facts: Facts, today: date) -> Judgement:
        """Met or missed once every value it needs is known; until then 待公布."""
        del today
        form: IndicatorForm = item.rule.form
        goal: Goal = item.data
        if goal.target.number is None:
            return Judgement(State.AWAITING_RESULT, detail="待填基期")
        seen = [(label, final_value(form, facts, label)) for label in goal.labels]
        known = [observation for _, observation in seen if observation is not None]
        if len(known) < len(seen):
            lacking = [label for label, one in seen if one is None]
            return Judgement(State.AWAITING_RESULT, detail=taken_back(form, facts, lacking) or _missing(lacking, seen))
        return _judged(known, goal.target, form)

    def made_good_by(self, item: Item, facts: Facts) -> str:
        """A later target that its values meet."""
        form: IndicatorForm = item.rule.form
        later = (one for one in form.all_targets if one.due.on > item.data.target.due.on)
        return next((f"{form.id}@{one.label}" for one in later if _is_met(one, form, facts)), "")


def _is_met(target: TargetForm, form: IndicatorForm, facts: Facts) -> bool:
    """Whether every value of a target is known, and they meet it."""
    seen = [final_value(form, facts, label) for label in labels_of(target, form)]
    known = [one for one in seen if one is not None]
    if target.number is None or len(known) < len(seen):
        return False
    return _judged(known, target, form).state is State.MET


def _judged(known: Sequence[Observation], target: TargetForm, form: IndicatorForm) -> Judgement:
    value = sum((one.value for one in known), Decimal())
    said = "累计" if target.sum_from else "完成值"
    detail = f"{said}{written(value)}{form.measure}，目标{wish(target, form.measure, form.direction)}"
    state = State.MET if met(value, target, form.direction) else State.MISSED
    last = max(one.moment for one in known)
    return Judgement(state, day_of(last[0]), detail, last)


def _missing(labels: Sequence[str], all_labels: Sequence[Any]) -> str:
    """Which values a sum still lacks; nothing for a single value, which 报送 asks for."""
    if len(all_labels) == 1:
        return ""
    return f"累计缺{'、'.join(labels[:4])}{f'等{len(labels)}期' if len(labels) > 4 else ''}的数据"


def _period(target: TargetForm) -> str:
    """2027年, 2027年上半年."""
    year_end = (target.due.on.month, target.due.on.day) == (12, 31)
    return f"{target.due.on.year}年" if year_end else spoken(target.due)


def _binding(target: TargetForm) -> str:
    """Everything of a target that a confirmation is bound to."""
    amount = target.relative.words() if target.relative else str(target.number)
    upper = f"—{target.upper}" if target.upper is not None else ""
    total = f"累计自{target.sum_from.on.year}" if target.sum_from else ""
    return f"{target.due.words()}{target.aim}{amount}{upper}{total}"


KIND: Any = Target()
