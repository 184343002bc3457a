"""Another city, another field, roles with other names: everything such a plan says is said without code.

Every date below was counted by hand from the plan's words and a paper calendar.
"""

from __future__ import annotations

from datetime import date

import pytest

from bot.core.deciding.addressees import addressees
from bot.core.deciding.findings import judge_one
from bot.core.facts.events import CaseOpened
from bot.core.facts.facts import Facts
from bot.core.rules.item import State
from bot.core.rules.rulebook import Role
from tests.plans.sample_plans import CITY, dates_of, foretold, items, loaded, the_plan, verdict
from tests.stories.timeline import Timeline

DISTRICTS = ["东城区", "西城区", "南湖区", "北港区", "新阜区", "金岭区", "鹤山区", "临海区", "高新区", "云溪县"]


def test_the_plan_loads_and_only_the_missing_baseline_is_mentioned() -> None:
    assert [(one.code, one.severity) for one in loaded(CITY).problems] == [("no-baseline", "info")]
    assert sum(len(task.items) for task in the_plan(CITY).tasks) >= 30


# --- dates ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("T01-R1", {"2026": "2026-11-30", "2027": "2027-03-31", "2028": "2028-03-31", "2029": "2029-03-31",
                    "2030": "2030-03-31"}),  # the first year has a date of its own; the plan ends with 2030
        ("T01-R3", {"2030": "2030-10-31"}),  # 2026-10-31 lies before the plan's start, 2028 does not take place
        ("T02-R1", {"2027-1": "2027-01-31", "2027-2": "2027-07-31", "2028-1": "2028-01-31", "2028-2": "2028-07-31",
                    "2029-1": "2029-01-31", "2029-2": "2029-07-31", "2030-1": "2030-01-31", "2030-2": "2030-07-31",
                    "2031-1": "2031-01-31"}),  # its half-year opens on 1 August 2030
        ("T06-R2", {"2027": "2028-01-31", "2028": "2028-12-31", "2029": "2029-12-31", "2030": "2030-12-31"}),
        ("T08-R1", {"2027": "2027-11-20", "2028": "2028-11-20", "2029": "2029-11-20", "2030": "2030-11-20"}),
    ],
)  # fmt: skip
def test_cycles_with_exceptions(rule: str, expected: dict[str, str]) -> None:
    assert dates_of(CITY, rule) == {f"{rule}@{label}": on for label, on in expected.items()}


def test_a_weekly_duty_ends_with_the_week_that_began_before_its_end() -> None:
    weeks = dates_of(CITY, "T02-R2")
    assert weeks["T02-R2@2026W45"] == "2026-11-06"
    assert max(weeks.values()) == weeks["T02-R2@2027W26"] == "2027-07-02"


@pytest.mark.parametrize(
    ("item", "due"),
    [
        ("T01-M1", "2027-06-30"), ("T03-M1", "2028-06-30"), ("T03-M2", "2029-12-31"), ("T04-M1", "2027-09-30"),
        ("T04-M2", "2029-12-31"), ("T05-M1", "2026-12-15"), ("T06-M1", "2027-03-31"), ("T08-M2", "2027-08-31"),
        ("S09-M1", "2028-06-30"), ("S09-M2", "2030-12-31"), ("T02-M2-01", "2027-06-20"),
        ("T05-R1@2027-03", "2027-03-05"), ("T05-R2@2027-03上", "2027-03-15"), ("T05-R2@2027-03下", "2027-03-31"),
        ("T04-R2@2027-03", "2027-03-01"), ("T03-R1@2027Q1", "2027-04-15"), ("T07-R1@2027Q1", "2027-04-15"),
        ("T05-R3@2026", "2027-01-29"),  # twenty workdays from Monday, 4 January
    ],
)  # fmt: skip
def test_dates_as_such_plans_write_them(item: str, due: str) -> None:
    assert str(items(CITY)[item].due_on) == due


def test_each_district_has_its_own_year_id_and_lead() -> None:
    years = dict(zip(DISTRICTS, (2026, 2026, 2027, 2027, 2027, 2028, 2028, 2028, 2029, 2029), strict=True))
    found = {item.rule.lead.unit: item for item in items(CITY).values() if item.id.startswith("T02-M1-")}  # type: ignore[union-attr]
    assert {lead: str(item.due_on) for lead, item in found.items()} == {
        f"{name}政府": f"{year}-12-31" for name, year in years.items()
    }
    assert found["云溪县政府"].id == "T02-M1-yunxi"
    assert found["云溪县政府"].title == "两千年前建成的小区全部改造完毕（云溪县）"
    assert "T02-M1" not in items(CITY)  # nothing is said of the whole


