"""The JSON Schema of the rule files: complete, Chinese, and no stricter than the loader."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel

from bot.core.rules.rulebook import IndicatorForm, PlanForm, TaskForm, UnitsForm
from bot.core.time.workdays import CalendarYear, StatutoryTable
from bot.rule_kinds import kinds
from bot.rulefiles.known import VERBS
from bot.rulefiles.rule_tests import RuleTestsForm
from bot.rulefiles.schema import schemas
from bot.rulefiles.text.problems import aliases

FORMS: dict[str, type[BaseModel]] = {
    "plan": PlanForm,
    "units": UnitsForm,
    "task": TaskForm,
    "calendar": CalendarYear,
    "statutory": StatutoryTable,
    "tests": RuleTestsForm,
}


def nodes(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for child in value.values():
            yield from nodes(child)
    if isinstance(value, list):
        for child in value:
            yield from nodes(child)


def resolved(schema: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = schema["$defs"][node["$ref"].rpartition("/")[2]]
    return found


def test_every_rule_file_has_a_schema_with_a_chinese_title() -> None:
    assert {name: schema["title"] for name, schema in schemas().items()} == {
        "plan": "方案",
        "units": "责任单位",
        "ladders": "督办阶梯",
        "task": "任务",
        "indicators": "指标",
        "calendar": "年度日历",
        "statutory": "法定节日",
        "tests": "规则测试",
    }


@pytest.mark.parametrize("name", FORMS)
def test_a_schema_has_the_keys_of_its_form_and_no_others(name: str) -> None:
    schema = schemas()[name]
    form = FORMS[name]
    assert list(schema["properties"]) == list(aliases(form))
    assert schema.get("required", []) == [key for key, info in aliases(form).items() if info.is_required()]
    assert schema["additionalProperties"] is False


def test_the_items_of_a_task_are_one_of_the_kinds_there_are() -> None:
    schema = schemas()["task"]
    options = [resolved(schema, node) for node in schema["properties"]["事项"]["items"]["oneOf"]]
    forms = {kind.name: kind.Params for kind in kinds().values() if kind.Params}
    assert {option["title"]: list(option["properties"]) for option in options} == {
        name: list(aliases(form)) for name, form in forms.items()
    }
    assert all(option["properties"]["类型"]["const"] == option["title"] for option in options)


def test_a_past_is_one_of_the_verbs_there_are() -> None:
    schema = schemas()["tests"]
    test = resolved(schema, schema["properties"]["测试"]["items"])
    options = [resolved(schema, node) for node in test["properties"]["已知"]["items"]["anyOf"]]
    assert [list(aliases(verb.form)) for verb in VERBS.values()] == [list(option["properties"]) for option in options]


def test_indicators_are_a_list() -> None:
    schema = schemas()["indicators"]
    assert schema["type"] == "array"
    assert list(resolved(schema, schema["items"])["properties"]) == list(aliases(IndicatorForm))


def test_a_ladder_is_a_list_of_rungs_or_a_mapping() -> None:
    schema = schemas()["ladders"]
    plain, full = resolved(schema, schema["additionalProperties"])["anyOf"]
    assert plain["type"] == "array"
    assert list(full["properties"]) == ["级次", "临期"]


def test_a_single_name_needs_no_brackets() -> None:
    single, several = schemas()["task"]["properties"]["责任单位"]["anyOf"]
    assert single == {"type": "string"}
    assert several["items"] == {"type": "string"}
    assert several["minItems"] == 1


def test_a_number_is_a_number() -> None:
    schema = schemas()["indicators"]
    assert schema["$defs"]["TargetForm"]["properties"]["值"]["anyOf"][0] == {"type": "number"}


def test_due_dates_come_with_examples() -> None:
    schema = schemas()["task"]
    due = schema["$defs"]["MilestoneForm"]["properties"]["完成时限"]["anyOf"]
    assert "2027年底" in due[0]["examples"]


@pytest.mark.parametrize("name", schemas())
def test_nothing_an_editor_shows_is_english(name: str) -> None:
    shown = [
        node[key]
        for node in nodes(schemas()[name])
        for key in ("title", "description")
        if isinstance(node.get(key), str)
    ]
    assert shown
    assert [
        text for text in shown if not re.search("[\u4e00-\u9fff]", text) or re.search("[a-z]{3,} [a-z]{2,}", text)
    ] == []


@pytest.mark.parametrize("name", schemas())
def test_a_schema_is_plain_json_and_refers_only_to_itself(name: str) -> None:
    schema = schemas()[name]
    assert json.loads(json.dumps(schema, ensure_ascii=False)) == schema
    refs = {node["$ref"] for node in nodes(schema) if isinstance(node.get("$ref"), str)}
    assert refs <= {f"#/$defs/{key}" for key in schema.get("$defs", {})}
