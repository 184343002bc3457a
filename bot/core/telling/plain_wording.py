"""The wording of last resort: used when the usual wording raises, so that the message is sent all the same."""

from __future__ import annotations

from bot.core.rules.item import State, long_date
from bot.core.rules.item_ids import without_step
from bot.core.rules.succession import ASSIGNED
from bot.core.telling.entry import Entry, Telling
from bot.core.telling.message import RESENT, About, Line, LineKind, Message
from bot.core.telling.wording import AGAIN, SPACE, Letterhead


def plainly(entry: Entry, head: Letterhead) -> Message:
    """What an entry is about, from its own tellings alone."""
    shown = {telling.item: telling for telling in entry.tellings}.values()
    again = entry.marked_lines
    tails = {one.item: f"（{AGAIN}）" if one.item in again else "" for one in shown}
    lines = [
        Line(f"{place}. {_plain_line(one)}{tails[one.item]}", about=_about(one)) for place, one in enumerate(shown, 1)
    ]
    foot = (Line(f"{head.contact}{SPACE}编号 {entry.number}", LineKind.NOTE),)
    mark = RESENT if entry.marked else head.mark
    return Message(f"【督办提醒】{entry.chat}", tuple(lines), foot, entry.number, mark)


def _about(telling: Telling) -> tuple[About, ...]:
    return (About(telling.item, telling.state, telling.due_on),)


def _plain_line(telling: Telling) -> str:
    when = f"{SPACE}时限{long_date(telling.due_on)}" if telling.due_on and not telling.item.startswith(ASSIGNED) else ""
    return f"{telling.title}（{without_step(telling.item).removeprefix(ASSIGNED)}）{SPACE}{State(telling.state).shown}{when}"
