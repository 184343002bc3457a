"""Short builders for tests of the core: rulebooks written as an admin would write them, read by the real loader."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from functools import cache, lru_cache
from pathlib import Path

from bot.core.deciding.addressees import ADMIN, LEADING_GROUP, Directory
from bot.core.deciding.hearing import Hearings
from bot.core.deciding.memory import PastTelling, Tellings
from bot.core.facts.events import Event, Payload
from bot.core.facts.facts import Facts
from bot.core.rules.item import Item
from bot.core.rules.rulebook import Rulebook
from bot.core.rules.succession import UNCHANGED, Succession
from bot.core.time.zone import ZONE
from bot.rulefiles.loader import assemble, load

COUNTY = Path(__file__).parents[2] / "rules"

UNITS = """\
责任单位:
  - {编号: jiaoyuju, 名称: 县教育局}
  - {编号: caizhengju, 名称: 县财政局}
  - {编号: minzhengju, 名称: 县民政局}
  - {编号: rensheju, 名称: 县人社局}
集体对象:
  - {编号: xuexiao, 名称: 各学校}
"""

LADDERS = """\
重大节点:
  - {时点: 提前180天, 对象: 牵头单位, 形式: 汇总}
  - {时点: 提前30天,  对象: [牵头单位, 配合单位], 形式: 汇总}
  - {时点: 提前7天,   对象: [牵头单位, 配合单位], 形式: 汇总}
  - {时点: 提前1个工作日, 对象: 牵头单位, 形式: 单发}
  - {时点: 逾期1个工作日, 对象: 牵头单位, 形式: 单发}
  - {时点: 逾期每7天, 对象: 牵头单位, 形式: 汇总}
  - {时点: 逾期10个工作日, 对象: 分管领导, 形式: 单发}
  - {时点: 逾期20个工作日, 对象: 领导小组, 形式: 月度清单}
一般节点:
  - {时点: 提前7天, 对象: [牵头单位, 配合单位], 形式: 汇总}
  - {时点: 提前1个工作日, 对象: 牵头单位, 形式: 单发}
  - {时点: 逾期1个工作日, 对象: 牵头单位, 形式: 单发}
  - {时点: 逾期每30天, 对象: 牵头单位, 形式: 汇总}
常态工作:
  - {时点: 提前15天, 对象: [牵头单位, 配合单位], 形式: 汇总}
  - {时点: 逾期1个工作日, 对象: 牵头单位, 形式: 汇总}
  - {时点: 逾期每90天, 对象: 牵头单位, 形式: 汇总}
数据报送:
  - {时点: 提前15天, 对象: 数据来源, 形式: 汇总}
  - {时点: 逾期1个工作日, 对象: 数据来源, 形式: 汇总}
指标达标:
  - {时点: 当天, 对象: [牵头单位, 管理员], 形式: 汇总}
  - {时点: 当天, 对象: 领导小组, 形式: 月度清单, 状态: [未达标]}
数值监测:
  - {时点: 当天, 对象: [牵头单位, 管理员], 形式: 汇总, 状态: [未达标, 滞后, 严重滞后, 预警, 恢复]}
  - {时点: 逾期每90天, 对象: 牵头单位, 形式: 汇总, 状态: [未达标, 滞后, 严重滞后]}
底线监测:
  - {时点: 当天, 对象: [牵头单位, 管理员], 形式: 汇总, 状态: [未达标, 恢复]}
  - {时点: 当天, 对象: 领导小组, 形式: 月度清单, 状态: [未达标]}
  - {时点: 逾期每30天, 对象: 牵头单位, 形式: 汇总, 状态: [未达标]}
办件:
  临期: 2个工作日
  级次:
    - {时点: 提前1个工作日, 对象: 牵头单位, 形式: 汇总}
    - {时点: 逾期1个工作日, 对象: 牵头单位, 形式: 单发}
    - {时点: 逾期3个工作日, 对象: 分管领导, 形式: 单发}
    - {时点: 逾期每5个工作日, 对象: 牵头单位, 形式: 汇总}
    - {时点: 逾期10个工作日, 对象: 领导小组, 形式: 月度清单}
