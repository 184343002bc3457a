"""What the contract of a platform must know of one dialect, and a chat of the twin to try it in."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import import_module
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from pydantic import SecretStr

from bot.core.telling.message import Line, LineKind, Message
from bot.core.telling.outcome import Outcome, Verdict
from bot.drill.twin import Bubble, Twin
from bot.platforms import Call, Request, Robot, Style, platform

NOW = datetime(2027, 12, 24, 8, 47, 5, tzinfo=UTC)
HOST = "https://robots.example.cn"
_NARROW = str.maketrans({chr(0xFEE0 + code): chr(code) for code in range(0x21, 0x7F)})


def lines_of(bubble: Bubble) -> Iterable[str]:
    """What a reader sees of a message without mark-up, line by line."""
    return bubble.source.split("\n")


@dataclass(frozen=True, slots=True)
class Sample:
    """One dialect as the contract sees it; its test file `test_<name>.py` holds one as `SAMPLE`."""

    secret: str | None = None  # one that it can sign with; None where it cannot
    mention_tags: tuple[str, ...] = ()  # what would ring somebody if a stranger's text held it
    rows: Callable[[Bubble], Iterable[str]] = lines_of  # a markdown message as a reader sees it, line by line
    #: Every known code: what becomes of the message, and the seconds to stay away (0: the outbox's own backoff).
    codes: Mapping[int, tuple[Verdict, float]] = field(default_factory=dict)
    whole_platform: frozenset[int] = frozenset()  # the codes that make us stay away from all its robots
    measured: Callable[[bytes], tuple[int, int]] | None = (
        None  # bytes that count and their limit, if not the whole body's
    )


def sample(dialect: str) -> Sample:
    found: Sample = import_module(f"tests.platforms.test_{dialect}").SAMPLE
    return found


class Chat:
    """One robot of the twin, written to without a network."""

    def __init__(self, dialect: str, style: Style = "markdown", secret: str | None = None, keyword: str = "") -> None:
        self.seconds = 0.0
        self.twin = Twin(clock=self.clock, wall=lambda: NOW)
        path = self.twin.add_chat("县教育局", dialect, secret, keyword or None)
        before, after = platform(dialect).server.path.split("{token}")
        self.token = path.removeprefix(before).removesuffix(after)
        self.url = HOST + path
        self.robot = Robot(
            "县教育局#1", dialect, SecretStr(self.url), SecretStr(secret) if secret else None, keyword, style
        )

    def clock(self) -> datetime:
        """An hour passes between any two calls, so that no message is refused for pace."""
        self.seconds += 3600
        return datetime.fromtimestamp(NOW.timestamp() + self.seconds, UTC)

    def request(self, message: Message) -> Request:
        return platform(self.robot.dialect).encode(message, self.robot, NOW)

    def post(self, message: Message) -> Outcome:
        request = self.request(message)
        query = dict(parse_qsl(urlsplit(request.url.get_secret_value()).query))
        headers = {name.lower(): value for name, value in request.headers}
        call = Call(query, headers["content-type"], request.body, NOW, headers)
        answer = self.twin.answer(self.robot.dialect, self.token, call)
        return platform(self.robot.dialect).read_reply(answer.status, answer.body, answer.headers)

    def shown(self) -> Bubble:
        return self.twin.received("县教育局")[-1]


def message(*texts: str, **fields: Any) -> Message:
    foot = (Line("依据：实施方案（征求意见稿）　联系：秘书组 0936-0000000", LineKind.NOTE),)
    return Message("【督办汇总】县教育局", tuple(map(Line, texts)), foot, number="2027-0412", **fields)


def filled(chat: Chat, extra: int) -> Message:
    """A Chinese message `extra` bytes longer than the limit; a letter more is a byte more."""

    def of(size: int) -> Message:
        return message("汉" * (size // 3) + "a" * (size % 3))

    empty, limit = measured(chat.robot.dialect, chat.request(of(30)).body)
    return of(30 + limit - empty + extra)


def measured(dialect: str, body: bytes) -> tuple[int, int]:
    """Bytes that count, and the limit they count against."""
    if by_its_own := sample(dialect).measured:
        return by_its_own(body)
    limit = platform(dialect).limits.body
    assert limit is not None
    return len(body), limit


def narrow(text: str) -> str:
    """Full-width characters as ASCII."""
    return text.translate(_NARROW)


def off(line: str, marks: tuple[str, ...]) -> str:
    """The line without a dialect's own marks; nothing else in it may look like mark-up."""
    for mark in marks:
        line = line.replace(mark, "")
    assert not set(line) & set("<>*`[]_~")
    return line


def refused(dialect: str, code: object, **more: object) -> bytes:
    """An answer with this code."""
    table = platform(dialect).codes
    return json.dumps({table.code_fields[0]: code, table.text_fields[0]: "said", **more}).encode()
