"""The self-audit: what should have been told, worked out a second time by another way, against what was told.

Shares with the engine what rules say, and nothing of how the engine decides. May import the rooms of `core` below it."""
