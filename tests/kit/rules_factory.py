"""A small valid rules folder for tests: one task with one item of each kind, one indicator, one calendar year.

folder = write_rules(tmp_path, {"tasks/05.yaml": TASK.replace("2027年底", "2027-13-01")})
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

PLAN = """\
方案: 民乐县全面推进教育强县建设实施方案
状态: 征求意见稿
起算日: 2026-11-23
"""

UNITS = """\
责任单位:
  - {编号: jiaoyu_gongwei, 名称: 县委教育工委, 别名: [教育工委]}
  - {编号: jiaoyuju, 名称: 县教育局, 别名: [教育局]}
  - {编号: caizhengju, 名称: 县财政局, 别名: [财政局]}
集体对象:
  - {编号: xuexiao, 名称: 各学校}
机构:
  - {名称: 县委教育工作领导小组}
"""

LADDERS = """\
重大节点:
  - {时点: 提前30天, 对象: [牵头单位, 配合单位], 形式: 汇总}
  - {时点: 逾期1个工作日, 对象: 牵头单位, 形式: 单发}
  - {时点: 逾期20个工作日, 对象: 领导小组, 形式: 月度清单}
一般节点:
  - {时点: 提前7天, 对象: 牵头单位, 形式: 汇总}
  - {时点: 逾期每7天, 对象: 牵头单位, 形式: 汇总}
常态工作:
  临期: 3天
  级次:
    - {时点: 提前3个工作日, 对象: 牵头单位, 形式: 汇总}
数据报送:
  - {时点: 提前15天, 对象: 数据来源, 形式: 汇总}
指标达标:
  - {时点: 当天, 对象: [牵头单位, 管理员], 形式: 汇总}
"""

TASK = """\
任务: 五
编号: T05
标题: 高质量推动义务教育优质均衡发展
责任单位: [县委教育工委, 县教育局, 县财政局]
牵头: {单位: 县教育局, 依据: 管理员}
事项:
  - 编号: T05-M1
    类型: 节点
    名称: 创建工作通过国家评估认定
    完成时限: 2027年底
    结果公布: 2028-03-31
    依据: 方案
    要素: [T05-E13, S01-E02]
    督办阶梯: 重大节点
    步骤:
      - {编号: T05-M1-01, 名称: 县级自评, 完成时限: 2027-03-31, 依据: 建议}
  - 编号: T05-R1
    类型: 周期
    名称: 控辍保学学期排查
    周期: 每年3月15日、9月15日
    依据: 管理员
  - 编号: T05-D1
    类型: 待定
    名称: 打造乡村温馨学校
    依据: 方案
    出处: “乡村温馨学校”
    要素: [T05-E05]
待建规则:
  - {要素: [T05-E10], 类型: 办件, 名称: 控辍保学个案}
"""

INDICATORS = """\
- 编号: I4
  指标: 高中阶段毛入学率
  计量单位: "%"
  方向: 越高越好
  责任单位: [县教育局]
  牵头: {单位: 县教育局, 依据: 管理员}
  数据来源: 县教育局
  报送: {周期: 每年, 基准日: 9月1日, 应报: 次年3月31日, 宽限: 10个工作日, 依据: 建议}
  基期: # 待填
  目标:
    - {期限: 2027年, 值: 97, 措辞: 达到}
    - {期限: 2035年, 值: 97.5, 措辞: 以上}
  监测: [达标, 报送]
"""

#: What TASK may go on with, and the ladders that takes.
TASK_INDICATORS = """\
监测指标:
  - 编号: T05-I1
    指标: 生师比
    依据: 建议
    要素: [T05-E01]
    计量单位: ""
    方向: 越低越好
    数据来源: 县教育局
    报送: {周期: 每季度, 应报: 次季度首月15日, 依据: 建议}
    监测: [报送, 趋势: {窗口: 4, 最小变化: 0.1}]
  - 编号: T05-I2
    指标: 教师平均工资收入
    要素: [T05-E02]
    计量单位: 元
    方向: 越高越好
    责任单位: [县财政局]
    牵头: {单位: 县财政局, 依据: 建议}
    数据来源: 县财政局
    报送: {周期: 每年, 应报: 次年3月31日, 依据: 管理员}
    监测: [报送, 保持: {值: 50000}]
    敏感: 是
    曾用编号: T05-I9
"""
NUMBER_LADDERS = """\
数值监测:
  - {时点: 当天, 对象: [牵头单位, 管理员], 形式: 汇总}
底线监测:
  - {时点: 当天, 对象: [牵头单位, 管理员], 形式: 汇总}
"""

CALENDAR = """\
年份: 2027
状态: 暂定
学期:
  - {名称: 2027年春季学期, 开始: 2027-03-01, 结束: 2027-07-09, 依据: 建议}
"""

FILES: Mapping[str, str] = {
    "plan.yaml": PLAN,
    "units.yaml": UNITS,
    "ladders.yaml": LADDERS,
    "tasks/05.yaml": TASK,
    "indicators.yaml": INDICATORS,
    "calendars/2027.yaml": CALENDAR,
}


def rule_files(changes: Mapping[str, str | bytes | None] | None = None) -> dict[str, bytes]:
    """The files as `assemble` takes them; a change replaces a file, None leaves it out."""
    files: dict[str, str | bytes | None] = {**FILES, **(changes or {})}
    return {
        name: text if isinstance(text, bytes) else text.encode() for name, text in files.items() if text is not None
    }


def write_rules(home: Path, changes: Mapping[str, str | bytes | None] | None = None) -> Path:
    """Writes the files under `home`/rules and returns that folder."""
    folder = home / "rules"
    for name, raw in rule_files(changes).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(raw)
    return folder


def edited(text: str, old: str, new: str) -> str:
    """A text with one edit; the edit must be possible."""
    assert old in text
    return text.replace(old, new, 1)


def place_of(text: str, snippet: str) -> tuple[int, int]:
    """Line and column of the first place where the snippet stands."""
    before = text[: text.index(snippet)]
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
