"""The judge itself: one small example a kind, in which it finds the fault, and one in which it accepts what is right."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.year.book import Book
from tests.year.judge import KINDS, judged
from tests.year.record import LEADERS, Act, Said, Script, Year
from tests.year.turns import SHARED, county

HERE = Path(__file__).parent
BUREAU = "县教育局"
RULE = "幼儿园保育教育质量评估（T04-R2@2027）　时限6月30日，"
HOMEWORK = "作业总量达标学校占比（T08-I2:保持）　"
MISSED = f"{HOMEWORK}未达标　2026年93.2%，要求不低于100%"
RATIO = "生师比（T11-I1:只增不减）　未达标　2026年12.6，上年同期13.0"
FOR_LEADERS = "　责任单位：县教育局"


def letter(at: str, kind: str, **data: Any) -> Act:
    return Act(at, "letter", {"type": f"duban.{kind}", "data": data})


def value(at: str, figure: str, period: str, number: float) -> Act:
    return letter(at, "observed", indicator=figure, period=period, value=str(number), final=True)


def edit(at: str, name: str, *pairs: tuple[str, str]) -> Act:
    text = county()[name]
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    return Act(at, "files", {"files": {name: text}})


def said(at: str, *lines: str, chat: str = BUREAU, title: str = "", parts: int = 1) -> Said:
    return Said(f"{at}:01", chat, f"{at[:4]}-{at[5:16]}", title or f"【督办汇总】{chat}", lines, (), parts)


def year(*acts_and_messages: Act | Said, promises: Mapping[str, int] | None = None) -> Year:
    acts = sorted((one for one in acts_and_messages if isinstance(one, Act)), key=lambda act: act.at)
    messages = tuple(one for one in acts_and_messages if isinstance(one, Said))
    script = Script("2026-12-01T07:50", "2028-04-30T18:00", county(), tuple(acts), SHARED)
    return Year(script, messages, (), promises or {})


DONE = letter("2027-06-20T10:00", "done", item="T04-R2@2027")
EXTENDED = letter("2027-06-20T10:00", "extended", item="T04-R2@2027", to="2027-07-31", reason="等批复")
RETURNED = letter("2027-06-21T10:00", "returned", item="T04-R2@2027", reason="缺市级复核材料")
HANDED = said(
    "2026-12-01T09:26",
    "一、交办",
    "1． 指标　九年义务教育巩固率：2027年保持100%（牵头）",
    "· 数据报送（I3:报送）　每年报送",
)
INSPECTION = "幼儿园动态监管和办园行为督导（T04-R1@2026Q4）　时限2026年12月31日，"
MEETING = "教育强县建设月度调度（S03-R1@2027-01）　时限1月29日，"
LATER_MEETING = letter("2027-03-02T10:00", "closed", item="S03-R1@2027-02")
LATER_MEETING_IN_MAY = letter("2027-05-07T10:00", "closed", item="S03-R1@2027-02")
REPORT = "九年义务教育巩固率（2026年度）（I3:报送@2026）　时限11月30日，"
LATE_TASK = Act("2027-03-10T16:02", "confirm", {"tasks": ("T15",)})
TRAINING = "面向重点群体的职业培训（T15-R1@2026Q4）　"
NEW_LEAD = edit(
    "2027-02-22T10:12",
    "tasks/04.yaml",
    ("牵头: {单位: 县教育局, 依据: 建议}", "牵头: {单位: 县委教育工委, 依据: 管理员}"),
)
CASE = letter("2027-03-02T09:40", "case_opened", rule="T09-C1", case="2027-003", on="2027-03-02", category="上级转办")
STEP = Act("2027-03-04T09:40", "step", {"rule": "T09-C1", "case": "2027-003", "on": "2027-03-04"})
TAKEN_BACK = letter("2026-12-16T15:10", "withdrawn", what="observed", indicator="T08-I2", period="2026")
WRONG_VALUE = value("2026-12-15T10:20", "T08-I2", "2026", 93.2)
RIGHT_VALUE = value("2026-12-16T15:10", "T08-I2", "2026", 100)
LESS_PUPILS = (value("2026-12-08T15:00", "T11-I1", "2025", 13.0), value("2026-12-21T09:50", "T11-I1", "2026", 12.6))
BIRTHS = tuple(value(f"2027-03-18T09:{minute}", "T03-I2", str(1985 + minute), 3000) for minute in range(31, 41))
SEATS = "学龄人口与学位：幼儿园（T03-F1@幼儿园）　预警　缺2021—2022年出生人口"
LONG_LIST = [f"{n}． 教育强县建设月度调度（S03-R1@2027-{n:02}）　已逾期{400 - n}天" for n in range(1, 45)]


def removed(at: str) -> Act:
    text = county()["tasks/14.yaml"]
    gone = text[text.index("  - 编号: T14-R3") : text.index("  - 编号: T14-R4")]
    return edit(at, "tasks/14.yaml", (gone, ""))


CONTEST = "学生信息素养提升竞赛活动（T14-R3@2027）　时限10月31日，剩余15天（11个工作日）"

#: Kind → a year with the fault, a year without.
EXAMPLES: dict[str, tuple[Year, Year]] = {
    "late-before-heard": (
        year(HANDED, said("2026-12-15T09:26", f"1． {REPORT}宽限至12月14日，已逾期1天　请报送数据")),
        year(HANDED, said("2026-12-16T09:26", f"1． {REPORT}请于12月15日前补报，已逾期1天")),
    ),
    "late-though-new": (
        year(LATE_TASK, said("2027-03-11T09:26", f"1． {TRAINING}时限2026年12月31日，已逾期70天")),
        year(LATE_TASK, said("2027-03-11T09:26", f"1． {TRAINING}请于3月25日前补报")),
    ),
    "newcomer-blamed": (
        year(NEW_LEAD, said("2027-02-23T09:18", f"1． {INSPECTION}已逾期54天", chat="县委教育工委")),
        year(NEW_LEAD, said("2027-02-19T09:26", f"1． {INSPECTION}已逾期50天")),
    ),
    "list-on-another-day": (
        year(said("2027-02-24T09:27", "一、月度清单（逾期较久或未达标）", chat=LEADERS)),
        year(said("2027-02-01T09:27", "一、月度清单（逾期较久或未达标）", chat=LEADERS)),
    ),
    "day-off": (
        year(said("2027-01-02T09:26", f"1． {RULE}剩余7天")),
        year(said("2027-01-04T09:26", f"1． {RULE}剩余7天")),
    ),
    "outside-hours": (
        year(said("2027-01-04T12:10", f"1． {RULE}剩余7天")),
        year(said("2027-01-04T14:40", f"1． {RULE}剩余7天")),
    ),
    "crowded-minute": (
        year(said("2027-01-04T09:30", f"1． {RULE}剩余7天")),
        year(said("2027-01-04T09:31", f"1． {RULE}剩余7天")),
    ),
    "over-budget": (
        year(said("2027-01-04T09:26", f"1． {RULE}剩余7天"), said("2027-01-04T10:26", f"1． {RULE}剩余7天")),
        year(said("2027-01-04T09:26", f"1． {RULE}剩余7天"), said("2027-01-05T09:26", f"1． {RULE}剩余6天")),
    ),
    "rung-twice": (
        year(said("2027-06-24T09:26", f"1． {RULE}剩余6天"), said("2027-06-25T09:26", f"1． {RULE}剩余5天")),
        year(said("2027-06-15T09:26", f"1． {RULE}剩余15天"), said("2027-06-25T09:26", f"1． {RULE}剩余5天")),
    ),
    "chased-though-done": (
        year(DONE, said("2027-06-25T09:26", f"1． {RULE}剩余5天")),
        year(DONE, RETURNED, said("2027-06-25T09:26", f"1． {RULE}剩余5天")),
    ),
    "old-date": (
        year(EXTENDED, said("2027-06-25T09:26", f"1． {RULE}剩余5天")),
        year(EXTENDED, said("2027-07-16T09:26", "1． 幼儿园保育教育质量评估（T04-R2@2027）　时限7月31日，剩余15天")),
    ),
    "silence-ignored": (
        year(
            letter("2026-12-22T10:00", "silenced", chat="县司法局", until="2027-02-15T23:59:00+08:00", reason="搬迁"),
            said("2026-12-31T09:23", "1． 青少年法治宣传教育（T02-R1@2027-1）　剩余15天", chat="县委政法委"),
        ),
        year(
            letter("2026-12-22T10:00", "silenced", chat="县司法局", until="2027-02-15T23:59:00+08:00", reason="搬迁"),
            said("2026-12-31T09:23", "1． 校园周边环境综合治理（S03-R6@2026Q4）　今日到期", chat="县委政法委"),
        ),
    ),
    "untrue-verdict": (
        year(
            edit(
                "2026-12-10T09:00",
                "tasks/11.yaml",
                ("监测: [趋势: {窗口: 3, 最小变化: 0.1}, 报送]", "监测: [只增不减, 报送]"),
            ),
            *LESS_PUPILS,
            said("2026-12-22T09:26", f"1． {RATIO}"),
        ),
        year(WRONG_VALUE, said("2026-12-16T09:26", f"1． {MISSED}")),
    ),
    "verdict-of-the-future": (
        year(
            value("2027-07-05T15:40", "I1", "2035", 12.4),
            said("2027-07-06T09:26", "1． 平均受教育年限（I1@2035）　达标　完成值12.4年"),
        ),
        year(
            value("2027-07-05T15:40", "I1", "2027", 10.6),
            said("2027-07-06T09:26", "1． 平均受教育年限（I1@2027）　达标　完成值10.6年"),
        ),
    ),
    "last-word-untrue": (
        year(WRONG_VALUE, RIGHT_VALUE, said("2026-12-16T09:26", f"1． {MISSED}")),
        year(
            WRONG_VALUE,
            RIGHT_VALUE,
            said("2026-12-16T09:26", f"1． {MISSED}"),
            said("2026-12-17T09:26", f"1． {HOMEWORK}恢复　2026年100%"),
        ),
    ),
    "miss-untold": (year(WRONG_VALUE), year(WRONG_VALUE, said("2026-12-16T09:26", f"1． {MISSED}"))),
    "withdrawn-untold": (
        year(WRONG_VALUE, said("2026-12-16T09:26", f"1． {MISSED}"), TAKEN_BACK),
        year(
            WRONG_VALUE,
            said("2026-12-16T09:26", f"1． {MISSED}"),
            TAKEN_BACK,
            said("2026-12-17T09:26", f"1． {HOMEWORK}待公布　2026年的数据已撤回　此前的“未达标”不再作数"),
        ),
    ),
    "changed-value-untold": (
        year(WRONG_VALUE, value("2026-12-16T15:10", "T08-I2", "2026", 91), said("2026-12-16T09:26", f"1． {MISSED}")),
        year(
            WRONG_VALUE,
            value("2026-12-16T15:10", "T08-I2", "2026", 91),
            said("2026-12-17T09:26", f"1． {HOMEWORK}未达标　2026年91%，要求不低于100%"),
        ),
    ),
    "two-verdicts": (
        year(
            said(
                "2028-03-20T09:55",
                "1． 高技能人才（I8:序时）　严重滞后　2027年35.3%",
                "2． 高技能人才（I8@2027）　达标　完成值35.3%",
            )
        ),
        year(
            said(
                "2028-03-20T09:55",
                "1． 高技能人才（I8@2027）　达标　完成值35.3%",
                "2． 毕业生占比（I6:序时）　滞后　2027年61%",
            )
        ),
    ),
    "one-fact-twice": (
        year(
            said(
                "2027-11-29T09:26",
                "1． 巩固率（I3:保持）　未达标　2027年98.7%",
                "2． 巩固率2027年目标（I3@2027）　未达标　完成值98.7%",
            )
        ),
        year(said("2027-11-29T09:26", "1． 巩固率2027年目标（I3@2027）　未达标　完成值98.7%")),
    ),
    "progress-as-points": (
        year(
            said("2028-03-20T09:55", "1． 高技能人才（I8:序时）　滞后　2026年61.0%，序时应为62.25%，落后83.33个百分点")
        ),
        year(
            said(
                "2028-03-20T09:55",
                "1． 高技能人才（I8:序时）　滞后　2026年61.0%，序时应为62.25%，进度落后83.33个百分点",
            )
        ),
    ),
    "recovery-of-nothing": (
        year(said("2026-12-17T09:26", f"1． {HOMEWORK}恢复　2026年100%")),
        year(said("2026-12-16T09:26", f"1． {MISSED}"), said("2026-12-17T09:26", f"1． {HOMEWORK}恢复　2026年100%")),
    ),
    "told-while-typed": (
        year(*BIRTHS, said("2027-03-18T09:35", f"1． {SEATS}")),
        year(*BIRTHS, said("2027-03-18T10:12", f"1． {SEATS}")),
    ),
    "unchanged-again": (
        year(WRONG_VALUE, *(said(f"2027-0{month}-10T09:26", f"1． {MISSED}") for month in (1, 2, 3))),
        year(WRONG_VALUE, *(said(f"2027-0{month}-12T09:26", f"1． {MISSED}") for month in (1, 4, 7))),
    ),
    "made-good-since": (
        year(WRONG_VALUE, value("2027-11-29T10:05", "T08-I2", "2027", 100), said("2027-12-01T09:26", f"1． {MISSED}")),
        year(WRONG_VALUE, value("2027-11-29T10:05", "T08-I2", "2027", 99), said("2027-11-26T09:26", f"1． {MISSED}")),
    ),
    "reason-lost": (
        year(
            DONE,
            RETURNED,
            said("2027-06-21T10:05", "编号：T04-R2@2027　灯号：蓝灯（临期）", "经核实退回，请补充完善后再报。"),
        ),
        year(
            DONE,
            RETURNED,
            said("2027-06-21T10:05", "编号：T04-R2@2027　灯号：蓝灯（临期）", "经核实退回：缺市级复核材料。"),
        ),
    ),
    "register-untold": (
        year(DONE, said("2027-07-01T09:26", "一、临期")),
        year(DONE, said("2027-07-01T09:26", "一、已登记", "1． 幼儿园保育教育质量评估（T04-R2@2027）　已报办结，待核")),
    ),
    "progress-claimed": (
        year(said("2027-06-15T09:26", "一、正常推进", f"1． {RULE}剩余15天")),
        year(said("2027-06-15T09:26", "一、在办（未到期）", f"1． {RULE}剩余15天")),
    ),
    "not-handed-over": (
        year(NEW_LEAD),
        year(
            NEW_LEAD,
            *(
                said("2027-02-23T09:18", "一、交办", f"· 幼儿园（{rule}）　每年", chat="县委教育工委")
                for rule in ("T04-R1", "T04-R2")
            ),
        ),
    ),
    "never-withdrawn": (
        year(said("2027-10-16T09:26", f"1． {CONTEST}"), removed("2027-10-20T10:25")),
        year(
            said("2027-10-16T09:26", f"1． {CONTEST}"),
            removed("2027-10-20T10:25"),
            said("2027-10-21T09:26", "1． 学生信息素养提升竞赛活动（T14-R3@2027）　已取消，不再督办"),
        ),
    ),
    "rule-of-before": (
        year(removed("2027-10-20T10:25"), said("2027-10-26T09:26", f"1． {CONTEST}")),
        year(removed("2027-10-20T10:25"), said("2027-10-16T09:26", f"1． {CONTEST}")),
    ),
    "outlived-period": (
        year(LATER_MEETING, said("2027-04-01T09:27", f"1． {MEETING}已逾期62天", chat=LEADERS)),
        year(said("2027-04-01T09:27", f"1． {MEETING}已逾期62天", chat=LEADERS), LATER_MEETING_IN_MAY),
    ),
    "case-untold": (
        year(CASE),
        year(
            CASE,
            said(
                "2027-03-08T09:26", "编号：T09-C1@2027-003-1　灯号：红灯（逾期）", "完成时限：2027年3月5日（已逾期3天）"
            ),
        ),
    ),
    "case-said-over": (
        year(CASE, STEP, said("2027-03-05T09:26", "一、已办结", "1． 督办事项（T09-C1@2027-003-1）　已办结")),
        year(
            CASE, STEP, said("2027-03-05T09:26", "1． 督办事项（T09-C1@2027-003-2）　第1步办完，时限3月18日，剩余13天")
        ),
    ),
    "case-not-late": (
        year(CASE, said("2027-03-05T09:26", "1． 督办事项（T09-C1@2027-003-1）　时限3月4日，已逾期1天")),
        year(CASE, said("2027-03-09T09:26", "1． 督办事项（T09-C1@2027-003-1）　时限3月5日，已逾期4天")),
    ),
    "empty-heading": (
        year(said("2027-01-04T09:26", "一、逾期", "二、临期", f"1． {RULE}剩余7天")),
        year(said("2027-01-04T09:26", "一、临期", f"1． {RULE}剩余7天")),
    ),
    "empty-task": (
        year(said("2026-12-01T08:49", "一、交办", "1． 第（四）项　高标准推进学前教育优质普惠发展（配合）")),
        year(
            said(
                "2026-12-01T08:49",
                "一、交办",
                "1． 第（四）项　高标准推进学前教育优质普惠发展（配合）",
                "· 幼儿园（T04-R1）　每季度末",
            )
        ),
    ),
    "nested-quotation": (
        year(said("2027-01-04T09:26", "依据：第（十一）项““三区”人才等教师支教计划”")),
        year(said("2027-01-04T09:26", "依据：第（十一）项“‘三区’人才等教师支教计划”")),
    ),
    "list-too-long": (
        year(said("2027-02-01T09:27", "一、月度清单（逾期较久或未达标）", *LONG_LIST, chat=LEADERS)),
        year(
            said(
                "2027-02-01T09:27",
                "一、月度清单（逾期较久或未达标）",
                *LONG_LIST[:30],
                "其余14项：县委教育工委14",
                chat=LEADERS,
            )
        ),
    ),
    "list-out-of-order": (
        year(said("2027-02-01T09:27", "一、月度清单（逾期较久或未达标）", LONG_LIST[3], LONG_LIST[0], chat=LEADERS)),
        year(said("2027-02-01T09:27", "一、月度清单（逾期较久或未达标）", *LONG_LIST[:4], chat=LEADERS)),
    ),
    "repeats-scattered": (
        year(
            said("2027-07-05T09:26", f"1． {RULE}已逾期5天", "2． 读书（T02-R7@2027-1）　已逾期170天"),
            said("2027-07-13T09:26", f"1． {RULE}已逾期13天"),
            said("2027-07-15T09:26", "1． 读书（T02-R7@2027-1）　已逾期180天"),
        ),
        year(
            said("2027-07-05T09:26", f"1． {RULE}已逾期5天", "2． 读书（T02-R7@2027-1）　已逾期170天"),
            said("2027-07-13T09:26", f"1． {RULE}已逾期13天", "2． 读书（T02-R7@2027-1）　已逾期178天"),
        ),
    ),
    "promised-again": (
        year(promises={"T08-I2:保持 县教育局 恢复": 379}),
        year(promises={"T08-I2:保持 县教育局 恢复": 2}),
    ),
    "too-many-messages": (
        year(*(said(f"2027-0{m}-{d:02}T09:26", f"1． {RULE}剩余7天") for m in range(1, 10) for d in range(1, 10))),
        year(*(said(f"2027-0{m}-{d:02}T09:26", f"1． {RULE}剩余7天") for m in range(1, 10) for d in range(1, 7))),
    ),
    "hand-over-too-long": (
        year(said("2026-12-01T09:26", "共35项：交办24", "一、交办", "· 幼儿园（T04-R1）　每季度末", parts=4)),
        year(said("2026-12-01T09:26", "共35项：交办24", "一、交办", "· 幼儿园（T04-R1）　每季度末", parts=2)),
    ),
}


def kinds_of(one: Year) -> set[str]:
    return {found.kind for found in judged(one)}


@pytest.mark.parametrize("kind", EXAMPLES)
def test_the_fault_is_found(kind: str) -> None:
    assert kind in kinds_of(EXAMPLES[kind][0])


@pytest.mark.parametrize("kind", EXAMPLES)
def test_what_is_right_is_accepted(kind: str) -> None:
    assert kind not in kinds_of(EXAMPLES[kind][1])


def test_every_kind_has_an_example_and_a_meaning() -> None:
    assert set(EXAMPLES) == set(KINDS)


def test_a_finding_says_where_when_to_whom_and_why() -> None:
    [found] = [one for one in judged(EXAMPLES["reason-lost"][0]) if one.kind == "reason-lost"]
    assert (found.case, found.at, found.chat, found.line) == ("M1", "2027-06-21T10:00", BUREAU, "T04-R2@2027")
    assert "缺市级复核材料" in found.why


def test_one_line_may_speak_for_several_items_of_a_figure() -> None:
    one = said("2027-11-29T09:26", "1． 巩固率2027年目标（I3@2027、I3:保持）　未达标　完成值98.7%")
    assert [told.item for told in Book(year(one)).told] == ["I3@2027", "I3:保持"]
    assert "one-fact-twice" not in kinds_of(year(one))


def test_what_was_struck_off_by_mistake_and_withdrawn_was_not_struck_off() -> None:
    closed = letter("2027-06-20T10:00", "closed", item="T04-R2@2027", by="督查室")
    withdrawn = letter("2027-06-21T09:40", "withdrawn", what="closed", item="T04-R2@2027")
    asked = said("2027-06-25T09:26", f"1． {RULE}剩余5天")
    assert "chased-though-done" in kinds_of(year(closed, asked))
    assert "chased-though-done" not in kinds_of(year(closed, withdrawn, asked))


def test_a_rename_that_is_half_done_is_not_in_force() -> None:
    renamed = ("名称: 县科协, 性质: 群团组织,", "名称: 县科学技术协会, 性质: 群团组织, 曾用名: [县科协],")
    book = Book(year(edit("2027-05-10T10:02", "units.yaml", renamed)))
    assert [since for since, _ in book.versions] == [""]


BY_THEMSELVES = ("book", "days", "figures", "judge", "late", "people", "plan", "player", "record", "shape", "turns")


def imports_of(path: Path) -> Sequence[str]:
    tree = ast.parse(path.read_text("utf-8"))
    froms = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return [*froms, *(name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names)]


@pytest.mark.parametrize("name", BY_THEMSELVES)
def test_player_and_judge_know_nothing_of_the_code(name: str) -> None:
    allowed = {f"tests.year.{one}" for one in BY_THEMSELVES}
    for imported in imports_of(HERE / f"{name}.py"):
        assert imported.split(".")[0] != "bot"
        assert not imported.startswith("tests.") or imported in allowed or imported == "tests.year"
