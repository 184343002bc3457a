"""Named ways to break the shipped rule files, each with the complaint it must cause and the line it must name.

A line is never written down: it is where a snippet stands in the text after the mutation, so rules may grow freely.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bot.rulefiles.loader import read_files

RULES: Mapping[str, bytes] = read_files(Path(__file__).parents[2] / "rules")
PLAN, UNITS, LADDERS, INDICATORS = "plan.yaml", "units.yaml", "ladders.yaml", "indicators.yaml"
TASK, SECTION, YEAR, DRAFT_YEAR, STATUTORY = (
    *("tasks/05.yaml", "tasks/s3.yaml"),
    *("calendars/2026.yaml", "calendars/2027.yaml", "calendars/法定节日.yaml"),
)
ETHICS, BANS, STAGES = "tasks/09.yaml", "tasks/17.yaml", "tasks/03.yaml"
Broken = tuple[str | bytes, int]  # the file after the mutation, and the line of the complaint


@dataclass(frozen=True)
class Mutation:
    """`apply` breaks the text of `file`; the loader must answer with `code` at the line that `apply` gives with it."""

    name: str
    file: str
    apply: Callable[[str], Broken]
    code: str
    beside: Mapping[str, bytes] = field(
        default_factory=dict
    )  # other files that make the mistake possible, sound in themselves

    def files(self) -> tuple[dict[str, bytes], int]:
        """The whole rules folder with this one file broken, and the expected line."""
        broken, line = self.apply(RULES[self.file].decode())
        return {**RULES, **self.beside, self.file: broken if isinstance(broken, bytes) else broken.encode()}, line


def line_of(text: str, index: int) -> int:
    """The line (from 1) of a character."""
    return text.count("\n", 0, index) + 1


def swapped(old: str, new: str, at: str) -> Callable[[str], Broken]:
    """`old` becomes `new` once; the line is that of the first `at` from there on, or before it when it begins with ^."""

    def apply(text: str) -> Broken:
        start = text.index(old)
        broken = text[:start] + new + text[start + len(old) :]
        found = broken.rindex(at[1:], 0, start + 1) if at.startswith("^") else broken.index(at, start)
        return broken, line_of(broken, found)

    return apply


def swap(name: str, file: str, old: str, new: str, code: str, at: str | None = None) -> Mutation:
    """A mutation by replacing a snippet."""
    return Mutation(f"{file}: {name}", file, swapped(old, new, at if at is not None else new.strip("\n")), code)


# --- the keyboard and the editor: the same slips in every form -------------------------------------------------------------


def _at_match(pattern: str, new: Callable[[re.Match[str]], str]) -> Callable[[str], Broken]:
    def apply(text: str) -> Broken:
        head = re.match(r"(?:#.*\n)*", text)  # comments explain with examples, and may say what they like
        found = re.compile(pattern, re.MULTILINE).search(text, head.end() if head else 0)
        assert found is not None
        broken = text[: found.start()] + new(found) + text[found.end() :]
        return broken, line_of(text, found.start())

    return apply


def _with_ending(ending: str) -> Callable[[str], Broken]:
    """An ending on a line of its own; a list for files that are lists."""

    def apply(text: str) -> Broken:
        mark = "- " if re.search("(?m)^- ", text) else "新增: "
        return text + (ending if ending.startswith("---") else mark + ending) + "\n", text.count("\n") + 1

    return apply


_KEY = r"^([ \-]*)([^\s#:{\-]+):"
_FIRST_VALUE = r"(?<=: )[^\s\[\"{#“][^,}\n#]*?(?=\s*[,}\n#])"
_LEVELS = (
    "[&a [x, x, x, x, x, x, x, x, x], &b [*a, *a, *a, *a, *a, *a, *a, *a], &c [*b, *b, *b, *b, *b, *b, *b, *b], "
    "&d [*c, *c, *c, *c, *c, *c, *c, *c], &e [*d, *d, *d, *d, *d, *d, *d, *d], [*e, *e, *e, *e, *e, *e, *e, *e]]"
)

SLIPS: Mapping[str, tuple[str, Callable[[str], Broken]]] = {
    "full-width colon": ("full-width-colon", _at_match(_KEY, lambda m: f"{m[1]}{m[2]}：")),
    "no blank behind the colon": ("no-space", _at_match(r"([\u4e00-\u9fff]): (?=[^\s{\[])", lambda m: f"{m[1]}:")),
    "full-width blank behind the colon": (
        "full-width-space",
        _at_match(r"([\u4e00-\u9fff]): (?=[^\s{\[])", lambda m: f"{m[1]}:\u3000"),
    ),
    "curly quotes round a value": ("curly-quotes", _at_match(_FIRST_VALUE, lambda m: f"“{m[0]}”")),
    "single curly quotes round a value": ("curly-quotes", _at_match(_FIRST_VALUE, lambda m: f"‘{m[0]}’")),
    "curly quotes round a key": ("curly-quotes", _at_match(_KEY, lambda m: f"{m[1]}“{m[2]}”:")),
    "at sign": ("reserved", _at_match(_FIRST_VALUE, lambda m: f"@{m[0]}")),
    "per cent sign": ("reserved", _at_match(_FIRST_VALUE, lambda m: f"%{m[0]}")),
    "asterisk": ("alias", _at_match(_FIRST_VALUE, lambda m: f"*重点 {m[0]}")),
    "exclamation mark": ("yaml-tag", _at_match(_FIRST_VALUE, lambda m: f"!重点 {m[0]}")),
    "python tag": ("yaml-tag", _at_match(_FIRST_VALUE, lambda m: "!!python/name:os.system")),
    "nul": ("nul", _at_match(_FIRST_VALUE, lambda m: f"{m[0]}\0")),
    "control character": ("control-character", _at_match(_FIRST_VALUE, lambda m: f"{m[0]}\x08")),
    "full-width brackets": ("full-width-bracket", _at_match(_FIRST_VALUE, lambda m: f"［{m[0]}］")),
    "alias bomb": ("too-many-nodes", _with_ending(_LEVELS)),
    "list inside itself": ("too-deep", _with_ending("&a [*a]")),
    "two documents": ("two-documents", _with_ending("---\n甲: 乙")),
    "open bracket": ("open-bracket", _with_ending("[甲, 乙")),
    "open quote": ("open-quote", _with_ending('"甲')),
    "gbk": ("gbk", lambda text: (text.encode("gb18030"), line_of(text, _first_chinese(text)))),
    "utf-16": ("not-utf8", lambda text: (text.encode("utf-16"), 1)),
    "bytes of no encoding": ("not-utf8", lambda text: (text.encode() + b"\xff\xff\n", text.count("\n") + 1)),
    "empty": ("empty-file", lambda text: ("", 1)),
    "nothing but comments": ("empty-file", lambda text: ("# 待填\n# 待填\n", 1)),
}
FORMS = (PLAN, UNITS, LADDERS, INDICATORS, TASK, YEAR, STATUTORY)
NESTED = (UNITS, LADDERS, INDICATORS, TASK, YEAR, STATUTORY)  # plan.yaml has neither levels nor braces

NESTED_SLIPS: Mapping[str, tuple[str, Callable[[str], Broken]]] = {
    "tab as indentation": ("tab-indent", _at_match(r"^ +(?=[^\s#])", lambda m: "\t")),
    "full-width blank as indentation": ("full-width-space", _at_match(r"^ +(?=[^\s#])", lambda m: "\u3000")),
    "full-width comma in braces": (
        "full-width-comma",
        _at_match(r"(?<=\{)([^{},\[]+), (?=[^{}]*\})", lambda m: f"{m[1]}，"),
    ),
    "full-width colon in braces": (
        "full-width-colon",
        _at_match(r"(?<=\{)([^{},:]+): (?=[^{}\[]*\})", lambda m: f"{m[1]}："),
    ),
    "key twice in braces": ("duplicate-key", _at_match(r"\{([^{},]+), ", lambda m: f"{m[0]}{m[1]}, ")),
}


def _first_chinese(text: str) -> int:
    found = re.search("[^\x00-\x7f]", text)
    assert found is not None
    return found.start()


def _slips() -> Iterator[Mutation]:
    for slips, files in ((SLIPS, FORMS), (NESTED_SLIPS, NESTED)):
        for name, (code, apply) in slips.items():
            yield from (Mutation(f"{file}: {name}", file, apply, code) for file in files)


# --- what each form and each cross-check must notice -------------------------------------------------------------------------

_IN_PLAN = (
    swap("root is a sentence", PLAN, "方案: 民", "民", "indent", "状态"),
    swap("status misspelt", PLAN, "征求意见稿", "征求意见搞", "bad-pattern"),
    swap("status missing", PLAN, "状态: 征求意见稿\n", "", "missing", "^方案:"),
    swap("unknown key", PLAN, "状态:", "状况:", "unknown-key"),
    swap("impossible start", PLAN, "2026-11-23", "2026-11-31", "bad-word"),
    swap("start in words", PLAN, "2026-11-23", "明年初", "bad-word"),
    swap("start of another century", PLAN, "2026-11-23", "1026-11-23", "bad-word"),
    swap("title left empty", PLAN, "方案: 民乐县全面推进教育强县建设实施方案", "方案:", "blank"),
    swap("key twice", PLAN, "状态:", "状态: 印发\n状态:", "duplicate-key", "状态: 征"),
    swap("tab before a key", PLAN, "状态:", "\t状态:", "tab-indent"),
    swap(
        "one name for two roles",
        PLAN,
        "状态:",
        "称呼: {牵头单位: 责任单位, 配合单位: 责任单位}\n状态:",
        "bad-word",
        "称呼",
    ),
    swap("name of another role", PLAN, "状态:", "称呼: {配合单位: 指导单位}\n状态:", "bad-word", "称呼"),
    swap("name for the admin", PLAN, "状态:", "称呼: {管理员: 督查室}\n状态:", "bad-word", "称呼"),
    swap("name for an unknown role", PLAN, "状态:", "称呼: {主办单位: 主责单位}\n状态:", "unknown-word", "称呼"),
    swap(
        "citation without a place for the number", PLAN, "状态:", "引用格式: 第几条\n状态:", "bad-pattern", "引用格式"
    ),
    swap("end before the start", PLAN, "状态:", "截止日: 2026-01-01\n状态:", "bad-word", "^方案"),
    swap("full-width blank before a key", PLAN, "状态:", "\u3000状态:", "full-width-space"),
)
_IN_UNITS = (
    swap("one name twice", UNITS, "名称: 县委统战部", "名称: 县委宣传部", "duplicate-unit"),
    swap("one id twice", UNITS, "编号: tongzhanbu", "编号: xuanchuanbu", "duplicate-unit"),
    swap("an alias that is another unit", UNITS, "[教育局]", "[县财政局]", "duplicate-unit", "编号: caizhengju"),
    swap("id in Chinese", UNITS, "tongzhanbu", "统战部", "bad-pattern"),
    swap("id in capitals", UNITS, "tongzhanbu", "TZB", "bad-pattern"),
    swap("unit without a name", UNITS, "名称: 县委统战部, ", "", "missing", "^tongzhanbu"),
    swap("unknown key", UNITS, "性质: 群团组织", "性职: 群团组织", "unknown-key"),
    swap("units as a sentence", UNITS, "集体对象:\n", "集体对象: 各学校\n旧:\n", "not-a-list"),
    swap(
        "organ without a name", UNITS, "名称: 县政府, ", "", "missing", "职责: 教育强县建设政治责任}\n  - {名称: 县委教"
    ),
)
_IN_LADDERS = (
    swap("unknown role", LADDERS, "牵头单位, 配合单位]", "牵头单位, 协作单位]", "unknown-word"),
    swap("unknown form", LADDERS, "形式: 单发", "形式: 群发", "unknown-word"),
    swap("offset in weeks", LADDERS, "提前30天", "提前4周", "bad-word"),
    swap("repeating before the date", LADDERS, "提前30天", "提前每30天", "bad-word"),
    swap("offset of nought", LADDERS, "提前30天", "提前0天", "bad-word"),
    swap("unknown state", LADDERS, "[未达标]", "[没达标]", "unknown-state"),
    swap("span in Chinese numerals", LADDERS, "临期: 3天", "临期: 三天", "bad-word"),
    swap("two colons", LADDERS, "临期: 3天", "临期: 3天: 甲", "second-colon"),
    swap("rung without an offset", LADDERS, "{时点: 提前180天, ", "{", "missing", "对象"),
    swap("rung without addressees", LADDERS, "提前180天, 对象: 牵头单位", "提前180天, 对象: []", "too-few"),
    swap("unknown key", LADDERS, "提前180天, 对象", "提前180天, 对像", "unknown-key"),
    swap("ladder as a sentence", LADDERS, "指标达标:\n", "指标达标: 当天告知\n旧:\n", "not-a-mapping"),
    swap("ladder without rungs", LADDERS, "数据报送:\n", "数据报送: []\n旧:\n", "too-few"),
    swap("default ladder renamed", LADDERS, "指标达标:", "指标完成:", "missing-ladder", "^重大节点:"),
    swap("named ladder renamed", LADDERS, "常态工作:", "经常工作:", "missing-ladder", "^重大节点:"),
    swap("one rung twice", LADDERS, "提前7天,   对象", "提前30天,   对象", "rung-twice"),
    swap("two rungs on one day", LADDERS, "逾期每21天, 对象", "逾期1个工作日, 对象", "rung-twice"),
    swap("key twice", LADDERS, "月度工作:\n", "月度工作:\n  临期: 2天\n", "duplicate-key", "临期: 3天"),
)
_IN_INDICATORS = (
    swap("unknown provider", INDICATORS, "数据来源: 县教育局", "数据来源: 县统计局", "unknown-unit"),
    swap("alias as provider", INDICATORS, "数据来源: 县人社局", "数据来源: 人社局", "unknown-unit"),
    swap("unknown unit", INDICATORS, "[县人社局]", "[县人设局]", "unknown-unit"),
    swap("no unit", INDICATORS, "责任单位: [县人社局]", "责任单位: []", "too-few"),
    swap("unit twice", INDICATORS, "[县教育局, 县人社局]", "[县教育局, 县教育局]", "unit-twice"),
    swap("lead elsewhere", INDICATORS, "{单位: 县教育局", "{单位: 县财政局", "lead-not-responsible"),
    swap("unknown check", INDICATORS, "推算, 报送]", "推算, 报告]", "unknown-check"),
    swap("check twice", INDICATORS, "[达标, 序时, ", "[达标, 达标, ", "check-twice"),
    swap("kind of items as check", INDICATORS, "[达标, 序时, ", "[节点, 序时, ", "unknown-check"),
    swap("no check", INDICATORS, "[达标, 序时, 推算, 报送]", "[]", "too-few"),
    swap(
        "ladder of what is not watched", INDICATORS, "监测: [达标, ",
        "督办阶梯: {达表: 一般节点}\n  监测: [达标, ", "unknown-check", "督办阶梯",
    ),
    swap(
        "unknown ladder", INDICATORS, "监测: [达标, ",
        "督办阶梯: {达标: 一般结点}\n  监测: [达标, ", "unknown-ladder", "督办阶梯",
    ),
    swap("value with its unit", INDICATORS, "值: 97,", "值: 97%,", "bad-number"),
    swap("value not a number", INDICATORS, "值: 97,", "值: .nan,", "bad-number"),
    swap("value in Chinese", INDICATORS, "值: 97,", "值: 九十七,", "bad-number"),
    swap("value left empty", INDICATORS, "值: 97,", "值: ,", "bad-word"),
    swap("value and change at once", INDICATORS, "值: 97,", "值: 97, 比基期: 提高3个百分点,", "bad-word"),
    swap("change of unknown size", INDICATORS, "值: 97,", "比基期: 明显提高,", "bad-word"),
    swap("change with a wording of its own", INDICATORS, "值: 97, 措辞: 达到", "比基期: 提高3%, 措辞: 以内", "bad-word"),
    swap("growth without per cent", INDICATORS, "值: 97,", "年均增长: 6,", "bad-word"),
    swap("upper end below the value", INDICATORS, "值: 97,", "值: 97, 上限: 95,", "bad-word"),
    swap("sum that ends before it begins", INDICATORS, "值: 97,", "值: 97, 累计自: 2030年,", "bad-word"),
    swap("target finer than its reports", INDICATORS,
         "{期限: 2027年, 值: 97,", "{期限: 2027年上半年, 值: 97,", "target-too-fine"),
    swap("unknown direction", INDICATORS, "越高越好", "越多越好", "unknown-word"),
    swap("unknown aim", INDICATORS, "措辞: 左右", "措辞: 大约", "unknown-word"),
    swap("negative tolerance", INDICATORS, "措辞: 左右,", "措辞: 左右, 容差: -1,", "out-of-range"),
    swap("target in an impossible month", INDICATORS, "期限: 2027年,", "期限: 2027年13月,", "bad-word"),
    swap("two targets for a year", INDICATORS, "期限: 2035年,", "期限: 2027年底,", "target-twice"),
    swap(
        "target below what was reached", INDICATORS, "基期: # 待填", "基期: {年份: 2025, 值: 10.8, 来源: 普查}",
        "target-below-baseline", "值: 10.5",
    ),
    swap("baseline year in words", INDICATORS, "基期: # 待填", "基期: {年份: 去年, 值: 96}", "bad-number"),
    swap("baseline without a value", INDICATORS, "基期: # 待填", "基期: {年份: 2025}", "missing"),
    swap("report in words", INDICATORS, "次年9月30日", "明年9月30日", "bad-word"),
    swap("report on an impossible day", INDICATORS, "次年9月30日", "次年9月31日", "bad-word"),
    swap("report before the year is over", INDICATORS, "次年9月30日", "当年9月30日", "report-too-early"),
    swap("report before the day that counts", INDICATORS, "应报: 当年11月30日", "应报: 当年8月31日", "report-too-early"),
    swap("day that counts impossible", INDICATORS, "基准日: 9月1日", "基准日: 9月31日", "bad-word"),
    swap("grace in months", INDICATORS, "60个工作日", "2个月", "bad-word"),
    swap("reporting missing", INDICATORS,
         "  报送: {周期: 每年, 应报: 次年9月30日, 宽限: 60个工作日, 依据: 建议}\n",
         "", "missing", "^- 编号: I1"),
    swap("id of a task", INDICATORS, "编号: I4", "编号: T05", "bad-pattern"),
    swap("id used twice", INDICATORS, "编号: I4", "编号: I3", "duplicate-id"),
    swap("full-width digit in an id", INDICATORS, "编号: I4", "编号: I４", "full-width-id"),
    swap("unknown key", INDICATORS, "计量单位: 年", "计量单元: 年", "unknown-key"),
    swap("key twice", INDICATORS, "计量单位: 年", "计量单位: 月\n  计量单位: 年", "duplicate-key", "计量单位: 年"),
    swap("two colons", INDICATORS, "指标: 学前三年毛入园率", "指标: 入园: 毛入园率", "second-colon"),
    swap("secret in the title", INDICATORS, "指标: 学前三年毛入园率", "指标: 机密级毛入园率", "secret-word"),
)  # fmt: skip
_IN_TASKS = (
    swap("unknown kind", TASK, "类型: 周期", "类型: 周其", "unknown-kind"),
    swap("kind there is not", TASK, "类型: 周期", "类型: 统计", "unknown-kind"),
    swap("kind of indicators", TASK, "类型: 周期", "类型: 达标", "unknown-kind"),
    swap("kind missing", TASK, "    类型: 周期\n", "", "missing", "^- 编号: T05-R1"),
    swap("unknown unit", TASK, "县财政局, 县委编办", "县财正局, 县委编办", "unknown-unit"),
    swap("alias of a unit", TASK, "县发展改革局, 县财政局", "县发改局, 县财政局", "unknown-unit"),
    swap("id of a unit", TASK, "县财政局, 县委编办", "caizhengju, 县委编办", "unknown-unit"),
    swap("an organ as unit", TASK, "县妇联, 县残联]", "县政府, 县残联]", "unknown-unit"),
    swap("units run together", TASK, "配合: [各学校]", "配合: 县财政局、县妇联", "unknown-unit"),
    swap("unit twice", TASK, "县妇联, 县残联]", "县妇联, 县妇联]", "unit-twice"),
    swap("cooperating unit unknown", TASK, "配合: [各学校]", "配合: [各学较]", "unknown-unit"),
    swap("cooperating unit twice", TASK, "配合: [各学校]", "配合: [各学校, 各学校]", "unit-twice"),
    swap("lead elsewhere", TASK, "{单位: 县教育局", "{单位: 县司法局", "lead-not-responsible"),
    swap("lead unknown", TASK, "{单位: 县民政局", "{单位: 县民证局", "unknown-unit"),
    swap("lead of an item elsewhere", TASK, "{单位: 县民政局", "{单位: 团县委", "lead-not-responsible"),
    swap("lead as a sentence", TASK, "牵头: {单位: 县教育局, 依据: 建议}", "牵头: 县教育局", "not-a-mapping"),
    swap("lead without its basis", TASK, "{单位: 县教育局, 依据: 建议}", "{单位: 县教育局}", "missing"),
    swap("step of another item", TASK, "编号: T05-M1-02", "编号: T05-M2-02", "step-id"),
    swap("step twice", TASK, "编号: T05-M1-02", "编号: T05-M1-01", "duplicate-id"),
    swap("id twice", TASK, "编号: T05-R2", "编号: T05-R1", "duplicate-id"),
    swap("id of another file", TASK, "编号: T05\n", "编号: T04\n", "duplicate-id"),
    swap("former id in use", TASK, "名称: 控辍保学学期排查", "曾用编号: [T05-D1]\n    名称: 控辍", "duplicate-id", "曾用"),
    swap("id without its letter", TASK, "编号: T05-R1", "编号: T05-1", "bad-pattern"),
    swap("id in lower case", TASK, "编号: T05-R1", "编号: t05-r1", "bad-pattern"),
    swap("full-width digit in an item's id", TASK, "编号: T05-R1", "编号: T05-R１", "full-width-id"),
    swap("full-width digit in an element", TASK, "T05-E08", "T05-E０8", "full-width-id"),
    swap("full-width digit in a step's id", TASK, "T05-M1-03", "T05-M1-0３", "full-width-id"),
    swap("element of another item", TASK, "[T05-E08]", "[T05-E13]", "element-twice"),
    swap("element of a note", TASK, "要素: [T05-E01]", "要素: [T05-E04]", "element-twice", "要素: [T05-E04], 说"),
    swap("element of a pending rule", TASK, "[T05-E03]", "[T05-E01]", "element-twice"),
    swap("element of another file", TASK, "[T05-E08]", "[T04-E06]", "element-twice"),
    swap("unknown ladder", TASK, "重大节点", "重大结点", "unknown-ladder"),
    swap("month thirteen", TASK, "2027年底", "2027年13月", "bad-word"),
    swap("June 31st", TASK, "2027-06-30", "2027-06-31", "bad-word"),
    swap("date in Chinese numerals", TASK, "2027年底", "二〇二七年底", "bad-word"),
    swap("date by feeling", TASK, "2027年底", "明年年底前", "bad-word"),
    swap("date left empty", TASK, "完成时限: 2027年底", "完成时限:", "blank"),
    swap("date missing", TASK, "    完成时限: 2027年底\n", "", "missing", "^- 编号: T05-M1"),
    swap("result on February 30th", TASK, "2028-03-31", "2028-02-30", "bad-word"),
    swap("result in words", TASK, "2028-03-31", "次年一季度", "bad-word"),
    swap("cadence by the week", TASK, "每年9月底", "每周", "bad-word"),
    swap("every two years from nowhere", TASK, "每年9月底", "每两年9月底", "bad-word"),
    swap("exception for no period", TASK, "周期: 每年9月底", "周期: 每年9月底\n    例外: {明年: 不开展}", "bad-pattern", "例外"),
    swap("exception without a date", TASK, "周期: 每年9月底", "周期: 每年9月底\n    例外: {2027: 待定}", "bad-word", "例外"),
    swap("first period without a day", TASK, "周期: 每年9月底", "周期: 每年9月底\n    首期: 明年", "bad-word", "首期"),
    swap("guiding unit unknown", TASK, "周期: 每年9月底", "周期: 每年9月底\n    指导: [县水务局]", "unknown-unit", "指导"),
    swap("wording of an item misspelt", TASK, "周期: 每年9月底", "周期: 每年9月底\n    措辞: 争取", "unknown-word", "措辞"),
    swap("areas of a group without members", TASK,
         "周期: 每年9月底", "周期: 每年9月底\n    分区: 各学校", "unknown-area", "分区"),
    swap("area with another item's number", TASK, "周期: 每年9月底",
         "周期: 每年9月底\n    分区: [{编号: T05-R9-A1, 名称: 城区}]", "area-id", "分区"),
    swap("area of an unknown unit", TASK, "周期: 每年9月底",
         "周期: 每年9月底\n    分区: [{编号: T05-R2-A1, 名称: 城区, 责任单位: 城区}]", "unknown-unit", "分区"),
    swap("area led from outside", TASK, "周期: 每年9月底",
         "周期: 每年9月底\n    分区: [{编号: T05-R2-A1, 名称: 城区, 责任单位: 县教育局, 牵头: {单位: 县财政局, 依据: 方案}}]",
         "lead-not-responsible", "分区"),
    swap("six leads", TASK, "牵头: {单位: 县教育局,", "牵头: {单位: [县教育局, 县财政局, 县委编办, 县民政局, 县妇联, 县残联],",
         "too-many"),
    swap("cadence on the 31st", TASK, "每年9月底", "每月31日", "bad-word"),
    swap("cadence on February 29th", TASK, "每年9月底", "每年2月29日", "bad-word"),
    swap("cadence twice a day", TASK, "每年3月15日、9月15日", "每年3月15日、3月15日", "bad-word"),
    swap("a key of another kind", TASK, "周期: 每年9月底", "完成时限: 2027年底", "unknown-key"),
    swap("unknown basis", TASK, "    依据: 方案\n    出处: 创建", "    依据: 领导\n    出处: 创建", "unknown-word", "依据: 领导"),
    swap("switch in other words", TASK, "敏感: true", "敏感: 大概", "bad-switch"),
    swap("title too long", TASK, "名称: 控辍保学学期排查", f"名称: {'控辍保学' * 16}", "too-long"),
    swap("quotation too long", TASK, "出处: 落实随迁子女入学政策", f"出处: {'落实政策' * 6}", "too-long"),
    swap("title left empty", TASK, "名称: 控辍保学学期排查", "名称:", "blank"),
    swap("title missing", TASK, "    名称: 控辍保学学期排查\n", "", "missing", "^- 编号: T05-R1"),
    swap("unknown key", TASK, "结果公布", "结果宣布", "unknown-key"),
    swap("key twice", TASK, "    周期: 每年9月底\n", "    周期: 每年9月底\n    周期: 每季度末\n", "duplicate-key", "周期: 每季度末"),
    swap("number with a comma", INDICATORS, "值: 97,", "值: 2,600,", "split-number"),
    swap("two colons", TASK, "名称: 控辍保学学期排查", "名称: 控辍: 排查", "second-colon"),
    swap("no colon", TASK, "编号: T05\n", "编号 T05\n", "no-colon", "编号 T05"),
    swap("item indented too far", TASK, "    名称: 控辍", "      名称: 控辍", "indent"),
    swap("item without a dash", TASK, "  - 编号: T05-R1\n", "  编号: T05-R1\n", "indent", "编号: T05-R1"),
    swap("item as a sentence", TASK,
         "  - 编号: T05-R1\n    类型: 周期\n",
         "  - 排查\n  - 编号: T05-R1\n    类型: 周期\n", "not-a-mapping", "- 排查"),
    swap("steps as a sentence", TASK, "步骤:\n", "步骤: 四步\n    旧:\n", "not-a-list"),
    swap("no unit", TASK,
         "责任单位: [县委教育工委, 县教育局, 县发展改革局, 县财政局, 县委编办, 县民政局, 县妇联, 县残联]",
         "责任单位: []", "too-few"),
    swap("list in full-width brackets", TASK, "配合: [各学校]", "配合: ［各学校］", "full-width-bracket"),
    swap("list half full-width", TASK, "配合: [各学校]", "配合: [各学校］", "full-width-comma"),
    swap("braces full-width", TASK, "牵头: {单位: 县教育局, 依据: 建议}", "牵头: ｛单位: 县教育局, 依据: 建议｝", "full-width-bracket"),
    swap("enumeration comma in a list", TASK, "县妇联, 县残联]", "县妇联、县残联]", "full-width-comma"),
    swap("secret in a title", TASK, "名称: 控辍保学学期排查", "名称: 涉密岗位排查", "secret-word"),
    swap("secret in a step", TASK, "名称: 县级自评", "名称: 内部资料自评", "secret-word"),
    swap("secret in a task's title", TASK, "标题: 高质量", "标题: 机密高质量", "secret-word"),
    swap("step of a case without a limit", TASK, "{名称: 劝返, 时限: 20个工作日}", "{名称: 劝返}", "step-without-limit"),
    swap("limit of a step in hours", TASK, "{名称: 劝返, 时限: 20个工作日}", "{名称: 劝返, 时限: 48小时}", "bad-word"),
    swap("case without steps", TASK, "步骤:\n      - {名称: 核查, 时限: 5个工作日}\n", "步骤: []\n    旧:\n", "too-few",
         "步骤: []"),
    swap("limit for an unknown category", ETHICS, "按类别: {媒体反映: 5个工作日}", "按类别: {媒体反应: 5个工作日}",
         "unknown-category"),
    swap("category without a limit", ETHICS, "{名称: 核查, 时限: 10个工作日, ", "{名称: 核查, ", "step-without-limit"),
    swap("total limit that is none", ETHICS, "    类别: [群众来信", "    总时限: 尽快\n    类别: [群众来信", "bad-word", "总时限"),
    swap("season of no days", BANS, "季节: 4月1日至9月30日", "季节: 4月31日至9月30日", "bad-word"),
    swap("season in words", BANS, "季节: 4月1日至9月30日", "季节: 招生季", "bad-word"),
    swap("ban with a due date", BANS, "季节: 4月1日至9月30日", "完成时限: 2027年底", "unknown-key"),
    swap("lower band above the upper", STAGES, "下限: 70", "下限: 120", "band-crossed"),
    swap("births of no indicator", STAGES, "出生人口: T03-I2", "出生人口: T03-I9", "unknown-indicator"),
    swap("seats of no indicator", STAGES, "学位: T03-I3", "学位: T03-I33", "unknown-indicator"),
    swap("age in words", STAGES, "入学年龄: 6", "入学年龄: 六岁", "bad-number"),
    swap("stage twice", STAGES, "{名称: 小学, 入学年龄: 6", "{名称: 幼儿园, 入学年龄: 6", "stage-twice"),
    swap("forecast without a horizon", STAGES, "年数: 10", "年数: 0", "out-of-range"),
    swap("ordinal missing", SECTION, "任务: 组织实施\n", "", "missing", "编号: S03"),
    swap("id of four digits", SECTION, "编号: S03\n", "编号: S0003\n", "bad-pattern"),
    swap("basis of the units misspelt", SECTION, "责任依据: 建议", "责任依据: 提议", "unknown-word"),
    swap("pending rule without a kind", SECTION, "监测指标:", "待建规则:\n  - {要素: [S03-E99], 名称: 其他}\n监测指标:",
         "missing", "- {要素"),
    swap("note without elements", SECTION, "{要素: [S03-E01], 说明", "{说明", "missing"),
)  # fmt: skip
_SILENT = {
    LADDERS: RULES[LADDERS]
    + """
