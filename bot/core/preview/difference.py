"""What an edit of the rules changes in what will be told: the tellings of two previews, laid side by side.

A telling is the same when item, addressee, rung, day, chat and form are. What is left on both sides is matched step by
step, from the smallest change to the largest; what nothing matches is new or gone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from bot.core.rules.succession import Succession
from bot.core.telling.digest import SINGLE
from bot.core.telling.outbox import Row


class Change(StrEnum):
    """What became of a telling."""

    ADDED = "新增"
    MOVED = "改期"
    REROUTED = "改发"  # to another addressee, or in another chat
    RESHAPED = "改形式"
    GONE = "取消"


@dataclass(frozen=True, slots=True)
class Telling:
    """One row of a preview: when (in Asia/Shanghai) and in which chat."""

    at: datetime
    chat: str
    row: Row

    def under(self, names: Succession) -> Telling:
        """The same telling under today's names of units and items, so that a new name alone is no change."""
        if not names:
            return self
        row = self.row
        renamed = replace(
            row, item=names.item(row.item), rule=names.item(row.rule), unit=names.unit(row.unit),
            addressee=names.hearer(row.item, row.addressee),
        )  # fmt: skip
        return Telling(self.at, names.chat(self.chat), renamed)


@dataclass(frozen=True, slots=True)
class Difference:
    """One change: what would have been told, and what will be; one of them is missing when it is new or gone."""

    change: Change
    before: Telling | None
    after: Telling | None

    @property
    def told(self) -> Telling:
        """The telling it is listed under: the coming one, or the one that is gone."""
        found = self.after or self.before
        assert found is not None
        return found


Key = Callable[[Telling], Hashable]


def _same(one: Telling) -> Hashable:
    return one.row.item, one.row.addressee, one.row.rung, one.at.date(), one.chat, one.row.form


#: How a change is recognised, in this order: by what stays the same.
_STEPS: tuple[tuple[Change, Key], ...] = (
    (Change.RESHAPED, lambda one: (one.row.item, one.row.addressee, one.row.rung, one.at.date(), one.chat)),
    (Change.REROUTED, lambda one: (one.row.item, one.row.addressee, one.row.rung, one.at.date())),
    (Change.MOVED, lambda one: (one.row.item, one.row.addressee, one.row.rung)),
    (Change.REROUTED, lambda one: (one.row.item, one.row.role, one.row.rung, one.at.date())),
    (Change.REROUTED, lambda one: (one.row.item, one.row.role, one.row.rung)),
)


def difference(before: Iterable[Telling], after: Iterable[Telling]) -> list[Difference]:
    """Every change, by time; both previews must begin at the same instant from the same memory."""
    _, old, new = _paired(sorted(before, key=_place), sorted(after, key=_place), _same)
    found: list[Difference] = []
    for change, key in _STEPS:
        pairs, old, new = _paired(old, new, key)
        found += [Difference(change, one, other) for one, other in pairs]
    found += [Difference(Change.GONE, one, None) for one in old]
    found += [Difference(Change.ADDED, None, one) for one in new]
    return sorted(found, key=lambda one: (_place(one.told), one.change))


def _paired(
    old: Sequence[Telling], new: Sequence[Telling], key: Key
) -> tuple[list[tuple[Telling, Telling]], list[Telling], list[Telling]]:
    """Tellings of equal key, first with first; and what is left over on either side."""
    waiting: dict[Hashable, list[Telling]] = {}
    for one in reversed(old):
        waiting.setdefault(key(one), []).append(one)
    pairs: list[tuple[Telling, Telling]] = []
    left: list[Telling] = []
    for one in new:
        matches = waiting.get(key(one))
        if matches:
            pairs.append((matches.pop(), one))
        else:
            left.append(one)
    matched = {id(one) for one, _ in pairs}
    return pairs, [one for one in old if id(one) not in matched], left


def _place(one: Telling) -> tuple[datetime, str, str, str, str]:
    return one.at, one.chat, one.row.item, one.row.addressee, one.row.rung


def by_chat(found: Iterable[Difference]) -> dict[str, list[Difference]]:
    """The changes each chat will notice, the chats by name; what is taken to another chat stands under both."""
    chats: dict[str, list[Difference]] = {}
    for one in found:
        for chat in dict.fromkeys(side.chat for side in (one.after, one.before) if side):
            chats.setdefault(chat, []).append(one)
    return dict(sorted(chats.items()))


def totals(found: Iterable[Difference]) -> str:
    """新增3项、取消1项; empty without any."""
    counts = Counter(one.change for one in found)
    return "、".join(f"{change}{counts[change]}项" for change in Change if counts[change])


def messages(tellings: Iterable[Telling]) -> int:
    """How many messages these tellings make: a digest is one however much it tells, a single is one item's."""
    return len({(one.at, one.chat, one.row.item if one.row.form == SINGLE else "") for one in tellings})


def described(one: Difference) -> str:
    """What became of it: 2027-12-01→2027-11-30　汇总, or where and how it is told when it is new or gone."""
    if one.before is None or one.after is None:
        return f"{one.told.at:%Y-%m-%d}　{one.told.row.form}　{one.told.row.addressee}"
    sides = [(f"{one.before.at:%Y-%m-%d}", f"{one.after.at:%Y-%m-%d}")]
    if one.change is Change.REROUTED:
        sides += [(one.before.row.addressee, one.after.row.addressee), (f"{one.before.chat}群", f"{one.after.chat}群")]
    sides.append((one.before.row.form, one.after.row.form))
    return "　".join(old if old == new else f"{old}→{new}" for old, new in sides)
