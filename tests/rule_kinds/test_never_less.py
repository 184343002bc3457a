"""只增不减: the same period of two years running, both final."""

from __future__ import annotations

from datetime import date

import pytest

from bot.core.rules.item import Judgement, State
from tests.rule_kinds.numbers import LOWER, Values, a_book, an_indicator, judged, known

MET, MISSED, AWAITING = State.MET, State.MISSED, State.AWAITING_RESULT


def verdict(values: Values, cadence: str = "每年", direction: str = "越高越好") -> Judgement:
    book = a_book(an_indicator("[报送, 只增不减]", cadence=cadence, direction=direction))
    return judged(book, "I4:只增不减", known(values))


@pytest.mark.parametrize(
    ("values", "state"),
    [
        ({"2026": "100", "2027": "100"}, MET), ({"2026": "100", "2027": "99.99"}, MISSED),
        ({"2026": "100", "2027": "100.01"}, MET), ({"2026": "100.0", "2027": "100"}, MET),
        ({"2025": "200", "2026": "100", "2027": "100"}, State.RECOVERED),
        ({"2025": "90", "2026": "100", "2027": "95"}, MISSED),  # above 2025, below 2026
        ({"2027": "100"}, AWAITING), ({"2025": "100", "2027": "90"}, AWAITING), ({}, AWAITING),
        ({"2026": "100", "2027": "90", "2029": "80"}, AWAITING),  # 2028 is missing: nothing to compare 2029 with
        ({"2026": "100", "2027H1": "40"}, AWAITING), ({"2026": "-5", "2027": "-4"}, MET),
    ],
)  # fmt: skip
def test_years(values: Values, state: State) -> None:
    assert verdict(values).state is state


@pytest.mark.parametrize(
    ("values", "state"),
    [
        ({"2026Q1": "10", "2026Q2": "30", "2027Q1": "10"}, MET),
        ({"2026Q1": "10", "2026Q2": "8", "2027Q1": "9"}, MISSED),
        ({"2026Q3": "10", "2026Q4": "8"}, AWAITING),  # a quarter is not compared with the one before
        ({"2026Q1": "10", "2027Q1": "9", "2026Q2": "8", "2027Q2": "9"}, State.RECOVERED),
    ],
)
def test_quarters_are_compared_with_the_same_quarter_of_the_year_before(values: Values, state: State) -> None:
    assert verdict(values, cadence="每季度").state is state


def test_of_lower_is_better_more_is_wrong_and_the_message_says_so() -> None:
    assert verdict({"2026": "50", "2027": "48"}, direction=LOWER).state is MET
    assert verdict({"2026": "50", "2027": "50"}, direction=LOWER).state is MET
    worse = verdict({"2026": "50", "2027": "52"}, direction=LOWER)
    assert (worse.state, worse.detail) == (MISSED, "2027年52%，上年同期50%，要求数值不高于上年")


def test_of_lower_is_better_the_rule_files_reader_is_told_how_it_is_read() -> None:
    rule = a_book(an_indicator("[报送, 只增不减]", direction=LOWER)).by_id["I4:只增不减"]
    assert rule.shown_when == "每期终值不高于上年同期终值"
    (remark,) = rule.kind.remarks(rule.form, {})
    assert (remark.info, remark.message) == (True, "I4越低越好，“只增不减”按“数值不高于上年同期”判断")


def test_detail_names_both_years() -> None:
    assert verdict({"2026": "10", "2027": "9.5"}).detail == "2027年9.5%，上年同期10%，要求不低于上年"
    assert verdict({"2027": "9.5"}).detail == "有2027年的终值，缺上年同期的，暂不比较"


def test_correction_of_either_year_is_judged_anew_from_its_own_day() -> None:
    book = a_book(an_indicator("[报送, 只增不减]"))
    facts = known({"2026": "100", "2027": "100"})
    assert judged(book, "I4:只增不减", facts).anchor == date(2028, 3, 2)
    corrected = known({"2024": "1", "2023": "1", "2026": "101"}, start=facts)  # the third of these days
    assert judged(book, "I4:只增不减", corrected).state is MISSED
    assert judged(book, "I4:只增不减", corrected).anchor == date(2028, 3, 3)
