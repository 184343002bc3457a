"""The county's plan as rule files: complete, honest about who said what, and short."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

import pytest
import yaml

from bot.core.deciding.addressees import Directory
from bot.core.deciding.desk import Used
from bot.core.deciding.look import Scene
from bot.core.deciding.memory import Tellings
from bot.core.facts.facts import Facts
from bot.core.preview.preview import preview_of
from bot.core.rules.rulebook import IndicatorForm, Ladder, PlanForm, Rulebook, TaskForm, TaskIndicatorForm, UnitsForm
from bot.core.rules.words import Unit
from bot.core.time.windows import OfficeHours
from bot.core.time.zone import ZONE
from bot.rule_kinds import kinds
from bot.rulefiles.loader import load

RULES = Path(__file__).parents[2] / "rules"
UNITS_PER_TASK = (6, 5, 5, 5, 8, 4, 6, 6, 2, 4, 5, 4, 4, 3, 3, 6, 5, 2)
ELEMENTS_PER_TASK = {
    "S01": 4, "S03": 13, "T01": 9, "T02": 18, "T03": 10, "T04": 8, "T05": 13, "T06": 8, "T07": 10, "T08": 14,
    "T09": 6, "T10": 8, "T11": 8, "T12": 9, "T13": 9, "T14": 8, "T15": 8, "T16": 6, "T17": 11, "T18": 7,
}  # fmt: skip
ELEMENTS = {f"{task}-E{n:02}" for task, count in ELEMENTS_PER_TASK.items() for n in range(1, count + 1)}
RESTRICTED = {
    "T01-E07", "T02-E14", "T02-E15", "T02-E16", "T03-E09", "T05-E09", "T05-E10", "T09-E04", "T09-E05", "T09-E06",
    "T12-E01", "T16-E06", "S03-E08", "S03-E13",
}  # fmt: skip
#: Elements that are watched because something happens or is to be expected.
ARISING = {"办件": 3, "预测": 4, "禁止": 5}
#: Elements of the tasks that are measured by numbers, by the way they are watched.
MEASURED = {"保持": 5, "趋势": 18, "只增不减": 1, "比照": 1}
LIST_LADDERS = ("一般节点", "常态工作", "月度工作", "数据报送")


def read(name: str) -> Any:
    return yaml.safe_load((RULES / name).read_text(encoding="utf-8"))


@cache
def tasks() -> dict[str, Any]:
    found = [read(f"tasks/{path.name}") for path in sorted((RULES / "tasks").glob("*.yaml"))]
    return {task["编号"]: task for task in found}


def items() -> Iterator[dict[str, Any]]:
    for task in tasks().values():
        yield from task["事项"]


def measured() -> Iterator[dict[str, Any]]:
    """The indicators in the files of the tasks."""
    for task in tasks().values():
        yield from task.get("监测指标", ())


def way(indicator: dict[str, Any]) -> str:
    """How a task's indicator is watched, besides 报送."""
    first = indicator["监测"][0]
    return first if isinstance(first, str) else next(iter(first))


@cache
def rulebook() -> Rulebook:
    found = load(RULES).rulebook
    assert found is not None
    return found


@cache
def messages_of_a_neglected_year() -> Counter[str]:
    """Messages per chat in 2027 when everything is confirmed, every name has a chat, and nobody ever reports anything."""
    units = rulebook().addressable
    names = (*units, *(f"{unit}·分管领导" for unit in units), "领导小组", "管理员")
    chats = Directory({name: name for name in names})
    facts = Facts(all_confirmed=True)
    scene = Scene(rulebook(), facts, Tellings(), chats, OfficeHours(), lambda chat, day: Used())
    start, end = datetime(2026, 11, 23, 8, tzinfo=ZONE), datetime(2027, 12, 31, 18, tzinfo=ZONE)
    return Counter(draft.chat for draft, _ in preview_of(scene, start, end) if draft.at.year == 2027)


def fates() -> Iterator[tuple[str, str]]:
    """Every (element, what became of it) in the files."""
    for item in items():
        yield from ((element, item["类型"]) for element in item.get("要素", ()))
        yield from ((element, "附注") for note in item.get("附注", ()) for element in note["要素"])
    for task in tasks().values():
        yield from {
            element: way(one) for one in reversed(task.get("监测指标", ())) for element in one.get("要素", ())
        }.items()
        yield from ((element, entry["类型"]) for entry in task.get("待建规则", ()) for element in entry["要素"])


def numbered_tasks() -> list[dict[str, Any]]:
    return [tasks()[f"T{n:02}"] for n in range(1, 19)]


