"""A typed number is doubted where its point has slipped, beside other values, targets and the unit; others never are."""

from __future__ import annotations

from decimal import Decimal

import pytest

from bot.core.facts.events import Observed
from bot.core.facts.facts import Facts, fold
from bot.core.facts.plausible import doubt, number_in, value_doubt
from bot.core.rules.rulebook import IndicatorForm
from tests.kit.builders import an_event
from tests.kit.ledger_desk import rules


def rate() -> IndicatorForm:
    """高中阶段毛入学率 in %, 97 wanted in 2027."""
    return next(one for one in rules().indicators if one.id == "I4")


def known(**values: str) -> Facts:
    """Facts with values of I4: y2026="96.2"."""
    seen = (Observed(indicator="I4", period=label[1:], value=Decimal(value)) for label, value in values.items())
    return fold(an_event(one, "2027-03-01 10:00", key=one.period) for one in seen)


@pytest.mark.parametrize("value", ["96.8", "97", "90", "50", "100", "35"])
def test_a_value_near_a_target_is_taken_as_it_is(value: str) -> None:
    assert value_doubt(rate(), "2026", Decimal(value), Facts()) == ""


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        ("968", "96.8%"),
        ("9680", "96.8%"),
        ("0.975", "97.5%"),
        ("9.68", "96.8%"),
        (".9995", "99.95%"),
        ("96800", "96.8%"),
    ],
)
def test_a_slip_of_the_point_is_asked_about_with_what_may_be_meant(value: str, meant: str) -> None:
    assert value_doubt(rate(), "2026", Decimal(value), Facts()).endswith(f"是不是{meant}")
    assert value_doubt(rate(), "2027", Decimal(value), known(y2026="96.2")).endswith(f"是不是{meant}")


def test_zero_a_negative_and_more_than_all_of_a_share_are_asked_about() -> None:
    assert all(value_doubt(rate(), "2026", Decimal(value), Facts()) for value in ("0", "-1.2", "104"))


def test_a_share_that_was_beyond_a_hundred_before_may_be_again() -> None:
    assert value_doubt(rate(), "2027", Decimal("104"), known(y2026="103")) == ""


def test_a_correction_of_a_slip_is_not_asked_about() -> None:
    assert value_doubt(rate(), "2026", Decimal("96.8"), known(y2026="968")) == ""


def test_the_same_value_is_not_asked_about_twice() -> None:
    assert value_doubt(rate(), "2026", Decimal("20"), known(y2026="20")) == ""


@pytest.mark.parametrize(
    ("value", "measure", "others", "doubted"),
    [
        ("0.9995", "%", (), True),
        ("0.5", "%", ("0.8",), False),
        ("1.2", "%", ("-0.3",), False),
        ("3.53", "%", ("34.1", "36"), True),
        ("3", "起", ("12",), False),  # small numbers of things
        ("0", "起", ("2",), False),
        ("12", "所", ("120",), True),
        ("1234", "人", (), False),
        ("1200", "万元", ("118",), True),
        ("250", "万元", ("118",), False),
        ("5", "", ("0",), False),  # nothing can be compared with 0
    ],
)
def test_numbers_are_compared_by_ratio_and_unit(
    value: str, measure: str, others: tuple[str, ...], doubted: bool
) -> None:
    assert bool(doubt(Decimal(value), measure, [("目标", Decimal(one)) for one in others])) is doubted


@pytest.mark.parametrize(
    ("text", "number"),
    [
        *(("９６．２", "96.2"), ("-1.2", "-1.2"), ("－1.2", "-1.2"), ("−1.2", "-1.2"), ("1e2", "100")),
        *(("1,234", "1234"), ("１，２３４．５", "1234.5"), (" 96.8 ％ ", "96.8")),
    ],
)
def test_a_number_is_read_as_people_type_it(text: str, number: str) -> None:
    assert number_in(text) == Decimal(number)


@pytest.mark.parametrize("text", ["", "九", "1,2345", "1_000", "inf", "nan", "96.8%%", "--5"])
def test_what_is_no_number_is_none(text: str) -> None:
    assert number_in(text) is None
