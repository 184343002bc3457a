"""What the servers accept and what their codes mean: the one table that senders and the drill's twin both use.

Lengths are UTF-8 bytes, times are seconds. `says` is the server's own wording, which may change: nothing reads it
but people, and only the twin repeats it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.core.telling.outcome import Scope, Verdict

SIGNATURE_WINDOW = 3600.0  # seconds a signature may be off, either way, on DingTalk and Feishu
WEBHOOK_WINDOW = 300.0  # the same for receivers of Standard Webhooks
UNKNOWN_CODE_WAIT = 300.0  # seconds: a few slow retries, for nobody knows what the code means


@dataclass(frozen=True, slots=True)
class Limits:
    """Lengths of one message and pace of one robot; None where the platform sets no limit of that kind."""

    text: int | None  # bytes of a text's content
    markdown: int | None  # bytes of a markdown's content
    body: int | None  # bytes of the whole request
    per_minute: int  # what the server takes from a robot in any 60 s
    our_per_minute: int  # what we allow ourselves, so that a person's own use of the robot fits too
    pause: float  # seconds to stay away after a refusal for pace
    per_second: int | None = None
    our_per_second: int | None = None


@dataclass(frozen=True, slots=True)
class Meaning:
    """What one code asks of us; `remedy` is the sentence an admin reads. No `wait` leaves it to the outbox's backoff."""

    verdict: Verdict
    remedy: str
    says: str = ""
    wait: float = 0.0
    scope: Scope = Scope.ROBOT
    counts: bool = True
    perhaps: bool = False  # it may have been posted all the same


@dataclass(frozen=True, slots=True)
class Wire:
    """One platform's numbers: the field that holds the code, the field that holds the words, limits, codes."""

    code_fields: tuple[str, ...]  # the first that is present decides
    text_field: str
    limits: Limits
    codes: Mapping[int, Meaning]


def _wait(seconds: float, remedy: str, says: str, scope: Scope = Scope.ROBOT) -> Meaning:
    """The server asks for patience; waiting as asked spends no attempt."""
    return Meaning(Verdict.LATER, remedy, says, seconds, scope, counts=False)


def _busy(says: str) -> Meaning:
    """Trouble on the server's side: again and again, ever slower, never given up for it."""
    return Meaning(Verdict.LATER, "平台繁忙，稍后自动重试", says, counts=False)


def _gateway() -> Meaning:
    """Trouble between us and the group, or in the middle of posting: waited out like a busy platform, repeated as 补发."""
    remedy = "网关或平台中途出错，消息可能已送达：稍后标明“补发”自动重发"
    return Meaning(Verdict.LATER, remedy, counts=False, perhaps=True)


def _unknown(remedy: str) -> Meaning:
    """Nobody knows what it means: never a success, and only a few tries."""
    return Meaning(Verdict.LATER, remedy, wait=UNKNOWN_CODE_WAIT)


def _reshape(remedy: str, says: str) -> Meaning:
    return Meaning(Verdict.RESHAPE, remedy, says)


def _refused(remedy: str, says: str) -> Meaning:
    return Meaning(Verdict.REFUSED, remedy, says)


def _bug(remedy: str, says: str) -> Meaning:
    return Meaning(Verdict.UNDELIVERABLE, remedy, says)


_NEW_ROBOT = "机器人已被移出群或地址有误：请在群里重新添加机器人，并更新群聊配置中的地址"
_TOO_LONG = "内容超长：将拆短后重发一次"
_PROGRAM = "消息格式有误，重发无用：请把返回码和原文交给维护人员"
_PACE = "发送过快被限流，稍后自动续发，无需处理"

