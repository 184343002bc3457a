"""Tellings of cancelled entries that members may have seen all the same. Told again, under a new number, they go as 补发.

A doubt belongs to one telling: its key is item, due date, addressee, role, rung and repetition, as for what was told, and the chat.
It is kept with the rung's nominal date: {"T05-M1\\n2027-12-31\\n县教育局\\n牵头单位\\n提前7天\\n0\\n县教育局": "2027-12-24"}.
Nothing behind the item holds a line break, so the last ones are the borders, whatever a person typed into the id of an item (the
name of a step).
Keys of before 2026-12 hold item, rung and chat.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta

from bot.core.rules.succession import Succession
from bot.core.telling.entry import Entry, Telling

#: A doubt is dropped when its rung is older than a newly doubted rung by this much.
KEPT = timedelta(days=800)
PARTS = 7  # of a key

Doubts = dict[str, str]


def doubted(doubts: Mapping[str, str], chat: str, tellings: Iterable[Telling]) -> Doubts:
    """The doubts with these tellings added, which a chat may have seen."""
    fresh = {_key(telling, chat): telling.rung_on.isoformat() for telling in tellings}
    oldest = (date.fromisoformat(min(fresh.values())) - KEPT).isoformat() if fresh else ""
    return {key: day for key, day in doubts.items() if day >= oldest} | fresh


def said_anew(doubts: Mapping[str, str], chat: str, telling: Telling, names: Succession) -> Doubts:
    """The doubts without those about this telling to a chat, by today's names: the new entry carries the doubt from now on."""
    said = {_today(_key(telling, chat), names), _today(_old_key(telling, chat), names)}
    return {key: day for key, day in doubts.items() if _today(key, names) not in said}


def perhaps_in(entries: Iterable[Entry], tellings: Iterable[Telling]) -> tuple[Telling, ...]:
    """Those of the tellings that entries of the same chat may have told already."""
    said = {_key(telling, "") for entry in entries for telling in entry.perhaps_told}
    return tuple(telling for telling in tellings if _key(telling, "") in said) if said else ()


def left_unsaid(entries: Iterable[Entry], kept: Iterable[Telling]) -> tuple[Telling, ...]:
    """What members may have seen in entries that are merged, and that none of the tellings `kept` repeats."""
    again = {_key(telling, "") for telling in kept}
    return tuple(telling for entry in entries for telling in entry.perhaps_told if _key(telling, "") not in again)


def _today(key: str, names: Succession) -> str:
    item, *rest, chat = key.rsplit("\n", PARTS - 1 if key.count("\n") >= PARTS - 1 else 2)
    today = names.item(item)
    if len(rest) > 1:
        rest[1] = names.hearer(today, rest[1])
    return "\n".join((today, *rest, names.chat(chat)))


def _key(telling: Telling, chat: str) -> str:
    """`ordinal` is None for a telling of before 2026-12, and for one that is no rung of a ladder."""
    which = telling.rung_on if telling.ordinal is None else telling.ordinal
    parts = (telling.item, telling.due_on, telling.addressee, telling.role, telling.rung, which, chat)
    return "\n".join(map(str, parts))


def _old_key(telling: Telling, chat: str) -> str:
    return f"{telling.item}\n{telling.rung}\n{chat}"
