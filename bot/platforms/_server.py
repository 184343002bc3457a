"""The platform's own side of a dialect: what its server checks and what its app shows.

Only the drill and the tests use it. A server here is as strict as the real one, or stricter; of the message types it knows
only those that the bot sends. Bodies are described as TypedDicts: they cost a sending process nothing, because a validator is
built only when a server first reads a call.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

from pydantic.config import with_config
from pydantic_core import ValidationError

if TYPE_CHECKING:
    from pydantic import TypeAdapter

SIGNATURE_WINDOW = 3600.0  # seconds a signature may be off, either way, on most platforms

Markup = Literal["markdown", "text"]

#: For the outermost TypedDict of a body: no other fields, and no values of another type, at any depth.
strictly = with_config({"extra": "forbid", "strict": True})


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
    """A message that passed: the app renders `source` as `markup` says."""

    payload: dict[str, Any]
    markup: Markup
    title: str
    source: str


class RefusalError(Exception):
    """The server's refusal: its code, and its words where they differ from those of the code table."""

    def __init__(self, code: int, says: str = "") -> None:
        super().__init__(code, says)
        self.code = code
        self.says = says


class Server(Protocol):
    """One platform's server."""

    path: str  # what follows the host in a robot's address; {token} stands for the robot's token
    unknown_token: int  # the code for a robot that does not exist
    too_fast: int  # the code for a robot that exceeds its pace
    shuts: float  # seconds a robot stays shut after that

    def read(self, call: Call, secret: str | None, keyword: str | None) -> Shown:
        """The message of a call to a robot with this secret and keyword. Raises RefusalError."""

    def answer(self, code: int, says: str) -> Answer:
        """The reply; code 0 is a success."""


@dataclass(frozen=True, slots=True)
class Client:
    """Which mark-up the platform's app obeys; everything else it shows as it stands."""

    colours: Mapping[str, str] = field(default_factory=dict)  # by the name in <font color>: its colour on the wall
    headings: bool = False
    quotes: bool = False
    lists: bool = False
    entities: bool = False  # &#42; is shown as *, and <text_tag> is known
    keeps_breaks: bool = True  # else a single line break is swallowed, and only a blank line parts paragraphs
    cards: bool = False  # a payload may hold a card of schema 1.0
    text_mentions: bool = False  # <at user_id> is obeyed in text too


S = TypeVar("S", bound=Mapping[str, object])


def parsed(body: bytes, refusal: int) -> dict[str, Any]:
    """The body as a JSON object. Raises RefusalError with the code `refusal`."""
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError):
        raise RefusalError(refusal) from None
    if not isinstance(payload, dict):
        raise RefusalError(refusal)
    return payload


def shaped(shape: type[S], value: object, refusal: int) -> S:
    """`value` as the TypedDict `shape`. Raises RefusalError with the code `refusal`, naming the first field that differs."""
    try:
        found: S = _validator(shape).validate_python(value)
    except ValidationError as error:
        where = ".".join(str(step) for step in error.errors()[0]["loc"])
        raise RefusalError(refusal, f"invalid parameter: {where}") from None
    return found


@cache
def _validator(shape: type[Any]) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter  # here, so that the idle service never loads it

    return TypeAdapter(shape)


def first_line(source: str) -> str:
    """The first line without mark-up: the title of a message that has none of its own."""
    return re.sub(r"<[^>]*>|[*#]", "", source.split("\n", 1)[0]).strip()


def recent(stamp: str, per_second: int, wall: datetime, window: float = SIGNATURE_WINDOW) -> bool:
    """Whether a time stamp of `per_second` units a second is within `window` seconds of `wall`."""
    if not re.fullmatch(r"\d{1,15}", stamp, re.ASCII):
        return False
    return abs(int(stamp) / per_second - wall.timestamp()) <= window
