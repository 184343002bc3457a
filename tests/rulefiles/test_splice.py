"""Rule files edited by splicing: what is asked for changes, everything else stays to the character, or nothing does."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rulefiles.text.splice import Splice, SpliceError, scalar
from bot.rulefiles.text.tree import read
from tests.kit.builders import COUNTY

TASK = """\
# 第（五）项
编号: T05
标题: "引号: 里面"
牵头: {单位: 县教育局, 依据: 建议} # 方案没有标明

事项:
  - 编号: T05-M1
    名称: 评估认定 # 名称照录
    完成时限: 2027年底
    配合: [县财政局, "县教育局"]
    步骤:
      - {编号: T05-M1-01, 名称: 自评, 依据: 建议}

  # 以下没有时限
  - 编号: T05-D1
    名称: '温馨学校'
    配合:
      - 县财政局 # 管钱
      # 这里留一行
      - 县教育局
    说明: >
      两行
      文字
    基期: # 待填
    备注: 收尾
待建: [] # 没有
"""


def spliced(text: str = TASK) -> Splice:
    return Splice("tasks/05.yaml", text.encode())


def changed_lines(before: str, after: str) -> list[tuple[str, str]]:
    old, new = before.splitlines(), after.splitlines()
    assert len(old) == len(new)
    return [(one, other) for one, other in zip(old, new, strict=True) if one != other]


@pytest.mark.parametrize(
    ("path", "key", "value", "line"),
    [
        (("事项", 0), "名称", "通过国家评估认定", "    名称: 通过国家评估认定 # 名称照录"),
        (("事项", 0), "名称", "甲: 乙 #丙", '    名称: "甲: 乙 #丙" # 名称照录'),
        (("事项", 1), "名称", "乡村温馨学校", "    名称: '乡村温馨学校'"),
        (("牵头",), "单位", "县财政局", "牵头: {单位: 县财政局, 依据: 建议} # 方案没有标明"),
        (("事项", 0, "步骤", 0), "名称", "甲，乙", '      - {编号: T05-M1-01, 名称: "甲，乙", 依据: 建议}'),
        (("事项", 0, "步骤", 0), "完成时限", "2027-03-31",
         "      - {编号: T05-M1-01, 名称: 自评, 完成时限: 2027-03-31, 依据: 建议}"),
        (("事项", 0), "配合", ["县教育局", "县民政局"], '    配合: ["县教育局", 县民政局]'),
        (("事项", 1), "基期", {"年份": "2025", "值": "96.2"}, "    基期: {年份: 2025, 值: 96.2}"),
    ],
)  # fmt: skip
def test_one_value_is_one_changed_line(path: Any, key: str, value: Any, line: str) -> None:
    splice = spliced()
    splice.put(path, key, value, ("编号", "名称", "完成时限", "依据"))
    found = changed_lines(TASK, splice.result().decode())
    assert [new for _, new in found] == [line]


def test_a_new_key_finds_its_place_among_the_others() -> None:
    splice = spliced()
    splice.put(("事项", 0), "依据", "管理员", ("编号", "名称", "完成时限", "依据", "配合"))
    assert "    完成时限: 2027年底\n    依据: 管理员\n    配合: [" in splice.result().decode()


def test_a_new_key_behind_a_list_goes_behind_its_last_line() -> None:
    splice = spliced()
    splice.put(("事项", 0), "说明", "一句话", ("编号", "步骤", "说明"))
    text = splice.result().decode()
    assert "依据: 建议}\n    说明: 一句话\n\n  # 以下没有时限\n" in text


def test_entries_of_a_block_list_keep_their_lines_and_comments() -> None:
    splice = spliced()
    splice.put(("事项", 1), "配合", ["县教育局", "县财政局", "县民政局"])
    assert (
        "配合:\n      - 县教育局\n      - 县财政局 # 管钱\n      # 这里留一行\n      - 县民政局\n"
        in splice.result().decode()
    )


def test_a_dropped_key_takes_its_line_along_and_leaves_a_comment_standing() -> None:
    splice = spliced()
    splice.drop(("事项", 1), "备注")
    splice.drop(("事项", 0), "名称")
    splice.drop(("事项", 0, "步骤", 0), "名称")
    text = splice.result().decode()
    assert "备注" not in text
    assert "    名称: # 名称照录\n" in text
    assert "{编号: T05-M1-01, 依据: 建议}" in text


def test_a_new_entry_stands_behind_the_last_one_with_an_empty_line_as_between_the_others() -> None:
    splice = spliced()
    path = splice.append((), "事项", {"编号": "T05-D2", "名称": "新的", "配合": ["甲"]})
    assert path == ("事项", 2)
    assert (
        "    备注: 收尾\n\n  - 编号: T05-D2\n    名称: 新的\n    配合: [甲]\n待建: [] # 没有\n"
        in splice.result().decode()
    )


def test_the_first_entry_of_a_list_brings_the_list() -> None:
    splice = Splice("tasks/06.yaml", "编号: T06\n标题: 无\n".encode())
    splice.append((), "事项", {"编号": "T06-D1"})
    assert splice.result().decode() == "编号: T06\n标题: 无\n\n事项:\n  - 编号: T06-D1\n"


def test_a_rename_reaches_every_reference_and_no_title() -> None:
    text = "标题: 县教育局\n牵头: {单位: 县教育局}\n配合: [县教育局, 县教育局办公室]\n说明: 县教育局\n"
    splice = Splice("tasks/05.yaml", text.encode())
    assert splice.rename("县教育局", "县教体局", {"标题"}) == 3
    expected = "标题: 县教育局\n牵头: {单位: 县教体局}\n配合: [县教体局, 县教育局办公室]\n说明: 县教体局\n"
    assert splice.result().decode() == expected


def test_an_edit_of_a_renamed_place_wins() -> None:
    splice = spliced()
    splice.rename("县教育局", "县教体局", ())
    splice.put(("牵头",), "单位", "县财政局")
    assert "牵头: {单位: 县财政局, 依据: 建议}" in splice.result().decode()


def test_windows_line_ends_and_a_byte_order_mark_stay() -> None:
    raw = b"\xef\xbb\xbf" + TASK.replace("\n", "\r\n").encode()
    splice = Splice("tasks/05.yaml", raw)
    splice.put(("事项", 0), "依据", "管理员", ("编号", "名称", "完成时限", "依据"))
    splice.append((), "事项", {"编号": "T05-D2", "名称": "新的"})
    result = splice.result()
    assert result.startswith(b"\xef\xbb\xbf")
    assert result.count(b"\n") == result.count(b"\r\n") == raw.count(b"\n") + 4


@pytest.mark.parametrize(
    ("text", "path", "key", "value"),
    [
        ("甲: &m [一, 二]\n乙: *m\n", (), "甲", ["一"]),
        ("甲: &m [一, 二]\n乙: *m\n", (), "乙", ["一"]),
        ("甲: [一, # 头一个\n  二]\n", (), "甲", ["一"]),
        ("甲: {乙: 一}\n", (), "甲", "一"),
        ("甲: 一\n", ("乙",), "丙", "一"),
    ],
)
def test_what_cannot_be_edited_for_sure_is_refused(text: str, path: Any, key: str, value: Any) -> None:
    def edit() -> None:
        splice = Splice("tasks/05.yaml", text.encode())
        splice.put(path, key, value)
        splice.result()

    with pytest.raises(SpliceError, match=r"tasks/05\.yaml.*手工改"):
        edit()


def test_nothing_asked_for_is_nothing_changed() -> None:
    for path in sorted(COUNTY.rglob("*.yaml")):
        assert Splice(path.name, path.read_bytes()).result() == path.read_bytes()


TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"]), max_size=12).map(str.strip)


@given(st.sampled_from(["block", "flow", "quoted"]), TEXTS)
def test_any_text_reads_back_as_it_was_written(style: str, value: str) -> None:
    text = {"block": "甲: 一 # 注\n乙: 二\n", "flow": "{甲: 一, 乙: 二}\n", "quoted": "甲: '一'\n乙: 二\n"}[style]
    splice = Splice("x.yaml", text.encode())
    splice.put((), "甲", value)
    tree = read(splice.result(), "x.yaml")[0]
    assert tree is not None
    assert tree.data == {"甲": value, "乙": "二"}


@given(st.lists(TEXTS.filter(bool), min_size=1, max_size=5, unique=True), st.booleans())
def test_any_list_reads_back_as_it_was_written(values: list[str], block: bool) -> None:
    text = "甲:\n  - 一\n  - 二 # 注\n乙: 二\n" if block else "甲: [一, 二]\n乙: 二\n"
    splice = Splice("x.yaml", text.encode())
    splice.put((), "甲", values)
    tree = read(splice.result(), "x.yaml")[0]
    assert tree is not None
    assert tree.data["甲"] == values


@pytest.mark.parametrize("text", ["2027年底", "每年3月15日、9月15日", "县教育局", "96.2", "次年3月31日"])
def test_plain_words_need_no_quotes(text: str) -> None:
    assert scalar(text) == text


@pytest.mark.parametrize("text", ["null", "~", "", "- 甲", "甲: 乙", "甲 #乙", "@甲", " 甲", "“甲”"])
def test_words_that_would_be_mistaken_get_quotes(text: str) -> None:
    assert scalar(text) == f'"{text}"'
