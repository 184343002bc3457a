"""Problems in rule files, in Chinese for the person who will fix them, and the table that translates pydantic's errors."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from bot.core.time.grammar import WordError, parse_date
from bot.core.time.near import suggest

Path = tuple[str | int, ...]  # from the root of a file: ('事项', 0, '名称')
Severity = Literal["error", "info"]


@dataclass(frozen=True, slots=True)
class Place:
    """Line and column, both from 1, in characters."""

    line: int
    column: int


START = Place(1, 1)
LONGEST = 400  # characters of a sentence; longer ones are cut in the middle


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, where, and what to do about it. A problem of level `info` does not prevent the rules from being used.

    `instead` is the whole key or value to write at this place if only one can be meant; empty otherwise.
    """

    file: str
    line: int
    column: int
    code: str
    message: str
    hint: str = ""
    severity: Severity = "error"
    instead: str = field(default="", compare=False)

    @classmethod
    def at(
        cls,
        file: str,
        place: Place,
        code: str,
        message: str,
        hint: str = "",
        severity: Severity = "error",
        instead: str = "",
    ) -> Problem:
        """A problem at a `Place`."""
        return cls(file, place.line, place.column, code, _short(message), _short(hint), severity, instead)

    @property
    def is_error(self) -> bool:
        return self.severity == "error"

    def __str__(self) -> str:
        mark = "错误" if self.is_error else "提示"
        advice = f"。建议：{self.hint}" if self.hint else ""
        return f"{self.file}:{self.line}:{self.column} {mark}：{self.message}{advice}"


def _short(sentence: str) -> str:
    """A sentence cut in the middle if it is too long, as when it quotes a whole page of the file."""
    return sentence if len(sentence) <= LONGEST else f"{sentence[: LONGEST - 100]}……{sentence[-98:]}"


def in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """The problems without duplicates, sorted by file, line and column."""
    return tuple(sorted(dict.fromkeys(problems), key=lambda one: (one.file, one.line, one.column)))


def aliases(form: type[BaseModel]) -> dict[str, FieldInfo]:
    """The fields of a form by their keys in a rule file."""
    return {info.alias or name: info for name, info in form.model_fields.items()}


