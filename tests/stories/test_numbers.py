"""Numbers through their years: a new or corrected value is told once, what stays wrong seldom, what is secret never."""

from __future__ import annotations

from decimal import Decimal

from bot.core.facts.events import Closed, Observed
from tests.kit.builders import a_duty, a_rulebook
from tests.rule_kinds.numbers import LOWER, an_indicator, known, years
from tests.stories.test_office import confirmation
from tests.stories.timeline import Passed, Timeline

MYOPIA = an_indicator("[报送, 趋势: {最小变化: 0.5}]", direction=LOWER)
TREND = "I4:趋势"
LEAD, ADMIN = "县教育局", "管理员"


def a_story(start: str, *indicators: str, **before: Decimal) -> Timeline:
    """Values before the story begins were known long ago."""
    story = Timeline(a_rulebook(indicators="".join(indicators), starts="2026-11-23"), start=start)
    story.facts = known({period.removeprefix("_"): value for period, value in before.items()})
    return story


def value(number: str, period: str, *, indicator: str = "I4", final: bool = True) -> Observed:
    return Observed(indicator=indicator, period=period, value=Decimal(number), final=final)


def past(*values: str) -> dict[str, Decimal]:
    """Values of the years before 2028."""
    return {f"_{year}": number for year, number in years(2028 - len(values), *values).items()}


def of(item: str, story: Timeline, until: str) -> list[str]:
    """What was told of an item up to a moment."""
    return told_in(story.at(until), item)


def told_in(passed: Passed, item: str) -> list[str]:
    """The lines about an item, by chat."""
    return sorted(line for one in passed.sent for line in one.lines() if f" {item} " in line)


def both(item: str) -> list[str]:
    """A verdict told to lead and admin, as `told_in` has it."""
    return [f"{LEAD} 汇总 {item} 当天 FIRST", f"{ADMIN} 汇总 {item} 当天 FIRST"]


def test_adverse_trend_is_told_with_its_value_then_once_a_quarter_until_the_next() -> None:
    story = a_story("2028-06-01", MYOPIA, **past("46.8", "47.5"))
    story.happens(value("48.1", "2028"))  # 2026 and 2027 are known
    first = story.at("2028-06-02 18:00")
    assert told_in(first, TREND) == both(TREND)
    assert "2028年48.1%，三期变化+1.3，要求数值不上升" in first.text
    assert of(TREND, story, "2028-09-30 18:00") == []
    assert story.reasons(TREND)[LEAD] == "UNCHANGED"
    second = story.at("2028-10-13 18:00")
    assert told_in(second, TREND) == [f"{LEAD} 汇总 {TREND} 逾期每季度 NEXT_RUNG"]
    assert "数据未更新" in second.text
    assert of(TREND, story, "2029-05-31 18:00") == [f"{LEAD} 汇总 {TREND} 逾期每季度 REPEAT"] * 2


def test_recovered_trend_is_told_once_and_never_again() -> None:
    story = a_story("2029-06-01", MYOPIA, _2026=Decimal("46.8"), _2027=Decimal("47.5"), _2028=Decimal("48.1"))
    story.at("2029-06-01 18:00")
    assert story.state(TREND) == "未达标"
    story.happens(value("46.5", "2029"))
    assert story.state(TREND) == "恢复"
    passed = story.at("2029-06-05 18:00")
    assert told_in(passed, TREND) == both(TREND)
    assert "恢复" in passed.text
    assert of(TREND, story, "2030-05-31 18:00") == []


def test_flat_and_favourable_trends_are_nobodys_news() -> None:
    story = a_story("2028-06-01", MYOPIA, **past("48", "48"))
    story.happens(value("48.5", "2028"))
    assert story.state(TREND) == "正常推进"
    assert of(TREND, story, "2029-05-31 18:00") == []


def test_correction_to_the_worse_is_told_and_one_to_the_better_takes_it_back() -> None:
    story = a_story("2028-06-01", MYOPIA, **past("48", "48"))
    story.happens(value("48.4", "2028"))
    assert of(TREND, story, "2028-06-05 18:00") == []
    story.happens(value("48.9", "2028"))
    assert of(TREND, story, "2028-06-08 18:00") == both(TREND)
    story.happens(value("48.2", "2028"))
    assert story.state(TREND) == "正常推进"
    passed = story.at("2028-06-12 18:00")
    assert told_in(passed, TREND) == [f"{LEAD} 汇总 {TREND} 恢复 RECOVERED"]
    assert "时限" not in next(line for line in passed.text.splitlines() if TREND in line)
    assert of(TREND, story, "2029-05-31 18:00") == []


