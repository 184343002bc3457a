"""Reads YAML as plain data with the place of every key and value; the forms convert the types.

Only PyYAML's `compose()` is used: scalars stay text (0571, NO and 12:30 are not converted), and an empty value is None. Typical
errors of Chinese keyboards and editors are looked for here, because the parser would report another line or nothing.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from bot.rulefiles.text.problems import START, Path, Place, Problem
from bot.rulefiles.text.slips import (
    BRACKET_WORDS,
    complaint,
    decode,
    odd_indents,
    separators,
    split_lines,
    wrapped_in_brackets,
    wrapped_in_curly,
)

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
MAX_NODES = 40_000  # the largest file of a county has about 2,000
MAX_DEPTH = 60
PLAIN_TAGS = frozenset(
    f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "timestamp", "merge", "value")
)
NULLS = frozenset({"", "~", "null", "Null", "NULL"})


@dataclass(frozen=True, slots=True)
class Tree:
    """One file. `damaged` are paths with a reported problem; no further problem is reported at or under them."""

    data: Any
    values: Mapping[Path, Place]
    keys: Mapping[Path, Place]
    damaged: frozenset[Path] = frozenset()

    def find(self, loc: Path) -> Path:
        """The path in the file for pydantic's `loc`: parts that do not exist in the file (tags, missing keys) are left out."""
        path: Path = ()
        for part in loc:
            if (*path, part) in self.values:
                path = (*path, part)
        return path

    def place(self, path: Path, *, key: bool = False) -> Place:
        """Where the value (or with `key` the key) at `path` begins; for a path not in the file, at its nearest ancestor."""
        found = self.find(path)
        return self.keys.get(found, self.values[found]) if key else self.values[found]

    def get(self, path: Path) -> Any:
        """The data at an existing path."""
        here = self.data
        for part in path:
            here = here[part]
        return here

    def is_damaged(self, path: Path) -> bool:
        """Whether a problem is already reported at or above the path."""
        return any(path[:length] in self.damaged for length in range(len(path) + 1))


def read(raw: bytes, file: str, free_text: Collection[str] = ()) -> tuple[Tree | None, tuple[Problem, ...]]:
    """The file as a Tree (None if it cannot be read at all) and its problems. Never raises for bad content.

    `free_text` are the keys whose values may be in curly quotes, as quotations from the plan.
    """
    text = decode(raw, file)
    if isinstance(text, Problem):
        return None, (text,)
    lines = split_lines(text)
    try:
        _refuse_depth(text)
        root = yaml.compose(text, Loader=LOADER)
        if root is None:
            raise _RefusedError(START, "empty-file", "文件是空的", "填写内容，或删除这个文件")
        return _built(root, lines, file, free_text)
    except _RefusedError as refused:
        return None, (refused.problem(file),)
    except yaml.MarkedYAMLError as error:
        return None, complaint(error, lines, file)
    except (yaml.YAMLError, RecursionError) as error:
        return None, (Problem.at(file, START, "bad-yaml", f"文件无法读取（{type(error).__name__}）"),)


