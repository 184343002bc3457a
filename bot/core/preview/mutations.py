"""Mutations: small changes of one rule (an offset, unit, date or number), to see whether any rule test fails with them.

Mutations come in families: the same value is moved further and further in one direction, because a change of one day may
lead to the same sending day and have no visible effect.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from pydantic import BaseModel

from bot.core.rules.rulebook import Rule, Rulebook
from bot.core.rules.words import Offset, Side
from bot.core.time.grammar import Word, WordError

#: How far a value is moved, in its own steps; the largest is longer than a month, so that monthly lists change too.
STEPS = (1, 2, 3, 5, 8, 13, 21, 34)


@dataclass(frozen=True)
class Mutation:
    """A rule with one value changed; `words` describe the change: 提前30天→提前31天."""

    words: str
    rule: Rule


def alone(rulebook: Rulebook, rule: Rule) -> Rulebook:
    """A rulebook with only this rule: mutations of it do not change what other rules tell."""
    return replace(rulebook, rules=(rule,), tasks=(), indicators=(), digest="")


def families(rule: Rule, units: Sequence[str]) -> Iterator[Iterator[Mutation]]:
    """One family for each value of the rule and direction, each from the smallest mutation to the largest."""
    yield from _offsets(rule)
    yield from (iter((change,)) for change in _people(rule, units))
    for path, value in _values(rule.form, ()):
        for moved in _shifts(value):
            yield _written(rule, path, value, moved)


def _offsets(rule: Rule) -> Iterator[Iterator[Mutation]]:
    for index, rung in enumerate(rule.ladder.rungs):
        signs = (1,) if rung.offset.side is Side.ON else (1, -1)
        for sign in signs:
            yield _moved_rung(rule, index, sign)


def _moved_rung(rule: Rule, index: int, sign: int) -> Iterator[Mutation]:
    rungs = rule.ladder.rungs
    old = rungs[index].offset
    for times in STEPS:
        if old.side is Side.ON:
            new = Offset.parse(f"逾期{times}天")
        elif old.count + sign * times >= 1:
            new = replace(old, count=old.count + sign * times)
        else:
            return
        rung = rungs[index].model_copy(update={"offset": new})
        ladder = rule.ladder.model_copy(update={"rungs": (*rungs[:index], rung, *rungs[index + 1 :])})
        yield Mutation(f"督办阶梯第{index + 1}级：{old}→{new}", replace(rule, ladder=ladder))


def _people(rule: Rule, units: Sequence[str]) -> Iterator[Mutation]:
    """Mutations that put another unit in the place of each of the rule's units."""
    own = {*(rule.lead.units if rule.lead else ()), rule.provider, *rule.cooperating}
    other = next((unit for unit in units if unit not in own), "")
    if not other:
        return
    if rule.lead:
        lead = rule.lead.model_copy(update={"units": (other,)})
        yield Mutation(f"牵头单位：{rule.lead.unit}→{other}", replace(rule, lead=lead))
    if rule.provider:
        yield Mutation(f"数据来源：{rule.provider}→{other}", replace(rule, provider=other))
    for unit in rule.cooperating:
        others = tuple(other if one == unit else one for one in rule.cooperating)
        yield Mutation(f"配合单位：{unit}→{other}", replace(rule, cooperating=others))


# --- dates and numbers of a form ---------------------------------------------------------------------------------------


Path = tuple[str | int, ...]


def _values(here: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    """Every date, number and word of a form with its path, for any kind of rule."""
    if isinstance(here, BaseModel):
        for name in type(here).model_fields:
            yield from _values(getattr(here, name), (*path, name))
    elif isinstance(here, tuple | list):
        for index, one in enumerate(here):
            yield from _values(one, (*path, index))
    elif isinstance(here, dict):
        for key, one in here.items():
            yield from _values(one, (*path, key))
    elif isinstance(here, Word | date | Decimal) or type(here) is int:
        yield path, here


def _shifts(value: Any) -> Iterator[Iterator[Any]]:
    """Sequences of changed values, further and further away: one for each direction (and each number in a word)."""
    if isinstance(value, date):
        yield from ((value + timedelta(days=sign * n) for n in STEPS) for sign in (1, -1))
    elif isinstance(value, Decimal):
        yield from ((value + sign * n * fine(value) for n in STEPS) for sign in (1, -1))
    elif isinstance(value, int):
        yield from ((value + sign * n for n in STEPS if value + sign * n > 0) for sign in (1, -1))
    elif isinstance(value, Word):
        yield from _other_words(value)


def fine(value: Decimal) -> Decimal:
    """One unit of the first decimal place after those written: 0.1 for 97, 0.001 for 99.95."""
    exponent = value.as_tuple().exponent
    return Decimal(1).scaleb(min(int(exponent), 0) - 1)


def _other_words(value: Word) -> Iterator[Iterator[Word]]:
    text = value.words()
    numbers = list(re.finditer(r"\d+", text))
    for found in numbers:
        for sign in (1, -1):
            yield _parsed(value, (_spliced(text, found, sign * n) for n in STEPS))
    if not numbers:
        yield _parsed(value, iter(value.examples))


def _spliced(text: str, found: re.Match[str], more: int) -> str:
    return f"{text[: found.start()]}{int(found[0]) + more}{text[found.end() :]}"


def _parsed(value: Word, texts: Iterator[str]) -> Iterator[Word]:
    for text in texts:
        try:
            new = type(value).parse(text)
        except (WordError, ValueError):
            continue
        if new != value:
            yield new


def _written(rule: Rule, path: Path, old: Any, moved: Iterator[Any]) -> Iterator[Mutation]:
    for new in moved:
        yield Mutation(f"{_place(rule.form, path)}：{old}→{new}", replace(rule, form=_put(rule.form, path, new)))


def _place(form: Any, path: Path) -> str:
    """The path in the words of the rule file, such as 目标第1项的值."""
    here, words = form, []
    for part in path:
        if isinstance(here, BaseModel):
            info = type(here).model_fields[str(part)]
            words.append(info.alias or str(part))
            here = getattr(here, str(part))
        else:
            words.append(f"第{part + 1}项" if isinstance(part, int) else str(part))
            here = here[part]
    return "的".join(words).replace("的第", "第")


def _put(here: Any, path: Path, new: Any) -> Any:
    """A copy with another value at one path."""
    if not path:
        return new
    first, rest = path[0], path[1:]
    if isinstance(here, BaseModel):
        return here.model_copy(update={str(first): _put(getattr(here, str(first)), rest, new)})
    if isinstance(here, dict):
        return {**here, first: _put(here[first], rest, new)}
    assert isinstance(first, int)
    return (*here[:first], _put(here[first], rest, new), *here[first + 1 :])
