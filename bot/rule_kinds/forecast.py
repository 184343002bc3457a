"""预测: for each stage of school, the pupils to come, worked out from births and compared with the seats.

Children enter kindergarten 3 years after birth, primary school after 6, junior school after 12, senior school after 15. The
years judged are those after the latest known birth year; the seats of a year are the last figure known up to it.

One stage may have too few seats soon and too many later. A year is not judged unless all its birth years are known. Missing
births or seats never count as good.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_CEILING, Decimal
from typing import Any, Literal

from pydantic import Field

from bot.core.facts.facts import Facts, Observation
from bot.core.rules.item import Item, Judgement, Moment, State
from bot.core.rules.kind import BaseKind, Remark
from bot.core.rules.rulebook import Form, IndicatorForm, ItemForm, Rule, Text
from bot.core.time.workdays import Calendar
from bot.core.time.zone import day_of

HUNDRED = Decimal(100)


class SchoolStage(Form):
    """One 学段: who is in it, and where its seats are counted."""

    name: Text = Field(alias="名称", max_length=10, pattern=r"^[^@\s-]+$")
    age: int = Field(alias="入学年龄", ge=0, le=30, description="出生后几年入学：幼儿园3，小学6，初中12，高中15")
    years: int = Field(alias="学制", ge=1, le=12, description="在校几年")
    seats: Text = Field(alias="学位", description="学位数的指标编号")
    share: Decimal = Field(default=HUNDRED, alias="入学率", gt=0, le=200, description="同龄人口中入学的百分比")
    inflow: Decimal = Field(
        default=Decimal(0), alias="净流入", ge=-90, le=200, description="外地流入减本地流出，百分比；流出为负"
    )


class ForecastForm(ItemForm):
    """What a 预测 may say."""

    kind: Literal["预测"] = Field(alias="类型")
    births: Text = Field(alias="出生人口", description="每年出生人口的指标编号")
    stages: tuple[SchoolStage, ...] = Field(alias="学段", min_length=1)
    upper: Decimal = Field(default=HUNDRED, alias="上限", gt=0, description="在校生占学位的百分比，超过为学位不足")
    lower: Decimal = Field(default=Decimal(70), alias="下限", ge=0, description="在校生占学位的百分比，低于为学位富余")
    horizon: int = Field(default=10, alias="年数", ge=1, le=20, description="向后看几年")


@dataclass(frozen=True, slots=True)
class Numbers:
    """Births and seats by year, as far as they are known."""

    births: Mapping[int, Observation]
    seats: Mapping[int, Observation]

    def before(self, at: datetime) -> Numbers:
        """What was known before an instant."""
        return Numbers(_earlier(self.births, at), _earlier(self.seats, at))


@dataclass(frozen=True, slots=True)
class Shortage:
    """The result for one stage: missing seats by year, years of surplus, and birth years that are unknown.

    `known` is when the last of its numbers came in, whether a year could be judged by it yet or not; None where none could.
    """

    judged: tuple[int, ...] = ()
    short: Mapping[int, Decimal] | None = None
    spare: tuple[int, ...] = ()
    unknown: tuple[int, ...] = ()  # the years of births that are missing
    known: Moment | None = None

    @property
    def warns(self) -> bool:
        """Whether any year is above 上限 or below 下限."""
        return bool(self.short or self.spare)


class Forecast(BaseKind):
    """See the module."""

    name = "预测"
    Params = ForecastForm
    ladder = "预测预警"
    counts_from_value = True
    example = """\
- 编号: T03-F1
  类型: 预测
  名称: 学龄人口与学位
  出生人口: I8
  学段:
    - {名称: 幼儿园, 入学年龄: 3, 学制: 3, 学位: I9, 入学率: 98}
    - {名称: 小学, 入学年龄: 6, 学制: 6, 学位: I10, 净流入: -5}
  上限: 100
  下限: 70
  年数: 10
  依据: 建议
