"""Text from people, made harmless for a chat client and still readable.

Most platforms document no escape, so markdown's own characters become full-width ones (`*` → `＊`): every client shows them,
and none reads them as mark-up. Links stay links.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache

from bot.core.telling.message import Line, LineKind, Message, Paint

_BREAKS = re.compile(r"[\t-\r\x1c-\x1f\x85\u2028\u2029]+")
# Control, zero-width and direction marks, blank letters, tags: nothing a reader sees, much that can mislead one.
_UNSEEN = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200c\u200e\u200f"
    "\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0e\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\U000e0000-\U000e0fff]"
)
_EMOJI = "\u2190-\u2bff\U0001f000-\U0001faff"
_LOOSE_JOINER = re.compile(f"(?<![{_EMOJI}\ufe0f])\u200d|\u200d(?![{_EMOJI}])")  # only emoji are joined by U+200D
_SURROGATE = re.compile("[\ud800-\udfff]")
# Most texts hold none of these: one search then does instead of four.
_ODD = re.compile("|".join((_BREAKS.pattern, _UNSEEN.pattern, "\u200d", _SURROGATE.pattern)))

# Host without user name, then a path of characters that no markdown gives a meaning inside a link.
_LINK = re.compile(r"(https?://([A-Za-z0-9.-]+(?::\d{1,5})?)(?:[/?#][\w\-.~/?=&%:@#+,;]*[\w\-~/=&%#+])?/?)", re.ASCII)

_WIDE = str.maketrans({mark: chr(ord(mark) + 0xFEE0) for mark in "<>[]*`_~|\\&"})
_LIST_MARK = re.compile(r"^(?:[#+=-]|\d{1,9}[.)](?= |$))")  # what makes a heading, list or rule at the start of a line

#: The mark-up that the dialects write, and what is left of each for a reader.
_MARK_UP = re.compile(
    r"^(?:#{1,6}|>) |\*\*(?P<bold>[^*\n]+)\*\*|</?(?:font|text_tag)[^<>\n]*>|\[(?P<host>[^\[\]\n]+)\]\(https?://[^()\s]+\)",
    re.MULTILINE,
)

_MOBILE = re.compile(r"1\d{10}|\+\d{1,4}-?\d{5,14}")
_USER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}")


def plain(text: str) -> str:
    """One line without invisible characters: breaks become a space, half characters the replacement mark."""
    if not _ODD.search(text):
        return text.strip(" ")
    text = _SURROGATE.sub("\ufffd", _BREAKS.sub(" ", text))
    return _LOOSE_JOINER.sub("", _UNSEEN.sub("", text)).strip(" ")


def widened(text: str) -> str:
    """Markdown's characters as full-width ones."""
    return text.translate(_WIDE)


def unlisted(text: str) -> str:
    """The text so that its start makes no heading, list or rule: `1. ` → `1．`, because clients renumber lists."""
    return _LIST_MARK.sub(lambda found: found[0][:-1] + chr(ord(found[0][-1]) + 0xFEE0), text)


def linked(text: str, escape: Callable[[str], str]) -> str:
    """`text` escaped, its bare addresses as links that show the host they lead to."""
    pieces = _LINK.split(text)
    shown = [escape(pieces[0])]
    for url, host, after in zip(pieces[1::3], pieces[2::3], pieces[3::3], strict=True):
        shown.append(f"[{host}{'' if url.endswith(host) else '/…'}]({url}){escape(after)}")
    return "".join(shown)


def bare_linked(text: str, escape: Callable[[str], str]) -> str:
    """`text` escaped, its bare addresses left as they are: the client itself makes them links."""
    pieces = _LINK.split(text)
    return escape(pieces[0]) + "".join(
        url + escape(after) for url, after in zip(pieces[1::3], pieces[3::3], strict=True)
    )


@dataclass(frozen=True, slots=True)
class Brush:
    """How one platform writes: `escape` for people's text, `colours` as (before, after) around a state's word."""

    escape: Callable[[str], str]
    colours: dict[Paint, tuple[str, str]]

    def line(self, line: Line) -> str:
        """The line's text, escaped and linked, its light painted."""
        return _painted(line.text, line.light, self.colours.get(line.paint, ("", "")), self.escape)


@lru_cache(maxsize=1024)  # a message is measured before it is written, and its small print is that of others too
def _painted(text: str, light: str, colour: tuple[str, str], escape: Callable[[str], str]) -> str:
    text, light = unlisted(plain(text)), plain(light)
    before, after = colour
    head, found, tail = text.partition(light) if light and before else (text, "", "")
    painted = f"{before}{escape(found)}{after}" if found else ""
    return linked(head, escape) + painted + linked(tail, escape)


def small_print(message: Message) -> list[Line]:
    """The foot, and the message's number unless the foot already says it."""
    foot = list(message.foot)
    if message.number and not any(message.number in line.text for line in foot):
        foot.append(Line(f"编号 {message.number}", LineKind.NOTE))
    return foot


def texts(lines: Iterable[Line]) -> list[str]:
    """The lines as plain text, empty ones left out."""
    return [text for line in lines if (text := plain(line.text))]


def as_text(message: Message) -> list[str]:
    """The whole message in `text` style: no mark-up, so nothing needs escaping but a platform's own mentions."""
    return [plain(message.headline), *texts(message.lines), *texts(small_print(message))]


def mentioned(message: Message) -> tuple[list[str], list[str]]:
    """Mobile numbers and user ids to ring. Everyone (`all`) is never rung, nor anything that is neither."""
    mobiles = [who for who in message.mentions if _MOBILE.fullmatch(who)]
    users = [who for who in message.mentions if who not in mobiles and _USER.fullmatch(who) and who.lower() != "all"]
    return mobiles, users


def as_read(text: str) -> str:
    """What a request said (`words_of`) as its readers saw it: no mark-up, no entities, no empty lines, the title once."""
    shown = html.unescape(_MARK_UP.sub(lambda found: found["bold"] or found["host"] or "", text))
    lines = [line.strip() for line in shown.splitlines() if line.strip()]
    twice = len(lines) > 1 and widened(lines[0]) == widened(lines[1])
    return "\n".join(lines[twice:])


def missing_keyword(keyword: str, *shown: str) -> str:
    """The keyword as a line of its own when nothing shown holds it, else empty."""
    word = plain(keyword)
    return "" if any(word in text for text in shown) else word
