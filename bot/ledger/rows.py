"""台账: rules and facts as rows of tables.

The rows do not depend on a file format: the spreadsheet, the text and the comparison with an edited copy all use them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from bot.core.deciding.findings import Finding, judge, known_items
from bot.core.facts.facts import Facts
from bot.core.rules.item import SENSITIVE_TITLE, State, long_date
from bot.core.rules.rulebook import IndicatorForm, Rule, Rulebook, UnitForm
from bot.core.rules.words import DueDate, Precision
from bot.core.time.grammar import Word
from bot.core.time.zone import day_of
from bot.ledger.layout import (
    BY_NAME,
    EACH_GROUP,
    EACH_UNIT,
    FINAL,
    INDICATORS,
    ITEMS,
    LAYOUTS,
    LONGEST,
    PRELIMINARY,
    STEP,
    TARGETS,
    UNDATED,
    UNITS,
    VALUES,
    Cell,
    Layout,
    Row,
    Sort,
    Table,
    names_in,
    plain,
)


def tables(rulebook: Rulebook, facts: Facts, today: date, with_sensitive: bool = False) -> tuple[Table, ...]:
    """The whole ledger on that day. Without `with_sensitive`, sensitive items have only their id, units and dates."""
    maker = _RowMaker(rulebook, facts, today, with_sensitive)
    rows = {
        ITEMS: maker.items(),
        UNITS: maker.units(),
        INDICATORS: maker.indicators(),
        TARGETS: maker.targets(),
        VALUES: maker.values(),
    }
    return tuple(Table(layout, tuple(rows[layout.name])) for layout in LAYOUTS)


def due_cell(due: DueDate) -> Cell:
    """A due date for a cell: a date if it names a day, else its words."""
    return due.on if due.precision is Precision.DAY else due.words()


def guide(rulebook: Rulebook, today: date, with_sensitive: bool) -> list[str]:
    """The text of the first sheet: what the ledger is and how to fill it in."""
    lines = [
        f"督办台账　{rulebook.plan.title}",
        f"导出日期：{long_date(today)}　依据：{rulebook.plan.citation}",
        "",
        "一、改完存盘，执行 duban ledger import 文件名；先列出全部差别，确认后才写入。写错的地方会指出是哪张表哪一格。",
        "二、白底的格可以改；灰底的格由系统填写，改了也不读。表头蓝色的列可以改，绿色的列只在新增行填写，灰色的列不填。",
        "三、新增一行就是新增：写在表格末尾，事项的编号留空。删去一行不会删除规则；要停办的，在规则文件里处理。",
        "四、列可以调换、隐藏、加自己的列；表头和编号不要改。不要写公式，写算好的数。",
        "五、数据改了就是更正，原值留档；空着的不算报送。百分数写 96.8 或 96.8% 都可以。",
        "六、进展、延期、销号不从这里录入，用 duban done、close、extend。",
        "七、只在自己的电脑上保管，不要发到群里。"
        + ("本表含敏感事项的内容。" if with_sensitive else "敏感事项只有编号、单位和日期。"),
        "",
    ]
    for layout in LAYOUTS:
        about = f"（{layout.about}）" if layout.about else ""
        lines.append(f"【{layout.name}】{about}")
        lines += [f"　{one.title}：{one.about}" for one in layout.columns if one.about]
    return lines


def choices(rulebook: Rulebook) -> dict[Sort, list[str]]:
    """The choices offered in columns that name a unit or a task."""
    return {
        Sort.UNIT: list(rulebook.addressable),
        Sort.TASK: [task_cell(task.id, task.title) for task in rulebook.tasks],
    }


def target_keys(form: IndicatorForm) -> list[str]:
    """The key of each of an indicator's targets: its date, numbered where two targets share one."""
    words = [target.due.words() for target in form.all_targets]
    return [
        text if text not in words[:at] else f"{text}（{words[:at].count(text) + 1}）" for at, text in enumerate(words)
    ]


def task_cell(task_id: str, title: str) -> str:
    """A task for a cell, such as T05 高质量推动…; only the id is read back."""
    return f"{task_id} {title}"