def test_correction_of_an_earlier_year_reopens_the_verdict() -> None:
    story = a_story("2028-06-01", MYOPIA, **past("48", "48"))
    story.happens(value("48.4", "2028"))
    story.at("2028-06-05 18:00")
    story.happens(value("47.5", "2026"))
    assert story.state(TREND) == "未达标"
    assert of(TREND, story, "2028-06-08 18:00") == both(TREND)


def test_values_corrected_twice_on_one_day_end_with_the_right_word() -> None:
    story = a_story("2028-06-01 08:00", MYOPIA, **past("48", "48"))
    story.happens(value("51", "2028"))
    assert len(of(TREND, story, "2028-06-01 10:00")) == 2
    story.happens(value("48.1", "2028"))
    assert story.reasons(TREND)[LEAD] == "IN_COMPANY"  # with the next digest
    assert of(TREND, story, "2028-06-02 08:00") == []
    story.happens(value("51.5", "2028"))
    assert sorted(of(TREND, story, "2028-06-06 18:00")) == sorted(both(TREND))  # by the second sending day


def test_a_miss_corrected_to_another_miss_is_told_again_once_on_whatever_day() -> None:
    story = a_story("2028-06-05 08:00", an_indicator("[报送, 保持: {值: 95}]"))
    story.happens(value("90", "2027"))
    assert len(of("I4:保持", story, "2028-06-05 12:00")) == 2
    story.happens(value("91", "2027"))
    passed = story.at("2028-06-08 18:00")
    assert [line.split()[0] for line in told_in(passed, "I4:保持")] == [LEAD, ADMIN]
    assert "2027年91%" in passed.text
    story.happens(Closed(item="I4:保持", by="秘书组"))
    story.at("2028-06-09 18:00")
    story.happens(value("92", "2027"))
    assert "2027年92%" in story.at("2028-06-13 18:00").text


def test_recovery_is_told_to_nobody_who_did_not_hear_of_the_trouble() -> None:
    story = a_story("2029-06-01", MYOPIA, **past("46.8", "47.5"), _2028=Decimal("48.1"), _2029=Decimal("46.5"))
    assert story.state(TREND) == "恢复"
    assert story.reasons(TREND)[LEAD] == "NOT_HEARD"
    assert of(TREND, story, "2029-12-31 18:00") == []


def test_what_rests_on_values_that_are_being_typed_in_waits_until_they_are_whole() -> None:
    targets = ("期限: 2027年, 值: 95, 措辞: 达到",)
    story = a_story("2028-06-05 10:00", an_indicator("[报送, 达标]", targets=targets))
    story.happens(value("90", "2027"))
    assert story.reasons("I4@2027")[LEAD] == "BEING_TYPED"
    assert of("I4@2027", story, "2028-06-05 10:20") == []
    story.happens(value("91", "2027"))
    assert of("I4@2027", story, "2028-06-05 10:45") == []
    passed = story.at("2028-06-05 11:00")
    assert told_in(passed, "I4@2027") == both("I4@2027")[1:]  # the lead was asked for the report at ten
    assert told_in(story.at("2028-06-06 18:00"), "I4@2027") == both("I4@2027")[:1]
    assert "完成值91%" in passed.text


def test_what_is_being_typed_in_is_told_in_the_next_slot_at_the_latest() -> None:
    targets = ("期限: 2027年, 值: 95, 措辞: 达到",)
    story = a_story("2028-06-05 17:20", an_indicator("[报送, 达标]", targets=targets))
    for hour in ("2028-06-05 17:25", "2028-06-06 08:20", "2028-06-06 08:30"):
        story.happens(value("90" if hour[-2:] == "25" else "91", "2027"))
        assert of("I4@2027", story, hour) == []
    passed = story.at("2028-06-06 09:30")
    assert told_in(passed, "I4@2027") == both("I4@2027")


def test_a_breach_of_what_must_hold_is_told_at_once() -> None:
    story = a_story("2028-06-05 10:00", an_indicator("[报送, 保持: {值: 95}]"))
    story.happens(value("90", "2027"))
    assert of("I4:保持", story, "2028-06-05 10:05") == both("I4:保持")


