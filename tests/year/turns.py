"""The turns that a year takes, edit by edit and case by case: what the handbook's chapters describe, at dates of their own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from random import Random
from typing import Any

from tests.year.plan import Plan
from tests.year.record import ADMIN, LEADERS, ROOT, Act

RENAMED = ("县文体广电和旅游局", "县文化和旅游局")
MERGED = ("县科协", "县科技局")
SHARED = {"县司法局": "县委政法委"}  # two units, one chat
LATE_TASKS = ("T15", "T18")  # confirmed months after the others
OUTSIDE = ("tests/", "README")  # the rule tests would be mended with every edit; nobody reads README

Edit = tuple[str, str]  # what is written → what is written instead


def county() -> dict[str, str]:
    """The county's rule files as they are shipped."""
    found = sorted((ROOT / "rules").rglob("*.yaml"))
    texts = {path.relative_to(ROOT / "rules").as_posix(): path.read_text("utf-8") for path in found}
    return {name: text for name, text in texts.items() if not name.startswith(OUTSIDE)}


class Desk:
    """Where the rule files are edited and everything else is written down."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self.files, self.acts = dict(files), list[Act]()
        self.versions: list[tuple[str, Plan]] = [("", Plan(dict(files)))]
        self.chats: dict[str, str] = {}

    def act(self, at: str, do: str, **what: Any) -> None:
        """Something is done."""
        self.acts.append(Act(at, do, what))

    def letter(self, at: str, kind: str, **data: Any) -> None:
        """An event is written."""
        self.act(at, "letter", type=f"duban.{kind}", data=data)

    def save(self, at: str, edits: Mapping[str, Iterable[Edit]], new: Mapping[str, str] | None = None) -> None:
        """Files are edited and saved together; edits come in the order of time."""
        changed = dict(new or {})
        for name, pairs in edits.items():
            for old, text in pairs:
                before = changed.get(name, self.files[name])
                assert old in before, f"{name} has no {old}"
                changed[name] = before.replace(old, text)
        assert at > self.versions[-1][0], at
        self.files |= changed
        self.versions.append((at, Plan(dict(self.files))))
        self.act(at, "files", files=changed)

    def robots(self, at: str, **moved: str) -> None:
        """chats.yaml is saved, with a new robot for some chats."""
        self.chats |= moved
        self.act(at, "chats", chats=dict(self.chats))


def minutes(start: str, count: int) -> list[str]:
    """One minute after the other."""
    first = datetime.fromisoformat(start)
    return [f"{first + timedelta(minutes=n):%Y-%m-%dT%H:%M}" for n in range(count)]


def begin(desk: Desk) -> None:
    """Everybody gets a chat; all is confirmed but two tasks; the notice for 2027 is entered late."""
    units = desk.versions[0][1].units
    desk.robots("2026-12-01T07:40", **{name: SHARED.get(name, f"{name}#1") for name in (*units, ADMIN, LEADERS)})
    desk.act("2026-12-01T08:05", "confirm", tasks=LATE_TASKS, all_but=True)
    desk.save("2026-12-02T15:20", {}, {"calendars/2027.yaml": NOTICE_2027})


def winter(desk: Desk) -> None:
    """Baselines typed in one a minute, a floor put on a figure that should fall, the first new lead and the first new duty."""
    for at, (name, figure, year, value) in zip(minutes("2027-01-06T09:41", len(BASELINES)), BASELINES, strict=True):
        before = f"  口径: {figure}"
        text = desk.files[name]
        place = text.index("基期: # 待填", text.index(before))
        changed = (
            text[:place] + f"基期: {{年份: {year}, 值: {value}, 来源: 统计公报}}" + text[place + len("基期: # 待填") :]
        )
        desk.save(at, {}, {name: changed})
    desk.save(
        "2027-01-11T10:20",
        {"tasks/11.yaml": [("监测: [趋势: {窗口: 3, 最小变化: 0.1}, 报送]", "监测: [只增不减, 报送]")]},
    )
    desk.act("2027-01-12T09:15", "confirm", tasks=(), items=("T11-I1",))
    new_lead = [("牵头: {单位: 县教育局, 依据: 建议}", "牵头: {单位: 县委教育工委, 依据: 管理员}")]
    desk.save("2027-02-22T10:12", {"tasks/04.yaml": new_lead})
    desk.save("2027-02-24T09:03", {"tasks/02.yaml": [("事项:\n", f"事项:\n{NEW_DUTY}")]})
    desk.act("2027-03-10T16:02", "confirm", tasks=LATE_TASKS)


def spring(desk: Desk) -> None:
    """An undated item gets a date, a duty moves to another unit, the reform, and a figure of the county's own."""
    dated = ("编号: T13-D3\n    类型: 待定", "编号: T13-D3\n    类型: 节点\n    完成时限: 2027-06-30")
    desk.save("2027-04-12T11:05", {"tasks/13.yaml": [dated]})
    moved = (
        "配合: [县市场监管局, 县科技局]",
        "牵头: {单位: 县市场监管局, 依据: 管理员}\n    配合: [县教育局, 县科技局]",
    )
    desk.save("2027-04-20T15:47", {"tasks/08.yaml": [moved]})
    desk.act("2027-04-21T08:40", "confirm", tasks=(), items=("T08-R3",))
    old, new = RENAMED
    renamed = (f"名称: {old}, 性质: 政府部门,", f"名称: {new}, 性质: 政府部门, 曾用名: [{old}],")
    merged = (f"名称: {MERGED[0]}, 性质: 群团组织,", f"名称: {MERGED[0]}, 性质: 群团组织, 已并入: {MERGED[1]},")
    desk.save("2027-05-10T10:02", {"units.yaml": [renamed, merged]})
    named = [name for name, text in desk.files.items() if name.startswith("tasks/") and old in text]
    desk.save("2027-05-10T10:10", {name: [(old, new)] for name in named})
    desk.save("2027-05-20T10:33", {"tasks/02.yaml": [(OWN_FIGURES, OWN_FIGURES + NEW_FIGURE)]})


