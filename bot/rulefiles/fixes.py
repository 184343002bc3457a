"""`check --fix`: corrects errors in rule files that have only one possible meaning, and leaves all others to people.

Every edit replaces a few characters, so comments and layout stay. The file is read again after it, and the edit is kept only
if its problem is gone, no new problem appears before it, and the content of all other lines is unchanged.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path as FolderPath
from typing import Any

from bot.rulefiles.loader import FOLDER, FREE_TEXT, assemble, read_files
from bot.rulefiles.remedies import known_keys, offset_of, proposals, scalar_at, with_blanks
from bot.rulefiles.text.edit import Edit
from bot.rulefiles.text.problems import Problem
from bot.rulefiles.text.slips import decode, split_lines
from bot.rulefiles.text.tree import Tree, read

INDENTS = frozenset({"tab-indent", "full-width-space"})
MAX_ROUNDS = 400  # single edits of one file; one edit for each problem is tried all at once first
_BOM = "\ufeff"


@dataclass(frozen=True, slots=True)
class MendedLine:
    """One line of a file that was changed."""

    file: str
    line: int
    old: str
    new: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} 已改：{self.old} → {self.new}"


# --- files -----------------------------------------------------------------------------------------------------------


def mend_folder(folder: FolderPath) -> tuple[MendedLine, ...]:
    """Corrects the files of a folder; each file is replaced atomically. Raises OSError."""
    files = read_files(folder)
    mended, changes = mend(files)
    for name, raw in mended.items():
        replace_unchanged(folder / name, files[name], raw)
    return changes


def replace_unchanged(path: FolderPath, old: bytes, new: bytes) -> None:
    """Replaces a file's content atomically. Raises InterruptedError if the file is no longer `old`."""
    target = path.resolve()
    if target.read_bytes() != old:
        raise InterruptedError(f"{path.name} 刚刚被改过，请再运行一次")
    draft = target.with_name(f".{target.name}.{os.getpid()}")  # the loader ignores names that begin with a dot
    try:
        with draft.open("wb") as file:
            file.write(new)
            file.flush()
            os.fsync(file.fileno())
        draft.chmod(target.stat().st_mode & 0o777)
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def mend(files: Mapping[str, bytes]) -> tuple[dict[str, bytes], tuple[MendedLine, ...]]:
    """The corrected files by name, and every changed line. Idempotent: a second call changes nothing."""
    before = {name: text for name, raw in files.items() if (text := _text(raw)) is not None}
    after = {name: _mend_syntax(text) if name.endswith(".yaml") else text for name, text in before.items()}
    after = _mend_meaning({**files, **{name: text.encode() for name, text in after.items()}}, after)
    changed = {name: text.encode() for name, text in after.items() if name.endswith(".yaml")}
    changed = {name: raw for name, raw in changed.items() if raw != files[name]}
    changes = {name: tuple(_changes(name, files[name], before[name], after[name])) for name in changed}
    worth = _worth(files, changed, changes)
    return {name: changed[name] for name in worth}, tuple(one for name in worth for one in changes[name])


def _worth(
    files: Mapping[str, bytes], changed: Mapping[str, bytes], changes: Mapping[str, tuple[MendedLine, ...]]
) -> list[str]:
    """The files worth writing: with fewer errors, with a changed line that has none now, or with a corrected encoding."""
    if not changed:
        return []
    before = [one.file for one in assemble(files).problems if one.is_error]
    errors = [(one.file, one.line) for one in assemble({**files, **changed}).problems if one.is_error]
    return [
        name
        for name in changed
        if any((one.file, one.line) not in errors for one in changes[name])
        or sum(file == f"{FOLDER}/{name}" for file, _ in errors) < before.count(f"{FOLDER}/{name}")
    ]


