"""飞书 group robots (Lark is the same on another host).

Markdown style is a card of schema 1.0: every client shows it, and its `lark_md` is the only text of the three platforms
with a documented escape. The limit is the whole body. A signature stands in the body and is made from seconds.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic_core import to_json

from bot.core.telling.message import LineKind, Message, Paint
from bot.core.telling.outcome import Outcome
from bot.platforms import JSON_HEADERS, NO_HEADERS, Request, Robot, Style, _replies
from bot.platforms._text import Brush, as_text, mentioned, missing_keyword, plain, small_print
from bot.platforms.limits import FEISHU, Limits

_ENTITIES = str.maketrans({mark: f"&#{ord(mark)};" for mark in "&<>*_~`[]\\#!:$"})
_OWN_TAG = re.compile(r"<(?=/?at\b)", re.IGNORECASE)


def _escaped(text: str) -> str:
    return text.translate(_ENTITIES)


def _tag(colour: str) -> tuple[str, str]:
    return f"<text_tag color='{colour}'>", "</text_tag>"


_TEMPLATES = {Paint.RED: "red", Paint.YELLOW: "orange", Paint.BLUE: "blue", Paint.GREEN: "green"}  # worst first
_BRUSH = Brush(_escaped, {paint: _tag(paint.value) for paint in _TEMPLATES})
_SHOWN = {LineKind.HEADING: "**{}**", LineKind.ITEM: "{}", LineKind.NOTE: "<font color='grey'>{}</font>"}


@dataclass(frozen=True, slots=True)
class Feishu:
    name: str = "feishu"
    title: str = "飞书"
    styles: tuple[Style, ...] = ("markdown", "text")
    limits: Limits = FEISHU.limits

    def encode(self, message: Message, robot: Robot, now: datetime) -> Request:
        return Request(robot.url, JSON_HEADERS, _body(message, robot, str(int(now.timestamp()))))

    def fits(self, message: Message, robot: Robot) -> bool:
        any_second = "1" * 10  # a time stamp and its signature are as long at any moment
        limit = FEISHU.limits.body
        return limit is None or len(_body(message, robot, any_second)) <= limit * robot.share

    def read_reply(self, status: int, body: bytes, headers: Mapping[str, str] = NO_HEADERS) -> Outcome:
        return _replies.read(FEISHU, status, body, headers)


def sign(secret: str, seconds: str) -> str:
    """Base64 of HMAC-SHA256 over nothing, under the time and the secret as key: inside out, and meant so."""
    return base64.b64encode(hmac.digest(f"{seconds}\n{secret}".encode(), b"", "sha256")).decode()


def _body(message: Message, robot: Robot, seconds: str) -> bytes:
    payload = _text(message, robot) if robot.style == "text" else _interactive(message, robot)
    if robot.secret is not None:
        payload = {"timestamp": seconds, "sign": sign(robot.secret.get_secret_value(), seconds), **payload}
    return to_json(payload)


def _text(message: Message, robot: Robot) -> dict[str, Any]:
    lines = [_OWN_TAG.sub("＜", line) for line in as_text(message)]
    lines.append(missing_keyword(robot.keyword, *lines))
    lines.append("".join(f'<at user_id="{user}"></at>' for user in mentioned(message)[1]))
    return {"msg_type": "text", "content": {"text": "\n".join(line for line in lines if line)}}


def _interactive(message: Message, robot: Robot) -> dict[str, Any]:
    return {"msg_type": "interactive", "card": _card(message, robot)}


def _card(message: Message, robot: Robot) -> dict[str, Any]:
    title = plain(message.headline)
    return {
        "config": {"wide_screen_mode": True},
        "header": {"title": {"tag": "plain_text", "content": title}, "template": _template(message)},
        "elements": [*_lines(message), *_foot(message, robot, title)] or [_div(_escaped(title))],
    }


def _template(message: Message) -> str:
    """The header wears the most urgent colour of the lines."""
    paints = {line.paint for line in message.lines}
    return next((colour for paint, colour in _TEMPLATES.items() if paint in paints), "blue")


def _lines(message: Message) -> list[dict[str, Any]]:
    """Only user ids can be rung here, never mobile numbers."""
    lines = [_SHOWN[line.kind].format(shown) for line in message.lines if (shown := _BRUSH.line(line))]
    rung = "".join(f"<at id={user}></at>" for user in mentioned(message)[1])
    content = "\n".join([*lines, rung] if rung else lines)
    return [_div(content)] if content else []


def _div(content: str) -> dict[str, Any]:
    return {"tag": "div", "text": {"tag": "lark_md", "content": content}}


def _foot(message: Message, robot: Robot, title: str) -> list[dict[str, Any]]:
    """Small print; a keyword stands in plain text, for the server looks for it in what was sent, not what is shown."""
    content = "\n".join(shown for line in small_print(message) if (shown := _BRUSH.line(line)))
    notes = [{"tag": "lark_md", "content": content}] if content else []
    if word := missing_keyword(robot.keyword, title):
        notes.append({"tag": "plain_text", "content": word})
    return [{"tag": "hr"}, {"tag": "note", "elements": notes}] if notes else []


PLATFORM = Feishu()