WECOM = Wire(
    code_fields=("errcode",),
    text_field="errmsg",
    limits=Limits(text=2048, markdown=4096, body=None, per_minute=20, our_per_minute=18, pause=60.0),
    codes={
        -1: _busy("system busy"),
        40007: _bug(_PROGRAM, "invalid media_id"),
        40008: _bug(_PROGRAM, "invalid message type"),
        40009: _bug(_PROGRAM, "invalid image size"),
        40033: _bug(_PROGRAM, "invalid charset. need utf-8 or gbk"),
        40058: _reshape(_TOO_LONG, "invalid Request Parameter"),
        41010: _bug(_PROGRAM, "missing url"),
        41016: _bug(_PROGRAM, "missing title"),
        44004: _bug(_PROGRAM, "empty content"),
        45008: _bug(_PROGRAM, "too many articles"),
        45009: _wait(60.0, _PACE, "api freq out of limit"),
        45033: _wait(5.0, _PACE, "api concurrent out of limit"),
        93000: _refused(_NEW_ROBOT, "invalid webhook url"),
        93004: _refused("机器人已被停用：请群主在群机器人设置中启用，或更换地址", "robot disabled"),
        93008: _refused("机器人不在群里：请重新添加机器人，并更新群聊配置中的地址", "robot is not in the group"),
        301019: _bug(_PROGRAM, "image md5 not match"),
    },
)

_DINGTALK_SECURITY = (
    "安全设置不符：请核对群聊配置中的关键词、加签密钥，机器人的 IP 白名单，以及本机时钟（误差不能超过 1 小时）"
)
_DINGTALK_QUOTA = "接口调用额度已用完：请在钉钉管理后台查看额度，恢复后重新启用该机器人"
_DINGTALK_WORDS = "内容被平台判为不安全：请人工检查消息中的文字和链接"

DINGTALK = Wire(
    code_fields=("errcode",),
    text_field="errmsg",
    limits=Limits(text=None, markdown=None, body=20_000, per_minute=20, our_per_minute=18, pause=600.0),
    codes={
        -1: _busy("系统繁忙"),
        40035: _bug(_PROGRAM, "缺少参数 json"),
        43002: _bug(_PROGRAM, "需要POST请求"),
        43004: _bug(_PROGRAM, "无效的HTTP HEADER Content-Type"),
        90002: _wait(300.0, _PACE, "您的服务器调用钉钉开放平台所有接口的请求都被暂时禁用了", Scope.PLATFORM),
        90018: _wait(300.0, _PACE, "您的服务器调用接口的QPS超过限制", Scope.PLATFORM),
        90020: _refused(_DINGTALK_QUOTA, "本月接口调用量超过限制"),
        90030: _refused(_DINGTALK_QUOTA, "webhook over limit"),
        101002: _reshape(_TOO_LONG, "消息内容过长"),
        130101: _wait(600.0, _PACE, "send too fast, exceed 20 times per minute"),
        130102: _wait(600.0, _PACE, "send too fast"),
        300001: _refused(_NEW_ROBOT, "token is not exist"),
        300005: _refused(_NEW_ROBOT, "token is not exist"),
        310000: _refused(_DINGTALK_SECURITY, "安全校验未通过"),
        400013: _refused("群已解散：请为该单位配置新的群聊", "群已被解散"),
        400101: _refused(_NEW_ROBOT, "access_token不存在"),
        400102: _refused("机器人已停用：请在群里启用，或更换地址", "机器人已停用"),
        400105: _bug(_PROGRAM, "不支持的消息类型"),
        400106: _refused(_NEW_ROBOT, "机器人不存在"),
        410100: _wait(600.0, _PACE, "发送速度太快而限流"),
        430101: _bug(_DINGTALK_WORDS, "含有不安全的外链"),
        430102: _bug(_DINGTALK_WORDS, "含有不合适的文本"),
        430103: _bug(_DINGTALK_WORDS, "含有不合适的图片"),
        430104: _bug(_DINGTALK_WORDS, "含有不合适的内容"),
        460101: _reshape(_TOO_LONG, "message too long, exceed 20000 bytes"),
    },
)

# The answer to a banned address carries no errcode at all.
DINGTALK_BAN = _wait(300.0, "本机地址被钉钉暂时封禁，钉钉群一律暂停 5 分钟后自动续发", "punish", Scope.PLATFORM)

