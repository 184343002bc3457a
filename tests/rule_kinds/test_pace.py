"""序时: progress against the calendar; every row is computed by hand."""

from __future__ import annotations

import pytest

from bot.core.rules.item import Judgement, State
from tests.rule_kinds.numbers import HIGHER, LOWER, a_book, an_indicator, judged, known

ON, BEHIND, FAR, AWAITING = State.ON_TRACK, State.BEHIND, State.FAR_BEHIND, State.AWAITING_RESULT
TARGETS = ("期限: 2027年, 值: 97, 措辞: 达到", "期限: 2035年, 值: 97.5, 措辞: 以上")


def verdict(
    period: str,
    value: str,
    *,
    options: str = "",
    baseline: str = "年份: 2025, 值: 92",
    targets: tuple[str, ...] = TARGETS,
    direction: str = HIGHER,
    cadence: str = "每年",
) -> Judgement:
    watched = f"[报送, 序时: {{{options}}}]"
    book = a_book(an_indicator(watched, baseline=baseline, targets=targets, direction=direction, cadence=cadence))
    return judged(book, "I4:序时", known({period: value}))


@pytest.mark.parametrize(
    ("period", "value", "state"),
    [
        # 92 → 97 in two years: 94.5 after one; a point is 0.05
        ("2026", "94.5", ON), ("2026", "96", ON), ("2026", "94", ON),  # exactly 10 points
        ("2026", "93.99", BEHIND), ("2026", "93", BEHIND),  # exactly 30 points
        ("2026", "92.99", FAR), ("2026", "80", FAR),
        ("2027", "97", ON), ("2027", "96.5", ON), ("2027", "96.49", BEHIND), ("2027", "95.5", BEHIND), ("2027", "95.49", FAR),
        # 97 → 97.5 in eight years: 97.25 after four; a point is 0.005
        ("2031", "97.25", ON), ("2031", "97.2", ON), ("2031", "97.19", BEHIND), ("2031", "97.1", BEHIND), ("2031", "97.09", FAR),
        ("2035", "97.45", ON), ("2035", "97.44", BEHIND),
        ("2025", "80", AWAITING), ("2024", "80", AWAITING), ("2036", "80", AWAITING),  # before the way, and after it
    ],
)  # fmt: skip
def test_straight_through_all_targets(period: str, value: str, state: State) -> None:
    assert verdict(period, value).state is state


@pytest.mark.parametrize(
    ("value", "state"), [("45", ON), ("46", ON), ("46.01", BEHIND), ("48", BEHIND), ("48.01", FAR), ("30", ON)]
)
def test_downwards_where_lower_is_better(value: str, state: State) -> None:
    """50 → 40 in two years: 45 after one; a point is 0.1."""
    targets = ("期限: 2027年, 值: 40, 措辞: 达到",)
    assert verdict("2026", value, baseline="年份: 2025, 值: 50", targets=targets, direction=LOWER).state is state


@pytest.mark.parametrize(("value", "state"), [("0.7", ON), ("0.69", BEHIND), ("0.1", BEHIND), ("0.09", FAR)])
def test_thirds_of_a_way_are_exact(value: str, state: State) -> None:
    """0 → 3 in three years: 1 after one, which is no number a float could hold as a share."""
    targets = ("期限: 2027年, 值: 3, 措辞: 达到",)
    assert verdict("2025", value, baseline="年份: 2024, 值: 0", targets=targets).state is state


@pytest.mark.parametrize(
    ("cadence", "period", "value", "state"),
    [
        ("每季度", "2026Q2", "92.75", ON), ("每季度", "2026Q2", "92.74", BEHIND),  # a quarter of the way: 93.25
        ("每半年", "2026H1", "92.75", ON), ("每半年", "2026H1", "92.74", BEHIND),
        ("每月底", "2026-06", "92.75", ON), ("每月底", "2026-06", "92.74", BEHIND),
        ("每季度", "2026", "1", AWAITING),  # another shape of label
    ],
)  # fmt: skip
def test_parts_of_a_year_are_counted_to_their_end(cadence: str, period: str, value: str, state: State) -> None:
    assert verdict(period, value, cadence=cadence).state is state