def _form_in(annotation: Any) -> type[BaseModel] | None:
    """The first form inside an annotation such as `tuple[X, ...] | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((form for part in get_args(annotation) if (form := _form_in(part))), None)


def field_at(form: type[BaseModel], loc: Path) -> tuple[type[BaseModel] | None, FieldInfo | None]:
    """The form at `loc` and the field that holds it; parts of `loc` that are not keys (indices, tags) are ignored."""
    here: type[BaseModel] | None = form
    info: FieldInfo | None = None
    for part in loc:
        found = aliases(here).get(part) if here and isinstance(part, str) else None
        if found is not None:
            info, here = found, _form_in(found.annotation)
    return here, info


#: pydantic's error type → (code, sentence). A sentence may contain `{key}`, `{value}` and names of pydantic's context.
SENTENCES: Mapping[str, tuple[str, str]] = {
    "missing": ("missing", "缺少“{key}”"),
    "string_type": ("bad-type", "“{key}”应写成文字"),
    "string_too_short": ("blank", "“{key}”没有填写"),
    "string_too_long": ("too-long", "“{key}”太长：最多{max_length}个字，现在有{length}个"),
    "string_pattern_mismatch": ("bad-pattern", "“{key}”的写法不对：“{value}”"),
    "int_type": ("bad-number", "“{key}”应是整数，不是“{value}”"),
    "int_parsing": ("bad-number", "“{key}”应是整数，不是“{value}”"),
    "int_parsing_size": ("bad-number", "“{key}”的数太大：“{value}”"),
    "int_from_float": ("bad-number", "“{key}”应是整数，不是“{value}”"),
    "decimal_type": ("bad-number", "“{key}”应是数字，不是“{value}”"),
    "decimal_parsing": ("bad-number", "“{key}”应是数字，不是“{value}”"),
    "finite_number": ("bad-number", "“{key}”应是普通的数，不是“{value}”"),
    "greater_than": ("out-of-range", "“{key}”应大于{gt}，现在是{value}"),
    "greater_than_equal": ("out-of-range", "“{key}”不能小于{ge}，现在是{value}"),
    "less_than": ("out-of-range", "“{key}”应小于{lt}，现在是{value}"),
    "less_than_equal": ("out-of-range", "“{key}”不能大于{le}，现在是{value}"),
    "bool_type": ("bad-switch", "“{key}”应写 是 或 否；也可写 true（是）、false（否）"),
    "bool_parsing": ("bad-switch", "“{key}”应写 是 或 否（也可写 true（是）、false（否）），不是“{value}”"),
    "enum": ("unknown-word", "“{key}”没有“{value}”这个写法"),
    "literal_error": ("unknown-word", "“{key}”没有“{value}”这个写法"),
    "tuple_type": ("not-a-list", "“{key}”应是列表"),
    "list_type": ("not-a-list", "“{key}”应是列表"),
    "model_type": ("not-a-mapping", "这里应是若干行“键: 值”"),
    "model_attributes_type": ("not-a-mapping", "这里应是若干行“键: 值”"),
    "dict_type": ("not-a-mapping", "“{key}”应是若干行“键: 值”"),
    "too_short": ("too-few", "“{key}”至少要有{min_length}项"),
    "too_long": ("too-many", "“{key}”最多{max_length}项，现在有{actual_length}项"),
}
DATES = frozenset({"date_type", "date_parsing", "date_from_datetime_parsing", "date_from_datetime_inexact"})
HINTS: Mapping[str, str] = {
    "not-a-list": "每项单独一行，以“- ”开头；或写成 [甲, 乙]",
    "not-a-mapping": "冒号用半角“:”，后面空一格",
    "bad-number": "只写数字，不带单位和百分号",
}


def explain(error: ErrorDetails, form: type[BaseModel]) -> tuple[str, str, str]:
    """Code, message and hint for one pydantic error, in Chinese."""
    loc, context = error["loc"], error.get("ctx", {})
    if loc and loc[-1] == "[key]":  # the error is in a key of a free mapping: report it for the mapping
        loc = loc[:-2]
        error = {**error, "loc": loc}
    kind, value = error["type"], error["input"]
    key = next((part for part in reversed(loc) if isinstance(part, str)), "内容")
    if kind == "extra_forbidden":
        return _unknown_key(form, loc)
    if value is None and kind != "missing":
        return "blank", f"“{key}”没有填写", str(context.get("hint") or _description(form, loc))
    if kind == "word":
        return "bad-word", str(context["problem"]), str(context["hint"])
    if kind in ("value_error", "assertion_error"):
        return "bad-value", re.sub(r"^(Value|Assertion) error, ", "", error["msg"]), ""
    if kind in DATES:
        return _bad_date(key, value)
    return _by_table(error, form, key)


def _by_table(error: ErrorDetails, form: type[BaseModel], key: str) -> tuple[str, str, str]:
    context, value = error.get("ctx", {}), error["input"]
    fallback = f"“{key}”填写有误（{error['msg']}）".replace("{", "{{").replace("}", "}}")
    code, template = SENTENCES.get(error["type"], ("bad-value", fallback))
    shown = _shown(value)
    known = re.findall(r"'([^']*)'", str(context.get("expected", "")))
    hint = suggest(shown, known) if known else _description(form, error["loc"]) or HINTS.get(code, "")
    length = len(value) if isinstance(value, str) else 0
    return code, template.format_map({"key": key, "value": shown, "length": length, **context}), hint


def _shown(value: object) -> str:
    """A value, shortened for a sentence."""
    text = value if isinstance(value, str) else "多项内容" if isinstance(value, dict | list) else str(value)
    return text if len(text) <= 40 else f"{text[:39]}…"


def _description(form: type[BaseModel], loc: Path) -> str:
    info = field_at(form, loc)[1]
    return (info.description or "") if info else ""


def _unknown_key(form: type[BaseModel], loc: Path) -> tuple[str, str, str]:
    here = field_at(form, loc[:-1])[0]
    return "unknown-key", f"不认识“{loc[-1]}”这一项", suggest(str(loc[-1]), list(aliases(here))) if here else ""


def _bad_date(key: str, value: object) -> tuple[str, str, str]:
    try:
        parse_date(value)
    except WordError as error:
        return "bad-date", f"“{key}”：{error.problem}", error.hint
    return "bad-date", f"“{key}”的日期写法不对：“{_shown(value)}”", "写成 2027-12-31 的样子"


def blank_and_optional(error: ErrorDetails, form: type[BaseModel]) -> bool:
    """Whether the error is only an empty value of an optional key."""
    info = field_at(form, error["loc"])[1]
    last = error["loc"][-1] if error["loc"] else None
    return error["input"] is None and isinstance(last, str) and info is not None and not info.is_required()


def repeated(names: Iterable[str]) -> Iterator[tuple[int, int, str]]:
    """(first index, later index, name) for every repetition of a name."""
    seen: dict[str, int] = {}
    for index, name in enumerate(names):
        if name in seen:
            yield seen[name], index, name
        else:
            seen[name] = index
