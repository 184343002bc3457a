"""Servers of the dialects that are no public platform's: 蓝信, and any receiver of webhooks."""

from __future__ import annotations

import hmac
from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from bot.drill.servers import Answer, Call, RefusalError, Shape, Shown, first_line, parsed, recent, shaped
from bot.platforms import lanxin, webhook
from bot.platforms.limits import LANXIN, WEBHOOK, WEBHOOK_WINDOW


class _LanxinContent(Shape):
    content: str = Field(min_length=1)


class _LanxinData(Shape):
    text: _LanxinContent


class _LanxinMessage(Shape):
    msgType: Literal["text"]  # noqa: N815 - spelt so on the wire
    msgData: _LanxinData  # noqa: N815
    timestamp: str = ""
    sign: str = ""


class LanxinServer:
    """蓝信 documents no code but 0, so this one refuses by HTTP status, as whatever stands before it would."""

    wire = LANXIN
    unknown_token = 404
    too_fast = 429
    shuts = 0.0

    def path(self, token: str) -> str:
        return f"/v1/bot/hook/messages/create?hook_token={token}"

    def read(self, call: Call, secret: str | None, keyword: str | None) -> Shown:
        if self.wire.limits.body is not None and len(call.body) > self.wire.limits.body:
            raise RefusalError(413)
        payload = parsed(call.body, 400)
        message = shaped(_LanxinMessage, payload, 400)
        if secret is not None:
            self._check_signature(message, secret, call.wall)
        text = message.msgData.text.content
        if keyword and keyword not in text:
            raise RefusalError(403)
        return Shown(payload, "text", first_line(text), text)

    def _check_signature(self, message: _LanxinMessage, secret: str, wall: datetime) -> None:
        good = lanxin.sign(secret, message.timestamp).encode()
        if not recent(message.timestamp, 1, wall) or not hmac.compare_digest(good, message.sign.encode()):
            raise RefusalError(401)

    def answer(self, code: int, says: str) -> Answer:
        if code in range(300, 600):
            return Answer("", code)
        return Answer({"errCode": code, "errMsg": says if code else "ok", **({} if code else {"data": {"msgId": "1"}})})


class _WebhookData(Shape):
    number: str
    title: str = Field(min_length=1)
    text: str = Field(min_length=1)
    part: int = Field(ge=1)
    parts: int = Field(ge=1)
    resent: bool
    mentions: list[str]


class _WebhookMessage(Shape):
    type: Literal["duban.message"]
    timestamp: str = Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00$")
    data: _WebhookData


class _SlackMessage(Shape):
    text: str = Field(min_length=1)


class WebhookServer:
    """A receiver of Standard Webhooks that also takes Slack's body, and refuses by HTTP status."""

    wire = WEBHOOK
    unknown_token = 404
    too_fast = 429
    shuts = 0.0

    def path(self, token: str) -> str:
        return f"/hooks/{token}"

    def read(self, call: Call, secret: str | None, keyword: str | None) -> Shown:
        if self.wire.limits.body is not None and len(call.body) > self.wire.limits.body:
            raise RefusalError(413)
        if not call.content_type.startswith("application/json"):
            raise RefusalError(415)
        if secret is not None:
            self._check_signature(call, secret)
        shown = self._shown(parsed(call.body, 400))
        if keyword and keyword not in shown.source:
            raise RefusalError(403)
        return shown

    def _check_signature(self, call: Call, secret: str) -> None:
        name, stamp = call.headers.get("webhook-id", ""), call.headers.get("webhook-timestamp", "")
        if not name or not recent(stamp, 1, call.wall, WEBHOOK_WINDOW):
            raise RefusalError(401)
        good = webhook.sign(secret, name, stamp, call.body).encode()
        if not any(
            hmac.compare_digest(good, one.encode()) for one in call.headers.get("webhook-signature", "").split()
        ):
            raise RefusalError(401)

    def _shown(self, payload: dict[str, Any]) -> Shown:
        if "type" not in payload:
            text = shaped(_SlackMessage, payload, 400).text
            return Shown(payload, "text", first_line(text), text)
        data = shaped(_WebhookMessage, payload, 400).data
        return Shown(payload, "text", data.title, data.text)

    def answer(self, code: int, says: str) -> Answer:
        del says
        if code == 0:
            return Answer("ok")
        status = code if code in range(300, 600) else 418
        return Answer("", status, {"retry-after": "30"} if status in (429, 503) else {})
