"""Reads rules/*.yaml into a rulebook, or reports all problems of all files as file:line:column.

`assemble` is pure: the last good rulebook is stored as its files and rebuilt from them.
"""

from __future__ import annotations

import hashlib
import json
import os
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path as FolderPath
from typing import Any

from bot.core.rules.areas import spread
from bot.core.rules.kind import RuleKind
from bot.core.rules.rulebook import (
    IndicatorForm,
    ItemForm,
    Ladder,
    LeadForm,
    PlanForm,
    Rule,
    Rulebook,
    TaskForm,
    TaskIndicatorForm,
    UnitsForm,
    Watch,
)
from bot.core.rules.succession import of_today, succession
from bot.core.time.near import near, suggest
from bot.core.time.workdays import Calendar, CalendarYear, StatutoryTable
from bot.rule_kinds import kinds
from bot.rulefiles.checks.calendars import check_calendars
from bot.rulefiles.checks.crosscheck import Parts, TaskPart, crosscheck
from bot.rulefiles.checks.doubts import doubts
from bot.rulefiles.checks.indicators import read_indicators
from bot.rulefiles.remedies import known_keys
from bot.rulefiles.role_names import OwnCalls, own_calls
from bot.rulefiles.rule_tests import TestPart, read_tests
from bot.rulefiles.text.problems import START, Path, Problem, in_order
from bot.rulefiles.text.sheet import Placed, Sheet
from bot.rulefiles.text.tree import read

FOLDER = "rules"
PLAN = "plan.yaml"
SINGLE = (PLAN, "units.yaml", "ladders.yaml", "indicators.yaml")
SPEAK_OF_ROLES = ("ladders.yaml", "indicators.yaml", "tasks/")
REQUIRED = SINGLE[:3]
FOLDERS = ("tasks", "calendars", "tests")
STATUTORY = "calendars/法定节日.yaml"
FREE_TEXT = frozenset({"出处", "说明", "口径", "职责", "包含"})  # quotations, which may be in Chinese quotes


@dataclass(frozen=True, slots=True)
class Loaded:
    """The result of loading. `rulebook` is None exactly when a problem is an error. `tests` have been read but not run."""

    rulebook: Rulebook | None
    problems: tuple[Problem, ...]
    tests: tuple[TestPart, ...] = ()


def read_files(folder: FolderPath) -> dict[str, bytes]:
    """Every YAML file under the folder by its path inside it (`tasks/05.yaml`). Raises OSError.

    Names that begin with a dot or a tilde are ignored: editors and mounts create such files.
    """
    found: dict[str, bytes] = {}
    for path in rule_paths(folder):
        found[unicodedata.normalize("NFC", path.relative_to(folder).as_posix())] = path.read_bytes()
    return dict(sorted(found.items()))


def rule_paths(folder: FolderPath) -> list[FolderPath]:
    """The paths of the files that `read_files` reads. Raises OSError."""
    return [path for path in _walk(folder) if path.suffix.lower() in (".yaml", ".yml")]


def _walk(folder: FolderPath) -> Iterator[FolderPath]:
    """Files up to three folders deep; follows links. Raises OSError for a folder that cannot be listed."""
    for here, folders, names in os.walk(folder, onerror=_fail, followlinks=True):
        deep = len(FolderPath(here).relative_to(folder).parts) >= 3
        folders[:] = [] if deep else [name for name in folders if name[0] not in ".~"]
        yield from (FolderPath(here, name) for name in names if name[0] not in ".~")


def _fail(error: OSError) -> None:
    raise error


def load(folder: FolderPath, *, chats: Iterable[str] | None = None) -> Loaded:
    """Reads and assembles a folder; if it cannot be read, the result contains a problem that says so."""
    try:
        files = read_files(folder)
    except OSError as error:
        hint = "确认文件夹存在，并且当前用户有权读取"
        return Loaded(None, (Problem.at(FOLDER, START, "unreadable", f"规则文件夹读不了（{_why(error)}）", hint),))
    return assemble(files, chats=chats)


def _why(error: OSError) -> str:
    reasons = {FileNotFoundError: "不存在", PermissionError: "没有权限"}
    name = f"：{FolderPath(error.filename).name}" if error.filename else ""
    return reasons.get(type(error), type(error).__name__) + name


