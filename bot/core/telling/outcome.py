"""What came of one attempt to deliver: the only words the rest of the bot knows about a platform's answer."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """What an answer means, by who must act next."""

    DELIVERED = "已送达"
    LATER = "稍后重试"  # the platform said wait, or nothing was written to it
    RESHAPE = "改写重发"  # too long or a shape it refuses: split smaller or fall back to text, once
    REFUSED = "被拒收"  # the robot is dead or misconfigured: its entries wait for a new address
    UNDELIVERABLE = "投递失败"  # this message can never be accepted: a person must look
    AMBIGUOUS = "结果不明"  # it may have arrived: goes again marked 补发


class Scope(StrEnum):
    """How far a wait reaches."""

    ROBOT = "robot"
    PLATFORM = "platform"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One attempt's result. `wait_seconds` only with LATER; `counts` is False when the wait costs no attempt.

    `perhaps`: the answer does not prove that the message was refused before it was posted, so whatever goes again under its
    number is marked 补发.
    `code` and `text` are what the platform said (its code and its words, URL and keys removed); `remedy` is the
    Chinese sentence an admin reads.
    """

    verdict: Verdict
    code: str = ""
    text: str = ""
    remedy: str = ""
    wait_seconds: float = 0.0
    scope: Scope = Scope.ROBOT
    counts: bool = True
    perhaps: bool = False
