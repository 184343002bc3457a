"""Tellings of cancelled entries that members may have seen all the same. Told again, under a new number, they go as 补发.

Kept by item, rung and chat, with the rung's nominal date: {"T05-M1\\n提前7天\\n县教育局": "2027-12-24"}. Neither a rung nor the name of a
chat holds a line break, so the last two are the borders, whatever a person typed into the id of an item (the name of a step).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta

from bot.core.rules.succession import Succession
from bot.core.telling.entry import Entry, Telling

#: A doubt is dropped when its rung is older than a newly doubted rung by this much.
KEPT = timedelta(days=800)

Doubts = dict[str, str]


def doubted(doubts: Mapping[str, str], chat: str, tellings: Iterable[Telling]) -> Doubts:
    """The doubts with these tellings added, which a chat may have seen."""
    fresh = {_key(telling.item, telling.rung, chat): telling.rung_on.isoformat() for telling in tellings}
    oldest = (date.fromisoformat(min(fresh.values())) - KEPT).isoformat() if fresh else ""
    return {key: day for key, day in doubts.items() if day >= oldest} | fresh


def said_anew(doubts: Mapping[str, str], chat: str, tellings: Iterable[Telling], names: Succession) -> Doubts:
    """The doubts without those about these tellings of a chat, by today's names: the new entry carries the doubt from now on."""
    said = {_key(names.item(telling.item), telling.rung, names.chat(chat)) for telling in tellings}
    return {key: day for key, day in doubts.items() if _today(key, names) not in said}


def in_doubt(entries: Iterable[Entry], tellings: Iterable[Telling]) -> bool:
    """Whether an unsettled entry of the same chat may have told any of these rungs, of an earlier date for example."""
    said = {(telling.item, telling.rung) for entry in entries if entry.doubtful for telling in entry.tellings}
    return bool(said) and any((telling.item, telling.rung) in said for telling in tellings)


def _today(key: str, names: Succession) -> str:
    item, rung, chat = key.rsplit("\n", 2)
    return _key(names.item(item), rung, names.chat(chat))


def _key(item: str, rung: str, chat: str) -> str:
    return f"{item}\n{rung}\n{chat}"
