"""趋势: against its direction beyond the dead band or not; every row is computed by hand."""

from __future__ import annotations

import pytest

from bot.core.rules.item import Judgement, State
from tests.rule_kinds.numbers import HIGHER, LOWER, a_book, an_indicator, judged, known, years

BEYOND, FLAT = State.MISSED, State.ON_TRACK


def verdict(
    direction: str, values: list[str], *, first: int = 2025, options: str = "{窗口: 3, 最小变化: 0.5}"
) -> Judgement:
    book = a_book(an_indicator(f"[报送, 趋势: {options}]", direction=direction))
    return judged(book, "I4:趋势", known(years(first, *values)))


@pytest.mark.parametrize(
    ("direction", "values", "state", "change"),
    [
        (LOWER, ["46.8", "47.5", "48.1"], BEYOND, "+1.3，要求数值不上升"),
        (LOWER, ["48", "48", "48.5"], FLAT, "+0.5（持平），要求数值不上升"),  # exactly the dead band
        (LOWER, ["48", "48", "48.51"], BEYOND, "+0.51，要求数值不上升"),
        (LOWER, ["48.5", "48", "48"], FLAT, "-0.5（持平），要求数值不上升"),
        (LOWER, ["50", "40", "48"], FLAT, "-2，要求数值不上升"),
        (
            LOWER,
            ["48", "60", "48.2"],
            FLAT,
            "+0.2（持平），要求数值不上升",
        ),  # of three values the middle one has no weight
        (HIGHER, ["90", "91", "92"], FLAT, "+2，要求数值不下降"),
        (HIGHER, ["92", "91", "90"], BEYOND, "-2，要求数值不下降"),
        (HIGHER, ["92", "92", "91.5"], FLAT, "-0.5（持平），要求数值不下降"),
        (HIGHER, ["92", "92", "91.49"], BEYOND, "-0.51，要求数值不下降"),
        (HIGHER, ["92", "80", "92"], FLAT, "0（持平），要求数值不下降"),
        (HIGHER, ["1", "91", "91", "91"], State.ON_TRACK, "0（持平），要求数值不下降"),  # only the window counts
    ],
)
def test_change_over_three_periods(direction: str, values: list[str], state: State, change: str) -> None:
    found = verdict(direction, values)
    assert found.state is state
    assert found.detail.endswith(f"三期变化{change}")


@pytest.mark.parametrize(
    ("values", "options", "change"),
    [
        (["10", "12", "11", "13"], "{窗口: 4}", "四期变化+2.4"),  # slope 0.8
        (["10", "13", "11", "11"], "{窗口: 4}", "四期变化+0.3"),  # slope 0.1
        (["1", "2", "3", "4", "10"], "{窗口: 5}", "五期变化+8"),  # slope 2
        (["1", "1", "1", "1", "2"], "{窗口: 5}", "五期变化+0.8"),  # slope 0.2
    ],
)
def test_wider_windows_are_fitted_by_least_squares(values: list[str], options: str, change: str) -> None:
    assert change in verdict(HIGHER, values, options=options).detail


def test_without_options_three_values_and_no_dead_band() -> None:
    book = a_book(an_indicator("[报送, 趋势]"))
    assert judged(book, "I4:趋势", known(years(2025, "3", "3", "3"))).state is State.ON_TRACK
    assert judged(book, "I4:趋势", known(years(2025, "3", "3", "2.99"))).state is State.MISSED


def test_two_values_are_no_trend() -> None:
    assert verdict(HIGHER, ["90", "80"]) == Judgement(State.AWAITING_RESULT, detail="连续数据2期，满3期后判断趋势")


def test_gap_in_the_window_is_no_trend() -> None:
    book = a_book(an_indicator("[报送, 趋势]"))
    found = judged(book, "I4:趋势", known({"2024": "90", "2025": "89", "2027": "80"}))
    assert found == Judgement(State.AWAITING_RESULT, detail="连续数据1期，满3期后判断趋势")


def test_back_in_its_direction_after_an_adverse_trend_is_recovered() -> None:
    assert verdict(HIGHER, ["92", "91", "90", "95"], first=2024).state is State.RECOVERED
    assert verdict(HIGHER, ["90", "91", "92", "95"], first=2024).state is State.ON_TRACK


def test_detail_is_the_sentence_a_unit_reads() -> None:
    assert verdict(LOWER, ["46.8", "47.5", "48.1"]).detail == "2027年48.1%，三期变化+1.3，要求数值不上升"


def test_quarters_are_compared_with_quarters_only() -> None:
    book = a_book(an_indicator("[报送, 趋势]", cadence="每季度"))
    found = judged(book, "I4:趋势", known({"2027Q1": "5", "2027": "100", "2027Q2": "4", "2027-09": "9", "2027Q3": "3"}))
    assert found.state is State.MISSED
    assert found.detail == "2027年第3季度3%，三期变化-2，要求数值不下降"