def _text(raw: bytes) -> str | None:
    """The file as text without byte order mark; None if its encoding is uncertain."""
    found = decode(raw, "")
    if isinstance(found, str):
        return found
    if found.code != "gbk":
        return None
    text = raw.decode("gb18030")
    # Nearly any bytes are valid GB18030; only a known key proves that the text is meant so.
    return text if any(re.search(rf"(?m)^[\s\-{{]*{re.escape(key)}\s*[:：]", text) for key in known_keys()) else None


def _changes(name: str, raw: bytes, before: str, after: str) -> Iterator[MendedLine]:
    file = f"{FOLDER}/{name}"
    if raw.startswith(_BOM.encode()):
        yield MendedLine(file, 1, "文件开头的BOM标记", "去掉")
    elif raw != before.encode():
        yield MendedLine(file, 1, "GB18030编码", "UTF-8编码")
    for number, (old, new) in enumerate(zip(split_lines(before), split_lines(after), strict=True), 1):
        if old.strip() != new.strip():
            yield MendedLine(file, number, old.strip(), new.strip())
        elif old != new:
            width = len(new) - len(new.lstrip(" "))
            yield MendedLine(
                file, number, "缩进用了Tab键或全角空格", f"{f'{width}个半角空格' if width else '顶格'}　{new.strip()}"
            )


# --- YAML syntax -------------------------------------------------------------------------------------------------------


def _mend_syntax(text: str) -> str:
    """Corrects what the YAML reader reports. Edits that lead to no improvement over the last good state are dropped."""
    kept, problems = text, _slips(text)
    fewest = len(problems) if _tree(text) is None else -1
    for _ in range(MAX_ROUNDS):
        better = _all_at_once(text, problems) or _next_state(text, problems)
        if better is None:
            break
        text, problems = better, _slips(better)
        readable = _tree(text) is not None
        if readable or 0 <= len(problems) < fewest:
            kept, fewest = text, -1 if readable else len(problems)
    return kept


def _slips(text: str) -> tuple[Problem, ...]:
    return read(text.encode(), "", FREE_TEXT)[1]


def _tree(text: str) -> Tree | None:
    return read(text.encode(), "", FREE_TEXT)[0]


def _all_at_once(text: str, problems: tuple[Problem, ...]) -> str | None:
    """The text with every problem's first proposal applied; None unless it then has no problem at all."""
    edits = [edit for one in problems for edit in [next(proposals(text, one), None)] if edit]
    if len(edits) < max(2, len(problems)):
        return None
    found = _with(text, edits)
    return found if found is not None and not _slips(found) and _elsewhere_same(text, found, problems) else None


def _with(text: str, edits: Iterable[Edit]) -> str | None:
    """The text after all edits; None if two of them overlap."""
    last = len(text) + 1
    for edit in sorted(edits, key=lambda one: -one.start):
        if edit.end > last:
            return None
        text, last = edit.on(text), edit.start
    return text


def _next_state(text: str, problems: tuple[Problem, ...]) -> str | None:
    if any(one.code in INDENTS for one in problems) and (found := _indented(text)):
        return found
    for problem in problems:
        for edit in proposals(text, problem):
            found = edit.on(text)
            if _better(problems, found, problem) and _elsewhere_same(text, found, (problem,)):
                return found
    return None


def _better(before: Iterable[Problem], text: str, aimed: Problem) -> bool:
    """Whether the problem is gone and no new one appeared before its place.

    New problems after it do not count: the parser may only now have reached them.
    """
    tree, after = read(text.encode(), "", FREE_TEXT)
    if tree is not None and aimed not in after and len(set(before)) == 1:
        return True
    known = {(one.line, one.column, one.code) for one in before} - {(aimed.line, aimed.column, aimed.code)}
    upto = (aimed.line, aimed.column)
    return all((one.line, one.column, one.code) in known for one in after if (one.line, one.column) <= upto)


def _elsewhere_same(before: str, after: str, problems: Iterable[Problem]) -> bool:
    """Whether the content of all lines except the edited ones is unchanged; True while the old text is unreadable.

    One text may differ: the one that an edited line was wrongly part of.
    """
    old, new = _tree(before), _tree(after)
    lines = {one.line for one in problems}
    if old is None or new is None:
        return True
    return len(_said(old, lines) ^ _said(new, lines)) <= 2 * len(lines)