class _RowMaker:
    """Makes the rows of all tables from rules, facts and the day's findings."""

    def __init__(self, rulebook: Rulebook, facts: Facts, today: date, with_sensitive: bool) -> None:
        self._rulebook, self._facts, self._today, self._all = rulebook, facts, today, with_sensitive
        self._found: dict[str, list[Finding]] = {}
        for finding in judge(rulebook, facts, today):
            self._found.setdefault(finding.item.parent or finding.item.rule.id, []).append(finding)

    def _hides(self, sensitive: bool) -> bool:
        return sensitive and not self._all

    # --- items ---

    def items(self) -> Iterator[Row]:
        tasks = {task.id: task.title for task in self._rulebook.tasks}
        for rule in self._rulebook.rules:
            if rule.owner in tasks and not isinstance(rule.form, IndicatorForm):
                yield self._item(rule, task_cell(rule.owner, tasks[rule.owner]))
                yield from self._steps(rule, task_cell(rule.owner, tasks[rule.owner]))

    def _item(self, rule: Rule, task: str) -> Row:
        hidden, found = self._hides(rule.sensitive), self._found.get(rule.id, [])
        own = [one for one in found if one.item.parent is None]
        cells: dict[str, Cell] = {
            "编号": rule.id,
            "事项": SENSITIVE_TITLE if hidden else rule.title,
            "依据": rule.basis.value,
            "出处": "" if hidden else rule.form.source,
            "牵头单位": rule.lead.unit if rule.lead else "",
            "牵头依据": rule.lead.basis.value if rule.lead else "",
            "配合单位": "、".join(rule.cooperating),
            "完成时限": _due(rule),
            "阶段目标": "" if hidden else _stages(rule),
            "进展": _standing(own, self._today),
            "延期": _extensions(own),
            "销号日期": self._closed_on(own),
            "类型": rule.kind.name,
            "任务": task,
            "责任单位": "、".join(rule.units),
            "敏感": "是" if rule.sensitive else "",
            "说明": "" if hidden else rule.form.remark,
        }
        locked = {"事项", "出处", "说明"} if hidden else set()
        if not _dated_here(rule):
            locked |= {column.title for column in BY_NAME[ITEMS].columns}
        elif not rule.kind.undated:
            locked.add("类型")
        if names_in(str(cells["配合单位"])) != rule.cooperating:
            locked.add("配合单位")
        return _row(BY_NAME[ITEMS], cells, locked)

    def _steps(self, rule: Rule, task: str) -> Iterator[Row]:
        """Rows of a milestone's steps; steps of kinds not edited here are shown in 阶段目标 instead."""
        found = {one.item.id: one for one in self._found.get(rule.id, []) if one.item.parent}
        for step in rule.kind.steps(rule.form):
            hidden = self._hides(rule.sensitive)
            own = [found[step.id]] if step.id in found else []
            cells: dict[str, Cell] = {
                "编号": step.id,
                "事项": SENSITIVE_TITLE if hidden else step.title,
                "依据": step.basis.value,
                "完成时限": due_cell(step.due) if step.due else None,
                "进展": _standing(own, self._today),
                "延期": _extensions(own),
                "销号日期": self._closed_on(own),
                "类型": STEP,
                "任务": task,
                "敏感": "是" if rule.sensitive else "",
            }
            open_here = {"依据", "完成时限"} if hidden else {"事项", "依据", "完成时限"}
            yield _row(BY_NAME[ITEMS], cells, {one.title for one in BY_NAME[ITEMS].columns} - open_here)

    def _closed_on(self, found: Iterable[Finding]) -> date | None:
        marks = (self._facts.marks.get(one.item.id) for one in found)
        days = [day_of(mark.at) for mark in marks if mark and mark.what == "closed"]
        return max(days, default=None)

    # --- the rest ---

    def units(self) -> Iterator[Row]:
        units = self._rulebook.units
        yield from (_unit(unit, EACH_UNIT) for unit in units.units)
        yield from (_unit(unit, EACH_GROUP) for unit in units.groups)

    def indicators(self) -> Iterator[Row]:
        for form in self._rulebook.indicators:
            yield self._indicator(form)

    def _indicator(self, form: IndicatorForm) -> Row:
        hidden, baseline = self._hides(form.sensitive), form.baseline
        rules = [rule for rule in self._rulebook.rules if rule.form.id == form.id]
        lead, units = (rules[0].lead, rules[0].units) if rules else (form.lead, form.units)
        reporting: Any = form.reporting
        cells: dict[str, Cell] = {
            "编号": form.id,
            "指标": SENSITIVE_TITLE if hidden else form.title,
            "计量单位": form.measure,
            "方向": form.direction.value,
            "责任单位": "、".join(units),
            "牵头单位": lead.unit if lead else "",
            "牵头依据": lead.basis.value if lead else "",
            "数据来源": form.provider,
            "口径": "" if hidden else form.method,
            "报送周期": reporting.cadence.words() if reporting else "",
            "应报": reporting.due.words() if reporting else "",
            "宽限": reporting.grace.words() if reporting else "",
            "报送依据": reporting.basis.value if reporting else "",
            "监测": "、".join(rule.kind.name for rule in rules),
            "敏感": "是" if form.sensitive else "",
        }
        if baseline and not hidden:
            cells |= {"基期年份": Decimal(baseline.year), "基期值": baseline.value, "基期来源": baseline.source}
        locked = {"指标", "口径", "基期年份", "基期值", "基期来源"} if hidden else set()
        if not reporting:
            locked |= {"报送周期", "应报", "宽限", "报送依据"}
        return _row(BY_NAME[INDICATORS], cells, locked)

    def targets(self) -> Iterator[Row]:
        for form in self._rulebook.indicators:
            for key, target in zip(target_keys(form), form.all_targets, strict=True):
                if not self._hides(form.sensitive):
                    cells: dict[str, Cell] = {
                        "编号": form.id,
                        "期限": key,
                        "指标": form.title,
                        "值": target.relative.words() if target.relative else target.number,
                        "措辞": target.aim.value,
                        "计量单位": form.measure,
                        "出处": target.source,
                    }
                    yield _row(BY_NAME[TARGETS], cells, {"值"} if target.relative else ())

    def values(self) -> Iterator[Row]:
        """Rows of reported values, and of periods that have begun and lack a value."""
        forms = {form.id: form for form in self._rulebook.indicators if not self._hides(form.sensitive)}
        order = list(forms)
        found = {key for key in self._facts.observations if key[0] in forms}
        found |= {
            (item.rule.form.id, item.period)
            for item in known_items(self._rulebook, self._today)
            if item.rule.form.id in forms and item.period and item.opens_on and item.opens_on <= self._today
        }
        for indicator, period in sorted(found, key=lambda one: (order.index(one[0]), one[1])):
            yield self._value(forms[indicator], period)

    def _value(self, form: IndicatorForm, period: str) -> Row:
        seen = self._facts.observations.get((form.id, period))
        cells: dict[str, Cell] = {"编号": form.id, "期别": period, "指标": form.title, "计量单位": form.measure}
        if seen:
            nature = FINAL if seen.final else PRELIMINARY
            cells |= {"数值": seen.value, "性质": nature, "录入日期": day_of(seen.at)}
        return _row(BY_NAME[VALUES], cells)


