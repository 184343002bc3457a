"""蓝信 group robots: `errCode` with a capital C, text only, and a host (often port and path prefix too) of one's own.

A signature stands in the body and is made from seconds, inside out like Feishu's but with an @.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic_core import to_json

from bot.core.telling.message import Message
from bot.core.telling.outcome import Outcome
from bot.platforms import JSON_HEADERS, NO_HEADERS, Request, Robot, Style, _replies
from bot.platforms._text import as_text, missing_keyword
from bot.platforms.limits import LANXIN, Limits


@dataclass(frozen=True, slots=True)
class Lanxin:
    name: str = "lanxin"
    title: str = "蓝信"
    styles: tuple[Style, ...] = ("text",)
    limits: Limits = LANXIN.limits

    def encode(self, message: Message, robot: Robot, now: datetime) -> Request:
        return Request(robot.url, JSON_HEADERS, _body(message, robot, str(int(now.timestamp()))))

    def fits(self, message: Message, robot: Robot) -> bool:
        any_second = "1" * 10  # a time stamp and its signature are as long at any moment
        limit = LANXIN.limits.body
        return limit is None or len(_body(message, robot, any_second)) <= limit * robot.share

    def read_reply(self, status: int, body: bytes, headers: Mapping[str, str] = NO_HEADERS) -> Outcome:
        return _replies.read(LANXIN, status, body, headers)


def sign(secret: str, seconds: str) -> str:
    """Base64 of HMAC-SHA256 over nothing, under the time and the secret as key."""
    return base64.b64encode(hmac.digest(f"{seconds}@{secret}".encode(), b"", "sha256")).decode()


def _body(message: Message, robot: Robot, seconds: str) -> bytes:
    lines = as_text(message)
    lines.append(missing_keyword(robot.keyword, *lines))
    payload: dict[str, Any] = {
        "msgType": "text",
        "msgData": {"text": {"content": "\n".join(line for line in lines if line)}},
    }
    if robot.secret is not None:
        payload = {"timestamp": seconds, "sign": sign(robot.secret.get_secret_value(), seconds), **payload}
    return to_json(payload)


PLATFORM = Lanxin()
