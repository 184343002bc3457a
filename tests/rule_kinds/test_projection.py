"""推算: a straight line through the last values, seen in the target's year; every row is computed by hand."""

from __future__ import annotations

import pytest

from bot.core.rules.item import Judgement, State
from tests.rule_kinds.numbers import HIGHER, LOWER, a_book, an_indicator, judged, known, years

ON, WARNED, AWAITING = State.ON_TRACK, State.WARNED, State.AWAITING_RESULT


def verdict(
    values: list[str], target: str, *, first: int = 2024, direction: str = HIGHER, aim: str = "达到", options: str = "",
    year: int = 2027,
) -> Judgement:  # fmt: skip
    targets = (f"期限: {year}年, 值: {target}, 措辞: {aim}",)
    book = a_book(an_indicator(f"[报送, 推算{options}]", targets=targets, direction=direction))
    return judged(book, f"I4:推算@{year}", known(years(first, *values)))


@pytest.mark.parametrize(
    ("values", "direction", "aim", "target", "state", "projected"),
    [
        (["90", "91", "92"], HIGHER, "达到", "93", ON, "93"),  # exactly
        (["90", "91", "92"], HIGHER, "达到", "93.01", WARNED, "93"),
        (["90", "92", "91"], HIGHER, "达到", "92", ON, "92"),  # mean 91, slope 0.5
        (["90", "92", "91"], HIGHER, "以上", "92.01", WARNED, "92"),
        (["92", "91", "90"], HIGHER, "保持", "89", ON, "89"),
        (["92", "91", "90"], HIGHER, "保持", "89.5", WARNED, "89"),
        (["50", "48", "46"], LOWER, "达到", "44", ON, "44"),
        (["50", "48", "46"], LOWER, "达到", "43.99", WARNED, "44"),
        (["94", "95", "96"], HIGHER, "左右", "100", ON, "97"),  # three per cent below at most: 97
        (["94", "95", "95.99"], HIGHER, "左右", "100", WARNED, "96.99"),  # mean 94.99667, slope 0.995: 96.98667
        (["90", "90", "90"], HIGHER, "达到", "90", ON, "90"),
        (["1", "0", "0"], HIGHER, "达到", "0", WARNED, "-0.67"),  # mean 1/3, slope −1/2: −2/3
    ],
)
def test_three_values_seen_in_the_next_year(
    values: list[str], direction: str, aim: str, target: str, state: State, projected: str
) -> None:
    found = verdict(values, target, direction=direction, aim=aim)
    assert found.state is state
    assert f"2027年为{projected}%" in found.detail


@pytest.mark.parametrize(
    ("values", "options", "projected"),
    [
        (["1", "2", "3", "4", "5", "6"], "", "7"),  # of six the last five
        (["100", "1", "2", "3", "4", "5"], "", "6"),
        (["9", "9", "9", "1", "2", "3"], ": {期数: 3}", "4"),
        (["9", "1", "2", "3"], ": {期数: 4}", "-0.5"),  # mean 3.75, slope −1.7 over 2.5
    ],
)
def test_only_the_last_values_count(values: list[str], options: str, projected: str) -> None:
    assert f"2027年为{projected}%" in verdict(values, "0", first=2027 - len(values), options=options).detail


def test_a_far_target_has_an_item_of_its_own() -> None:
    targets = ("期限: 2027年, 值: 97, 措辞: 达到", "期限: 2035年, 值: 97.5, 措辞: 以上")
    book = a_book(an_indicator("[报送, 推算]", targets=targets))
    facts = known(years(2024, "90", "91", "92"))
    assert judged(book, "I4:推算@2027", facts).state is WARNED  # 93
    assert judged(book, "I4:推算@2035", facts).detail == "按近3期推算，2035年为101%，目标97.5%以上"


def test_fewer_than_three_values_foretell_nothing() -> None:
    assert verdict(["90", "91"], "97", first=2025) == Judgement(AWAITING, detail="连续数据2期，满3期后推算")
    assert verdict([], "97") == Judgement(AWAITING)


def test_gap_ends_the_values_that_count() -> None:
    book = a_book(an_indicator("[报送, 推算]", targets=("期限: 2027年, 值: 97, 措辞: 达到",)))
    assert judged(book, "I4:推算@2027", known({"2022": "1", "2023": "2", "2025": "3", "2026": "4"})).state is AWAITING


def test_nothing_is_left_to_foretell_once_the_targets_own_value_is_final() -> None:
    found = verdict(["90", "91", "92", "93"], "97")
    assert (found.state, found.detail) == (State.CLOSED, "2027年数据已报")


def test_a_year_that_was_passed_over_is_not_foretold_from_later_ones() -> None:
    assert verdict(["90", "91", "92"], "97", first=2028).state is AWAITING


def test_parts_of_a_year_lead_to_its_last_one() -> None:
    targets = ("期限: 2027年, 值: 10, 措辞: 达到",)
    book = a_book(an_indicator("[报送, 推算]", targets=targets, cadence="每季度"))
    found = judged(book, "I4:推算@2027", known({"2026Q4": "5", "2027Q1": "6", "2027Q2": "7"}))
    assert (found.state, "2027年为9%" in found.detail) == (WARNED, True)


def test_a_projection_that_comes_right_is_recovered() -> None:
    assert verdict(["90", "90", "90", "97"], "97", first=2023).state is State.RECOVERED  # 97.5 after 90
    assert verdict(["97", "97", "97", "97"], "97", first=2023).state is ON


def test_detail_says_from_how_many_values() -> None:
    assert verdict(["90", "91", "92"], "97").detail == "按近3期推算，2027年为93%，目标达到97%"