def _row(layout: Layout, cells: Mapping[str, Cell], locked: Iterable[str] = ()) -> Row:
    """A row from its cells by title; blank cells are None, and a text too long for a cell is cut and locked."""
    cut = {title for title, cell in cells.items() if isinstance(cell, str) and len(cell) > LONGEST}
    shown = [_short(cells.get(column.title)) for column in layout.columns]
    key = tuple(str(cells[title]) for title in layout.key_titles)
    return Row(key, tuple(shown), frozenset(locked) | cut)


def _short(cell: Cell) -> Cell:
    if isinstance(cell, str):
        return plain(cell)[:LONGEST] or None
    return cell


def _unit(unit: UnitForm, kind: str) -> Row:
    cells: dict[str, Cell] = {
        "编号": unit.id,
        "名称": unit.name,
        "性质": unit.kind,
        "别名": "、".join(unit.aliases),
        "曾用名": "、".join(unit.former_names),
        "已并入": unit.merged_into,
        "类别": kind,
    }
    return _row(BY_NAME[UNITS], cells, () if names_in(str(cells["别名"])) == unit.aliases else {"别名"})


def _dated_here(rule: Rule) -> bool:
    """Whether the rule's kind can be edited in the ledger; rows of other kinds are only shown."""
    if rule.id != rule.form.id:
        return False  # one of several rules of one form
    return rule.kind.undated or _written_date(rule) is not None


def _written_date(rule: Rule) -> Word | None:
    """The date or rhythm that may be set here, if the form has one."""
    cell = rule.kind.date_cell
    return getattr(rule.form, cell.field) if cell else None


def _due(rule: Rule) -> Cell:
    if not _dated_here(rule):
        return rule.kind.when(rule.form)
    date_or_rhythm = _written_date(rule)
    if date_or_rhythm is None:
        return None
    return due_cell(date_or_rhythm) if isinstance(date_or_rhythm, DueDate) else date_or_rhythm.words()


def _stages(rule: Rule) -> str:
    """The steps of a milestone with their dates; for an undated commitment, its proposed date."""
    proposed = getattr(rule.form, "proposed", None)
    if proposed:
        return f"建议时限{proposed.words()}"
    steps = getattr(rule.form, "steps", ())
    return "；".join(
        f"{step.title}（{step.due.words() if step.due else UNDATED}）" for step in steps if hasattr(step, "due")
    )


def _standing(found: Sequence[Finding], today: date) -> str:
    """The state of an item; for a recurring one, its late periods and the next one."""
    if len(found) == 1 and not found[0].item.period:
        return found[0].state.shown
    late = [one for one in found if one.state in (State.OVERDUE, State.UNREPORTED)]
    coming = next((one for one in found if one not in late and one.due_on and one.due_on >= today), None)
    words = [f"{'、'.join(_of(one) for one in late[:6])}{'等' if len(late) > 6 else ''}逾期"] if late else []
    return "；".join(words + ([f"{_of(coming)}{coming.state.shown}"] if coming else []))


def _of(finding: Finding) -> str:
    return finding.item.period or finding.item.id


def _extensions(found: Iterable[Finding]) -> str:
    granted = [one for one in found if one.extended]
    return "；".join(f"{one.item.period}延至{long_date(one.due_on)}{_why(one)}" for one in granted)


def _why(finding: Finding) -> str:
    """The reason of an extension; of a sensitive item nothing."""
    return f"（{finding.extended_for}）" if finding.extended_for and not finding.item.rule.sensitive else ""