def _said(tree: Tree, but_lines: set[int]) -> set[tuple[int, int, str]]:
    """Every text of a file with its place, except on the lines `but_lines`."""
    return {
        (place.line, place.column, str(value))
        for path, place in tree.values.items()
        if place.line not in but_lines and not isinstance(value := tree.get(path), dict | list)
    }


def _indented(text: str) -> str | None:
    """The text with tabs and full-width blanks of indentation replaced; None unless all readable widths give the same content."""
    widths = [(tab, wide) for tab in (2, 4, 8) for wide in (2, 1)]
    for group in (widths, [(0, 0)]):  # a blank before a top-level key must be removed
        found: dict[str, str] = {}
        for tab, wide in group:
            new = with_blanks(text, tab, wide)
            tree = _tree(new)
            if tree is not None and not tree.damaged:
                found.setdefault(repr(tree.data), new)
        if found:
            return next(iter(found.values())) if len(found) == 1 else None
    return None


# --- problems found by the forms ---------------------------------------------------------------------------------------


def _mend_meaning(files: dict[str, bytes], texts: dict[str, str]) -> dict[str, str]:
    """Corrects keys and values for which a problem proposes the only right word, and syntax errors that only a form can see."""
    problems = assemble(files).problems
    given_up: set[Problem] = set()
    while True:
        # From the end, so that an edit does not move the places of the remaining problems.
        aimed = next((one for one in reversed(problems) if one.is_error and one not in given_up), None)
        if aimed is None:
            return texts
        name = aimed.file.removeprefix(f"{FOLDER}/")
        for new in _meant(texts[name], aimed) if name in texts else ():
            found = assemble({**files, name: new.encode()}).problems
            if _fewer(problems, found, aimed):
                texts, files, problems = {**texts, name: new}, {**files, name: new.encode()}, found
                given_up.clear()  # edits that failed before may work now
                break
        else:
            given_up.add(aimed)


def _meant(text: str, problem: Problem) -> Iterator[str]:
    if not problem.instead:
        yield from (edit.on(text) for edit in proposals(text, problem))
        return
    at = offset_of(text, problem)
    node = scalar_at(text, at)
    if node is None or node.style not in (None, "", "'", '"'):
        return
    mark = node.style or ""
    new = Edit(at, node.end_mark.index, f"{mark}{problem.instead}{mark}").on(text)
    before, after = _tree(text), _tree(new)
    if before and after and _one_word_differs(before.data, after.data):
        yield new


def _one_word_differs(before: Any, after: Any) -> bool:
    """Whether exactly one key or one value differs."""
    if isinstance(before, dict) and isinstance(after, dict) and len(before) == len(after):
        pairs = list(zip(before.items(), after.items(), strict=True))
        odd = [(one, other) for one, other in pairs if one != other]
        if len(odd) != 1:
            return False
        (key, value), (new_key, new_value) = odd[0]
        return value == new_value if key != new_key else _one_word_differs(value, new_value)
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        changed = [(one, other) for one, other in zip(before, after, strict=True) if one != other]
        return len(changed) == 1 and _one_word_differs(*changed[0])
    return isinstance(before, str) and isinstance(after, str) and before != after


def _fewer(before: Iterable[Problem], after: Iterable[Problem], aimed: Problem) -> bool:
    """Whether the problem is gone and its line has no new one.

    A corrected key may reveal problems further down; a corrected value must not, for then it was the wrong word.
    """
    known = [(one.code, one.file, one.line, one.message) for one in before if one.is_error]
    fresh = [one for one in after if one.is_error and (one.code, one.file, one.line, one.message) not in known]
    if aimed in after:
        return False
    if aimed.code == "unknown-unit":
        return not fresh
    return all((one.file, one.line) != (aimed.file, aimed.line) for one in fresh)
