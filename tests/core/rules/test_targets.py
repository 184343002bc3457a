"""目标: ranges, changes from the baseline, and which side of a bound a wording means."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bot.core.rules.aims import bounds, met, wish
from bot.core.rules.rulebook import Aim, BaselineForm, Direction, TargetForm
from bot.core.rules.targets import RELATIVE_AIMS, Change, Growth
from bot.core.time.grammar import WordError

HIGHER, LOWER = Direction.HIGHER, Direction.LOWER
BASE = BaselineForm(年份=2020, 值=Decimal(50))  # type: ignore[call-arg]


def a_target(**keys: Any) -> TargetForm:
    return TargetForm.model_validate({"期限": "2025年", "措辞": "达到", **keys})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("下降18%", "41"), ("增长25%", "62.5"), ("提高3个百分点", "53"), ("降低0.5个百分点", "49.5"), ("翻一番", "100"),
        ("翻两番", "200"), ("压减10%", "45"),
    ],
)  # fmt: skip
def test_a_change_is_counted_from_the_baseline(text: str, value: str) -> None:
    assert Change.parse(text).applied(BASE.value) == Decimal(value)
    assert Change.parse(Change.parse(text).words()) == Change.parse(text)


@pytest.mark.parametrize("text", ["下降", "18%", "大幅下降", "下降18", "减少-3%"])
def test_any_other_change_is_refused(text: str) -> None:
    with pytest.raises(WordError, match="比基期看不懂"):
        Change.parse(text)


def test_growth_is_compounded_through_the_years() -> None:
    target = a_target(年均增长="6%").told_by(BASE)
    assert target.value == Decimal(50) * Decimal("1.06") ** 5
    assert Growth.parse("-3%").applied(Decimal(100), 2) == Decimal("94.09")
    assert Growth.parse(" ５．５％ ").words() == "5.5%"


def test_without_a_baseline_there_is_no_number_to_meet() -> None:
    target = a_target(比基期="下降18%").told_by(None)
    with pytest.raises(LookupError):
        bounds(target, LOWER)
    assert wish(target, "吨", HIGHER) == "比基期下降18%（待填基期）"


@given(st.sampled_from(RELATIVE_AIMS), st.sampled_from(Direction))
def test_a_change_is_met_on_the_side_to_which_it_moves_whatever_the_direction(aim: Aim, direction: Direction) -> None:
    down = a_target(比基期="下降20%", 措辞=aim.value, 容差="0").told_by(BASE)
    up = a_target(比基期="增长20%", 措辞=aim.value, 容差="0").told_by(BASE)
    assert [met(Decimal(value), down, direction) for value in (39, 40, 41)] == [True, True, False]
    assert [met(Decimal(value), up, direction) for value in (59, 60, 61)] == [False, True, True]


@pytest.mark.parametrize(
    ("aim", "direction", "good"),
    [
        ("达到", HIGHER, [False, True, True, True]), ("达到", LOWER, [True, True, True, False]),
        ("力争", HIGHER, [False, True, True, True]), ("保持", HIGHER, [False, True, True, False]),
        ("以内", LOWER, [False, True, True, False]), ("以上", HIGHER, [False, True, True, True]),
    ],
)  # fmt: skip
def test_a_range_binds_the_first_end_or_both(aim: str, direction: Direction, good: list[bool]) -> None:
    target = a_target(值="60", 上限="65", 措辞=aim)
    assert [met(Decimal(value), target, direction) for value in ("59.9", "60", "65", "65.1")] == good


@pytest.mark.parametrize(
    ("aim", "words"),
    [
        ("力争", "力争达到60%—65%"), ("以内", "控制在60%—65%以内"), ("稳定", "稳定在60%—65%左右"), ("降到", "降到60%—65%"),
        ("不低于", "不低于60%—65%"), ("以下", "60%—65%以下"),
    ],
)  # fmt: skip
def test_a_range_reads_as_the_plan_words_it(aim: str, words: str) -> None:
    assert wish(a_target(值="60", 上限="65", 措辞=aim), "%", HIGHER) == words


@pytest.mark.parametrize(
    ("aim", "words"),
    [
        ("达到", "比基期下降18%"),
        ("以上", "比基期下降18%以上"),
        ("左右", "比基期下降18%左右"),
        ("力争", "力争比基期下降18%"),
    ],
)
def test_a_change_reads_as_the_plan_words_it(aim: str, words: str) -> None:
    assert wish(a_target(比基期="下降18%", 措辞=aim).told_by(BASE), "吨", HIGHER) == f"{words}（即41吨）"


@pytest.mark.parametrize(
    ("aim", "words"),
    [
        ("达到", "达到5%以内"),
        ("力争", "力争达到5%以内"),
        ("保持", "保持在5%以内"),
        ("左右", "5%左右"),
        ("降到", "降到5%"),
    ],
)
def test_of_lower_is_better_no_wording_is_met_by_a_worse_value(aim: str, words: str) -> None:
    assert wish(a_target(值="5", 措辞=aim), "%", LOWER) == words


def test_a_falling_rate_is_not_called_growth() -> None:
    target = a_target(年均增长="-3%", 措辞="达到")
    assert wish(target, "吨", LOWER) == "年均下降3%（待填基期）"


@given(st.sampled_from(Aim), st.sampled_from(Direction), st.decimals(1, 1000, places=1))
def test_the_bounds_are_the_edge_of_what_is_good(aim: Aim, direction: Direction, value: Decimal) -> None:
    target = a_target(值=value, 措辞=aim.value)
    found = bounds(target, direction)
    for edge in (found.low, found.high):
        assert edge is None or met(edge, target, direction) is (aim not in (Aim.EXCEED, Aim.BELOW))


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ({}, "缺少“值”"),
        ({"值": "3", "比基期": "下降18%"}, "只能写一项"),
        ({"比基期": "下降18%", "年均增长": "6%"}, "只能写一项"),
        ({"比基期": "下降18%", "措辞": "以内"}, "不能用措辞“以内”"),
        ({"值": "60", "上限": "60"}, "应大于“值”"),
        ({"比基期": "下降18%", "上限": "60"}, "应大于“值”"),
        ({"值": "60", "累计自": "2026年"}, "晚于“期限”"),
    ],
)
def test_a_target_is_said_in_one_way(keys: dict[str, str], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        a_target(**keys)


@pytest.mark.parametrize(
    ("due", "label"),
    [
        ("2027年", "2027"), ("2027年12月", "2027"), ("2027-12-31", "2027"), ("2027年下半年", "2027"),
        ("2027年上半年", "2027H1"), ("2027年第三季度", "2027Q3"), ("2027年5月", "2027-05"), ("2027-05-20", "2027-05"),
    ],
)  # fmt: skip
def test_a_target_is_numbered_by_its_period(due: str, label: str) -> None:
    assert a_target(期限=due, 值="1").label == label
