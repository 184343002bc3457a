"""How a problem reads, and the Chinese sentence for everything pydantic can say about a form."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from bot.core.rules.rulebook import Basis, Form, Names
from bot.core.rules.words import DueDate
from bot.core.time.near import near, suggest
from bot.rule_kinds import kinds
from bot.rulefiles.text.problems import (
    DATES,
    SENTENCES,
    Problem,
    aliases,
    blank_and_optional,
    explain,
    field_at,
    in_order,
)


class Inner(Form):
    basis: Basis = Field(alias="依据")
    due: DueDate | None = Field(default=None, alias="完成时限")


class Sample(Form):
    """One field of each sort a rule file has."""

    name: str = Field(alias="名称", min_length=1, max_length=4)
    id: str = Field(default="T01", alias="编号", pattern="^T[0-9]+$", description="如 T05")
    day: date = Field(default=date(2027, 1, 1), alias="日期")
    year: Annotated[int, Field(ge=2000, le=2099)] = Field(default=2027, alias="年份")
    value: Annotated[Decimal, Field(gt=0, lt=1000)] = Field(default=Decimal(1), alias="值")
    secret: bool = Field(default=False, alias="敏感")
    kind: Literal["节点", "周期"] = Field(default="节点", alias="类型")
    units: Names = Field(default=("甲",), alias="责任单位", min_length=1, max_length=2)
    inner: tuple[Inner, ...] = Field(default=(), alias="步骤")
    ladders: dict[str, str] = Field(default_factory=dict, alias="督办阶梯")

    @model_validator(mode="after")
    def _not_both(self) -> Sample:
        if self.name == "矛盾":
            raise ValueError("名称自相矛盾")
        return self


def refusals(data: object) -> list[ErrorDetails]:
    with pytest.raises(ValidationError) as caught:
        Sample.model_validate(data, by_alias=True, by_name=False)
    return caught.value.errors(include_url=False)


def said(data: dict[str, Any]) -> tuple[str, str, str]:
    (error,) = refusals({"名称": "甲"} | data)
    return explain(error, Sample)


@pytest.mark.parametrize(
    ("data", "code", "message", "hint"),
    [
        ({"名称": None}, "blank", "“名称”没有填写", ""),
        ({"名称": ""}, "blank", "“名称”没有填写", ""),
        ({"名称": "一二三四五"}, "too-long", "“名称”太长：最多4个字，现在有5个", ""),
        ({"名称": ["甲"]}, "bad-type", "“名称”应写成文字", ""),
        ({"编号": "5"}, "bad-pattern", "“编号”的写法不对：“5”", "如 T05"),
        ({"年份": "明年"}, "bad-number", "“年份”应是整数，不是“明年”", "只写数字"),
        ({"年份": "1999"}, "out-of-range", "“年份”不能小于2000，现在是1999", ""),
        ({"年份": "2100"}, "out-of-range", "“年份”不能大于2099，现在是2100", ""),
        ({"值": "97%"}, "bad-number", "“值”应是数字，不是“97%”", "不带单位和百分号"),
        ({"值": "Infinity"}, "bad-number", "“值”应是普通的数", ""),
        ({"值": "0"}, "out-of-range", "“值”应大于0，现在是0", ""),
        ({"值": "1000"}, "out-of-range", "“值”应小于1000，现在是1000", ""),
        ({"敏感": "大概"}, "bad-switch", "true（是）", ""),
        ({"类型": "节点点"}, "unknown-word", "“类型”没有“节点点”这个写法", "是不是“节点”？"),
        ({"步骤": [{"依据": "领导说的"}]}, "unknown-word", "“依据”没有“领导说的”这个写法", "方案、管理员、建议"),
        ({"步骤": {"依据": "方案"}}, "not-a-list", "“步骤”应是列表", "以“- ”开头"),
        ({"步骤": ["方案"]}, "not-a-mapping", "若干行“键: 值”", "半角"),
        ({"督办阶梯": "重大节点"}, "not-a-mapping", "“督办阶梯”应是若干行", ""),
        ({"责任单位": []}, "too-few", "“责任单位”至少要有1项", ""),
        ({"责任单位": ["甲", "乙", "丙"]}, "too-many", "“责任单位”最多2项，现在有3项", ""),
        ({"日期": "2026-06-31"}, "bad-date", "6月只有1至30日", ""),
        ({"日期": "2027年1月1日"}, "bad-date", "“日期”的日期写法不对", "2027-12-31"),
        ({"日期": "下个月"}, "bad-date", "不是一个日期", "2027-12-31"),
        ({"步骤": [{"依据": "方案", "完成时限": "2027年13月"}]}, "bad-word", "一年只有1至12月", ""),
        ({"步骤": [{"完成时限": "2027年底"}]}, "missing", "缺少“依据”", ""),
        ({"标题": "甲"}, "unknown-key", "不认识“标题”这一项", "可以写：名称、编号"),
        ({"责任部门": "甲"}, "unknown-key", "不认识“责任部门”这一项", "是不是“责任单位”？"),
        ({"步骤": [{"依据": "方案", "完成期限": "2027年"}]}, "unknown-key", "“完成期限”", "是不是“完成时限”？"),
        ({"名称": "矛盾"}, "bad-value", "名称自相矛盾", ""),
    ],
    ids=lambda value: None if isinstance(value, dict) else str(value)[:12],
)
def test_every_refusal_is_said_in_chinese(data: dict[str, Any], code: str, message: str, hint: str) -> None:
    found = said(data)
    assert found[0] == code
    assert message in found[1]
    assert hint in found[2]


def test_a_word_form_says_its_own_sentence_and_examples() -> None:
    code, message, hint = said({"步骤": [{"依据": "方案", "完成时限": "年底前"}]})
    assert (code, message) == ("bad-word", "完成时限看不懂“年底前”")
    assert hint.startswith("可以写：“")


def test_an_unforeseen_kind_of_error_still_names_the_key() -> None:
    error: ErrorDetails = {"type": "brand_new", "loc": ("名称",), "msg": "Input {is} odd", "input": "x"}
    assert explain(error, Sample) == ("bad-value", "“名称”填写有误（Input {is} odd）", "")


def test_a_very_long_value_is_shortened_in_the_sentence() -> None:
    assert len(said({"年份": "很" * 500})[1]) < 80


def test_no_sentence_of_the_table_is_english() -> None:
    assert not [
        text for _, text in SENTENCES.values() if re.search("[a-z]{3,} ", re.sub(r"\{\w+\}|true|false", "", text))
    ]
    assert not DATES & SENTENCES.keys()


def test_a_key_left_empty_counts_as_absent_only_where_the_form_can_do_without_it() -> None:
    (optional,) = refusals({"名称": "甲", "编号": None})
    (required,) = refusals({"名称": None})
    assert blank_and_optional(optional, Sample)
    assert not blank_and_optional(required, Sample)


def test_a_field_is_found_through_lists_and_optional_forms() -> None:
    form, info = field_at(Sample, ("步骤", 0, "完成时限"))
    assert info is Inner.model_fields["due"]
    assert form is None
    assert field_at(Sample, ("步骤", 0))[0] is Inner


@pytest.mark.parametrize(
    "form", [kind.Params for kind in kinds().values() if kind.Params], ids=lambda form: form.__name__
)
def test_every_key_of_every_kind_is_chinese(form: type[Form]) -> None:
    assert all(re.fullmatch("[\u4e00-\u9fff]+", alias) for alias in aliases(form))


def test_a_problem_reads_as_place_sentence_and_advice() -> None:
    problem = Problem("rules/tasks/05.yaml", 12, 9, "missing", "缺少“依据”", "写上依据")
    assert str(problem) == "rules/tasks/05.yaml:12:9 错误：缺少“依据”。建议：写上依据"
    assert str(Problem("rules/a.yaml", 1, 2, "x", "甲", severity="info")) == "rules/a.yaml:1:2 提示：甲"


def test_problems_are_listed_once_and_in_file_order() -> None:
    late, early = Problem("b", 1, 1, "x", "甲"), Problem("a", 10, 2, "x", "乙")
    first = Problem("a", 9, 30, "x", "丙")
    assert in_order([late, early, late, first]) == (first, early, late)


def test_a_near_match_is_close_or_nothing() -> None:
    assert near("县教育剧", ["县财政局", "县教育局"]) == "县教育局"
    assert near("武装部", ["县财政局", "县教育局"]) == ""
    assert suggest("武装部", ["县财政局"]) == "可以写：县财政局"
    assert suggest("武装部", []) == ""