def test_a_group_with_members_makes_an_item_for_each_member_and_period() -> None:
    first_quarter = {item for item in dates_of(CITY, "T01-R2") if item.endswith("@2027Q1")}
    assert len(first_quarter) == 10
    assert items(CITY)["T01-R2-heshan@2027Q1"].rule.lead == the_plan(CITY).by_id["T02-M1-heshan"].lead


def test_an_area_without_a_date_of_its_own_has_that_of_the_whole() -> None:
    assert dates_of(CITY, "T02-M2") == {
        "T02-M2": "2030-12-31", "T02-M2-01": "2027-06-20", "T02-M2-A1": "2028-09-30", "T02-M2-A2": "2030-12-31",
    }  # fmt: skip
    assert str(items(CITY)["T02-M2-A2"].late_from) == "2031-02-28"


# --- numbers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("item", "values", "state", "detail"),
    [
        ("I1@2027", {"_2027": "120"}, "达标", "完成值120台，目标不少于120台"),
        ("I1@2028", {"_2028": "119"}, "未达标", "完成值119台，目标不少于120台"),
        ("I1@2030累计", {"_2027": "130", "_2028": "110", "_2029": "120", "_2030": "140"}, "达标",
         "累计500台，目标2027年起累计达到500台"),
        ("I1@2030累计", {"_2027": "130", "_2028": "110", "_2029": "120", "_2030": "139"}, "未达标",
         "累计499台，目标2027年起累计达到500台"),
        ("I1@2030累计", {"_2027": "900", "_2028": "110", "_2030": "140"}, "待公布", "累计缺2029的数据"),
        ("I2@2027累计", {"_2027Q1": "20", "_2027Q2": "20", "_2027Q3": "20", "_2027Q4": "20"}, "达标",
         "累计80个，目标2027年起累计80个以上"),
        ("I2@2027累计", {"_2027Q1": "99"}, "待公布", "累计缺2027Q2、2027Q3、2027Q4的数据"),
        ("I3@2027H1", {"_2027H1": "94.9"}, "未达标", "完成值94.9%，目标不低于95%"),
        ("I3@2027", {"_2027H1": "99"}, "待公布", ""),  # the year's target is held against its second half
        ("I3@2027", {"_2027H2": "98"}, "达标", "完成值98%，目标98%以上"),
        ("I4@2028", {"_2028": "4.95"}, "达标", "完成值4.95%，目标稳定在5.5%左右"),
        ("I4@2028", {"_2028": "4.94"}, "未达标", "完成值4.94%，目标稳定在5.5%左右"),
        ("I4@2028", {"_2028": "6.06"}, "未达标", "完成值6.06%，目标稳定在5.5%左右"),
        ("I5@2027", {"_2027": "11.5"}, "达标", "完成值11.5千克标准煤，目标比基期下降8%（即11.5千克标准煤）"),
        ("I5@2030", {"_2030": "10.26"}, "未达标", "完成值10.26千克标准煤，目标比基期下降18%以上（即10.25千克标准煤）"),
        ("I6@2028", {"_2028": "22.472"}, "达标", "完成值22.472亿元，目标年均增长6%（即22.47亿元）"),
        ("I6@2028", {"_2028": "22.471"}, "未达标", "完成值22.471亿元，目标年均增长6%（即22.47亿元）"),
        ("I7@2027", {"_2027": "3"}, "达标", "完成值3起，目标控制在3起以内"),
        ("I7@2028", {"_2028": "2"}, "未达标", "完成值2起，目标低于2起"),
        ("I8@2029", {"_2029": "15"}, "达标", "完成值15%，目标保持10%—15%"),
        ("I8@2029", {"_2029": "15.1"}, "未达标", "完成值15.1%，目标保持10%—15%"),
        ("I9@2030", {"_2030": "1"}, "待公布", "待填基期"),
    ],
)  # fmt: skip
def test_targets_as_such_plans_word_them(item: str, values: dict[str, str], state: str, detail: str) -> None:
    assert verdict(CITY, item, **values) == (State(state), detail)


# --- who hears, and in which words -----------------------------------------------------------------------------------


def roles_of(item: str) -> dict[str, set[str]]:
    """Everybody who may ever hear of an item on its ladder, with the roles."""
    plan = the_plan(CITY)
    finding = judge_one(items(CITY)[item], Facts(all_confirmed=True), date(2027, 1, 4), plan.calendar)
    return {one.key: {role.value for role in one.roles} for one in addressees(finding)}


