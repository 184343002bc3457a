"""Counties to simulate: a busy small one with good and bad edits of its rule files, and the real one."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from bot.rulefiles.loader import read_files
from tests.kit.rules_factory import LADDERS, TASK, edited, rule_files

CHATS = ("县委教育工委", "县教育局", "县财政局", "管理员", "领导小组")
_DAYS = [(10, "县教育局"), (20, "县财政局")]

KEEN = LADDERS + (
    "勤:\n  - {时点: 提前7天, 对象: 牵头单位, 形式: 汇总}\n  - {时点: 提前3天, 对象: 牵头单位, 形式: 汇总}\n"
    "  - {时点: 当天, 对象: 牵头单位, 形式: 单发}\n  - {时点: 逾期每5天, 对象: [牵头单位, 管理员], 形式: 单发}\n"
)


def _duty(index: int, day: int, unit: str, title: str = "月度工作") -> str:
    return (
        f"  - 编号: T05-R{index}\n    类型: 周期\n    名称: 第{index}项{title}\n    周期: 每月{day}日\n    依据: 管理员\n"
        f"    牵头: {{单位: {unit}, 依据: 管理员}}\n    督办阶梯: 勤\n"
    )


@cache
def lean() -> tuple[Mapping[str, bytes], ...]:
    """A few dates a year, for long stories: good folders, the first is where a story begins."""
    whole = edited(TASK, "每年3月15日、9月15日", "每年3月15日、6月15日、9月15日、12月15日")
    return tuple(
        rule_files({"tasks/05.yaml": task, "ladders.yaml": ladders})
        for task, ladders in (
            (whole, LADDERS),
            (edited(whole, "3月15日", "3月25日"), LADDERS),
            (edited(whole, "完成时限: 2027年底", "完成时限: 2027-11-30"), LADDERS),
            (whole, edited(LADDERS, "提前7天", "提前9天")),
        )
    )


def _busy(shift: int = 0, leave_out: int = 0, title: str = "月度工作") -> str:
    duties = [
        _duty(index, day + shift, unit, title) for index, (day, unit) in enumerate(_DAYS, 2) if index != leave_out
    ]
    return edited(TASK, "待建规则:", "".join(duties) + "待建规则:")


@cache
def good() -> tuple[Mapping[str, bytes], ...]:
    """Rule folders that may follow one another; the first is where a story begins."""
    wordy = _busy(
        title="月度工作，请责任单位按实施方案逐项核对进展，附佐证材料清单，重点说明未完成事项的原因、措施和时限" * 3
    )
    return tuple(
        rule_files({"tasks/05.yaml": task, "ladders.yaml": ladders})
        for task, ladders in (
            (_busy(), KEEN),
            (_busy(shift=2), KEEN),
            (_busy(leave_out=3), KEEN),
            (wordy, KEEN),
            (
                _busy(),
                edited(KEEN, "提前3天, 对象: 牵头单位, 形式: 汇总", "提前2天, 对象: [牵头单位, 配合单位], 形式: 汇总"),
            ),
            (edited(_busy(), "每年3月15日、9月15日", "每年3月5日、9月15日"), KEEN),
        )
    )


@cache
def bad() -> tuple[Mapping[str, bytes], ...]:
    """Rule folders that must be refused."""
    first = dict(good()[0])
    task = first["tasks/05.yaml"].decode()
    return (
        first | {"tasks/05.yaml": edited(task, "2027年底", "2027-13-01").encode()},
        first | {"tasks/05.yaml": b"\xff\xfe"},
        first | {"ladders.yaml": b""},
        first | {"units.yaml": edited(first["units.yaml"].decode(), "县财政局", "县教育局").encode()},
        first | {"tasks/05.yaml": task[: len(task) // 2].encode()},
    )


@cache
def real() -> Mapping[str, bytes]:
    """The county's own rules."""
    return read_files(Path(__file__).parents[2] / "rules")
