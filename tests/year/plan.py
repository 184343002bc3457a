"""The county's plan as its rule files say it, read without the bot's help: duties with their dates, figures with their bounds."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property, lru_cache
from typing import Any

from tests.year.days import Days, days_of, read

UNTIL = date(2028, 6, 30)  # no later date is asked for
NUMERAL = re.compile(r"\d+")
PROPOSED = "建议"


@dataclass(frozen=True)
class Duty:
    """One thing with a date: a milestone, a step, one period of a duty, or one report of a figure."""

    id: str
    rule: str
    task: str
    title: str
    lead: str  # of a report: who reports
    helpers: tuple[str, ...]
    due: date
    late_from: date  # it is late after this day
    figure: str = ""  # of a report: whose value, and for which period
    period: str = ""
    opens: date = date.min
    sensitive: bool = False


@dataclass(frozen=True)
class Figure:
    """An indicator: who answers for it, which way is good, and what its values are held against."""

    id: str
    title: str
    lead: str
    provider: str
    rising: bool  # whether more is better
    sensitive: bool
    watches: Mapping[str, Mapping[str, Any]]
    targets: Mapping[str, tuple[float, str]]  # period → value and word
    task: str

    def floor(self, period: str) -> tuple[float, bool] | None:
        """What 保持 asks of a value of that period, and whether more is better; None when nothing is asked."""
        hold = self.watches.get("保持")
        if hold is None or period[:4] < str(hold.get("起", ""))[:4]:
            return None
        later = (value for year, (value, _) in self.targets.items() if year >= period[:4])
        bound = hold["值"] if "值" in hold else next(later, None)
        rising = {"不低于": True, "不高于": False}.get(hold.get("界", ""), self.rising)
        return None if bound is None else (float(bound), rising)

    def met(self, period: str, value: float) -> bool | None:
        """Whether the target of that period is met; None when there is none."""
        if period not in self.targets:
            return None
        aim, word = self.targets[period]
        slack = 0.97 if word == "左右" else 1.0
        return value >= aim * slack if self.rising else value <= aim


@dataclass(frozen=True, eq=False)
class Plan:
    """One version of the rule files."""

    files: Mapping[str, str]

    @cached_property
    def days(self) -> Days:
        """Its calendar."""
        return days_of(self.files)

    @cached_property
    def start(self) -> date:
        """What was due before is not watched."""
        start: date = read(self.files["plan.yaml"])["起算日"]
        return start

    @cached_property
    def units(self) -> tuple[str, ...]:
        """Every unit that has a chat of its own."""
        book = read(self.files["units.yaml"])
        return tuple(u["名称"] for u in (*book["责任单位"], *book["集体对象"]))

    @cached_property
    def successors(self) -> Mapping[str, str]:
        """Former name → today's name, and merged unit → the one that took it in."""
        book = read(self.files["units.yaml"])["责任单位"]
        renamed = {old: u["名称"] for u in book for old in u.get("曾用名") or ()}
        return renamed | {u["名称"]: u["已并入"] for u in book if u.get("已并入")}

    def now(self, unit: str) -> str:
        """What a unit is called under these files."""
        return self.successors.get(unit, unit)

    @cached_property
    def tasks(self) -> tuple[Mapping[str, Any], ...]:
        """The task files, as they are."""
        return tuple(read(text) for name, text in sorted(self.files.items()) if name.startswith("tasks/"))

    @cached_property
    def duties(self) -> Mapping[str, Duty]:
        """Everything with a date, by id."""
        found = [duty for task in self.tasks for item in task["事项"] for duty in self._of_item(task, item)]
        found += [duty for figure, form in self._figure_forms() for duty in self._reports(figure, form)]
        return {duty.id: duty for duty in found}

    @cached_property
    def figures(self) -> Mapping[str, Figure]:
        """Every indicator, by id."""
        return {figure.id: figure for figure, _ in self._figure_forms()}

    @cached_property
    def rules(self) -> Mapping[str, Mapping[str, Any]]:
        """Every item of a task as it is written, by id, with its task's lead where it names none."""
        return {item["编号"]: {"牵头": task["牵头"], **item} for task in self.tasks for item in task["事项"]}

    def lead(self, rule: str) -> str:
        """The lead unit of a rule, under today's name."""
        return self.now(_unit(self.rules[rule]["牵头"]))

    def _of_item(self, task: Mapping[str, Any], item: Mapping[str, Any]) -> Iterator[Duty]:
        lead = self.now(_unit(item.get("牵头") or task["牵头"]))
        everybody = task["责任单位"] if item["类型"] == "节点" else ()
        helpers = tuple(self.now(unit) for unit in item.get("配合", everybody) if self.now(unit) != lead)
        common = {"rule": item["编号"], "task": task["编号"], "title": item["名称"], "lead": lead}
        common |= {"helpers": helpers, "sensitive": bool(item.get("敏感"))}
        if item["类型"] == "周期":
            for label, due in self.periods(item["周期"]):
                yield Duty(id=f"{item['编号']}@{label}", due=due, late_from=due, period=label, **common)
        elif item["类型"] == "节点":
            for step in (item, *item.get("步骤", ())):
                if on := _date(step.get("完成时限")):
                    late = _date(step.get("结果公布")) or on
                    yield Duty(id=step["编号"], due=on, late_from=late, **common)

    def periods(self, cadence: str) -> Iterator[tuple[str, date]]:
        """The periods of a cadence from the plan's start on, by label and date."""
        for label, due in _cadence(cadence, self.days):
            if self.start <= due <= UNTIL:
                yield label, due

    def _figure_forms(self) -> Iterator[tuple[Figure, Mapping[str, Any]]]:
        for form in read(self.files["indicators.yaml"]):
            yield _figure(form, "", self), form
        for task in self.tasks:
            for form in task.get("监测指标") or ():
                yield _figure({"牵头": task["牵头"], **form}, task["编号"], self), form

    def _reports(self, figure: Figure, form: Mapping[str, Any]) -> Iterator[Duty]:
        report = form["报送"]
        grace = int(_number(report["宽限"]))
        for label, ends, due in _report_dates(report, self.days):
            if self.start <= due <= UNTIL:
                yield Duty(
                    f"{figure.id}:报送@{label}", f"{figure.id}:报送", figure.task, figure.title, figure.provider, (),
                    due, self.days.after(due, grace), figure.id, label, ends, figure.sensitive,
                )  # fmt: skip


