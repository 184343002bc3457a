"""The shape of the 台账: its tables, their columns, and who may write which.

The columns are those of the ledgers that supervision offices keep, as far as the system has data for them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from bot.core.rules.rulebook import Aim, Basis
from bot.rule_kinds import kinds

Cell = str | Decimal | date | None
RowKey = tuple[str, ...]

ITEMS, UNITS, INDICATORS, TARGETS, VALUES = "事项", "单位", "指标", "目标", "数据"
#: Kinds whose date may be written here, the kind without a date, and the letter in the ids of each.
DATED = {name: kind.date_cell for name, kind in kinds().items() if kind.date_cell}
UNDATED = next(name for name, kind in kinds().items() if kind.undated)
LETTERS = {name: kinds()[name].letter for name in (*DATED, UNDATED)}
STEP = "步骤"
FINAL, PRELIMINARY = "终值", "初步数"
EACH_UNIT, EACH_GROUP = "责任单位", "集体对象"
LONGEST = 20_000  # characters; a spreadsheet's cell holds 32,767
BASES = tuple(Basis)
_LIST = re.compile(r"[、，,;；\s/]+")


class Sort(StrEnum):
    """The type of a column's cells, which decides how they are read back."""

    TEXT = "文字"
    CHOICE = "选项"
    UNIT = "单位"
    UNITS = "单位列表"
    NAMES = "名称列表"
    TASK = "任务"
    DUE = "完成时限"
    CADENCE = "周期"
    LAG = "应报"
    GRACE = "宽限"
    NUMBER = "数值"
    PERIOD = "期别"
    DAY = "日期"


class Access(StrEnum):
    """Who may fill in a column: the office, the office in new rows only, or the system."""

    WRITE = "可以改"
    NEW = "新增行填写"
    READ = "系统填写"


@dataclass(frozen=True, slots=True)
class Column:
    """One column; `about` is its help text. A blank cell of an `optional` column means that the rule has no such value."""

    title: str
    access: Access
    sort: Sort = Sort.TEXT
    width: int = 12
    about: str = ""
    choices: tuple[str, ...] = ()
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """Cells in the order of the columns; `locked` are the titles of cells that may not be changed in this row."""

    key: RowKey
    cells: tuple[Cell, ...]
    locked: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Layout:
    """A table without its rows. The first `keys` columns identify a row."""

    name: str
    keys: int
    columns: tuple[Column, ...]
    grows: bool = False  # rows may be added
    about: str = ""

    def column(self, title: str) -> Column:
        """The column with that title. Raises KeyError when there is none."""
        return self.by_title[title]

    @property
    def by_title(self) -> Mapping[str, Column]:
        """The columns by title."""
        return {column.title: column for column in self.columns}

    @property
    def key_titles(self) -> tuple[str, ...]:
        """Titles of the columns that identify a row."""
        return tuple(column.title for column in self.columns[: self.keys])

    def writes(self, row: Row, title: str) -> bool:
        """Whether the office may change that cell of an existing row."""
        return self.by_title[title].access is Access.WRITE and title not in row.locked


@dataclass(frozen=True, slots=True)
class Table:
    """A layout with its rows."""

    layout: Layout
    rows: tuple[Row, ...]


def _columns(*columns: Column) -> tuple[Column, ...]:
    return columns


_WRITE, _NEW, _READ = Access.WRITE, Access.NEW, Access.READ

