"""The base of every Chinese word form: normalising text, checking dates, and errors that say what to write instead.

`bot/core/rules/words.py` holds the forms themselves; `workdays.py` reads dates of calendar files with `PlainDate` from here.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from calendar import monthrange
from collections.abc import Iterable
from datetime import date, datetime
from typing import Annotated, Any, ClassVar, Self

from pydantic import BeforeValidator, GetCoreSchemaHandler, GetJsonSchemaHandler, WithJsonSchema
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

YEARS = range(2000, 2100)  # years a rule file may name; any other is taken for a typing error


class WordError(ValueError):
    """A word that a rule file may not contain. `problem` says what is wrong, `hint` what to write instead (both Chinese)."""

    def __init__(self, problem: str, hint: str = "") -> None:
        super().__init__(f"{problem}。{hint}" if hint else problem)
        self.problem = problem
        self.hint = hint

    def for_pydantic(self) -> PydanticCustomError:
        """The same sentence as an error of type `word`, without pydantic's English prefix."""
        context = {"text": str(self), "problem": self.problem, "hint": self.hint}
        return PydanticCustomError("word", "{text}", context)


def normalise(text: str) -> str:
    """Full-width digits, letters and punctuation become half-width (NFKC); blanks vanish; commas become 、."""
    plain = unicodedata.normalize("NFKC", text)
    return re.sub(r"[,;]", "、", re.sub(r"\s+", "", plain))


def nearest(text: str, examples: Iterable[str]) -> str:
    """A hint 可以写：… with the three examples most similar to `text`."""
    close = difflib.get_close_matches(text, list(examples), n=3, cutoff=0.0)
    return "可以写：" + "、".join(f"“{example}”" for example in close)


def check_year(year: int, text: str) -> int:
    """Returns the year. Raises WordError outside 2000–2099."""
    if year not in YEARS:
        raise WordError(f"“{text}”的年份是{year}，应在{YEARS[0]}至{YEARS[-1]}之间")
    return year


def check_month(month: int, text: str) -> int:
    """Returns the month. Raises WordError unless it is 1–12."""
    if not 1 <= month <= 12:
        raise WordError(f"“{text}”写了{month}月，一年只有1至12月")
    return month


def real_date(year: int, month: int, day: int, text: str) -> date:
    """The date. Raises WordError when no such day exists; `text` is quoted in the error."""
    check_year(year, text)
    check_month(month, text)
    days = monthrange(year, month)[1]
    if not 1 <= day <= days:
        raise WordError(f"“{text}”这一天不存在：{year}年{month}月只有1至{days}日")
    return date(year, month, day)


def month_end(year: int, month: int) -> date:
    """Last day of that month."""
    return date(year, month, monthrange(year, month)[1])


_DATE = re.compile(r"(\d{4})(?:-(\d{1,2})-(\d{1,2})|年(\d{1,2})月(\d{1,2})日)")


def parse_date(value: object) -> date:
    """Reads a date, `2027-12-31` or `2027年12月31日`. Raises WordError for anything else and for days that do not exist."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    text = normalise(value) if isinstance(value, str) else str(value)
    found = _DATE.fullmatch(text)
    if found is None:
        raise WordError(f"“{text}”不是一个日期", "可以写：“2027-12-31”、“2027年12月31日”")
    year, month, day = (int(part) for part in found.groups() if part is not None)
    return real_date(year, month, day, text)


def _validated_date(value: object) -> date:
    try:
        return parse_date(value)
    except WordError as error:
        raise error.for_pydantic() from error


PlainDate = Annotated[
    date,
    BeforeValidator(_validated_date),
    WithJsonSchema({"type": "string", "title": "日期", "description": "年-月-日", "examples": ["2027-12-31"]}),
]


class Word:
    """Base of the value types: `parse` reads a text and `words` writes it back; pydantic fields of these types do both."""

    __slots__ = ()
    title: ClassVar[str]
    about: ClassVar[str]
    examples: ClassVar[tuple[str, ...]]

    @classmethod
    def parse(cls, value: object) -> Self:
        """Reads a text as a person typed it. Raises WordError with the most similar allowed forms."""
        if isinstance(value, cls):
            return value
        text = normalise(cls._as_text(value))
        found = cls._read(text)
        if found is None:
            raise WordError(f"{cls.title}看不懂“{text}”", nearest(text, cls.examples))
        return found

    @classmethod
    def _as_text(cls, value: object) -> str:
        if isinstance(value, str):
            return value
        raise WordError(f"{cls.title}应写成文字，不是“{value}”", nearest(str(value), cls.examples))

    @classmethod
    def _read(cls, text: str) -> Self | None:
        """The value of a normalised text; None when no form matches. Raises WordError when a form matches with impossible values."""
        raise NotImplementedError

    def words(self) -> str:
        """The value in the words a rule file uses; `parse(words())` is the value again."""
        raise NotImplementedError

    def __str__(self) -> str:
        return self.words()

    @classmethod
    def _validated(cls, value: object) -> Self:
        try:
            return cls.parse(value)
        except WordError as error:
            raise error.for_pydantic() from error

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        written = core_schema.plain_serializer_function_ser_schema(cls.words, return_schema=core_schema.str_schema())
        return core_schema.no_info_plain_validator_function(cls._validated, serialization=written)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"type": "string", "title": cls.title, "description": cls.about, "examples": list(cls.examples)}


def check_count(count: int, text: str) -> int:
    """Returns a count of days, workdays or months. Raises WordError unless it is 1 to 9999."""
    if not 1 <= count <= 9999:
        raise WordError(f"“{text}”的数目是{count}，应在1至9999之间")
    return count