class _RefusedError(Exception):
    """The whole file is refused for one reason."""

    def __init__(self, place: Place, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.parts = (place, code, message, hint)

    def problem(self, file: str) -> Problem:
        return Problem.at(file, *self.parts)


def _too_deep(place: Place) -> _RefusedError:
    return _RefusedError(place, "too-deep", f"层次太多，超过{MAX_DEPTH}层", "规则文件不需要这么多层，请检查括号和缩进")


def _refuse_depth(text: str) -> None:
    """Refuses a text that may be nested too deeply: `compose` recurses in C and could overflow the process's stack.

    A block level needs more indentation and a flow level a bracket, so their sum bounds the depth without parsing.
    """
    bound = text.count("[") + text.count("{") + max(map(len, text.splitlines()), default=0)
    if bound <= 200:
        return
    depth = 0
    for event in yaml.parse(text, Loader=LOADER):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise _too_deep(_mark(event.start_mark))


def _mark(mark: Any) -> Place:
    return Place(mark.line + 1, mark.column + 1)


def _built(
    root: yaml.Node, lines: list[str], file: str, free_text: Collection[str]
) -> tuple[Tree | None, tuple[Problem, ...]]:
    builder = _Builder(lines, file, free_text)
    data = builder.build(root, (), "")
    indents = [
        Problem.at(file, place, *words) for place, words in odd_indents(lines) if place.line not in builder.inside
    ]
    tree = Tree(data, builder.values, builder.keys, frozenset(builder.damaged))
    return (None if indents else tree), (*indents, *builder.problems)


class _Builder:
    """Converts a node tree to plain data; collects places and problems."""

    def __init__(self, lines: list[str], file: str, free_text: Collection[str]) -> None:
        self.lines, self.file, self.free_text = lines, file, free_text
        self.values: dict[Path, Place] = {}
        self.keys: dict[Path, Place] = {}
        self.damaged: set[Path] = set()
        self.problems: list[Problem] = []
        self.inside: set[int] = set()  # lines inside quoted and block texts, whose indentation is not checked
        self.budget = MAX_NODES

    def build(self, node: yaml.Node, path: Path, key: str, in_list: bool = False) -> Any:
        """The plain data of a node. `key` is the nearest key above it."""
        self.budget -= 1
        place = _mark(node.start_mark)
        if self.budget < 0:
            raise _RefusedError(place, "too-many-nodes", "内容太多，可能是“&”“*”引用层层展开", "把引用的内容照写出来")
        if len(path) > MAX_DEPTH:
            raise _too_deep(place)
        self.values[path] = place
        if isinstance(node, yaml.MappingNode):
            self._refuse_tag(node, "map")
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            self._refuse_tag(node, "seq")
            return [self.build(child, (*path, i), key, bool(node.flow_style)) for i, child in enumerate(node.value)]
        assert isinstance(node, yaml.ScalarNode)
        return self._scalar(node, path, key, in_list)

    def _refuse_tag(self, node: yaml.Node, name: str) -> None:
        if node.tag != f"tag:yaml.org,2002:{name}" and not (name == "str" and node.tag in PLAIN_TAGS):
            raise _RefusedError(
                _mark(node.start_mark), "yaml-tag", "不能用“!”开头的标记", "需要感叹号时，用英文双引号把文字括起来"
            )

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key_node, value_node in node.value:
            name = self._key(key_node, path)
            here = (*path, name)
            bare = value_node.start_mark.index == key_node.end_mark.index  # there is no colon after it
            if node.flow_style and name.isdigit() and bare:
                self._say(key_node, "split-number", f"“{name}”前面的逗号把一个数分成了两截", "数字里不写逗号，如 2600")
                continue
            if name in data:
                self._say(key_node, "duplicate-key", *self._twice(name, here, key_node))
                continue
            value = self.build(value_node, here, name)
            self.keys[here] = _mark(key_node.start_mark)
            data[name] = value
        return data

    def _twice(self, name: str, path: Path, again: yaml.Node) -> tuple[str, str]:
        first, second = self.keys[path].line, again.start_mark.line + 1
        return f"“{name}”写了两次：第{first}行和第{second}行", "删去一个"

    def _key(self, node: yaml.Node, path: Path) -> str:
        if not isinstance(node, yaml.ScalarNode):
            raise _RefusedError(
                _mark(node.start_mark), "bad-key", "键只能是文字", "需要花括号或方括号时，用英文双引号括起来"
            )
        name = str(node.value)
        for place, words in separators(name, _mark(node.start_mark)) if not node.style else ():
            self._damage(path, place, words)
        if not node.style and wrapped_in_curly(name):
            self._damage(path, _mark(node.start_mark), ("curly-quotes", f"键{name}用了中文引号", "键不用引号"))
        return name

    def _scalar(self, node: yaml.ScalarNode, path: Path, key: str, in_list: bool) -> str | None:
        self._refuse_tag(node, "str")
        text = str(node.value)
        if node.style:
            self._mark_inside(node)
            return text
        self._check_plain(node, path, key, in_list)
        return None if text in NULLS else text

    def _mark_inside(self, node: yaml.Node) -> None:
        start, end = node.start_mark, node.end_mark
        last = end.line if end.column == 0 else end.line + 1
        self.inside.update(range(start.line + 2, last + 1))

    def _check_plain(self, node: yaml.ScalarNode, path: Path, key: str, in_list: bool) -> None:
        """Reports text that YAML accepts but reads differently than it was meant."""
        text, place = str(node.value), _mark(node.start_mark)
        if key not in self.free_text and wrapped_in_curly(text):
            hint = "去掉引号；文字本身要带引号时，再用英文双引号把它括起来"
            self._damage(path, place, ("curly-quotes", f"{text}用了中文引号，引号会成为文字的一部分", hint))
        if key not in self.free_text and wrapped_in_brackets(text):
            self._damage(path, place, BRACKET_WORDS)
        if in_list and (found := re.search("[，、；]", text)):
            words = ("full-width-comma", f"列表“{text}”里用了“{found[0]}”分隔", "列表各项之间用半角逗号“,”")
            self._damage(path, Place(place.line, place.column + found.start()), words)
        for where, words in self._run_on(node):
            self._damage(path[:-1], where, words)

    def _run_on(self, node: yaml.ScalarNode) -> Iterator[tuple[Place, tuple[str, str, str]]]:
        """Keys that became part of this text because their colon is not a YAML one: on a later line, or after a “，”."""
        start, end = node.start_mark, node.end_mark
        for number in range(start.line + 1, end.line + (end.column > 0)):
            yield from separators(self._line(number), Place(number + 1, 1))
        first = self._line(start.line)[start.column :] if end.line > start.line else str(node.value)
        for found in re.finditer(r"，(?=\s*([^\s，：:]{1,8})[：:])", first) if self._in_braces(node) else ():
            words = ("full-width-comma", f"“{found[1]}”前面用了全角逗号“，”", "改成半角逗号“,”，冒号也用半角“:”")
            yield Place(start.line + 1, start.column + 1 + found.start()), words

    def _in_braces(self, node: yaml.Node) -> bool:
        before = self._line(node.start_mark.line)[: node.start_mark.column]
        return before.count("{") > before.count("}")

    def _line(self, number: int) -> str:
        """A line by its number from 0; empty after the last line, where the C parser places an empty value at the end."""
        return self.lines[number] if number < len(self.lines) else ""

    def _damage(self, path: Path, place: Place, words: tuple[str, str, str]) -> None:
        self.damaged.add(path)
        self.problems.append(Problem.at(self.file, place, *words))

    def _say(self, node: yaml.Node, code: str, message: str, hint: str) -> None:
        self.problems.append(Problem.at(self.file, _mark(node.start_mark), code, message, hint))
