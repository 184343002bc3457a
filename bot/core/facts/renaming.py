"""Events with the names that units, items and chats have today."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from bot.core.facts.cases import Case
from bot.core.facts.events import CaseOpened, Confirmed, Payload, Withdrawn
from bot.core.rules.item_ids import split_case, step_by_position
from bot.core.rules.succession import Succession

#: Cases, by rule and number.
Cases = Mapping[tuple[str, str], Case]
NONE_OPENED: Cases = {}
#: What may be said of a case as a whole.
OF_WHOLE_CASES = ("closed", "silenced")


def payload_of_today(payload: Payload, names: Succession, cases: Cases = NONE_OPENED) -> Payload:
    """The same payload about today's items and chats. `cases`: rule and number of those opened before it."""
    if not names:
        return payload
    if isinstance(payload, Confirmed):
        return _confirmed(payload, names)
    change: dict[str, Any] = {}
    if isinstance(payload, CaseOpened) and not payload.steps:
        change["steps"] = names.steps.get(names.renumbered(payload.rule), ())
    what = payload.what if isinstance(payload, Withdrawn) else payload.type.rpartition(".")[2]
    item = partial(item_of_today, names=names, cases=cases, whole=what in OF_WHOLE_CASES)
    number = names.renumbered
    for name, today in (("item", item), ("indicator", number), ("rule", number), ("chat", names.chat)):
        value = getattr(payload, name, "")
        if isinstance(value, str) and value and today(value) != value:
            change[name] = today(value)
    return payload.model_copy(update=change) if change else payload


def item_of_today(item: str, names: Succession, cases: Cases, *, whole: bool) -> str:
    """Today's id of the item that an event names.

    Before 2026-12 a step was named by its position: T09-C1@2027-003-1. What such an id means is decided by what exists: if
    `whole` cases may be meant and one has that number, it is that case; otherwise it is the step of case 2027-003, if there is one.
    """
    today = names.renumbered(item)
    if whole and split_case(today) in cases:
        return today
    step = step_by_position(today, lambda rule, number: cases[rule, number].steps if (rule, number) in cases else ())
    return step.id if step else today


def _confirmed(payload: Confirmed, names: Succession) -> Confirmed:
    rules = {names.renumbered(rule): names.fingerprint(text) for rule, text in payload.rules.items()}
    leads = {
        names.renumbered(key): "、".join(names.together(units.split("、"))) for key, units in payload.leads.items()
    }
    return payload.model_copy(update={"rules": rules, "leads": leads})
