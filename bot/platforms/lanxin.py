"""蓝信 group robots: `errCode` with a capital C, text only, and a host (often port and path prefix too) of one's own.

A signature stands in the body and is made from seconds. The platform documents no limit, and no code but 0: a message is
kept as small and as slow as the strictest of the other platforms wants it.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, NotRequired

from pydantic import Field
from pydantic_core import to_json
from typing_extensions import TypedDict

from bot.core.telling.message import Message
from bot.core.telling.outcome import Outcome
from bot.platforms import JSON_HEADERS, NO_HEADERS, Client, Limits, Request, Robot, Server, Style, Success, _replies
from bot.platforms._codes import CodeTable
from bot.platforms._server import Answer, Call, RefusalError, Shown, first_line, parsed, recent, shaped, strictly
from bot.platforms._text import as_text, missing_keyword

_BODY = 4096  # bytes
_CODES = CodeTable(code_fields=("errCode",), text_fields=("errMsg",))


class Lanxin:
    name = "lanxin"
    title = "蓝信"
    styles: tuple[Style, ...] = ("text",)
    limits = Limits(text=None, markdown=None, body=_BODY, per_minute=20, our_per_minute=18, pause=60.0)
    words = frozenset({"content"})
    codes = _CODES
    client = Client()

    @property
    def server(self) -> Server:
        return LanxinServer()

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
    """Base64 of HMAC-SHA256 over nothing, with the time and the secret as the key."""
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


# --- what the server checks ---------------------------------------------------------


class _Content(TypedDict):
    content: Annotated[str, Field(min_length=1)]


class _Data(TypedDict):
    text: _Content


@strictly
class _Message(TypedDict):
    msgType: Literal["text"]
    msgData: _Data
    timestamp: NotRequired[str]
    sign: NotRequired[str]


class LanxinServer:
    """Without documented codes it refuses by HTTP status, as a gateway in front of it would."""

    path = "/v1/bot/hook/messages/create?hook_token={token}"
    unknown_token = 404
    too_fast = 429
    shuts = 0.0

    def read(self, call: Call, secret: str | None, keyword: str | None) -> Shown:
        if len(call.body) > _BODY:
            raise RefusalError(413)
        payload = parsed(call.body, 400)
        message = shaped(_Message, payload, 400)
        if secret is not None:
            _check_signature(message, secret, call.wall)
        text = message["msgData"]["text"]["content"]
        if keyword and keyword not in text:
            raise RefusalError(403)
        return Shown(payload, "text", first_line(text), text)

    def answer(self, code: int, says: str) -> Answer:
        if code in range(300, 600):
            return Answer("", code)
        return Answer({"errCode": code, "errMsg": says if code else "ok", **({} if code else {"data": {"msgId": "1"}})})


def _check_signature(message: _Message, secret: str, wall: datetime) -> None:
    stamp, signed = message.get("timestamp", ""), message.get("sign", "")
    if not recent(stamp, 1, wall) or not hmac.compare_digest(sign(secret, stamp).encode(), signed.encode()):
        raise RefusalError(401)


PLATFORM = Lanxin()