def test_preliminary_value_is_judged_by_nobody_and_leaves_the_report_open() -> None:
    story = a_story("2028-06-01", MYOPIA, **past("46.8", "47.5"))
    story.happens(value("48.1", "2028", final=False))
    assert story.state(TREND) == "待公布"
    assert of(TREND, story, "2028-12-31 18:00") == []
    story.happens(value("48.1", "2028"))
    assert story.state(TREND) == "未达标"


def test_final_value_made_preliminary_again_takes_back_what_it_said() -> None:
    story = a_story("2028-06-01", MYOPIA, **past("46.8", "47.5", "48.1"))
    story.at("2028-06-02 18:00")
    assert story.state(TREND) == "未达标"
    story.happens(value("48.1", "2027", final=False))
    assert story.state(TREND) == "待公布"
    passed = story.at("2028-06-06 18:00")
    assert told_in(passed, TREND) == [f"{LEAD} 汇总 {TREND} 撤回未达标 VOIDED"]
    assert "此前的“未达标”不再作数" in passed.text
    assert of(TREND, story, "2029-01-31 18:00") == []


def test_broken_hold_is_told_once_a_quarter_to_the_leading_group_too_until_it_holds_again() -> None:
    story = a_story("2028-06-05", an_indicator("[报送, 保持: {值: 2}]"))
    story.happens(value("1.8", "2027"))
    assert of("I4:保持", story, "2028-07-31 18:00") == sorted(
        [
            *both("I4:保持"),
            "领导小组 月度清单 I4:保持 当天·月度清单 ESCALATED",
        ]
    )
    assert story.reasons("I4:保持")["领导小组"] == "UNCHANGED"
    assert of("I4:保持", story, "2028-12-31 18:00") == sorted(
        [
            f"{LEAD} 汇总 I4:保持 逾期每季度 NEXT_RUNG",
            "领导小组 月度清单 I4:保持 当天·月度清单 REPEAT",
        ]
    )
    story.happens(value("2", "2028"))
    assert of("I4:保持", story, "2029-06-30 18:00") == sorted(
        [*both("I4:保持"), "领导小组 汇总 I4:保持 恢复 RECOVERED"]
    )


def test_closed_verdict_stays_closed_until_a_newer_value_says_otherwise() -> None:
    story = a_story("2028-06-05", an_indicator("[报送, 保持: {值: 2}]"))
    story.happens(value("1.8", "2027"))
    story.at("2028-06-06 18:00")
    story.happens(Closed(item="I4:保持", by="秘书组"))
    assert of("I4:保持", story, "2029-05-31 18:00") == [f"{LEAD} 汇总 I4:保持 恢复 RECOVERED"]
    story.happens(value("1.7", "2028"))
    assert story.state("I4:保持") == "未达标"
    assert of("I4:保持", story, "2029-05-31 23:00") == []
    assert set(both("I4:保持")) < set(of("I4:保持", story, "2029-06-04 18:00"))


def test_projection_warns_and_ends_with_the_targets_own_value() -> None:
    targets = ("期限: 2029年, 值: 97, 措辞: 达到",)
    story = a_story("2028-06-01", an_indicator("[报送, 推算]", targets=targets), **past("90", "91"))
    story.happens(value("92", "2028"))
    item = "I4:推算@2029"
    passed = story.at("2028-06-02 18:00")
    assert "按近3期推算，2029年为93%，目标达到97%" in passed.text
    assert of(item, story, "2029-12-31 18:00") == []
    story.happens(value("97", "2029"))
    assert story.state(item) == "销号"
    assert of(item, story, "2030-06-30 18:00") == [f"{LEAD} 汇总 {item} 恢复 RECOVERED"]


def test_pay_below_its_standard_is_told_by_number_alone() -> None:
    """敏感: neither title nor amount nor difference in any text; 比照 says no amount even to the admin."""
    ours = an_indicator("[比照: {不低于: I9}, 报送]", more="敏感: 是")
    theirs = an_indicator("[报送]", id="I9", more="敏感: 是")
    story = a_story("2028-04-03", ours, theirs)
    story.happens(value("81234", "2027"))
    story.happens(value("98765", "2027", indicator="I9"))
    passed = story.at("2028-07-31 18:00")
    assert any("I4:比照" in line for line in passed.text.splitlines())
    assert story.state("I4:比照") == "未达标"
    for secret in ("某项比例", "81234", "98765", "17531", "比照标准"):
        assert secret not in passed.text
    findings = [decision.finding for decision in story.decisions("I4:比照")]
    assert {finding.detail for finding in findings} == {"2027年未达到比照标准"}


