"""A case through its steps, a ban through its season, a forecast through its numbers: who hears what, and who never does."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from bot.core.facts.events import (
    CaseAdvanced,
    CaseOpened,
    CasePaused,
    CaseResumed,
    Done,
    Extended,
    Observed,
    Returned,
    Silenced,
)
from bot.core.facts.facts import Facts
from bot.core.preview.preview import preview_of
from bot.core.rules.rulebook import Rulebook
from tests.core.preview.test_preview import both_ways, lines
from tests.kit.builders import LADDERS, a_ban, a_case_rule, a_rulebook, an_event, moment
from tests.rule_kinds.test_forecast import EVEN, a_forecast, values
from tests.stories.timeline import Timeline

NOTE = "某某学校张三"
ONE, TWO, THREE, FOUR = (f"T05-C1@2027-003#{name}" for name in ("监测", "核查", "处理", "通报"))


def opened(on: str, rule: str = "T05-C1", case: str = "2027-003", category: str = "媒体反映") -> CaseOpened:
    return CaseOpened(
        rule=rule, case=case, on=date.fromisoformat(on), category=category, by="秘书组", note=NOTE
    )  # fmt: skip


def step(item: str, on: str) -> CaseAdvanced:
    return CaseAdvanced(item=item, on=date.fromisoformat(on))


def a_story(start: str, *items: str) -> Timeline:
    return Timeline(a_rulebook(*(items or (a_case_rule(),)), starts="2026-11-23"), start=start)


# --- 办件 -------------------------------------------------------------------------


def test_the_silence_of_a_case_holds_every_step_and_no_other_case() -> None:
    story = a_story("2027-03-01 07:00")
    story.happens(opened("2027-03-01"))
    story.happens(opened("2027-03-01", case="2027-004"))
    story.happens(Silenced(item="T05-C1@2027-003", until=moment("2027-12-31"), reason="协查"))
    story.happens(step(ONE, "2027-03-01"))
    story.at("2027-03-03 18:00").expect("县教育局 汇总 T05-C1@2027-004#监测 提前1个工作日 FIRST")
    story.at("2027-03-05 18:00")
    assert story.reasons(TWO)["县教育局"] == "SILENCED"


def test_a_case_goes_through_its_four_steps_with_a_stop_and_an_overdue_step() -> None:
    story = a_story("2027-03-01 07:00")
    story.happens(opened("2027-03-01"))
    story.at("2027-03-02 18:00").expect_nothing()
    story.at("2027-03-03 18:00").expect(f"县教育局 汇总 {ONE} 提前1个工作日 FIRST")
    story.happens(step(ONE, "2027-03-03"))
    assert story.state(TWO) == "正常推进"  # five workdays, the press asked
    story.happens(CasePaused(rule="T05-C1", case="2027-003", on=date(2027, 3, 8), reason=NOTE))
    story.at("2027-03-19 18:00").expect_nothing()
    assert (story.state(TWO), story.reasons(TWO)["县教育局"]) == ("暂停计时", "PAUSED")
    story.happens(CaseResumed(rule="T05-C1", case="2027-003", on=date(2027, 3, 22)))
    story.at("2027-03-23 18:00").expect(f"县教育局 汇总 {TWO} 提前1个工作日 FIRST")  # due on 24 March, not on the 10th
    story.at("2027-03-25 18:00").expect(f"县教育局 单发 {TWO} 逾期1个工作日 WORSENED")
    story.at("2027-03-29 18:00").expect(f"管理员 单发 {TWO} 逾期3个工作日 ESCALATED")
    story.at("2027-04-01 18:00").expect_nothing()  # 逾期每5个工作日 waits for Monday, and that one is a day off
    story.happens(step(TWO, "2027-04-01"))
    story.at("2027-04-02 18:00").expect(f"县教育局 汇总 {TWO} 恢复 RECOVERED", f"管理员 汇总 {TWO} 恢复 RECOVERED")
    story.happens(step(THREE, "2027-04-12"))
    story.happens(step(FOUR, "2027-04-13"))
    story.at("2027-12-31 18:00").expect_nothing()
    assert {story.state(item) for item in (ONE, TWO, THREE, FOUR)} == {"销号"}


def test_a_chat_reads_number_unit_and_days_of_a_case_and_nothing_else() -> None:
    story = a_story("2027-03-01 07:00")
    story.happens(opened("2027-03-01"))
    text = story.at("2027-05-31 18:00").text
    assert "督办事项（T05-C1@2027-003第1步）" in text
    assert "时限3月4日" in text
    for word in (NOTE, "张三", "师德", "监测", "核查", "媒体反映"):
        assert word not in text


def test_a_case_long_overdue_reaches_the_leading_group_in_its_monthly_list_only() -> None:
    story = a_story("2027-03-01 07:00")
    story.happens(opened("2027-03-01"))
    rows = [row for row in story.at("2027-05-10 18:00").rows if row.addressee == "领导小组"]
    assert [(row.form, str(row.rung_on)) for row in rows] == [("月度清单", "2027-04-01"), ("月度清单", "2027-05-06")]


def test_a_machine_that_was_off_says_the_deepest_rung_of_a_case_once() -> None:
    story = a_story("2027-03-01 07:00")
    story.happens(opened("2027-03-01"))
    story.at("2027-03-01 18:00")
    story.off_until("2027-03-12 07:00")
    story.at("2027-03-12 18:00").expect(
        f"县教育局 单发 {ONE} 逾期1个工作日 FIRST", f"管理员 单发 {ONE} 逾期3个工作日 ESCALATED"
    )
    story.at("2027-03-16 18:00").expect(f"县教育局 汇总 {ONE} 逾期每5个工作日 NEXT_RUNG")


def test_a_case_under_an_unconfirmed_rule_waits() -> None:
    story = a_story("2027-03-01 07:00", a_case_rule(basis="建议"))
    story.happens(opened("2027-03-01"))
    story.at("2027-03-31 18:00").expect_nothing()
    assert story.reasons(ONE)["县教育局"] == "UNCONFIRMED"
    story.as_confirmed().at("2027-04-01 18:00").expect(
        f"县教育局 汇总 {ONE} 逾期每5个工作日 FIRST",
        f"管理员 单发 {ONE} 逾期3个工作日 ESCALATED",
        f"领导小组 月度清单 {ONE} 逾期10个工作日·月度清单 ESCALATED",
    )


def test_a_step_sent_back_is_told_at_once() -> None:
    story = a_story("2027-03-01 07:00")
    story.happens(opened("2027-03-01"))
    story.happens(Done(item=ONE))
    story.at("2027-03-01 18:00").expect(f"县教育局 汇总 {ONE} 已登记 REGISTERED")  # with the first day's 交办
    story.happens(Returned(item=ONE, reason="缺材料"))
    story.at("2027-03-02 12:00").expect(f"县教育局 单发 {ONE} 退回 WORSENED")


# --- 禁止 -------------------------------------------------------------------------


def test_a_ban_is_recalled_once_before_its_season_and_then_keeps_silent() -> None:
    story = a_story("2027-01-04 07:00", a_ban(more="配合: [县财政局]"))
    said = story.at("2027-03-31 18:00").expect(
        "县教育局 汇总 T05-B1@2027 提前15天 FIRST", "县财政局 汇总 T05-B1@2027 提前15天 FIRST"
    )
    assert "跨区域招生（T05-B1@2027）　自4月1日起　至9月30日止，无需报送" in said.text
    assert "时限" not in said.sent[0].text
    story.at("2028-01-31 18:00").expect_nothing()
    assert story.reasons("T05-B1@2027")["县教育局"] == "PASSED"


def test_a_ban_without_a_season_says_nothing_until_a_lead_is_entered() -> None:
    story = a_story("2027-01-04 07:00", a_ban(season=""))
    story.at("2027-05-10 07:00").expect_nothing()
    story.happens(opened("2027-05-10", "T05-B1", "2027-001", category=""))
    item = "T05-B1@2027-001#处理"
    said = story.at("2027-05-21 18:00").expect(f"县教育局 汇总 {item} 提前1个工作日 FIRST")
    assert "跨区域招生线索（T05-B1@2027-001）" in said.text
    assert NOTE not in said.text
    said = story.at("2027-06-01 18:00").expect(
        f"县教育局 单发 {item} 逾期1个工作日 WORSENED",
        f"管理员 单发 {item} 逾期3个工作日 ESCALATED",
        f"县教育局 汇总 {item} 逾期每5个工作日 NEXT_RUNG",
        f"领导小组 月度清单 {item} 逾期1个工作日·月度清单 ESCALATED",
    )
    assert "违规" not in said.text


def test_an_open_lead_stands_in_the_monthly_list_before_it_is_overdue_and_leaves_it_when_handled() -> None:
    story = a_story("2027-05-25 07:00", a_ban(season=""))
    story.happens(opened("2027-05-25", "T05-B1", "2027-001", category=""))
    story.at("2027-05-31 18:00").expect_nothing()
    item = "T05-B1@2027-001#处理"
    said = story.at("2027-06-01 18:00").expect(f"领导小组 月度清单 {item} 提前10个工作日·月度清单 ESCALATED")
    assert "逾期" not in said.text
    story.happens(step(item, "2027-06-02"))
    story.at("2027-12-31 18:00").expect_nothing()


def test_alone_in_a_message_a_season_has_no_deadline_and_asks_for_nothing() -> None:
    ladders = LADDERS.replace(
        "对象: [牵头单位, 配合单位], 形式: 汇总, 状态: 提示", "对象: 牵头单位, 形式: 单发, 状态: 提示"
    )
    story = Timeline(a_rulebook(a_ban(), ladders=ladders), start="2027-03-01 07:00")
    said = story.at("2027-03-31 18:00").expect("县教育局 单发 T05-B1@2027 提前15天 FIRST")
    assert "【季前提示】跨区域招生" in said.text
    assert "执行：自2027年4月1日起" in said.text
    assert not any(word in said.text for word in ("完成时限", "延期", "请反馈", "请在"))


# --- 预测 -------------------------------------------------------------------------


def test_a_forecast_that_leaves_its_band_is_told_once_and_again_when_the_numbers_change() -> None:
    story = Timeline(a_forecast(), start="2027-03-10 07:00")
    for one in (*values("I1", EVEN), *values("I2", {2026: 2900})):
        story.happens(one)
    item = "T05-F1@幼儿园"
    said = story.at("2027-03-10 18:00").expect(f"县教育局 汇总 {item} 当天 FIRST", f"管理员 汇总 {item} 当天 FIRST")
    assert f"学龄人口与学位：幼儿园（{item}）　预警　2027年起缺学位，最多100个（2027年）；推算到2029年" in said.text
    quiet = story.at("2028-03-01 07:00")
    assert [row.item for row in quiet.rows if row.item == item] == []
    story.happens(Observed(indicator="I2", period="2027", value=Decimal(3000)))
    story.at("2028-03-01 12:00")
    assert story.state(item) == "恢复"
    story.at("2028-03-01 18:00")
    assert [(row.state, row.rung) for one in story.sent for row in one.draft.tellings if row.item == item][-1] == (
        "恢复",
        "当天",
    )


def test_a_forecast_without_numbers_tells_nobody_anything() -> None:
    story = Timeline(a_forecast(), start="2027-03-10 07:00")
    said = story.at("2027-03-20 18:00")
    assert [row.item for row in said.rows if row.item.startswith("T05-F1")] == []
    assert story.state("T05-F1@幼儿园") == "待公布"


# --- what is foretold is what happens ------------------------------------------------


def busy() -> tuple[Rulebook, Facts]:
    """Open cases in every condition, a season ahead, leads, and an extension."""
    rulebook = a_rulebook(a_case_rule(), a_ban(), a_ban("T05-B2", season=""))
    happened = (
        opened("2027-03-01"),
        opened("2027-03-02", case="2027-004", category=""),
        opened("2027-03-02", case="2027-005"),
        opened("2027-03-03", "T05-B2", "2027-001", ""),
        step("T05-C1@2027-003#监测", "2027-03-03"),
        CasePaused(rule="T05-C1", case="2027-004", on=date(2027, 3, 4), reason="协查"),
        CaseResumed(rule="T05-C1", case="2027-004", on=date(2027, 3, 8)),
        CasePaused(rule="T05-C1", case="2027-005", on=date(2027, 3, 4), reason="协查"),
        Extended(
            item="T05-B2@2027-001#处理", to=date(2027, 3, 25), rule_due=date(2027, 3, 17), reason="会商", by="秘书组"
        ),
    )
    facts = Facts()
    for number, payload in enumerate(happened):
        facts = facts.after(an_event(payload, f"2027-03-08 {8 + number:02}:00"))
    return rulebook, facts


def test_preview_of_open_cases_is_what_looking_every_day_gives() -> None:
    rulebook, facts = busy()
    story = Timeline(rulebook, start="2027-03-09", facts=facts)
    quick, plain = both_ways(story.scene, "2027-03-09", "2027-09-30 23:59")
    assert quick == plain
    assert len(quick) > 20


def test_preview_of_open_cases_is_what_the_service_then_does() -> None:
    rulebook, facts = busy()
    story = Timeline(rulebook, start="2027-03-09", facts=facts)
    end = "2027-05-31 23:59"
    foretold = lines(draft for draft, _ in preview_of(story.scene, moment("2027-03-09"), moment(end)))
    assert lines(sent.draft for sent in story.at(end).sent) == foretold
