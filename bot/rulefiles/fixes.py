"""`check --fix`: mends in rule files what can mean one thing only, and leaves the rest to people.

Every edit replaces a few characters (no YAML is written anew, so comments and layout stay), is read again, and counts only
if the complaint it answers is gone, none before it is new, and everything on other lines still says the same.
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
MAX_ROUNDS = 400  # single edits of one file; a file typed full-width throughout is mended in one go
_BOM = "\ufeff"


@dataclass(frozen=True, slots=True)
class MendedLine:
    """One line of a file that reads differently now."""

    file: str
    line: int
    old: str
    new: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} 已改：{self.old} → {self.new}"


# --- files -----------------------------------------------------------------------------------------------------------


def mend_folder(folder: FolderPath) -> tuple[MendedLine, ...]:
    """Mends the files of a folder, each in one step: a reader sees the old file or the new one. Raises OSError."""
    files = read_files(folder)
    mended, changes = mend(files)
    for name, raw in mended.items():
        replace_unchanged(folder / name, files[name], raw)
    return changes


def replace_unchanged(path: FolderPath, old: bytes, new: bytes) -> None:
    """The file with new content in one step; InterruptedError when it is no longer the one that was read."""
    target = path.resolve()
    if target.read_bytes() != old:
        raise InterruptedError(f"{path.name} 刚刚被改过，请再运行一次")
    draft = target.with_name(f".{target.name}.{os.getpid()}")  # the loader passes over names with a dot
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
    """The files that are better now, by name, and every line that changed. A second time there is nothing to change."""
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
    """The files that got better: fewer errors, a changed line without any, or an encoding put right."""
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
    """The file as text without byte order mark, None when its encoding cannot be told for sure."""
    found = decode(raw, "")
    if isinstance(found, str):
        return found
    if found.code != "gbk":
        return None
    text = raw.decode("gb18030")
    # Nearly any bytes are some GB18030 text; one of our own keys cannot be there by chance.
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


# --- the shape of a text -----------------------------------------------------------------------------------------------


def _mend_syntax(text: str) -> str:
    """What the reader of YAML complains about. States on the way that are no better than the last kept one are dropped."""
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
    """Every problem's first proposal together, when nothing at all is left to complain about."""
    edits = [edit for one in problems for edit in [next(proposals(text, one), None)] if edit]
    if len(edits) < max(2, len(problems)):
        return None
    found = _with(text, edits)
    return found if found is not None and not _slips(found) and _elsewhere_same(text, found, problems) else None


def _with(text: str, edits: Iterable[Edit]) -> str | None:
    """The text after all of the edits, None when two of them overlap."""
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
    """The complaint is gone, and up to its place there is none that was not there before.

    A file that can be read at last may show what the parser had not come to.
    """
    tree, after = read(text.encode(), "", FREE_TEXT)
    if tree is not None and aimed not in after and len(set(before)) == 1:
        return True
    known = {(one.line, one.column, one.code) for one in before} - {(aimed.line, aimed.column, aimed.code)}
    upto = (aimed.line, aimed.column)
    return all((one.line, one.column, one.code) in known for one in after if (one.line, one.column) <= upto)


def _elsewhere_same(before: str, after: str, problems: Iterable[Problem]) -> bool:
    """Whether all lines but the edited ones say the same; nothing to compare while the old text is unreadable.

    One text may differ: the one that had swallowed an edited line.
    """
    old, new = _tree(before), _tree(after)
    lines = {one.line for one in problems}
    if old is None or new is None:
        return True
    return len(_said(old, lines) ^ _said(new, lines)) <= 2 * len(lines)


def _said(tree: Tree, but_lines: set[int]) -> set[tuple[int, int, str]]:
    """Every text of a file with its place."""
    return {
        (place.line, place.column, str(value))
        for path, place in tree.values.items()
        if place.line not in but_lines and not isinstance(value := tree.get(path), dict | list)
    }


def _indented(text: str) -> str | None:
    """All odd indentation as blanks, when every width that can be read at all gives the same content."""
    widths = [(tab, wide) for tab in (2, 4, 8) for wide in (2, 1)]
    for group in (widths, [(0, 0)]):  # a stray blank before a key of the first level has no width that would do
        found: dict[str, str] = {}
        for tab, wide in group:
            new = with_blanks(text, tab, wide)
            tree = _tree(new)
            if tree is not None and not tree.damaged:
                found.setdefault(repr(tree.data), new)
        if found:
            return next(iter(found.values())) if len(found) == 1 else None
    return None


# --- what the forms complain about -------------------------------------------------------------------------------------


def _mend_meaning(files: dict[str, bytes], texts: dict[str, str]) -> dict[str, str]:
    """Keys and values for which the complaint itself knows the one right word, and slips only a form can see."""
    problems = assemble(files).problems
    given_up: set[Problem] = set()
    while True:
        # Backwards, so that an edit moves no place that is still to come.
        aimed = next((one for one in reversed(problems) if one.is_error and one not in given_up), None)
        if aimed is None:
            return texts
        name = aimed.file.removeprefix(f"{FOLDER}/")
        for new in _meant(texts[name], aimed) if name in texts else ():
            found = assemble({**files, name: new.encode()}).problems
            if _fewer(problems, found, aimed):
                texts, files, problems = {**texts, name: new}, {**files, name: new.encode()}, found
                given_up.clear()  # what was no help before may be one now
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
    """Whether exactly one key or one value is another, and all else is the same."""
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
    """The complaint is gone and its line has no new one; a mended key may uncover complaints further down.

    A mended value must not: then it was the wrong word.
    """
    known = [(one.code, one.file, one.line, one.message) for one in before if one.is_error]
    fresh = [one for one in after if one.is_error and (one.code, one.file, one.line, one.message) not in known]
    if aimed in after:
        return False
    if aimed.code == "unknown-unit":
        return not fresh
    return all((one.file, one.line) != (aimed.file, aimed.line) for one in fresh)
