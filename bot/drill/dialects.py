"""What each platform's server checks before it shows a message, as strict as the real one or stricter.

Limits and codes are those of `bot/platforms/limits.py`. Of the message types only those that a bot of words needs are
known: text, markdown, and Feishu's card of schema 1.0; any other is refused as an unknown type.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from bot.drill.receivers import LanxinServer, WebhookServer
from bot.drill.servers import (
    Answer,
    Call,
    Dialect,
    Markup,
    RefusalError,
    Shape,
    Shown,
    first_line,
    parsed,
    recent,
    shaped,
)
from bot.platforms import dingtalk, feishu
from bot.platforms.limits import DINGTALK, FEISHU, WECOM

__all__ = ["DIALECTS", "Answer", "Call", "Dialect", "Markup", "RefusalError", "Shown"]


class _WeComText(Shape):
    content: str
    mentioned_list: list[str] = Field(default=[])
    mentioned_mobile_list: list[str] = Field(default=[])


class _WeComMarkdown(Shape):
    content: str


class _WeComMessage(Shape):
    msgtype: Literal["text", "markdown"]
    text: _WeComText | None = None
    markdown: _WeComMarkdown | None = None


class WeComServer:
    wire = WECOM
    unknown_token = 93000
    too_fast = 45009
    shuts = 0.0

    def path(self, token: str) -> str:
        return f"/cgi-bin/webhook/send?key={token}"

    def read(self, call: Call, secret: str | None, keyword: str | None) -> Shown:
        payload = parsed(call.body, 40008)
        if payload.get("msgtype") not in ("text", "markdown"):
            raise RefusalError(40008)
        message = shaped(_WeComMessage, payload, 40058)
        kind: Markup = message.msgtype
        part = message.text if kind == "text" else message.markdown
        if part is None or not part.content.strip():
            raise RefusalError(44004)
        limit = self.wire.limits.text if kind == "text" else self.wire.limits.markdown
        if limit is not None and len(part.content.encode()) > limit:
            raise RefusalError(40058, f"{kind}.content exceed max length {limit}. invalid Request Parameter")
        return Shown(payload, kind, first_line(part.content), part.content)

    def answer(self, code: int, says: str) -> Answer:
        if code == 0:
            return Answer({"errcode": 0, "errmsg": "ok"})
        more = f"https://open.work.weixin.qq.com/devtool/query?e={code}"
        words = f"{says}, hint: [1700000000], from ip: 127.0.0.1, more info at {more}"
        return Answer({"errcode": code, "errmsg": words})


class _At(Shape):
    at_mobiles: list[str] = Field(default=[], alias="atMobiles")
    at_user_ids: list[str] = Field(default=[], alias="atUserIds")
    is_at_all: bool = Field(default=False, alias="isAtAll")


class _DingTalkText(Shape):
    content: str = Field(min_length=1)


class _DingTalkMarkdown(Shape):
    title: str = Field(min_length=1)
    text: str = Field(min_length=1)


class _DingTalkMessage(Shape):
    msgtype: Literal["text", "markdown"]
    text: _DingTalkText | None = None
    markdown: _DingTalkMarkdown | None = None
    at: _At = _At()


class DingTalkServer:
    wire = DINGTALK
    unknown_token = 300005
    too_fast = 130101
    shuts = DINGTALK.limits.pause

    def path(self, token: str) -> str:
        return f"/robot/send?access_token={token}"

    def read(self, call: Call, secret: str | None, keyword: str | None) -> Shown:
        if secret is not None:
            self._check_signature(call, secret)
        if not call.content_type.startswith("application/json"):
            raise RefusalError(43004)
        if self.wire.limits.body is not None and len(call.body) > self.wire.limits.body:
            raise RefusalError(460101)
        shown = self._shown(parsed(call.body, 40035))
        if keyword and keyword not in shown.title + shown.source:
            raise RefusalError(310000, "错误描述:关键词不匹配;解决方案:请联系群管理员查看此机器人的关键词")
        return shown

    def _check_signature(self, call: Call, secret: str) -> None:
        stamp = call.query.get("timestamp", "")
        if not recent(stamp, 1000, call.wall):
            raise RefusalError(310000, "description:timestamp 无效;solution:请检查本机时钟")
        if not hmac.compare_digest(dingtalk.sign(secret, stamp).encode(), call.query.get("sign", "").encode()):
            raise RefusalError(
                310000, "description:机器人发送签名不匹配;solution:请确认签名和生成签名的时间戳必须都放在调用的网址中"
            )

    def _shown(self, payload: dict[str, Any]) -> Shown:
        if payload.get("msgtype") not in ("text", "markdown"):
            raise RefusalError(400105)
        message = shaped(_DingTalkMessage, payload, 40035)
        if message.msgtype == "text" and message.text is not None:
            return Shown(payload, "text", first_line(message.text.content), message.text.content)
        if message.msgtype == "markdown" and message.markdown is not None:
            return Shown(payload, "markdown", message.markdown.title, message.markdown.text)
        raise RefusalError(40035)

    def answer(self, code: int, says: str) -> Answer:
        return Answer({"errcode": code, "errmsg": says if code else "ok"})


class _PlainText(Shape):
    tag: Literal["plain_text"]
    content: str


class _LarkMarkdown(Shape):
    tag: Literal["lark_md"]
    content: str


class _Div(Shape):
    tag: Literal["div"]
    text: Annotated[_PlainText | _LarkMarkdown, Field(discriminator="tag")]


class _Rule(Shape):
    tag: Literal["hr"]


class _Note(Shape):
    tag: Literal["note"]
    elements: list[Annotated[_PlainText | _LarkMarkdown, Field(discriminator="tag")]] = Field(min_length=1)


class _Config(Shape):
    wide_screen_mode: bool = True


class _Header(Shape):
    title: _PlainText
    template: Literal["blue", "green", "orange", "red", "grey"] = "blue"


class _Card(Shape):
    config: _Config = _Config()
    header: _Header
    elements: list[Annotated[_Div | _Rule | _Note, Field(discriminator="tag")]] = Field(min_length=1)


class _FeishuText(Shape):
    text: str = Field(min_length=1)


class _FeishuMessage(Shape):
    msg_type: Literal["text", "interactive"]
    content: _FeishuText | None = None
    card: dict[str, Any] | None = None
    timestamp: str = ""
    sign: str = ""


class FeishuServer:
    wire = FEISHU
    unknown_token = 19001
    too_fast = 11232
    shuts = 0.0

    def path(self, token: str) -> str:
        return f"/open-apis/bot/v2/hook/{token}"

    def read(self, call: Call, secret: str | None, keyword: str | None) -> Shown:
        if self.wire.limits.body is not None and len(call.body) > self.wire.limits.body:
            raise RefusalError(19036)
        payload = parsed(call.body, 9499)
        if secret is not None:
            self._check_signature(payload, secret, call.wall)
        if payload.get("msg_type") not in ("text", "interactive"):
            raise RefusalError(19002)
        shown = self._shown(payload, shaped(_FeishuMessage, payload, 9499))
        if keyword and keyword not in re.sub(r"\]\([^)]*\)", "]", shown.title + shown.source):
            raise RefusalError(19024)
        return shown

    def _check_signature(self, payload: dict[str, Any], secret: str, wall: datetime) -> None:
        stamp, sign = payload.get("timestamp"), payload.get("sign")
        if not isinstance(stamp, str) or not isinstance(sign, str) or not recent(stamp, 1, wall):
            raise RefusalError(19021)
        if not hmac.compare_digest(feishu.sign(secret, stamp).encode(), sign.encode()):
            raise RefusalError(19021)

    def _shown(self, payload: dict[str, Any], message: _FeishuMessage) -> Shown:
        if message.msg_type == "text" and message.content is not None:
            text = message.content.text
            return Shown(payload, "text", first_line(text), text)
        if message.msg_type == "interactive" and message.card is not None:
            card = shaped(_Card, message.card, 11246)
            return Shown(payload, "markdown", card.header.title.content, "\n\n".join(map(_source, card.elements)))
        raise RefusalError(9499)

    def answer(self, code: int, says: str) -> Answer:
        if code == 0:
            good = {"StatusCode": 0, "StatusMessage": "success", "code": 0, "data": {}, "msg": "success"}
            return Answer(good)
        return Answer({"code": code, "data": {}, "msg": says})


def _source(element: _Div | _Rule | _Note) -> str:
    """A card's element as the markdown a page can render."""
    if isinstance(element, _Div):
        return element.text.content
    return "\n".join(one.content for one in element.elements) if isinstance(element, _Note) else "---"


DIALECTS: Mapping[str, Dialect] = {
    "wecom": WeComServer(),
    "dingtalk": DingTalkServer(),
    "feishu": FeishuServer(),
    "lanxin": LanxinServer(),
    "webhook": WebhookServer(),
}
