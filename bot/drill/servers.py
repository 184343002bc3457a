"""What every platform's server has in common: a call, an answer, a refusal, and how a body is checked."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from bot.platforms.limits import SIGNATURE_WINDOW, Wire

Markup = Literal["markdown", "text"]


@dataclass(frozen=True, slots=True)
class Call:
    """One POST as it arrived; `wall` is the real time at which it did."""

    query: Mapping[str, str]
    content_type: str
    body: bytes
    wall: datetime
    headers: Mapping[str, str] = field(default_factory=dict)  # by lower-case name


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply: text goes as it is, anything else as JSON."""

    content: dict[str, Any] | str
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def body(self) -> bytes:
        """The bytes of the reply."""
        return (self.content if isinstance(self.content, str) else json.dumps(self.content)).encode()


@dataclass(frozen=True, slots=True)
class Shown:
    """A message that passed: `source` is what the client renders, as `markup` says."""

    payload: dict[str, Any]
    markup: Markup
    title: str
    source: str


class RefusalError(Exception):
    """The server's no: its code, and its words where they differ from the table's."""

    def __init__(self, code: int, says: str = "") -> None:
        super().__init__(code, says)
        self.code = code
        self.says = says


class Dialect(Protocol):
    """One platform's server."""

    wire: Wire
    unknown_token: int  # the code for a robot that does not exist
    too_fast: int  # the code for a robot over its pace
    shuts: float  # seconds a robot stays shut after it

    def path(self, token: str) -> str:
        """The address after the host."""

    def read(self, call: Call, secret: str | None, keyword: str | None) -> Shown:
        """The message, or RefusalError."""

    def answer(self, code: int, says: str) -> Answer:
        """The reply; code 0 is a success."""


class Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


S = TypeVar("S", bound=Shape)


def parsed(body: bytes, refusal: int) -> dict[str, Any]:
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError):
        raise RefusalError(refusal) from None
    if not isinstance(payload, dict):
        raise RefusalError(refusal)
    return payload


def shaped(shape: type[S], value: object, refusal: int) -> S:
    try:
        return shape.model_validate(value)
    except ValidationError as error:
        where = ".".join(str(step) for step in error.errors()[0]["loc"])
        raise RefusalError(refusal, f"invalid parameter: {where}") from None


def first_line(source: str) -> str:
    return re.sub(r"<[^>]*>|[*#]", "", source.split("\n", 1)[0]).strip()


def recent(stamp: str, per_second: int, wall: datetime, window: float = SIGNATURE_WINDOW) -> bool:
    if not re.fullmatch(r"\d{1,15}", stamp, re.ASCII):
        return False
    return abs(int(stamp) / per_second - wall.timestamp()) <= window
