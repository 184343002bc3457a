"""Events with the names that units, items and chats have today."""

from __future__ import annotations

from typing import Any

from bot.core.facts.events import Confirmed, Payload
from bot.core.rules.succession import Succession


def payload_of_today(payload: Payload, names: Succession) -> Payload:
    """The same payload about today's items and chats."""
    if not names:
        return payload
    if isinstance(payload, Confirmed):
        return _confirmed(payload, names)
    change: dict[str, Any] = {}
    for name, today in (("item", names.item), ("indicator", names.item), ("rule", names.item), ("chat", names.chat)):
        value = getattr(payload, name, "")
        if isinstance(value, str) and value and today(value) != value:
            change[name] = today(value)
    return payload.model_copy(update=change) if change else payload


def _confirmed(payload: Confirmed, names: Succession) -> Confirmed:
    rules = {names.item(rule): names.fingerprint(text) for rule, text in payload.rules.items()}
    leads = {names.item(key): "、".join(names.together(units.split("、"))) for key, units in payload.leads.items()}
    return payload.model_copy(update={"rules": rules, "leads": leads})