def assemble(files: Mapping[str, bytes], *, chats: Iterable[str] | None = None) -> Loaded:
    """The rulebook of these files. `chats` are the names that have a chat; with it, units without a chat are reported."""
    reading = _PartsReader(files)
    parts = reading.parts()
    crosscheck(parts, chats)
    doubts(parts)
    tests = reading.tests()
    problems = in_order(reading.problems)
    if any(problem.is_error for problem in problems):
        return Loaded(None, problems)
    return Loaded(_rulebook(parts), problems, tests)


class _PartsReader:
    """Reads files into `Parts`; collects problems."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.problems: list[Problem] = []
        self._sheets: dict[str, Sheet] = {}
        self._calls = OwnCalls()
        for name, raw in sorted(files.items(), key=lambda one: one[0] != PLAN):  # plan.yaml first, for its 称呼
            if self._belongs(name):
                self._open(name, raw)
        for name in REQUIRED:
            if name not in files:
                self._at_start(name, "missing-file", f"缺少规则文件 {name}")

    def _at_start(self, name: str, code: str, message: str, hint: str = "") -> None:
        self.problems.append(Problem.at(f"{FOLDER}/{name}", START, code, message, hint))

    def _belongs(self, name: str) -> bool:
        folder, _, last = name.rpartition("/")
        if not name.endswith(".yaml"):
            self._at_start(name, "unknown-file", f"不会读取“{name}”", "文件名以小写的 .yaml 结尾")
        elif folder in FOLDERS or name in SINGLE:
            return True
        elif folder:
            match = near(folder, FOLDERS)
            hint = (
                f"是不是应放在 {match}/ 里？" if match else "任务放在 tasks/，日历放在 calendars/，规则测试放在 tests/"
            )
            self._at_start(name, "unknown-file", f"不会读取“{name}”：没有 {folder}/ 这个文件夹", hint)
        else:
            self._at_start(name, "unknown-file", f"不会读取“{name}”", suggest(last, SINGLE))
        return False

    def _open(self, name: str, raw: bytes) -> None:
        tree, problems = read(raw, f"{FOLDER}/{name}", FREE_TEXT)
        self.problems.extend(problems)
        if tree is None:
            return
        if name == PLAN:
            self._calls = own_calls(tree.data, known_keys())
        elif self._calls.roles and name.startswith(SPEAK_OF_ROLES) and self._calls.used_in(tree):
            tree, twice = self._calls.read(tree, f"{FOLDER}/{name}")
            self.problems.extend(twice)
            self._sheets[name] = Sheet(f"{FOLDER}/{name}", tree, self.problems, self._calls.said)
            return
        self._sheets[name] = Sheet(f"{FOLDER}/{name}", tree, self.problems)

    def _in(self, folder: str) -> list[tuple[str, Sheet]]:
        return [(name, sheet) for name, sheet in sorted(self._sheets.items()) if name.startswith(f"{folder}/")]

    def parts(self) -> Parts:
        """The validated forms of everything that could be read."""
        plan, units, ladders, indicators = (self._sheets.get(name) for name in SINGLE)
        return Parts(
            plan=plan.form(PlanForm) if plan else None,
            units=units.form(UnitsForm) if units else None,
            ladders=_ladders(ladders) if ladders else {},
            ladder_names=tuple(ladders.tree.data) if ladders and isinstance(ladders.tree.data, dict) else None,
            ladder_sheet=ladders,
            tasks=tuple(_task(sheet) for _, sheet in self._in("tasks")),
            indicators=_indicators(indicators) if indicators else (),
            calendar=self._calendar(),
        )

    def tests(self) -> tuple[TestPart, ...]:
        """The valid rule tests; they are run later, with the whole rulebook."""
        return tuple(part for _, sheet in self._in("tests") for part in read_tests(sheet))

    def _calendar(self) -> Calendar | None:
        """The calendar; None if a calendar file has an error, and then days off are not checked."""
        tables: list[Placed[StatutoryTable] | None] = []
        years: list[Placed[CalendarYear] | None] = []
        for name, sheet in self._in("calendars"):
            if name == STATUTORY:
                tables.append(sheet.form(StatutoryTable))
            else:
                years.append(sheet.form(CalendarYear))
        good = [year for year in years if year]
        if _twin_calendars(good) or len(good) < len(years) or None in tables:
            return None
        table = next((one for one in tables if one), None)
        check_calendars(good, table)
        return Calendar.build([year.form for year in good], table.form if table else StatutoryTable())


def _twin_calendars(years: list[Placed[CalendarYear]]) -> bool:
    """Reports two files of one level for the same year; returns whether there are any."""
    seen: dict[tuple[int, str], Placed[CalendarYear]] = {}
    twins = False
    for one in years:
        other = seen.setdefault((one.form.year, one.form.level.value), one)
        if other is not one:
            twins = True
            message = f"{one.form.year}年的日历有两份，另一份在{other.spot('年份')}"
            one.report("duplicate-calendar", ("年份",), message, "同一年同一级别只能有一份")
    return twins


def _ladders(sheet: Sheet) -> dict[str, Placed[Ladder]]:
    if not isinstance(sheet.tree.data, dict):
        sheet.report("not-a-mapping", (), "这里应是若干行“阶梯名称:”，每个阶梯下面列出级次")
        return {}
    found = {name: sheet.form(Ladder, (name,)) for name in sheet.tree.data}
    return {name: ladder for name, ladder in found.items() if ladder}


def _indicators(sheet: Sheet) -> tuple[Placed[IndicatorForm], ...]:
    if not isinstance(sheet.tree.data, list):
        sheet.report("not-a-list", (), "这里应是列表，每项指标以“- 编号:”开头")
        return ()
    return read_indicators(sheet, (), IndicatorForm)


def _task(sheet: Sheet) -> TaskPart:
    """A task file; its items are read even if its head has errors."""
    head = sheet.form(TaskForm)
    raw = sheet.tree.data.get("事项") if isinstance(sheet.tree.data, dict) else None
    found = (_item(sheet, ("事项", index)) for index in range(len(raw) if isinstance(raw, list) else 0))
    items = tuple(item for item in found if item)
    listed = isinstance(sheet.tree.data, dict) and isinstance(sheet.tree.data.get("监测指标"), list)
    indicators = read_indicators(sheet, ("监测指标",), TaskIndicatorForm) if listed else ()
    if head:
        sound = {"items": tuple(item.form for item in items), "indicators": tuple(one.form for one in indicators)}
        head = Placed(sheet, (), head.form.model_copy(update=sound))
    return TaskPart(sheet, head, items, indicators)


def _item(sheet: Sheet, path: Path) -> Placed[ItemForm] | None:
    raw = sheet.tree.get(path)
    if not isinstance(raw, dict):
        return sheet.form(ItemForm, path)
    word = raw.get("类型")
    if not isinstance(word, str) or not word:
        sheet.report("missing", path, "缺少“类型”", f"可以写：{'、'.join(_item_kinds())}")
        return None
    kind = _item_kinds().get(word)
    if kind is None or kind.Params is None:
        sheet.report("unknown-kind", (*path, "类型"), f"没有“{word}”这个类型", _kind_hint(word))
        return None
    return sheet.form(kind.Params, path)


def _item_kinds() -> dict[str, RuleKind]:
    return {name: kind for name, kind in kinds().items() if kind.Params is not None}


def _kind_hint(word: str) -> str:
    if word in kinds():
        return f"“{word}”写在 indicators.yaml 的“监测”里"
    names = list(_item_kinds())
    match = near(word, names)
    question = f"是不是“{match}”？" if match else ""
    return f"{question}可以写：{'、'.join(names)}；还没有的类型先写在“待建规则”里"


# --- forms → rules -------------------------------------------------------------------------------------------------


def _rulebook(parts: Parts) -> Rulebook:
    """The rulebook; only called without errors, so that every part exists."""
    assert parts.plan is not None
    assert parts.units is not None
    assert parts.calendar is not None
    ladders = {name: ladder.form for name, ladder in parts.ladders.items()}
    names = succession(parts.units.form.everyone, ())
    tasks = tuple(of_today(part.head.form, names) for part in parts.tasks if part.head)
    alone = tuple(of_today(indicator.form, names) for indicator in parts.indicators)
    owned = [(task, form) for task in tasks for form in task.indicators]
    indicators = (*alone, *(form for _, form in owned))
    listed = frozenset(unit.name for unit in parts.units.form.today if unit.month_list)
    plan, units = parts.plan.form, parts.units.form
    items = [(task, of_today(one, names)) for task in tasks for form in task.items for one in spread(form, units)]
    rules = [_item_rule(plan, task, form, ladders) for task, form in items]
    rules += [_watch_rule(_of_indicator(form), watch, ladders) for form in alone for watch in form.watched]
    rules += [_watch_rule(_of_task(plan, task, form), watch, ladders) for task, form in owned for watch in form.watched]
    return Rulebook(
        plan=parts.plan.form,
        units=parts.units.form,
        ladders=ladders,
        tasks=tasks,
        indicators=indicators,
        calendar=parts.calendar,
        rules=tuple(replace(rule, listed=listed) for rule in rules),
        digest=_digest(parts.plan.form, parts.units.form, ladders, tasks, indicators, parts.calendar),
    )


def _item_rule(plan: PlanForm, task: TaskForm, form: ItemForm, ladders: Mapping[str, Ladder]) -> Rule:
    kind = kinds()[form.kind]
    units = form.units or task.units
    lead = form.lead or _inherited_lead(task, form)
    others = tuple(unit for unit in units if lead is None or unit not in lead.units)
    ladder = form.ladder or kind.ladder
    return Rule(
        id=form.id,
        kind=kind,
        form=form,
        owner=task.id,
        owner_title=task.title,
        citation=task.cited(plan),
        title=form.title,
        basis=form.basis,
        units=units,
        lead=lead,
        cooperating=form.cooperating or (others if kind.rest_cooperate else ()),
        provider="",
        ladder=ladders[ladder],
        ladder_name=ladder,
        sensitive=form.sensitive,
        guiding=form.guiding or task.guiding,
    )


def _inherited_lead(task: TaskForm, form: ItemForm | IndicatorForm) -> LeadForm | None:
    """The task's lead, unless the item has its own units and the lead is not one of them."""
    if not form.units or (task.chosen_lead and set(task.chosen_lead.units) <= set(form.units)):
        return task.chosen_lead
    return LeadForm(units=form.units, basis=form.basis) if len(form.units) == 1 else None


