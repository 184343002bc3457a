"""Edits a rule file without changing anything else: comments, order, quotes and line breaks stay.

Every edit replaces a few characters of the text. The same change is made to the plain data, and the new text must read as
this data. Where the file's notation does not allow the edit (references, comments inside brackets), it is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any

import yaml

from bot.rulefiles.text.edit import Edit
from bot.rulefiles.text.problems import Path
from bot.rulefiles.text.slips import decode
from bot.rulefiles.text.tree import LOADER, NULLS, read

Value = str | Sequence[str] | Mapping[str, Any]
_BOM = b"\xef\xbb\xbf"
_FLOW = re.compile(r"[\w（）《》][\w（）《》.%/-]*")
_BLOCK = re.compile(r"[\w（《][^:#,\[\]{}\n\t\\\"'&*!|>%@`]*")
_STALE = re.compile(r"[ \t]+#[ \t]*待填[ \t]*(?=\r?\n|$)")


class SpliceError(Exception):
    """A file's notation does not allow the edit (Chinese, without a full stop)."""


class Splice:
    """One rule file being edited: request changes, then call `result()`."""

    def __init__(self, name: str, raw: bytes) -> None:
        text = decode(raw, name)
        tree = read(raw, name)[0]
        if not isinstance(text, str) or tree is None:
            raise SpliceError(f"{name} 读不了，不便自动改动")
        self.name, self._text, self._bom = name, text, _BOM if raw.startswith(_BOM) else b""
        self._root: Any = yaml.compose(text, Loader=LOADER)
        self.data: Any = deepcopy(tree.data)
        self._edits: list[Edit] = []
        self._soft: list[Edit] = []  # edits of renames; another edit of the same place replaces them
        self._newline = "\r\n" if "\r\n" in text else "\n"
        self._shared = _shared(self._root)

    # --- changes ---

    def put(self, path: Path, key: str, value: Value, order: Sequence[str] = ()) -> None:
        """Sets a key of the mapping at `path`; a new key is inserted after those that precede it in `order`."""
        node = self._mapping(path)
        _at(self.data, path)[key] = deepcopy(value)
        found = next((pair for pair in node.value if pair[0].value == key), None)
        if found is None:
            self._insert(node, key, value, order)
        else:
            self._set(found[0], found[1], value)

    def drop(self, path: Path, key: str) -> None:
        """Removes a key of the mapping at `path` with its lines; if they contain a comment, removes only the value."""
        node = self._mapping(path)
        at = next((at for at, pair in enumerate(node.value) if pair[0].value == key), None)
        if at is None:
            return
        start, end = self._extent(node, at)
        if "#" in self._text[start:end]:
            _at(self.data, path)[key] = None
            key_node, value_node = node.value[at]
            self._edits.append(Edit(self._colon(key_node), self._end(value_node), ""))
        else:
            _at(self.data, path).pop(key, None)
            self._edits.append(Edit(start, end, ""))

    def append(self, path: Path, key: str, entry: Mapping[str, Value], *, flow: bool = False) -> Path:
        """Appends an entry to the list under `key` of the mapping at `path`; returns the entry's path."""
        node = self._mapping(path)
        here = _at(self.data, path)
        entries = here.get(key) or []
        here[key] = [*entries, deepcopy(dict(entry))]
        found = next((pair[1] for pair in node.value if pair[0].value == key), None)
        if entries and isinstance(found, yaml.SequenceNode) and not found.flow_style:
            column, at = found.start_mark.column, self._line_end(self._last(found))
            gap = self._newline if self._spaced(found) else ""
            self._edits.append(Edit(at, at, self._newline + gap + self._entry(entry, column, flow)))
        elif entries or found is not None:
            raise self._awkward(found)
        else:
            at = len(self._text.rstrip())
            self._edits.append(Edit(at, at, f"{self._newline * 2}{key}:{self._newline}" + self._entry(entry, 2, flow)))
        return (*path, key, len(entries))

    def rename(self, old: str, new: str, but: Iterable[str]) -> int:
        """Replaces every value equal to `old` by `new`, except under the keys `but`; returns how many there were."""
        found = list(_scalars(self._root, old, frozenset(but)))
        for node in found:
            self._soft.append(Edit(node.start_mark.index, self._end(node), self._styled(node, new)))
        self.data = _renamed(self.data, old, new, frozenset(but))
        return len(found)

    def result(self) -> bytes:
        """The edited file. Raises SpliceError if it does not read as the changed data."""
        edits = self._edits + [one for one in self._soft if not any(_overlap(one, other) for other in self._edits)]
        text = self._text
        last = len(text) + 1
        for _, edit in sorted(enumerate(edits), key=lambda one: (one[1].start, one[0]), reverse=True):
            if edit.end > last:
                raise SpliceError(f"{self.name} 里要改的地方互相重叠，不便自动改动，请手工改")
            text, last = edit.on(text), edit.start
        raw = self._bom + text.encode()
        tree = read(raw, self.name)[0]
        if tree is None or tree.data != self.data:
            raise SpliceError(f"{self.name} 的写法不便自动改动，请手工改")
        return raw

    # --- places ---

    def line(self, path: Path) -> int:
        """The line (from 1) of `path` in the old file; for a key that does not exist, the line of its mapping."""
        node: yaml.Node = self._root
        for part in path:
            below = _child(node, part)
            if below is None:
                break
            node = below
        return int(node.start_mark.line) + 1

    def _mapping(self, path: Path) -> yaml.MappingNode:
        node: yaml.Node = self._root
        for part in path:
            below = _child(node, part)
            if below is None:
                raise self._awkward(node)
            node = below
        if not isinstance(node, yaml.MappingNode) or id(node) in self._shared:
            raise self._awkward(node)
        return node

    def _awkward(self, node: yaml.Node | None) -> SpliceError:
        line = f":{node.start_mark.line + 1}" if node is not None else ""
        return SpliceError(f"{self.name}{line} 的写法不便自动改动，请手工改")

    def _colon(self, key: yaml.Node) -> int:
        """The offset after a key's colon."""
        return self._text.index(":", key.end_mark.index) + 1

    def _last(self, node: yaml.Node) -> int:
        """The offset where a node's content ends; the parser's own end includes blank lines and comments after a block."""
        if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
            tail = node.value[-1]
            if isinstance(tail, tuple):
                return max(self._last(tail[1]), self._colon(tail[0]))
            return self._last(tail)
        return self._end(node)

    def _end(self, node: yaml.Node) -> int:
        start, end = int(node.start_mark.index), int(node.end_mark.index)
        return start + len(self._text[start:end].rstrip())

    def _line_end(self, at: int) -> int:
        found = re.compile(r"\r?\n").search(self._text, at)
        return found.start() if found else len(self._text)

    def _line_start(self, at: int) -> int:
        return self._text.rfind("\n", 0, at) + 1

    def _extent(self, node: yaml.MappingNode, at: int) -> tuple[int, int]:
        """Start and end of the text to remove with a pair."""
        key, value = node.value[at]
        end = max(self._last(value), self._colon(key))
        if not node.flow_style:
            start = self._line_start(key.start_mark.index)
            if self._text[start : key.start_mark.index].strip():  # the first key of a list entry, after its dash
                raise self._awkward(key)
            return start, min(self._line_end(end) + len(self._newline), len(self._text))
        if at:
            before = node.value[at - 1]
            return max(self._last(before[1]), self._colon(before[0])), end
        return key.start_mark.index, node.value[1][0].start_mark.index if len(node.value) > 1 else end

    def _spaced(self, node: yaml.SequenceNode) -> bool:
        """Whether the entries are separated by empty lines."""
        tops = [entry.start_mark.index for entry in node.value[1:]]
        return bool(tops) and all(re.search(r"\n[ \t]*\r?\n", self._text[max(0, top - 300) : top]) for top in tops[-1:])

    # --- characters ---

    def _set(self, key: yaml.Node, node: yaml.Node, value: Value) -> None:
        start, end = int(node.start_mark.index), self._end(node)
        if self._text[start : start + 1] in ("&", "*", "!") or id(node) in self._shared:
            raise self._awkward(node)
        empty = isinstance(node, yaml.ScalarNode) and start == end
        if empty or (isinstance(node, yaml.ScalarNode) and node.style in ("|", ">")):
            start = self._colon(key)
            end = start if empty else end
            self._edits.append(Edit(start, end, " " + self._flow(value, inline=not isinstance(value, str))))
            if empty and (stale := _STALE.match(self._text, start)):
                self._edits.append(Edit(stale.start(), stale.end(), ""))
        elif isinstance(value, str) and isinstance(node, yaml.ScalarNode):
            self._edits.append(Edit(start, end, self._styled(node, value)))
        elif isinstance(node, yaml.SequenceNode) and not isinstance(value, str | Mapping):
            self._edits.append(self._relisted(node, value))
        elif isinstance(node, yaml.ScalarNode):
            self._edits.append(Edit(start, end, self._flow(value)))
        else:
            raise self._awkward(node)

    def _styled(self, node: yaml.ScalarNode, value: str) -> str:
        """The text in the same quotes as the old value."""
        if node.style == '"' or (node.style == "'" and "'" in value):
            return quoted(value)
        if node.style == "'" and value.isprintable():
            return f"'{value}'"
        column = self._text[self._line_start(node.start_mark.index) : node.start_mark.index]
        return scalar(value, inline=any(sign in column for sign in "[{"))

    def _relisted(self, node: yaml.SequenceNode, value: Sequence[str]) -> Edit:
        """An edit that gives the list these entries; entries that stay keep their text, their line and its comment."""
        start, end = int(node.start_mark.index), self._last(node)
        if node.flow_style:
            if "#" in self._text[start:end]:
                raise self._awkward(node)
            old = {str(one.value): self._text[one.start_mark.index : self._end(one)] for one in node.value}
            return Edit(start, end, f"[{', '.join(old.get(one) or scalar(one, inline=True) for one in value)}]")
        if not value:
            raise self._awkward(node)
        tops = [self._text.rindex("-", 0, one.start_mark.index) for one in node.value]
        ends = [*(self._line_start(top) for top in tops[1:]), self._line_end(end)]
        chunks = {
            str(one.value): self._text[top:stop].rstrip() for one, top, stop in zip(node.value, tops, ends, strict=True)
        }
        indent = self._newline + " " * int(node.start_mark.column)
        return Edit(start, ends[-1], indent.join(chunks.get(one) or f"- {scalar(one)}" for one in value))

    def _insert(self, node: yaml.MappingNode, key: str, value: Value, order: Sequence[str]) -> None:
        earlier = order[: order.index(key)] if key in order else order
        known = [at for at, pair in enumerate(node.value) if pair[0].value in earlier]
        at = max(known, default=len(node.value) - 1)
        before_key, before = node.value[at]
        end = max(self._last(before), self._colon(before_key))
        if node.flow_style:
            self._edits.append(Edit(end, end, f", {key}: {self._flow(value)}"))
            return
        end = self._line_end(end)
        line = f"{key}: {self._flow(value, inline=not isinstance(value, str))}"
        self._edits.append(Edit(end, end, self._newline + " " * int(node.start_mark.column) + line))

    def _flow(self, value: Value, inline: bool = True) -> str:
        if isinstance(value, str):
            return scalar(value, inline=inline)
        if isinstance(value, Mapping):
            return "{" + ", ".join(f"{key}: {self._flow(one)}" for key, one in value.items()) + "}"
        return f"[{', '.join(scalar(one, inline=True) for one in value)}]"

    def _entry(self, entry: Mapping[str, Value], column: int, flow: bool) -> str:
        """The text of a new list entry: in braces, or with one key on each line."""
        if flow:
            inside = ", ".join(f"{key}: {self._flow(value)}" for key, value in entry.items())
            return f"{' ' * column}- {{{inside}}}"
        lines = [f"{key}: {self._flow(value, inline=not isinstance(value, str))}" for key, value in entry.items()]
        return f"{' ' * column}- " + (self._newline + " " * (column + 2)).join(lines)