def test_two_leads_answer_together_and_both_their_leaders_hear() -> None:
    assert roles_of("T03-M1") == {
        "市水务集团": {"牵头单位"}, "市供电公司": {"牵头单位"}, "市住房城乡建设局": {"配合单位"},
        "市通信发展管理办公室": {"配合单位"}, "市水务集团·分管领导": {"分管领导"}, "市供电公司·分管领导": {"分管领导"},
        "领导小组": {"领导小组"},
    }  # fmt: skip


def test_a_guiding_unit_hears_by_the_rungs_that_name_it() -> None:
    assert roles_of("T02-M1-xicheng") == {
        "西城区政府": {"牵头单位"}, "市发展改革委": {"指导单位"}, "西城区政府·分管领导": {"分管领导"}, "领导小组": {"领导小组"},
    }  # fmt: skip
    assert "市发展改革委" not in roles_of("T01-M1")  # 一般节点 has no rung for it


@pytest.mark.parametrize("item", ["T02-M2", "T02-M2-A1", "T04-M2"])
def test_what_is_only_hoped_for_is_not_carried_upwards(item: str) -> None:
    roles = set.union(*roles_of(item).values())
    assert "牵头单位" in roles
    assert not roles & {"分管领导", "领导小组"}


def test_a_late_district_hears_then_its_leader_and_the_guiding_unit_then_the_group() -> None:
    sent = foretold(CITY, "2026-12-25", "2027-02-28 18:00")
    heard = [line for one in sent for line in one.lines() if "T02-M1-xicheng" in line]
    assert sorted(heard) == sorted((
        "西城区政府 汇总 T02-M1-xicheng 提前30天 FIRST",
        "市发展改革委 汇总 T02-M1-xicheng 提前90天 FIRST",
        "西城区政府 单发 T02-M1-xicheng 提前1个工作日 NEXT_RUNG",
        "西城区政府 单发 T02-M1-xicheng 逾期1个工作日 WORSENED",
        "管理员 单发 T02-M1-xicheng 逾期5个工作日 ESCALATED",  # the leader has no chat of his own
        "市发展改革委 单发 T02-M1-xicheng 逾期5个工作日 WORSENED",
        "领导小组 月度清单 T02-M1-xicheng 逾期20个工作日·月度清单 ESCALATED",
    ))  # fmt: skip


def test_messages_use_the_plans_own_words() -> None:
    texts = "\n".join(one.text for one in foretold(CITY, "2028-05-01", "2028-08-31 18:00"))
    assert "牵头：市水务集团、市供电公司" in texts
    assert "参加单位：市住房城乡建设局、市通信发展管理办公室" in texts
    assert "依据：行动方案（云政办发〔2026〕38号）第（三）项" in texts
    assert "依据：行动方案（云政办发〔2026〕38号）第九部分" in texts
    assert "配合单位" not in texts
    assert the_plan(CITY).plan.called(Role.LEADING_GROUP) == "市更新专班"


def test_the_time_a_request_may_take_depends_on_its_kind() -> None:
    story = Timeline(the_plan(CITY), start="2027-03-01 09:00").as_confirmed()
    for number, category in (("1", "安全隐患"), ("2", "一般诉求")):
        story.happens(CaseOpened(rule="T07-C1", case=number, on=date(2027, 3, 1), category=category))
    story.at("2027-03-01 18:00")
    steps = [f"T07-C1@{case}#受理分派" for case in "12"]
    due = {one.finding.item.id: str(one.finding.due_on) for step in steps for one in story.decisions(step)}
    assert due == {"T07-C1@1#受理分派": "2027-03-02", "T07-C1@2#受理分派": "2027-03-04"}


def test_the_preview_of_the_first_weeks_is_as_the_plan_says() -> None:
    told = [
        (f"{one.at:%m-%d}", row.addressee, row.item, row.rung)
        for one in foretold(CITY, "2026-11-01", "2026-12-05 18:00")
        for row in one.draft.tellings
        if row.item in ("T01-R1@2026", "T05-M1")
    ]
    assert sorted(told) == [
        ("11-20", "市住房城乡建设局", "T01-R1@2026", "提前10天"),
        ("11-20", "市民政局", "T01-R1@2026", "提前10天"),
        ("11-20", "市自然资源和规划局", "T01-R1@2026", "提前10天"),
        ("11-30", "市住房城乡建设局", "T05-M1", "提前15天"),
        ("11-30", "市城管执法局", "T05-M1", "提前15天"),
        ("12-01", "市住房城乡建设局", "T01-R1@2026", "逾期1个工作日"),
    ]
