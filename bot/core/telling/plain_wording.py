"""A message without its wording: for when that fails, so that nobody hears nothing."""

from __future__ import annotations

from bot.core.rules.item import long_date
from bot.core.rules.succession import ASSIGNED
from bot.core.telling.message import Line, LineKind, Message
from bot.core.telling.outbox import Entry, Row
from bot.core.telling.wording import SPACE, Letterhead


def plainly(entry: Entry, head: Letterhead) -> Message:
    """What an entry is about, from its own rows alone."""
    shown = {row.item: row for row in entry.rows}.values()
    lines = [Line(f"{number}. {_plain_line(row)}") for number, row in enumerate(shown, 1)]
    foot = (Line(f"{head.contact}{SPACE}编号 {entry.number}", LineKind.NOTE),)
    mark = "补发" if entry.resent else head.mark
    return Message(f"【督办提醒】{entry.chat}", tuple(lines), foot, entry.number, mark)


def _plain_line(row: Row) -> str:
    when = f"{SPACE}时限{long_date(row.due_on)}" if row.due_on and not row.item.startswith(ASSIGNED) else ""
    return f"{row.title}（{row.item.removeprefix(ASSIGNED)}）{SPACE}{row.state}{when}"
