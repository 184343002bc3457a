"""F1–F37 are all here, under names that can be found, and docs/failures.md lists each with its tests."""

from __future__ import annotations

import ast
import re
from pathlib import Path

HERE = Path(__file__).parent
PAGE = (HERE.parents[1] / "docs" / "failures.md").read_text("utf-8")
NAMES = re.compile(r"test_f(\d\d)_\w+")
ROWS = re.compile(r"^\| F(\d+) \| (.+) \| (.+) \|$", re.MULTILINE)


def named() -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    trees = (ast.parse(path.read_text("utf-8")) for path in HERE.glob("test_*.py"))
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


def test_the_page_lists_every_number_once_and_in_order() -> None:
    assert [int(number) for number, _, _ in ROWS.findall(PAGE)] == list(range(1, 38))


def test_the_page_names_every_test_beside_its_number_and_no_other() -> None:
    listed = {(int(number), test) for number, _, tests in ROWS.findall(PAGE) for test in re.findall(r"`(\w+)`", tests)}
    assert listed == {(int(found[1]), node.name) for node in named() if (found := NAMES.match(node.name))}


def test_the_page_puts_every_test_under_the_file_that_holds_it() -> None:
    sections = re.findall(r"^In `tests/failures/(\w+\.py)`\.$(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    wrong = [
        (file, found[0])
        for file, section in sections
        for found in NAMES.finditer(section)
        if f"def {found[0]}(" not in (HERE / file).read_text("utf-8")
    ]
    assert len(sections) == 5
    assert wrong == []