def targets() -> list[dict[str, Any]]:
    return [target for indicator in read("indicators.yaml") for target in indicator["目标"]]


def test_of_the_county_rules_nothing_is_remarked_but_the_six_baselines_to_be_filled_in() -> None:
    remarks = [(problem.code, problem.severity) for problem in load(RULES).problems]
    assert remarks == [("no-baseline", "info")] * 6
    watched = [watch for one in [*read("indicators.yaml"), *measured()] for watch in one["监测"]]
    assert len(rulebook().rules) == len(list(items())) + len(watched)
    assert len(watched) == 6 * 4 + 2 * 3 + 31 * 2 + 1 + 4  # one only to be compared with, four for the forecast


def test_the_milestone_reaches_its_lead_and_all_other_units_of_the_task() -> None:
    rule = rulebook().by_id["T05-M1"]
    assert rule.lead is not None
    assert {rule.lead.unit, *rule.cooperating} == set(tasks()["T05"]["责任单位"])


def test_every_file_fits_its_form() -> None:
    PlanForm.model_validate(read("plan.yaml"))
    UnitsForm.model_validate(read("units.yaml"))
    for ladder in read("ladders.yaml").values():
        Ladder.model_validate(ladder)
    for indicator in read("indicators.yaml"):
        IndicatorForm.model_validate(indicator)
    for task in tasks().values():
        TaskForm.model_validate(task)
    for indicator in measured():
        TaskIndicatorForm.model_validate(indicator)


def test_every_item_fits_the_form_of_its_kind() -> None:
    for item in items():
        params = kinds()[item["类型"]].Params
        assert params is not None
        assert params.model_validate(item).id == item["编号"]


def test_the_plan_is_a_draft_and_begins_on_its_first_day() -> None:
    plan = PlanForm.model_validate(read("plan.yaml"))
    assert plan.citation == "实施方案（征求意见稿）"
    assert plan.starts_on.isoformat() == "2026-11-23"


def test_there_are_nineteen_units_one_group_and_three_organs() -> None:
    units = read("units.yaml")
    assert Counter(unit["性质"] for unit in units["责任单位"]) == {"政府部门": 10, "党委部门": 5, "群团组织": 4}
    assert [group["名称"] for group in units["集体对象"]] == ["各学校"]
    assert [body["名称"] for body in units["机构"]] == ["县委", "县政府", "县委教育工作领导小组"]


def test_eighteen_tasks_name_eighty_three_unit_pairs() -> None:
    counts = tuple(len(task["责任单位"]) for task in numbered_tasks())
    assert counts == UNITS_PER_TASK
    assert sum(counts) == 83
    assert len({unit for task in numbered_tasks() for unit in task["责任单位"]}) == 19


def test_tasks_are_numbered_as_in_the_plan() -> None:
    ordinals = [*"一二三四五六七八九十", *(f"十{digit}" for digit in "一二三四五六七八")]
    assert [task["任务"] for task in numbered_tasks()] == ordinals
    assert set(tasks()) - {task["编号"] for task in numbered_tasks()} == {"S03"}


def test_every_named_unit_exists_and_a_lead_is_one_of_the_responsible_units() -> None:
    known = {unit["名称"] for unit in read("units.yaml")["责任单位"]}
    for task in tasks().values():
        assert set(task["责任单位"]) <= known
        for item in task["事项"]:
            lead = item.get("牵头", task["牵头"])["单位"]
            assert lead in item.get("责任单位", task["责任单位"]), item["编号"]
            assert set(item.get("配合", ())) <= (set(task["责任单位"]) - {lead}) | {"各学校"}, item["编号"]


def test_every_lead_is_a_proposal_since_the_plan_marks_none() -> None:
    owners = [*tasks().values(), *read("indicators.yaml"), *items()]
    assert {owner["牵头"]["依据"] for owner in owners if "牵头" in owner} == {"建议"}


def test_units_of_section_three_are_proposals() -> None:
    assert tasks()["S03"]["责任依据"] == "建议"


def test_eight_indicators_have_sixteen_targets_in_the_plans_wording() -> None:
    assert [one["编号"] for one in read("indicators.yaml")] == [f"I{n}" for n in range(1, 9)]
    assert Counter(target["措辞"] for target in targets()) == {"达到": 8, "以上": 4, "保持": 2, "左右": 2}
    assert Counter(target["期限"] for target in targets()) == {"2027年": 8, "2035年": 8}


