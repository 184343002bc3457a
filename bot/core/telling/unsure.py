"""What may have arrived under a number that was cancelled since: told again, under a new number, it goes as 补发.

Kept by item, rung and chat, with the rung's nominal date: {"T05-M1\\n提前7天\\n县教育局": "2027-12-24"}.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta

from bot.core.rules.succession import Succession
from bot.core.telling.outbox import Entry, Row

#: How long before a newly doubted rung's date older doubts are still kept.
KEPT = timedelta(days=800)

Unsure = dict[str, str]


def doubted(unsure: Mapping[str, str], chat: str, rows: Iterable[Row]) -> Unsure:
    """With these rows, which a chat may have seen."""
    fresh = {_key(row.item, row.rung, chat): row.rung_on.isoformat() for row in rows}
    oldest = (date.fromisoformat(min(fresh.values())) - KEPT).isoformat() if fresh else ""
    return {key: day for key, day in unsure.items() if day >= oldest} | fresh


def said_anew(unsure: Mapping[str, str], chat: str, rows: Iterable[Row], names: Succession) -> Unsure:
    """Without what is said to a chat by these rows, by today's names; that entry carries the doubt from now on."""
    said = {_key(names.item(row.item), row.rung, names.chat(chat)) for row in rows}
    return {key: day for key, day in unsure.items() if _today(key, names) not in said}


def in_doubt(entries: Iterable[Entry], rows: Iterable[Row]) -> bool:
    """Whether an entry of the same chat that nobody has settled may have told any of these rungs: of an earlier date, say."""
    said = {(row.item, row.rung) for entry in entries if entry.doubtful for row in entry.rows}
    return bool(said) and any((row.item, row.rung) in said for row in rows)


def _today(key: str, names: Succession) -> str:
    item, rung, chat = key.split("\n")
    return _key(names.item(item), rung, names.chat(chat))


def _key(item: str, rung: str, chat: str) -> str:
    return f"{item}\n{rung}\n{chat}"
