"""What waits for a person, who is told while nobody is confirmed, and what the admin's own lists say."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from bot.core.deciding.addressees import ADMIN, Directory
from bot.core.deciding.office import unconfirmed
from bot.core.facts.events import Confirmed, EventRejected, RulesRejected
from bot.core.facts.facts import Facts
from bot.core.rules.rulebook import Rulebook
from bot.core.time.workdays import Calendar, StatutoryTable
from tests.kit.builders import a_duty, a_milestone, a_rulebook, an_undated, everybody
from tests.stories.timeline import Sent, Timeline


def confirmation(rulebook: Rulebook) -> Confirmed:
    """Everything that waits, as `duban confirm --all` writes it."""
    rules, leads = unconfirmed(rulebook, Facts())
    return Confirmed(rules={rule.id: rule.fingerprint for rule in rules}, leads=leads, by="秘书组")


def of_chat(sent: tuple[Sent, ...], chat: str) -> list[Sent]:
    return [one for one in sent if one.draft.chat == chat]


def test_proposed_item_is_held_until_it_is_confirmed() -> None:
    rulebook = a_rulebook(a_milestone(due="2027-03-10", basis="建议"))
    story = Timeline(rulebook, start="2027-03-03")
    story.at("2027-03-05 18:00").expect_nothing()
    assert set(story.reasons("T05-M1").values()) == {"UNCONFIRMED"}
    story.happens(confirmation(rulebook))
    story.at("2027-03-08 18:00").expect("县教育局 汇总 T05-M1 提前7天 FIRST", "县财政局 汇总 T05-M1 提前7天 FIRST")


def test_confirmation_is_bound_to_date_and_units() -> None:
    rulebook = a_rulebook(a_milestone(due="2027-03-10", basis="建议"))
    story = Timeline(rulebook, start="2027-03-03")
    story.happens(confirmation(rulebook))
    assert story.reasons("T05-M1")["县教育局"] == "OUT_OF_HOURS"
    story.edited(a_rulebook(a_milestone(due="2027-03-11", basis="建议")))
    assert set(story.reasons("T05-M1").values()) == {"UNCONFIRMED"}
    story.edited(a_rulebook(a_milestone(due="2027-03-10", basis="建议"), units="县教育局, 县民政局"))
    assert set(story.reasons("T05-M1").values()) == {"UNCONFIRMED"}
    story.edited(a_rulebook(a_milestone(due="2027-03-10", basis="建议", title="国家级评估认定")))
    assert story.reasons("T05-M1")["县教育局"] == "OUT_OF_HOURS"  # a name may change freely


def test_an_edit_that_takes_a_confirmed_item_out_of_watch_is_said_to_the_admin_once() -> None:
    rulebook = a_rulebook(a_milestone(due="2027-12-20", basis="建议"))
    story = Timeline(rulebook, start="2027-03-03")
    story.happens(confirmation(rulebook))
    story.at("2027-03-03 18:00").expect_nothing()
    story.edited(a_rulebook(a_milestone(due="2027-12-21", basis="建议")))
    passed = story.at("2027-03-10 18:00")
    (told,) = of_chat(passed.sent, "管理员")
    assert told.at.date() == date(2027, 3, 4)
    assert "确认以后有改动，重新确认前不发给责任单位：duban confirm T05-M1" in told.text
    story.edited(a_rulebook(a_milestone(due="2027-12-22", basis="建议")))
    assert len(of_chat(story.at("2027-03-12 18:00").sent, "管理员")) == 1
    story.edited(rulebook)
    assert not of_chat(story.at("2027-03-16 07:00").sent, "管理员")


def test_edit_to_a_persons_own_basis_confirms_as_well() -> None:
    story = Timeline(a_rulebook(a_milestone(due="2027-03-10", basis="建议")), start="2027-03-03")
    story.edited(a_rulebook(a_milestone(due="2027-03-10", basis="管理员")))
    assert story.reasons("T05-M1")["县教育局"] == "OUT_OF_HOURS"


def test_proposed_step_waits_while_its_milestone_speaks() -> None:
    step = "编号: T05-M1-01, 名称: 县级自评, 完成时限: 2027-03-10, 依据: 建议"
    story = Timeline(a_rulebook(a_milestone(due="2027-03-12", steps=[step])), start="2027-03-03")
    assert set(story.reasons("T05-M1-01").values()) == {"UNCONFIRMED"}
    assert story.reasons("T05-M1")["县教育局"] == "OUT_OF_HOURS"


def test_unconfirmed_lead_goes_to_the_admin_once_marked() -> None:
    story = Timeline(a_rulebook(a_milestone(due="2027-03-10"), lead="建议"), start="2027-03-03")
    passed = story.at("2027-03-03 18:00").expect("管理员 汇总 T05-M1 提前7天 FIRST")
    assert "（请确认牵头单位）" in passed.text
    assert story.reasons("T05-M1") == {"管理员": "ALREADY_TOLD", "领导小组": "NOT_DUE"}


def test_confirmed_lead_and_units_then_hear_it_themselves() -> None:
    rulebook = a_rulebook(a_milestone(due="2027-03-10"), lead="建议")
    story = Timeline(rulebook, start="2027-03-03")
    story.at("2027-03-03 18:00")
    story.happens(confirmation(rulebook))
    passed = story.at("2027-03-04 18:00")
    passed.expect("县教育局 汇总 T05-M1 提前7天 FIRST", "县财政局 汇总 T05-M1 提前7天 FIRST")
    assert {row.addressee for row in passed.rows if row.item == "交办:T05"} == {"县教育局", "县财政局"}


def test_unit_without_a_chat_is_spoken_of_in_the_admins() -> None:
    rulebook = a_rulebook(a_milestone(due="2027-03-10"))
    story = Timeline(rulebook, start="2027-03-03")
    story.directory = Directory({ADMIN: ADMIN, "县教育局": "县教育局"})
    passed = story.at("2027-03-03 18:00").expect(
        "县教育局 汇总 T05-M1 提前7天 FIRST", "管理员 汇总 T05-M1 提前7天 FIRST"
    )
    (admin,) = of_chat(passed.sent, ADMIN)
    assert "（县财政局未配置群聊，请转告）" in admin.text


def test_leader_and_leading_group_without_chats_go_through_the_office() -> None:
    rulebook = a_rulebook(a_milestone(due="2027-03-10"))
    story = Timeline(rulebook, start="2027-03-20")
    story.directory = Directory({name: name for name in rulebook.addressable} | {ADMIN: ADMIN})
    story.at("2027-03-23 18:00")
    passed = story.at("2027-03-31 18:00")
    single = next(one for one in of_chat(passed.sent, ADMIN) if one.draft.form == "单发")
    assert "提请办公室报县教育局分管领导" in single.text
    monthly = story.at("2027-05-10 18:00")
    assert "（提请办公室报领导小组）" in monthly.text
    assert not [row for one in (*passed.sent, *monthly.sent) for row in one.draft.tellings
                if row.role in ("分管领导", "领导小组") and one.draft.chat != ADMIN]  # fmt: skip


def test_leader_with_a_chat_of_their_own_is_told_there() -> None:
    rulebook = a_rulebook(a_milestone(due="2027-03-10"))
    story = Timeline(rulebook, start="2027-03-20")
    story.directory = Directory({**everybody(rulebook).chats, "县教育局·分管领导": "教育局领导"})
    story.at("2027-03-23 18:00")
    passed = story.at("2027-03-24 18:00")
    assert [one.draft.form for one in of_chat(passed.sent, "教育局领导")] == ["单发"]


def test_schools_hear_only_what_names_them() -> None:
    story = Timeline(a_rulebook(a_duty(more="配合: [各学校]"), a_milestone(due="2027-03-10")), start="2027-02-22")
    passed = story.at("2027-03-20 18:00")
    heard = of_chat(passed.sent, "各学校")
    assert {row.item for one in heard for row in one.draft.tellings} == {"交办:T05", "T05-R1@2027-1"}
    assert "· 控辍保学学期排查（T05-R1）\u3000每年3月15日、9月15日\n" in heard[0].text
    assert "T05-M1" not in "".join(one.text for one in heard)


def test_monthly_list_is_one_message_on_the_first_workday_of_the_month() -> None:
    duties = [a_duty(f"T05-R{n}", title=f"第{n}项工作") for n in (1, 2, 3)]
    ladders = "一般节点:\n  - {时点: 提前7天, 对象: 牵头单位, 形式: 汇总}\n数据报送:\n  - {时点: 提前7天, 对象: 数据来源, 形式: 汇总}\n"
    ladders += "指标达标:\n  - {时点: 当天, 对象: 牵头单位, 形式: 汇总}\n"
    ladders += "常态工作:\n  - {时点: 逾期20个工作日, 对象: 领导小组, 形式: 月度清单}\n"
    story = Timeline(a_rulebook(*duties, ladders=ladders), start="2027-03-01")
    lists = of_chat(story.at("2027-08-01 18:00").sent, "领导小组")
    assert [one.at.date().isoformat() for one in lists] == ["2027-05-06", "2027-06-01", "2027-07-01"]
    assert {len(one.draft.tellings) for one in lists} == {3}
    assert all(one.message.title.startswith("【月度清单】领导小组") for one in lists)


def test_admin_gets_counts_and_the_first_twenty_at_the_start_and_each_quarter_with_the_undated() -> None:
    proposed = [a_duty(f"T05-R{n}", title=f"第{n}项工作", basis="建议") for n in range(1, 26)]
    story = Timeline(a_rulebook(*proposed, an_undated()), start="2026-11-23")
    first = story.at("2026-11-23 18:00")
    assert [row.item for row in first.rows if row.item.startswith("系统:待")] == ["系统:待确认@启动"]
    assert "待确认事项25项，待确认牵头单位0处。确认前不发给责任单位。" in first.text
    assert "T05-R1 第1项工作：每年3月15日、9月15日" in first.text
    assert "其余5项见 duban confirm。" in first.text
    story.at("2027-01-03 18:00")
    quarter = story.at("2027-01-04 18:00")
    items = [row.item for row in quarter.rows if row.item.startswith("系统:待")]
    assert items == ["系统:待定@2027Q1", "系统:待确认@2027Q1"] or items == ["系统:待确认@2027Q1", "系统:待定@2027Q1"]
    assert "T05（1项）：D1打造乡村温馨学校" in quarter.text
    story.at("2027-03-31 18:00").expect_nothing()


def test_first_start_in_a_later_quarter_sends_one_list_and_not_two() -> None:
    rulebook = a_rulebook(a_duty(basis="建议", cadence="每年12月1日"))
    story = Timeline(rulebook, start="2027-05-20")
    rows = [row.item for row in story.at("2027-05-20 18:00").rows if row.item.startswith("系统:待确认")]
    assert rows == ["系统:待确认@2027Q2"]


def test_undated_items_never_reach_a_unit() -> None:
    story = Timeline(a_rulebook(an_undated(more="建议时限: 2027-03-10")), start="2026-11-23")
    passed = story.at("2027-06-30 18:00")
    assert {row.addressee for row in passed.rows if "D1" in row.item or "待定" in row.item} == {ADMIN}
    assert all("乡村温馨学校" not in one.text for one in passed.sent if one.draft.chat != ADMIN)


def test_refused_edit_is_told_to_the_admin_at_once_and_once() -> None:
    story = Timeline(a_rulebook(a_milestone()), start="2027-02-24")
    story.at("2027-02-24 10:00")
    refused = RulesRejected(digest="abcdef0123456789", problems=2, first=("rules/tasks/05.yaml:12:9 错误",))
    story.happens(refused)
    (sent,) = of_chat(story.at("2027-02-24 11:00").sent, ADMIN)
    assert sent.at.hour == 10
    assert "【办公室提醒】规则改动未生效" in sent.text
    assert "共2处问题，仍按上一版规则运行。" in sent.text
    assert not of_chat(story.at("2027-03-20 18:00").sent, ADMIN)


def test_third_event_of_a_day_waits_for_the_next_slot() -> None:
    story = Timeline(a_rulebook(a_milestone(), a_duty(basis="建议")), start="2027-01-04")
    story.at("2027-01-04 10:00")  # the admin's digest of the quarter has gone out
    for name in ("一.json", "二.json", "三.json"):
        story.happens(EventRejected(name=name, problem="不是 JSON"))
    passed = of_chat(story.at("2027-01-04 18:00").sent, ADMIN)
    assert [one.draft.form for one in passed] == ["单发", "单发"]
    third = next(item for item in ("系统:来件@一.json", "系统:来件@二.json", "系统:来件@三.json")
                 if story.reasons(item)[ADMIN] != "ALREADY_TOLD")  # fmt: skip
    assert story.reasons(third)[ADMIN] == "OVER_BUDGET"
    later = of_chat(story.at("2027-01-05 18:00").sent, ADMIN)
    assert [row.item for one in later for row in one.draft.tellings] == [third]


def test_missing_calendar_is_told_to_the_admin_weekly_from_mid_november() -> None:
    story = Timeline(a_rulebook(a_milestone(due="2029-12-31"), starts="2027-11-01"), start="2027-11-01")
    story.at("2027-11-14 18:00").expect_nothing()
    rows = [row for row in story.at("2028-02-28 18:00").rows if row.item == "系统:日历@2028"]
    assert {row.addressee for row in rows} == {ADMIN}
    assert 9 <= len(rows) <= 11


def test_the_admin_hears_when_the_table_of_statutory_days_ends() -> None:
    book = a_rulebook(a_milestone(due="2029-12-31"), starts="2027-11-01")
    law = StatutoryTable.model_validate({"各年": [{"年份": 2028, "放假": []}]})
    for table, ends in ((law, False), (StatutoryTable(), True)):
        story = Timeline(replace(book, calendar=Calendar.build([], table)), start="2027-11-01")
        said = [one.text for one in of_chat(story.at("2027-11-19 18:00").sent, ADMIN)]
        assert any("2028年放假安排没有录全" in text for text in said)
        assert any("法定节日.yaml 里没有2028年" in text for text in said) is ends