禁止事项:
  临期: 2个工作日
  级次:
    - {时点: 提前15天, 对象: [牵头单位, 配合单位], 形式: 汇总, 状态: 提示}
    - {时点: 提前10个工作日, 对象: 领导小组, 形式: 月度清单, 状态: [正常推进, 临期]}
    - {时点: 提前1个工作日, 对象: 牵头单位, 形式: 汇总, 状态: [正常推进, 临期]}
    - {时点: 逾期1个工作日, 对象: 牵头单位, 形式: 单发}
    - {时点: 逾期1个工作日, 对象: 领导小组, 形式: 月度清单}
    - {时点: 逾期3个工作日, 对象: 分管领导, 形式: 单发}
    - {时点: 逾期每5个工作日, 对象: 牵头单位, 形式: 汇总}
预测预警:
  - {时点: 当天, 对象: [牵头单位, 配合单位, 管理员], 形式: 汇总, 状态: [预警, 恢复]}
"""

#: 县民政局 reports what 县教育局 answers for.
INDICATOR = """\
- 编号: I4
  指标: 高中阶段毛入学率
  计量单位: "%"
  方向: 越高越好
  责任单位: [县教育局]
  牵头: {单位: 县教育局, 依据: 管理员}
  数据来源: 县民政局
  报送: {周期: 每年, 应报: 次年3月31日, 宽限: 10个工作日, 依据: 管理员}
  目标:
    - {期限: 2027年, 值: 97, 措辞: 达到}
    - {期限: 2035年, 值: 97.5, 措辞: 以上}
  监测: [达标, 报送]
"""


def a_milestone(
    id: str = "T05-M1",  # noqa: A002 - the word an admin writes
    due: str = "2027年底",
    *,
    title: str = "国家评估认定",
    basis: str = "方案",
    ladder: str = "重大节点",
    more: str = "",
    steps: Iterable[str] = (),
) -> str:
    """A 节点 as YAML; `more` are further keys, `steps` inline mappings."""
    lines = [f"编号: {id}", "类型: 节点", f"名称: {title}", f"完成时限: {due}", f"依据: {basis}", f"督办阶梯: {ladder}"]
    lines += [line for line in more.splitlines() if line]
    listed = [f"  - {{{step}}}" for step in steps]
    return _item([*lines, *(["步骤:", *listed] if listed else [])])


def a_duty(
    id: str = "T05-R1",  # noqa: A002
    cadence: str = "每年3月15日、9月15日",
    *,
    title: str = "控辍保学学期排查",
    basis: str = "管理员",
    more: str = "",
) -> str:
    """A 周期 as YAML."""
    lines = [f"编号: {id}", "类型: 周期", f"名称: {title}", f"周期: {cadence}", f"依据: {basis}"]
    return _item([*lines, *(line for line in more.splitlines() if line)])


def an_undated(id: str = "T05-D1", *, title: str = "打造乡村温馨学校", more: str = "") -> str:  # noqa: A002
    """A 待定 as YAML."""
    lines = [f"编号: {id}", "类型: 待定", f"名称: {title}", "依据: 方案"]
    return _item([*lines, *(line for line in more.splitlines() if line)])


def _item(lines: list[str]) -> str:
    first, *rest = lines
    return "\n".join([f"  - {first}", *(f"    {line}" for line in rest)]) + "\n"


def a_rulebook(
    *items: str,
    lead: str = "管理员",
    units: str = "县教育局, 县财政局",
    ladders: str = LADDERS,
    indicators: str = "",
    starts: str = "2026-11-23",
    status: str = "征求意见稿",
    unit_file: str = UNITS,
    lead_unit: str = "县教育局",
) -> Rulebook:
    """One task T05 with these items; its lead on the basis `lead` (empty: none written). The county's calendars."""
    return _rulebook(items, lead, units, ladders, indicators, starts, status, unit_file, lead_unit)