TASK_INDICATOR = """\
监测指标:
  - 编号: T05-I1
    指标: 生师比
    依据: 建议
    出处: 优化师生配比
    要素: [T05-E01]
    计量单位: ""
    方向: 越低越好
    数据来源: 县民政局
    报送: {周期: 每年, 应报: 次年3月31日, 依据: 建议}
    监测: [趋势, 报送]
"""


def test_indicator_of_a_task_speaks_for_the_task_once_it_is_confirmed() -> None:
    rulebook = a_rulebook(a_duty(), TASK_INDICATOR)
    story = Timeline(rulebook, start="2028-03-03 12:00")
    story.facts = known(years(2025, "14", "15", "16"), indicator="T05-I1")
    item = "T05-I1:趋势"
    assert set(story.reasons(item).values()) == {"UNCONFIRMED"}
    assert of(item, story, "2028-03-06 18:00") == []
    story.happens(confirmation(rulebook))
    passed = story.at("2028-03-08 18:00")
    assert told_in(passed, item) == both(item)
    assert "生师比（T05-I1:趋势）" in passed.text
    rule = rulebook.by_id[item]
    assert (rule.owner, rule.citation, rule.units) == ("T05", "第（五）项", ("县教育局", "县财政局"))


def test_duties_of_a_task_name_what_is_measured_and_who_reports_it() -> None:
    rulebook = a_rulebook(a_duty(), TASK_INDICATOR.replace("县民政局", "县财政局"))
    passed = Timeline(rulebook, start="2026-11-23").as_confirmed().at("2026-11-24 18:00")
    lead, helper = (next(one.text for one in passed.sent if one.draft.chat == chat) for chat in (LEAD, "县财政局"))
    assert "指标（数据由其他单位报送）：\n· 生师比\n" in lead
    assert "指标数据\u3000每年报送，次年3月31日前（宽限10个工作日）：\n· 生师比\n" in helper


def test_an_indicator_with_several_watches_is_handed_over_by_its_name_once() -> None:
    targets = ("期限: 2027年, 值: 97, 措辞: 达到",)
    indicator = an_indicator("[达标, 序时, 推算, 报送]", targets=targets, baseline="年份: 2025, 值: 92")
    passed = Timeline(a_rulebook(indicators=indicator), start="2026-11-23").at("2026-11-24 18:00")
    assert [one.text.count("某项比例") for one in passed.sent if one.draft.chat == LEAD] == [1]


def test_slow_pace_that_was_a_slip_of_the_pen_is_taken_back() -> None:
    targets = ("期限: 2029年, 值: 97, 措辞: 达到",)
    story = a_story("2028-06-01", an_indicator("[报送, 序时]", targets=targets, baseline="年份: 2025, 值: 93"))
    story.happens(value("95.5", "2028"))  # 96 is due, a point is 0.04: 12.5 points
    assert of("I4:序时", story, "2028-06-05 18:00") == both("I4:序时")
    assert story.state("I4:序时") == "滞后"
    story.happens(value("96", "2028"))
    assert of("I4:序时", story, "2028-06-08 18:00") == [f"{LEAD} 汇总 I4:序时 恢复 RECOVERED"]
    assert of("I4:序时", story, "2029-05-31 18:00") == []


def test_a_value_kept_for_2035_by_mistake_hides_nothing_of_today() -> None:
    """An older version took it in. Every watch of today's values speaks as if it were not there."""
    targets = ("期限: 2027年, 值: 95, 措辞: 达到", "期限: 2035年, 值: 99, 措辞: 达到")
    watched = "[报送, 达标, 保持: {值: 95}, 只增不减, 趋势, 序时, 推算, 比照: {不低于: I9}]"
    indicator = an_indicator(watched, targets=targets, baseline="年份: 2020, 值: 80")
    story = a_story("2027-06-01", indicator, an_indicator("[报送]", id="I9"), _2024=Decimal(93), _2025=Decimal(92))
    for one in (value("91", "2026"), value("95", "2026", indicator="I9"), value("95", "2035", indicator="I9")):
        story.happens(one)
    story.happens(value("99.5", "2035"))
    assert story.state("I4@2035") == "待公布"
    story.at("2027-06-02 18:00")
    for kind in ("保持", "只增不减", "趋势", "比照"):
        assert story.state(f"I4:{kind}") == "未达标", kind
    assert story.state("I4:序时") in ("滞后", "严重滞后")
    assert story.state("I4:推算@2035") == "预警"
    story.at("2035-12-31 18:00")
    assert story.state("I4:报送@2035") != "销号"
    story.happens(value("99.5", "2035"))  # the same number, this time of a year that has begun
    assert (story.state("I4@2035"), story.state("I4:报送@2035")) == ("达标", "销号")


