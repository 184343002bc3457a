"""Any receiver of webhooks: Standard Webhooks 1.0 (`格式: text`), or a Slack-compatible body (`格式: slack`).

    {"type":"duban.message","timestamp":"2027-12-24T08:47:05+00:00",
     "data":{"number":"2027-0412","title":"…","text":"…","part":1,"parts":1,"resent":false,"mentions":[]}}

`text` is the whole message as lines. What counts as a success is the robot's own rule (送达判据): any 2xx that is not a page, a
JSON body that says so, or Slack's `ok`. With a secret the three headers carry a
signature over the very bytes sent; the id says what was sent, so a receiver can drop what it has already shown.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from binascii import Error as NotBase64
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import Field
from pydantic_core import to_json
from typing_extensions import TypedDict

from bot.core.telling.message import Message
from bot.core.telling.outcome import Outcome, Verdict
from bot.platforms import JSON_HEADERS, NO_HEADERS, Client, Limits, Request, Robot, Server, Style, Success, _replies
from bot.platforms._codes import CodeTable
from bot.platforms._server import Answer, Call, RefusalError, Shown, first_line, parsed, recent, shaped, strictly
from bot.platforms._text import as_text, bare_linked, mentioned, missing_keyword, plain, unlisted, widened

_BODY = 20_000  # bytes: Standard Webhooks wants a body below 20 KB
_WINDOW = 300.0  # seconds a signature may be off, either way
PREFIX = "whsec_"
KEY_BYTES = range(24, 65)
#: What was sent again under the same number, as `bot/core/telling/wording.py` marks it.
RESENT = "补发"


class Webhook:
    name = "webhook"
    title = "通用网络回调"
    styles: tuple[Style, ...] = ("text", "slack")
    limits = Limits(text=None, markdown=None, body=_BODY, per_minute=60, our_per_minute=54, pause=60.0)
    words = frozenset({"title", "text"})
    codes = CodeTable()
    client = Client()

    @property
    def server(self) -> Server:
        return WebhookServer()

    def encode(self, message: Message, robot: Robot, now: datetime) -> Request:
        body = _body(message, robot, now)
        return Request(robot.url, (*JSON_HEADERS, *_signature(message, robot, now, body)), body)

    def fits(self, message: Message, robot: Robot) -> bool:
        any_moment = datetime(2000, 1, 1, tzinfo=UTC)  # the length does not depend on the time stamp
        return len(_body(message, robot, any_moment)) <= _BODY * robot.share

    def read_reply(
        self, status: int, body: bytes, headers: Mapping[str, str] = NO_HEADERS, success: Success = ""
    ) -> Outcome:
        if status // 100 == 2 and not _is_page(body, headers) and _succeeded(body, success):
            return Outcome(Verdict.DELIVERED, f"HTTP {status}")
        return _replies.by_status(status, "", headers)


def _is_page(body: bytes, headers: Mapping[str, str]) -> bool:
    """A page instead of an answer comes from a gateway or a login: the receiver may not have been reached."""
    return headers.get("content-type", "").lower().startswith("text/html") or body.lstrip()[:1] == b"<"


def _succeeded(body: bytes, success: Success) -> bool:
    """Whether the body of a 2xx says success by the robot's rule; without one, whether it does not say otherwise."""
    if success == "slack":
        return body.strip() == b"ok"
    if success == "json":
        return _replies.affirmed(_replies.parsed(body))
    return success == "2xx" or not _replies.denied(_replies.parsed(body))


