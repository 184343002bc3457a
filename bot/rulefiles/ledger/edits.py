"""Turns the changes of an edited ledger into edits of rule files. Only `write_all` writes files.

For every edit the place of its cell (事项!E14) is recorded: if the edited rules have an error, it is reported for that cell.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from pathlib import Path as FolderPath
from typing import Any

from bot.core.rules.rulebook import Basis, Role, Rulebook
from bot.ledger.cells import shown
from bot.ledger.diff import Addition, CellChange, Comparison, Complaint
from bot.ledger.layout import (
    DATED,
    EACH_UNIT,
    INDICATORS,
    ITEMS,
    LETTERS,
    STEP,
    TARGETS,
    UNDATED,
    UNITS,
    Cell,
    names_in,
)
from bot.ledger.rows import target_keys
from bot.rulefiles.fixes import replace_unchanged
from bot.rulefiles.loader import FOLDER, FREE_TEXT
from bot.rulefiles.text.problems import Path, Problem
from bot.rulefiles.text.splice import Splice, SpliceError, Value
from bot.rulefiles.text.tree import read

#: The usual order of an entry's keys, which determines where a new key is inserted.
ITEM_ORDER = (
    *(
        "编号",
        "类型",
        "名称",
        "完成时限",
        "周期",
        "建议时限",
        "结果公布",
        "依据",
        "出处",
        "要素",
        "督办阶梯",
        "责任单位",
    ),
    *("牵头", "配合", "指导", "敏感", "曾用编号", "说明", "附注", "步骤"),
)
UNIT_ORDER = ("编号", "名称", "性质", "别名", "曾用名")
INDICATOR_ORDER = ("编号", "指标", "计量单位", "方向", "责任单位", "牵头", "数据来源", "口径", "报送", "基期", "目标")
TARGET_ORDER = ("期限", "值", "措辞", "出处")
#: Keys whose value is a name of its own or a text of the plan, not a reference to a unit.
NOT_REFERENCES = FREE_TEXT | {"名称", "标题", "指标", "别名", "曾用名", "性质", "任务", "编号"}


@dataclass(frozen=True, slots=True)
class Spot:
    """A place in an edited rule file, and the cell that caused the edit."""

    file: str
    path: Path
    where: str


@dataclass
class RuleEdits:
    """What would be written: whole files by name, and a sentence for each edit."""

    files: dict[str, bytes] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)
    complaints: list[Complaint] = field(default_factory=list)
    spots: list[Spot] = field(default_factory=list)

    def blamed(self, problems: Iterable[Problem]) -> list[str]:
        """Problems of the edited rules as text, each with the cell that caused it, if one did."""
        trees = {name: read(raw, name)[0] for name, raw in self.files.items()}
        cells: dict[tuple[str, int], list[tuple[int, str]]] = {}
        for spot in self.spots:
            tree = trees.get(spot.file)
            if tree is not None:
                place = tree.place(spot.path)
                cells.setdefault((f"{FOLDER}/{spot.file}", place.line), []).append((place.column, spot.where))
        return [f"{where}：{one}" if (where := _cell_of(one, cells)) else str(one) for one in problems]


def _cell_of(problem: Problem, cells: Mapping[tuple[str, int], list[tuple[int, str]]]) -> str:
    """The cell that caused the edit at the problem's place, or at the other place it mentions; empty if none did."""
    here = cells.get((problem.file, problem.line), [])
    if here:
        before = [one for one in here if one[0] <= problem.column]
        return max(before)[1] if before else min(here)[1]
    named = re.search(r"(rules/[^:]+):(\d+)", problem.message)
    there = cells.get((named[1], int(named[2])), []) if named else []
    return there[0][1] if there else ""


def draft(files: Mapping[str, bytes], rulebook: Rulebook, asked: Comparison) -> RuleEdits:
    """The edits that a comparison asks for; those that are impossible are added to its complaints."""
    return _Editing(files, rulebook, asked).run()


def write_all(folder: FolderPath, old: Mapping[str, bytes], new: Mapping[str, bytes]) -> None:
    """Writes all files, each atomically; if one fails, those already written are restored. Raises OSError."""
    done: list[str] = []
    try:
        for name, raw in new.items():
            replace_unchanged(folder / name, old[name], raw)
            done.append(name)
    except OSError:
        for name in done:
            replace_unchanged(folder / name, new[name], old[name])
        raise


