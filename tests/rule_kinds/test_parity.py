"""比照: not below the other indicator in the same period, and never a word about amounts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.rules.item import Judgement, State
from bot.core.rules.rulebook import Rulebook
from tests.rule_kinds.numbers import Values, a_book, an_indicator, judged, known

MET, MISSED, AWAITING = State.MET, State.MISSED, State.AWAITING_RESULT


def pay() -> Rulebook:
    return a_book(an_indicator("[报送, 比照: {不低于: I9}]", more="敏感: 是"), an_indicator("[报送]", id="I9"))


def verdict(ours: Values, theirs: Values) -> Judgement:
    return judged(pay(), "I4:比照", known(theirs, indicator="I9", start=known(ours)))


@pytest.mark.parametrize(
    ("ours", "theirs", "state"),
    [
        ({"2027": "81234.5"}, {"2027": "81234.50"}, MET), ({"2027": "81234.49"}, {"2027": "81234.5"}, MISSED),
        ({"2027": "90000"}, {"2027": "81234.5"}, MET), ({"2027": "0.01"}, {"2027": "0.02"}, MISSED),
        ({"2027": "81234.5"}, {}, AWAITING), ({}, {"2027": "81234.5"}, AWAITING),
        ({"2027": "81234.5"}, {"2026": "70000"}, AWAITING), ({"2026": "81234.5"}, {"2027": "90000"}, AWAITING),
        ({"2026": "10", "2027": "12"}, {"2026": "11", "2027": "12"}, State.RECOVERED),
        ({"2026": "11", "2027": "12"}, {"2026": "11", "2027": "13"}, MISSED),
        ({"2026": "10", "2027": "12"}, {"2026": "11"}, AWAITING),  # 2027 is out on one side only
        ({"2026": "12"}, {"2026": "11", "2027": "99"}, MET),
    ],
)  # fmt: skip
def test_periods_of_both_sides(ours: Values, theirs: Values, state: State) -> None:
    assert verdict(ours, theirs).state is state


amounts = st.decimals(min_value=30000, max_value=200000, places=2)


@given(amounts, amounts)
def test_no_amount_and_no_difference_is_ever_said(ours: object, theirs: object) -> None:
    found = verdict({"2027": str(ours)}, {"2027": str(theirs)})
    assert found.detail in ("2027年达到比照标准", "2027年未达到比照标准")
    rule = next(rule for rule in pay().rules if rule.id == "I4:比照")
    assert rule.shown_when == "敏感指标"


def test_missing_side_is_named_without_its_title() -> None:
    assert verdict({"2027": "1"}, {}).detail == "缺2027年比照标准，暂不比较"


def test_correction_of_the_other_side_counts_from_its_own_day() -> None:
    facts = known({"2027": "10"}, indicator="I9", start=known({"2027": "11"}))
    assert judged(pay(), "I4:比照", facts).state is MET
    corrected = known({"2026": "1", "2025": "1", "2027": "12"}, indicator="I9", start=facts)
    found = judged(pay(), "I4:比照", corrected)
    assert found.state is MISSED
    assert found.anchor is not None
    assert found.anchor.isoformat() == "2028-03-03"
