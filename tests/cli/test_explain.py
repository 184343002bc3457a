"""duban explain: whoever is named has a line, and the line says what is really in the way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.kit.builders import LADDERS as ALL_LADDERS
from tests.kit.builders import a_case_rule
from tests.kit.rules_factory import INDICATORS, LADDERS, NUMBER_LADDERS, TASK, edited, write_rules

Run = Callable[..., tuple[int, str, str]]
PACED = edited(INDICATORS, "监测: [达标, 报送]", "监测: [达标, 报送, 序时]")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    write_rules(tmp_path)
    return tmp_path


def lines(duban: Run, item: str, at: str) -> dict[str, str]:
    """Addressee with role → the rest of its line."""
    code, out, err = duban("explain", item, "--at", at, "--as-confirmed")
    assert code == 0, err
    pairs = [line.partition("→ ")[2].partition("：") for line in out.splitlines()]
    assert len({one for one, _, _ in pairs}) == len(pairs)
    return {who: rest for who, _, rest in pairs}


def test_what_waits_for_a_baseline_says_so(duban: Run, home: Path) -> None:
    write_rules(home, {"indicators.yaml": PACED, "ladders.yaml": LADDERS + NUMBER_LADDERS})
    said = lines(duban, "I4:序时", "2027-03-01")
    assert said
    assert all("还不能判断（缺基期，填入后比较进度）" in one for one in said.values())


def test_the_reasons_that_people_gave_stand_beside_what_they_explain(duban: Run, home: Path) -> None:
    write_rules(
        home, {"tasks/05.yaml": edited(TASK, "事项:\n", f"事项:\n{a_case_rule()}"), "ladders.yaml": ALL_LADDERS}
    )
    case = ("T05-C1", "2027-003")
    for given in (
        ("case", "open", *case),
        ("case", "pause", *case, "--reason", "等待外地协查"),
        ("extend", "T05-M1", "2028-03-31", "--reason", "国家评估安排顺延\n（口头）", "--by", "督查室"),
        ("return", "T05-R1@2027-1", "--reason", "缺名单", "--by", "督查室"),
        ("silence", "T05-R1@2027-2", "--until", "2099-01-01", "--reason", "搬迁", "--by", "督查室"),
    ):
        assert duban(*given)[0] == 0, given
    assert "起，等待外地协查）" in lines(duban, "T05-C1@2027-003#监测", "2027-03-08")["县教育局（牵头单位）"]
    assert "；已延期：国家评估安排顺延 （口头）" in lines(duban, "T05-M1", "2027-12-24")["县教育局（牵头单位）"]
    assert "；已退回：缺名单" in lines(duban, "T05-R1@2027-1", "2027-03-08")["县教育局（牵头单位）"]
    assert "静默中（督查室：搬迁）" in lines(duban, "T05-R1@2027-2", "2027-09-20")["县教育局（牵头单位）"]


def test_what_has_no_date_is_not_called_early(duban: Run) -> None:
    said = lines(duban, "T05-D1", "2027-03-01")
    assert said
    assert all("没有时限，只列入管理员的清单" in one for one in said.values())


def test_whoever_only_takes_part_has_heard_its_last(duban: Run) -> None:
    said = lines(duban, "T05-M1", "2028-04-20")
    assert "对它的级次都已过去" in said["县财政局（配合单位）"]


def test_whom_the_plan_s_own_words_leave_out_has_a_line(duban: Run, home: Path) -> None:
    upward = "重大节点:\n  - {时点: 逾期10个工作日, 对象: [分管领导, 领导小组], 形式: 汇总}\n"
    soft = edited(TASK, "    完成时限: 2027年底", "    完成时限: 2027年底\n    措辞: 原则上")
    write_rules(home, {"ladders.yaml": edited(LADDERS, "重大节点:\n", upward), "tasks/05.yaml": soft})
    said = lines(duban, "T05-M1", "2028-04-20")
    for who in ("县教育局·分管领导（分管领导）", "领导小组（领导小组）"):
        assert "原则上、力争的要求，不向上反映" in said[who]
