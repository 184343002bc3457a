"""What a person orders about messages and robots: send again, send elsewhere, this robot works again.

The order is an event; what it changes in the outbox is written in the same unit of work, whether a running bot takes it in
or a command does while none runs. Nothing is sent here.
"""

from __future__ import annotations

from datetime import datetime

from bot.core.deciding.admission import Refused
from bot.core.facts.events import Event, ResendAsked, RobotMended
from bot.core.telling.entry import Entry, EntryState
from bot.core.telling.outbox import asked_again, woken
from bot.core.time.near import near
from bot.state.store import Store

#: What a person may send again; what is being sent, was delivered or is no longer true may not.
RESENDABLE = (EntryState.PENDING, EntryState.LATER, EntryState.REFUSED, EntryState.UNDELIVERABLE)


def obey(store: Store, event: Event, now: datetime) -> None:
    """Does what an event orders, if it orders anything; inside a unit of work. Raises Refused."""
    payload = event.payload
    if isinstance(payload, ResendAsked):
        why = "，".join(part for part in (f"{payload.by or '管理员'}要求重发", payload.reason) if part)
        for number in dict.fromkeys(payload.numbers):
            store.put(asked_again(resendable(store, number), why, now, payload.chat))
    elif isinstance(payload, RobotMended):
        _mend(store, payload.robot, now)


def resendable(store: Store, number: str) -> Entry:
    """The entry of that number. Raises Refused when there is none that could be sent again."""
    entry = store.entries.get(number)
    if entry is None:
        match = near(number, store.entries)
        raise Refused(f"待发箱里没有“{number[:40]}”{f'，是不是“{match}”？' if match else ''}")
    if entry.state not in RESENDABLE:
        raise Refused(f"{number}{entry.state.value}，不能重发" + (f"（{entry.why}）" if entry.why else ""))
    return entry


def _mend(store: Store, robot: str, now: datetime) -> None:
    state = store.robots.get(robot)
    if state is None:
        match = near(robot, store.robots)
        raise Refused(f"没有群机器人“{robot[:40]}”{f'，是不是“{match}”？' if match else ''}")
    store.put_robot(state.model_copy(update={"broken": "", "broken_since": None, "blocked_until": None}))
    make_due(store, now)


def make_due(store: Store, now: datetime) -> None:
    """Makes every refused entry due again; one whose robots are still broken is parked again."""
    for entry in store.open_entries():
        if entry.state is EntryState.REFUSED:
            store.put(woken(entry, now))
