"""What the records of messages and of tellings say against each other: only for the self-audit (`self_audit.py`).

Whoever changes a row in the state, with right checksums, leaves a message that does not fit the others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta

from bot.core.deciding.memory import Tellings
from bot.core.rules.succession import Succession
from bot.core.telling.entry import Entry, EntryState, Telling
from bot.core.time.zone import day_of, midnight

#: No rung is told longer before its date: days off in front of it are fewer.
EARLIEST = timedelta(days=21)

#: Highest number given to a message, by year; empty where that is not known.
Numbers = Mapping[str, int]


def contradictions(
    entries: Sequence[Entry], memory: Tellings, names: Succession, unarchived: date, given: Numbers
) -> Iterator[tuple[Entry, Telling, str]]:
    """Entries that contradict the record, each with one of its tellings and what is wrong."""
    told = Counter((one.item, one.addressee, one.rung, one.rung_on) for one in memory.since(unarchived))
    for entry in entries:
        for telling, says in (*_of_itself(entry, given), *_not_told(entry, told, names, unarchived)):
            yield entry, telling, f"{entry.number} {says}"


def _of_itself(entry: Entry, given: Numbers) -> Iterator[tuple[Telling, str]]:
    year, _, count = entry.number.partition("-")
    for telling in entry.tellings[:1]:
        if (entry.state is EntryState.DELIVERED) != (entry.delivered_at is not None):
            yield telling, f"记为{entry.state.value}，与送达时间不符"
        if given and count.isdigit() and int(count) > given.get(year, 0):
            yield telling, "编号还没有用到"
    for telling in entry.tellings:
        if entry.state is not EntryState.CANCELLED and telling.rung_on - day_of(entry.at) > EARLIEST:
            yield telling, f"早于应告知的日期{(telling.rung_on - day_of(entry.at)).days}天"


def _not_told(
    entry: Entry, told: Counter[tuple[str, str, str, date]], names: Succession, unarchived: date
) -> Iterator[tuple[Telling, str]]:
    """What a message tells and is not on record, as often as it is told; the rest of the record is left in `told`.

    What was merged may be on record under a month that is archived.
    """
    if entry.state is EntryState.CANCELLED or entry.carries or entry.at < midnight(unarchived):
        return
    for telling in entry.tellings:
        key = names.item(telling.item), names.hearer(telling.item, telling.addressee), telling.rung, telling.rung_on
        told[key] -= 1
        if told[key] < 0 and not names.gone(telling.addressee):
            yield telling, "没有记为已告知"
