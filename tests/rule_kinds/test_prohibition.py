"""禁止: recalled once before its season, silent otherwise, and a lead that is entered has a date like any case."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.deciding.findings import judge
from bot.core.facts.events import CaseAdvanced, CaseOpened
from bot.core.facts.facts import Facts
from bot.core.rules.item import State
from bot.core.rules.words import Season
from bot.core.time.grammar import WordError
from tests.kit.builders import a_ban, a_rulebook, facts_after, items_by_id

DAYS = [
    ("4月1日至9月30日", 2027, "2027-04-01", "2027-09-30"),
    ("4月1日到9月30日", 2027, "2027-04-01", "2027-09-30"),
    ("４月１日—９月３０日", 2027, "2027-04-01", "2027-09-30"),
    ("6月1日-6月30日", 2028, "2028-06-01", "2028-06-30"),
    ("2月1日至2月底", 2028, "2028-02-01", "2028-02-29"),
    ("11月1日至次年2月底", 2027, "2027-11-01", "2028-02-29"),
    ("11月1日至2月底", 2027, "2027-11-01", "2028-02-29"),
    ("12月31日至1月1日", 2027, "2027-12-31", "2028-01-01"),
    ("1月1日至12月31日", 2027, "2027-01-01", "2027-12-31"),
    ("9月30日至4月1日", 2027, "2027-09-30", "2028-04-01"),
]


@pytest.mark.parametrize(("text", "year", "first", "last"), DAYS)
def test_a_season_has_its_days(text: str, year: int, first: str, last: str) -> None:
    season = Season.parse(text)
    assert [str(day) for day in season.in_year(year)] == [first, last]
    assert Season.parse(season.words()) == season


@pytest.mark.parametrize(
    "text", ["招生季", "4月31日至9月30日", "4月1日", "13月1日至14月1日", "4月1日至4月1日", "2月29日至3月1日"]
)
def test_what_is_no_season_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(WordError) as refused:
        Season.parse(text)
    assert refused.value.problem


@given(st.dates(date(2027, 1, 1), date(2027, 12, 31)), st.dates(date(2027, 1, 1), date(2027, 12, 31)))
def test_a_season_never_ends_before_it_begins(begins: date, ends: date) -> None:
    if begins != ends:
        season = Season.parse(f"{begins.month}月{begins.day}日至{ends.month}月{ends.day}日")
        first, last = season.in_year(2027)
        assert first < last
        assert (last - first).days < 366


def states(rule: str, facts: Facts, today: str) -> dict[str, str]:
    found = judge(a_rulebook(rule), facts, date.fromisoformat(today))
    return {finding.item.id: finding.state.value for finding in found}


def lead(on: str, case: str = "2027-001") -> CaseOpened:
    return CaseOpened(rule="T05-B1", case=case, on=date.fromisoformat(on))


def test_a_season_is_one_item_a_year_on_its_first_day() -> None:
    found = items_by_id(a_rulebook(a_ban()), until="2029-12-31")
    assert {name: str(item.due_on) for name, item in found.items()} == {
        "T05-B1@2027": "2027-04-01",
        "T05-B1@2028": "2028-04-01",
        "T05-B1@2029": "2029-04-01",
    }


def test_without_a_season_there_is_nothing_until_a_lead_is_entered() -> None:
    assert states(a_ban(season=""), Facts(), "2027-06-01") == {}
    facts = facts_after((lead("2027-05-31"), "2027-05-31 10:00"))
    assert states(a_ban(season=""), facts, "2027-06-01") == {"T05-B1@2027-001#处理": "正常推进"}


@given(st.dates(date(2026, 12, 1), date(2029, 12, 31)))
def test_a_season_is_never_overdue_and_never_green(day: date) -> None:
    found = set(states(a_ban(), Facts(), str(day)).values())
    assert found == {State.ADVISED.value}


#: A lead of Monday 2027-05-10 is to be handled by Monday 2027-05-24.
@pytest.mark.parametrize(
    ("today", "state"),
    [
        ("2027-05-10", "正常推进"), ("2027-05-19", "正常推进"), ("2027-05-20", "临期"), ("2027-05-24", "临期"),
        ("2027-05-25", "逾期"), ("2027-09-30", "逾期"), ("2028-01-10", "逾期"),
    ],
)  # fmt: skip
def test_a_lead_has_ten_workdays(today: str, state: str) -> None:
    facts = facts_after((lead("2027-05-10"), "2027-05-10 10:00"))
    assert states(a_ban(), facts, today)["T05-B1@2027-001#处理"] == state


def test_the_time_for_handling_may_be_set() -> None:
    facts = facts_after((lead("2027-05-10"), "2027-05-10 10:00"))
    assert states(a_ban(more="处理时限: 5个工作日"), facts, "2027-05-18")["T05-B1@2027-001#处理"] == "逾期"


def test_a_handled_lead_is_closed() -> None:
    handled = CaseAdvanced(item="T05-B1@2027-001#处理", on=date(2027, 5, 12))
    facts = facts_after((lead("2027-05-10"), "2027-05-10 10:00"), (handled, "2027-05-12 10:00"))
    assert states(a_ban(), facts, "2027-06-12")["T05-B1@2027-001#处理"] == "销号"


def test_a_lead_is_told_by_number_and_never_as_a_fact() -> None:
    (rule,) = a_rulebook(a_ban()).rules
    assert rule.kind.when(rule.form) == "每年4月1日至9月30日，季前提示一次；线索登记后10个工作日内处理"
    assert "违规" not in rule.kind.when(rule.form)
