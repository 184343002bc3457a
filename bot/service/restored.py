"""After a restore: what may have been sent between the backup and the restore goes as 补发, what came later does not.

Nobody recorded what was sent in between. The deciding engine is asked what it owed at the instant of the restore, from what was known
by then: that, and nothing else, may have been told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta

from bot.core.deciding.desk import Used
from bot.core.deciding.look import Scene, desk, look
from bot.core.facts.events import Event
from bot.core.facts.facts import Facts
from bot.core.telling.digest import DIGEST
from bot.core.telling.entry import Telling
from bot.state.store import Store

#: How long after a restore what happened before it may still become known.
LATE = timedelta(days=7)


def note_doubts(store: Store, scene: Callable[[], Scene], event: Event | None, now: datetime) -> None:
    """Records the doubts of a restore, once, and again when an event from before it becomes known. Inside a unit of work."""
    kept = store.meta("restored")
    if kept is None or (store.meta("doubted") == kept and event is None):
        return
    restored = datetime.fromisoformat(kept)
    first = store.meta("doubted") != kept
    store.set_meta("doubted", kept)
    if now <= restored + LATE and (first or (event is not None and event.time <= restored)):
        for chat, telling in perhaps_told(scene(), store.facts_at(restored), restored):
            store.doubt(chat, [telling])


def perhaps_told(scene: Scene, known: Facts, then: datetime) -> Iterator[tuple[str, Telling]]:
    """What was owed at an instant and had its slot by then, each with its chat; `known` are the facts of that instant."""
    troubles = tuple(trouble for trouble in scene.troubles if trouble.since < then)
    before = replace(scene, facts=known, used=_unused, troubles=troubles)
    at_that_desk = desk(before, then)
    for decision in look(before, then)[1]:
        rung = decision.rung
        if decision.reason.tells and rung and at_that_desk.slot_from(decision.chat, rung.slot_on) <= then:
            yield decision.chat, Telling.of(decision, DIGEST)


def _unused(chat: str, day: date) -> Used:
    """A budget of which nothing is used."""
    del chat, day
    return Used()
