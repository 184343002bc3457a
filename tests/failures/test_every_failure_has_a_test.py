"""F1–F37 are all here, under names that can be found."""

from __future__ import annotations

import ast
import re
from pathlib import Path

NAMES = re.compile(r"test_f(\d\d)_\w+")


def named() -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    trees = (ast.parse(path.read_text("utf-8")) for path in Path(__file__).parent.glob("test_*.py"))
    every = (node for tree in trees for node in tree.body)
    return [
        node for node in every if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and NAMES.match(node.name)
    ]


def test_each_of_the_thirty_seven_has_at_least_one_test() -> None:
    numbers = {int(found[1]) for node in named() if (found := NAMES.fullmatch(node.name))}
    assert numbers == set(range(1, 38))


def test_each_says_in_one_line_what_the_peer_did() -> None:
    said = {node.name: ast.get_docstring(node) or "" for node in named()}
    assert {name for name, text in said.items() if not text or "\n" in text} == set()
