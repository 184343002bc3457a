"""A platform that does not exist, as unlike the others as it can be; its test drops this file among the dialects.

The token stands in the middle of the path, the signature is a keyed BLAKE2 in a header, and every field has a name of its own.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, NotRequired

from pydantic import Field
from pydantic_core import to_json
from typing_extensions import TypedDict

from bot.core.telling.message import Message, Paint
from bot.core.telling.outcome import Outcome
from bot.platforms import JSON_HEADERS, NO_HEADERS, Client, Limits, Request, Robot, Server, Style, Success, _replies
from bot.platforms._codes import NEW_ROBOT, PACE, TOO_LONG, CodeTable, bug, refused, reshape, wait
from bot.platforms._server import Answer, Call, RefusalError, Shown, first_line, parsed, recent, shaped, strictly
from bot.platforms._text import Brush, as_text, mentioned, missing_keyword, plain, small_print, widened

_BODY = 3000  # bytes
_BRUSH = Brush(widened, {paint: ("**", "**") for paint in Paint if paint is not Paint.NONE})
_CODES = CodeTable(
    code_fields=("jieguo",),
    text_fields=("shuoming",),
    meanings={
        11: refused(NEW_ROBOT, "meiyou zhege qun"),
        12: refused("签名不符：请核对密钥", "qianming budui"),
        13: refused("没有关键词：请核对关键词", "meiyou guanjianci"),
        14: bug("消息格式有误", "geshi budui"),
        15: reshape(TOO_LONG, "tai chang"),
        16: wait(30.0, PACE, "tai kuai"),
    },
)


class MadeUp:
    name = "made_up"
    title = "无此平台"
    styles: tuple[Style, ...] = ("markdown", "text")
    limits = Limits(
        text=None,
        markdown=None,
        body=_BODY,
        per_minute=10,
        our_per_minute=8,
        pause=30.0,
        per_second=2,
        our_per_second=1,
    )
    words = frozenset({"neirong"})
    codes = _CODES
    client = Client()

    @property
    def server(self) -> Server:
        return MadeUpServer()

    def encode(self, message: Message, robot: Robot, now: datetime) -> Request:
        body, seconds = _body(message, robot), str(int(now.timestamp()))
        if robot.secret is None:
            return Request(robot.url, JSON_HEADERS, body)
        signature = sign(robot.secret.get_secret_value(), seconds, body)
        return Request(robot.url, (*JSON_HEADERS, ("Shijian", seconds), ("Qianming", signature)), body)

    def fits(self, message: Message, robot: Robot) -> bool:
        return len(_body(message, robot)) <= _BODY * robot.share

    def read_reply(
        self, status: int, body: bytes, headers: Mapping[str, str] = NO_HEADERS, success: Success = ""
    ) -> Outcome:
        del success
        return _replies.read(_CODES, status, body, headers)


def sign(secret: str, seconds: str, body: bytes) -> str:
    return hashlib.blake2b(seconds.encode() + body, key=secret.encode()).hexdigest()


def _body(message: Message, robot: Robot) -> bytes:
    lines = as_text(message) if robot.style == "text" else _markdown(message)
    lines.append(missing_keyword(robot.keyword, *lines))
    payload: dict[str, Any] = {
        "lei": "su" if robot.style == "text" else "bu",
        "neirong": [line for line in lines if line],
    }
    if users := mentioned(message)[1]:
        payload["jiaoren"] = users
    return to_json(payload)


def _markdown(message: Message) -> list[str]:
    lines = [_BRUSH.line(line) for line in (*message.lines, *small_print(message))]
    return [f"**{widened(plain(message.headline))}**", *lines]


# --- what the server checks ---------------------------------------------------------


@strictly
class _Message(TypedDict):
    lei: Literal["su", "bu"]
    neirong: Annotated[list[str], Field(min_length=1)]
    jiaoren: NotRequired[list[str]]


class MadeUpServer:
    path = "/qun/{token}/fa"
    unknown_token = 11
    too_fast = 16
    shuts = 5.0

    def read(self, call: Call, secret: str | None, keyword: str | None) -> Shown:
        if len(call.body) > _BODY:
            raise RefusalError(15)
        if secret is not None:
            _check_signature(call, secret)
        payload = parsed(call.body, 14)
        message = shaped(_Message, payload, 14)
        source = "\n".join(message["neirong"])
        if keyword and keyword not in source:
            raise RefusalError(13)
        return Shown(payload, "text" if message["lei"] == "su" else "markdown", first_line(source), source)

    def answer(self, code: int, says: str) -> Answer:
        return Answer({"jieguo": code, "shuoming": says if code else "hao"}, 409 if code else 200)


def _check_signature(call: Call, secret: str) -> None:
    stamp = call.headers.get("shijian", "")
    good = sign(secret, stamp, call.body)
    if not recent(stamp, 1, call.wall, 60.0) or not hmac.compare_digest(good, call.headers.get("qianming", "")):
        raise RefusalError(12)


PLATFORM = MadeUp()
