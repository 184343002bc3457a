"""飞书 group robots (Lark is the same on another host).

Markdown style is a card of schema 1.0: every client shows it, and the escape of its `lark_md` is documented. The limit is the
whole body. A signature stands in the body and is made from seconds.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, NotRequired

from pydantic import Field
from pydantic_core import to_json
from typing_extensions import TypedDict

from bot.core.telling.message import LineKind, Message, Paint
from bot.core.telling.outcome import Outcome
from bot.platforms import JSON_HEADERS, NO_HEADERS, Client, Limits, Request, Robot, Server, Style, Success, _replies
from bot.platforms._codes import NEW_ROBOT, PACE, PROGRAM, TOO_LONG, CodeTable, bug, busy, refused, reshape, wait
from bot.platforms._server import Answer, Call, RefusalError, Shown, first_line, parsed, recent, shaped, strictly
from bot.platforms._text import Brush, as_text, mentioned, missing_keyword, plain, small_print

_BODY = 20_000  # bytes
_LIMITS = Limits(
    text=None, markdown=None, body=_BODY, per_minute=100, our_per_minute=90, pause=5.0, per_second=5, our_per_second=4
)

_CODES = CodeTable(
    code_fields=("code", "StatusCode"),  # old servers answer with StatusCode alone
    text_fields=("msg", "StatusMessage"),
    meanings={
        2200: busy("internal error"),
        9499: bug(PROGRAM, "Bad Request"),
        11232: wait(5.0, PACE, "frequency limited psm[lark.oapi.app_platform_runtime]appID[1500]"),
        11246: reshape(
            "卡片不被接受：将改用文本重发一次", "card content error, ErrCode: 200621; ErrMsg: parse card json err"
        ),
        19001: refused(NEW_ROBOT, "param invalid: incoming webhook access token invalid"),
        19002: bug(PROGRAM, "params error, msg_type need"),
        19007: refused("机器人未启用：请在群设置中启用，或更换地址", "bot not enabled"),
        19021: refused(
            "加签校验失败：请核对群聊配置中的密钥，并检查本机时钟（误差不能超过 1 小时）",
            "sign match fail or timestamp is not within one hour from current time",
        ),
        19022: refused("本机地址不在机器人的 IP 白名单中：请在机器人安全设置中添加", "Ip Not Allowed"),
        19024: refused("消息中没有机器人要求的关键词：请核对群聊配置中的关键词", "Key Words Not Found"),
        19036: reshape(TOO_LONG, "exceeds the size limit of 30KB"),
        99991400: wait(60.0, PACE, "request trigger frequency limit"),
    },
)

_ENTITIES = str.maketrans({mark: f"&#{ord(mark)};" for mark in "&<>*_~`[]\\#!:$"})
_OWN_TAG = re.compile(r"<(?=/?at\b)", re.IGNORECASE)


def _escaped(text: str) -> str:
    return text.translate(_ENTITIES)


def _tag(colour: str) -> tuple[str, str]:
    return f"<text_tag color='{colour}'>", "</text_tag>"


_TEMPLATES = {Paint.RED: "red", Paint.YELLOW: "orange", Paint.BLUE: "blue", Paint.GREEN: "green"}  # worst first
_BRUSH = Brush(_escaped, {paint: _tag(paint.value) for paint in _TEMPLATES})
_SHOWN = {LineKind.HEADING: "**{}**", LineKind.ITEM: "{}", LineKind.NOTE: "<font color='grey'>{}</font>"}


class Feishu:
    name = "feishu"
    title = "飞书"
    styles: tuple[Style, ...] = ("markdown", "text")
    limits = _LIMITS
    words = frozenset({"text", "content"})
    codes = _CODES
    client = Client({"grey": "grey", "green": "green", "red": "red"}, entities=True, cards=True, text_mentions=True)

    @property
    def server(self) -> Server:
        return FeishuServer()

    def encode(self, message: Message, robot: Robot, now: datetime) -> Request:
        return Request(robot.url, JSON_HEADERS, _body(message, robot, str(int(now.timestamp()))))

    def fits(self, message: Message, robot: Robot) -> bool:
        any_second = "1" * 10  # the length does not depend on the time stamp or its signature
        return len(_body(message, robot, any_second)) <= _BODY * robot.share

    def read_reply(
        self, status: int, body: bytes, headers: Mapping[str, str] = NO_HEADERS, success: Success = ""
    ) -> Outcome:
        del success
        return _replies.read(_CODES, status, body, headers)


def sign(secret: str, seconds: str) -> str:
    """Base64 of HMAC-SHA256 over nothing, with the time and the secret as the key; the platform documents it so."""
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


# --- what the server checks ---------------------------------------------------------


class _PlainText(TypedDict):
    tag: Literal["plain_text"]
    content: str


class _LarkMarkdown(TypedDict):
    tag: Literal["lark_md"]
    content: str


class _Div(TypedDict):
    tag: Literal["div"]
    text: Annotated[_PlainText | _LarkMarkdown, Field(discriminator="tag")]


class _Rule(TypedDict):
    tag: Literal["hr"]


class _Note(TypedDict):
    tag: Literal["note"]
    elements: Annotated[
        list[Annotated[_PlainText | _LarkMarkdown, Field(discriminator="tag")]],
        Field(min_length=1),
    ]


class _Config(TypedDict):
    wide_screen_mode: NotRequired[bool]


class _Header(TypedDict):
    title: _PlainText
    template: NotRequired[Literal["blue", "green", "orange", "red", "grey"]]


@strictly
class _Card(TypedDict):
    config: NotRequired[_Config]
    header: _Header
    elements: Annotated[
        list[Annotated[_Div | _Rule | _Note, Field(discriminator="tag")]],
        Field(min_length=1),
    ]


class _Text(TypedDict):
    text: Annotated[str, Field(min_length=1)]


@strictly
class _Message(TypedDict):
    msg_type: Literal["text", "interactive"]
    content: NotRequired[_Text | None]
    card: NotRequired[dict[str, Any] | None]
    timestamp: NotRequired[str]
    sign: NotRequired[str]


class FeishuServer:
    path = "/open-apis/bot/v2/hook/{token}"
    unknown_token = 19001
    too_fast = 11232
    shuts = 0.0

    def read(self, call: Call, secret: str | None, keyword: str | None) -> Shown:
        if len(call.body) > _BODY:
            raise RefusalError(19036)
        payload = parsed(call.body, 9499)
        if secret is not None:
            _check_signature(payload, secret, call.wall)
        if payload.get("msg_type") not in ("text", "interactive"):
            raise RefusalError(19002)
        shown = _shown(payload, shaped(_Message, payload, 9499))
        if keyword and keyword not in re.sub(r"\]\([^)]*\)", "]", shown.title + shown.source):
            raise RefusalError(19024)
        return shown

    def answer(self, code: int, says: str) -> Answer:
        if code == 0:
            good = {"StatusCode": 0, "StatusMessage": "success", "code": 0, "data": {}, "msg": "success"}
            return Answer(good)
        return Answer({"code": code, "data": {}, "msg": says})


def _check_signature(payload: dict[str, Any], secret: str, wall: datetime) -> None:
    stamp, signed = payload.get("timestamp"), payload.get("sign")
    if not isinstance(stamp, str) or not isinstance(signed, str) or not recent(stamp, 1, wall):
        raise RefusalError(19021)
    if not hmac.compare_digest(sign(secret, stamp).encode(), signed.encode()):
        raise RefusalError(19021)


def _shown(payload: dict[str, Any], message: _Message) -> Shown:
    if message["msg_type"] == "text" and (content := message.get("content")):
        return Shown(payload, "text", first_line(content["text"]), content["text"])
    if message["msg_type"] == "interactive" and (found := message.get("card")) is not None:
        card = shaped(_Card, found, 11246)
        return Shown(
            payload, "markdown", card["header"]["title"]["content"], "\n\n".join(map(_source, card["elements"]))
        )
    raise RefusalError(9499)


def _source(element: _Div | _Rule | _Note) -> str:
    """A card's element as the markdown that a page can render."""
    if element["tag"] == "div":
        return element["text"]["content"]
    return "\n".join(one["content"] for one in element["elements"]) if element["tag"] == "note" else "---"


PLATFORM = Feishu()
