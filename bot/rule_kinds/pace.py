"""序时: whether an indicator has come as far from 基期 towards 目标 as it should have by now.

The way from the baseline to the last target is cut into stretches. Progress is (value − start) ÷ (end − start) of a stretch.
What is expected depends on 形状:

- 直线: a straight line from the baseline to the first target, and from each target to the next;
- 阶梯: the last step written for that time (节点, else the targets); before the first step nothing is expected;
- 对照表: only the periods listed in 节点 are judged.

More than 黄线 per cent of the stretch short is 滞后, more than 红线 is 严重滞后; exactly on a line is the better state. Messages
give the difference in the figure's own unit, and progress apart from it, because points of progress read as points of the figure.

A value that already meets the next target is never behind, also where 左右 leaves it short of the line. In a target's own
period 达标 judges, where it watches too, so that one figure has one verdict.

A baseline that is as good as the target is an error in the file: 保持 is meant. Without a baseline, and after the last target's
year (which 达标 judges), the state is 待公布. For 左右 the full target value is expected.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from itertools import pairwise
from typing import Any

from pydantic import Field

from bot.core.facts.facts import Facts
from bot.core.facts.series import Point, Scale, Series, written, year_time
from bot.core.rules.aims import met, wish
from bot.core.rules.item import Item, State
from bot.core.rules.kind import Remark
from bot.core.rules.rulebook import BaselineForm, Direction, Form, IndicatorForm, TargetForm, Text
from bot.rule_kinds._numbers import NumberKind, NumberVerdict, awaiting


class Shape(StrEnum):
    """形状 of the way from the baseline to the targets."""

    LINE = "直线"
    STEPS = "阶梯"
    TABLE = "对照表"


class NodeForm(Form):
    """One 节点: what the value should be in a period."""

    period: Text = Field(alias="期", description="期别，如 2026、2026H1、2026Q1、2026-03")
    value: Decimal = Field(alias="值")


class PaceOptions(Form):
    """What may be set behind 序时."""

    shape: Shape = Field(default=Shape.LINE, alias="形状", description="直线、阶梯或对照表")
    nodes: tuple[NodeForm, ...] = Field(default=(), alias="节点", description="阶梯和对照表用：哪一期应到多少")
    yellow: Decimal = Field(
        default=Decimal(10), alias="黄线", ge=0, le=100, description="进度落后超过全程的百分之几算滞后"
    )
    red: Decimal = Field(
        default=Decimal(30), alias="红线", ge=0, le=300, description="进度落后超过全程的百分之几算严重滞后"
    )


@dataclass(frozen=True, slots=True)
class Waypoint:
    """A point of the way: the time in years, and the value expected then."""

    at: Fraction
    value: Fraction


class Pace(NumberKind):
    """See the module."""

    name = "序时"
    Options = PaceOptions
    ladder = "数值监测"
    example = """\
  基期: {年份: 2025, 值: 92, 来源: 教育事业统计}
  目标:
    - {期限: 2027年, 值: 97, 措辞: 达到}
  监测: [报送, 序时: {黄线: 10, 红线: 30}]
