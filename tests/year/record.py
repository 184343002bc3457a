"""What was done and what was said in a year, as plain data: the player writes the one, the stage the other, the judge reads both."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

ADMIN, LEADERS = "管理员", "领导小组"
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Act:
    """Something people or platforms do. `do` names it: letter, confirm, step, files, chats or mood; `what` holds its words."""

    at: str  # 2027-01-05T10:12, Asia/Shanghai
    do: str
    what: Mapping[str, Any]

    @property
    def day(self) -> date:
        """The day on which it is done."""
        return date.fromisoformat(self.at[:10])


@dataclass(frozen=True)
class Script:
    """A year as it is to be played: the rule files at its beginning, and everything that is done, in order."""

    start: str
    end: str
    files: Mapping[str, str]  # rule file → text
    acts: Sequence[Act]
    shared: Mapping[str, str] = field(default_factory=dict)  # unit → whose chat it shares


@dataclass(frozen=True)
class Said:
    """One message as the members of a chat see it; all parts of it, in order."""

    at: str
    chat: str
    number: str
    title: str
    lines: tuple[str, ...]
    foot: tuple[str, ...] = ()
    parts: int = 1

    @property
    def day(self) -> date:
        """The day on which its first part was seen."""
        return date.fromisoformat(self.at[:10])

    @property
    def time(self) -> datetime:
        """When its first part was seen."""
        return datetime.fromisoformat(self.at)

    @property
    def again(self) -> bool:
        """Whether it says of itself that it may have arrived before."""
        return self.title.startswith("【补发】")


@dataclass(frozen=True)
class Year:
    """A year as it was played."""

    script: Script
    messages: tuple[Said, ...]
    refused: tuple[str, ...] = ()  # letters that were not taken in, with the reason
    promises: Mapping[str, int] = field(
        default_factory=dict
    )  # what was promised, and how often, with nothing said of it
    seconds: float = 0.0  # of the processor


def joined(bubbles: Iterable[Said]) -> tuple[Said, ...]:
    """Messages of their parts: what follows under the same number and title in the same chat belongs together."""
    found: dict[tuple[str, str, str], Said] = {}
    for one in bubbles:
        title = re.sub(r"（\d+/\d+）$", "", one.title)
        key = (one.chat, one.number, title)
        before = found.get(key)
        found[key] = (
            replace(before, lines=before.lines + one.lines, parts=before.parts + 1)
            if before
            else replace(one, title=title)
        )
    return tuple(found.values())


def written(year: Year) -> str:
    """The year as JSON."""
    return json.dumps(asdict(year), ensure_ascii=False, indent=1)


def shown(one: Said) -> str:
    """A message as text for people to read."""
    return "\n".join([f"{one.at}　{one.chat}　{one.number}", one.title, *one.lines, *one.foot, ""])