def autumn(desk: Desk) -> None:
    """A holiday of the county's own, the second new lead, a duty dropped, and next year's notice."""
    desk.save("2027-06-25T10:10", {}, {"calendars/县-2027.yaml": WORKED_SATURDAY})
    desk.save("2027-07-12T09:20", {}, {"calendars/县-2027.yaml": WORKED_SATURDAY.replace(*COUNTY_HOLIDAY)})
    before = "牵头: {单位: 县财政局, 依据: 建议}\n    配合: [县教育局, 县人社局]"
    second = "牵头: {单位: 县人社局, 依据: 管理员}\n    配合: [县教育局, 县财政局]"
    desk.save("2027-08-18T16:30", {"tasks/12.yaml": [(before, second)]})
    desk.act("2027-08-19T08:40", "confirm", tasks=(), items=("T12-R2",))
    text = desk.files["tasks/14.yaml"]
    first, last = text.index("  - 编号: T14-R3"), text.index("  - 编号: T14-R4")
    desk.save("2027-10-20T10:25", {"tasks/14.yaml": [(text[first:last], "")]})
    desk.save("2027-11-08T15:30", {}, {"calendars/2028.yaml": NOTICE_2028})


def platforms(desk: Desk) -> None:
    """A robot is gone for a week and mended, a chat gets another robot."""
    desk.act("2027-04-06T08:00", "mood", robot="县教育局#1", mood="dead")
    desk.act("2027-04-13T10:40", "mood", robot="县教育局#1", mood="well")
    desk.letter("2027-04-13T10:41", "robot_mended", robot="县教育局#1", by="李主任")
    desk.act("2027-09-06T09:50", "mood", robot="县财政局#1", mood="dead")
    desk.robots("2027-09-06T10:05", 县财政局="县财政局#2")


def cases(desk: Desk, dice: Random) -> None:
    """Cases with numbers that look like steps of one another, a pause, and something entered under a ban."""
    opened = {"rule": "T09-C1", "by": "督查室"}
    desk.letter("2027-03-02T09:40", "case_opened", case="2027-003", on="2027-03-02", category="上级转办", **opened)
    desk.letter("2027-03-03T09:15", "case_opened", case="2027-003-1", on="2027-03-03", category="媒体反映", **opened)
    desk.letter("2027-03-04T10:05", "closed", item="T09-C1@2027-003-1", by="督查室")
    for on, at in (("2027-03-16", "10:30"), ("2027-03-30", "11:10"), ("2027-04-16", "15:20"), ("2027-04-21", "09:50")):
        desk.act(f"{on}T{at}", "step", rule="T09-C1", case="2027-003", on=on)
    desk.letter("2027-05-17T09:40", "case_opened", rule="T05-C1", case="2027-001", on="2027-05-17", by="县教育局")
    desk.letter("2027-05-19T09:40", "case_paused", rule="T05-C1", case="2027-001", on="2027-05-19", reason="等待协查")
    desk.letter("2027-05-31T09:40", "case_resumed", rule="T05-C1", case="2027-001", on="2027-05-31")
    for on in ("2027-06-03", "2027-07-15", "2027-08-25"):
        desk.act(f"{on}T10:{dice.randint(10, 50)}", "step", rule="T05-C1", case="2027-001", on=on)
    desk.letter("2027-06-10T10:20", "case_opened", rule="T17-B2", case="2027-001", on="2027-06-10", by="督查室")
    desk.act("2027-07-08T15:30", "step", rule="T17-B2", case="2027-001", on="2027-07-08")


