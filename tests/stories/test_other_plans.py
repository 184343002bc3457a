"""Joint leads, guiding units, areas and hopes, told as timelines; whole plans of that kind are in tests/plans."""

from __future__ import annotations

from bot.core.deciding.office import unconfirmed
from bot.core.facts.events import Confirmed, Done
from bot.core.facts.renaming import payload_of_today
from bot.core.rules.rulebook import Rulebook
from bot.core.rules.succession import UNCHANGED
from tests.kit.builders import LADDERS, a_duty, a_milestone, a_rulebook
from tests.stories.timeline import Timeline

BOTH = "牵头: {单位: [县教育局, 县财政局], 依据: 建议}"
GUIDED = LADDERS + "有指导:\n  - {时点: 提前7天, 对象: [牵头单位, 指导单位], 形式: 汇总}\n"


def joint(lead: str = BOTH) -> Rulebook:
    return a_rulebook(a_milestone(due="2027-03-10", ladder="一般节点", more=lead))


def test_a_proposed_pair_of_leads_waits_as_one() -> None:
    story = Timeline(joint(), start="2027-02-22")
    _, leads = unconfirmed(story.rulebook, story.facts)
    assert leads["T05-M1"] == "县教育局、县财政局"
    assert {one.draft.chat for one in story.at("2027-03-03 18:00").sent if "T05-M1 " in one.lines()[0]} == {"管理员"}


def test_confirmed_leads_both_hear_and_one_may_answer_for_both() -> None:
    story = Timeline(joint(), start="2027-03-01")
    story.happens(Confirmed(leads={"T05-M1": "县教育局、县财政局"}, by="办公室"))
    passed = story.at("2027-03-03 18:00")
    passed.expect("县教育局 汇总 T05-M1 提前7天 FIRST", "县财政局 汇总 T05-M1 提前7天 FIRST")
    story.happens(Done(item="T05-M1", by="县财政局"))
    story.at("2027-03-20 18:00").expect_nothing()


def test_another_partner_asks_for_confirmation_again() -> None:
    story = Timeline(joint(), start="2027-03-01")
    story.happens(Confirmed(leads={"T05-M1": "县教育局、县财政局"}, by="办公室"))
    story.edited(
        a_rulebook(
            a_milestone(due="2027-03-10", ladder="一般节点", more=BOTH.replace("县财政局", "县民政局")),
            units="县教育局, 县财政局, 县民政局",
        )
    )
    assert unconfirmed(story.rulebook, story.facts)[1] == {"T05-M1": "县教育局、县民政局"}


def test_a_merged_partner_is_confirmed_under_its_new_name() -> None:
    payload = Confirmed(leads={"T05-M1": "县教育局、县财政局"})
    assert payload_of_today(payload, UNCHANGED) == payload
    renamed = type(UNCHANGED)(units={"县财政局": "县财政和国资局"})
    assert payload_of_today(payload, renamed) == Confirmed(leads={"T05-M1": "县教育局、县财政和国资局"})


def test_a_guiding_unit_hears_where_a_rung_names_it_and_is_told_of_it_at_the_start() -> None:
    guided = a_milestone(due="2027-03-10", ladder="有指导", more="指导: [县民政局]")
    other = a_milestone("T05-M2", due="2027-03-10", ladder="一般节点", more="指导: [县民政局]", title="另一项")
    story = Timeline(a_rulebook(guided, other, ladders=GUIDED), start="2027-03-01")
    passed = story.at("2027-03-20 18:00")
    heard = [line for one in passed.sent for line in one.lines() if line.startswith("县民政局")]
    assert heard == ["县民政局 汇总 交办:T05 当天 ASSIGNED", "县民政局 汇总 T05-M1 提前7天 FIRST"]
    [handed] = [one for one in passed.sent if one.draft.chat == "县民政局" and "交办" in one.text.splitlines()[0]]
    assert "指导：第（五）项" in handed.text
    assert {row.role for row in handed.draft.tellings} == {"指导单位"}


def test_each_area_goes_its_own_way() -> None:
    areas = """分区:
  - {编号: T05-M1-A1, 名称: 城区, 完成时限: 2027-03-10, 责任单位: 县民政局}
  - {编号: T05-M1-A2, 名称: 乡村, 责任单位: 县人社局}"""
    story = Timeline(a_rulebook(a_milestone(due="2027-04-14", ladder="一般节点", more=areas)), start="2027-03-01")
    story.at("2027-03-08 18:00").expect("县民政局 汇总 T05-M1-A1 提前7天 FIRST")
    story.happens(Done(item="T05-M1-A1", by="县民政局"))
    story.at("2027-04-08 18:00").expect(
        "县教育局 汇总 T05-M1 提前7天 FIRST",
        "县财政局 汇总 T05-M1 提前7天 FIRST",
        "县人社局 汇总 T05-M1-A2 提前7天 FIRST",
        "县民政局 汇总 T05-M1-A1 已登记 REGISTERED",
    )


def test_what_is_hoped_for_in_principle_stays_with_the_unit() -> None:
    story = Timeline(
        a_rulebook(a_milestone(due="2027-03-10", more="措辞: 原则上"), units="县教育局"), start="2027-03-09"
    )
    told = {row.role for one in story.at("2027-06-30 18:00").sent for row in one.draft.tellings if row.item == "T05-M1"}
    assert told == {"牵头单位"}


def test_an_exception_moves_one_period_and_leaves_its_label_alone() -> None:
    before = a_rulebook(a_duty(cadence="每年3月底"))
    story = Timeline(before, start="2027-04-01")
    story.at("2027-04-02 18:00")
    moved = a_rulebook(a_duty(cadence="每年3月底", more="例外: {2028: 5月底}"))
    story.edited(moved)
    story.at("2027-04-06 18:00")
    assert story.state("T05-R1@2028") == "正常推进"
    assert {one.due_on.isoformat() for one in [d.finding for d in story.decisions("T05-R1@2028")] if one.due_on} == {
        "2028-05-31"
    }