#: How a message cites an indicator that stands in no task.
CITED_AS = "指标"


@dataclass(frozen=True, slots=True)
class _Owned:
    """An indicator with the values it takes from its task, or from itself if it belongs to none."""

    form: IndicatorForm
    owner: str
    owner_title: str
    citation: str
    units: tuple[str, ...]
    lead: LeadForm | None


def _of_indicator(form: IndicatorForm) -> _Owned:
    return _Owned(form, form.id, form.title, CITED_AS, form.units, form.lead)


def _of_task(plan: PlanForm, task: TaskForm, form: IndicatorForm) -> _Owned:
    lead = form.lead or _inherited_lead(task, form)
    return _Owned(form, task.id, task.title, task.cited(plan), form.units or task.units, lead)


def _watch_rule(owned: _Owned, watch: Watch, ladders: Mapping[str, Ladder]) -> Rule:
    form, kind = owned.form, kinds()[watch.name]
    ladder = form.ladders.get(watch.name, kind.ladder)
    return Rule(
        id=f"{form.id}:{watch.name}",
        kind=kind,
        form=form,
        owner=owned.owner,
        owner_title=owned.owner_title,
        citation=owned.citation,
        title=form.title,
        basis=form.reporting.basis if kind.asks_for_values else form.basis,
        units=owned.units,
        lead=owned.lead,
        cooperating=(),
        provider=form.provider,
        ladder=ladders[ladder],
        ladder_name=ladder,
        sensitive=form.sensitive,
    )


def _digest(
    plan: PlanForm,
    units: UnitsForm,
    ladders: Mapping[str, Ladder],
    tasks: Iterable[TaskForm],
    indicators: Iterable[IndicatorForm],
    calendar: Calendar,
) -> str:
    """A hash of the content of the forms; it does not depend on comments, key order, file names or quoting."""
    content: dict[str, Any] = {
        "plan": _plain(plan),
        "units": _plain(units),
        "ladders": {name: _plain(ladder) for name, ladder in ladders.items()},
        "tasks": {task.id: _plain(task) for task in tasks},
        "indicators": [_plain(indicator) for indicator in indicators],
        "calendar": calendar.digest,
    }
    return hashlib.sha256(json.dumps(content, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def _plain(form: PlanForm | UnitsForm | Ladder | TaskForm | IndicatorForm) -> dict[str, Any]:
    return form.model_dump(mode="json", by_alias=True)
