"""Proposes small edits for a problem in a rule file; `fixes` tries them.

A word counts as a key only if some form has a key of that name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, get_args

import yaml
from pydantic import BaseModel

from bot.core.rules.rulebook import IndicatorForm, Ladder, PlanForm, TaskForm, UnitsForm
from bot.core.time.workdays import CalendarYear, StatutoryTable
from bot.rule_kinds import kinds
from bot.rulefiles.checks.indicators import ways
from bot.rulefiles.known import VERBS
from bot.rulefiles.rule_tests import RuleTest, RuleTestsForm
from bot.rulefiles.text.edit import Edit
from bot.rulefiles.text.problems import Problem, aliases
from bot.rulefiles.text.slips import split_lines
from bot.rulefiles.text.tree import LOADER

BRACKETS = str.maketrans("［］｛｝【】", "[]{}[]")
_INDENT = re.compile("(?m)^[ \t\u3000\u00a0]*[\t\u3000\u00a0][ \t\u3000\u00a0]*(?=[^\\s#])")


def with_blanks(text: str, tab: int, wide: int) -> str:
    """The text with indentation in plain blanks: `tab` of them for a tab, `wide` for a full-width blank."""
    return _INDENT.sub(
        lambda odd: odd[0].replace("\t", " " * tab).replace("\u3000", " " * wide).replace("\u00a0", " "), text
    )


def proposals(text: str, problem: Problem) -> Iterator[Edit]:
    """Edits that may solve one problem, the most likely first."""
    propose = _PROPOSALS.get(problem.code)
    at = offset_of(text, problem)
    if propose is not None and at < len(text):
        yield from propose(text, at)


def offset_of(text: str, problem: Problem) -> int:
    lines = split_lines(text)
    start = 0
    for line in lines[: problem.line - 1]:
        start += len(line)
        start += 2 if text.startswith("\r\n", start) else 1
    return start + problem.column - 1


def _line_end(text: str, at: int) -> int:
    return at + len(split_lines(text[at:])[0])


def _colon(text: str, at: int) -> Iterator[Edit]:
    """Inserts or replaces the colon after a known key, or after a word that is alone on its line."""
    sign = re.compile("[：:][ \u3000\u00a0]*").match(text, at)
    before = re.search(r"([^\s{\[,，\"'“”：:]+)$", text[:at])
    if sign is None or before is None:
        return
    alone = sign.end() == _line_end(text, at)
    if alone or before[1] in known_keys():
        yield Edit(at, sign.end(), ":" if alone else ": ")


def _comma(text: str, at: int) -> Iterator[Edit]:
    """Replaces separators and brackets inside brackets; closing brackets first, as a comma before them may be part of a text."""
    end = _line_end(text, at)
    if opened := re.search(r"[［｛【][^［］｛｝【】\[\]{}\n\r]*$", text[:at]):
        yield from _bracket(text, opened.start())
    if re.search("[［］｛｝【】]", text[at:end]):
        yield Edit(at, end, text[at:end].translate(BRACKETS))
        yield Edit(at, end, _flow(text[at:end].translate(BRACKETS), _opened(text, at)))
    if text[at] in "，、；" and _separates(text, at):
        yield Edit(at, at + len(text[at:end]) - len(text[at + 1 : end].lstrip()), ", ")
    elif text[at] == "：":
        yield from _colon(text, at)


def _opened(text: str, at: int) -> str:
    """The innermost bracket that is open at `at` on the same line."""
    open_: list[str] = []
    for sign in split_lines(text[:at])[-1].translate(BRACKETS):
        if sign in "[{":
            open_.append(sign)
        elif sign in "]}" and open_:
            open_.pop()
    return open_[-1] if open_ else ""


def _separates(text: str, at: int) -> bool:
    """Whether a sign is a separator: in a list always, in braces only before a known key."""
    if _opened(text, at) != "{":
        return _opened(text, at) == "["
    following = re.compile(r"[，、；]\s*([^\s，：:]+)[：:]").match(text, at)
    return following is not None and following[1] in known_keys()


def _bracket(text: str, at: int) -> Iterator[Edit]:
    """Replaces full-width brackets around a value, and full-width signs inside them."""
    found = re.compile("[［｛【\\[][^\n\r]*[］｝】\\]}]").match(text, at)
    if found:
        new = found[0].translate(BRACKETS)
        yield Edit(at, found.end(), _flow(new, new[0]))


def _flow(text: str, bracket: str) -> str:
    """Replaces separators by half-width ones: in a list all of them, in braces those next to a known key."""
    if bracket == "[":
        return re.sub(r"[，、；]\s*", ", ", text)
    keys = "|".join(map(re.escape, known_keys()))
    text = re.sub(rf"[，、；]\s*(?=(?:{keys})\s*[：:])", ", ", text)
    return re.sub(rf"(?<=[{{ ])({keys})：\s*", r"\1: ", text)


def _unquote(text: str, at: int) -> Iterator[Edit]:
    """Removes Chinese quotes around a key or value; English quotes replace them where the text needs quotes."""
    node = scalar_at(text, at)
    if node is not None:
        inner = str(node.value)[1:-1]
        yield Edit(at, node.end_mark.index, inner if _plain(inner) else _quoted(inner))


def _plain(text: str) -> bool:
    return re.fullmatch(r"[\w\u4e00-\u9fff]([^:#,\[\]{}\n]*[^\s:#,\[\]{}])?", text) is not None


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _quote(text: str, at: int) -> Iterator[Edit]:
    """Puts a value that begins with a reserved sign such as @ in English quotes."""
    if text[at] in "@`%":
        stop = r"[,\]}]|\s#" if _opened(text, at) else r"\s#"
        end = _line_end(text, at)
        found = re.search(stop, text[at:end])
        value = text[at : at + found.start() if found else end].rstrip()
        yield Edit(at, at + len(value), _quoted(value))


_PROPOSALS: Mapping[str, Callable[[str, int], Iterator[Edit]]] = {
    "full-width-colon": _colon,
    "full-width-space": _colon,
    "no-space": _colon,
    "full-width-comma": _comma,
    "full-width-bracket": _bracket,
    "curly-quotes": _unquote,
    "reserved": _quote,
}


def scalar_at(text: str, at: int) -> yaml.ScalarNode | None:
    """The scalar that begins at `at`; None if there is none."""
    try:
        root = yaml.compose(text, Loader=LOADER)
    except yaml.YAMLError:
        return None
    waiting: list[Any] = [root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, yaml.ScalarNode):
            if node.start_mark.index == at:
                return node
        elif node is not None:
            waiting.extend(part for child in node.value for part in (child if isinstance(child, tuple) else (child,)))
    return None


@cache
def known_keys() -> frozenset[str]:
    """Every key of every form."""
    forms = [PlanForm, UnitsForm, Ladder, TaskForm, IndicatorForm, CalendarYear, StatutoryTable]
    forms += [RuleTestsForm, RuleTest]
    for kind in kinds().values():
        forms += [form for form in (kind.Params, kind.Options) if form]
    known = (key for verb in VERBS.values() for key in verb.keys.values())
    return frozenset((*(key for form in forms for key in _keys(form)), *known, *ways()))


def _keys(annotation: Any) -> Iterator[str]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        for key, info in aliases(annotation).items():
            yield key
            yield from _keys(info.annotation)
    else:
        for part in get_args(annotation):
            yield from _keys(part)
