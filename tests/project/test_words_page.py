"""docs/规则写法.md, read back: every word of the grammar with its reading, every kind with its example."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.core.rules import words
from bot.core.time import cadence
from bot.core.time.grammar import Word
from bot.rule_kinds import kinds

PAGE = (Path(__file__).parents[2] / "docs" / "规则写法.md").read_text("utf-8")


def grammar() -> Iterator[type[Word]]:
    """Every kind of word an admin may write."""
    for module in (words, cadence):
        for found in vars(module).values():
            if isinstance(found, type) and issubclass(found, Word) and "examples" in vars(found):
                yield found


@pytest.mark.parametrize("kind", dict.fromkeys(grammar()), ids=lambda kind: kind.__name__)
def test_every_example_stands_there_with_its_reading(kind: type[Word]) -> None:
    section = PAGE.partition(f"\n## {kind.title}\n")[2].partition("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| ")][2:]
    assert {row[0] for row in rows} >= set(kind.examples)
    assert [row for row in rows if kind.parse(row[0]).words() != row[1]] == []


@pytest.mark.parametrize("name", kinds())
def test_every_kind_stands_there_with_its_example(name: str) -> None:
    assert f"### {name}（" in PAGE
    assert kinds()[name].example.rstrip() in PAGE
