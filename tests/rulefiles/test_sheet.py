"""What a form says of a file, all told: one slip, one sentence."""

from __future__ import annotations

from bot.rulefiles.loader import assemble
from bot.rulefiles.text.tree import read
from tests.kit.rules_factory import TASK, edited, rule_files


def errors_of(task: str) -> list[tuple[str, str]]:
    problems = assemble(rule_files({"tasks/05.yaml": task})).problems
    return [(problem.code, problem.message) for problem in problems if problem.is_error]


def test_a_misspelt_key_is_not_also_said_to_be_missing() -> None:
    assert errors_of(edited(TASK, "周期: 每年3月15日", "周其: 每年3月15日")) == [("unknown-key", "不认识“周其”这一项")]


def test_a_key_that_is_missing_is_said_to_be_missing() -> None:
    assert [code for code, _ in errors_of(edited(TASK, "周期: 每年3月15日、9月15日", "说明: 每年"))] == ["missing"]


def test_a_year_left_without_its_value_is_not_a_number_cut_in_two() -> None:
    assert [one.code for one in read("表: {2026: 90, 2027: }\n".encode(), "x.yaml")[1]] == []
    assert [one.code for one in read("表: {2026: 2,600}\n".encode(), "x.yaml")[1]] == ["split-number"]
