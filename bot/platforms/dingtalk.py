"""钉钉 group robots; 浙政钉 and 专有钉钉 speak the same on another host.

The limit is the whole body. A signature stands in the query and is made from milliseconds.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, NotRequired
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from pydantic import Field, SecretStr
from pydantic_core import to_json
from typing_extensions import TypedDict

from bot.core.telling.message import LineKind, Message, Paint
from bot.core.telling.outcome import Outcome, Scope
from bot.platforms import JSON_HEADERS, NO_HEADERS, Client, Limits, Request, Robot, Server, Style, Success, _replies
from bot.platforms._codes import NEW_ROBOT, PACE, PROGRAM, TOO_LONG, CodeTable, bug, busy, refused, reshape, wait
from bot.platforms._server import Answer, Call, RefusalError, Shown, first_line, parsed, recent, shaped, strictly
from bot.platforms._text import Brush, as_text, mentioned, missing_keyword, plain, small_print, widened

_BODY = 20_000  # bytes
_SHUT = 600.0  # seconds a robot that exceeded its pace accepts nothing

_SECURITY = "安全设置不符：请核对群聊配置中的关键词、加签密钥，机器人的 IP 白名单，以及本机时钟（误差不能超过 1 小时）"
_QUOTA = "接口调用额度已用完：请在钉钉管理后台查看额度，恢复后重新启用该机器人"
_UNSAFE = "内容被平台判为不安全：请人工检查消息中的文字和链接"

_CODES = CodeTable(
    code_fields=("errcode",),
    text_fields=("errmsg",),
    meanings={
        -1: busy("系统繁忙"),
        40035: bug(PROGRAM, "缺少参数 json"),
        43002: bug(PROGRAM, "需要POST请求"),
        43004: bug(PROGRAM, "无效的HTTP HEADER Content-Type"),
        90002: wait(300.0, PACE, "您的服务器调用钉钉开放平台所有接口的请求都被暂时禁用了", Scope.PLATFORM),
        90018: wait(300.0, PACE, "您的服务器调用接口的QPS超过限制", Scope.PLATFORM),
        90020: refused(_QUOTA, "本月接口调用量超过限制"),
        90030: refused(_QUOTA, "webhook over limit"),
        101002: reshape(TOO_LONG, "消息内容过长"),
        130101: wait(_SHUT, PACE, "send too fast, exceed 20 times per minute"),
        130102: wait(_SHUT, PACE, "send too fast"),
        300001: refused(NEW_ROBOT, "token is not exist"),
        300005: refused(NEW_ROBOT, "token is not exist"),
        310000: refused(_SECURITY, "安全校验未通过"),
        400013: refused("群已解散：请为该单位配置新的群聊", "群已被解散"),
        400101: refused(NEW_ROBOT, "access_token不存在"),
        400102: refused("机器人已停用：请在群里启用，或更换地址", "机器人已停用"),
        400105: bug(PROGRAM, "不支持的消息类型"),
        400106: refused(NEW_ROBOT, "机器人不存在"),
        410100: wait(_SHUT, PACE, "发送速度太快而限流"),
        430101: bug(_UNSAFE, "含有不安全的外链"),
        430102: bug(_UNSAFE, "含有不合适的文本"),
        430103: bug(_UNSAFE, "含有不合适的图片"),
        430104: bug(_UNSAFE, "含有不合适的内容"),
        460101: reshape(TOO_LONG, "message too long, exceed 20000 bytes"),
    },
)

# The answer to an address that is banned for a while has no errcode at all.
_BAN = wait(300.0, "本机地址被钉钉暂时封禁，钉钉群一律暂停 5 分钟后自动续发", "punish", Scope.PLATFORM)

# Colours are not documented, and HTML breaks links on phones: a state's word is bold.
_BOLD = ("**", "**")
_BRUSH = Brush(widened, {paint: _BOLD for paint in Paint if paint is not Paint.NONE})
_SHOWN = {LineKind.HEADING: "#### {}", LineKind.ITEM: "{}", LineKind.NOTE: "> {}"}


class DingTalk:
    name = "dingtalk"
    title = "钉钉"
    styles: tuple[Style, ...] = ("markdown", "text")
    limits = Limits(text=None, markdown=None, body=_BODY, per_minute=20, our_per_minute=18, pause=_SHUT)
    words = frozenset({"title", "text", "content"})
    codes = _CODES
    client = Client(headings=True, quotes=True, lists=True, keeps_breaks=False)

    @property
    def server(self) -> Server:
        return DingTalkServer()

    def encode(self, message: Message, robot: Robot, now: datetime) -> Request:
        return Request(_signed(robot, now), JSON_HEADERS, _body(message, robot))

    def fits(self, message: Message, robot: Robot) -> bool:
        return len(_body(message, robot)) <= _BODY * robot.share

    def read_reply(
        self, status: int, body: bytes, headers: Mapping[str, str] = NO_HEADERS, success: Success = ""
    ) -> Outcome:
        del success
        reply = _replies.parsed(body)
        if "punish" in reply and "errcode" not in reply:
            return _replies.outcome(_BAN, "punish", "")
        return _replies.read(_CODES, status, body, headers)


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
    """The `at` lists show nothing unless the text names the same people."""
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


# --- what the server checks ---------------------------------------------------------


class _Text(TypedDict):
    content: Annotated[str, Field(min_length=1)]


class _Markdown(TypedDict):
    title: Annotated[str, Field(min_length=1)]
    text: Annotated[str, Field(min_length=1)]


class _At(TypedDict):
    atMobiles: NotRequired[list[str]]
    atUserIds: NotRequired[list[str]]
    isAtAll: NotRequired[bool]


@strictly
class _Message(TypedDict):
    msgtype: Literal["text", "markdown"]
    text: NotRequired[_Text | None]
    markdown: NotRequired[_Markdown | None]
    at: NotRequired[_At]


class DingTalkServer:
    path = "/robot/send?access_token={token}"
    unknown_token = 300005
    too_fast = 130101
    shuts = _SHUT

    def read(self, call: Call, secret: str | None, keyword: str | None) -> Shown:
        if secret is not None:
            _check_signature(call, secret)
        if not call.content_type.startswith("application/json"):
            raise RefusalError(43004)
        if len(call.body) > _BODY:
            raise RefusalError(460101)
        shown = _shown(parsed(call.body, 40035))
        if keyword and keyword not in shown.title + shown.source:
            raise RefusalError(310000, "错误描述:关键词不匹配;解决方案:请联系群管理员查看此机器人的关键词")
        return shown

    def answer(self, code: int, says: str) -> Answer:
        return Answer({"errcode": code, "errmsg": says if code else "ok"})


def _check_signature(call: Call, secret: str) -> None:
    stamp = call.query.get("timestamp", "")
    if not recent(stamp, 1000, call.wall):
        raise RefusalError(310000, "description:timestamp 无效;solution:请检查本机时钟")
    if not hmac.compare_digest(sign(secret, stamp).encode(), call.query.get("sign", "").encode()):
        raise RefusalError(
            310000, "description:机器人发送签名不匹配;solution:请确认签名和生成签名的时间戳必须都放在调用的网址中"
        )


def _shown(payload: dict[str, Any]) -> Shown:
    if payload.get("msgtype") not in ("text", "markdown"):
        raise RefusalError(400105)
    message = shaped(_Message, payload, 40035)
    if message["msgtype"] == "text" and (text := message.get("text")):
        return Shown(payload, "text", first_line(text["content"]), text["content"])
    if message["msgtype"] == "markdown" and (markdown := message.get("markdown")):
        return Shown(payload, "markdown", markdown["title"], markdown["text"])
    raise RefusalError(40035)


PLATFORM = DingTalk()
