"""企业微信 group robots (消息推送), and private ones on another host.

The address is the whole secret: no signature, no keyword. Limits count the bytes of `content`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic_core import to_json

from bot.core.telling.message import Line, LineKind, Message, Paint
from bot.core.telling.outcome import Outcome
from bot.platforms import JSON_HEADERS, NO_HEADERS, Request, Robot, Style, _replies
from bot.platforms._text import Brush, as_text, mentioned, missing_keyword, plain, small_print, widened
from bot.platforms.limits import WECOM, Limits

# Three colours exist: info is green, warning is orange, comment is grey. Blue has none, so it is bold.
_BRUSH = Brush(
    widened,
    {
        Paint.BLUE: ("**", "**"),
        Paint.GREEN: ('<font color="info">', "</font>"),
        Paint.YELLOW: ('<font color="warning">', "</font>"),
        Paint.RED: ('<font color="warning">', "</font>"),
    },
)
_SHOWN = {LineKind.HEADING: "**{}**", LineKind.ITEM: "{}", LineKind.NOTE: '<font color="comment">{}</font>'}


@dataclass(frozen=True, slots=True)
class WeCom:
    name: str = "wecom"
    title: str = "企业微信"
    styles: tuple[Style, ...] = ("markdown", "text")
    limits: Limits = WECOM.limits

    def encode(self, message: Message, robot: Robot, now: datetime) -> Request:
        body = to_json(_payload(message, robot))
        return Request(robot.url, JSON_HEADERS, body)

    def fits(self, message: Message, robot: Robot) -> bool:
        payload = _payload(message, robot)
        limit = WECOM.limits.text if "text" in payload else WECOM.limits.markdown
        content: str = payload[payload["msgtype"]]["content"]
        return limit is None or len(content.encode()) <= limit * robot.share

    def read_reply(self, status: int, body: bytes, headers: Mapping[str, str] = NO_HEADERS) -> Outcome:
        return _replies.read(WECOM, status, body, headers)


def _payload(message: Message, robot: Robot) -> dict[str, Any]:
    """Markdown unless asked otherwise; only `text` can ring a mobile number, so a part that must is `text`."""
    mobiles, users = mentioned(message)
    if robot.style == "text" or mobiles:
        return {"msgtype": "text", "text": _text(message, robot, mobiles, users)}
    return {"msgtype": "markdown", "markdown": {"content": _markdown(message, robot, users)}}


def _text(message: Message, robot: Robot, mobiles: list[str], users: list[str]) -> dict[str, Any]:
    lines = [line.replace("<@", "＜@") for line in as_text(message)]
    if word := missing_keyword(robot.keyword, *lines):
        lines.append(word)
    lists = {"mentioned_list": users, "mentioned_mobile_list": mobiles}
    return {"content": "\n".join(lines), **{name: who for name, who in lists.items() if who}}


def _markdown(message: Message, robot: Robot, users: list[str]) -> str:
    lines = [f"**{widened(plain(message.headline))}**"]
    lines += [_SHOWN[line.kind].format(shown) for line in message.lines if (shown := _BRUSH.line(_unbolded(line)))]
    lines += [_SHOWN[LineKind.NOTE].format(_BRUSH.line(Line(line.text))) for line in small_print(message)]
    if word := missing_keyword(robot.keyword, *lines):
        lines.append(word)
    if users:
        lines.append("".join(f"<@{user}>" for user in users))
    return "\n".join(lines)


def _unbolded(line: Line) -> Line:
    """A heading is bold as a whole: a light that could only be bold (there is no blue) must not close that early."""
    bold = line.kind is LineKind.HEADING and line.paint is Paint.BLUE
    return line._replace(light="", paint=Paint.NONE) if bold else line


PLATFORM = WeCom()
