"""The word somebody probably meant: near matches for the help in an error."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence


def near(word: str, known: Iterable[str]) -> str:
    """The known word most like `word`, or nothing when none is."""
    found = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return found[0] if found else ""


def only_near(word: str, known: Iterable[str]) -> str:
    """The one known word that differs from `word` so little that it must be meant, or nothing."""
    found = difflib.get_close_matches(word, list(known), n=2, cutoff=0.7)
    return found[0] if len(found) == 1 else ""


def suggest(word: str, known: Sequence[str]) -> str:
    """是不是“…”？, else the words there are (at most twelve)."""
    match = near(word, known)
    if match:
        return f"是不是“{match}”？"
    return f"可以写：{'、'.join(known[:12])}{'等' if len(known) > 12 else ''}" if known else ""
