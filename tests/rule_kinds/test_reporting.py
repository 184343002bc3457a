"""报送: due, waited for, missing, in."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from bot.core.facts.events import Observed
from bot.core.facts.facts import Facts
from bot.core.rules.item import State
from bot.core.rules.rulebook import Rule
from tests.kit.builders import INDICATOR, a_rulebook, facts_after, items_by_id

ITEM = "I4:报送@2026"


def the_rule(reporting: str = "") -> Rule:
    text = INDICATOR
    if reporting:
        text = text.replace("{周期: 每年, 应报: 次年3月31日, 宽限: 10个工作日, 依据: 管理员}", reporting)
    return next(rule for rule in a_rulebook(indicators=text).rules if rule.kind.name == "报送")


@pytest.mark.parametrize(
    ("day", "state"),
    [
        ("2027-03-31", State.ON_TRACK),
        ("2027-04-01", State.ON_TRACK),  # in its grace
        ("2027-04-15", State.ON_TRACK),
        ("2027-04-16", State.UNREPORTED),
        ("2029-01-01", State.UNREPORTED),
    ],
)
def test_a_value_is_missing_only_after_its_grace(day: str, state: State) -> None:
    item = items_by_id(a_rulebook(indicators=INDICATOR))[ITEM]
    assert item.rule.kind.judge(item, Facts(), date.fromisoformat(day)).state is state


def test_only_the_value_of_its_own_period_closes_it() -> None:
    item = items_by_id(a_rulebook(indicators=INDICATOR))[ITEM]
    for period, state in (("2026", State.CLOSED), ("2027", State.UNREPORTED)):
        facts = facts_after((Observed(indicator="I4", period=period, value=Decimal(96)), "2027-02-01 10:00"))
        assert item.rule.kind.judge(item, facts, date(2027, 5, 1)).state is state


def test_it_speaks_to_the_provider() -> None:
    assert (the_rule().asks_provider, the_rule().principal) == (True, "县民政局")


def test_periods_due_in_a_later_year_are_found() -> None:
    found = items_by_id(a_rulebook(indicators=INDICATOR), until="2028-12-31")
    assert {item: str(found[item].due_on) for item in found if "报送" in item} == {
        "I4:报送@2026": "2027-03-31",
        "I4:报送@2027": "2028-03-31",
    }
    assert found[ITEM].title == "高中阶段毛入学率（2026年度）"


@pytest.mark.parametrize(
    ("reporting", "when"),
    [
        ("", "每年报送，次年3月31日前（宽限10个工作日）"),
        ("{周期: 每季度末, 应报: 期满后15天, 宽限: 15天, 依据: 管理员}", "每季度末报送，期满后15天内（宽限15天）"),
        ("{周期: 每月底, 应报: 次月10日, 依据: 管理员}", "每月底报送，次月10日前（宽限10个工作日）"),
    ],
)
def test_when_says_how_often_and_by_when(reporting: str, when: str) -> None:
    rule = the_rule(reporting)
    assert rule.kind.when(rule.form) == when


def test_changed_grace_asks_for_confirmation_again() -> None:
    shorter = the_rule("{周期: 每年, 应报: 次年3月31日, 宽限: 5个工作日, 依据: 管理员}")
    assert shorter.fingerprint != the_rule().fingerprint