def test_target_values_are_those_of_the_plan() -> None:
    values = [tuple(str(target["值"]) for target in one["目标"]) for one in read("indicators.yaml")]
    assert values == [
        ("10.5", "12"), ("99.95", "99.95"), ("100", "100"), ("97", "97.5"),
        ("71", "75"), ("63", "65"), ("2600", "3000"), ("36", "45"),
    ]  # fmt: skip


def test_no_indicator_has_a_baseline_nobody_gave() -> None:
    assert all(one["基期"] is None for one in read("indicators.yaml"))


def test_every_indicator_is_reported_by_one_of_the_units() -> None:
    known = {unit["名称"] for unit in read("units.yaml")["责任单位"]}
    for one in [*read("indicators.yaml"), *measured()]:
        assert one["数据来源"] in known
        assert one["报送"]["依据"] == "建议"
        assert one["监测"][-1] == "报送"


def test_six_indicators_have_a_pace_and_two_are_to_be_held() -> None:
    watched = {one["编号"]: one["监测"][1:-1] for one in read("indicators.yaml")}
    assert {name for name, ways in watched.items() if ways == ["序时", "推算"]} == {"I1", "I4", "I5", "I6", "I7", "I8"}
    assert watched["I2"] == [{"保持": {"起": "2027年"}}]
    assert watched["I3"] == [{"保持": {"值": 100, "界": "不低于"}}]


def test_measures_the_plan_names_stand_by_themselves_and_all_others_are_proposals() -> None:
    named = {one["编号"] for one in measured() if one["依据"] == "方案"}
    assert named == {
        *("T02-I1", "T02-I2", "T02-I3", "T02-I4"),  # 2小时, 近视率, 肥胖率, 体质健康优良率
        *("T07-I1", "T07-I2", "T07-I3"),
        *("S03-I1", "S03-I2"),  # 两个只增不减
    }
    assert all("建议" in one["口径"] for one in measured() if one["依据"] == "建议" and way(one) == "趋势")


def test_pay_is_compared_without_a_word_about_amounts() -> None:
    pay = {one["编号"]: one for one in measured() if one["编号"] in ("T12-I1", "T12-I2")}
    assert pay["T12-I1"]["监测"][0] == {"比照": {"不低于": "T12-I2"}}
    assert all(one["敏感"] is True for one in pay.values())


def test_national_recognition_is_watched_once_though_stated_twice() -> None:
    watching = [item for item in items() if {"T05-E13", "S01-E02"} & set(item.get("要素", ()))]
    assert [item["编号"] for item in watching] == ["T05-M1"]
    assert set(watching[0]["要素"]) == {"T05-E13", "S01-E02"}


def test_every_element_of_the_plan_has_exactly_one_fate() -> None:
    counted = Counter(element for element, _ in fates())
    assert len(ELEMENTS) == 187
    assert set(counted) == ELEMENTS
    assert [element for element, times in counted.items() if times > 1] == []


def test_no_element_waits_for_a_rule_kind() -> None:
    assert not any(task.get("待建规则") for task in tasks().values())
    assert Counter(kind for _, kind in fates() if kind in ARISING) == ARISING


def test_cases_and_bans_are_proposals_and_name_nobody() -> None:
    found = [item for item in items() if item["类型"] in ("办件", "禁止")]
    assert {item["依据"] for item in found} == {"建议"}
    assert all(item["敏感"] for item in found if item["类型"] == "办件")
    assert [step["名称"] for step in rulebook_item("T09-C1")["步骤"]] == ["监测", "核查", "处理", "通报"]
    seasons = {item["编号"]: item.get("季节") for item in found if item["类型"] == "禁止"}
    enrolment = dict.fromkeys(("T17-B1", "T17-B2", "T17-B3"), "4月1日至9月30日")
    assert seasons == {"T08-B1": None, "T09-B1": None, **enrolment}


def test_the_forecast_covers_every_stage_with_the_plans_lags() -> None:
    stages = rulebook_item("T03-F1")["学段"]
    assert [(one["入学年龄"], one["学制"]) for one in stages] == [(3, 3), (6, 6), (12, 3), (15, 3)]
    assert {one["学位"] for one in stages} == {"T03-I1", "T03-I3", "T03-I4", "T03-I5"}


def test_all_five_safety_campaigns_are_duties() -> None:
    titles = "".join(item["名称"] for item in items() if item["类型"] == "周期" and item["编号"].startswith("S03"))
    assert all(word in titles for word in ("消防", "食品", "交通", "校舍建筑", "实验室危化品"))


def rulebook_item(name: str) -> dict[str, Any]:
    """One item as the file has it."""
    return next(item for item in items() if item["编号"] == name)