def sign(secret: str, message_id: str, seconds: str, body: bytes) -> str:
    """`v1,` and base64 of HMAC-SHA256 under the decoded key. Raises ValueError, in Chinese, when it is no such key."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True) if secret.startswith(PREFIX) else b""
    except (NotBase64, ValueError):
        key = b""
    if len(key) not in KEY_BYTES:
        raise ValueError("密钥应写成 whsec_ 加 24 至 64 字节的 base64") from None
    signed = f"{message_id}.{seconds}.".encode() + body
    return f"v1,{base64.b64encode(hmac.digest(key, signed, 'sha256')).decode()}"


def _signature(message: Message, robot: Robot, now: datetime, body: bytes) -> tuple[tuple[str, str], ...]:
    seconds, name = str(int(now.timestamp())), _id(message)
    headers = (("webhook-id", name), ("webhook-timestamp", seconds))
    if robot.secret is None:
        return headers
    return (*headers, ("webhook-signature", sign(robot.secret.get_secret_value(), name, seconds, body)))


def _id(message: Message) -> str:
    """The same on every attempt with the same words; a message worded anew has another id, so that it is shown."""
    said = "\n".join(as_text(replace(message, mark="")))
    return f"duban_{plain(message.number) or '0'}_{hashlib.sha256(said.encode()).hexdigest()[:12]}"


def _body(message: Message, robot: Robot, now: datetime) -> bytes:
    payload = _slack(message, robot) if robot.style == "slack" else _standard(message, robot, now)
    return to_json(payload)


def _standard(message: Message, robot: Robot, now: datetime) -> dict[str, Any]:
    lines = as_text(message)
    lines.append(missing_keyword(robot.keyword, *lines))
    mobiles, users = mentioned(message)
    data = {
        "number": plain(message.number),
        "title": plain(message.headline),
        "text": "\n".join(line for line in lines if line),
        "part": message.part,
        "parts": message.parts,
        "resent": message.mark == RESENT,
        "mentions": [*mobiles, *users],
    }
    return {
        "type": "duban.message",
        "timestamp": now.astimezone(UTC).replace(microsecond=0).isoformat(),
        "data": data,
    }


def _slack(message: Message, robot: Robot) -> dict[str, Any]:
    """Mark-up and mentions of everybody become full-width: Slack, Mattermost and Zulip each obey others."""
    lines = [bare_linked(unlisted(line), _harmless) for line in as_text(message)]
    lines.append(missing_keyword(robot.keyword, *lines))
    lines.append(" ".join(f"<@{user}>" for user in mentioned(message)[1]))
    return {"text": "\n".join(line for line in lines if line)}


def _harmless(text: str) -> str:
    return widened(text).replace("@", "＠")


# --- what the server checks ---------------------------------------------------------


class _Data(TypedDict):
    number: str
    title: Annotated[str, Field(min_length=1)]
    text: Annotated[str, Field(min_length=1)]
    part: Annotated[int, Field(ge=1)]
    parts: Annotated[int, Field(ge=1)]
    resent: bool
    mentions: list[str]


@strictly
class _Message(TypedDict):
    type: Literal["duban.message"]
    timestamp: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00$")]
    data: _Data


@strictly
class _SlackMessage(TypedDict):
    text: Annotated[str, Field(min_length=1)]


class WebhookServer:
    """A receiver of Standard Webhooks that also takes Slack's body, and refuses by HTTP status."""

    path = "/hooks/{token}"
    unknown_token = 404
    too_fast = 429
    shuts = 0.0

    def read(self, call: Call, secret: str | None, keyword: str | None) -> Shown:
        if len(call.body) > _BODY:
            raise RefusalError(413)
        if not call.content_type.startswith("application/json"):
            raise RefusalError(415)
        if secret is not None:
            _check_signature(call, secret)
        shown = _shown(parsed(call.body, 400))
        if keyword and keyword not in shown.source:
            raise RefusalError(403)
        return shown

    def answer(self, code: int, says: str) -> Answer:
        del says
        if code == 0:
            return Answer("ok")
        status = code if code in range(300, 600) else 418
        return Answer("", status, {"retry-after": "30"} if status in (429, 503) else {})


def _check_signature(call: Call, secret: str) -> None:
    name, stamp = call.headers.get("webhook-id", ""), call.headers.get("webhook-timestamp", "")
    if not name or not recent(stamp, 1, call.wall, _WINDOW):
        raise RefusalError(401)
    good = sign(secret, name, stamp, call.body).encode()
    signed = call.headers.get("webhook-signature", "").split()
    if not any(hmac.compare_digest(good, one.encode()) for one in signed):
        raise RefusalError(401)


def _shown(payload: dict[str, Any]) -> Shown:
    if "type" not in payload:
        text = shaped(_SlackMessage, payload, 400)["text"]
        return Shown(payload, "text", first_line(text), text)
    data = shaped(_Message, payload, 400)["data"]
    return Shown(payload, "text", data["title"], data["text"])


PLATFORM = Webhook()
