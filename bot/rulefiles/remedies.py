"""From a complaint about a rule file to the few characters that would answer it: proposals, for `fixes` to try.

A key is told from mere text by being one that some form knows.
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
    """All odd indentation as blanks: so many for a tab, so many for a full-width blank."""
    return _INDENT.sub(
        lambda odd: odd[0].replace("\t", " " * tab).replace("\u3000", " " * wide).replace("\u00a0", " "), text
    )


def proposals(text: str, problem: Problem) -> Iterator[Edit]:
    """Edits that would answer one complaint, the likeliest first."""
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
    """The colon behind a key we know, or behind a word that is alone on its line."""
    sign = re.compile("[：:][ \u3000\u00a0]*").match(text, at)
    before = re.search(r"([^\s{\[,，\"'“”：:]+)$", text[:at])
    if sign is None or before is None:
        return
    alone = sign.end() == _line_end(text, at)
    if alone or before[1] in known_keys():
        yield Edit(at, sign.end(), ":" if alone else ": ")


def _comma(text: str, at: int) -> Iterator[Edit]:
    """A separator or bracket inside brackets; first closing brackets alone, as a comma before them may be mere text."""
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
    """The innermost bracket still open before `at`, on the same line."""
    open_: list[str] = []
    for sign in split_lines(text[:at])[-1].translate(BRACKETS):
        if sign in "[{":
            open_.append(sign)
        elif sign in "]}" and open_:
            open_.pop()
    return open_[-1] if open_ else ""


def _separates(text: str, at: int) -> bool:
    """In a list any such sign separates; in braces only one before a key we know."""
    if _opened(text, at) != "{":
        return _opened(text, at) == "["
    following = re.compile(r"[，、；]\s*([^\s，：:]+)[：:]").match(text, at)
    return following is not None and following[1] in known_keys()


def _bracket(text: str, at: int) -> Iterator[Edit]:
    """A whole value in full-width brackets, with whatever is full-width inside."""
    found = re.compile("[［｛【\\[][^\n\r]*[］｝】\\]}]").match(text, at)
    if found:
        new = found[0].translate(BRACKETS)
        yield Edit(at, found.end(), _flow(new, new[0]))


def _flow(text: str, bracket: str) -> str:
    """Signs that separate, half-width: in a list all of them, in braces those next to a key we know."""
    if bracket == "[":
        return re.sub(r"[，、；]\s*", ", ", text)
    keys = "|".join(map(re.escape, known_keys()))
    text = re.sub(rf"[，、；]\s*(?=(?:{keys})\s*[：:])", ", ", text)
    return re.sub(rf"(?<=[{{ ])({keys})：\s*", r"\1: ", text)


def _unquote(text: str, at: int) -> Iterator[Edit]:
    """Chinese quotes round a key or value go; English ones take their place where the text needs some."""
    node = scalar_at(text, at)
    if node is not None:
        inner = str(node.value)[1:-1]
        yield Edit(at, node.end_mark.index, inner if _plain(inner) else _quoted(inner))


def _plain(text: str) -> bool:
    return re.fullmatch(r"[\w\u4e00-\u9fff]([^:#,\[\]{}\n]*[^\s:#,\[\]{}])?", text) is not None


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _quote(text: str, at: int) -> Iterator[Edit]:
    """A value that begins with @ or the like, up to its end, in English quotes."""
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
    """The text that begins exactly there."""
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
    """Every key that any form knows."""
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
