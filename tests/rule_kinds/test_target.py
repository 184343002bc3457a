"""达标: judged once, with the value of exactly its period, never the other way round."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.facts.events import Observed
from bot.core.rules.aims import met, side, wish
from bot.core.rules.item import Judgement, State
from bot.core.rules.rulebook import Aim, Direction, TargetForm
from tests.kit.builders import INDICATOR, a_rulebook, facts_after, items_by_id

values = st.decimals(min_value=0, max_value=5000, places=2)


def a_target(value: str = "36", aim: str = "左右", tolerance: str = "3") -> TargetForm:
    return TargetForm.model_validate({"期限": "2027年", "值": value, "措辞": aim, "容差": tolerance})


def judged(value: str, period: str = "2027", item: str = "I4@2027", on: str = "2028-03-05") -> Judgement:
    facts = facts_after((Observed(indicator="I4", period=period, value=Decimal(value)), f"{on} 10:00"))
    found = items_by_id(a_rulebook(indicators=INDICATOR))[item]
    return found.rule.kind.judge(found, facts, date(2028, 3, 6))


@pytest.mark.parametrize(
    ("aim", "value", "good"),
    [
        ("达到", "97", True), ("达到", "96.99", False), ("达到", "99", True),
        ("以上", "97", True), ("以上", "96.99", False),
        ("保持", "97", True), ("保持", "96.99", False), ("保持", "103.2", True),  # transfers in: only below alarms
        ("左右", "97", True), ("左右", "94.09", True), ("左右", "94.08", False), ("左右", "120", True),
    ],
)  # fmt: skip
def test_wordings_of_the_plan(aim: str, value: str, good: bool) -> None:
    assert met(Decimal(value), a_target("97", aim), Direction.HIGHER) is good


@pytest.mark.parametrize(("value", "good"), [("37.08", True), ("37.09", False), ("20", True)])
def test_tolerance_is_one_sided_where_lower_is_better(value: str, good: bool) -> None:
    assert met(Decimal(value), a_target(), Direction.LOWER) is good


@given(values, values, st.sampled_from(sorted({*Aim} - {Aim.STEADY})), st.sampled_from(Direction))
def test_better_is_never_worse(first: Decimal, second: Decimal, aim: Aim, direction: Direction) -> None:
    target = a_target("36", aim.value)
    better, worse = (max, min) if side(target, direction) is Direction.HIGHER else (min, max)
    assert met(better(first, second), target, direction) >= met(worse(first, second), target, direction)


@given(st.sampled_from(Aim), st.sampled_from(Direction))
def test_exactly_the_target_is_met_unless_more_or_less_was_said(aim: Aim, direction: Direction) -> None:
    assert met(Decimal(36), a_target("36", aim.value), direction) is (aim not in (Aim.EXCEED, Aim.BELOW))


def test_verdict_counts_from_the_day_the_value_became_known() -> None:
    assert judged("96.2") == Judgement(State.MISSED, date(2028, 3, 5), "完成值96.2%，目标达到97%")
    assert judged("97").state is State.MET


def test_no_other_years_value_judges_it() -> None:
    for period in ("2026", "2028", "2035"):
        assert judged("90", period) == Judgement(State.AWAITING_RESULT)
    assert judged("90", "2035", "I4@2035", "2036-03-05").state is State.MISSED


def test_a_value_entered_before_its_period_began_judges_nothing() -> None:
    assert judged("99.5", "2035", "I4@2035") == Judgement(State.AWAITING_RESULT)


@pytest.mark.parametrize(
    ("aim", "words"), [("达到", "达到36%"), ("以上", "36%以上"), ("保持", "保持36%"), ("左右", "36%左右")]
)
def test_targets_read_as_the_plan_words_them(aim: str, words: str) -> None:
    assert wish(a_target("36", aim), "%", Direction.HIGHER) == words


def test_targets_before_the_plans_first_day_do_not_exist() -> None:
    found = items_by_id(a_rulebook(indicators=INDICATOR.replace("2027年,", "2025年,")))
    assert "I4@2025" not in found
    assert "I4@2035" in found


def test_titles_and_dates_name_every_target() -> None:
    rulebook = a_rulebook(indicators=INDICATOR)
    rule = next(rule for rule in rulebook.rules if rule.kind.name == "达标")
    assert rule.kind.when(rule.form) == "2027年达到97%，2035年97.5%以上"
    assert rule.kind.dates(rule.form) == "2027年达到97 2035年以上97.5"
    assert items_by_id(rulebook)["I4@2035"].title == "高中阶段毛入学率2035年目标（97.5%以上）"