FEISHU = Wire(
    code_fields=("code", "StatusCode"),  # old servers answer with StatusCode alone
    text_field="msg",
    limits=Limits(
        text=None,
        markdown=None,
        body=20_000,
        per_minute=100,
        our_per_minute=90,
        pause=5.0,
        per_second=5,
        our_per_second=4,
    ),
    codes={
        2200: _busy("internal error"),
        9499: _bug(_PROGRAM, "Bad Request"),
        11232: _wait(5.0, _PACE, "frequency limited psm[lark.oapi.app_platform_runtime]appID[1500]"),
        11246: _reshape(
            "卡片不被接受：将改用文本重发一次", "card content error, ErrCode: 200621; ErrMsg: parse card json err"
        ),
        19001: _refused(_NEW_ROBOT, "param invalid: incoming webhook access token invalid"),
        19002: _bug(_PROGRAM, "params error, msg_type need"),
        19007: _refused("机器人未启用：请在群设置中启用，或更换地址", "bot not enabled"),
        19021: _refused(
            "加签校验失败：请核对群聊配置中的密钥，并检查本机时钟（误差不能超过 1 小时）",
            "sign match fail or timestamp is not within one hour from current time",
        ),
        19022: _refused("本机地址不在机器人的 IP 白名单中：请在机器人安全设置中添加", "Ip Not Allowed"),
        19024: _refused("消息中没有机器人要求的关键词：请核对群聊配置中的关键词", "Key Words Not Found"),
        19036: _reshape(_TOO_LONG, "exceeds the size limit of 30KB"),
        99991400: _wait(60.0, _PACE, "request trigger frequency limit"),
    },
)

# 蓝信 documents no limit and no code but 0: as small and as slow as the strictest of the others.
LANXIN = Wire(
    code_fields=("errCode",),
    text_field="errMsg",
    limits=Limits(text=None, markdown=None, body=4096, per_minute=20, our_per_minute=18, pause=60.0),
    codes={},
)

# A generic receiver answers by HTTP status alone; the body of Standard Webhooks is to stay below 20 KB.
WEBHOOK = Wire(
    code_fields=(),
    text_field="",
    limits=Limits(text=None, markdown=None, body=20_000, per_minute=60, our_per_minute=54, pause=60.0),
    codes={},
)

_ADDRESS = "地址被网关拒绝：请核对群聊配置中的地址，或联系网络管理员放行"

# Answers whose body holds no code are judged by the HTTP status; what is not here is judged by its hundred.
# 408, 429 and 503 are said before anything is posted. Any other 5xx without a code comes from a gateway, or from a
# receiver that broke off: the request was with it, so nobody knows.
HTTP: Mapping[int, Meaning] = {
    400: _bug(_PROGRAM, ""),
    401: _refused(_ADDRESS, ""),
    403: _refused(_ADDRESS, ""),
    404: _refused(_NEW_ROBOT, ""),
    405: _refused(_ADDRESS, ""),
    407: _refused("代理服务器要求认证：请联系网络管理员", ""),
    408: _busy(""),
    410: _refused(_NEW_ROBOT, ""),
    413: _reshape(_TOO_LONG, ""),
    415: _bug(_PROGRAM, ""),
    422: _bug(_PROGRAM, ""),
    429: _wait(60.0, _PACE, ""),
    503: _busy(""),
}
HTTP_HUNDREDS: Mapping[int, Meaning] = {
    2: Meaning(Verdict.AMBIGUOUS, "平台的答复无法识别，消息可能已送达：将标明“补发”再发一次"),
    3: _refused("地址被重定向，消息不会转投：请改用机器人的原始地址，并检查网络出口是否需要登录", ""),
    4: _unknown("平台的答复无法识别，将少量重试；反复出现请核对地址，或联系网络管理员"),
    5: _gateway(),
}
UNKNOWN_CODE = _unknown("返回码不在已知范围内，将少量重试；反复出现请把返回码交给维护人员")