"""

    def dates(self, form: IndicatorForm) -> str:
        """Baseline, targets, shape, nodes and bands."""
        options: PaceOptions = form.options(self.name)
        base = f"{form.baseline.year}={written(form.baseline.value)}" if form.baseline else ""
        aims = " ".join(f"{target.due.words()}={written(target.value)}" for target in form.targets)
        nodes = " ".join(f"{node.period}={written(node.value)}" for node in options.nodes)
        parts = (options.shape, base, aims, nodes, written(options.yellow), written(options.red))
        return " ".join(part for part in parts if part)

    def when(self, form: IndicatorForm) -> str:
        """From which baseline to which targets, by which shape, and the two lines."""
        options: PaceOptions = form.options(self.name)
        start = f"从{form.baseline.year}年基期" if form.baseline else "从基期（待填）"
        years = "、".join(f"{target.due.on.year}年" for target in form.targets)
        yellow, red = written(options.yellow), written(options.red)
        bands = f"进度落后超过全程的{yellow}%为滞后，超过{red}%为严重滞后"
        return f"{start}到{years}目标按{options.shape}比进度，{bands}"

    def verdict(self, item: Item, series: Series, facts: Facts) -> NumberVerdict:
        """By how much of the stretch the latest value is short of what is expected, unless it meets the target."""
        del facts
        form: IndicatorForm = item.rule.form
        options: PaceOptions = form.options(self.name)
        latest = series.latest
        if form.baseline is None:
            return awaiting("缺基期，填入后比较进度")
        if latest is None:
            return awaiting()
        found = _stretch(form, options, form.baseline, series.scale, latest.index)
        if found is None:
            return awaiting(f"{series.said(latest)}的数据不在比进度的期间内")
        said, target = (
            f"{series.said(latest)}{written(latest.value)}{form.measure}",
            _next_target(form, series.scale, latest),
        )
        if target and met(latest.value, target, form.direction):
            wanted = wish(target, form.measure, form.direction)
            return NumberVerdict(State.ON_TRACK, (latest,), f"{said}，已达到{target.due.words()}的目标（{wanted}）")
        if target and series.scale.covering(target.due.on) == latest.index and _is_judged_once(form):
            return awaiting(f"{series.said(latest)}由“达标”判断")
        expected, start, end = found
        behind = (expected - Fraction(latest.value)) / (end - start) * 100
        detail = f"{said}，序时应为{written(expected)}{form.measure}，{_how_far(latest, found, form)}"
        state = State.FAR_BEHIND if behind > Fraction(options.red) else State.BEHIND
        return NumberVerdict(state if behind > Fraction(options.yellow) else State.ON_TRACK, (latest,), detail)

    def remarks(self, form: IndicatorForm, indicators: Mapping[str, IndicatorForm]) -> Iterable[Remark]:
        """There must be targets better than the baseline, and sound nodes."""
        del indicators
        options: PaceOptions = form.options(self.name)
        if not form.targets:
            yield Remark("no-targets", (self.name,), "“序时”要有“目标”才有进度可比", "写上“目标”，或改用趋势")
        if form.baseline is None:
            yield Remark(
                "no-baseline", ("基期",), f"{form.id}还没有基期，填入之前不比较进度", "在“基期”里填上", info=True
            )
        else:
            yield from _flat(form, options, form.baseline, self.name)
        yield from _wrong_nodes(form, options, self.name)
        if options.red < options.yellow:
            message = f"“红线”{written(options.red)}小于“黄线”{written(options.yellow)}"
            yield Remark("bands-crossed", (self.name, "红线"), message, "红线应大于黄线，如 黄线: 10, 红线: 30")


def _stretch(
    form: IndicatorForm, options: PaceOptions, base: BaselineForm, scale: Scale, index: int
) -> tuple[Fraction, Fraction, Fraction] | None:
    """Expected value, start and end of the stretch of a period; None where the period is not judged."""
    now = scale.end(index)
    start = Waypoint(Fraction(base.year + 1), Fraction(base.value))
    targets = _targets(form, start)
    if not targets or not start.at < now <= targets[-1].at:
        return None
    if options.shape is Shape.LINE:
        before, after = next((one, two) for one, two in pairwise((start, *targets)) if now <= two.at)
        share = (now - before.at) / (after.at - before.at)
        found = (before.value + (after.value - before.value) * share, before.value, after.value)
    else:
        nodes = _nodes(options, scale)
        last = nodes[-1] if nodes else targets[-1]
        expected = _listed(options, nodes or targets, start, now)
        if expected is None:
            return None
        found = (expected, start.value, last.value)
    return found if _onward(found[1], found[2], form.direction) else None


def _targets(form: IndicatorForm, start: Waypoint) -> list[Waypoint]:
    """The targets after the baseline, in time."""
    marks = (Waypoint(year_time(target.due.on), Fraction(target.value)) for target in form.targets)
    return sorted((mark for mark in marks if mark.at > start.at), key=lambda mark: mark.at)


def _nodes(options: PaceOptions, scale: Scale) -> list[Waypoint]:
    found = ((scale.index(node.period), node.value) for node in options.nodes)
    marks = (Waypoint(scale.end(index), Fraction(value)) for index, value in found if index is not None)
    return sorted(marks, key=lambda mark: mark.at)


def _listed(options: PaceOptions, marks: list[Waypoint], start: Waypoint, now: Fraction) -> Fraction | None:
    """The node of exactly this period (对照表), or the last step up to it (阶梯)."""
    if options.shape is Shape.TABLE:
        return next((mark.value for mark in marks if mark.at == now), None)
    return [start, *(mark for mark in marks if mark.at <= now)][-1].value


def _onward(start: Fraction, end: Fraction, direction: Direction) -> bool:
    return end > start if direction is Direction.HIGHER else end < start


def _next_target(form: IndicatorForm, scale: Scale, point: Point) -> TargetForm | None:
    """The first target due at the end of a period or later."""
    ahead = (one for one in form.targets if year_time(one.due.on) >= scale.end(point.index))
    return min(ahead, key=lambda one: one.due.on, default=None)


def _is_judged_once(form: IndicatorForm) -> bool:
    return any(watch.name == "达标" for watch in form.watched)


def _how_far(latest: Point, way: tuple[Fraction, Fraction, Fraction], form: IndicatorForm) -> str:
    """差1个百分点（进度30%，应为50%）: the difference in the figure's own unit, progress as a share of the way.

    A figure that went the other way has no progress; it is said to be worse than where it began.
    """
    expected, start, end = way
    gap = (Fraction(latest.value) - expected) * (1 if end > start else -1)
    if gap == 0:
        return "与序时持平"
    done, due = ((value - start) / (end - start) * 100 for value in (Fraction(latest.value), expected))
    amount = f"{written(abs(gap))}{'个百分点' if form.measure == '%' else form.measure}"
    progress = f"进度{written(done)}%" if done >= 0 else "还没有进度，比起点差"
    return f"{'差' if gap < 0 else '超前'}{amount}（{progress}，应为{written(due)}%）"


def _flat(form: IndicatorForm, options: PaceOptions, base: BaselineForm, name: str) -> Iterable[Remark]:
    """Complains of a baseline or target that is already as good as the next target."""
    ahead = sorted((one for one in form.targets if one.due.on.year > base.year), key=lambda one: one.due.on)
    marks = [("基期", base.value), *((f"{target.due.words()}目标", target.value) for target in ahead)]
    if options.shape is not Shape.LINE and options.nodes:
        marks = [marks[0], (f"{options.nodes[-1].period}节点", options.nodes[-1].value)]
    for (word, before), (later, after) in pairwise(marks):
        if not _onward(Fraction(before), Fraction(after), form.direction):
            message = f"{word}的{written(before)}已达到{later}的{written(after)}，没有进度可比"
            yield Remark("nowhere-to-go", (name,), message, "改用“保持”；只看结果用“达标”")
            return


def _wrong_nodes(form: IndicatorForm, options: PaceOptions, name: str) -> Iterable[Remark]:
    """Complains of nodes that are no periods of the cadence or come twice, and of a table without any."""
    scale = Scale.of(form.reporting.cadence)
    if options.shape is Shape.TABLE and not options.nodes:
        yield Remark("no-nodes", (name, "形状"), "“对照表”没有“节点”", "写成“节点: [{期: 2026, 值: 96.4}]”")
    if options.shape is Shape.LINE and options.nodes:
        yield Remark("idle-nodes", (name, "节点"), "“直线”用不到“节点”", "删去节点，或写“形状: 对照表”")
    seen: set[str] = set()
    for place, node in enumerate(options.nodes):
        loc = (name, "节点", place, "期")
        if scale.index(node.period) is None:
            example = scale.label(scale.covering(form.targets[-1].due.on)) if form.targets else "2027"
            message = f"“{node.period}”不是{form.reporting.cadence.words()}报送的期别"
            yield Remark("bad-period", loc, message, f"写成“{example}”的样子")
        elif node.period in seen:
            yield Remark("period-twice", loc, f"“节点”里{node.period}写了两次", "一期只写一个值")
        seen.add(node.period)


KIND: Any = Pace()