def told_of(item: str, passed: Passed) -> list[str]:
    """What was last said of an item to its lead, by state."""
    return [
        telling.state
        for one in passed.sent
        for telling in one.draft.tellings
        if telling.item == item and telling.addressee == LEAD
    ]


def test_a_value_that_was_closed_and_then_corrected_on_one_day_is_told() -> None:
    story = a_story("2028-06-05 08:00", an_indicator("[报送, 保持: {值: 95}]"))
    story.happens(value("96", "2027"))
    story.at("2028-06-05 11:00")
    story.happens(Closed(item="I4:保持", by="秘书组"))
    story.at("2028-06-05 15:00")
    story.happens(value("90", "2027"))
    assert story.state("I4:保持") == "未达标"
    assert of("I4:保持", story, "2028-06-06 18:00") == both("I4:保持")


def test_events_of_one_instant_count_in_the_order_in_which_they_came() -> None:
    story = a_story("2028-06-01 08:00", an_indicator("[报送, 保持: {值: 95}]"))
    for one in (value("96", "2027"), Closed(item="I4:保持", by="秘书组"), value("90", "2027")):
        story.happens(one)
    assert story.state("I4:保持") == "未达标"
    story.happens(Closed(item="I4:保持", by="秘书组"))
    assert story.state("I4:保持") == "销号"


def test_a_target_told_met_and_closed_and_then_corrected_ends_with_the_true_word() -> None:
    """Told 未达标, made good and closed, told 恢复, then corrected back on the day of that last message."""
    targets = ("期限: 2027年, 值: 95, 措辞: 达到",)
    story = a_story("2028-05-30 08:00", an_indicator("[报送, 达标]", targets=targets))
    story.happens(value("90", "2027"))
    assert told_of("I4@2027", story.at("2028-05-31 18:00")) == ["未达标"]
    story.happens(value("96", "2027"))
    story.happens(Closed(item="I4@2027", by="秘书组"))
    assert told_of("I4@2027", story.at("2028-06-01 12:00")) == ["销号"]
    story.happens(value("90", "2027"))
    assert told_of("I4@2027", story.at("2028-06-02 18:00")) == ["未达标"]


def test_verdicts_that_agree_on_one_figure_are_one_line() -> None:
    targets = ("期限: 2027年, 值: 97, 措辞: 达到",)
    watched = "[报送, 达标, 保持: {值: 97}, 序时]"
    story = a_story("2028-04-03", an_indicator(watched, targets=targets, baseline="年份: 2025, 值: 92"))
    story.happens(value("93", "2027"))
    passed = story.at("2028-05-31 18:00")
    for chat in (LEAD, "领导小组"):
        text = next(one.text for one in passed.sent if one.draft.chat == chat)
        (line,) = [line for line in text.splitlines() if "I4" in line and "报送" not in line]
        assert "（I4@2027、I4:保持）" in line
        assert "完成值93%，目标达到97%；要求不低于97%" in line
    assert "滞后" not in passed.text
    story.happens(value("97", "2027"))
    passed = story.at("2028-06-30 18:00")
    text = next(one.text for one in passed.sent if one.draft.chat == LEAD)
    assert sum("97%" in line for line in text.splitlines()) == 1


def test_forecasts_of_one_figure_for_two_years_are_one_line() -> None:
    targets = ["期限: 2032年, 值: 97, 措辞: 达到", "期限: 2035年, 值: 98, 措辞: 达到"]
    story = a_story("2028-06-01", an_indicator("[报送, 推算]", targets=targets), **past("97.0", "95.0"))
    story.happens(value("93.0", "2028"))
    [message] = [one.text for one in story.at("2028-06-02 18:00").sent if one.draft.chat == LEAD]
    [line] = [line for line in message.splitlines() if "推算" in line]
    assert "I4:推算@2032、I4:推算@2035" in line
    assert "某项比例推算（" in line
    assert "2032年为85%" in line
    assert "2035年为79%" in line