@lru_cache(maxsize=256)
def _rulebook(
    items: tuple[str, ...],
    lead: str,
    units: str,
    ladders: str,
    indicators: str,
    starts: str,
    status: str,
    unit_file: str,
    lead_unit: str,
) -> Rulebook:
    head = f"任务: 五\n编号: T05\n标题: 高质量推动义务教育优质均衡发展\n责任单位: [{units}]\n"
    head += f"牵头: {{单位: {lead_unit}, 依据: {lead}}}\n" if lead else ""
    plan = f"方案: 民乐县全面推进教育强县建设实施方案\n状态: {status}\n起算日: {starts}\n"
    files = {
        "plan.yaml": plan,
        "units.yaml": unit_file,
        "ladders.yaml": ladders,
        "tasks/05.yaml": head + (f"事项:\n{''.join(items)}" if items else ""),
        **({"indicators.yaml": indicators} if indicators else {}),
        **calendars(),
    }
    loaded = assemble({name: text.encode() for name, text in files.items()})
    assert loaded.rulebook is not None, [str(problem) for problem in loaded.problems]
    return loaded.rulebook


@cache
def calendars() -> dict[str, str]:
    """The calendar files the county ships."""
    return {f"calendars/{path.name}": path.read_text() for path in sorted((COUNTY / "calendars").glob("*.yaml"))}


@cache
def the_county() -> Rulebook:
    """The rules the project ships."""
    rulebook = load(COUNTY).rulebook
    assert rulebook is not None
    return rulebook


def everybody(rulebook: Rulebook) -> Directory:
    """A chat of their own for every unit, the admin and the leading group; none for 分管领导."""
    return Directory({name: name for name in (*rulebook.addressable, ADMIN, LEADING_GROUP)})


def moment(text: str) -> datetime:
    """2027-12-24 or 2027-12-24 08:30, in Asia/Shanghai."""
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)


def heard_long_ago(told: Iterable[PastTelling] = (), names: Succession = UNCHANGED) -> Tellings:
    """A memory in which everybody has heard of everything long ago."""
    return Tellings(told, names, Hearings(names=names, always=moment("2020-01-01")))


def an_event(payload: Payload, at: str | datetime, key: str = "") -> Event:
    """A payload as it would arrive."""
    time = moment(at) if isinstance(at, str) else at
    return Event.of(payload, key=key or f"{payload.type}-{time.isoformat()}-{payload!r}"[:190], time=time)


def facts_after(*happened: tuple[Payload, str], start: Facts | None = None) -> Facts:
    """Facts after payloads at moments."""
    facts = start or Facts()
    for payload, at in happened:
        facts = facts.after(an_event(payload, at))
    return facts


def items_by_id(rulebook: Rulebook, until: str = "2028-12-31") -> dict[str, Item]:
    """Every item up to a day, by id."""
    last = date.fromisoformat(until)
    since = rulebook.plan.starts_on
    found = (item for rule in rulebook.rules for item in rule.kind.items(rule, rulebook.calendar, since, last))
    return {item.id: item for item in found}


CASE_STEPS = (
    "{名称: 监测, 时限: 3个工作日}",
    "{名称: 核查, 时限: 10个工作日, 按类别: {媒体反映: 5个工作日}}",
    "{名称: 处理, 时限: 15个工作日}",
    "{名称: 通报, 时限: 5个工作日}",
)


def a_case_rule(
    id: str = "T05-C1",  # noqa: A002
    *,
    steps: Iterable[str] = CASE_STEPS,
    categories: str = "群众来信, 媒体反映",
    basis: str = "管理员",
    more: str = "",
) -> str:
    """A 办件 as YAML; `steps` are inline mappings."""
    lines = [f"编号: {id}", "类型: 办件", "名称: 师德违规线索办理", f"依据: {basis}"]
    lines += [f"类别: [{categories}]"] if categories else []
    lines += [line for line in more.splitlines() if line]
    return _item([*lines, "步骤:", *(f"  - {step}" for step in steps)])


def a_ban(
    id: str = "T05-B1",  # noqa: A002
    season: str = "4月1日至9月30日",
    *,
    basis: str = "管理员",
    more: str = "",
) -> str:
    """A 禁止 as YAML; without a season where it is empty."""
    lines = [f"编号: {id}", "类型: 禁止", "名称: 跨区域招生", f"依据: {basis}"]
    lines += [f"季节: {season}"] if season else []
    return _item([*lines, *(line for line in more.splitlines() if line)])
