"""Reads indicators: each entry of 监测 becomes a Watch, and the options of its kind are checked at their place in the file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from bot.core.rules.kind import RuleKind
from bot.core.rules.rulebook import IndicatorForm, Watch
from bot.core.time.near import suggest
from bot.rule_kinds import kinds
from bot.rulefiles.text.problems import Path, aliases, repeated
from bot.rulefiles.text.sheet import Placed, Sheet

WATCHED = "监测"


def ways() -> Mapping[str, RuleKind]:
    """The kinds that 监测 may name, by name."""
    return {name: kind for name, kind in kinds().items() if kind.watches_numbers}


def read_indicators(sheet: Sheet, path: Path, model: type[IndicatorForm]) -> tuple[Placed[IndicatorForm], ...]:
    """Every valid indicator of the list at `path`; 监测 is checked in invalid ones too."""
    raw = sheet.tree.get(path)
    found = (_indicator(sheet, (*path, index), model) for index in range(len(raw) if isinstance(raw, list) else 0))
    return tuple(indicator for indicator in found if indicator)


def _indicator(sheet: Sheet, path: Path, model: type[IndicatorForm]) -> Placed[IndicatorForm] | None:
    placed = sheet.form(model, path)
    raw = sheet.tree.get(path)
    watched = tuple(_watches(sheet, (*path, WATCHED), raw.get(WATCHED) if isinstance(raw, dict) else None))
    if placed is None:
        return None
    return Placed(sheet, path, placed.form.model_copy(update={"watched": watched}))


def _watches(sheet: Sheet, path: Path, raw: Any) -> Iterator[Watch]:
    entries = raw if isinstance(raw, list) else [raw] if isinstance(raw, str) else []
    for index, entry in enumerate(entries):
        yield _watch(sheet, (*path, index), entry)


def _watch(sheet: Sheet, path: Path, entry: Any) -> Watch:
    """One entry of 监测: a name, or a name with options. An invalid entry is kept without options."""
    if isinstance(entry, str):
        name, options = entry, None
    elif isinstance(entry, dict) and len(entry) == 1:
        ((name, options),) = entry.items()
    else:
        sheet.report(
            "bad-watch", path, "“监测”的每一项是一种监测方式", "写名称，如 报送；要设置的写成“趋势: {窗口: 3}”"
        )
        return Watch("")
    kind = ways().get(name)
    if kind is None:
        return Watch(name)  # `check_ways` reports unknown names
    if kind.Options is None:
        if options is not None:
            sheet.report("no-options", (*path, name), f"“{name}”没有可以设置的内容", f"只写“{name}”")
        return Watch(name)
    if options is None:
        return _by_default(sheet, path, kind)
    placed = sheet.form(kind.Options, (*path, name))
    return Watch(name, placed.form if placed else None)


def _by_default(sheet: Sheet, path: Path, kind: RuleKind) -> Watch:
    """An entry without options: the kind's defaults; reports options that have no default."""
    assert kind.Options is not None
    needed = [key for key, info in aliases(kind.Options).items() if info.is_required()]
    if not needed:
        return Watch(kind.name, kind.Options())
    message = f"“{kind.name}”要写明“{'、'.join(needed)}”"
    sheet.report("missing", path, message, f"写成“{kind.name}: {{{'、'.join(f'{key}: …' for key in needed)}}}”")
    return Watch(kind.name)


# --- checks across indicators ------------------------------------------------------------------------------------------


def check_ways(indicators: Iterable[Placed[IndicatorForm]]) -> None:
    """Checks that 监测 names kinds for indicators, each once and with what it needs, and that 督办阶梯 names only these."""
    every = tuple(indicators)
    by_id = {one.form.id: one.form for one in every}
    for indicator in every:
        _names(indicator)
        for index, watch in enumerate(indicator.form.watched):
            kind = ways().get(watch.name)
            if kind is not None and (kind.Options is None or watch.options is not None):
                _remarks(indicator, index, kind, by_id)


def _names(indicator: Placed[IndicatorForm]) -> None:
    known = list(ways())
    watched = [watch.name for watch in indicator.form.watched]
    for index, name in enumerate(watched):
        if name and name not in known:
            indicator.report("unknown-check", (WATCHED, index), f"没有“{name}”这种监测方式", suggest(name, known))
    for first, again, name in repeated(watched):
        message = f"“监测”里“{name}”写了两次（第{first + 1}个和第{again + 1}个）"
        indicator.report("check-twice", (WATCHED, again), message, "删去一个")
    for name in indicator.form.ladders:
        if name not in watched:
            message = f"“督办阶梯”里的“{name}”不在监测之内"
            indicator.report("unknown-check", ("督办阶梯", name), message, suggest(name, watched))


def _remarks(
    indicator: Placed[IndicatorForm], index: int, kind: RuleKind, indicators: Mapping[str, IndicatorForm]
) -> None:
    for remark in kind.remarks(indicator.form, indicators):
        loc: Path = (WATCHED, index, *remark.loc) if remark.loc[:1] == (kind.name,) else remark.loc
        hint = suggest(remark.unknown, list(indicators)) if remark.unknown else remark.hint
        indicator.report(remark.code, loc, remark.message, hint, info=remark.info)
