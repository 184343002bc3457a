"""YAML as officials type it: what is understood, and the sentence for each slip of keyboard or editor."""

from __future__ import annotations

import codecs
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bot.rulefiles.text import tree as yamltree
from bot.rulefiles.text.problems import Place, Problem
from bot.rulefiles.text.tree import Tree, read


@pytest.fixture(params=["c", "python"], autouse=True)
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both parsers of PyYAML give the same data and the same places."""
    if request.param == "python":
        monkeypatch.setattr(yamltree, "LOADER", yaml.SafeLoader)


def tree_of(text: str) -> Tree:
    tree, problems = read(text.encode(), "f.yaml")
    assert problems == ()
    assert tree is not None
    return tree


def data_of(text: str) -> Any:
    return tree_of(text).data


def problem_of(text: str | bytes) -> Problem:
    (problem,) = read(text if isinstance(text, bytes) else text.encode(), "f.yaml")[1]
    return problem


def where(problem: Problem) -> tuple[int, int]:
    return problem.line, problem.column


# --- what is understood


@pytest.mark.parametrize("text", ["NO", "yes", "12:30", "2026-06-31", "0571", "12e03", "1_000", "0x1f"])
def test_a_plain_value_stays_the_text_that_was_typed(text: str) -> None:
    assert data_of(f"值: {text}\n") == {"值": text}


@pytest.mark.parametrize("text", ["", "~", "null", "  # 待填"])
def test_an_empty_value_is_none(text: str) -> None:
    assert data_of(f"值: {text}\n") == {"值": None}


def test_an_empty_text_in_quotes_is_a_text() -> None:
    assert data_of('值: ""\n') == {"值": ""}


def test_every_key_and_value_knows_its_line_and_column() -> None:
    tree = tree_of("# 注\n任务: 五\n事项:\n  - 编号: T05-M1\n    步骤: [{名称: 县级自评}]\n")
    assert tree.place(("任务",)) == Place(2, 5)
    assert tree.place(("任务",), key=True) == Place(2, 1)
    assert tree.place(("事项", 0, "编号")) == Place(4, 9)
    assert tree.place(("事项", 0, "步骤", 0, "名称"), key=True) == Place(5, 11)


def test_a_path_that_does_not_exist_leads_to_what_is_there() -> None:
    tree = tree_of("事项:\n  - 编号: x\n")
    assert tree.find(("事项", 0, "节点", "名称")) == ("事项", 0)
    assert tree.place(("事项", 0, "节点", "名称")) == Place(2, 5)


def test_columns_count_characters_also_behind_an_emoji() -> None:
    assert tree_of("{表情😀: 一, 二: 三}\n").place(("二",)) == Place(1, 13)


def test_a_byte_order_mark_changes_nothing() -> None:
    tree, problems = read(codecs.BOM_UTF8 + "任务: 五\n".encode(), "f.yaml")
    assert problems == ()
    assert tree is not None
    assert tree.data == {"任务": "五"}
    assert tree.place(("任务",)) == Place(1, 5)


def test_windows_line_ends_change_nothing() -> None:
    tree = tree_of("任务: 五\r\n编号: T05\r\n")
    assert tree.data == {"任务": "五", "编号": "T05"}
    assert tree.place(("编号",)) == Place(2, 5)


def test_full_width_signs_inside_a_text_are_just_text() -> None:
    text = "说明: 数据出自：人口普查，抽样调查；见“统计公报”（第1号）、附件\n"
    assert data_of(text) == {"说明": "数据出自：人口普查，抽样调查；见“统计公报”（第1号）、附件"}


def test_a_block_text_may_be_indented_as_it_likes() -> None:
    assert data_of("说明: |\n  一：甲\n  　二：乙\n") == {"说明": "一：甲\n　二：乙\n"}


def test_a_verbatim_field_may_stand_in_chinese_quotes() -> None:
    tree, problems = read("出处: “乡村温馨学校”\n".encode(), "f.yaml", {"出处"})
    assert problems == ()
    assert tree is not None
    assert tree.data == {"出处": "“乡村温馨学校”"}


# --- slips


@pytest.mark.parametrize(
    ("text", "place", "code", "word"),
    [
        pytest.param("编号：T05\n标题: 乙\n", (1, 3), "full-width-colon", "全角冒号", id="first key of the file"),
        pytest.param("任务: 五\n编号：T05\n标题: 乙\n", (2, 3), "full-width-colon", "全角冒号", id="key in the middle"),
        pytest.param(
            "任务: 五\n  编号：T05\n", (2, 5), "full-width-colon", "全角冒号", id="swallowed by the line above"
        ),
        pytest.param(
            "事项:\n  - 编号：T05\n    类型: 节点\n", (2, 7), "full-width-colon", "全角冒号", id="entry of a list"
        ),
        pytest.param("牵头: {单位：甲, 依据: 建议}\n", (1, 8), "full-width-colon", "全角冒号", id="in braces"),
        pytest.param("a：1\nb: 2\n", (1, 2), "full-width-colon", "全角冒号", id="latin key"),
        pytest.param("编号:T05\n标题: 乙\n", (1, 3), "no-space", "缺一个空格", id="no blank behind the colon"),
        pytest.param("牵头: {单位:甲}\n", (1, 8), "no-space", "缺一个空格", id="no blank behind the colon in braces"),
        pytest.param(
            "编号:　T05\n标题: 乙\n", (1, 3), "full-width-space", "全角空格", id="full-width blank as value's"
        ),
        pytest.param("任务: 五\n　编号: T05\n", (2, 1), "full-width-space", "全角空格", id="full-width indentation"),
        pytest.param("事项:\n  - 编号: 1\n　- 编号: 2\n", (3, 1), "full-width-space", "全角空格", id="before a dash"),
        pytest.param("事项:\n\t- 编号: 1\n", (2, 1), "tab-indent", "Tab", id="tab"),
        pytest.param("任务: 五\n  \t编号: 1\n", (2, 3), "tab-indent", "Tab", id="tab behind blanks"),
        pytest.param("编号: “T05”\n", (1, 5), "curly-quotes", "中文引号", id="curly quotes"),
        pytest.param("编号: ‘T05’\n", (1, 5), "curly-quotes", "中文引号", id="single curly quotes"),
        pytest.param("“编号”: T05\n", (1, 1), "curly-quotes", "中文引号", id="curly quotes round a key"),
        pytest.param("单位: [甲，乙]\n", (1, 7), "full-width-comma", "“，”", id="full-width comma in a list"),
        pytest.param("单位: [甲、乙]\n", (1, 7), "full-width-comma", "“、”", id="enumeration comma in a list"),
        pytest.param(
            "牵头: {单位: 甲，依据: 乙}\n", (1, 11), "full-width-comma", "“，”", id="full-width comma in braces"
        ),
        pytest.param("牵头: {单位: 甲，依据：乙}\n", (1, 11), "full-width-comma", "“，”", id="everything full-width"),
        pytest.param("单位: [甲, 乙］\n任务: 五\n", (1, 10), "full-width-comma", "“］”", id="full-width bracket"),
        pytest.param("对象: @张三\n", (1, 5), "reserved", "“@”", id="at sign"),
        pytest.param("值: %5\n", (1, 4), "reserved", "“%”", id="per cent sign"),
        pytest.param("名称: *重点\n", (1, 5), "alias", "“*”", id="asterisk"),
        pytest.param("名称: !重点 甲\n", (1, 5), "yaml-tag", "“!”", id="exclamation mark"),
        pytest.param("名称: !!python/name:os.system\n", (1, 5), "yaml-tag", "“!”", id="python tag"),
        pytest.param("名称: 县府办: 通知\n", (1, 8), "second-colon", "两个冒号", id="second colon"),
        pytest.param("任务: 五\n编号 T05\n标题: 乙\n", (2, 1), "no-colon", "缺少冒号", id="no colon at all"),
        pytest.param("任务: 五\n   编号: 1\n", (2, 6), "indent", "缩进", id="indented under a text"),
        pytest.param("甲:\n    乙: 1\n  丙: 2\n", (3, 3), "indent", "缩进", id="between two levels"),
        pytest.param("单位: [甲, 乙\n任务: 五\n", (1, 5), "open-bracket", "括号", id="open bracket"),
        pytest.param('名称: "甲\n任务: 五\n', (1, 5), "open-quote", "引号", id="open quote"),
        pytest.param("任务: 五\n---\n任务: 六\n", (2, 1), "two-documents", "---", id="two documents"),
        pytest.param("任务: 五\n编号: 1\n任务: 六\n", (3, 1), "duplicate-key", "第1行和第3行", id="duplicate key"),
        pytest.param("? [甲]\n: 乙\n", (1, 3), "bad-key", "键", id="list as a key"),
        pytest.param("", (1, 1), "empty-file", "空", id="empty file"),
        pytest.param("# 只有注释\n", (1, 1), "empty-file", "空", id="nothing but a comment"),
        pytest.param("任务: 五\n编号: \0\n", (2, 5), "nul", "空字符", id="nul"),
        pytest.param("任务: 五\n编号: a\x08\n", (2, 6), "control-character", "U+0008", id="control character"),
    ],
)
def test_each_slip_has_its_own_sentence_at_its_own_place(
    text: str, place: tuple[int, int], code: str, word: str
) -> None:
    problem = problem_of(text)
    assert (problem.code, where(problem)) == (code, place)
    assert word in problem.message
    assert problem.hint


def test_a_whole_file_typed_full_width_is_listed_line_by_line() -> None:
    _, problems = read("任务：五\n编号：T05\n标题: 甲\n责任单位：乙\n".encode(), "f.yaml")
    assert [(one.line, one.column, one.code) for one in problems] == [
        (1, 3, "full-width-colon"),
        (2, 3, "full-width-colon"),
        (4, 5, "full-width-colon"),
    ]


def test_a_gbk_file_is_recognised_at_its_first_chinese_character() -> None:
    problem = problem_of("# plan\nname: 民乐县\n".encode("gb18030"))
    assert (problem.code, where(problem)) == ("gbk", (2, 7))
    assert "请另存为UTF-8" in problem.message


@pytest.mark.parametrize("raw", ["任务: 五".encode("utf-16"), b"a: \xff\xff\xff"])
def test_any_other_encoding_asks_for_utf8_too(raw: bytes) -> None:
    problem = problem_of(raw)
    assert problem.code == "not-utf8"
    assert "UTF-8" in problem.hint


def test_after_a_duplicate_key_the_rest_of_the_file_is_still_read() -> None:
    tree, (problem,) = read("甲: 1\n甲: 2\n乙: 3\n".encode(), "f.yaml")
    assert problem.code == "duplicate-key"
    assert tree is not None
    assert tree.data == {"甲": "1", "乙": "3"}


# --- hostile files


def test_an_alias_bomb_is_refused_within_the_node_budget() -> None:
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    lines += [f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]" for a, b in zip("abcdefg", "bcdefgh", strict=True)]
    problem = problem_of("\n".join(lines))
    assert problem.code == "too-many-nodes"


def test_a_list_that_contains_itself_is_refused() -> None:
    assert problem_of("a: &a [*a]\n").code == "too-deep"


@pytest.mark.parametrize(
    "text",
    ["[" * 60_000, "[" * 300 + "]" * 300, "- " * 60_000 + "a", "{a: " * 60_000, "a:\n" + " " * 3000 + "- " * 90 + "b"],
)
def test_nesting_that_would_overflow_the_parser_is_refused(text: str) -> None:
    assert problem_of(text).code == "too-deep"


def test_a_file_far_too_big_is_not_even_parsed() -> None:
    assert problem_of(b"a: b\n" * 300_000).code == "too-big"


def test_an_empty_value_behind_the_last_line_is_understood() -> None:
    assert data_of("?") == {"": None}


ODD = st.text(alphabet="甲乙:：,，[]{}“”\"'-?&*!|>@`%#~　\t \n\r\0\x85\u2028\ufeff1a", max_size=60)


@given(ODD | st.binary(max_size=60))
def test_no_content_whatever_raises(content: str | bytes) -> None:
    tree, problems = read(content if isinstance(content, bytes) else content.encode(), "f.yaml", {"甲"})
    assert tree is not None or problems
    assert all(one.line >= 1 and one.column >= 1 and one.file == "f.yaml" for one in problems)
