"""Drafts of an item's rule tests, and the changes of its rule that no test would notice.

Both use the preview of that rule alone, once for each situation that changes what is told (`bot/authoring/probes.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from bot.authoring.probes import Situation, Spot, WordedPreview, World
from bot.core.preview.mutations import Mutation, alone
from bot.core.preview.rehearsal import Occasion, WordedTelling, rehearse
from bot.core.rules.item_ids import is_one_of
from bot.core.time.grammar import normalise
from bot.rulefiles.known import VERBS, Known
from bot.rulefiles.rule_tests import Expectation, RuleTest
from bot.rulefiles.run_tests import TestResult, holds, is_about

# --- writing -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class DraftedTest:
    """A drafted test and the index of its situation."""

    situation: int
    test: RuleTest


def drafted_tests(world: World) -> list[RuleTest]:
    """Drafts: one for each kind of telling, one for a day without any, and those needed to notice every change of the rule."""
    found = [one for index in range(len(world.situations)) for one in _of_situation(world, index)]
    for family in world.changes():
        found += _against(world, family, found)
    found.sort(key=lambda one: (one.situation, one.test.today))
    return [one.test for one in found]


def _of_situation(world: World, index: int) -> Iterator[DraftedTest]:
    """A test for the first telling of each rung to each addressee, and one for a sending day after them without any."""
    preview = world.previews[index]
    seen: set[tuple[str, str, str]] = set()
    days: list[date] = []
    for (day, unit, _), part in sorted(preview.items(), key=lambda one: one[0]):
        kind = (part.telling.rung, part.telling.state, unit)
        if kind not in seen:
            seen.add(kind)
            days.append(day)
    told = sorted(set(days))
    quiet = _quiet_day(world, preview, told)
    for day in sorted({*told, *quiet}):
        yield _on(world, index, day)


def _quiet_day(world: World, preview: WordedPreview, told: Sequence[date]) -> list[date]:
    busy, calendar = {day for day, _, _ in preview}, world.rulebook.calendar
    for day in told:
        after = calendar.send_day_on_or_after(day + timedelta(days=1))
        if after not in busy:
            return [after]
    return []


def _on(world: World, index: int, day: date, missing: Iterable[tuple[str, str]] = ()) -> DraftedTest:
    """The test that describes one day under today's rule; `missing` are further (unit, item) that must not be told."""
    preview, situation = world.previews[index], world.situations[index]
    here = {(unit, item): part for (on, unit, item), part in preview.items() if on == day}
    told = _grouped((item, _telling_text(part), unit) for (unit, item), part in here.items())
    ever = dict.fromkeys((unit, item) for _, unit, item in preview)
    absent = [one for one in dict.fromkeys((*_silent(world, ever, here), *missing)) if one not in here]
    untold = _grouped((item, "", unit) for unit, item in absent)
    name = _name(world, situation, day, here)
    known = tuple(_line(line) for line in situation.known)
    return DraftedTest(index, RuleTest(名称=name[:60], 今天是=day, 已知=known, 应当发给=told, 不应发给=untold))  # type: ignore[call-arg]


def _name(world: World, situation: Situation, day: date, here: Mapping[tuple[str, str], WordedTelling]) -> str:
    """T05-M1 提前30天, I4@2027 报96.9 当天, T05-M1 3月3日不提醒."""
    items = list(dict.fromkeys(item for _, item in here)) or [world.item or world.rule.id]
    rungs = "、".join(dict.fromkeys(part.telling.rung for part in here.values())) or f"{day.month}月{day.day}日不提醒"
    several = f"等{len(items)}项" if len(items) > 1 else ""
    return " ".join(word for word in (f"{items[0]}{several}", situation.label, rungs) if word)


def _line(known: Known) -> dict[str, Any]:
    """A line of 已知 as it is written, its verb first."""
    verb = VERBS[known.verb]
    keys = {key: getattr(known, name) for name, key in verb.keys.items()}
    shown = {key: value for key, value in keys.items() if value is not True}
    return {**{key: str(value) for key, value in shown.items()}, "日期": str(known.day)}


