"""rules/tests/*.yaml: the admin's tests of the rules, in the words of the rule files.

A file contains 测试, a list. This module reads and writes tests; `bot.rulefiles.run_tests` runs them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field, model_validator

from bot.core.rules.rulebook import Form, Names, Text
from bot.core.time.grammar import PlainDate
from bot.core.time.near import suggest
from bot.rulefiles.known import VERBS, Known
from bot.rulefiles.text.sheet import Placed, Sheet

FOLDER = "tests"


class Expectation(Form):
    """Who must be told (or not), and what. A text must occur in the unit's messages of that day; with 事项, in those about it."""

    units: Names = Field(alias="单位", min_length=1, description="单位全称，也可写领导小组、管理员、县教育局·分管领导")
    item: str = Field(default="", alias="事项", description="事项编号；写了它，“包含”就只看关于它的内容")
    texts: Names = Field(default=(), alias="包含", description="消息里的一段或几段文字，或事项编号")

    @model_validator(mode="before")
    @classmethod
    def _only_a_unit(cls, value: Any) -> Any:
        return {"单位": value} if isinstance(value, str) else value


class RuleTest(Form):
    """One rule test."""

    name: Text = Field(alias="名称", max_length=60)
    today: PlainDate = Field(alias="今天是", description="看哪一天发出的消息；须是工作日")
    known: tuple[Any, ...] = Field(default=(), alias="已知", description="此前发生的事，按先后列出")
    proposals: Literal["已确认", "未确认"] = Field(
        default="已确认", alias="建议", description="依据为建议的当作已确认，或未确认"
    )
    told: tuple[Expectation, ...] = Field(default=(), alias="应当发给")
    untold: tuple[Expectation, ...] = Field(default=(), alias="不应发给")


class RuleTestsForm(Form):
    """One file; its tests are read one by one, so that an invalid test does not hide problems of the others."""

    tests: tuple[Any, ...] = Field(alias="测试", min_length=1)


@dataclass(frozen=True)
class TestPart:
    """One test with its place in the file; `known` is in the order in which it was written."""

    __test__ = False  # not a test of this project's own

    test: Placed[RuleTest]
    known: tuple[Placed[Known], ...]


def read_tests(sheet: Sheet) -> Iterator[TestPart]:
    """The valid tests of one file; problems of the others are reported."""
    whole = sheet.form(RuleTestsForm)
    for index in range(len(whole.form.tests) if whole else 0):
        test = sheet.form(RuleTest, ("测试", index))
        if test is None:
            continue
        known = [_known(sheet, ("测试", index, "已知", number)) for number in range(len(test.form.known))]
        if not test.form.told and not test.form.untold:
            hint = "写明应当发给谁、包含什么，或不应发给谁"
            test.report("no-expectation", (), f"测试“{test.form.name}”没有写“应当发给”或“不应发给”", hint)
        elif all(known):
            yield TestPart(test, tuple(one for one in known if one))


def _known(sheet: Sheet, path: tuple[str | int, ...]) -> Placed[Known] | None:
    raw = sheet.tree.get(path)
    if not isinstance(raw, dict):
        return sheet.form(Known, path)
    words = [word for word in raw if word in VERBS]
    if len(words) == 1:
        return sheet.form(VERBS[words[0]].form, path)
    if words:
        message, hint = f"“{'”“'.join(words)}”写在了一起", "一件事写一行"
    else:
        message = "没有写发生了什么"
        hint = suggest(str(next(iter(raw), "")), list(VERBS))
    sheet.report("unknown-verb", path, message, hint)
    return None


# --- writing ---------------------------------------------------------------------------------------------------------


def written(tests: Iterable[RuleTest]) -> str:
    """The tests as text in the style of a rule file, without the file's head."""
    return "\n".join("\n".join(_test_lines(test)) + "\n" for test in tests)


def _test_lines(test: RuleTest) -> Iterator[str]:
    yield f"  - 名称: {_scalar(test.name)}"
    yield f"    今天是: {test.today}"
    if test.known:
        yield "    已知:"
        yield from (f"      - {_mapping(one)}" for one in test.known)
    if test.proposals != "已确认":
        yield f"    建议: {test.proposals}"
    for key, found in (("应当发给", test.told), ("不应发给", test.untold)):
        if found:
            yield f"    {key}:"
            yield from (f"      - {_mapping(one.model_dump(by_alias=True))}" for one in found)


def _mapping(values: dict[str, Any]) -> str:
    """A mapping in braces, such as {单位: 县教育局, 包含: 剩余7天}; empty values are left out, a list of one has no brackets."""
    return "{" + ", ".join(f"{key}: {_value(value)}" for key, value in values.items() if value not in ("", ())) + "}"


def _value(value: Any) -> str:
    if isinstance(value, list | tuple):
        texts = [_scalar(str(one)) for one in value]
        return texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    return _scalar(str(value))


def _scalar(text: str) -> str:
    """A text without quotes where YAML and the loader read it unchanged, else in quotes."""
    special = any(mark in text for mark in ":#{}[],&*!|>'\"%@`：，、；“”【】『』「」") or text != text.strip()
    return json.dumps(text, ensure_ascii=False) if special or not text or text[0] in "-?" else text
