"""预测: births against seats. Shortage soon and surplus later at once; what is missing is never green."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.deciding.findings import judge
from bot.core.facts.events import Observed
from bot.core.facts.facts import Facts
from bot.core.rules.item import State
from bot.core.rules.rulebook import Rulebook
from bot.rule_kinds.forecast import cohorts
from tests.kit.builders import a_rulebook, facts_after, moment

INDICATORS = "".join(
    f"""\
- 编号: {name}
  指标: {title}
  计量单位: 人
  方向: 越高越好
  责任单位: [县教育局]
  牵头: {{单位: 县教育局, 依据: 管理员}}
  数据来源: 县民政局
  报送: {{周期: 每年, 应报: 次年3月31日, 依据: 管理员}}
  监测: [报送]
"""
    for name, title in (("I1", "出生人口"), ("I2", "幼儿园学位"), ("I3", "小学学位"))
)


def a_forecast(stages: str = "{名称: 幼儿园, 入学年龄: 3, 学制: 3, 学位: I2}", more: str = "") -> Rulebook:
    lines = "".join(f"    {line}\n" for line in more.splitlines())
    item = f"  - 编号: T05-F1\n    类型: 预测\n    名称: 学龄人口与学位\n    依据: 管理员\n    出生人口: I1\n{lines}    学段:\n"
    return a_rulebook(item + "".join(f"      - {stage}\n" for stage in stages.splitlines()), indicators=INDICATORS)


def values(indicator: str, numbers: Mapping[int, int], final: bool = True) -> list[Observed]:
    return [
        Observed(indicator=indicator, period=str(year), value=Decimal(value), final=final)
        for year, value in numbers.items()
    ]


def known(births: Mapping[int, int], seats: Mapping[int, int], at: str = "2027-03-10 10:00") -> Facts:
    happened = [*values("I1", births), *values("I2", seats)]
    return facts_after(*((one, at) for one in happened))


def verdict(rulebook: Rulebook, facts: Facts, item: str = "T05-F1@幼儿园") -> tuple[str, str]:
    found = next(one for one in judge(rulebook, facts, date(2027, 6, 1)) if one.item.id == item)
    return found.state.value, found.detail


def test_births_enter_after_three_six_twelve_and_fifteen_years() -> None:
    stages = a_forecast(
        "{名称: 幼儿园, 入学年龄: 3, 学制: 3, 学位: I2}\n{名称: 小学, 入学年龄: 6, 学制: 6, 学位: I3}\n"
        "{名称: 初中, 入学年龄: 12, 学制: 3, 学位: I2}\n{名称: 高中, 入学年龄: 15, 学制: 3, 学位: I3}"
    ).rules[0].form.stages  # fmt: skip
    assert [list(cohorts(stage, 2030)) for stage in stages] == [
        [2025, 2026, 2027],
        [2019, 2020, 2021, 2022, 2023, 2024],
        [2016, 2017, 2018],
        [2013, 2014, 2015],
    ]


#: Made-up numbers of a county. Kindergarten: pupils of 2027 are those born 2022–2024.
EVEN = {2022: 1000, 2023: 1000, 2024: 1000, 2025: 1000, 2026: 1000}
FALLING = {2022: 1400, 2023: 1200, 2024: 1000, 2025: 800, 2026: 600}
RISING = {2022: 900, 2023: 1000, 2024: 1100, 2025: 1200, 2026: 1300}
HAND_COMPUTED: tuple[tuple[str, Mapping[int, int], Mapping[int, int], str, str, str], ...] = (
    ("exactly full", EVEN, {2026: 3000}, "", "达标", "2027—2029年在校生在学位的70%至100%之间"),
    ("one seat short", EVEN, {2026: 2999}, "", "预警", "2027年起缺学位，最多1个（2027年）；推算到2029年"),
    ("exactly on the lower bound", dict.fromkeys(EVEN, 700), {2026: 3000}, "", "达标",
     "2027—2029年在校生在学位的70%至100%之间"),
    ("one pupil below the lower bound", {**dict.fromkeys(EVEN, 700), 2026: 699}, {2026: 3000}, "", "预警",
     "2029年富余；推算到2029年"),
    # 3600, 3000, 2400 pupils for 3300 seats: 109 %, 91 %, 73 %
    ("short at first", FALLING, {2026: 3300}, "", "预警", "2027年缺学位，最多300个（2027年）；推算到2029年"),
    # for 3500 seats: 103 %, 86 %, 69 %
    ("short soon and spare later", FALLING, {2026: 3500}, "", "预警",
     "2027年缺学位，最多100个（2027年）；2029年富余；推算到2029年"),
    # 3000, 3300, 3600
    ("ever shorter", RISING, {2026: 3100}, "", "预警", "2028年起缺学位，最多500个（2029年）；推算到2029年"),
    ("seats planned for a later year count from then", RISING, {2026: 3100, 2028: 3600}, "", "达标",
     "2027—2029年在校生在学位的70%至100%之间"),
    ("seats of a later year do not count before", RISING, {2028: 3600}, "", "达标",
     "2028—2029年在校生在学位的70%至100%之间"),
    ("seats taken away", EVEN, {2026: 3000, 2029: 2500}, "", "预警", "2029年缺学位，最多500个（2029年）；推算到2029年"),
    ("a missing birth year", {2022: 1000, 2024: 1000, 2025: 1000, 2026: 1000}, {2026: 3000}, "", "达标",
     "2029年在校生在学位的70%至100%之间；缺2023年出生人口，有关年份未推算"),
    ("births known for too short a time", {2025: 1000, 2026: 1000}, {2026: 3000}, "", "待公布",
     "缺2022—2024年出生人口，暂不能推算"),
    ("no births", {}, {2026: 3000}, "", "待公布", "缺出生人口（I1）数据，暂不能推算"),
    ("no seats", EVEN, {}, "", "待公布", "缺学位数（I2）数据，暂不能推算"),
    ("nothing at all", {}, {}, "", "待公布", "缺出生人口（I1）、学位数（I2）数据，暂不能推算"),
    ("a short horizon", FALLING, {2026: 3500}, "年数: 2", "预警", "2027年缺学位，最多100个（2027年）"),
    # 90 % of the seats may be used: 3000 pupils need 3334 seats
    ("an upper bound below full", EVEN, {2026: 3300}, "上限: 90", "预警",
     "2027年起缺学位，最多34个（2027年）；推算到2029年"),
    ("a surplus that is allowed", FALLING, {2026: 3600}, "下限: 60", "达标",
     "2027—2029年在校生在学位的60%至100%之间"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("births", "seats", "more", "state", "detail"),
    [row[1:] for row in HAND_COMPUTED],
    ids=[row[0] for row in HAND_COMPUTED],
)
def test_a_stage_stands_as_computed_by_hand(
    births: Mapping[int, int], seats: Mapping[int, int], more: str, state: str, detail: str
) -> None:
    assert verdict(a_forecast(more=more), known(births, seats)) == (state, detail)


@pytest.mark.parametrize(
    ("stage", "state"),
    [
        ("入学率: 90", "达标"),  # 2700 of 3000
        ("净流入: 5", "预警"),  # 3150
        ("入学率: 90, 净流入: 10", "达标"),  # 2970
        ("净流入: -31", "预警"),  # 2070 of 3000: 69 %
        ("净流入: -30", "达标"),  # exactly 70 %
        ("入学率: 101", "预警"),
    ],
)
def test_share_and_inflow_change_the_demand(stage: str, state: str) -> None:
    rulebook = a_forecast(f"{{名称: 幼儿园, 入学年龄: 3, 学制: 3, 学位: I2, {stage}}}")
    assert verdict(rulebook, known(EVEN, {2026: 3000}))[0] == state


def test_primary_school_is_foreseen_six_years_ahead() -> None:
    rulebook = a_forecast("{名称: 小学, 入学年龄: 6, 学制: 6, 学位: I2}")
    births = dict.fromkeys(range(2016, 2021), 1200) | {year: 1500 - 100 * (year - 2020) for year in range(2021, 2027)}
    # pupils: 2027 (2016–2021) 7400, 2028 7500, 2029 7500, 2030 7400, 2031 7200, 2032 (2021–2026) 6900
    state, detail = verdict(rulebook, known(births, {2026: 7450}), "T05-F1@小学")
    assert (state, detail) == ("预警", "2028—2029年缺学位，最多50个（2028年）；推算到2032年")


def test_every_stage_is_an_item_of_its_own() -> None:
    rulebook = a_forecast(
        "{名称: 幼儿园, 入学年龄: 3, 学制: 3, 学位: I2}\n{名称: 小学, 入学年龄: 6, 学制: 6, 学位: I3}"
    )
    facts = known(EVEN, {2026: 3000})
    assert verdict(rulebook, facts, "T05-F1@幼儿园")[0] == "达标"
    assert verdict(rulebook, facts, "T05-F1@小学") == ("待公布", "缺学位数（I3）数据，暂不能推算")


def test_preliminary_values_are_judged_by_nothing() -> None:
    early = [*values("I1", EVEN), *values("I2", {2026: 3000}, final=False)]
    assert verdict(a_forecast(), facts_after(*((one, "2027-03-10 10:00") for one in early)))[0] == "待公布"


def test_the_ladder_counts_from_the_day_the_latest_number_became_known() -> None:
    facts = facts_after(
        *((one, "2027-03-10 10:00") for one in values("I1", EVEN)), (values("I2", {2026: 2000})[0], "2027-04-02 16:00")
    )
    finding = next(one for one in judge(a_forecast(), facts, date(2027, 6, 1)) if one.item.id == "T05-F1@幼儿园")
    assert finding.anchor is not None
    assert (str(finding.anchor.due_on), finding.anchor.happened) == ("2027-04-02", True)


def test_recovered_when_the_numbers_before_the_latest_warned() -> None:
    facts = known(EVEN, {2026: 2800})
    assert verdict(a_forecast(), facts)[0] == "预警"
    later = facts_after((values("I2", {2027: 3000})[0], "2027-05-10 10:00"), start=facts)
    assert verdict(a_forecast(), later) == ("恢复", "2027—2029年在校生在学位的70%至100%之间")
    calm = facts_after((values("I2", {2028: 3100})[0], "2027-05-20 10:00"), start=later)
    assert verdict(a_forecast(), calm)[0] == "达标"


def test_a_correction_reopens_the_verdict() -> None:
    facts = known(EVEN, {2026: 3000})
    corrected = facts_after((values("I1", {2024: 1001})[0], "2027-05-10 10:00"), start=facts)
    assert verdict(a_forecast(), corrected)[0] == "预警"
    assert corrected.observations["I1", "2024"].at == moment("2027-05-10 10:00")


# --- properties -----------------------------------------------------------------

BIRTHS = st.lists(st.integers(0, 3000), min_size=5, max_size=5).map(
    lambda one: dict(zip(range(2022, 2027), one, strict=True))
)
SEATS = st.integers(1, 9000)
GRADES = {"富余": -1, "": 0, "缺": 1}


def leaning(births: Mapping[int, int], seats: int, year: int) -> int:
    """-1 surplus, 0 in the band, 1 shortage in one year, read from the verdict of a horizon of one."""
    last = year - 1
    cut = {one: value for one, value in births.items() if one <= last}
    detail = verdict(a_forecast(more="年数: 1"), known(cut, {2026: seats}))[1]
    return GRADES["缺" if "缺学位" in detail else "富余" if "富余" in detail else ""]


@settings(max_examples=40)
@given(BIRTHS, SEATS, st.integers(1, 500))
def test_more_births_never_mean_fewer_seats_short_and_more_seats_never_more(
    births: dict[int, int], seats: int, more: int
) -> None:
    here = leaning(births, seats, 2027)
    assert leaning({year: value + more for year, value in births.items()}, seats, 2027) >= here
    assert leaning(births, seats + more, 2027) <= here


@settings(max_examples=40)
@given(BIRTHS, SEATS)
def test_the_verdict_of_one_year_is_its_arithmetic(births: dict[int, int], seats: int) -> None:
    pupils = births[2022] + births[2023] + births[2024]
    expected = 1 if pupils > seats else -1 if pupils * 100 < seats * 70 else 0
    assert leaning(births, seats, 2027) == expected


@settings(max_examples=40)
@given(BIRTHS, SEATS, st.sets(st.integers(2022, 2026), min_size=1), st.booleans())
def test_what_is_missing_is_never_green(births: dict[int, int], seats: int, gone: set[int], no_seats: bool) -> None:
    left = {year: value for year, value in births.items() if year not in gone}
    state, detail = verdict(a_forecast(), known(left, {} if no_seats else {2026: seats}))
    whole = [year for year in (2027, 2028, 2029) if not gone & set(range(year - 5, year - 2))]
    if no_seats or not left or not [year for year in whole if year > max(left)]:
        assert state == State.AWAITING_RESULT
        assert detail


def test_births_of_a_year_to_come_are_a_mistake_and_planned_seats_are_not() -> None:
    births = dict.fromkeys(range(2021, 2027), 100)
    facts = known(births, {2026: 250, 2030: 400})
    assert verdict(a_forecast(), known(births | {2035: 100}, {2026: 250, 2030: 400})) == verdict(a_forecast(), facts)
    assert "缺学位" in verdict(a_forecast(), known(births, {2026: 250}))[1]
