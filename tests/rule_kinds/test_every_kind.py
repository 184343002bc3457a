"""The contract of a rule kind: whatever file is dropped into bot/rule_kinds keeps these promises."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from textwrap import dedent, indent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.deciding.findings import judge_one
from bot.core.deciding.office import OfficeKind
from bot.core.facts.facts import Facts
from bot.core.rules.item import GRAVITY, Item, State
from bot.core.rules.kind import RuleKind
from bot.core.rules.rulebook import Rule, Rulebook
from bot.rule_kinds import kinds
from tests.kit.builders import INDICATOR, a_ban, a_case_rule, a_duty, a_milestone, a_rulebook, an_undated, the_county

KINDS = sorted(kinds())
STEPS = (
    "编号: T05-M1-01, 名称: 县级自评, 完成时限: 2027-03-31, 依据: 建议",
    "编号: T05-M1-02, 名称: 国家认定, 依据: 建议",
)


def samples() -> Rulebook:
    """At least one rule of every kind."""
    milestone = a_milestone(more="结果公布: 2028-03-31", steps=STEPS)
    undated = an_undated(more="建议时限: 2027-03-10")
    return a_rulebook(milestone, a_duty(), undated, a_case_rule(), a_ban(), indicators=INDICATOR)


def rules_of(name: str) -> list[Rule]:
    found = [rule for book in (samples(), the_county()) for rule in book.rules if rule.kind.name == name]
    assert found, f"no sample of {name}"
    return found


def items(rule: Rule, since: date, until: date) -> list[Item]:
    return list(rule.kind.items(rule, samples().calendar, since, until))


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_describes_itself(name: str) -> None:
    kind: RuleKind = kinds()[name]
    assert kind.name == name
    assert (kind.Params is None) is kind.watches_numbers
    assert kind.ladder in the_county().ladders
    assert kind.__doc__


@pytest.mark.parametrize("name", [name for name in KINDS if kinds()[name].Params])
def test_the_example_of_a_kind_is_a_valid_rule(name: str) -> None:
    example = indent(dedent(kinds()[name].example), "  ")
    named = dict.fromkeys(re.findall(r": (I\d+)\b", example))
    indicators = "".join(INDICATOR.replace("I4", one) for one in named)
    rules = a_rulebook(example, indicators=indicators).rules
    assert [rule.kind.name for rule in rules if rule.owner.startswith("T")] == [name]


@pytest.mark.parametrize("name", [name for name in KINDS if not kinds()[name].Params])
def test_the_example_of_an_indicators_kind_fits_into_an_indicator(name: str) -> None:
    keys = {
        line.split(":")[0].strip() for line in kinds()[name].example.splitlines() if not line.strip().startswith("-")
    }
    kept = [line for line in INDICATOR.splitlines() if line.strip().split(":")[0] not in keys]
    kept = [line for line in kept if not (line.startswith("    - ") and "目标" in keys)]
    indicator = "\n".join(kept) + "\n" + kinds()[name].example
    for key, text in (
        ("报送", "  报送: {周期: 每年, 应报: 次年3月31日, 依据: 管理员}\n"),
        ("目标", "  目标:\n    - {期限: 2027年, 值: 97, 措辞: 达到}\n"),
    ):
        indicator += text if f"  {key}:" not in indicator else ""
    other = INDICATOR.replace("编号: I4", "编号: I9")  # 比照 needs somebody to be compared with
    rules = a_rulebook(indicators=indicator + other).rules
    assert [rule.kind.name for rule in rules if rule.id == f"I4:{name}"] == [name]


@pytest.mark.parametrize("name", [name for name in KINDS if kinds()[name].Options])
def test_the_options_of_a_kind_have_chinese_keys_and_bind_a_confirmation(name: str) -> None:
    options = kinds()[name].Options
    assert options is not None
    assert all(info.alias and not info.alias.isascii() for info in options.model_fields.values())
    assert kinds()[name].watches_numbers


@pytest.mark.parametrize("name", KINDS)
def test_dates_bind_a_confirmation_and_when_is_read_by_people(name: str) -> None:
    for rule in rules_of(name):
        assert rule.kind.dates(rule.form)
        when = rule.kind.when(rule.form)
        assert when
        assert not any(raw in when for raw in ("None", "2027-", "=", rule.id))


@pytest.mark.parametrize("name", KINDS)
def test_when_never_names_a_title(name: str) -> None:
    for rule in rules_of(name):
        assert rule.title not in rule.kind.when(rule.form)
        assert "县级自评" not in rule.kind.when(rule.form)


@pytest.mark.parametrize("name", KINDS)
def test_items_have_unique_stable_ids_under_their_rule(name: str) -> None:
    for rule in rules_of(name):
        wide = items(rule, date(2026, 11, 23), date(2031, 12, 31))
        narrow = items(rule, date(2026, 11, 23), date(2028, 12, 31))
        ids = [item.id for item in wide]
        assert len(ids) == len(set(ids))
        assert all(item.rule is rule for item in wide)
        assert {item.id: item for item in narrow}.items() <= {item.id: item for item in wide}.items()


@pytest.mark.parametrize("name", KINDS)
def test_a_days_judgement_needs_no_more_than_the_day(name: str) -> None:
    for rule in rules_of(name):
        for item in items(rule, date(2026, 11, 23), date(2028, 12, 31)):
            assert rule.kind.judge(item, Facts(), date(2027, 6, 1)) == rule.kind.judge(item, Facts(), date(2027, 6, 1))
            assert item.late_from is None or (item.due_on is not None and item.late_from >= item.due_on)


def gravities(item: Item, days: Iterable[date]) -> list[int]:
    return [GRAVITY[judge_one(item, Facts(), day, samples().calendar).state] for day in days]


@pytest.mark.parametrize("name", KINDS)
def test_silence_from_people_never_makes_anything_green_or_better_once_it_is_late(name: str) -> None:
    for rule in rules_of(name):
        for item in items(rule, date(2026, 11, 23), date(2027, 12, 31)):
            day = item.late_from or date(2027, 12, 31)
            late = [day + timedelta(days=n) for n in (1, 2, 30, 400)]
            found = gravities(item, late)
            assert found == sorted(found)
            assert not {judge_one(item, Facts(), on, samples().calendar).state for on in late} & {
                State.MET,
                State.CLOSED,
            }


@given(st.sampled_from(KINDS), st.dates(date(2027, 1, 1), date(2027, 12, 31)))
def test_states_only_get_graver_before_a_person_acts(name: str, day: date) -> None:
    """The one step back is 待公布: the date has passed, the result is not out yet."""
    rule = rules_of(name)[0]
    for item in items(rule, date(2026, 11, 23), date(2027, 12, 31)):
        before, after = gravities(item, (day, day + timedelta(days=1)))
        waits = item.late_from is not None and item.late_from != item.due_on
        assert after >= before or (waits and day == item.due_on)


@pytest.mark.parametrize("name", KINDS)
def test_once_all_dates_have_passed_only_events_change_a_verdict(name: str) -> None:
    for rule in rules_of(name):
        for item in items(rule, date(2026, 11, 23), date(2029, 12, 31)):
            last = max((day for day in (item.due_on, item.late_from) if day), default=date(2029, 12, 31))
            first, *later = (rule.kind.judge(item, Facts(), last + timedelta(days=days)) for days in (1, 2, 40, 3000))
            assert later == [first] * 3


def test_every_fact_about_a_kind_that_others_ask_for_is_true_of_some_kind() -> None:
    def named(asked: Callable[[RuleKind], object]) -> set[str]:
        return {name for name, kind in kinds().items() if asked(kind)}

    assert named(lambda kind: kind.undated) == {"待定"}
    assert named(lambda kind: kind.plain) == {"节点", "周期", "报送"}
    assert named(lambda kind: kind.asks_for_values) == {"报送"}
    assert named(lambda kind: kind.counts_from_value) == {"达标", "预测"}
    assert named(lambda kind: kind.rest_cooperate) == {"节点"}
    assert named(lambda kind: kind.date_cell) == {"节点", "周期"}
    assert {name: kind.letter for name, kind in kinds().items() if kind.letter} == {
        "节点": "M",
        "周期": "R",
        "待定": "D",
    }


def test_kinds_are_found_by_their_files() -> None:
    assert set(KINDS) >= {"节点", "周期", "报送", "达标", "待定"}
    assert set(KINDS) >= {"序时", "保持", "只增不减", "趋势", "比照", "推算"}


def test_the_offices_own_kind_keeps_out_of_rule_files() -> None:
    kind = OfficeKind()
    assert kind.name not in kinds()
    assert (kind.dates(None), kind.when(None), kind.proposes(None), kind.Params) == ("", "", False, None)
    assert kind.judge().state is State.NOTED