def quoted(text: str) -> str:
    """A text in English double quotes."""
    safe = json.dumps(text, ensure_ascii=False)
    return re.sub("[\x7f-\x9f\u2028\u2029\ufeff]", lambda odd: f"\\u{ord(odd[0]):04x}", safe)


def scalar(text: str, *, inline: bool = False) -> str:
    """A text as a YAML scalar: without quotes if it is read back unchanged, else in quotes."""
    bare = (_FLOW if inline else _BLOCK).fullmatch(text) and text not in NULLS and text == text.strip()
    return text if bare and text.isprintable() else quoted(text)


def _child(node: yaml.Node, part: str | int) -> yaml.Node | None:
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part]  # type: ignore[no-any-return]
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == part), None)
    return None


def _at(data: Any, path: Path) -> Any:
    for part in path:
        data = data[part]
    return data


def _shared(root: Any) -> frozenset[int]:
    """Ids of nodes that occur at more than one place, by “&” and “*”."""
    seen: set[int] = set()
    twice: set[int] = set()
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            twice.add(id(node))
            continue
        seen.add(id(node))
        waiting.extend(child for _, child in _below(node))
    return frozenset(twice)


def _below(node: yaml.Node) -> Iterator[tuple[str, yaml.Node]]:
    if isinstance(node, yaml.MappingNode):
        yield from ((str(key.value), value) for key, value in node.value)
    elif isinstance(node, yaml.SequenceNode):
        yield from (("", value) for value in node.value)


def _scalars(root: yaml.Node, text: str, but: frozenset[str]) -> Iterator[yaml.ScalarNode]:
    waiting = [("", root)]
    while waiting:
        _, node = waiting.pop()
        if isinstance(node, yaml.ScalarNode) and node.value == text:
            yield node
        waiting.extend((key, child) for key, child in _below(node) if key not in but)


def _renamed(data: Any, old: str, new: str, but: frozenset[str]) -> Any:
    if isinstance(data, dict):
        return {key: value if key in but else _renamed(value, old, new, but) for key, value in data.items()}
    if isinstance(data, list):
        return [_renamed(value, old, new, but) for value in data]
    return new if data == old else data


def _overlap(one: Edit, other: Edit) -> bool:
    return one.start < other.end and other.start < one.end