LAYOUTS: tuple[Layout, ...] = (
    Layout(
        ITEMS,
        1,
        _columns(
            Column("编号", _READ, width=13, about="新增事项留空，由系统编号"),
            Column("事项", _WRITE, width=40),
            Column("依据", _WRITE, Sort.CHOICE, 9, "方案：原文写明；管理员：人工确定；建议：确认之前不督办", BASES),
            Column("出处", _WRITE, width=26, about="方案原文片段，不超过20个字", optional=True),
            Column("牵头单位", _WRITE, Sort.UNITS, 18, "改后依据记作管理员；共同牵头的用顿号隔开", optional=True),
            Column("牵头依据", _READ, width=10),
            Column("配合单位", _WRITE, Sort.UNITS, 30, "几个单位之间用顿号", optional=True),
            Column(
                "完成时限",
                _WRITE,
                Sort.DUE,
                20,
                "节点写日期，如 2027年6月底；周期写多久一次，如 每季度末；给待定事项填上即开始督办",
            ),
            Column("阶段目标", _READ, width=28),
            Column("进展", _READ, width=22),
            Column("延期", _READ, width=18),
            Column("销号日期", _READ, Sort.DAY, 15),
            Column("类型", _WRITE, Sort.CHOICE, 9, "待定可以改成节点或周期，其余不改", (*DATED, UNDATED)),
            Column("任务", _NEW, Sort.TASK, 26, "新增事项属于哪项任务，如 T05"),
            Column("责任单位", _NEW, Sort.UNITS, 34, "新增事项不填则同任务"),
            Column("敏感", _READ, width=7),
            Column("说明", _WRITE, width=40, optional=True),
        ),
        grows=True,
        about="一行一个事项；节点的步骤各占一行，跟在节点后面",
    ),
    Layout(
        UNITS,
        1,
        _columns(
            Column("编号", _READ, width=18, about="新增单位写小写拼音，如 jiaoyuju"),
            Column("名称", _WRITE, width=24, about="改名后，规则里写到它的地方一起改"),
            Column("性质", _WRITE, width=12, optional=True),
            Column("别名", _WRITE, Sort.NAMES, 40, "常见的其他叫法，几个之间用顿号", optional=True),
            Column("曾用名", _READ, width=24, about="改名时自动记下"),
            Column("已并入", _READ, width=20),
            Column("类别", _NEW, Sort.CHOICE, 12, "不填就是责任单位", (EACH_UNIT, EACH_GROUP)),
        ),
        grows=True,
    ),
    Layout(
        INDICATORS,
        1,
        _columns(
            Column("编号", _READ, width=9),
            Column("指标", _WRITE, width=34),
            Column("计量单位", _READ, width=10),
            Column("方向", _READ, width=11),
            Column("责任单位", _READ, width=22),
            Column("牵头单位", _WRITE, Sort.UNITS, 18, "改后依据记作管理员；共同牵头的用顿号隔开", optional=True),
            Column("牵头依据", _READ, width=10),
            Column("数据来源", _WRITE, Sort.UNIT, 18, "报送数据的单位"),
            Column("口径", _WRITE, width=44, optional=True),
            Column("报送周期", _WRITE, Sort.CADENCE, 14, "如 每年、每季度末"),
            Column("应报", _WRITE, Sort.LAG, 16, "如 次年3月31日、期满后20个工作日"),
            Column("宽限", _WRITE, Sort.GRACE, 13, "如 10个工作日"),
            Column("报送依据", _WRITE, Sort.CHOICE, 10, "", BASES),
            Column("基期年份", _WRITE, Sort.NUMBER, 10, "如 2025", optional=True),
            Column("基期值", _WRITE, Sort.NUMBER, 11, "只写数字", optional=True),
            Column("基期来源", _WRITE, width=20, optional=True),
            Column("监测", _READ, width=16),
            Column("敏感", _READ, width=7),
        ),
    ),
    Layout(
        TARGETS,
        2,
        _columns(
            Column("编号", _READ, width=9),
            Column("期限", _READ, width=14),
            Column("指标", _READ, width=34),
            Column("值", _WRITE, Sort.NUMBER, 11, "只写数字"),
            Column("措辞", _WRITE, Sort.CHOICE, 9, "照录方案", tuple(Aim)),
            Column("计量单位", _READ, width=10),
            Column("出处", _WRITE, width=34, about="方案原文片段，不超过20个字", optional=True),
        ),
    ),
    Layout(
        VALUES,
        2,
        _columns(
            Column("编号", _NEW, width=9, about="指标编号，如 I4"),
            Column("期别", _NEW, Sort.PERIOD, 11, "如 2026、2026H1、2026Q1、2026-03"),
            Column("指标", _READ, width=34),
            Column("数值", _WRITE, Sort.NUMBER, 12, "只写数字；改了就是更正，原值留档"),
            Column("性质", _WRITE, Sort.CHOICE, 9, "不填就是终值；初步数不作评判", (FINAL, PRELIMINARY), True),
            Column("计量单位", _READ, width=10),
            Column("录入日期", _READ, Sort.DAY, 15),
        ),
        grows=True,
        about="一行一期；空着的是已经开始、还没有数据的",
    ),
)

BY_NAME: Mapping[str, Layout] = {layout.name: layout for layout in LAYOUTS}


def names_in(text: str) -> tuple[str, ...]:
    """The names in a list as people write it: 甲、乙, 甲，乙, or one on each line."""
    return tuple(part for part in _LIST.split(text.strip()) if part)


def plain(text: str) -> str:
    """A text as a spreadsheet returns it: line breaks are \\n, and there are none at its ends."""
    return re.sub("\r\n?", "\n", text).strip()
