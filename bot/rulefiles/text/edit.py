"""One edit of a text: some of its characters become others."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Edit:
    """Characters `start` to `end` of a text become `new`."""

    start: int
    end: int
    new: str

    def on(self, text: str) -> str:
        """The text after this edit."""
        return text[: self.start] + self.new + text[self.end :]
