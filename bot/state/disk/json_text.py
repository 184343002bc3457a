"""JSON text of the store: plain values, checked when they are encoded, as UTF-8.

orjson is used if it is installed, else the standard library (orjson has no wheel for some processors). Both produce text with
the same meaning, because `encoded` refuses all values they treat differently: orjson silently turns NaN into null, accepts
enums and dates, and refuses integers beyond 64 bits.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

from bot.state.disk.errors import NotStorable

MAX_DEPTH = 100  # levels of nesting; both encoders reach further
_INTEGERS = range(-(2**63), 2**64)

try:
    import orjson
except ImportError:

    def dumps(value: Any) -> bytes:
        """One line of UTF-8 JSON of a value known to be plain, such as one that was read back from JSON."""
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()

    loads: Callable[[bytes], Any] = json.loads

    def encoded(value: Any) -> bytes:
        """One line of UTF-8 JSON of dict, list, str, int, float, bool and None; subclasses and tuples become plain types.

        Raises NotStorable for NaN and infinity, keys that are not text, integers beyond 64 bits, lone surrogates,
        nesting deeper than MAX_DEPTH and any other type.
        """
        return dumps(_plain(value, MAX_DEPTH))
else:
    _STRICT = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_SUBCLASS

    def dumps(value: Any) -> bytes:
        """As above."""
        return orjson.dumps(value)

    loads = orjson.loads

    def encoded(value: Any) -> bytes:
        """As above. A value equal to its decoded text was plain (a NaN, tuple or enum is not): this check costs half as much."""
        try:
            text = orjson.dumps(value, option=_STRICT)
        except TypeError:
            return dumps(_plain(value, MAX_DEPTH))
        if text.count(b"{") + text.count(b"[") > MAX_DEPTH or orjson.loads(text) != value:
            return dumps(_plain(value, MAX_DEPTH))
        return text


def _plain(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return _text(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return _number(value)
    if depth == 0:
        raise NotStorable(f"嵌套超过 {MAX_DEPTH} 层")
    if isinstance(value, dict):
        return _plain_dict(value, depth - 1)
    if isinstance(value, list | tuple):
        return _plain_list(value, depth - 1)
    raise NotStorable(f"类型 {type(value).__name__} 不能写成 JSON")


def _plain_dict(value: dict[Any, Any], depth: int) -> dict[str, Any]:
    copy = {}
    for key, item in value.items():
        if not isinstance(key, str):
            raise NotStorable(f"键 {key!r} 不是文字")
        try:
            copy[_text(key)] = _plain(item, depth)
        except NotStorable as fault:
            raise fault.under(key) from None
    return copy


def _plain_list(value: list[Any] | tuple[Any, ...], depth: int) -> list[Any]:
    copy = []
    for index, item in enumerate(value):
        try:
            copy.append(_plain(item, depth))
        except NotStorable as fault:
            raise fault.under(index) from None
    return copy


def _text(value: str) -> str:
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise NotStorable("文字里有不成对的代理字符，不是合法的 Unicode") from None
    return value if type(value) is str else str.__str__(value)


def _number(value: int | float) -> int | float:
    if isinstance(value, int):
        if value not in _INTEGERS:
            raise NotStorable("整数超出 64 位")
        return value if type(value) is int else int(value)
    if not math.isfinite(value):
        raise NotStorable(f"{value} 不是有限的数")
    return value if type(value) is float else float(value)
