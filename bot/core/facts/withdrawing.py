"""撤回: whether there is anything to withdraw, and why not.

What is withdrawn is the thing, not the last event about it: a value with its corrections, an extension with the one before it. Only
of marks the one of another kind before it holds again: an item that was reported done and struck off by mistake is 待核 again.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from bot.core.facts.cases import Case
from bot.core.facts.events import Withdrawn
from bot.core.facts.facts import Facts
from bot.core.rules.item_ids import case_id, split_step

#: What each withdrawable event is called, by its name behind `duban.`.
CALLED: Mapping[str, str] = {
    "observed": "数据",
    "done": "办结",
    "closed": "销号",
    "returned": "退回",
    "extended": "延期",
    "silenced": "静默",
    "confirmed": "确认",
    "case_opened": "登记",
    "case_advanced": "办完的步骤",
    "case_paused": "暂停计时",
    "case_resumed": "恢复计时",
}


def nothing_to_withdraw(payload: Withdrawn, facts: Facts, at: datetime) -> str:
    """Why nothing can be withdrawn, as a Chinese sentence without its full stop; empty when something can be."""
    what = CALLED[payload.what]
    match payload.what:
        case "observed":
            known = (payload.indicator, payload.period) in facts.observations
            return "" if known else f"{payload.indicator}的{payload.period}没有报过数，没有可撤回的"
        case "done" | "closed" | "returned":
            return _no_mark(payload, facts)
        case "extended":
            known = payload.item in facts.extensions
        case "silenced":
            silence = facts.chat_silences.get(payload.chat) or facts.item_silences.get(payload.item)
            known = silence is not None and at < silence.until
        case "confirmed":
            known = payload.item in facts.confirmed_rules or payload.item in facts.confirmed_leads
        case _:
            return _no_case(payload, facts)
    return "" if known else f"{payload.item or payload.chat}没有{what}可撤回"


def _no_mark(payload: Withdrawn, facts: Facts) -> str:
    mark, what = facts.marks.get(payload.item), CALLED[payload.what]
    if mark is None:
        return f"{payload.item}没有{what}可撤回"
    return "" if mark.what == payload.what else f"{payload.item}最后登记的是{CALLED[mark.what]}，不是{what}"


def _no_case(payload: Withdrawn, facts: Facts) -> str:
    """Names neither a step nor a number that was not given to a case: either may be a person's name."""
    step = split_step(payload.item)
    key = step[:2] if step and payload.what == "case_advanced" else (payload.rule, payload.case)
    case = facts.cases.get(key)
    if case is None:
        return "没有登记过所写的件，没有可撤回的"
    name = case_id(*key)
    if payload.what == "case_advanced":
        return _no_step(case, step.step if step else "")
    if payload.what != "case_opened" and not case.pauses:
        return f"{name}没有{CALLED[payload.what]}可撤回"
    if payload.what == "case_resumed" and case.paused_since:
        return f"{name}自{case.paused_since}起暂停计时，没有恢复可撤回"
    return ""


def _no_step(case: Case, step: str) -> str:
    finished = list(case.done)
    if step not in finished:
        return f"{case.id}所写的步骤没有办完，没有可撤回的"
    return "" if finished[-1] == step else f"{case.id}后面的步骤已经办完，请先撤回后面的"