def test_every_element_with_a_measure_has_its_indicators() -> None:
    first = {element: way(one) for task in tasks().values() for one in reversed(task.get("监测指标", ()))
             for element in one.get("要素", ())}  # fmt: skip
    assert Counter(first.values()) == MEASURED
    several = Counter(element for one in measured() for element in one.get("要素", ()))
    assert {element: count for element, count in several.items() if count > 1} == {
        "T02-E09": 2, "T07-E05": 3, "T12-E01": 2, "T13-E03": 3, "S03-E06": 2,
    }  # fmt: skip


def test_every_restricted_element_is_sensitive() -> None:
    everything = [*items(), *measured()]
    watched = {element: item for item in everything for element in item.get("要素", ()) if element in RESTRICTED}
    assert all(item.get("敏感") for item in watched.values()), watched
    assert set(watched) == RESTRICTED


def test_only_restricted_elements_are_sensitive() -> None:
    everything = [*items(), *measured()]
    assert {element for item in everything if item.get("敏感") for element in item["要素"]} <= RESTRICTED


def test_the_plan_is_not_credited_with_dates_it_does_not_state() -> None:
    stated = [item for item in items() if item["依据"] == "方案"]
    assert [item["编号"] for item in stated if "完成时限" in item] == ["T05-M1"]
    assert [item["编号"] for item in stated if "周期" in item] == []
    steps = [step for item in items() if item["类型"] == "节点" for step in item.get("步骤", ())]
    assert {step["依据"] for step in steps} == {"建议"}


def test_every_item_from_the_plan_says_where_it_stands() -> None:
    assert all(item.get("出处") and item.get("要素") for item in items() if item["依据"] == "方案")


def test_anchors_are_at_most_twenty_characters() -> None:
    anchors = [one["出处"] for one in [*items(), *measured(), *targets()] if "出处" in one]
    assert len(anchors) > 140
    assert max(map(len, anchors)) <= 20


def test_item_ids_are_unique_and_belong_to_their_task() -> None:
    ids = [item["编号"] for item in items()] + [
        step["编号"] for item in items() if item["类型"] == "节点" for step in item.get("步骤", ())
    ]
    assert len(ids) == len(set(ids))
    for task in tasks().values():
        assert all(one["编号"].startswith(f"{task['编号']}-") for one in [*task["事项"], *task.get("监测指标", ())])


def test_oddities_of_the_plan_are_kept_verbatim_and_flagged() -> None:
    flagged = {item["编号"]: item for item in items()}
    assert "事实无人扶养孤儿" in flagged["T05-D5"]["出处"]
    assert "抚养" in flagged["T05-D5"]["说明"]
    assert "试验箱" in flagged["T13-D3"]["出处"]
    assert "实验箱" in flagged["T13-D3"]["说明"]


def test_only_the_major_milestone_and_what_was_entered_are_chased_weekly() -> None:
    weekly = {
        name for name, ladder in read("ladders.yaml").items()
        for rung in Ladder.model_validate(ladder).rungs
        if rung.offset.repeats and rung.offset.count < 30 and rung.offset.unit is not Unit.QUARTER
    }  # fmt: skip
    assert weekly == {"重大节点", "办件", "禁止事项"}  # the latter two only while a case is late
    assert [item["编号"] for item in items() if item.get("督办阶梯") == "重大节点"] == ["T05-M1"]


@pytest.mark.parametrize("name", LIST_LADDERS)
def test_what_stays_undone_reaches_the_leading_group_only_in_the_monthly_list(name: str) -> None:
    rungs = Ladder.model_validate(read("ladders.yaml")[name]).rungs
    assert [rung.offset.words() for rung in rungs if rung.delivery == "月度清单"] == ["逾期20个工作日"]
    assert {str(rung.delivery) for rung in rungs if "领导小组" in rung.roles} == {"月度清单"}


def test_schools_are_asked_for_very_few_things() -> None:
    asked = [item["编号"] for item in items() if "各学校" in item.get("配合", ())]
    assert 0 < len(asked) <= 6


def test_a_year_without_any_report_stays_bearable_for_every_unit() -> None:
    sent = messages_of_a_neglected_year()
    units = [unit["名称"] for unit in read("units.yaml")["责任单位"]]
    assert 0 < median(sent[unit] for unit in units) <= 60
    assert max(sent[unit] for unit in units) <= 125  # nobody hears from the bot on more than every second working day


def test_schools_hear_less_than_once_a_month() -> None:
    assert 0 < messages_of_a_neglected_year()["各学校"] < 12


def test_the_leading_group_gets_one_list_a_month() -> None:
    assert messages_of_a_neglected_year()["领导小组"] <= 12
