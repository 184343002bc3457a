"""A message before any platform: what is said, not how a client shows it.

Platforms turn a `Message` into bytes (`bot/platforms`); `split` cuts a long one at line borders so that
every part fits what the platform measures, which is encoded bytes and never characters (a Chinese one is three).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from functools import partial
from typing import NamedTuple

#: The mark of what may have been seen already.
RESENT = "补发"


class LineKind(StrEnum):
    """What a line is for; a platform chooses how to show it."""

    HEADING = "heading"  # 一、逾期
    ITEM = "item"  # one item of a digest, or a paragraph of a single
    NOTE = "note"  # basis, contact, number: small print


class Paint(StrEnum):
    """Colours a state may be painted with; the state's word is always there too."""

    NONE = "none"
    BLUE = "blue"
    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"


class About(NamedTuple):
    """An item that a line speaks of, with the state and the date that it had when the line was written."""

    item: str
    state: str
    due_on: date | None


class Line(NamedTuple):
    """One line of a message, a dozen a message; `light` is a word inside `text` (蓝灯, 逾期) painted with `paint`."""

    text: str
    kind: LineKind = LineKind.ITEM
    light: str = ""
    paint: Paint = Paint.NONE
    about: tuple[About, ...] = ()


@dataclass(frozen=True, slots=True)
class Message:
    """What a chat is told: a title, lines, and small print that every part of a split repeats.

    `number` is the visible number (2027-0412), the same on every attempt; `mark` is 补发, 演练 or empty;
    `part`/`parts` count from 1. `mentions` are mobile numbers or platform user ids, used in the last part only.
    """

    title: str
    lines: tuple[Line, ...]
    foot: tuple[Line, ...] = ()
    number: str = ""
    mark: str = ""
    part: int = 1
    parts: int = 1
    mentions: tuple[str, ...] = ()

    @property
    def headline(self) -> str:
        """Title with its mark and part number: 【补发】【督办汇总】县教育局（1/3）."""
        mark = f"【{self.mark}】" if self.mark else ""
        part = f"（{self.part}/{self.parts}）" if self.parts > 1 else ""
        return f"{mark}{self.title}{part}"


def spoken_of(pieces: Iterable[Message]) -> frozenset[About]:
    """What the lines of these parts speak of."""
    return frozenset(one for piece in pieces for line in piece.lines for one in line.about)


def items_of(pieces: Iterable[Message]) -> frozenset[str]:
    """The ids of the items of which the lines of these parts speak."""
    return frozenset(one.item for one in spoken_of(pieces))


def split(message: Message, fits: Callable[[Message], bool]) -> tuple[Message, ...]:
    """Cuts at line borders into parts that fit; a single line that is too long alone is cut within, after a
    punctuation mark where there is one, never inside a link or an emoji that could be kept whole.

    A heading never ends a part, every part repeats title, foot and number, mentions go with the last one.
    Raises ValueError when not even one character fits beside the title and foot.
    """
    if fits(message):
        return (message,)
    groups = _pack(_pieces(message, fits), lambda lines: fits(_trial(message, lines)))
    total = len(groups)
    return tuple(
        replace(
            message,
            lines=tuple(lines),
            part=index,
            parts=total,
            mentions=message.mentions if index == total else (),
        )
        for index, lines in enumerate(groups, 1)
    )


def _trial(message: Message, lines: Sequence[Line]) -> Message:
    """The largest part that could hold these lines: three-digit part numbers, mentions, and 补发, which may come later."""
    return replace(message, lines=tuple(lines), part=999, parts=999, mark=message.mark or RESENT)


def _pieces(message: Message, fits: Callable[[Message], bool]) -> list[Line]:
    """The lines, with any that cannot fit one part with their heading cut into ones that can."""
    pieces: list[Line] = []

    def takes(*lines: Line) -> bool:
        return fits(_trial(message, lines))

    for line in message.lines:
        rest, before = line, _heading(pieces)
        if before and not takes(*before, line._replace(text=line.text[:1])):
            before = ()  # a heading that fills a part goes alone
        while not takes(*before, rest):
            size = _room(rest, partial(takes, *before))
            pieces.append(rest._replace(text=rest.text[:size]))
            rest, before = rest._replace(text=rest.text[size:]), ()
        pieces.append(rest)
    return pieces


def _heading(lines: Sequence[Line]) -> Sequence[Line]:
    """The heading at the end of `lines`, which stays with what follows it wherever both fit one part."""
    return lines[-1:] if lines and lines[-1].kind is LineKind.HEADING else ()


def _room(line: Line, takes: Callable[[Line], bool]) -> int:
    """How many characters of `line` fit into a part, up to a good place to cut."""

    def fits(size: int) -> bool:
        return takes(line._replace(text=line.text[:size]))

    if not fits(1):
        raise ValueError("limit is smaller than the title and small print of a message")
    low, high = 1, len(line.text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return _border(line.text, low)


_LINK = re.compile(r"https?://[!-~]+")
_PAUSE = re.compile(r"[\s，。；：、！？,;)）】》]")
_JOINED = re.compile("[\u200d\ufe0f\u20e3\U0001f3fb-\U0001f3ff]")  # belongs to the emoji before it


def _border(text: str, size: int) -> int:
    """The best place to cut `text` at or before `size`: outside links, after a pause in the last half if any."""
    for link in _LINK.finditer(text):
        if 0 < link.start() < size < link.end():
            return link.start()
    for place in range(size, size // 2, -1):
        if _PAUSE.match(text[place - 1]):
            return place
    while size > 1 and (_JOINED.match(text[size : size + 1]) or text[size - 1] == "\u200d"):
        size -= 1
    return size


def _pack(lines: Sequence[Line], fits: Callable[[Sequence[Line]], bool]) -> list[list[Line]]:
    """Fills parts in order; a heading moves on with the line it announces."""
    groups: list[list[Line]] = [[]]
    for line in lines:
        if groups[-1] and not fits([*groups[-1], line]):
            moved = _heading(groups[-1]) if len(groups[-1]) > 1 and fits([groups[-1][-1], line]) else ()
            del groups[-1][len(groups[-1]) - len(moved) :]
            groups.append([*moved])
        groups[-1].append(line)
    return groups
