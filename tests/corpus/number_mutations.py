"""Named ways to break what the shipped rule files say about numbers: 监测 with its options, and 监测指标 of a task."""

from __future__ import annotations

from tests.corpus.mutations import INDICATORS, SECTION, swap

HEALTH, PAY = "tasks/02.yaml", "tasks/12.yaml"
TREND, HOLD, PACE = "趋势: {窗口: 3, 最小变化: 0.5}", "保持: {值: 2, 界: 不低于}", "序时, "
BASELINE = "基期: # 待填"
PARITY = "比照: {不低于: T12-I2}"
PAID = "保持: {值: 100, 界: 不低于}"

NUMBER_MUTATIONS = (
    # --- options of a way of watching
    swap("window of two", HEALTH, TREND, "趋势: {窗口: 2}", "out-of-range"),
    swap("window in words", HEALTH, TREND, "趋势: {窗口: 三期}", "bad-number"),
    swap("dead band below nothing", HEALTH, TREND, "趋势: {最小变化: -0.5}", "out-of-range"),
    swap("dead band with its unit", HEALTH, TREND, "趋势: {最小变化: 0.5%}", "bad-number"),
    swap("misspelt option", HEALTH, TREND, "趋势: {窗口期: 3}", "unknown-key"),
    swap("internal name of an option", HEALTH, TREND, "趋势: {window: 3}", "unknown-key"),
    swap("internal name of a watch", HEALTH, TREND, "name: 报送", "unknown-check"),
    swap("options without braces", HEALTH, TREND, "趋势: 3", "not-a-mapping"),
    swap("two ways in one entry", HEALTH, TREND, "{趋势: {窗口: 3}, 保持: {值: 2}}", "bad-watch"),
    swap("list as a way", HEALTH, TREND, "[趋势]", "bad-watch"),
    swap("options of what has none", HEALTH, f"[{HOLD}, 报送]", f"[{HOLD}, 报送: {{周期: 每年}}]", "no-options"),
    swap("misspelt way with options", HEALTH, TREND, "趋式: {窗口: 3}", "unknown-check"),
    swap("kind of items with options", HEALTH, TREND, "节点: {窗口: 3}", "unknown-check"),
    swap("way twice, with options and without", HEALTH, f"[{HOLD}, 报送]", f"[{HOLD}, 保持, 报送]", "check-twice"),
    swap("unknown side", HEALTH, HOLD, "保持: {值: 2, 界: 大于}", "unknown-word"),
    swap("side without a value", HEALTH, HOLD, "保持: {界: 不低于}", "bound-without-value"),
    swap("nothing to hold", HEALTH, HOLD, "保持", "no-bound"),
    swap("tolerance below nothing", HEALTH, HOLD, "保持: {值: 2, 容差: -1}", "out-of-range"),
    swap("beginning that is no date", HEALTH, HOLD, "保持: {值: 2, 起: 明年}", "bad-word"),
    swap("target missing for a verdict", HEALTH, TREND, "达标", "no-targets"),
    swap("target missing for a pace", HEALTH, TREND, "序时", "no-targets"),
    swap("target missing for a projection", HEALTH, TREND, "推算: {期数: 3}", "no-targets"),
    swap("projection from two values", INDICATORS, "推算, ", "推算: {期数: 2}, ", "out-of-range"),
    swap("parity with nothing", PAY, PARITY, "比照", "missing"),
    swap("parity with an empty id", PAY, PARITY, "比照: {不低于: }", "blank"),
    swap("parity with what there is not", PAY, PARITY, "比照: {不低于: T12-I9}", "unknown-indicator"),
    swap("parity with itself", PAY, PARITY, "比照: {不低于: T12-I1}", "parity-with-itself"),
    # --- 序时
    swap("baseline at its target", INDICATORS, BASELINE, "基期: {年份: 2025, 值: 10.5}", "nowhere-to-go", PACE),
    swap("unknown shape", INDICATORS, PACE, "序时: {形状: 曲线}, ", "unknown-word"),
    swap("table without nodes", INDICATORS, PACE, "序时: {形状: 对照表}, ", "no-nodes"),
    swap("nodes of a straight line", INDICATORS, PACE, "序时: {节点: [{期: 2026, 值: 9}]}, ", "idle-nodes"),
    swap("node of another shape", INDICATORS, PACE, "序时: {形状: 阶梯, 节点: [{期: 2026Q1, 值: 9}]}, ", "bad-period"),
    swap("node twice", INDICATORS, PACE, "序时: {形状: 阶梯, 节点: [{期: 2026, 值: 9}, {期: 2026, 值: 10}]}, ", "period-twice"),
    swap("node without a value", INDICATORS, PACE, "序时: {形状: 阶梯, 节点: [{期: 2026}]}, ", "missing"),
    swap("bands crossed", INDICATORS, PACE, "序时: {黄线: 30, 红线: 10}, ", "bands-crossed"),
    swap("band beyond the way", INDICATORS, PACE, "序时: {黄线: 101}, ", "out-of-range"),
    # --- indicators of a task
    swap("id of no task", HEALTH, "编号: T02-I1", "编号: I9", "bad-pattern"),
    swap("id used twice in a task", HEALTH, "编号: T02-I2", "编号: T02-I1", "duplicate-id"),
    swap("id of an item", HEALTH, "编号: T02-I2", "编号: T02-I2\n    曾用编号: T02-R1", "duplicate-id", "T02-R1"),
    swap("full-width digit in a task's indicator", HEALTH, "编号: T02-I2", "编号: T02-I２", "full-width-id"),
    swap("element of an item", HEALTH, "要素: [T02-E04]", "要素: [T02-E01]", "element-twice"),
    swap("unknown provider in a task", HEALTH, "数据来源: 县卫生健康局", "数据来源: 县疾控中心", "unknown-unit"),
    swap("provider missing", HEALTH, "    数据来源: 县卫生健康局\n", "", "missing", "^- 编号: T02-I2"),
    swap("lead outside its units", SECTION, "[县财政局, 县教育局]", "[县教育局]", "lead-not-responsible", "县财政局"),
    swap("lead outside the task's units", PAY, "编号: T12-I3", "编号: T12-I3\n    牵头: {单位: 县司法局, 依据: 建议}",
         "lead-not-responsible", "县司法局"),
    swap("report before there is a value", HEALTH, "基准日: 9月1日, ", "", "report-too-early", "当年11月30日"),
    swap("unknown ladder for a way", PAY, f"监测: [{PAID}", f"督办阶梯: {{保持: 底线监督}}\n    监测: [{PAID}",
         "unknown-ladder", "底线监督"),
    swap("secret in an indicator's title", HEALTH, "指标: 学生体质", "指标: 涉密学生体质", "secret-word"),
    swap("indicators that are no list", HEALTH, "监测指标: #", "监测指标: 见附件\n另有指标: #", "not-a-list",
         "监测指标: 见附件"),
)  # fmt: skip