def _silent(
    world: World, ever: Mapping[tuple[str, str], None], here: Mapping[tuple[str, str], WordedTelling]
) -> Iterator[tuple[str, str]]:
    """(unit, item) that must not be told: units that hear of the item on other days, and one that never does.

    On a day without tellings: every unit, of the whole rule.
    """
    items = {item for _, item in here}
    if not items:
        yield from dict.fromkeys((unit, world.item or world.rule.id) for unit, _ in ever)
        return
    yield from ((unit, item) for unit, item in ever if item in items)
    hearing = {unit for unit, _ in ever}
    stranger = next((unit for unit in (*world.rule.units, *world.rulebook.addressable) if unit not in hearing), "")
    if stranger:
        yield from ((stranger, item) for item in items)


def _grouped(told: Iterable[tuple[str, str, str]]) -> tuple[Expectation, ...]:
    """(item, text, unit) as expectations; units that hear the same share one."""
    found: dict[tuple[str, str], list[str]] = {}
    for item, text, unit in told:
        found.setdefault((item, text), []).append(unit)
    return tuple(_expected(units, item, (text,) if text else ()) for (item, text), units in found.items())


def _expected(units: Iterable[str], item: str, texts: Sequence[str]) -> Expectation:
    return Expectation(单位=tuple(units), 事项=item, 包含=tuple(texts))  # type: ignore[call-arg]


def _telling_text(part: WordedTelling, other: str = "") -> str:
    """A short text of what a message says of an item: the days left, or how it stands. It is not found in `other`."""
    pieces = [piece for piece in _pieces(part.text) if not other or normalise(piece) not in normalise(other)]
    for wanted in (r"剩余\d+天|今日到期|已逾期\d+天|待公布|宽限期内", "完成值|目标|上期|[0-9]"):
        for piece in pieces:
            found = re.search(wanted, piece)
            if found:
                short = found[0] if "天" in wanted else piece
                return short if normalise(short) not in normalise(other) else piece
    return pieces[0] if pieces else ""


def _line_of_its_own(text: str, other: str) -> str:
    """The first line, headings included, that `other` does not have."""
    return next((line for line in text.split("\n")[1:] if normalise(line) not in normalise(other)), "")


def _pieces(text: str) -> list[str]:
    """The texts of a message after its headline, cut at wide spaces; counts of workdays and 暂定日历 are left out."""
    lines = [line for line in text.split("\n")[1:] if not re.match(r"共\d+项|[一二三四五六七八九十]+、|依据", line)]
    cut = (
        re.sub(r"（暂定日历）|（\d+个工作日）|^\d+\. .*$", "", piece)
        for line in lines
        for piece in line.split("\u3000")
    )
    return [piece.strip() for piece in cut if piece.strip()]


# --- changes -----------------------------------------------------------------------------------------------------------


def _against(world: World, family: Iterator[Mutation], tests: Sequence[DraftedTest]) -> list[DraftedTest]:
    """Further tests for one family of changes: none if the tests notice its first change that has an effect."""
    for change in family:
        found: list[DraftedTest] = []
        for index, before in enumerate(world.previews):
            after = _preview(world, change, world.situations[index])
            if any(one.situation == index and not _green(one.test, after) for one in tests):
                return []
            spot = None if found else _first_difference(before, after)
            if spot is not None:
                found.append(_separating(world, index, spot, after))
        if found:
            return found
    return []


def _preview(world: World, change: Mutation, situation: Situation) -> WordedPreview:
    """The preview of the changed rule; empty for a rule that cannot be played any more."""
    try:
        return world.preview(change.rule, situation)
    except (ValueError, ArithmeticError, LookupError):
        return {}


