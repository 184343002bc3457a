"""Chat platforms: one file is one dialect, found by looking in this folder.

A platform turns a `Message` into a signed `Request` and reads what the server said back; both are pure. Sending is
`bot/shell/courier.py`. A new dialect is one file here with a `PLATFORM` in it, and its test.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from importlib import import_module
from typing import Literal, Protocol

from pydantic import SecretStr

from bot.core.message import Message, split
from bot.core.outcome import Outcome
from bot.platforms.limits import Limits

JSON_HEADERS = (("Content-Type", "application/json; charset=utf-8"),)

Style = Literal["markdown", "text"]


@dataclass(frozen=True, slots=True)
class Robot:
    """A group robot as the rest of the bot sees it. Its address is its password, so printing it shows neither."""

    name: str  # safe to log: 县教育局#1
    dialect: str
    url: SecretStr
    secret: SecretStr | None = None
    keyword: str = ""
    style: Style = "markdown"


@dataclass(frozen=True, slots=True)
class Request:
    """One POST, ready to go: `url` is final and signed, `body` is UTF-8 JSON (it may hold a signature)."""

    url: SecretStr
    headers: tuple[tuple[str, str], ...]
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
    def limits(self) -> Limits:
        """What the server accepts, and what we allow ourselves of it."""

    def encode(self, message: Message, robot: Robot, now: datetime) -> Request:
        """The request for one part, signed with `now`: wall time with a zone, whatever the business clock says."""

    def fits(self, message: Message, robot: Robot) -> bool:
        """Whether the encoded bytes keep the limit, everything added for this robot included."""

    def read_reply(self, status: int, body: bytes) -> Outcome:
        """What the answer means: only HTTP 200 with an integer code 0 is delivered. Never raises."""


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


def parts(message: Message, robot: Robot) -> tuple[Message, ...]:
    """The message as parts that this robot accepts. Raises ValueError when not even the small print fits."""
    fits = platform(robot.dialect).fits
    return split(message, lambda part: fits(part, robot))