@pytest.mark.parametrize(
    ("nodes", "period", "value", "state"),
    [
        ("", "2026", "92", ON), ("", "2026", "91.45", ON), ("", "2026", "91.44", BEHIND),  # no step yet; the way is 5.5
        ("", "2027", "96.45", ON), ("", "2027", "96.44", BEHIND), ("", "2030", "97", ON), ("", "2030", "95.34", FAR),
        ("{期: 2026, 值: 93}, {期: 2028, 值: 97}", "2026", "92.5", ON), ("{期: 2026, 值: 93}, {期: 2028, 值: 97}", "2026", "92.49", BEHIND),
        ("{期: 2026, 值: 93}, {期: 2028, 值: 97}", "2027", "92.5", ON), ("{期: 2026, 值: 93}, {期: 2028, 值: 97}", "2028", "92.5", FAR),
    ],
)  # fmt: skip
def test_steps_ask_for_the_last_one_written(nodes: str, period: str, value: str, state: State) -> None:
    options = f"形状: 阶梯{f', 节点: [{nodes}]' if nodes else ''}"
    assert verdict(period, value, options=options).state is state


@pytest.mark.parametrize(
    ("period", "value", "state"),
    [
        ("2027", "95", ON), ("2027", "94.7", ON), ("2027", "94.69", BEHIND), ("2027", "94.1", BEHIND), ("2027", "94.09", FAR),
        ("2026", "1", AWAITING), ("2028", "1", AWAITING), ("2030", "94.7", ON), ("2030", "94.69", BEHIND),
    ],
)  # fmt: skip
def test_of_a_table_only_the_periods_listed_are_judged(period: str, value: str, state: State) -> None:
    """92 → 95 is the way: a point is 0.03."""
    options = "形状: 对照表, 节点: [{期: 2027, 值: 95}, {期: 2030, 值: 95}]"
    assert verdict(period, value, options=options).state is state


@pytest.mark.parametrize(
    ("value", "state"), [("94.25", ON), ("94.24", BEHIND), ("94", BEHIND), ("93.99", FAR)]
)  # 5 and 10 points
def test_bands_are_the_admins(value: str, state: State) -> None:
    assert verdict("2026", value, options="黄线: 5, 红线: 10").state is state


def test_nothing_is_said_without_a_baseline() -> None:
    book = a_book(an_indicator("[报送, 序时]", targets=TARGETS))
    assert judged(book, "I4:序时", known({"2026": "1"})) == Judgement(
        State.AWAITING_RESULT, detail="缺基期，填入后比较进度"
    )


def test_details_say_how_far() -> None:
    assert verdict("2026", "93.5").detail == "2026年93.5%，序时应为94.5%，差1个百分点（进度30%，应为50%）"
    assert verdict("2026", "94.5").detail == "2026年94.5%，序时应为94.5%，与序时持平"
    assert verdict("2026", "95").detail == "2026年95%，序时应为94.5%，超前0.5个百分点（进度60%，应为50%）"


def test_catching_up_is_recovered() -> None:
    book = a_book(an_indicator("[报送, 序时]", baseline="年份: 2025, 值: 92", targets=TARGETS))
    assert judged(book, "I4:序时", known({"2026": "93", "2027": "97"})).state is State.RECOVERED
    assert judged(book, "I4:序时", known({"2026": "94", "2027": "97"})).state is ON


ABOUT = ("期限: 2027年, 值: 36, 措辞: 左右",)


@pytest.mark.parametrize(
    ("watched", "period", "value", "state", "detail"),
    [
        ("[达标, 序时, 报送]", "2027", "35.3", ON, "2027年35.3%，已达到2027年的目标（36%左右）"),
        ("[达标, 序时, 报送]", "2026", "35", ON, "2026年35%，已达到2027年的目标（36%左右）"),
        ("[达标, 序时, 报送]", "2027", "34.5", AWAITING, "2027年由“达标”判断"),
        ("[序时, 报送]", "2027", "34.5", FAR, "2027年34.5%，序时应为36%，差1.5个百分点（进度21.05%，应为100%）"),
        ("[达标, 序时, 报送]", "2026", "33.9", FAR, "2026年33.9%，序时应为35.05%，差1.15个百分点（还没有进度，比起点差，应为50%）"),
        ("[达标, 序时, 报送]", "2026", "34.2", FAR, "2026年34.2%，序时应为35.05%，差0.85个百分点（进度5.26%，应为50%）"),
    ],
)  # fmt: skip
def test_one_figure_has_one_verdict(watched: str, period: str, value: str, state: State, detail: str) -> None:
    book = a_book(an_indicator(watched, baseline="年份: 2025, 值: 34.1", targets=ABOUT))
    found = judged(book, "I4:序时", known({period: value}))
    assert (found.state, found.detail) == (state, detail)


def test_a_difference_has_the_figures_own_unit_in_either_direction() -> None:
    targets = ("期限: 2027年, 值: 40, 措辞: 达到",)
    found = verdict("2026", "47", baseline="年份: 2025, 值: 50", targets=targets, direction=LOWER)
    assert found.detail == "2026年47%，序时应为45%，差2个百分点（进度30%，应为50%）"
