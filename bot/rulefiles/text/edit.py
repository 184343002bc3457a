"""One edit of a text."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Edit:
    """Replaces the characters from `start` up to `end` (exclusive) by `new`."""

    start: int
    end: int
    new: str

    def on(self, text: str) -> str:
        """The text after this edit."""
        return text[: self.start] + self.new + text[self.end :]
