"""钉钉 group robots; 浙政钉 and 专有钉钉 speak the same on another host.

The limit is the whole body. A signature stands in the query and is made from milliseconds.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from pydantic import SecretStr
from pydantic_core import to_json

from bot.core.telling.message import LineKind, Message, Paint
from bot.core.telling.outcome import Outcome
from bot.platforms import JSON_HEADERS, NO_HEADERS, Request, Robot, Style, _replies
from bot.platforms._text import Brush, as_text, mentioned, missing_keyword, plain, small_print, widened
from bot.platforms.limits import DINGTALK, DINGTALK_BAN, Limits

# Colours are not documented, and HTML breaks links on phones: a state's word is bold.
_BOLD = ("**", "**")
_BRUSH = Brush(widened, {paint: _BOLD for paint in Paint if paint is not Paint.NONE})
_SHOWN = {LineKind.HEADING: "#### {}", LineKind.ITEM: "{}", LineKind.NOTE: "> {}"}


@dataclass(frozen=True, slots=True)
class DingTalk:
    name: str = "dingtalk"
    title: str = "钉钉"
    styles: tuple[Style, ...] = ("markdown", "text")
    limits: Limits = DINGTALK.limits

    def encode(self, message: Message, robot: Robot, now: datetime) -> Request:
        return Request(_signed(robot, now), JSON_HEADERS, _body(message, robot))

    def fits(self, message: Message, robot: Robot) -> bool:
        limit = DINGTALK.limits.body
        return limit is None or len(_body(message, robot)) <= limit * robot.share

    def read_reply(self, status: int, body: bytes, headers: Mapping[str, str] = NO_HEADERS) -> Outcome:
        reply = _replies.parsed(body)
        if "punish" in reply and "errcode" not in reply:
            return _replies.outcome(DINGTALK_BAN, "punish", "")
        return _replies.read(DINGTALK, status, body, headers)


def sign(secret: str, milliseconds: str) -> str:
    """Base64 of HMAC-SHA256 under the secret; not yet percent-encoded, for the query encoder does that once."""
    digest = hmac.digest(secret.encode(), f"{milliseconds}\n{secret}".encode(), "sha256")
    return base64.b64encode(digest).decode()


def _signed(robot: Robot, now: datetime) -> SecretStr:
    """The address with this moment's signature, replacing any that was pasted with it."""
    if robot.secret is None:
        return robot.url
    address = urlsplit(robot.url.get_secret_value())
    query = [(name, value) for name, value in parse_qsl(address.query) if name not in ("timestamp", "sign")]
    milliseconds = str(round(now.timestamp() * 1000))
    query += [("timestamp", milliseconds), ("sign", sign(robot.secret.get_secret_value(), milliseconds))]
    return SecretStr(urlunsplit(address._replace(query=urlencode(query))))


def _body(message: Message, robot: Robot) -> bytes:
    mobiles, users = mentioned(message)
    payload = _text(message, robot) if robot.style == "text" else _markdown(message, robot)
    if mobiles or users:
        payload["at"] = {"atMobiles": mobiles, "atUserIds": users, "isAtAll": False}
    return to_json(payload)


def _rung(message: Message) -> str:
    """The `at` lists do nothing visible unless the text names the same people."""
    mobiles, users = mentioned(message)
    return " ".join(f"@{who}" for who in [*mobiles, *users])


def _text(message: Message, robot: Robot) -> dict[str, Any]:
    lines = as_text(message)
    lines += [missing_keyword(robot.keyword, *lines), _rung(message)]
    return {"msgtype": "text", "text": {"content": "\n".join(line for line in lines if line)}}


def _markdown(message: Message, robot: Robot) -> dict[str, Any]:
    """A single line break is swallowed, so lines stand a blank line apart."""
    title = plain(message.headline)
    lines = [f"### {widened(title)}"]
    lines += [_SHOWN[line.kind].format(shown) for line in message.lines if (shown := _BRUSH.line(line))]
    lines += [_SHOWN[LineKind.NOTE].format(_BRUSH.line(line)) for line in small_print(message)]
    lines += [missing_keyword(robot.keyword, *lines), _rung(message)]
    text = "\n\n".join(line for line in lines if line)
    return {"msgtype": "markdown", "markdown": {"title": title, "text": text}}


PLATFORM = DingTalk()
