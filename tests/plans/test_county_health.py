"""A plan of quite another shape: tasks 1 to 40, dozens of towns that report every month, upper bounds, an end in 2030."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest

from bot.cli import main
from bot.core.deciding.addressees import addressees
from bot.core.deciding.findings import judge_one
from bot.core.facts.facts import Facts
from bot.core.rules.item import State
from bot.rulefiles.loader import assemble
from bot.rulefiles.schema import schemas
from tests.plans.sample_plans import COUNTY, HERE, dates_of, files_of, foretold, items, loaded, the_plan, verdict

MONTHLY = ("T17", "T18", "T19", "T36")


def test_the_plan_loads_without_a_word() -> None:
    assert loaded(COUNTY).problems == ()
    assert len(the_plan(COUNTY).tasks) == 40


def test_a_plan_need_not_have_indicators() -> None:
    files = files_of(COUNTY)
    del files["rules/indicators.yaml".removeprefix("rules/")]
    assert assemble(files).problems == ()


def test_every_town_owes_each_monthly_report_by_itself() -> None:
    march = [item for item in items(COUNTY).values() if item.period == "2027-03" and item.rule.owner in MONTHLY]
    assert len(march) == 24 * 4
    assert {str(item.due_on) for item in march} == {"2027-03-05"}
    assert len({item.rule.lead.unit for item in march if item.rule.lead}) == 24


def test_nothing_begins_after_the_plans_last_day() -> None:
    months = dates_of(COUNTY, "T17-R1-town01")
    assert len(months) == 48
    assert max(months.values()) == "2030-12-05"
    assert dates_of(COUNTY, "T40-R1")["T40-R1@2030"] == "2031-01-15"  # of the last year, due after it


def test_a_town_hears_its_own_reports_in_one_digest_and_the_office_that_guides_it_when_they_are_late() -> None:
    sent = foretold(COUNTY, "2027-02-20", "2027-03-12 18:00")
    own = {f"{task}-R1-town03@2027-03" for task in MONTHLY}
    [digest] = [one for one in sent if one.draft.chat == "石桥镇政府" and one.at.date() == date(2027, 3, 3)]
    assert {row.item for row in digest.draft.tellings} == own
    guided = [one for one in sent if one.draft.chat == "县疾控中心"]
    told = {row.item for one in guided if one.at.date() == date(2027, 3, 12) for row in one.draft.tellings}
    assert own <= told
    assert "业务指导：\n" in "\n".join(one.text for one in guided)


@pytest.mark.parametrize(
    ("item", "due"),
    [
        ("T01-M1", "2028-06-30"), ("T03-M1", "2029-09-30"), ("T04-M1", "2030-12-31"), ("T06-M1", "2029-12-31"),
        ("T23-M1", "2027-06-30"), ("T40-M1", "2030-12-31"), ("T02-M1-A1", "2028-12-31"), ("T02-M1-A2", "2027-12-31"),
        ("T02-M1", "2028-12-31"), ("T07-R1@2027Q2", "2027-04-10"),
    ],
)  # fmt: skip
def test_dates_of_articles(item: str, due: str) -> None:
    assert str(items(COUNTY)[item].due_on) == due


@pytest.mark.parametrize(
    ("item", "values", "state"),
    [
        ("I1@2028", {"_2028": "12"}, State.MET), ("I1@2028", {"_2028": "12.1"}, State.MISSED),
        ("I1@2030", {"_2030": "10"}, State.MET), ("I2@2027Q3", {"_2027Q3": "6.1"}, State.MISSED),
        ("I2@2027Q3", {"_2027Q3": "6"}, State.MET), ("I2@2030", {"_2030Q4": "5"}, State.MISSED),
        ("I2@2030", {"_2030Q3": "4"}, State.AWAITING_RESULT),
    ],
)  # fmt: skip
def test_upper_bounds(item: str, values: dict[str, str], state: State) -> None:
    assert verdict(COUNTY, item, **values)[0] is state


def test_whoever_is_called_the_responsible_unit_leads() -> None:
    plan = the_plan(COUNTY)
    finding = judge_one(items(COUNTY)["T01-M1"], Facts(all_confirmed=True), date(2028, 6, 1), plan.calendar)
    assert [(one.key, one.role.value) for one in addressees(finding)][:2] == [
        ("县卫生健康局", "牵头单位"),
        ("县财政局", "配合单位"),
    ]


def test_messages_cite_articles_and_use_the_plans_words() -> None:
    texts = "\n".join(one.text for one in foretold(COUNTY, "2028-06-01", "2028-08-15 18:00"))
    assert "责任单位：县卫生健康局；配合部门：县财政局" in texts
    assert "依据：提升方案（征求意见稿）第1条" in texts
    assert "责任：\n· 第17条　传染病监测点\n" in texts
    assert "责任：第1条、第2条、" in texts  # of many only the numbers
    assert "牵头" not in texts


def test_the_commands_speak_as_the_plan_does(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(HERE / COUNTY, tmp_path / "home")
    with pytest.raises(SystemExit):
        main(["--home", str(tmp_path / "home"), "check", "--read"])
    read = capsys.readouterr().out
    assert "提前30天汇总告知责任单位、配合部门" in read
    assert "逾期20个工作日起列入月度清单报县指挥部" in read
    assert "T17-R1-town03 传染病监测点情况月报（石桥镇政府） 读作：每月5日，首期2027年1月5日" in read
    assert "牵头单位" not in read


def test_an_editor_knows_the_plans_words_beside_ours() -> None:
    schema = schemas(the_plan(COUNTY).plan)
    task = schema["task"]["properties"]
    assert task["业务指导"] == task["指导"]
    assert "配合部门" in schema["task"]["$defs"]["MilestoneForm"]["properties"]
    assert "配合部门" not in str(schemas()["task"])
    roles = next(node for node in schema["ladders"]["$defs"].values() if "牵头单位" in node.get("enum", ()))
    assert {"责任单位", "配合部门", "县指挥部"} <= set(roles["enum"])