def silences(desk: Desk) -> None:
    """An item, a unit that shares a chat, and a chat are left in peace for a while."""
    said = {"by": "督查室"}
    desk.letter(
        "2026-12-22T10:00", "silenced", chat="县司法局", until="2027-02-15T23:59:00+08:00", reason="机构搬迁", **said
    )
    desk.letter(
        "2027-03-11T10:00", "silenced", item="T05-R1", until="2027-04-09T23:59:00+08:00", reason="等上级文件", **said
    )
    desk.letter(
        "2027-06-14T10:00", "silenced", chat="县财政局", until="2027-06-25T23:59:00+08:00", reason="集中审计", **said
    )


def turns(desk: Desk, dice: Random) -> None:
    """All of them."""
    begin(desk)
    winter(desk)
    spring(desk)
    autumn(desk)
    platforms(desk)
    cases(desk, dice)
    silences(desk)


#: (file, how its 口径 begins, year, value)
BASELINES = (
    ("indicators.yaml", "16至59岁人口", 2025, 10.2),
    ("indicators.yaml", "在校生含普通高中", 2025, 95.2),
    ("indicators.yaml", "县内没有高校", 2025, 66.5),
    ("indicators.yaml", "按生源地毕业生数据", 2025, 60.8),
    ("indicators.yaml", "按生源地本科在校生", 2025, 2410),
    ("indicators.yaml", "高级工及以上", 2025, 34.1),
)

NEW_DUTY = """  - 编号: T02-R21
    类型: 周期
    名称: 校园传染病防控检查情况
    周期: 每季度末
    依据: 管理员
    责任单位: [县卫生健康局, 县教育局]
    牵头: {单位: 县卫生健康局, 依据: 管理员}

"""

OWN_FIGURES = "监测指标: # 用数字衡量的要求；值报来之后才判断，报送时间和数据来源都是建议\n"

NEW_FIGURE = """  - 编号: T02-I21
    指标: 校园食品抽检合格率
    依据: 管理员
    计量单位: "%"
    方向: 越高越好
    责任单位: [县教育局, 县卫生健康局]
    牵头: {单位: 县教育局, 依据: 管理员}
    数据来源: 县卫生健康局
    报送: {周期: 每季度末, 应报: 次季度首月15日, 宽限: 5个工作日, 依据: 管理员}
    监测: [报送, 保持: {值: 98, 界: 不低于}]

"""

#: A Saturday that is worked, so that reminders by workdays move on the day on which they were given.
WORKED_SATURDAY = """年份: 2027
级别: 县
状态: 已公布
文件: 县里决定的放假和上班，原因见各行
发布日期: 2027-06-25
放假: []
上班: [2027-06-26]
"""
COUNTY_HOLIDAY = ("放假: []", "放假:\n  - {名称: 集中休假, 起: 2027-08-02, 止: 2027-08-11}")

NOTICE_2027 = """年份: 2027
状态: 已公布
文件: 国务院办公厅关于2027年部分节假日安排的通知
发布日期: 2026-11-04
放假:
  - {名称: 元旦, 起: 2027-01-01, 止: 2027-01-03}
  - {名称: 春节, 起: 2027-02-05, 止: 2027-02-11}
  - {名称: 清明节, 起: 2027-04-03, 止: 2027-04-05}
  - {名称: 劳动节, 起: 2027-05-01, 止: 2027-05-05}
  - {名称: 端午节, 起: 2027-06-09, 止: 2027-06-09}
  - {名称: 中秋节, 起: 2027-09-15, 止: 2027-09-15}
  - {名称: 国庆节, 起: 2027-10-01, 止: 2027-10-07}
上班: [2027-01-31, 2027-02-14, 2027-04-25, 2027-05-08, 2027-09-26, 2027-10-09]
学期:
  - {名称: 2027年春季学期, 开始: 2027-03-01, 结束: 2027-07-09, 依据: 建议}
  - {名称: 2027年秋季学期, 开始: 2027-09-01, 结束: 2028-01-14, 依据: 建议}
"""

NOTICE_2028 = """年份: 2028
状态: 已公布
文件: 国务院办公厅关于2028年部分节假日安排的通知
发布日期: 2027-11-04
放假:
  - {名称: 元旦, 起: 2028-01-01, 止: 2028-01-03}
  - {名称: 春节, 起: 2028-01-25, 止: 2028-01-31}
  - {名称: 清明节, 起: 2028-04-04, 止: 2028-04-04}
  - {名称: 劳动节, 起: 2028-05-01, 止: 2028-05-05}
  - {名称: 端午节, 起: 2028-05-27, 止: 2028-05-29}
  - {名称: 国庆节、中秋节, 起: 2028-10-01, 止: 2028-10-08}
上班: [2028-01-22, 2028-02-05, 2028-04-29, 2028-05-06]
学期:
  - {名称: 2028年春季学期, 开始: 2028-02-28, 结束: 2028-07-07, 依据: 管理员}
  - {名称: 2028年秋季学期, 开始: 2028-09-01, 结束: 2029-01-12, 依据: 管理员}
"""
