"""Chat platforms: one file is one dialect, found by looking in this folder.

A platform turns a `Message` into a signed `Request` and reads what the server answers; both are pure. It also brings what its
server checks and its app shows, so that the drill can stand in for it. Sending is `bot/sending/courier.py`. A new dialect is
one file here with a `PLATFORM` in it, and its test with a `SAMPLE`; files with an underscore hold what dialects share.
May import `core/telling`; no dialect imports another.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from importlib import import_module
from typing import Literal, Protocol

from pydantic import SecretStr
from pydantic_core import from_json

from bot.core.telling.message import Message, split
from bot.core.telling.outcome import Outcome
from bot.platforms._codes import CodeTable as CodeTable
from bot.platforms._server import Answer as Answer
from bot.platforms._server import Call as Call
from bot.platforms._server import Client as Client
from bot.platforms._server import Markup as Markup
from bot.platforms._server import RefusalError as RefusalError
from bot.platforms._server import Server as Server
from bot.platforms._server import Shown as Shown
from bot.platforms._text import as_read as as_read

JSON_HEADERS = (("Content-Type", "application/json; charset=utf-8"),)

Style = Literal["markdown", "text", "slack"]
#: What a receiver without codes of its own must answer for a success (送达判据); "" where none was chosen.
Success = Literal["", "2xx", "json", "slack"]
A_LINE, A_MESSAGE = (
    100,
    700,
)  # bytes of mark-up and envelope that a dialect adds at most; its contract test measures them
NO_HEADERS: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Limits:
    """Lengths of one message and pace of one robot; None where the platform sets no limit of that kind."""

    text: int | None  # bytes of a text's content
    markdown: int | None  # bytes of a markdown's content
    body: int | None  # bytes of the whole request
    per_minute: int  # what the server takes from a robot in any 60 s
    our_per_minute: int  # what we allow ourselves, so that a person's own use of the robot fits too
    pause: float  # seconds to stay away after a refusal for pace
    per_second: int | None = None
    our_per_second: int | None = None


@dataclass(frozen=True, slots=True)
class Robot:
    """A group robot as the rest of the bot sees it. Its address is its password, so printing it shows neither."""

    name: str  # safe to log: 县教育局#1
    dialect: str
    url: SecretStr
    secret: SecretStr | None = None
    keyword: str = ""
    style: Style = "markdown"
    success: Success = ""
    proxy: SecretStr | None = None  # http://[name:password@]host:port that leads to it
    authority: str = field(default="", repr=False)  # PEM of its certificate's only root; empty for the public ones
    inside: bool = False  # its host may resolve to an address of a private network
    share: float = 1.0  # of the platform's length limits that one part may fill


@dataclass(frozen=True, slots=True)
class Request:
    """One POST, ready to go: `url` is final and signed, `body` is UTF-8 JSON (it may hold a signature)."""

    url: SecretStr
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    body: bytes = field(repr=False)


class Platform(Protocol):
    """What a dialect's file provides as `PLATFORM`."""

    @property
    def name(self) -> str:
        """The dialect as written in `config/chats.yaml`: wecom."""

    @property
    def title(self) -> str:
        """What people call it: 企业微信."""

    @property
    def styles(self) -> tuple[Style, ...]:
        """The shapes it knows (格式); the first is taken when none is asked for."""

    @property
    def limits(self) -> Limits:
        """What the server accepts, and what we allow ourselves of it."""

    @property
    def words(self) -> frozenset[str]:
        """The keys of its bodies whose strings people read, in `encode` as in the receipts: content."""

    @property
    def codes(self) -> CodeTable:
        """What its answers say."""

    @property
    def server(self) -> Server:
        """What its server checks; for the drill and the tests."""

    @property
    def client(self) -> Client:
        """What its app shows; for the drill."""

    def encode(self, message: Message, robot: Robot, now: datetime) -> Request:
        """The request for one part, signed with `now`: wall time with a zone, whatever the business clock says.

        Raises ValueError, in Chinese and without the secret, when the robot's secret is none for this platform.
        """

    def fits(self, message: Message, robot: Robot) -> bool:
        """Whether the encoded bytes keep the limit, everything added for this robot included."""

    def read_reply(
        self, status: int, body: bytes, headers: Mapping[str, str] = NO_HEADERS, success: Success = ""
    ) -> Outcome:
        """What the answer means, never raises; `headers` by lower-case name.

        Where the body has a code, only HTTP 200 with the integer 0 is delivered. `success` is the robot's own rule, for a
        dialect whose receivers have no codes in common.
        """


@cache
def platforms() -> Mapping[str, Platform]:
    """Every dialect in this folder by its name, in the order of the names."""
    modules = (import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__))
    return {module.PLATFORM.name: module.PLATFORM for module in modules if hasattr(module, "PLATFORM")}


def platform(name: str) -> Platform:
    """The dialect of that name. Raises ValueError, in Chinese, when there is no such file."""
    if found := platforms().get(name):
        return found
    raise ValueError(f"没有方言“{name}”，可用的有：{'、'.join(platforms())}")


def words_of(body: bytes) -> str:
    """What a request says to people, mark-up included: its titles and texts, without signature, time and lists of people."""
    words = frozenset[str]().union(*(each.words for each in platforms().values()))
    return "\n".join(_said(from_json(body), words))


def _said(node: object, words: frozenset[str], key: str = "") -> Iterator[str]:
    if isinstance(node, str):
        if key in words:
            yield node
    elif isinstance(node, dict):
        for name, child in node.items():
            yield from _said(child, words, name)
    elif isinstance(node, list):
        for child in node:
            yield from _said(child, words, key)


def smaller(robot: Robot) -> Robot:
    """The robot after a refusal for shape or length: plain text, and parts of half the size."""
    return replace(robot, style="text" if robot.style == "markdown" else robot.style, share=robot.share / 2)


def parts(message: Message, robot: Robot) -> tuple[Message, ...]:
    """The message as parts that this robot accepts. Raises ValueError when not even the small print fits."""
    dialect = platform(robot.dialect)
    if _surely_fits(message, robot, dialect.limits):
        return (message,)
    return split(message, lambda part: dialect.fits(part, robot))


def _surely_fits(message: Message, robot: Robot, limits: Limits) -> bool:
    """Whether it fits however it is written. Most messages do, and then need not be encoded once more to be measured.

    A character of one byte becomes at most seven when escaped; every line and the whole message get some mark-up.
    """
    if message.mentions or robot.style == "slack":
        return False
    rooms = (limits.text if robot.style == "text" else limits.markdown, limits.body)
    room = min((room for room in rooms if room is not None), default=0) * robot.share
    texts = [
        message.title,
        robot.keyword,
        *[line.text for line in message.lines],
        *[line.text for line in message.foot],
    ]
    said = "".join(texts)
    return len(said.encode(errors="surrogatepass")) + 6 * len(said) + A_LINE * len(texts) + A_MESSAGE <= room
