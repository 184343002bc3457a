"""`duban withdraw`: behind it stands the command by which the mistake was entered."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from bot.core.facts.facts import Facts
from bot.service.home import peek_store, read_home
from bot.sources.clock import wall
from tests.kit.builders import LADDERS, a_case_rule
from tests.kit.rules_factory import TASK, edited, write_rules

Run = Callable[..., tuple[int, str, str]]
CASE = ("T05-C1", "2027-003")
BEGAN = ("--on", str(wall().date() - timedelta(days=7)))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    task = edited(TASK, "事项:\n", f"事项:\n{a_case_rule()}")
    write_rules(tmp_path, {"tasks/05.yaml": task, "ladders.yaml": LADDERS})
    return tmp_path


def facts_in(home: Path) -> Facts:
    return peek_store(read_home(home).state("real")).facts


#: How something is entered, how it is withdrawn, and what the withdrawal says.
PAIRS: tuple[tuple[tuple[str, ...], tuple[str, ...], str], ...] = (
    (("report", "I4", "2026", "96.2"), ("report", "I4", "2026"), "I4 2026 的数据已撤回，这一期当作没有报过。"),
    (("done", "T05-M1"), ("done", "T05-M1"), "T05-M1：办结已撤回，现为督办中。"),
    (("close", "T05-M1", "--by", "办"), ("close", "T05-M1"), "T05-M1：销号已撤回，现为督办中。"),
    (("return", "T05-M1", "--reason", "缺"), ("return", "T05-M1"), "T05-M1：退回已撤回，现为督办中。"),
    (
        ("extend", "T05-M1", "2028-06-30", "--reason", "施工", "--by", "办"),
        ("extend", "T05-M1"),
        "T05-M1：延期已撤回，按规则里的时限。",
    ),
    (
        ("silence", "T05-M1", "--until", "2099-01-01", "--reason", "部署"),
        ("silence", "T05-M1"),
        "T05-M1：静默已撤回，照常提醒。",
    ),
    (
        ("silence", "县教育局", "--until", "2099-01-01", "--reason", "部署"),
        ("silence", "县教育局"),
        "县教育局：静默已撤回，照常提醒。",
    ),
    (("confirm", "T05-M1"), ("confirm", "T05-M1"), "已撤回1处确认，重新确认前不发给责任单位。"),
    (("confirm", "T05"), ("confirm", "T05"), "已撤回1处确认"),
    (("case", "open", *CASE), ("case", "open", *CASE), "T05-C1@2027-003 的登记已撤回，编号可以再用。"),
)  # fmt: skip


@pytest.mark.parametrize(("entered", "withdrawn", "said"), PAIRS)
def test_what_was_entered_is_withdrawn_by_the_same_command(
    duban: Run, home: Path, entered: tuple[str, ...], withdrawn: tuple[str, ...], said: str
) -> None:
    assert duban(*entered)[0] == 0
    code, out, err = duban("withdraw", *withdrawn, "--by", "督查室", "--note", "录错了")
    assert (code, err) == (0, "")
    assert out.startswith(said)
    code, out, err = duban("withdraw", *withdrawn)
    assert (code, out) == (2, "")
    assert err.startswith("没有") or "没有" in err
    assert "什么都没有写入" in err


def test_the_steps_of_a_case_are_withdrawn_one_by_one(duban: Run, home: Path) -> None:
    duban("case", "open", *CASE, *BEGAN)
    duban("case", "step", *CASE, *BEGAN)
    duban("case", "pause", *CASE, "--reason", "协查", *BEGAN)
    duban("case", "resume", *CASE)
    for what, said in (
        ("resume", "T05-C1@2027-003 的恢复计时已撤回，仍旧暂停。"),
        ("pause", "T05-C1@2027-003 的暂停计时已撤回，当作没有停过。"),
        ("step", "已撤回。T05-C1@2027-003 回到第1步。"),
    ):
        assert duban("withdraw", "case", what, *CASE)[1].strip() == said
    found = facts_in(home).cases[CASE]
    assert (found.done, found.pauses) == ({}, ())
    duban("case", "close", *CASE, "--by", "督查室")
    assert duban("withdraw", "case", "close", *CASE)[1].startswith("T05-C1@2027-003：销号已撤回，现为督办中。")


def test_a_mark_goes_back_to_the_one_before(duban: Run, home: Path) -> None:
    duban("done", "T05-M1")
    duban("close", "T05-M1", "--by", "督查室")
    assert duban("withdraw", "close", "T05-M1")[1].strip() == "T05-M1：销号已撤回，现为已报办结，待核。"
    code, _, err = duban("withdraw", "close", "T05-M1")
    assert (code, "T05-M1最后登记的是办结，不是销号" in err) == (2, True)


def test_a_misspelt_name_is_met_with_a_near_one(duban: Run) -> None:
    code, _, err = duban("withdraw", "report", "I5", "2026")
    assert (code, "是不是“I4”" in err) == (2, True)
