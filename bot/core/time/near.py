"""What a typed word stands for: the word without slips of the keyboard, and near matches for the hint of an error."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable, Sequence


def squeezed(text: str) -> str:
    """The text with half-width characters and without blanks: ids, periods and dates as they are written in files."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text))


def near(word: str, known: Iterable[str]) -> str:
    """The known word most similar to `word`; empty when none is similar."""
    found = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return found[0] if found else ""


def only_near(word: str, known: Iterable[str]) -> str:
    """The known word very similar to `word`, if there is exactly one; else empty."""
    found = difflib.get_close_matches(word, list(known), n=2, cutoff=0.7)
    return found[0] if len(found) == 1 else ""


def suggest(word: str, known: Sequence[str]) -> str:
    """A hint 是不是“…”？ with the most similar word; without one, a list of at most twelve known words."""
    match = near(word, known)
    if match:
        return f"是不是“{match}”？"
    return f"可以写：{'、'.join(known[:12])}{'等' if len(known) > 12 else ''}" if known else ""
