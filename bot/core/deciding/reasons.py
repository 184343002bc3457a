"""通知理由: every reason for which somebody is told something, or is not."""

from __future__ import annotations

from enum import Enum


class Reason(Enum):
    """通知理由. `words` is the text that `explain` shows; `tells` says whether a message results."""

    ASSIGNED = ("交办", True)
    FIRST = ("首次提醒", True)
    NEXT_RUNG = ("进入下一级次", True)
    REPEAT = ("定期重复提醒", True)
    WORSENED = ("情况变化", True)
    ESCALATED = ("升级督办", True)
    RECOVERED = ("已恢复，告知一次", True)
    VOIDED = ("所据数据已撤回或更改，告知一次", True)
    REGISTERED = ("告知已登记的事", True)
    RIDING = ("已登记，随下一份汇总告知，最迟下月第一个发送日", False)
    IN_COMPANY = ("不急，随下一份汇总告知，最迟到本群每周固定的那一天", False)
    WITHDRAWN = ("事项已调整，告知一次", True)
    NOT_DUE = ("未到提醒时点", False)
    PASSED = ("对它的级次都已过去", False)
    NO_RUNG = ("阶梯没有对它的级次", False)
    TOO_LATE = ("时限之前没有发送时段了", False)
    NOT_UPWARD = ("原则上、力争的要求，不向上反映", False)
    UNDATED = ("没有时限，只列入管理员的清单", False)
    UNDECIDED = ("还不能判断", False)
    NOT_HEARD = ("上次告知的不是问题，不另告知恢复", False)
    ALREADY_TOLD = ("本级次已提醒", False)
    UNCHANGED = ("数据未更新，每季度提一次", False)
    OUT_OF_HOURS = ("待到发送时段", False)
    BEING_TYPED = ("数值可能还在录入，静候片刻再告知", False)
    SILENCED = ("静默中", False)
    SUPPRESSED = ("由上级事项统一提醒", False)
    MADE_GOOD = ("后一期已完成，不再催办", False)
    BEFORE_FORCE = ("这一期在规则生效之前已经过去，不要求补办", False)
    OVER_BUDGET = ("今日次数已满，下个工作日再发", False)
    UNCONFIRMED = ("待人工确认", False)
    AWAITING_CHECK = ("待核", False)
    AWAITING_RESULT = ("待公布", False)
    PAUSED = ("暂停计时", False)
    EXTENDED = ("已延期，新时限未到提醒时点", False)
    CLOSED = ("已销号", False)

    def __init__(self, words: str, tells: bool) -> None:
        self.words = words
        self.tells = tells
