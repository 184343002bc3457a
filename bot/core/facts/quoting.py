"""A reason that a person typed, as others may read it."""

from __future__ import annotations

import re

LONGEST = 80  # characters
_LINK = re.compile(r"(?:https?://|www\.)[!-~]+", re.IGNORECASE)
_NUMBER = re.compile(r"\d{11,}[Xx]?")  # telephones, and numbers of identity cards
_HOST_DOT = re.compile(r"(?<=[A-Za-z])\.(?=[A-Za-z])")  # clients make links of what looks like a host
_MARKS = str.maketrans({mark: chr(ord(mark) + 0xFEE0) for mark in "@<>[]*`_~|\\&#"})


def quoted(text: str) -> str:
    """The text as a part of a sentence: one short line that links nowhere, rings nobody and gives no number of a person."""
    line = "".join(sign for sign in " ".join(text.split()) if sign.isprintable())
    line = _HOST_DOT.sub("．", _NUMBER.sub("…", _LINK.sub("（链接略）", line))).translate(_MARKS).rstrip("。.；;，, ")
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"
