"""docs/glossary.md, read back: words of rules and messages, and the names that several rooms of the code share."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from bot.core.rules.item import State
from bot.core.rules.rulebook import Basis, Delivery, Role
from bot.core.telling.entry import EntryState
from bot.rule_kinds import kinds
from tests.project.test_imports import MODULES, room

ROOT = Path(__file__).parents[2]
FIELD, CODE = (ROOT / "docs" / "glossary.md").read_text("utf-8").split("## Names in the code")
WORDS = set(re.findall(r"[a-z]+", " ".join(re.findall(r"^\| ([^|]+) \|", FIELD, re.MULTILINE))))
ROWS = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \| `bot/([\w/]+?)/?` \| \S", CODE, re.MULTILINE)
MANY = 3  # rooms that import a class: then a stranger meets it


def shared() -> set[str]:
    """Classes of ours that are imported by many rooms."""
    rooms = defaultdict[str, set[str]](set)
    for module, path in MODULES.items():
        for name in classes_imported(ast.parse(path.read_text("utf-8"))):
            rooms[name].add(room(module))
    return {name.rpartition(".")[2] for name, users in rooms.items() if len(users) >= MANY}


def classes_imported(tree: ast.Module) -> Iterator[str]:
    """Full names of the classes of ours that a module imports, by the place where they are defined."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "bot":
            found = (getattr(import_module(str(node.module)), alias.name, None) for alias in node.names)
            classes = (one for one in found if isinstance(one, type) and one.__module__.startswith("bot."))
            yield from (f"{one.__module__}.{one.__name__}" for one in classes)


def words_of(name: str) -> set[str]:
    """PreviewTelling is {preview, telling}; a form is called by what it is a form of."""
    return {word.lower() for word in re.findall(r"[A-Z][a-z]+", name.removesuffix("Form") or name)}


@pytest.mark.parametrize(
    "word",
    [str(word) for words in (State, Role, Delivery, Basis) for word in words if word not in (State.NOTED,)]
    + [str(state) for state in EntryState]
    + list(kinds()),
)
def test_every_word_of_rules_and_messages_is_there(word: str) -> None:
    assert word in FIELD


def test_every_class_that_many_rooms_import_is_there() -> None:
    named = {name for names, _ in ROWS for name in re.findall(r"\w+", names)}
    found = shared()
    assert len(found) > 40
    assert {name for name in found - named if not words_of(name) <= WORDS} == set()


def test_every_name_of_the_code_lives_in_the_room_it_is_listed_under() -> None:
    for names, folder in ROWS:
        trees = [ast.parse(path.read_text("utf-8")) for path in (ROOT / "bot" / folder).glob("*.py")]
        defined = {
            node.name for tree in trees for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef)
        }
        assert set(re.findall(r"\w+", names)) <= defined, folder


def test_no_name_is_explained_twice() -> None:
    named = [name for names, _ in ROWS for name in re.findall(r"\w+", names)]
    assert len(ROWS) == len(re.findall(r"^\| `", CODE, re.MULTILINE))
    assert sorted(set(named)) == sorted(named)
