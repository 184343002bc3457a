"""保持: on the good side of the bound, exactly on it included."""

from __future__ import annotations

import pytest

from bot.core.rules.item import Judgement, State
from tests.rule_kinds.numbers import HIGHER, LOWER, a_book, an_indicator, judged, known

MET, MISSED, AWAITING = State.MET, State.MISSED, State.AWAITING_RESULT
TARGETS = ("期限: 2027年, 值: 99.95, 措辞: 以上", "期限: 2035年, 值: 45, 措辞: 左右")


def verdict(options: str, value: str, *, period: str = "2027", direction: str = HIGHER) -> Judgement:
    book = a_book(an_indicator(f"[报送, 保持{options}]", direction=direction))
    return judged(book, "I4:保持", known({period: value}))


@pytest.mark.parametrize(
    ("options", "direction", "value", "state"),
    [
        ("{值: 2, 界: 不低于}", HIGHER, "2", MET), ("{值: 2, 界: 不低于}", HIGHER, "1.99", MISSED),
        ("{值: 2, 界: 不低于}", LOWER, "2.5", MET),
        ("{值: 2, 界: 不高于}", HIGHER, "2", MET), ("{值: 2, 界: 不高于}", HIGHER, "2.01", MISSED),
        ("{值: 2, 界: 等于}", HIGHER, "2.00", MET), ("{值: 2, 界: 等于}", HIGHER, "2.01", MISSED),
        ("{值: 2, 容差: 0.05}", HIGHER, "1.95", MET), ("{值: 2, 容差: 0.05}", HIGHER, "1.94", MISSED),
        ("{值: 2, 界: 不高于, 容差: 0.05}", HIGHER, "2.05", MET), ("{值: 2, 界: 不高于, 容差: 0.05}", HIGHER, "2.06", MISSED),
        ("{值: 2, 界: 等于, 容差: 0.1}", HIGHER, "1.9", MET), ("{值: 2, 界: 等于, 容差: 0.1}", HIGHER, "1.89", MISSED),
        ("{值: 2, 界: 等于, 容差: 0.1}", HIGHER, "2.1", MET), ("{值: 2, 界: 等于, 容差: 0.1}", HIGHER, "2.11", MISSED),
        ("{值: 2}", HIGHER, "3", MET), ("{值: 2}", HIGHER, "1", MISSED),
        ("{值: 2}", LOWER, "1", MET), ("{值: 2}", LOWER, "3", MISSED),
        ("{值: 0, 界: 不高于}", LOWER, "0", MET), ("{值: 0, 界: 不高于}", LOWER, "1", MISSED),
        ("{值: 100}", HIGHER, "103.2", MET),  # transfers in: only below alarms
    ],
)  # fmt: skip
def test_bounds_and_tolerances(options: str, direction: str, value: str, state: State) -> None:
    assert verdict(f": {options}", value, direction=direction).state is state


@pytest.mark.parametrize(
    ("start", "cadence", "period", "state"),
    [
        ("2027年", "每年", "2026", AWAITING), ("2027年", "每年", "2027", MISSED), ("2027年", "每年", "2031", MISSED),
        ("2027年", "每季度", "2026Q4", AWAITING), ("2027年", "每季度", "2027Q1", MISSED),
        ("2027年9月", "每月底", "2027-08", AWAITING), ("2027年9月", "每月底", "2027-09", MISSED),
        ("2027年下半年", "每半年", "2027H1", AWAITING), ("2027年下半年", "每半年", "2027H2", MISSED),
        ("2027-07-01", "每半年", "2027H1", AWAITING), ("2027-06-30", "每半年", "2027H1", MISSED),
    ],
)  # fmt: skip
def test_periods_before_its_beginning_are_not_judged(start: str, cadence: str, period: str, state: State) -> None:
    book = a_book(an_indicator(f"[报送, 保持: {{值: 2, 起: {start}}}]", cadence=cadence))
    assert judged(book, "I4:保持", known({period: "1"})).state is state


@pytest.mark.parametrize(
    ("period", "value", "state"),
    [
        ("2026", "10", AWAITING),  # no target is due yet
        ("2027", "99.95", MET), ("2027", "99.94", MISSED),
        ("2034", "99.95", MET), ("2034", "99.94", MISSED),
        ("2035", "43.65", MET), ("2035", "43.64", MISSED),  # 45左右: three per cent below at most
    ],
)  # fmt: skip
def test_without_a_value_the_latest_target_due_is_held(period: str, value: str, state: State) -> None:
    book = a_book(an_indicator("[报送, 保持]", targets=TARGETS))
    assert judged(book, "I4:保持", known({period: value})).state is state


def test_tolerance_counts_for_a_target_too() -> None:
    book = a_book(an_indicator("[报送, 保持: {容差: 0.05}]", targets=TARGETS))
    assert judged(book, "I4:保持", known({"2027": "99.9"})).state is MET
    assert judged(book, "I4:保持", known({"2027": "99.89"})).state is MISSED


def test_details_say_the_value_and_what_is_asked() -> None:
    assert verdict(": {值: 2}", "1.80").detail == "2027年1.8%，要求不低于2%"
    book = a_book(an_indicator("[报送, 保持]", targets=TARGETS))
    assert judged(book, "I4:保持", known({"2027": "99"})).detail == "2027年99%，要求99.95%以上"
    assert verdict(": {值: 2, 起: 2027年}", "1", period="2026").detail == "2027年起监测"


def test_only_the_latest_period_counts_and_coming_back_is_recovered() -> None:
    book = a_book(an_indicator("[报送, 保持: {值: 2}]"))
    assert judged(book, "I4:保持", known({"2026": "1", "2027": "2"})).state is State.RECOVERED
    assert judged(book, "I4:保持", known({"2026": "2", "2027": "2"})).state is MET
    assert judged(book, "I4:保持", known({"2027": "1", "2026": "2"})).state is MISSED
