"""What an answer's code means: the words that every dialect's code table is written in.

Times are seconds. `says` is the server's own wording, which may change: only people read it, and only the drill's twin
repeats it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.core.telling.outcome import Scope, Verdict

UNKNOWN_CODE_WAIT = 300.0  # seconds: a few slow retries, because the code may mean anything

NEW_ROBOT = "机器人已被移出群或地址有误：请在群里重新添加机器人，并更新群聊配置中的地址"
TOO_LONG = "内容超长：将拆短后重发一次"
PROGRAM = "消息格式有误，重发无用：请把返回码和原文交给维护人员"
PACE = "发送过快被限流，稍后自动续发，无需处理"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What one answer asks of us; `remedy` is the sentence an admin reads. Without `wait` the outbox backs off by itself.

    Doubt is the default: only an answer that is known to be given before anything is posted is no `perhaps`.
    """

    verdict: Verdict
    remedy: str
    says: str = ""
    wait: float = 0.0
    scope: Scope = Scope.ROBOT
    counts: bool = True
    perhaps: bool = True  # the message may have been posted all the same


@dataclass(frozen=True, slots=True)
class CodeTable:
    """Where an answer has its code and its words, and what each known code means; empty where only the HTTP status counts."""

    code_fields: tuple[str, ...] = ()  # the first one present decides
    text_fields: tuple[str, ...] = ()  # likewise
    meanings: Mapping[int, Meaning] = field(default_factory=dict)


def wait(seconds: float, remedy: str, says: str, scope: Scope = Scope.ROBOT) -> Meaning:
    """The server turned us away before posting and asks us to wait; doing so spends no attempt."""
    return Meaning(Verdict.LATER, remedy, says, seconds, scope, counts=False, perhaps=False)


def busy(says: str = "") -> Meaning:
    """The server, or something before it, is in trouble, perhaps after posting: tried a few times, then once a day, never given up."""
    remedy = "网关或平台中途出错，消息可能已送达：稍后标明“补发”自动重发"
    return Meaning(Verdict.LATER, remedy, says, counts=False)


def unknown(remedy: str) -> Meaning:
    """No table explains it: never taken for a delivery, and tried only a few times, marked 补发."""
    return Meaning(Verdict.LATER, remedy, wait=UNKNOWN_CODE_WAIT)


def reshape(remedy: str, says: str) -> Meaning:
    """The message must be written shorter or plainer."""
    return Meaning(Verdict.RESHAPE, remedy, says, perhaps=False)


def refused(remedy: str, says: str) -> Meaning:
    """Nothing gets through to this robot until a person mends it."""
    return Meaning(Verdict.REFUSED, remedy, says, perhaps=False)


def bug(remedy: str, says: str) -> Meaning:
    """This message can never be accepted; other messages can."""
    return Meaning(Verdict.UNDELIVERABLE, remedy, says, perhaps=False)
