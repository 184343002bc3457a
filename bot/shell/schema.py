"""JSON Schema of the rule files, generated from the forms, so that an editor completes and checks while typing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import reduce
from operator import or_
from types import GenericAlias
from typing import Annotated, Any

from pydantic import BaseModel, Field, RootModel, TypeAdapter, create_model
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from bot.core.rulebook import IndicatorForm, Ladder, PlanForm, TaskForm, UnitsForm
from bot.core.workdays import CalendarYear, StatutoryTable
from bot.rule_kinds import kinds

DIALECT = "https://json-schema.org/draft/2020-12/schema"
NUMBER = r"^-?\d+(\.\d+)?$"
_CHINESE = re.compile("[\u4e00-\u9fff]")
_ENGLISH = re.compile("[a-z]{2,} [a-z]{2,}")


def schemas() -> dict[str, dict[str, Any]]:
    """Schema by the kind of rule file: plan, units, ladders, task, indicators, calendar, statutory."""
    return {
        "plan": _schema(PlanForm, "方案"),
        "units": _schema(UnitsForm, "责任单位"),
        "ladders": _schema(dict[str, Ladder], "督办阶梯"),
        "task": _schema(_task_file(), "任务"),
        "indicators": _schema(RootModel[tuple[IndicatorForm, ...]], "指标"),
        "calendar": _schema(CalendarYear, "年度日历"),
        "statutory": _schema(StatutoryTable, "法定节日"),
    }


def _task_file() -> type[BaseModel]:
    """TaskForm with its items typed by every kind there is."""
    forms = [kind.Params for kind in kinds().values() if kind.Params is not None]
    item: Any = Annotated[reduce(or_, forms), Field(discriminator="kind")]
    field: Any = (GenericAlias(tuple, (item, ...)), Field(default=(), alias="事项"))
    return create_model("TaskFile", __base__=TaskForm, items=field)


class _Written(GenerateJsonSchema):
    """What may be written, which is a little more than what the forms hold."""

    def function_before_schema(self, schema: core_schema.BeforeValidatorFunctionSchema) -> JsonSchemaValue:
        """A list form also takes its single entry without brackets."""
        inner = super().function_before_schema(schema)
        if getattr(schema["function"]["function"], "__name__", "") == "_as_list":
            return {"anyOf": [inner["items"], inner]}
        return inner

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """A ladder may be a plain list of rungs. Docstrings of forms are for programmers."""
        whole = super().model_schema(schema)
        whole.pop("description", None)
        if schema["cls"] is Ladder:
            return {"anyOf": [whole["properties"]["级次"], whole]}
        return whole

    def decimal_schema(self, schema: core_schema.DecimalSchema) -> JsonSchemaValue:
        """A number; pydantic's own pattern for numbers in quotes means nothing to an official."""
        bounds = {"minimum": schema["ge"]} if "ge" in schema else {}
        return {"anyOf": [{"type": "number", **bounds}, {"type": "string", "pattern": NUMBER}]}


def _schema(form: Any, title: str) -> dict[str, Any]:
    schema = TypeAdapter(form).json_schema(by_alias=True, schema_generator=_Written)
    for node in _nodes(schema):
        _only_chinese(node)
    return {"$schema": DIALECT, **schema, "title": title}


def _nodes(schema: Any) -> Iterator[dict[str, Any]]:
    """Every schema inside a schema."""
    if isinstance(schema, dict):
        yield schema
        for child in schema.values():
            yield from _nodes(child)
    elif isinstance(schema, list):
        for child in schema:
            yield from _nodes(child)


def _only_chinese(node: dict[str, Any]) -> None:
    """Class names and English docstrings would be shown to an official by his editor."""
    for key in ("title", "description"):
        text = node.get(key)
        if isinstance(text, str) and (not _CHINESE.search(text) or _ENGLISH.search(text)):
            del node[key]
    kind = node.get("properties", {}).get("类型", {})
    if "const" in kind:
        node["title"] = kind["const"]
