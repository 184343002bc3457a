"""企业微信 group robots (消息推送), and private ones on another host.

The address is the whole secret: no signature, no keyword. Limits count the bytes of `content`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, NotRequired

from pydantic_core import to_json
from typing_extensions import TypedDict

from bot.core.telling.message import Line, LineKind, Message, Paint
from bot.core.telling.outcome import Outcome
from bot.platforms import JSON_HEADERS, NO_HEADERS, Client, Limits, Request, Robot, Server, Style, Success, _replies
from bot.platforms._codes import NEW_ROBOT, PACE, PROGRAM, TOO_LONG, CodeTable, bug, busy, refused, reshape, wait
from bot.platforms._server import Answer, Call, RefusalError, Shown, first_line, parsed, shaped, strictly
from bot.platforms._text import Brush, as_text, mentioned, missing_keyword, plain, small_print, widened

_TEXT, _MARKDOWN = 2048, 4096  # bytes of `content`

_CODES = CodeTable(
    code_fields=("errcode",),
    text_fields=("errmsg",),
    meanings={
        -1: busy("system busy"),
        40007: bug(PROGRAM, "invalid media_id"),
        40008: bug(PROGRAM, "invalid message type"),
        40009: bug(PROGRAM, "invalid image size"),
        40033: bug(PROGRAM, "invalid charset. need utf-8 or gbk"),
        40058: reshape(TOO_LONG, "invalid Request Parameter"),
        41010: bug(PROGRAM, "missing url"),
        41016: bug(PROGRAM, "missing title"),
        44004: bug(PROGRAM, "empty content"),
        45008: bug(PROGRAM, "too many articles"),
        45009: wait(60.0, PACE, "api freq out of limit"),
        45033: wait(5.0, PACE, "api concurrent out of limit"),
        93000: refused(NEW_ROBOT, "invalid webhook url"),
        93004: refused("机器人已被停用：请群主在群机器人设置中启用，或更换地址", "robot disabled"),
        93008: refused("机器人不在群里：请重新添加机器人，并更新群聊配置中的地址", "robot is not in the group"),
        301019: bug(PROGRAM, "image md5 not match"),
    },
)

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


class WeCom:
    name = "wecom"
    title = "企业微信"
    styles: tuple[Style, ...] = ("markdown", "text")
    limits = Limits(text=_TEXT, markdown=_MARKDOWN, body=None, per_minute=20, our_per_minute=18, pause=60.0)
    words = frozenset({"content"})
    codes = _CODES
    client = Client({"info": "green", "comment": "grey", "warning": "orange"}, headings=True, quotes=True)

    @property
    def server(self) -> Server:
        return WeComServer()

    def encode(self, message: Message, robot: Robot, now: datetime) -> Request:
        body = to_json(_payload(message, robot))
        return Request(robot.url, JSON_HEADERS, body)

    def fits(self, message: Message, robot: Robot) -> bool:
        payload = _payload(message, robot)
        content: str = payload[payload["msgtype"]]["content"]
        return len(content.encode()) <= (_TEXT if "text" in payload else _MARKDOWN) * robot.share

    def read_reply(
        self, status: int, body: bytes, headers: Mapping[str, str] = NO_HEADERS, success: Success = ""
    ) -> Outcome:
        del success
        return _replies.read(_CODES, status, body, headers)


def _payload(message: Message, robot: Robot) -> dict[str, Any]:
    """Markdown unless asked otherwise; only `text` can ring a mobile number, so a part that rings one is `text`."""
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
    """A heading is bold as a whole: a light that is bold too (there is no blue) would end the bold in the middle."""
    bold = line.kind is LineKind.HEADING and line.paint is Paint.BLUE
    return line._replace(light="", paint=Paint.NONE) if bold else line


# --- what the server checks ---------------------------------------------------------


class _Text(TypedDict):
    content: str
    mentioned_list: NotRequired[list[str]]
    mentioned_mobile_list: NotRequired[list[str]]


class _Markdown(TypedDict):
    content: str


@strictly
class _Message(TypedDict):
    msgtype: Literal["text", "markdown"]
    text: NotRequired[_Text | None]
    markdown: NotRequired[_Markdown | None]


class WeComServer:
    path = "/cgi-bin/webhook/send?key={token}"
    unknown_token = 93000
    too_fast = 45009
    shuts = 0.0

    def read(self, call: Call, secret: str | None, keyword: str | None) -> Shown:
        payload = parsed(call.body, 40008)
        if payload.get("msgtype") not in ("text", "markdown"):
            raise RefusalError(40008)
        message = shaped(_Message, payload, 40058)
        kind = message["msgtype"]
        part, limit = (message.get("text"), _TEXT) if kind == "text" else (message.get("markdown"), _MARKDOWN)
        if part is None or not part["content"].strip():
            raise RefusalError(44004)
        if len(part["content"].encode()) > limit:
            raise RefusalError(40058, f"{kind}.content exceed max length {limit}. invalid Request Parameter")
        return Shown(payload, kind, first_line(part["content"]), part["content"])

    def answer(self, code: int, says: str) -> Answer:
        if code == 0:
            return Answer({"errcode": 0, "errmsg": "ok"})
        more = f"https://open.work.weixin.qq.com/devtool/query?e={code}"
        words = f"{says}, hint: [1700000000], from ip: 127.0.0.1, more info at {more}"
        return Answer({"errcode": code, "errmsg": words})


PLATFORM = WeCom()
