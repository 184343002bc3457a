"""The shape of rule tests: every event has its words, every slip its line, and what is written reads back."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.facts.events import PAYLOADS, EventRejected, ResendAsked, RobotMended, RulesMended, RulesRejected
from bot.rulefiles.known import VERBS
from bot.rulefiles.loader import assemble
from bot.rulefiles.rule_tests import Expectation, RuleTest, written
from bot.rulefiles.text.problems import Problem
from tests.kit.rules_factory import place_of, rule_files

# The bot's own to write, or about messages and robots: neither decides what is owed.
OWN = {RulesRejected, RulesMended, EventRejected, ResendAsked, RobotMended}


def read(text: str) -> tuple[list[Problem], list[RuleTest]]:
    loaded = assemble(rule_files({"tests/试.yaml": text}))
    return [one for one in loaded.problems if one.is_error], [part.test.form for part in loaded.tests]


def a_test(*lines: str, told: str = "    应当发给: [县教育局]\n") -> str:
    return "测试:\n  - 名称: 试\n    今天是: 2027-12-01\n" + "".join(f"    {line}\n" for line in lines) + told


def test_everything_that_can_happen_can_be_known() -> None:
    assert {verb.payload for verb in VERBS.values()} == set(PAYLOADS.values()) - OWN


def test_every_word_of_a_past_is_chinese_and_fills_a_field_of_its_event() -> None:
    for verb in VERBS.values():
        assert set(verb.keys) <= set(verb.payload.model_fields)
        assert all("\u4e00" <= key[0] <= "\u9fff" for key in verb.keys.values())
        assert next(iter(verb.keys.values())) == verb.word


@pytest.mark.parametrize(
    "line",
    [
        "{报送: I4, 期别: 2026, 值: 96.8, 日期: 2027-11-01}",
        "{报送: I4, 期别: 2026, 值: 96.8, 终值: 否}",
        "{办结: T05-R1@2027-1}",
        "{销号: T05-M1}",
        "{退回: T05-M1, 原因: 缺材料}",
        "{退回: T05-M1}",
        "{延期: T05-M1, 至: 2028-06-30}",
        "{静默: 县教育局, 至: 2027年12月20日}",
        "{静默: T05-M1, 至: 2027-12-20, 经办: 办公室}",
        "{确认: 全部}",
        "{确认: [T05, T05-M1]}",
        "{登记: T05-C1, 编号: 2027-001, 类别: 群众来信}",
        "{暂停计时: T05-C1, 编号: 2027-001, 原因: 调查}",
        "{恢复计时: T05-C1, 编号: 2027-001}",
        "{办完步骤: T05-C1@2027-001-1}",
        "{撤回: 报送, 事项: I4, 期别: 2026}",
        "{撤回: 登记, 事项: T05-C1, 编号: 2027-001}",
        "{撤回: 静默, 事项: 县教育局, 日期: 2027-11-01, 经办: 办公室, 说明: 录错}",
    ],
)
def test_a_past_is_written_in_the_admin_s_words(line: str) -> None:
    problems, tests = read(a_test("已知:", f"  - {line}"))
    assert not problems
    assert len(tests) == 1


def test_a_unit_by_itself_is_an_expectation() -> None:
    _, (test,) = read(a_test(told="    不应发给: [县教育局, 县财政局]\n"))
    assert [one.units for one in test.untold] == [("县教育局",), ("县财政局",)]


def test_words_of_a_message_may_stand_in_chinese_quotes() -> None:
    problems, (test,) = read(a_test(told="    应当发给: [{单位: 县教育局, 包含: “教会、勤练、常赛”}]\n"))
    assert not problems
    assert test.told[0].texts == ("“教会、勤练、常赛”",)


# --- slips ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "code", "words", "at"),
    [
        (a_test(told=""), "no-expectation", "没有写“应当发给”或“不应发给”", "名称: 试"),
        (a_test("已知:", "  - {报销: I4}"), "unknown-verb", "没有写发生了什么", "{报销"),
        (a_test("已知:", "  - {办结: T05-M1, 销号: T05-M1}"), "unknown-verb", "写在了一起", "{办结"),
        (a_test("已知:", "  - {报送: I4, 期别: 2026}"), "missing", "缺少“值”", "{报送"),
        (a_test("已知:", "  - {报送: I4, 期别: 2026, 值: 很高}"), "bad-number", "应是数字", "很高"),
        (a_test("已知:", "  - {延期: T05-M1, 至: 2028-02-30}"), "bad-word", "不存在", "2028-02-30"),
        (a_test("已知:", "  - {办结: T05-M1, 原因: 快}"), "unknown-key", "不认识“原因”", "原因"),
        (a_test("建议: 都算"), "unknown-word", "没有“都算”", "都算"),
        (a_test(told="    应当发: [县教育局]\n"), "unknown-key", "不认识“应当发”", "应当发"),
        ("测试: []\n", "too-few", "至少要有1项", "[]"),
        ("测试:\n  - 名称: 试\n    应当发给: [县教育局]\n", "missing", "缺少“今天是”", "名称: 试"),
    ],
)
def test_a_slip_is_said_where_it_stands(text: str, code: str, words: str, at: str) -> None:
    problems, _ = read(text)
    (one,) = [one for one in problems if one.code == code]
    assert words in one.message
    assert one.file == "rules/tests/试.yaml"
    assert (one.line, one.column) == place_of(text, at)


def test_a_broken_test_hides_nothing_of_the_others() -> None:
    text = a_test("今天: 2027-01-01") + a_test("包含: 剩余7天")[len("测试:\n") :]
    problems, _ = read(text)
    assert [one.line for one in problems] == [4, 8]


def test_a_test_under_another_folder_is_told_where_it_belongs() -> None:
    loaded = assemble(rule_files({"test/试.yaml": a_test()}))
    (one,) = [one for one in loaded.problems if one.code == "unknown-file"]
    assert "tests/" in one.hint


# --- writing ----------------------------------------------------------------------------------------------------------

texts = st.text("提前30天，剩余7天（暂）：“完成”96.8%@T05-M1 #[]{}'\"\\&*!?-、", min_size=1, max_size=12).filter(
    lambda text: bool(text.strip()) and text == text.strip()
)


@given(st.lists(texts, min_size=1, max_size=3), texts, st.lists(texts, min_size=1, max_size=2))
def test_what_is_written_reads_back(units: list[str], name: str, wanted: list[str]) -> None:
    told = (Expectation(单位=tuple(units), 事项="T05-M1", 包含=tuple(wanted)),)  # type: ignore[call-arg]
    test = RuleTest(名称=name, 今天是=date(2027, 12, 1), 应当发给=told, 不应发给=told)  # type: ignore[call-arg]
    problems, (again,) = read("测试:\n" + written([test]))
    assert not problems
    assert again == test