def _first_difference(before: WordedPreview, after: WordedPreview) -> Spot | None:
    spots = sorted({*before, *after})
    return next((spot for spot in spots if _text_at(before, spot) != _text_at(after, spot)), None)


def _text_at(preview: WordedPreview, spot: Spot) -> str:
    return preview[spot].text if spot in preview else ""


def _separating(world: World, index: int, spot: Spot, after: WordedPreview) -> DraftedTest:
    """The test of that day, with a text that only one of the two rules produces."""
    day, unit, item = spot
    missing = () if spot in world.previews[index] else ((unit, item if item in world.items else world.rule.id),)
    if any((day, unit, other) in world.previews[index] for other in world.items if (unit, world.rule.id) in missing):
        missing = ()  # the rule tells this unit something else that day
    made = _on(world, index, day, missing)
    if spot in world.previews[index] and spot in after:
        now, then = world.previews[index][spot], after[spot]
        ways = (
            ("told", _telling_text(now, then.text)),
            ("untold", _telling_text(then, now.text)),
            ("told", _line_of_its_own(now.text, then.text)),
            ("untold", _line_of_its_own(then.text, now.text)),
        )
        key, text = next(((key, text) for key, text in ways if text), ("", ""))
        if not text:
            return made
        more = (*getattr(made.test, key), _expected((unit,), item, (text,)))
        made = DraftedTest(index, made.test.model_copy(update={key: more}))
    return made


def _green(test: RuleTest, preview: WordedPreview) -> bool:
    here = [(unit, part) for (day, unit, _), part in preview.items() if day == test.today]
    for wanted, expectations in ((True, test.told), (False, test.untold)):
        for one in expectations:
            for unit in one.units:
                heard = any(unit == who and is_about(part, one.item) and _says(part, one.texts) for who, part in here)
                if heard is not wanted:
                    return False
    return True


def _says(part: WordedTelling, texts: Iterable[str]) -> bool:
    return all(normalise(text) in normalise(part.text) for text in texts)


def unnoticed(world: World, outcomes: Sequence[TestResult]) -> Iterator[Mutation]:
    """Changes that have an effect and turn none of these green tests red; for each place the smallest."""
    own = _own_tests(world, outcomes)
    for family in world.changes():
        change = _unnoticed_of(world, family, own)
        if change is not None:
            yield change


Own = list[tuple[Occasion, list[tuple[bool, Expectation, str]]]]


def _own_tests(world: World, outcomes: Sequence[TestResult]) -> Own:
    """Expectations of the tests that are about this rule and hold when it is played alone."""
    tried = [(outcome.part.test.form, outcome.occasion) for outcome in outcomes if outcome.occasion]
    said = rehearse(alone(world.rulebook, world.rule), [occasion for _, occasion in tried])
    found: Own = []
    for (form, occasion), heard in zip(tried, said, strict=True):
        every = [(True, one, unit) for one in form.told for unit in one.units]
        every += [(False, one, unit) for one in form.untold for unit in one.units]
        mine = [one for one in every if _speaks_of(world, one[1]) and holds(one[1], one[2], heard) is one[0]]
        if mine:
            found.append((occasion, mine))
    return found


def _speaks_of(world: World, one: Expectation) -> bool:
    rule = world.rule.id
    names = [name for name in (one.item, *one.texts) if name]
    steps = {part.telling.item for preview in world.previews for part in preview.values()}
    return any(name in steps or name == rule or is_one_of(name, rule) for name in names)


def _unnoticed_of(world: World, family: Iterator[Mutation], own: Own) -> Mutation | None:
    for change in family:
        said = rehearse(alone(world.rulebook, change.rule), [occasion for occasion, _ in own]) if own else []
        for (_, expected), heard in zip(own, said, strict=True):
            if any(holds(one, unit, heard) is not wanted for wanted, one, unit in expected):
                return None
        if any(
            _first_difference(before, _preview(world, change, situation)) is not None
            for before, situation in zip(world.previews, world.situations, strict=True)
        ):
            return change
    return None
