"""A bubble as safe HTML: what each platform's client makes of its own mark-up, and everything else as plain text.

Text is escaped piece by piece; the only tags that come out are written here, and the only attributes that hold
anything from a message are a link's http(s) address and a list item's number.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from bot.drill.twin import Bubble
from bot.platforms import Client, platform

_INLINE = re.compile(
    r"\*\*(?P<bold>[^\n]+?)\*\*"
    r"|\[(?P<words>[^\[\]\n]*)\]\((?P<url>https?://[^\s()<>\"']+)\)"
    r"|<font color=[\"'](?P<colour>[a-z]+)[\"']>(?P<coloured>[^\n]*?)</font>"
    r"|<text_tag color=[\"'](?P<tag>[a-z]+)[\"']>(?P<tagged>[^\n]*?)</text_tag>"
    r"|<@(?P<user>[\w.@-]+)>|<at (?:user_)?id=\"?(?P<open_id>[\w.@-]+)\"?></at>"
)
_ONLY_MENTIONS = re.compile(r"<at user_id=\"(?P<open_id>[\w.@-]+)\"></at>")
_LAMP = re.compile(r"[红黄蓝绿]灯")
_LAMPS = {"红": "red", "黄": "yellow", "蓝": "blue", "绿": "green"}
_TAGS = {"red", "orange", "yellow", "green", "blue", "grey"}
_TEMPLATES = {"red", "orange", "green", "blue", "grey"}

_HEADING = re.compile(r"#{1,6} +(.+)")
_QUOTE = re.compile(r"> ?(.*)")
_POINT = re.compile(r"[-*] +(.+)")
_NUMBERED = re.compile(r"(\d{1,9})\. +(.+)")
_RULE = re.compile(r"-{3,}|\*{3,}")


def rendered(bubble: Bubble) -> str:
    """The message's body as HTML, safe whatever the message says."""
    client = platform(bubble.dialect).client
    if bubble.markup == "text":
        return f'<div class="text">{_plain(bubble.source, client)}</div>'
    card = bubble.payload.get("card")
    if client.cards and isinstance(card, dict):
        return _card(bubble.title, card, client)
    return _markdown(bubble.source, client)


# --- inside a line ----------------------------------------------------------------


def _escaped(text: str, client: Client) -> str:
    """Text without mark-up; a lamp's word wears its colour."""
    safe = html.escape(html.unescape(text) if client.entities else text)
    return _LAMP.sub(lambda found: f'<span class="lamp {_LAMPS[found[0][0]]}">{found[0]}</span>', safe)


def _inline(text: str, client: Client) -> str:
    return "".join(_pieces(text, _INLINE, client))


def _pieces(text: str, pattern: re.Pattern[str], client: Client) -> Iterator[str]:
    place = 0
    for found in pattern.finditer(text):
        yield _escaped(text[place : found.start()], client)
        yield _marked(found.groupdict(), client) or _escaped(found[0], client)
        place = found.end()
    yield _escaped(text[place:], client)


def _marked(found: Mapping[str, str | None], client: Client) -> str:
    """One construct as HTML, or empty when this client does not know it."""
    if (bold := found.get("bold")) is not None:
        return f"<strong>{_inline(bold, client)}</strong>"
    if (url := found.get("url")) is not None:
        words = _escaped(found["words"] or url, client)
        return f'<a href="{html.escape(url)}" target="_blank" rel="noopener noreferrer nofollow">{words}</a>'
    if (coloured := found.get("coloured")) is not None:
        colour = client.colours.get(found["colour"] or "")
        return f'<span class="paint {colour}">{_inline(coloured, client)}</span>' if colour else ""
    if (tagged := found.get("tagged")) is not None:
        known = client.entities and found["tag"] in _TAGS
        return f'<span class="tag {found["tag"]}">{_inline(tagged, client)}</span>' if known else ""
    who = found.get("user") or found.get("open_id") or ""
    return f'<span class="mention">@{html.escape(who)}</span>' if who else ""


def _plain(source: str, client: Client) -> str:
    """The `text` style: no mark-up but, on some platforms, mentions."""
    if client.text_mentions:
        return "".join(_pieces(source, _ONLY_MENTIONS, Client()))
    return _escaped(source, Client())


# --- lines and paragraphs ---------------------------------------------------------


def _markdown(source: str, client: Client) -> str:
    lines = source.split("\n") if client.keeps_breaks else _paragraphs(source)
    return _joined([_line(line, client) for line in lines if line.strip()])


def _paragraphs(source: str) -> list[str]:
    """Lines as a client sees them that swallows single breaks, but for those before a mark."""
    return re.sub(r"(?<!\n)\n(?!\n|#{1,6} |> |[-*] |\d{1,9}\. )", " ", source).split("\n")


def _line(line: str, client: Client) -> tuple[str, str]:
    """The block a line belongs to (adjacent lines of the same one share it), and the line's HTML."""
    if client.headings and (found := _HEADING.fullmatch(line)):
        return "", f"<h3>{_inline(found[1], client)}</h3>"
    if client.quotes and (found := _QUOTE.fullmatch(line)):
        return "blockquote", f"<p>{_inline(found[1], client)}</p>"
    if client.lists and _RULE.fullmatch(line):
        return "", "<hr>"
    if client.lists and (found := _POINT.fullmatch(line)):
        return "ul", f"<li>{_inline(found[1], client)}</li>"
    if client.lists and (found := _NUMBERED.fullmatch(line)):
        return "ol", f'<li value="{int(found[1])}">{_inline(found[2], client)}</li>'
    return "", f"<p>{_inline(line, client)}</p>"


def _joined(lines: list[tuple[str, str]]) -> str:
    """The lines' HTML, with the blocks opened and closed around them."""
    shown, before = [], ""
    for block, line in [*lines, ("", "")]:
        if block != before:
            shown += [f"</{before}>"] if before else []
            shown += [f"<{block}>"] if block else []
        shown.append(line)
        before = block
    return "".join(shown)


# --- a card of schema 1.0 ---------------------------------------------------------


def _card(title: str, card: Mapping[str, Any], client: Client) -> str:
    colour = card["header"].get("template", "blue")
    header = f'<h3 class="card-head {colour if colour in _TEMPLATES else "blue"}">{html.escape(title)}</h3>'
    return header + "".join(_ELEMENTS[element["tag"]](element, client) for element in card["elements"])


def _text_of(element: Mapping[str, Any], client: Client) -> str:
    content = str(element["content"])
    if element["tag"] == "lark_md":
        return _markdown(content, client)
    return f"<p>{_escaped(content, Client())}</p>"


def _div(element: Mapping[str, Any], client: Client) -> str:
    return f"<div>{_text_of(element['text'], client)}</div>"


def _note(element: Mapping[str, Any], client: Client) -> str:
    shown = "".join(_text_of(one, client) for one in element["elements"])
    return f'<div class="note">{shown}</div>'


_ELEMENTS: Mapping[str, Callable[[Mapping[str, Any], Client], str]] = {
    "div": _div,
    "note": _note,
    "hr": lambda *_: "<hr>",
}
