"""How an edit of the rules changes what will be told: compares the tellings of two previews.

Two tellings are the same if item, addressee, rung, day, chat and form are equal. The remaining ones are matched in steps,
from the smallest change to the largest; a telling without a match is new or gone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from bot.core.rules.succession import Succession
from bot.core.telling.digest import SINGLE
from bot.core.telling.entry import Telling


class DifferenceKind(StrEnum):
    """How a telling changed."""

    ADDED = "新增"
    MOVED = "改期"
    REROUTED = "改发"  # to another addressee, or in another chat
    RESHAPED = "改形式"
    GONE = "取消"


@dataclass(frozen=True, slots=True)
class PreviewTelling:
    """One telling of a preview: when (in Asia/Shanghai) and in which chat."""

    at: datetime
    chat: str
    telling: Telling

    def under(self, names: Succession) -> PreviewTelling:
        """The same telling under today's names of units and items, so that renaming alone makes no difference."""
        if not names:
            return self
        telling = self.telling
        renamed = replace(
            telling, item=names.item(telling.item), rule=names.item(telling.rule), unit=names.unit(telling.unit),
            addressee=names.hearer(telling.item, telling.addressee),
        )  # fmt: skip
        return PreviewTelling(self.at, names.chat(self.chat), renamed)


@dataclass(frozen=True, slots=True)
class Difference:
    """One changed telling, before and after the edit: `before` is None for a new one, `after` for one that is gone."""

    change: DifferenceKind
    before: PreviewTelling | None
    after: PreviewTelling | None

    @property
    def told(self) -> PreviewTelling:
        """The telling to show it by: the one after the edit, or the one that is gone."""
        found = self.after or self.before
        assert found is not None
        return found


MatchKey = Callable[[PreviewTelling], Hashable]


def _same(one: PreviewTelling) -> Hashable:
    return one.telling.item, one.telling.addressee, one.telling.rung, one.at.date(), one.chat, one.telling.form


#: Kinds of change in the order they are tried; tellings match when the key, the part that stays the same, is equal.
_STEPS: tuple[tuple[DifferenceKind, MatchKey], ...] = (
    (
        DifferenceKind.RESHAPED,
        lambda one: (one.telling.item, one.telling.addressee, one.telling.rung, one.at.date(), one.chat),
    ),
    (DifferenceKind.REROUTED, lambda one: (one.telling.item, one.telling.addressee, one.telling.rung, one.at.date())),
    (DifferenceKind.MOVED, lambda one: (one.telling.item, one.telling.addressee, one.telling.rung)),
    (DifferenceKind.REROUTED, lambda one: (one.telling.item, one.telling.role, one.telling.rung, one.at.date())),
    (DifferenceKind.REROUTED, lambda one: (one.telling.item, one.telling.role, one.telling.rung)),
)


def difference(before: Iterable[PreviewTelling], after: Iterable[PreviewTelling]) -> list[Difference]:
    """All changes in order of time. Both previews must begin at the same instant with the same past tellings."""
    _, old, new = _paired(sorted(before, key=_place), sorted(after, key=_place), _same)
    found: list[Difference] = []
    for change, key in _STEPS:
        pairs, old, new = _paired(old, new, key)
        found += [Difference(change, one, other) for one, other in pairs]
    found += [Difference(DifferenceKind.GONE, one, None) for one in old]
    found += [Difference(DifferenceKind.ADDED, None, one) for one in new]
    return sorted(found, key=lambda one: (_place(one.told), one.change))


def _paired(
    old: Sequence[PreviewTelling], new: Sequence[PreviewTelling], key: MatchKey
) -> tuple[list[tuple[PreviewTelling, PreviewTelling]], list[PreviewTelling], list[PreviewTelling]]:
    """Pairs of tellings with equal keys, in order; then the unpaired tellings of either side."""
    waiting: dict[Hashable, list[PreviewTelling]] = {}
    for one in reversed(old):
        waiting.setdefault(key(one), []).append(one)
    pairs: list[tuple[PreviewTelling, PreviewTelling]] = []
    left: list[PreviewTelling] = []
    for one in new:
        matches = waiting.get(key(one))
        if matches:
            pairs.append((matches.pop(), one))
        else:
            left.append(one)
    matched = {id(one) for one, _ in pairs}
    return pairs, [one for one in old if id(one) not in matched], left


def _place(one: PreviewTelling) -> tuple[datetime, str, str, str, str]:
    return one.at, one.chat, one.telling.item, one.telling.addressee, one.telling.rung


def by_chat(found: Iterable[Difference]) -> dict[str, list[Difference]]:
    """Changes by chat, in order of chat names; a telling that moves to another chat is listed under both."""
    chats: dict[str, list[Difference]] = {}
    for one in found:
        for chat in dict.fromkeys(side.chat for side in (one.after, one.before) if side):
            chats.setdefault(chat, []).append(one)
    return dict(sorted(chats.items()))


def totals(found: Iterable[Difference]) -> str:
    """Counts by kind, such as 新增3项、取消1项; empty without changes."""
    counts = Counter(one.change for one in found)
    return "、".join(f"{change}{counts[change]}项" for change in DifferenceKind if counts[change])


def messages(tellings: Iterable[PreviewTelling]) -> int:
    """How many messages these tellings make: one for each digest, and one for each single."""
    return len({(one.at, one.chat, one.telling.item if one.telling.form == SINGLE else "") for one in tellings})


def described(one: Difference) -> str:
    """The change in words, such as 2027-12-01→2027-11-30　汇总; for a new or removed telling, its chat and form."""
    if one.before is None or one.after is None:
        return f"{one.told.at:%Y-%m-%d}　{one.told.telling.form}　{one.told.telling.addressee}"
    sides = [(f"{one.before.at:%Y-%m-%d}", f"{one.after.at:%Y-%m-%d}")]
    if one.change is DifferenceKind.REROUTED:
        sides += [
            (one.before.telling.addressee, one.after.telling.addressee),
            (f"{one.before.chat}群", f"{one.after.chat}群"),
        ]
    sides.append((one.before.telling.form, one.after.telling.form))
    return "　".join(old if old == new else f"{old}→{new}" for old, new in sides)
