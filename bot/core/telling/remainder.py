"""What is left of a message of several parts: once members may have seen one of them, all keep their words.

They go on after any restart and on any later day. Where a line in them is no longer true, what is left is worded anew, without what
was said in the parts that were accepted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bot.core.deciding.findings import Finding
from bot.core.telling.entry import Entry
from bot.core.telling.message import About, Message, spoken_of


def about(item: str, finding: Finding | None) -> About:
    """What a line speaks of; without a finding of its own only the id is known."""
    return About(item, finding.state.value, finding.due_on) if finding else About(item, "", None)


def reads_true(entry: Entry, findings: Mapping[str, Finding]) -> bool:
    """Whether the rest may be sent as it was worded: nothing in it was taken out since, or has another state or date."""
    told = {item for telling in entry.tellings for item in (telling.item, *telling.about)}
    return all(one.item in told and one == about(one.item, findings.get(one.item)) for one in spoken_of(entry.rest))


def following(accepted: tuple[Message, ...], rest: tuple[Message, ...]) -> tuple[Message, ...]:
    """All parts, those of the rest numbered behind the accepted ones."""
    total = len(accepted) + len(rest)
    numbered = enumerate(rest, len(accepted) + 1)
    return (*accepted, *(replace(piece, part=part, parts=total) for part, piece in numbered))
