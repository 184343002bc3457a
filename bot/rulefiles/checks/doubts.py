"""Reports content that is valid but makes little sense: falling targets, ladders that never tell anybody, unsuitable words.

What can only be a mistake is an error; what may be meant is an info.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import combinations, pairwise

from bot.core.facts.plausible import bounds, counts_percent, doubt
from bot.core.facts.series import Scale
from bot.core.rules.aims import rounded, side, wish
from bot.core.rules.item import State
from bot.core.rules.rulebook import (
    Aim,
    Direction,
    IndicatorForm,
    ItemForm,
    Ladder,
    Role,
    RungForm,
    TargetForm,
    TaskForm,
)
from bot.core.rules.words import MonthDay, Side
from bot.core.time.grammar import WordError
from bot.rule_kinds import kinds
from bot.rulefiles.checks.crosscheck import Parts
from bot.rulefiles.checks.indicators import ways
from bot.rulefiles.text.problems import Path, repeated
from bot.rulefiles.text.sheet import Placed

#: States in which no rung is ever told.
UNSPOKEN = frozenset(
    {State.CLOSED, State.AWAITING_CHECK, State.PAUSED, State.UNDATED, State.ASSIGNED, State.NOTED, State.WITHDRAWN}
)

#: Words that demand instant replies or check-ins; the national rules against formalism forbid this in work groups.
_REPLY = "不得要求群内即时回复、打卡接龙"
_TRACE = "不得以截图、留痕代替工作"
_RANK = "不得在群里排名、通报"
_TONE = "提醒用语应平实，不催逼"
PRESSING = {
    **dict.fromkeys(("收到请回复", "收到回复", "请回复收到", "接龙", "打卡", "秒回"), _REPLY),
    **dict.fromkeys(("截图", "拍照上传", "点赞", "转发朋友圈"), _TRACE),
    **dict.fromkeys(("排名", "通报批评", "末位", "曝光"), _RANK),
    **dict.fromkeys(("务必", "立即", "不得有误", "严肃问责", "后果自负", "@所有人"), _TONE),
}
#: Words that mark secret or internal documents, which must not be quoted in a chat.
SECRET = ("涉密", "绝密", "机密", "秘密级", "工作秘密", "内部资料", "内部文件", "不得外传", "注意保密")


def doubts(parts: Parts) -> None:
    """Reports everything that looks like a mistake although every form is valid."""
    for indicator in parts.measured:
        _targets(indicator)
        _implausible(indicator)
        _too_early(parts, indicator)
    for ladder in parts.ladders.values():
        _rung_order(ladder)
    _silent(parts)
    _same_source(parts)
    _words(parts)


# --- indicators ----------------------------------------------------------------------------------------------------


def _worse(value: Decimal, than: Decimal, direction: Direction) -> bool:
    return value < than if direction is Direction.HIGHER else value > than


def _targets(indicator: Placed[IndicatorForm]) -> None:
    form = indicator.form
    for first, again, label in repeated(target.label for target in form.all_targets):
        year = f"{label}年" if label.isdigit() else label
        message = f"{year}有两个目标（第{first + 1}个和第{again + 1}个），编号都是{form.id}@{label}"
        indicator.report("target-twice", ("目标", again, "期限"), message, "一期只能有一个目标，删去或改期限")
    for index, target in enumerate(form.all_targets):
        _judgeable(indicator, index, target)
        if target.number is not None and target.sum_from is None and not target.relative:
            _below_baseline(indicator, index, target)
    plain = [(index, one) for index, one in enumerate(form.all_targets) if one in form.targets]
    for (_, before), (index, later) in pairwise(sorted(plain, key=lambda one: one[1].due.on)):
        if _worse(later.value, before.value, side(later, form.direction)):
            message = (
                f"{later.due.words()}的目标{rounded(later.value)}不如{before.due.words()}的{rounded(before.value)}"
            )
            hint = f"方向是“{form.direction}”，确认两个目标值有没有写反"
            indicator.report("target-falls-back", ("目标", index, "值"), message, hint, info=True)


def _implausible(indicator: Placed[IndicatorForm]) -> None:
    """Reports targets and a baseline that differ from the others as a slip of the decimal point does, or by their unit."""
    form, known = indicator.form, list[tuple[Path, str, Decimal]]()
    for index, target in enumerate(form.all_targets):
        if target.sum_from is None and not target.relative:
            known += [(("目标", index, key), *said) for key, said in zip(("值", "上限"), bounds(target), strict=False)]
    if form.baseline is not None:
        known.append((("基期", "值"), "基期的", form.baseline.value))
    found = []
    for at, _, value in known:
        why = doubt(value, form.measure, [(what, other) for place, what, other in known if place != at])
        if why:
            found.append((at, why, counts_percent(form.measure) and not 1 < abs(value) <= 100))
    surely = [one for one in found if one[2]] or found
    for at, why, _ in surely:
        indicator.report("implausible-value", at, why, "核对小数点和计量单位；没有写错的不用改", info=True)


def _judgeable(indicator: Placed[IndicatorForm], index: int, target: TargetForm) -> None:
    """Checks that values will be reported to compare with a target, and that its wording agrees with the direction."""
    form, cadence = indicator.form, indicator.form.reporting.cadence
    parts = {"H": 2, "Q": 4, "-": 12}.get(target.label[4:5], 1)
    if Scale.of(cadence).per_year < parts:
        message = f"“{target.due.words()}”的目标没有数据可比：报送是{cadence.words()}"
        indicator.report("target-too-fine", ("目标", index, "期限"), message, "改“报送”的周期，或把期限写成年")
    if target.number is None:
        message = f"“{wish(target, form.measure, form.direction)}”要等“基期”填上才能判断"
        indicator.report("no-baseline", ("目标", index), message, "在“基期”写上年份和值", info=True)
    elif side(target, form.direction) is not form.direction and target.aim is not Aim.STEADY:
        message = f"{wish(target, form.measure, form.direction)}，方向却是“{form.direction}”"
        indicator.report("aim-against-direction", ("目标", index, "措辞"), message, "确认方向和措辞", info=True)


def _below_baseline(indicator: Placed[IndicatorForm], index: int, target: TargetForm) -> None:
    """Reports a target below its baseline; only for 达到 and 左右, since 保持 and 以上 may be a lower limit on purpose."""
    form, base = indicator.form, indicator.form.baseline
    if base is None or base.year > target.due.on.year:
        return
    if _worse(target.value, base.value, form.direction):
        message = f"{target.due.words()}的目标{target.value}不如{base.year}年基期的{base.value}"
        hint = f"方向是“{form.direction}”，确认目标值、基期值和方向"
        promises = target.aim in (Aim.REACH, Aim.ABOUT, Aim.STRIVE, Aim.DOWN_TO) and target.upper is None
        indicator.report("target-below-baseline", ("目标", index, "值"), message, hint, info=not promises)


def _too_early(parts: Parts, indicator: Placed[IndicatorForm]) -> None:
    """Reports values that are due before their period, or the day they are counted on, is over."""
    reporting = indicator.form.reporting
    try:
        counted = MonthDay.parse(reporting.reference) if reporting.reference else None
    except WordError as error:
        indicator.report("bad-word", ("报送", "基准日"), error.problem, error.hint)
        return
    if parts.calendar is None or parts.plan is None:
        return
    start = parts.plan.form.starts_on
    periods = reporting.cadence.periods(parts.calendar, start, start.replace(year=start.year + 2, day=1))
    for period in periods:
        due = reporting.due.resolve(period, parts.calendar)
        known_on = min(period.ends, counted.in_year(period.ends.year)) if counted else period.ends
        if due < known_on:
            message = f"应报“{reporting.due.words()}”太早：{period.label}的数据到{known_on}才有，却应在{due}报"
            hint = "改为次年、次月或期满后；如按某一天统计，写上“基准日”"
            indicator.report("report-too-early", ("报送", "应报"), message, hint)
            return


# --- ladders -------------------------------------------------------------------------------------------------------


def _rung_order(ladder: Placed[Ladder]) -> None:
    rungs = ladder.form.rungs
    for (first, one), (again, other) in combinations(enumerate(rungs), 2):
        if one.offset == other.offset and _same_addressees(one, other):
            message = f"第{first + 1}级和第{again + 1}级都是{one.offset.words()}提醒{other.roles[0]}"
            ladder.report("rung-twice", ("级次", again, "时点"), message, "同一时点对同一对象只写一级")
    for index, (one, other) in enumerate(pairwise(rungs), 1):
        if _backwards(one, other):
            message = f"“{other.offset.words()}”写在了“{one.offset.words()}”后面"
            hint = "从早到晚写：提前多的在前，逾期久的在后（顺序不影响提醒）"
            ladder.report("rung-order", ("级次", index, "时点"), message, hint, info=True)


def _same_addressees(one: RungForm, other: RungForm) -> bool:
    same_state = not one.states or not other.states or bool(set(one.states) & set(other.states))
    return bool(set(one.roles) & set(other.roles)) and same_state


def _backwards(one: RungForm, other: RungForm) -> bool:
    """Whether `other`, which is listed after `one`, comes before it; on one side, only equal units without repeats compare."""
    sides = list(Side)
    if one.offset.side is not other.offset.side:
        return sides.index(one.offset.side) > sides.index(other.offset.side)
    if one.offset.unit is not other.offset.unit or one.offset.repeats or other.offset.repeats:
        return False
    later = other.offset.count > one.offset.count
    return later if one.offset.side is Side.BEFORE else other.offset.count < one.offset.count


def _silent(parts: Parts) -> None:
    """Reports a ladder that addresses nobody for an item that uses it."""
    for task, item in parts.items:
        kind = kinds()[item.form.kind]
        if kind.undated:
            continue
        name = item.form.ladder or kind.ladder
        _check_reach(parts, item, ("督办阶梯",), name, _unfilled_roles(task, item.form))
    for indicator in parts.measured:
        for watch in indicator.form.watched:
            if watch.name in ways():
                name = indicator.form.ladders.get(watch.name, ways()[watch.name].ladder)
                _check_reach(
                    parts, indicator, ("督办阶梯", watch.name), name, frozenset({Role.COOPERATING, Role.GUIDING})
                )


def _unfilled_roles(task: TaskForm | None, form: ItemForm) -> frozenset[Role]:
    """The roles that no unit has for this item: it has no data provider, and perhaps no cooperating unit."""
    units = form.units or (task.units if task else ())
    others = form.cooperating or (units[1:] if kinds()[form.kind].rest_cooperate else ())
    unfilled = {Role.PROVIDER: True, Role.COOPERATING: not others}
    unfilled[Role.GUIDING] = not (form.guiding or (task and task.guiding))
    return frozenset(role for role, nobody in unfilled.items() if nobody)


def _check_reach(
    parts: Parts, at: Placed[ItemForm] | Placed[IndicatorForm], loc: Path, name: str, unfilled: frozenset[Role]
) -> None:
    ladder = parts.ladders.get(name)
    if ladder is None or any(_reaches_anybody(rung, unfilled) for rung in ladder.form.rungs):
        return
    message = f"督办阶梯“{name}”对它从不提醒：各级的对象（或状态）这里都没有"
    roles = "、".join(role for role in Role if role not in unfilled)
    at.report("silent-ladder", loc, message, f"换一个阶梯，或让它提醒{roles}")


def _reaches_anybody(rung: RungForm, unfilled: frozenset[Role]) -> bool:
    return not unfilled.issuperset(rung.roles) and not (rung.states and UNSPOKEN.issuperset(rung.states))


# --- texts ---------------------------------------------------------------------------------------------------------


def _same_source(parts: Parts) -> None:
    """Reports two items of a task with the same citation: often one of them is too many."""
    for part in parts.tasks:
        cited = [item for item in part.items if item.form.source]
        for first, again, source in repeated(item.form.source for item in cited):
            one, other = cited[first], cited[again]
            message = f"{other.form.id}和{one.form.id}（{one.spot('出处')}）出自同一处：“{source}”"
            other.report("source-twice", ("出处",), message, "同一件事写成一个事项；不是同一件事则不必改", info=True)


def _words(parts: Parts) -> None:
    for part in parts.tasks:
        if part.head:
            _look_through(part.head, ("标题",), part.head.form.title, shown=True)
        for item in part.items:
            for loc, text, shown in _texts(item.form):
                _look_through(item, loc, text, shown=shown)
    for indicator in parts.measured:
        _look_through(indicator, ("指标",), indicator.form.title, shown=not indicator.form.sensitive)
        _look_through(indicator, ("口径",), indicator.form.method, shown=False)
        _look_through(indicator, ("说明",), indicator.form.remark, shown=False)


def _texts(form: ItemForm) -> Iterator[tuple[Path, str, bool]]:
    """Each text of an item with its path, and whether it is shown in chats."""
    shown = not form.sensitive
    yield ("名称",), form.title, shown
    yield ("说明",), form.remark, False
    for index, step in enumerate(getattr(form, "steps", ())):
        yield ("步骤", index, "名称"), step.title, shown
    for index, note in enumerate(form.notes):
        yield ("附注", index, "说明"), note.text, False


def _look_through(
    at: Placed[TaskForm] | Placed[ItemForm] | Placed[IndicatorForm], loc: Path, text: str, *, shown: bool
) -> None:
    if word := _first(SECRET, text):
        where = "会进群消息" if shown else "请确认能否写在这里"
        hint = "涉密和内部内容不得写进规则文件和群聊；只督办日期的，名称改得笼统些并标“敏感: 是”"
        at.report("secret-word", loc, f"“{word}”：{where}", hint, info=not shown)
    if word := _first(PRESSING, text):
        at.report("pressing-word", loc, f"“{word}”不宜写在这里：{PRESSING[word]}", "删去，或换平实的说法", info=True)


def _first(words: Iterable[str], text: str) -> str:
    return next((word for word in words if word in text), "")