只报数据: [{时点: 提前15天, 对象: 数据来源, 形式: 汇总}]
只找配合: [{时点: 提前15天, 对象: 配合单位, 形式: 汇总}]
只说销号: [{时点: 当天, 对象: 牵头单位, 形式: 汇总, 状态: [销号, 待核]}]
""".encode()
}


def _silent(file: str, old: str, ladder: str) -> Mutation:
    """A ladder that exists, but has nobody to speak to where it is named."""
    new = f"{old}\n    督办阶梯: {ladder}" if file != INDICATORS else f"督办阶梯: {{达标: {ladder}}}\n  {old}"
    return Mutation(f"{file}: silent {ladder} at {old}", file, swapped(old, new, ladder), "silent-ladder", _SILENT)


_WITH_SILENT_LADDERS = (
    _silent(TASK, "周期: 每年9月底", "只报数据"),
    _silent(TASK, "周期: 每年9月底", "只找配合"),
    _silent(TASK, "周期: 每年9月底", "只说销号"),
    _silent(TASK, "周期: 每年3月15日、9月15日", "只报数据"),
    _silent(SECTION, "周期: 每年底", "只说销号"),
    _silent(INDICATORS, "监测: [达标, ", "只找配合"),
)
_IN_CALENDARS = (
    swap("status misspelt", YEAR, "已公布", "已发布", "unknown-word"),
    swap("year as a word", YEAR, "年份: 2026", "年份: 今年", "bad-number"),
    swap("year out of range", YEAR, "年份: 2026", "年份: 226", "out-of-range"),
    swap("another year's file", YEAR, "年份: 2026", "年份: 2025", "bad-word"),
    swap("unknown key", YEAR, "上班:", "调休:", "unknown-key"),
    swap("announced without a paper", YEAR, "文件: 国务院办公厅关于2026年部分节假日安排的通知\n", "", "bad-word", "^年份"),
    swap("worked on a holiday", YEAR, "上班: [2026-01-04", "上班: [2026-01-01", "bad-word", "^年份"),
    swap("make-up day in mid-week", YEAR, "2026-05-09", "2026-05-12", "bad-word", "^年份"),
    swap("impossible day off", YEAR, "止: 2026-04-06", "止: 2026-04-31", "bad-word"),
    swap("holiday that ends before it begins", YEAR, "止: 2026-05-05", "止: 2026-04-05", "bad-word"),
    swap("holiday of another year", YEAR, "起: 2026-10-01, 止: 2026-10-07", "起: 2027-10-01, 止: 2027-10-07", "bad-word", "^年份"),
    swap("holiday without a name", YEAR, "{名称: 元旦, ", "{", "missing"),
    swap("term of a week", YEAR, "结束: 2026-07-10", "结束: 2026-03-09", "bad-word"),
    swap("term with an unknown basis", YEAR, "依据: 建议}", "依据: 听说}", "unknown-word"),
    swap("unknown level", YEAR, "年份: 2026\n", "年份: 2026\n级别: 乡\n", "unknown-word", "级别"),
    swap("key twice", YEAR, "状态: 已公布\n", "状态: 已公布\n状态: 暂定\n", "duplicate-key", "状态: 暂定"),
    swap("two colons", YEAR, "文件: 国务院", "文件: 通知: 国务院", "second-colon"),
    swap("term of another year", DRAFT_YEAR,
         "开始: 2027-09-01, 结束: 2028-01-14",
         "开始: 2028-09-01, 结束: 2029-01-14", "bad-word", "^年份"),
    swap("status missing", DRAFT_YEAR, "状态: 暂定\n", "", "missing", "^年份"),
    swap("table with an impossible date", STATUTORY, "2027-04-05", "2027-04-31", "bad-word"),
    swap("table with a year in words", STATUTORY, "年份: 2028", "年份: 后年", "bad-number"),
    swap("table with a reversed range", STATUTORY, "起: 2027-02-05, 止: 2027-02-08", "起: 2027-02-05, 止: 2027-01-08", "bad-word"),
    swap("table with an unknown key", STATUTORY, "免打扰:", "免打搅:", "unknown-key"),
    swap("table without its days", STATUTORY, "    放假:\n", "", "indent", "- {名称: 元旦"),
    swap("two colons in the table", STATUTORY, "依据: 全国", "依据: 办法: 全国", "second-colon"),
)  # fmt: skip

MUTATIONS: tuple[Mutation, ...] = (
    *_slips(),
    *_IN_PLAN,
    *_IN_UNITS,
    *_IN_LADDERS,
    *_IN_INDICATORS,
    *_IN_TASKS,
    *_WITH_SILENT_LADDERS,
    *_IN_CALENDARS,
)
