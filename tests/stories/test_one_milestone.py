"""The life of the county's one dated milestone, and what happens to its rungs when the world is not tidy."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

import pytest
from yaml import safe_load

from bot.core.deciding.addressees import ALSO, Directory, name_of
from bot.core.facts.events import Closed, Done, Extended, Returned, Silenced
from bot.core.rules.rulebook import Rulebook
from bot.core.time.workdays import Calendar, CalendarYear, DayRange, StatutoryTable
from tests.kit.builders import LADDERS, a_milestone, a_rulebook, calendars, everybody, moment
from tests.stories.timeline import Timeline

AWAITED = a_milestone(more="结果公布: 2028-03-31")
SPRING = a_milestone(due="2027-04-30", ladder="一般节点")  # a Friday before 劳动节


def test_each_rung_is_told_once_on_the_working_day_its_side_asks_for() -> None:
    story = Timeline(a_rulebook(AWAITED), start="2027-06-01")
    story.at("2027-07-04 23:00").expect_nothing()
    story.at("2027-07-05 09:30").expect(
        "县教育局 汇总 T05-M1 提前180天 FIRST"
    )  # its Monday; months ahead it may wait for it
    story.at("2027-11-30 23:00").expect_nothing()
    story.at("2027-12-01 09:30").expect(
        "县教育局 汇总 T05-M1 提前30天 NEXT_RUNG", "县财政局 汇总 T05-M1 提前30天 FIRST"
    )
    story.at("2027-12-24 09:30").expect(
        "县教育局 汇总 T05-M1 提前7天 NEXT_RUNG", "县财政局 汇总 T05-M1 提前7天 NEXT_RUNG"
    )
    story.at("2027-12-30 09:30").expect("县教育局 单发 T05-M1 提前1个工作日 NEXT_RUNG")
    story.at("2027-12-31 23:59").expect_nothing()


def test_the_result_is_awaited_until_its_date_and_only_then_overdue() -> None:
    story = Timeline(a_rulebook(AWAITED), start="2027-12-25")
    story.at("2027-12-31 18:00")
    assert story.state("T05-M1") == "临期"
    story.at("2028-01-01 00:01")
    assert story.state("T05-M1") == "待公布"
    assert story.reasons("T05-M1")["县教育局"] == "AWAITING_RESULT"
    story.at("2028-03-31 23:59").expect_nothing()
    passed = story.at("2028-04-03 18:00").expect("县教育局 单发 T05-M1 逾期1个工作日 WORSENED")
    assert "应于3月31日前公布结果，已逾期3天" in passed.text
    story.at("2028-04-07 18:00").expect_nothing()  # the unit hears repeats on Mondays
    story.at("2028-04-10 18:00").expect("县教育局 汇总 T05-M1 逾期每7天 NEXT_RUNG")


def test_overdue_item_is_chased_each_week_and_climbs_until_closed() -> None:
    story = Timeline(a_rulebook(a_milestone(due="2027-03-10")), start="2027-03-01")
    story.at("2027-03-10 18:00")
    story.at("2027-04-01 18:00").expect(
        "县教育局 单发 T05-M1 逾期1个工作日 WORSENED",
        "县教育局 汇总 T05-M1 逾期每7天 NEXT_RUNG",
        "县教育局 汇总 T05-M1 逾期每7天 REPEAT",
        "管理员 单发 T05-M1 逾期10个工作日 ESCALATED",
    )
    story.at("2027-05-31 18:00")
    passed = story.at("2027-06-01 18:00")
    assert "领导小组 月度清单 T05-M1 逾期20个工作日·月度清单 REPEAT" in [x for s in passed.sent for x in s.lines()]
    story.happens(Closed(item="T05-M1", by="秘书组"))
    story.at("2027-06-30 18:00").expect_nothing()  # an end is no message of its own
    passed = story.at("2027-07-01 18:00").expect(
        "县教育局 汇总 T05-M1 恢复 RECOVERED",
        "管理员 汇总 T05-M1 恢复 RECOVERED",
        "领导小组 汇总 T05-M1 恢复 RECOVERED",
    )
    assert "（请办公室告知县教育局分管领导）" in passed.text
    story.at("2027-09-01 18:00").expect_nothing()


def test_item_that_starts_late_begins_at_the_rung_of_today() -> None:
    story = Timeline(a_rulebook(a_milestone(due="2026-12-04")), start="2026-11-29 12:00")
    story.at("2026-11-30 09:30").expect("县教育局 汇总 T05-M1 提前7天 FIRST", "县财政局 汇总 T05-M1 提前7天 FIRST")


def test_item_already_overdue_at_the_start_begins_at_the_rung_told_last() -> None:
    story = Timeline(a_rulebook(a_milestone(due="2026-11-25")), start="2026-12-04")
    story.at("2026-12-04 18:00").expect("县教育局 单发 T05-M1 逾期1个工作日 FIRST")
    story.at("2026-12-07 18:00").expect("县教育局 汇总 T05-M1 逾期每7天 NEXT_RUNG")


def test_ten_days_off_over_three_rungs_cost_one_message_naming_the_deepest() -> None:
    story = Timeline(a_rulebook(a_milestone(due="2027-03-10")), start="2027-02-24")
    story.at("2027-03-02 18:00")
    story.off_until("2027-03-12 09:40")  # 提前7天, 提前1个工作日 and 逾期1个工作日 came meanwhile
    passed = story.at("2027-03-12 09:40").expect("县教育局 单发 T05-M1 逾期1个工作日 WORSENED")
    (row,) = passed.rows
    assert row.superseded == ()  # rungs before the date lapse with it
    story.off_until("2027-03-30 09:40")
    passed = story.at("2027-03-30 09:40")
    (row,) = [row for row in passed.rows if row.addressee == "县教育局"]
    assert (row.rung, [str(day) for day in row.superseded]) == ("逾期每7天", ["2027-03-17"])


def test_restart_after_restart_tells_nothing_twice() -> None:
    story = Timeline(a_rulebook(a_milestone(due="2027-03-10")), start="2027-03-03")
    story.at("2027-03-03 10:00")
    for minute in range(20):
        story.at(f"2027-03-03 10:{minute + 10}").expect_nothing()


def test_clock_that_jumps_back_repeats_no_rung() -> None:
    story = Timeline(a_rulebook(a_milestone(due="2027-03-10")), start="2027-03-03")
    story.at("2027-03-03 09:30")
    story.now = moment("2027-03-03 07:30")
    story.at("2027-03-03 18:00").expect_nothing()


def test_edited_ladder_never_goes_backwards() -> None:
    before = a_rulebook(a_milestone(due="2027-03-10", ladder="一般节点"))
    story = Timeline(before, start="2027-03-03")
    story.at("2027-03-09 18:00")  # 提前7天 and 提前1个工作日 are told
    gentler = LADDERS.replace(
        "一般节点:\n  - {时点: 提前7天, 对象: [牵头单位, 配合单位], 形式: 汇总}",
        "一般节点:\n  - {时点: 提前5天, 对象: [牵头单位, 配合单位], 形式: 汇总}",
    )
    story.edited(a_rulebook(a_milestone(due="2027-03-10", ladder="一般节点"), ladders=gentler))
    story.at("2027-03-10 18:00").expect("县财政局 汇总 T05-M1 提前5天 NEXT_RUNG")  # later than its 提前7天


def test_shorter_repeat_counts_from_the_rule_and_not_from_the_edit() -> None:
    story = Timeline(a_rulebook(a_milestone(due="2026-12-01", ladder="一般节点")), start="2026-11-23")
    story.at("2028-01-10 18:00")  # overdue 405 days, told every 30
    weekly = LADDERS.replace("逾期每30天", "逾期每7天")
    story.edited(a_rulebook(a_milestone(due="2026-12-01", ladder="一般节点"), ladders=weekly))
    story.at("2028-01-11 18:00").expect("县教育局 汇总 T05-M1 逾期每7天 NEXT_RUNG")
    story.at("2028-01-14 18:00").expect_nothing()
    story.at("2028-01-17 18:00").expect("县教育局 汇总 T05-M1 逾期每7天 REPEAT")


def test_new_lead_gets_the_rung_in_force_once() -> None:
    units = "县教育局, 县财政局, 县民政局"
    story = Timeline(
        a_rulebook(a_milestone(due="2027-03-10", more="配合: [县财政局]"), units=units), start="2027-03-03"
    )
    story.at("2027-03-04 18:00")
    more = "配合: [县财政局]\n牵头: {单位: 县民政局, 依据: 管理员}"
    story.edited(a_rulebook(a_milestone(due="2027-03-10", more=more), units=units))
    story.at("2027-03-05 18:00").expect("县民政局 汇总 T05-M1 提前7天 FIRST")
    story.at("2027-03-08 18:00").expect_nothing()


def test_moved_chat_re_tells_nothing() -> None:
    rulebook = a_rulebook(a_milestone(due="2027-03-10"))
    story = Timeline(rulebook, start="2027-03-03")
    story.at("2027-03-04 18:00")
    story.directory = Directory({**everybody(rulebook).chats, "县教育局": "县教育局新群"})
    story.at("2027-03-08 18:00").expect_nothing()
    story.at("2027-03-09 18:00").expect("县教育局新群 单发 T05-M1 提前1个工作日 NEXT_RUNG")


def test_granted_extension_moves_every_rung() -> None:
    story = Timeline(a_rulebook(a_milestone(due="2027-03-10")), start="2027-03-03")
    story.at("2027-03-04 18:00")
    story.happens(Extended(item="T05-M1", to=moment("2027-06-30").date(), rule_due=moment("2027-03-10").date(),
                           reason="等待复核", by="秘书组"))  # fmt: skip
    assert (
        story.reasons("T05-M1")["县教育局"] == "RIDING"
    )  # 提前180天 of the new date was before: that it is put off is enough
    story.at("2027-05-30 18:00").expect("县教育局 汇总 T05-M1 已登记 REGISTERED")
    story.at("2027-06-23 18:00").expect(
        "县教育局 汇总 T05-M1 提前30天 NEXT_RUNG", "县财政局 汇总 T05-M1 提前30天 FIRST",
        "县教育局 汇总 T05-M1 提前7天 NEXT_RUNG", "县财政局 汇总 T05-M1 提前7天 NEXT_RUNG",
    )  # fmt: skip


def test_extended_item_without_a_rung_yet_says_so() -> None:
    story = Timeline(a_rulebook(SPRING), start="2027-04-25")
    story.happens(Extended(item="T05-M1", to=moment("2027-12-31").date(), rule_due=moment("2027-04-30").date(),
                           reason="等待复核", by="秘书组"))  # fmt: skip
    assert story.reasons("T05-M1") == {"县教育局": "RIDING", "县财政局": "EXTENDED"}


def test_extension_is_void_once_the_rules_date_changes_and_the_admin_is_told() -> None:
    story = Timeline(a_rulebook(SPRING), start="2027-04-25")
    story.happens(Extended(item="T05-M1", to=moment("2027-12-31").date(), rule_due=moment("2027-04-30").date(),
                           reason="等待复核", by="秘书组"))  # fmt: skip
    passed = story.at("2027-05-10 18:00").expect("县教育局 汇总 T05-M1 已登记 REGISTERED")
    assert "（T05-M1）　已延期至12月31日\n" in passed.text
    story.edited(a_rulebook(a_milestone(due="2027-05-20", ladder="一般节点")))
    passed = story.at("2027-05-13 18:00").expect(
        "县教育局 汇总 T05-M1 提前7天 FIRST", "县财政局 汇总 T05-M1 提前7天 FIRST"
    )
    assert "T05-M1 原定时限2027年4月30日，曾延期至2027年12月31日；规则时限已改，原延期不再有效。" in passed.text


def test_done_is_held_until_somebody_checks() -> None:
    story = Timeline(a_rulebook(a_milestone(due="2027-03-10")), start="2027-03-03")
    story.at("2027-03-04 18:00")
    story.happens(Done(item="T05-M1", by="县教育局"))
    reasons = story.reasons("T05-M1")
    assert reasons.pop("县教育局") == "RIDING"
    assert set(reasons.values()) == {"AWAITING_CHECK"}
    passed = story.at("2027-03-12 18:00").expect_nothing()
    assert "系统:待核" in str([row.item for row in passed.rows])  # more than 5 workdays since 03-04
    story.happens(Closed(item="T05-M1", by="秘书组"))
    story.at("2027-12-31 18:00").expect("县教育局 汇总 T05-M1 已登记 REGISTERED")  # nobody else: it was never wrong
    assert set(story.reasons("T05-M1").values()) == {"CLOSED"}


def test_return_is_told_once_and_promptly() -> None:
    story = Timeline(a_rulebook(a_milestone(due="2027-06-10")), start="2027-03-03")
    story.at("2027-03-04 18:00")
    story.happens(Done(item="T05-M1"))
    story.at("2027-03-10 10:05")
    story.happens(Returned(item="T05-M1", reason="缺少佐证材料", by="秘书组"))
    (sent,) = story.at("2027-03-10 10:06").expect("县教育局 单发 T05-M1 退回 WORSENED").sent
    assert sent.at == moment("2027-03-10 10:05")
    assert "【退回】" in sent.text
    story.at("2027-05-10 18:00").expect_nothing()
    story.at("2027-05-11 18:00").expect(
        "县教育局 汇总 T05-M1 提前30天 NEXT_RUNG", "县财政局 汇总 T05-M1 提前30天 FIRST"
    )


def test_return_on_the_day_of_a_rung_is_still_told() -> None:
    story = Timeline(a_rulebook(a_milestone(due="2027-06-10")), start="2027-05-11")
    story.at("2027-05-11 10:00")
    story.happens(Done(item="T05-M1"))
    story.happens(Returned(item="T05-M1", reason="缺少佐证材料"))
    story.at("2027-05-11 18:00").expect("县教育局 单发 T05-M1 退回 WORSENED")


def test_return_the_day_after_a_rung_told_ahead_is_still_told() -> None:
    story = Timeline(a_rulebook(a_milestone(due="2027-06-20")), start="2027-06-11")  # 提前7天 is Sunday 06-13
    story.at("2027-06-11 12:00").expect("县教育局 汇总 T05-M1 提前7天 FIRST", "县财政局 汇总 T05-M1 提前7天 FIRST")
    story.at("2027-06-11 15:05")
    story.happens(Returned(item="T05-M1", reason="缺少佐证材料"))
    story.at("2027-06-11 15:05").expect("县教育局 单发 T05-M1 退回 WORSENED")


def test_return_is_not_told_again_after_an_extension() -> None:
    story = Timeline(a_rulebook(SPRING), start="2027-03-03")
    story.happens(Returned(item="T05-M1", reason="缺少佐证材料"))
    story.at("2027-03-03 18:00").expect("县教育局 单发 T05-M1 退回 FIRST")
    story.happens(Extended(item="T05-M1", to=moment("2027-12-31").date(), rule_due=moment("2027-04-30").date(),
                           reason="等待复核", by="秘书组"))  # fmt: skip
    story.at("2027-06-30 18:00").expect("县教育局 汇总 T05-M1 已登记 REGISTERED")  # the extension


def test_return_dated_ahead_of_the_clock_is_told_once_when_its_time_comes() -> None:
    story = Timeline(a_rulebook(a_milestone(due="2027-06-10")), start="2027-03-03 08:00")
    story.now = moment("2027-03-03 15:05")
    story.happens(Returned(item="T05-M1", reason="缺少佐证材料"))
    story.now = moment("2027-03-03 08:00")  # the clock was set back
    story.at("2027-03-03 14:59").expect("县教育局 汇总 T05-M1 提前180天 FIRST")
    story.at("2027-03-03 15:00").expect_nothing()
    story.off_until("2027-03-03 15:06")
    story.at("2027-05-01 18:00").expect("县教育局 单发 T05-M1 退回 WORSENED")


def test_return_at_night_waits_for_the_morning() -> None:
    story = Timeline(a_rulebook(a_milestone(due="2027-06-10")), start="2027-03-05 19:00")  # a Friday evening
    story.happens(Returned(item="T05-M1", reason="缺少佐证材料"))
    (sent,) = [sent for sent in story.at("2027-03-08 18:00").sent if sent.draft.form == "单发"]
    assert sent.at.date() == moment("2027-03-08").date()
    assert sent.at.hour in (8, 9)


def test_silenced_item_holds_everybody_and_afterwards_only_the_rung_in_force_speaks() -> None:
    story = Timeline(a_rulebook(a_milestone(due="2027-03-10")), start="2027-02-24")
    story.happens(Silenced(item="T05-M1", until=moment("2027-03-05 12:00"), reason="专班统一部署", by="县教育局"))
    reasons = {decision.addressee.key: decision for decision in story.decisions("T05-M1")}
    assert reasons["县教育局"].reason.name == "SILENCED"
    assert reasons["县教育局"].by == "县教育局：专班统一部署"
    assert reasons["县教育局"].until == moment("2027-03-05 12:00")
    story.at("2027-03-05 11:59").expect_nothing()
    story.at("2027-03-05 18:00").expect("县教育局 汇总 T05-M1 提前7天 FIRST", "县财政局 汇总 T05-M1 提前7天 FIRST")


def test_silenced_chat_holds_only_that_chat() -> None:
    story = Timeline(a_rulebook(a_milestone(due="2027-03-10")), start="2027-02-24")
    story.happens(Silenced(chat="县教育局", until=moment("2027-03-09"), reason="集中学习"))
    story.at("2027-03-03 18:00").expect("县财政局 汇总 T05-M1 提前30天 FIRST", "县财政局 汇总 T05-M1 提前7天 NEXT_RUNG")
    story.at("2027-03-09 18:00").expect("县教育局 单发 T05-M1 提前1个工作日 FIRST")


@pytest.mark.parametrize(
    ("chats", "also", "quiet"),
    [
        ({"县教育局": "县财政局"}, {}, "县教育局"),  # shares the chat of another unit
        ({"县教育局": ""}, {}, "县教育局"),  # without a chat: the admin passes it on
        ({}, {"县教育局": ("基础教育股",)}, "县教育局"),  # also told in a further chat
        ({"县教育局·分管领导": ""}, {}, "县教育局·分管领导"),
        ({"县教育局·分管领导": "县教育局"}, {}, "县教育局·分管领导"),
    ],
)
def test_silence_of_a_name_holds_wherever_it_is_told_and_nobody_else(
    chats: dict[str, str], also: dict[str, tuple[str, ...]], quiet: str
) -> None:
    rulebook = a_rulebook(a_milestone(due="2027-03-10"))
    own = {**everybody(rulebook).chats, **chats}
    directory = Directory({name: chat for name, chat in own.items() if chat}, also)
    story = Timeline(rulebook, start="2027-02-24", directory=directory)
    story.happens(Silenced(chat=quiet, until=moment("2027-12-31"), reason="集中学习"))
    told = {name_of(row.addressee) for row in story.at("2027-04-30 18:00").rows}
    assert quiet not in told
    assert {"县教育局", "县教育局·分管领导", "县财政局"} - {quiet} <= told


def test_silence_of_a_chat_holds_only_what_is_told_in_it() -> None:
    rulebook = a_rulebook(a_milestone(due="2027-03-10"))
    directory = replace(everybody(rulebook), also={"县教育局": ("基础教育股",)})
    story = Timeline(rulebook, start="2027-02-24", directory=directory)
    story.happens(Silenced(chat="基础教育股", until=moment("2027-12-31"), reason="集中学习"))
    told = {row.addressee for row in story.at("2027-03-09 18:00").rows}
    assert "县教育局" in told
    assert f"县教育局{ALSO}基础教育股" not in told


def test_silencing_a_rule_silences_its_steps() -> None:
    step = "编号: T05-M1-01, 名称: 县级自评, 完成时限: 2027-03-10, 依据: 管理员"
    story = Timeline(a_rulebook(a_milestone(steps=[step])), start="2027-03-03")
    story.happens(Silenced(item="T05-M1", until=moment("2027-03-20"), reason="专班统一部署"))
    story.at("2027-03-19 18:00").expect_nothing()


def test_overdue_milestone_speaks_for_its_steps() -> None:
    step = "编号: T05-M1-01, 名称: 县级自评, 完成时限: 2027-03-10, 依据: 管理员"
    story = Timeline(a_rulebook(a_milestone(due="2027-03-20", steps=[step])), start="2027-03-15")
    assert story.reasons("T05-M1-01")["县教育局"] == "OUT_OF_HOURS"
    story.at("2027-03-20 18:00")
    passed = story.at("2027-04-10 18:00")
    assert {row.item for row in passed.rows} == {"T05-M1"}
    assert set(story.reasons("T05-M1-01").values()) == {"SUPPRESSED"}
    assert {decision.by for decision in story.decisions("T05-M1-01")} == {"T05-M1"}


def test_closed_milestone_closes_its_steps() -> None:
    step = "编号: T05-M1-01, 名称: 县级自评, 完成时限: 2027-03-10, 依据: 管理员"
    story = Timeline(a_rulebook(a_milestone(due="2027-06-20", steps=[step])), start="2027-03-03")
    story.happens(Closed(item="T05-M1", by="秘书组"))
    assert story.state("T05-M1-01") == "销号"
    story.at("2027-12-20 18:00").expect("县教育局 汇总 T05-M1 已登记 REGISTERED")


def test_step_is_not_chased_while_its_milestone_awaits_the_check() -> None:
    step = "编号: T05-M1-01, 名称: 县级自评, 完成时限: 2027-03-10, 依据: 管理员"
    story = Timeline(a_rulebook(a_milestone(due="2027-06-20", steps=[step])), start="2027-03-03")
    story.happens(Done(item="T05-M1"))
    assert set(story.reasons("T05-M1-01").values()) == {"SUPPRESSED"}


def test_rung_that_cannot_be_told_before_the_date_lapses() -> None:
    rulebook = a_rulebook(a_milestone(due="2027-03-10", ladder="一般节点", basis="建议"))
    story = Timeline(rulebook, start="2027-03-10 18:00")  # confirmed in the evening of its last day
    story.as_confirmed()
    assert story.reasons("T05-M1")["县教育局"] == "TOO_LATE"
    story.at("2027-03-11 18:00").expect("县教育局 单发 T05-M1 逾期1个工作日 FIRST")


def test_last_rung_before_new_year_falls_on_a_working_day() -> None:
    story = Timeline(a_rulebook(a_milestone(due="2028-01-01")), start="2027-12-27")  # a Saturday, 元旦
    passed = story.at("2027-12-31 18:00")
    told: list[datetime] = [sent.at for sent in passed.sent if "T05-M1 提前1个工作日" in str(sent.lines())]
    assert [at.date().isoformat() for at in told] == ["2027-12-31"]


def test_a_rung_told_before_a_notice_moves_it_is_not_told_again_and_the_next_one_is_not_skipped() -> None:
    """One workday before 12 March is the 11th, or with the 11th off the 10th."""
    rules = a_rulebook(a_milestone(due="2027-03-12"))
    story = Timeline(without_working(rules, date(2027, 3, 11)), start="2027-03-01")
    story.at("2027-03-09 18:00")
    story.at("2027-03-10 18:00").expect("县教育局 单发 T05-M1 提前1个工作日 NEXT_RUNG")
    story.edited(rules)
    story.at("2027-03-12 18:00").expect_nothing()
    story.at("2027-03-15 18:00").expect("县教育局 单发 T05-M1 逾期1个工作日 WORSENED")


def without_working(rulebook: Rulebook, day: date) -> Rulebook:
    """The same rules in a county that takes a day off."""
    run = DayRange.model_validate({"名称": "停电", "起": day, "止": day})
    off = CalendarYear.model_validate({"年份": day.year, "级别": "县", "状态": "暂定", "放假": [run]})
    years = [CalendarYear.model_validate(safe_load(text)) for name, text in calendars().items() if "法定" not in name]
    [law] = [StatutoryTable.model_validate(safe_load(text)) for name, text in calendars().items() if "法定" in name]
    return replace(rulebook, calendar=Calendar.build(years, law, [off]))