def _figure(form: Mapping[str, Any], task: str, plan: Plan) -> Figure:
    watches = dict(_watch(watch) for watch in form["监测"])
    targets = {
        str(one["期限"])[:4]: (float(one["值"]), str(one["措辞"])) for one in form.get("目标") or () if "值" in one
    }
    return Figure(
        form["编号"], form["指标"], plan.now(_unit(form["牵头"])), plan.now(form["数据来源"]), form["方向"] == "越高越好",
        bool(form.get("敏感")), watches, targets, task,
    )  # fmt: skip


def _watch(watch: Any) -> tuple[str, Mapping[str, Any]]:
    return (watch, {}) if isinstance(watch, str) else next(iter(watch.items()))


def _unit(lead: Any) -> str:
    unit = lead["单位"] if isinstance(lead, Mapping) else lead
    return str(unit)


def _number(text: str) -> str:
    found = NUMERAL.search(text)
    assert found, text
    return found[0]


def _date(written: Any) -> date | None:
    """A date as a file writes it: a day, 2027年底, 2027年6月底前."""
    if written is None or isinstance(written, date):
        return written
    if found := re.fullmatch(r"(\d{4})-(\d\d)-(\d\d)", written):
        return date(*map(int, found.groups()))
    if found := re.fullmatch(r"(\d{4})年(?:底|(\d+)月底前?)", written):
        return _month_end(int(found[1]), int(found[2] or 12))
    raise ValueError(written)


def _month_end(year: int, month: int) -> date:
    return date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)


YEARS = range(2026, 2029)


@lru_cache(maxsize=512)
def _cadence(text: str, days: Days) -> tuple[tuple[str, date], ...]:
    """Every period of a cadence in the years of the story."""
    return tuple(_periods(text, days))


def _periods(text: str, days: Days) -> Iterator[tuple[str, date]]:
    if text == "每学期末":
        ends = [end for _, end in days.terms]
        for year in YEARS:
            yield from ((f"{year}-{n}", end) for n, end in enumerate((e for e in ends if e.year == year), 1))
    elif text in ("每季度末", "每半年末"):
        size, letter = (3, "Q") if text == "每季度末" else (6, "H")
        for year in YEARS:
            yield from ((f"{year}{letter}{n}", _month_end(year, n * size)) for n in range(1, 12 // size + 1))
    elif text == "每月最后一个工作日":
        for year in YEARS:
            yield from (
                (f"{year}-{m:02}", days.after(_month_end(year, m) + timedelta(days=1), -1)) for m in range(1, 13)
            )
    elif found := re.fullmatch(r"每年(?:底|(\d+)月底)", text):
        yield from ((str(year), _month_end(year, int(found[1] or 12))) for year in YEARS)
    else:
        on = [(int(month), int(day)) for month, day in re.findall(r"(\d+)月(\d+)日", text)]
        assert text.startswith("每年"), text
        for year in YEARS:
            yield from ((f"{year}-{n}", date(year, *one)) for n, one in enumerate(on, 1))


def _report_dates(report: Mapping[str, Any], days: Days) -> Iterator[tuple[str, date, date]]:
    """Label, last day of the period and due date of every report."""
    due = report["应报"]
    if report["周期"] == "每季度末":
        for label, ends in _cadence("每季度末", days):
            first = ends + timedelta(days=1)
            yield label, ends, first.replace(day=int(due.split("首月")[1].removesuffix("日")))
        return
    month, day = map(int, NUMERAL.findall(due))
    for year in (2025, *YEARS):
        on = date(year + due.startswith("次年"), month, day)
        yield str(year), min(date(year, 12, 31), on), on
