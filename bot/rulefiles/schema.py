"""JSON Schema of the rule files, generated from the forms, for completion and checks in an editor."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import reduce
from operator import or_
from types import GenericAlias
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, TypeAdapter, create_model
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from bot.core.rules.rulebook import Form, IndicatorForm, Ladder, PlanForm, Role, TaskForm, TaskIndicatorForm, UnitsForm
from bot.core.time.workdays import CalendarYear, StatutoryTable
from bot.rule_kinds import kinds
from bot.rulefiles.checks.indicators import ways
from bot.rulefiles.known import VERBS
from bot.rulefiles.remedies import known_keys
from bot.rulefiles.role_names import OwnCalls, own_calls
from bot.rulefiles.rule_tests import RuleTest, RuleTestsForm

DIALECT = "https://json-schema.org/draft/2020-12/schema"
NUMBER = r"^-?\d+(\.\d+)?$"
_CHINESE = re.compile("[\u4e00-\u9fff]")
_ENGLISH = re.compile("[a-z]{2,} [a-z]{2,}")


def schemas(plan: PlanForm | None = None) -> dict[str, dict[str, Any]]:
    """Schemas by type of rule file: plan, units, ladders, task, indicators, calendar, statutory, tests.

    If the plan has its own names for the roles, the schemas accept these and the standard names.
    """
    found = _schemas()
    calls = {role.value: name for role, name in plan.calls.items()} if plan else {}
    for node in list(_nodes(found)) if calls else ():
        _add_calls(node, own_calls({"称呼": calls}, known_keys()))
    return found


def _add_calls(node: dict[str, Any], calls: OwnCalls) -> None:
    keys = node.get("properties", {})
    for own, ours in calls.keys.items():
        if isinstance(keys, dict) and ours in keys:
            keys[own] = keys[ours]
    if Role.LEAD.value in node.get("enum", ()):
        node["enum"] = [*node["enum"], *(name for name in calls.roles if name not in node["enum"])]


def _schemas() -> dict[str, dict[str, Any]]:
    return {
        "plan": _schema(PlanForm, "方案"),
        "units": _schema(UnitsForm, "责任单位"),
        "ladders": _schema(dict[str, Ladder], "督办阶梯"),
        "task": _schema(_task_file(), "任务"),
        "indicators": _schema(GenericAlias(tuple, (_indicator(IndicatorForm), ...)), "指标"),
        "calendar": _schema(CalendarYear, "年度日历"),
        "statutory": _schema(StatutoryTable, "法定节日"),
        "tests": _schema(_tests_file(), "规则测试"),
    }


def _tests_file() -> type[BaseModel]:
    """RuleTestsForm with the 已知 of its tests typed as a union of all verbs."""
    known: Any = GenericAlias(tuple, (reduce(or_, (verb.form for verb in VERBS.values())), ...))
    whole = RuleTest.model_fields["known"]
    test = create_model("RuleTestEntry", __base__=RuleTest, known=(known, whole))
    several: Any = GenericAlias(tuple, (test, ...))
    return create_model("RuleTestsFile", __base__=RuleTestsForm, tests=(several, RuleTestsForm.model_fields["tests"]))


def _task_file() -> type[BaseModel]:
    """TaskForm with its items and indicators typed as unions of all kinds."""
    forms = [kind.Params for kind in kinds().values() if kind.Params is not None]
    item: Any = Annotated[reduce(or_, forms), Field(discriminator="kind")]
    items: Any = (GenericAlias(tuple, (item, ...)), TaskForm.model_fields["items"])
    indicator = _indicator(TaskIndicatorForm)
    indicators: Any = (GenericAlias(tuple, (indicator, ...)), TaskForm.model_fields["indicators"])
    return create_model("TaskFile", __base__=TaskForm, items=items, indicators=indicators)


def _indicator(form: type[IndicatorForm]) -> Any:
    """An indicator with 监测 typed: each entry is the name of a kind, or one key with the options of that kind."""
    entries: list[Any] = [
        create_model(f"{form.__name__}{number}", __base__=Form, options=(kind.Options, Field(alias=name)))
        for number, (name, kind) in enumerate(ways().items())
        if kind.Options is not None
    ]
    alone = [name for name, kind in ways().items() if kind.Options is None or not _required(kind.Options)]
    entry = reduce(or_, entries, Literal[tuple(alone)])
    field: Any = (GenericAlias(tuple, (entry, ...)), form.model_fields["watched"])
    return create_model(f"{form.__name__}Entry", __base__=form, watched=field)


def _required(form: type[BaseModel]) -> bool:
    return any(info.is_required() for info in form.model_fields.values())


class _Written(GenerateJsonSchema):
    """Schemas of what may be written, which is slightly more than what the forms hold."""

    def function_before_schema(self, schema: core_schema.BeforeValidatorFunctionSchema) -> JsonSchemaValue:
        """A list may also be written as its single entry without brackets."""
        inner = super().function_before_schema(schema)
        if getattr(schema["function"]["function"], "__name__", "") == "_as_list":
            return {"anyOf": [inner["items"], inner]}
        return inner

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """A ladder may be a plain list of rungs. Drops descriptions that come from docstrings, which are for programmers."""
        whole = super().model_schema(schema)
        whole.pop("description", None)
        if schema["cls"] is Ladder:
            return {"anyOf": [whole["properties"]["级次"], whole]}
        return whole

    def decimal_schema(self, schema: core_schema.DecimalSchema) -> JsonSchemaValue:
        """A number, with a simpler pattern than pydantic's for numbers in quotes."""
        bounds = {"minimum": schema["ge"]} if "ge" in schema else {}
        return {"anyOf": [{"type": "number", **bounds}, {"type": "string", "pattern": NUMBER}]}


def _schema(form: Any, title: str) -> dict[str, Any]:
    schema = TypeAdapter(form).json_schema(by_alias=True, schema_generator=_Written)
    for node in _nodes(schema):
        _only_chinese(node)
    return {"$schema": DIALECT, **schema, "title": title}


def _nodes(schema: Any) -> Iterator[dict[str, Any]]:
    """A schema and all schemas inside it."""
    if isinstance(schema, dict):
        yield schema
        for child in schema.values():
            yield from _nodes(child)
    elif isinstance(schema, list):
        for child in schema:
            yield from _nodes(child)


def _only_chinese(node: dict[str, Any]) -> None:
    """Removes class names and English docstrings, which an editor would show to the official."""
    for key in ("title", "description"):
        text = node.get(key)
        if isinstance(text, str) and (not _CHINESE.search(text) or _ENGLISH.search(text)):
            del node[key]
    kind = node.get("properties", {}).get("类型", {})
    if "const" in kind:
        node["title"] = kind["const"]
