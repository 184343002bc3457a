"""What every kind that watches numbers promises, whatever the numbers."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.facts.facts import Facts
from bot.core.rules.item import GRAVITY, Judgement, State
from tests.rule_kinds.numbers import GOOD, HIGHER, LOWER, WRONG, a_book, an_indicator, judged, known, years

#: Kind → its item, and an indicator watched by it. Values lie between 0 and 100, and 100 − x mirrors everything.
Builder = Callable[[str], str]


def _targets(direction: str) -> tuple[str, ...]:
    return (f"期限: 2032年, 值: {60 if direction == HIGHER else 40}, 措辞: 达到",)


KINDS: dict[str, tuple[str, Builder]] = {
    "趋势": ("I4:趋势", lambda way: an_indicator("[报送, 趋势: {最小变化: 0.5}]", direction=way)),
    "保持": ("I4:保持", lambda way: an_indicator("[报送, 保持: {值: 50, 容差: 0.05}]", direction=way)),
    "序时": (
        "I4:序时",
        lambda way: an_indicator(
            "[报送, 序时]", direction=way, targets=_targets(way), baseline=f"年份: 2020, 值: {40 if way == HIGHER else 60}"
        ),
    ),
    "推算": ("I4:推算@2032", lambda way: an_indicator("[报送, 推算]", direction=way, targets=_targets(way))),
    "只增不减": ("I4:只增不减", lambda way: an_indicator("[报送, 只增不减]", direction=way)),
    "比照": (
        "I4:比照",
        lambda _: an_indicator("[报送, 比照: {不低于: I9}]") + an_indicator("[报送]", id="I9"),  # refused 越低越好
    ),
}  # fmt: skip
DIRECTED = [name for name in KINDS if name != "比照"]
BOOKS = {(name, way): a_book(build(way)) for name, (_, build) in KINDS.items() for way in (HIGHER, LOWER)}
#: The other side of 比照, final for every year.
OTHERS = years(2020, *["50"] * 12)

kinds = st.sampled_from(sorted(KINDS))
numbers = st.decimals(min_value=0, max_value=100, places=2)
series = st.lists(numbers, min_size=3, max_size=6)


def verdict(name: str, facts: Facts, direction: str = HIGHER) -> Judgement:
    return judged(BOOKS[name, direction], KINDS[name][0], facts)


def seen(*values: Decimal) -> Facts:
    return known(years(2023, *values), start=known(OTHERS, indicator="I9"))


def wrong(found: Judgement) -> int:
    """0 while nothing is wrong."""
    return GRAVITY[found.state] if found.state in WRONG else 0


@given(kinds, series, numbers)
def test_better_latest_value_is_never_judged_worse(name: str, values: list[Decimal], other: Decimal) -> None:
    low, high = sorted((values[-1], other))
    assert wrong(verdict(name, seen(*values[:-1], high))) <= wrong(verdict(name, seen(*values[:-1], low)))


@given(st.sampled_from(DIRECTED), series, numbers)
def test_lower_latest_value_is_never_judged_worse_where_lower_is_better(
    name: str, values: list[Decimal], other: Decimal
) -> None:
    low, high = sorted((values[-1], other))
    worse, better = verdict(name, seen(*values[:-1], high), LOWER), verdict(name, seen(*values[:-1], low), LOWER)
    assert wrong(better) <= wrong(worse)


@given(st.sampled_from(DIRECTED), series)
def test_mirrored_values_and_direction_mirror_the_verdict(name: str, values: list[Decimal]) -> None:
    mirrored = [100 - value for value in values]
    assert verdict(name, seen(*values), HIGHER).state is verdict(name, seen(*mirrored), LOWER).state


@pytest.mark.parametrize("name", KINDS)
def test_missing_is_never_green(name: str) -> None:
    found = verdict(name, Facts())
    assert found.state is State.AWAITING_RESULT
    assert found.anchor is None


@given(kinds, st.dictionaries(st.integers(2018, 2031), numbers, max_size=8))
def test_a_verdict_has_the_day_it_counts_from_and_nothing_else_has(name: str, values: dict[int, Decimal]) -> None:
    found = verdict(name, known({str(year): value for year, value in values.items()}))
    if name == "比照":
        assert found.state is State.AWAITING_RESULT  # the other side is missing
    assert (found.anchor is not None) == (found.state in GOOD | WRONG)


@given(kinds, series, st.data())
def test_preliminary_is_as_good_as_missing(name: str, values: list[Decimal], data: st.DataObject) -> None:
    labels = sorted(years(2023, *values))
    vague = data.draw(st.sets(st.sampled_from(labels)))
    final = {label: value for label, value in years(2023, *values).items() if label not in vague}
    rest = {label: value for label, value in years(2023, *values).items() if label in vague}
    start = known(OTHERS, indicator="I9")
    without = known(final, start=start)
    assert verdict(name, known(rest, final=False, start=without)) == verdict(name, without)


@given(kinds, series, st.randoms())
def test_order_of_arrival_is_nothing_to_the_verdict(name: str, values: list[Decimal], chance: object) -> None:
    entries = list(years(2023, *values).items())
    chance.shuffle(entries)  # type: ignore[attr-defined]
    start = known(OTHERS, indicator="I9")
    one, other = verdict(name, seen(*values)), verdict(name, known(dict(entries), start=start))
    assert (one.state, one.detail) == (other.state, other.detail)


@given(kinds, series, st.lists(numbers, min_size=6, max_size=6))
def test_corrected_values_count_as_if_they_had_been_reported_so(
    name: str, values: list[Decimal], mistaken: list[Decimal]
) -> None:
    first = known(years(2023, *mistaken[: len(values)]), start=known(OTHERS, indicator="I9"))
    corrected = known(years(2023, *values), start=first)
    one, other = verdict(name, seen(*values)), verdict(name, corrected)
    assert (one.state, one.detail) == (other.state, other.detail)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("趋势", ["50", "49.75", "49.5"]), ("保持", ["50", "50", "49.95"]), ("只增不减", ["50", "50", "50"]),
        ("比照", ["50", "50", "50"]), ("序时", ["40", "40", "40", "48"]),  # 50 in 2026, less 10 points of 20
        ("推算", ["51", "52", "53"]),  # 60 in 2032
    ],
)  # fmt: skip
def test_exactly_on_the_bound_is_not_wrong_and_a_hundredth_beyond_is(name: str, values: list[str]) -> None:
    exact = [Decimal(value) for value in values]
    beyond = [*exact[:-1], exact[-1] - Decimal("0.01")]
    assert wrong(verdict(name, seen(*exact))) == 0
    assert wrong(verdict(name, seen(*beyond))) > 0