class _Editing:
    def __init__(self, files: Mapping[str, bytes], rulebook: Rulebook, asked: Comparison) -> None:
        self._files, self._rulebook, self._asked = files, rulebook, asked
        self._out = RuleEdits(complaints=list(asked.complaints))
        self._splices = {name: Splice(name, raw) for name, raw in files.items() if not name.startswith("calendars/")}
        self._places = dict(self._numbered())
        self._ids = {*self._places, *self._former()}
        self._before: dict[str, Any] = {}

    def run(self) -> RuleEdits:
        for old, new in self._asked.renames.items():
            self._rename(old, new)
        steps: dict[str, Callable[[CellChange], None]] = {
            ITEMS: self._item, UNITS: self._unit, INDICATORS: self._indicator, TARGETS: self._target
        }  # fmt: skip
        for change in self._asked.changes:
            if change.table in steps:
                self._try(change.where, partial(steps[change.table], change))
        growing: dict[str, Callable[[Addition], None]] = {ITEMS: self._new_item, UNITS: self._new_unit}
        for addition in self._asked.additions:
            if addition.table in growing:
                self._try(addition.where, partial(growing[addition.table], addition))
        self._finish()
        return self._out

    def _try(self, where: str, step: Callable[[], None]) -> None:
        try:
            step()
        except SpliceError as error:
            self._out.complaints.append(Complaint(where, f"{FOLDER}/{error}"))

    def _finish(self) -> None:
        for name, splice in self._splices.items():
            try:
                raw = splice.result()
            except SpliceError as error:
                first = next((spot.where for spot in self._out.spots if spot.file == name), FOLDER)
                self._out.complaints.append(Complaint(first, f"{FOLDER}/{error}"))
                continue
            if raw != self._files[name]:
                self._out.files[name] = raw

    # --- places in files ---

    def _numbered(self) -> Iterator[tuple[str, tuple[str, Path]]]:
        """File and path of everything with a 编号 in tasks, indicators and units."""
        for name, splice in self._splices.items():
            if name.startswith("tasks/") or name in ("indicators.yaml", "units.yaml"):
                yield from ((id_, (name, path)) for id_, path in _entries(splice.data, ()))

    def _former(self) -> set[str]:
        return {
            str(former)
            for name, path in self._places.values()
            for former in _as_list(_data(self._splices[name].data, path).get("曾用编号"))
        }

    def _put(self, at: tuple[str, Path], key: str, value: Value, order: Sequence[str], where: str) -> int:
        """Sets a key and records the cell; returns the key's line in the old file."""
        name, path = at
        line = self._splices[name].line((*path, key))
        self._splices[name].put(path, key, value, order)
        self._out.spots.append(Spot(name, (*path, key), where))
        return line

    def _drop(self, at: tuple[str, Path], key: str, where: str) -> int:
        name, path = at
        line = self._splices[name].line((*path, key))
        self._splices[name].drop(path, key)
        self._out.spots.append(Spot(name, path, where))
        return line

    def _write(self, change: CellChange, at: tuple[str, Path], key: str, order: Sequence[str]) -> None:
        """Sets the one key that corresponds to a cell."""
        new, where = change.new, change.where
        line = self._drop(at, key, where) if new is None else self._put(at, key, _text(new), order, where)
        self._say(change, at[0], line)

    def _say(self, change: CellChange, file: str, line: int) -> None:
        change_ = f"{shown(change.old)} → {shown(change.new)}"
        self._out.words.append(
            f"{change.where}　{' '.join(change.key)} {change.title}：{change_}（{FOLDER}/{file}:{line}）"
        )

    def _today(self, names: Iterable[str]) -> list[str]:
        """The names that units have after this import."""
        return [self._asked.renames.get(name, name) for name in names]

    # --- units ---

    def _rename(self, old: str, new: str) -> None:
        found = {name: splice.rename(old, new, NOT_REFERENCES) for name, splice in self._splices.items()}
        count = sum(found.values())
        if count:
            self._out.words.append(
                f"规则里写到“{old}”的{count}处一起改成“{new}”（{sum(map(bool, found.values()))}个文件）"
            )
        self._out.words.append(f"config/chats.yaml 里“{old}”的群聊按曾用名接着用，可以不改；要改就改成“{new}”")

    def _unit(self, change: CellChange) -> None:
        at = self._places[change.key[0]]
        if change.title == "别名":
            self._names(change, at, "别名", names_in(str(change.new or "")))
            return
        self._write(change, at, change.title, UNIT_ORDER)
        if change.title == "名称":
            here = _data(self._splices[at[0]].data, at[1])
            for key in ("别名", "曾用名"):
                listed = [one for one in _as_list(here.get(key)) if one != change.new]
                kept = [*listed, str(change.old)] if key == "曾用名" else listed
                if kept != _as_list(here.get(key)):
                    self._listed(at, key, kept, UNIT_ORDER, change.where)

    def _names(self, change: CellChange, at: tuple[str, Path], key: str, names: Sequence[str]) -> None:
        self._say(change, at[0], self._listed(at, key, names, UNIT_ORDER, change.where))

    def _listed(self, at: tuple[str, Path], key: str, names: Sequence[str], order: Sequence[str], where: str) -> int:
        return self._put(at, key, list(names), order, where) if names else self._drop(at, key, where)

    def _new_unit(self, addition: Addition) -> None:
        cells = addition.cells
        entry: dict[str, Value] = {key: str(cells[key]) for key in ("编号", "名称", "性质") if key in cells}
        if "别名" in cells:
            entry["别名"] = list(names_in(str(cells["别名"])))
        group = str(cells.get("类别") or EACH_UNIT)
        self._grow(addition, "units.yaml", group, entry, {key: key for key in entry}, flow=True)
        self._out.words.append(f"{addition.where}　新增{group}“{cells['名称']}”（{FOLDER}/units.yaml）")

    def _grow(
        self,
        addition: Addition,
        name: str,
        key: str,
        entry: Mapping[str, Value],
        titles: Mapping[str, str],
        *,
        flow: bool,
    ) -> None:
        path = self._splices[name].append((), key, entry, flow=flow)
        self._out.spots.append(Spot(name, path, addition.where))
        for part in entry:
            where = addition.wheres.get(titles.get(part, ""), addition.where)
            self._out.spots.append(Spot(name, (*path, part), where))

    # --- items ---

    def _item(self, change: CellChange) -> None:
        at = self._places.get(change.key[0])
        if at is None:  # a row that the rules make of another entry (分区)
            message = f"{change.key[0]}是按“分区”自动列出的一行，这里不能改"
            hint = "在规则文件里改它所属的事项：全部分区一起改的改事项本身，只改一个的写在“分区”那一处"
            self._out.complaints.append(Complaint(change.where, message, hint))
            return
        if change.title == "牵头单位":
            self._lead(change, at, ITEM_ORDER)
        elif change.title == "配合单位":
            self._cooperating(change, at)
        elif change.title == "完成时限":
            self._due(change, at)
        elif change.title == "类型":
            self._write(change, at, "类型", ITEM_ORDER)
            if _data(self._splices[at[0]].data, at[1]).get("建议时限") is not None:
                self._drop(at, "建议时限", change.where)
        else:
            keys = {"事项": "名称"}
            self._write(change, at, keys.get(change.title, change.title), ITEM_ORDER)

    def _due(self, change: CellChange, at: tuple[str, Path]) -> None:
        kind = _data(self._splices[at[0]].data, at[1]).get("类型", STEP)
        if kind == UNDATED:
            kind = next(str(one.new) for one in self._asked.changes if (one.key, one.title) == (change.key, "类型"))
        self._write(change, at, DATED[str(kind)].key if kind in DATED else "完成时限", ITEM_ORDER)

    def _lead(self, change: CellChange, at: tuple[str, Path], order: Sequence[str]) -> None:
        """Sets the lead with the basis 管理员; a blank cell removes the item's own lead, and the task's applies."""
        name, path = at
        key = self._role_key(at, Role.LEAD, "牵头")
        own = isinstance(_data(self._splices[name].data, path).get(key), dict)
        if change.new is None:
            if not own:
                self._out.complaints.append(
                    Complaint(change.where, "牵头单位沿用任务的，不能清空", "写上别的单位，或照原样")
                )
                return
            self._say(change, name, self._drop(at, key, change.where))
            return
        units = self._today(names_in(str(change.new)))
        value: Value = units[0] if len(units) == 1 else units
        if own:
            line = self._put((name, (*path, key)), "单位", value, (), change.where)
            self._put((name, (*path, key)), "依据", Basis.ADMIN.value, (), change.where)
        else:
            lead: Any = {"单位": value, "依据": Basis.ADMIN.value}
            line = self._put(at, key, lead, order, change.where)
        self._say(change, name, line)

    def _cooperating(self, change: CellChange, at: tuple[str, Path]) -> None:
        key = self._role_key(at, Role.COOPERATING, "配合")
        if change.new is None and not _data(self._splices[at[0]].data, at[1]).get(key):
            message = "没有单独写配合单位，按任务的其余责任单位算，不能清空"
            self._out.complaints.append(Complaint(change.where, message, "写明要留下的单位"))
            return
        names = self._today(names_in(str(change.new or "")))
        self._say(change, at[0], self._listed(at, key, names, ITEM_ORDER, change.where))

    def _role_key(self, at: tuple[str, Path], role: Role, usual: str) -> str:
        """The key of a role in this entry: the plan may have its own name for it."""
        called = self._rulebook.plan.called_briefly(role)
        return called if called in _data(self._splices[at[0]].data, at[1]) else usual

    def _new_item(self, addition: Addition) -> None:
        cells, task = addition.cells, str(addition.cells["任务"])
        kind = str(cells["类型"])
        id_ = self._next_id(task, kind)
        entry: dict[str, Value] = {"编号": id_, "类型": kind, "名称": str(cells["事项"])}
        titles = {
            "名称": "事项",
            "牵头": "牵头单位",
            "配合": "配合单位",
            **{cell.key: "完成时限" for cell in DATED.values()},
        }
        if kind in DATED:
            entry[DATED[kind].key] = _text(cells["完成时限"])
        entry["依据"] = str(cells["依据"])
        for key, title in (
            ("出处", "出处"),
            ("责任单位", "责任单位"),
            ("牵头", "牵头单位"),
            ("配合", "配合单位"),
            ("说明", "说明"),
        ):
            if cells.get(title) is not None:
                entry[key] = self._entry_value(key, str(cells[title]))
        titles |= {key: key for key in entry if key not in titles}
        self._grow(addition, self._places[task][0], "事项", entry, titles, flow=False)
        when = _text(cells.get("完成时限") or UNDATED)
        self._out.words.append(
            f"{addition.where}　新增{kind} {id_}“{shown(cells['事项'])}”，{when}（{FOLDER}/{self._places[task][0]}）"
        )

    def _entry_value(self, key: str, text: str) -> Any:
        if key == "牵头":
            units = self._today(names_in(text))
            return {"单位": units[0] if len(units) == 1 else units, "依据": Basis.ADMIN.value}
        return self._today(names_in(text)) if key in ("责任单位", "配合") else text

    def _next_id(self, task: str, kind: str) -> str:
        """The next id of a kind in a task; former ids are not used again."""
        pattern = re.compile(rf"{re.escape(task)}-{LETTERS[kind]}(\d+)")
        taken = [int(found[1]) for one in self._ids if (found := pattern.fullmatch(one))]
        id_ = f"{task}-{LETTERS[kind]}{max(taken, default=0) + 1}"
        self._ids.add(id_)
        return id_

    # --- indicators ---

    def _indicator(self, change: CellChange) -> None:
        at = self._places[change.key[0]]
        reporting = {"报送周期": "周期", "应报": "应报", "宽限": "宽限", "报送依据": "依据"}
        if change.title == "牵头单位":
            self._lead(change, at, INDICATOR_ORDER)
        elif change.title in reporting:
            order = ("周期", "基准日", "应报", "宽限", "依据")
            self._write(change, (at[0], (*at[1], "报送")), reporting[change.title], order)
        elif change.title.startswith("基期"):
            self._baseline(change, at)
        elif change.title == "数据来源":
            line = self._put(at, "数据来源", self._today([str(change.new)])[0], INDICATOR_ORDER, change.where)
            self._say(change, at[0], line)
        else:
            self._write(change, at, change.title, INDICATOR_ORDER)

    def _baseline(self, change: CellChange, at: tuple[str, Path]) -> None:
        """Applies cells of a baseline: without an old baseline the first cell writes all of it; cleared cells remove it."""
        keys = {"基期年份": "年份", "基期值": "值", "基期来源": "来源"}
        mine = [one for one in self._asked.changes if one.table == INDICATORS and one.key == change.key]
        mine = [one for one in mine if one.title in keys]
        cleared = {"基期年份", "基期值"} <= {one.title for one in mine if one.new is None}
        if not cleared and isinstance(self._old_entry(at).get("基期"), dict):
            self._write(change, (at[0], (*at[1], "基期")), keys[change.title], tuple(keys.values()))
            return
        if change is mine[0]:
            given = {keys[one.title]: _text(one.new) for one in mine if one.new is not None}
            if cleared:
                self._drop(at, "基期", change.where)
            else:
                value = {key: given[key] for key in keys.values() if key in given}
                self._put(at, "基期", value, INDICATOR_ORDER, change.where)
        self._say(change, at[0], self._splices[at[0]].line((*at[1], "基期")))

    def _old_entry(self, at: tuple[str, Path]) -> Any:
        """The entry in the old file, before any edit."""
        name, path = at
        if name not in self._before:
            self._before[name] = Splice(name, self._files[name]).data
        return _data(self._before[name], path)

    def _target(self, change: CellChange) -> None:
        name, path = self._places[change.key[0]]
        form = next(one for one in self._rulebook.indicators if one.id == change.key[0])
        index = target_keys(form).index(change.key[1])
        self._write(change, (name, (*path, "目标", index)), change.title, TARGET_ORDER)


def _entries(data: Any, path: Path) -> Iterator[tuple[str, Path]]:
    """Every mapping with a 编号, in a list or at the root, with its path."""
    if isinstance(data, dict):
        if isinstance(data.get("编号"), str):
            yield data["编号"], path
        for key, value in data.items():
            yield from _entries(value, (*path, key))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from _entries(value, (*path, index))


def _data(data: Any, path: Path) -> Any:
    for part in path:
        data = data[part]
    return data


def _as_list(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value or ())


def _text(cell: Cell) -> str:
    """A cell's value as it is written in a rule file."""
    return f"{cell:f}" if isinstance(cell, Decimal) else str(cell)