"""

    def dates(self, form: ForecastForm) -> str:
        """Everything the verdict depends on."""
        stages = (f"{one.name} {one.age}+{one.years} {one.seats} {one.share} {one.inflow}" for one in form.stages)
        return f"{form.births} {form.lower}-{form.upper} {form.horizon} " + " ".join(stages)

    def when(self, form: ForecastForm) -> str:
        """For which stages, how many years ahead, and between which bounds."""
        names = "、".join(stage.name for stage in form.stages)
        return f"按出生人口推算{names}今后{form.horizon}年在校生，超过学位的{form.upper}%或低于{form.lower}%预警"

    def items(self, rule: Rule, calendar: Calendar, since: date, until: date) -> Iterable[Item]:
        """One item per stage for as long as the rule stands."""
        del calendar, since, until
        form: ForecastForm = rule.form
        for stage in form.stages:
            yield Item(f"{rule.id}@{stage.name}", rule, f"{form.title}：{stage.name}", None, data=stage)

    def judge(self, item: Item, facts: Facts, today: date) -> Judgement:
        """预警, 达标 or 恢复, counted from the day the latest number used became known; 待公布 while numbers are missing."""
        del today
        form: ForecastForm = item.rule.form
        stage: SchoolStage = item.data
        numbers = Numbers(_born(_series(form.births, facts)), _series(stage.seats, facts))
        if lacking := _lacking(form, stage, numbers):
            return Judgement(State.AWAITING_RESULT, detail=lacking)
        now = foresee(form, stage, numbers)
        if now.known is None:
            return Judgement(State.AWAITING_RESULT, detail=f"缺{_years(now.unknown)}出生人口，暂不能推算")
        state = State.WARNED if now.warns else _fine(form, stage, numbers.before(now.known[0]))
        return Judgement(state, day_of(now.known[0]), said(form, now), now.known)

    def planned(self, form: ForecastForm) -> Iterable[str]:
        """Seats: those of a school under construction are entered for the year in which it opens."""
        return [stage.seats for stage in form.stages]

    def remarks(self, form: ForecastForm, indicators: Mapping[str, IndicatorForm]) -> Iterable[Remark]:
        """Indicators that do not exist or are not yearly, a 下限 that is not below 上限, two stages of one name."""
        yield from _known(("出生人口",), form.births, indicators)
        for index, stage in enumerate(form.stages):
            yield from _known(("学段", index, "学位"), stage.seats, indicators)
            if stage.name in [one.name for one in form.stages[:index]]:
                message = f"学段“{stage.name}”写了两次"
                yield Remark("stage-twice", ("学段", index, "名称"), message, "每个学段只写一次，名称各不相同")
        if form.lower >= form.upper:
            message = f"下限{form.lower}不低于上限{form.upper}"
            yield Remark("band-crossed", ("下限",), message, "下限是富余线，上限是不足线，如 70 和 100")


def _known(loc: tuple[str | int, ...], name: str, indicators: Mapping[str, IndicatorForm]) -> Iterator[Remark]:
    if name not in indicators:
        yield Remark("unknown-indicator", loc, f"没有“{name}”这个指标", unknown=name)
    elif not indicators[name].reporting.cadence.words().startswith("每年"):
        yield Remark("not-yearly", loc, f"指标“{name}”不是按年报送", "预测只用年度数据，周期改为每年")


# --- numbers -------------------------------------------------------------------------------------------------------


def _series(indicator: str, facts: Facts) -> dict[int, Observation]:
    """Final values by year."""
    years = (int(label) for label in facts.periods.get(indicator, ()) if len(label) == 4 and label.isdecimal())
    found = {year: facts.value(indicator, str(year)) for year in years}
    return {year: seen for year, seen in sorted(found.items()) if seen is not None}


def _born(series: Mapping[int, Observation]) -> dict[int, Observation]:
    """Births without those entered, by mistake, for a year that had not begun."""
    return {year: seen for year, seen in series.items() if day_of(seen.at).year >= year}


def _earlier(series: Mapping[int, Observation], at: datetime) -> dict[int, Observation]:
    return {year: seen for year, seen in series.items() if seen.at < at}


def _lacking(form: ForecastForm, stage: SchoolStage, numbers: Numbers) -> str:
    """Which whole series is missing."""
    names = [f"出生人口（{form.births}）"] if not numbers.births else []
    names += [f"学位数（{stage.seats}）"] if not numbers.seats else []
    return f"缺{'、'.join(names)}数据，暂不能推算" if names else ""


def cohorts(stage: SchoolStage, year: int) -> range:
    """The birth years that are in a stage in the autumn of a year."""
    return range(year - stage.age - stage.years + 1, year - stage.age + 1)


def pupils(stage: SchoolStage, year: int, births: Mapping[int, Observation]) -> Decimal:
    """Expected pupils of a stage in the autumn of a year whose cohorts are all known."""
    born = sum((births[one].value for one in cohorts(stage, year)), Decimal(0))
    return born * stage.share * (HUNDRED + stage.inflow) / (HUNDRED * HUNDRED)


def foresee(form: ForecastForm, stage: SchoolStage, numbers: Numbers) -> Shortage:
    """Compares demand and seats in each coming year for which all birth years and the seats are known."""
    births, seats = numbers.births, numbers.seats
    latest = max(births)
    judged: list[int] = []
    short: dict[int, Decimal] = {}
    spare: list[int] = []
    unknown: set[int] = set()
    for year in range(latest + 1, latest + 1 + form.horizon):
        needed, place = cohorts(stage, year), _seats_of(seats, year)
        gaps = [one for one in needed if one not in births]
        unknown.update(one for one in gaps if one < latest)
        if gaps or place is None:
            continue
        judged.append(year)
        _weigh(form, year, pupils(stage, year, births), place.value, short, spare)
    born = [seen for year, seen in births.items() if year >= cohorts(stage, latest + 1).start]
    known = max(seen.moment for seen in (*born, *seats.values())) if judged else None
    return Shortage(tuple(judged), short, tuple(spare), tuple(sorted(unknown)), known)


def _seats_of(seats: Mapping[int, Observation], year: int) -> Observation | None:
    """The last figure known up to a year."""
    return seats.get(max((one for one in seats if one <= year), default=0))


def _weigh(
    form: ForecastForm, year: int, demand: Decimal, seats: Decimal, short: dict[int, Decimal], spare: list[int]
) -> None:
    """Puts the year down as short or spare; exactly on a bound is neither."""
    if demand * HUNDRED > seats * form.upper:
        short[year] = (demand * HUNDRED / form.upper - seats).to_integral_value(ROUND_CEILING)
    elif demand * HUNDRED < seats * form.lower:
        spare.append(year)


def _fine(form: ForecastForm, stage: SchoolStage, before: Numbers) -> State:
    """恢复 when the numbers known before the latest one led to a warning, else 达标."""
    warned = bool(before.births and before.seats) and foresee(form, stage, before).warns
    return State.RECOVERED if warned else State.MET


# --- words ---------------------------------------------------------------------------------------------------------


def said(form: ForecastForm, found: Shortage) -> str:
    """2028—2030年缺学位，最多120个（2029年）；2034年起富余。"""
    last = found.judged[-1]
    parts: list[str] = []
    if found.short:
        worst = max(found.short, key=lambda year: found.short[year] if found.short else 0)
        parts.append(f"{_years(tuple(found.short), last)}缺学位，最多{found.short[worst]}个（{worst}年）")
    if found.spare:
        parts.append(f"{_years(found.spare, last)}富余")
    if not parts:
        parts.append(f"{_years(found.judged)}在校生在学位的{form.lower}%至{form.upper}%之间")
    elif len(found.judged) < form.horizon:
        parts.append(f"推算到{last}年")
    if found.unknown:
        parts.append(f"缺{_years(found.unknown)}出生人口，有关年份未推算")
    return "；".join(parts)


def _years(years: tuple[int, ...], last: int = 0) -> str:
    """2028—2030年、2032年; 2034年起 when the run reaches `last`, the last year judged."""
    runs: list[list[int]] = []
    for year in years:
        if runs and year == runs[-1][-1] + 1:
            runs[-1].append(year)
        else:
            runs.append([year])
    return "、".join(_run(run[0], run[-1], last) for run in runs)


def _run(first: int, final: int, last: int) -> str:
    if first == final:
        return f"{first}年"
    return f"{first}年起" if final == last else f"{first}—{final}年"


KIND: Any = Forecast()
