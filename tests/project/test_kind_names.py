"""No code outside a kind's own file asks for a kind by its name: what is special about it is a property of the kind."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.rule_kinds import kinds

BOT = Path(__file__).parents[2] / "bot"
NAMES = frozenset(kinds())
MODULES = sorted(path for path in BOT.rglob("*.py") if not path.is_relative_to(BOT / "rule_kinds"))


def asked_by_name(tree: ast.Module) -> Iterator[int]:
    """Lines with a kind's name in a comparison, membership, match, subscript, key of a dict, or constant of a module."""
    for node in ast.walk(tree):
        for part in (*_decisive(node), *(_constants(node) if node in tree.body else ())):
            if any(isinstance(one, ast.Constant) and one.value in NAMES for one in ast.walk(part)):
                yield part.lineno


def _decisive(node: ast.AST) -> Iterator[ast.expr]:
    match node:
        case ast.Compare(left=left, comparators=comparators):
            yield from (left, *comparators)
        case ast.Subscript(slice=key) | ast.MatchValue(value=key):
            yield key
        case ast.Dict(keys=keys):
            yield from (key for key in keys if key is not None)
        case ast.Call(func=ast.Attribute(attr="get" | "startswith" | "endswith"), args=[key, *_]):
            yield key


def _constants(node: ast.AST) -> Iterator[ast.expr]:
    """The value of UNDATED = "待定" or PLAIN = frozenset({"节点", "周期"}): nothing but names of kinds."""
    if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
        words = {one.value for one in ast.walk(node.value) if isinstance(one, ast.Constant)}
        yield from [node.value] if words <= NAMES else []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(BOT)))
def test_a_kind_is_not_asked_for_by_its_name(path: Path) -> None:
    assert list(asked_by_name(ast.parse(path.read_text("utf-8")))) == []


@pytest.mark.parametrize(
    "source",
    [
        'x = kind.name == "节点"',
        'x = "节点" != kind.name',
        'x = kind.name in ("达标", "预测")',
        'x = kinds()["报送"]',
        'x = kinds().get("报送")',
        'x = {"节点": 1}[kind.name]',
        'UNDATED = "待定"',
        'PLAIN = frozenset({"节点", "周期"})',
        'A, B = "待定", "达标"',
        'KINDS: set[str] = {"达标"}',
        'match kind.name:\n    case "趋势":\n        pass',
    ],
)
def test_asking_by_name_is_found(source: str) -> None:
    assert list(asked_by_name(ast.parse(source)))


@pytest.mark.parametrize(
    "source",
    [
        'print("待定")',
        'class A(Form):\n    cadence = Field(alias="周期")',
        'class A(StrEnum):\n    MET = "达标"',
        'KEYS = ("编号", "报送")',
        "x = {}",
    ],
)
def test_a_word_for_people_is_none(source: str) -> None:
    assert list(asked_by_name(ast.parse(source))) == []
