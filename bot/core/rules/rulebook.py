"""What an admin may write: frozen forms with Chinese keys, and the rulebook made of them.

A form is one shape of YAML in `rules/`; its field aliases are the only spelling of a key. `Rule` is a form together with its
task, units, ladder and kind. Because it holds its kind, the core uses a kind without importing `bot/rule_kinds`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from bot.core.rules.forms import (
    Anchor,
    AreaForm,
    Areas,
    Basis,
    Delivery,
    Firmness,
    Form,
    LeadForm,
    Names,
    PlanForm,
    Role,
    Text,
    _as_list,
)
from bot.core.rules.succession import Succession, succession
from bot.core.rules.targets import Aim, BaselineForm, Direction, TargetForm
from bot.core.rules.units import UnitForm, UnitsForm
from bot.core.rules.words import Cadence, Grace, Lag, Offset, Span
from bot.core.time.workdays import Calendar

if TYPE_CHECKING:
    from bot.core.rules.kind import RuleKind

__all__ = [
    "Aim",
    "Anchor",
    "AreaForm",
    "BaselineForm",
    "Basis",
    "Delivery",
    "Direction",
    "Form",
    "IndicatorForm",
    "ItemForm",
    "Ladder",
    "LeadForm",
    "Names",
    "PlanForm",
    "ReportingForm",
    "Role",
    "Rule",
    "Rulebook",
    "RungForm",
    "TargetForm",
    "TaskForm",
    "TaskIndicatorForm",
    "Text",
    "UnitForm",
    "UnitsForm",
    "Watch",
]


class RungForm(Form):
    """One rung of a ladder."""

    offset: Offset = Field(alias="时点")
    roles: Annotated[tuple[Role, ...], BeforeValidator(_as_list)] = Field(alias="对象", min_length=1)
    delivery: Delivery = Field(alias="形式")
    states: Names = Field(default=(), alias="状态", description="只在这些状态下提醒；不填则不限")


class Ladder(Form):
    """督办阶梯: either a plain list of rungs, or a mapping that also says when 临期 begins."""

    rungs: tuple[RungForm, ...] = Field(alias="级次", min_length=1)
    approaching: Span = Field(default_factory=lambda: Span.parse("7天"), alias="临期")

    @model_validator(mode="before")
    @classmethod
    def _plain_list(cls, value: Any) -> Any:
        return {"级次": value} if isinstance(value, list) else value


class NoteForm(Form):
    """An element (要素) of the plan that is no item but a note on the item under which it is written."""

    elements: Names = Field(alias="要素")
    text: str = Field(default="", alias="说明")


class PendingForm(Form):
    """待建规则: an element for which there is no rule kind yet."""

    elements: Names = Field(alias="要素")
    kind: Text = Field(alias="类型")
    title: Text = Field(alias="名称")


class ItemForm(Form):
    """What every 事项 may say, whatever its kind."""

    id: Text = Field(
        alias="编号",
        pattern=r"^[A-Z]\d+(-\d+)?-[A-Z]+\d+$",
        description="任务编号加类别字母和序号，如 T05-M1；名称可改，编号不改",
    )
    kind: Text = Field(alias="类型")
    title: Text = Field(alias="名称", max_length=60)
    basis: Basis = Field(alias="依据", description="方案：方案原文写明；管理员：人工确定；建议：待确认")
    source: Anchor = Field(default="", alias="出处")
    elements: Names = Field(default=(), alias="要素", description="对应方案要素编号，如 T05-E13")
    ladder: str | None = Field(default=None, alias="督办阶梯")
    units: Names = Field(default=(), alias="责任单位", description="不填则同任务")
    lead: LeadForm | None = Field(default=None, alias="牵头", description="不填则同任务")
    cooperating: Names = Field(default=(), alias="配合")
    guiding: Names = Field(default=(), alias="指导", description="不填则同任务；只在阶梯写明指导单位的级次提醒")
    firmness: Firmness | None = Field(
        default=None, alias="措辞", description="原则上、力争：照常提醒，逾期不报分管领导和领导小组"
    )
    areas: Areas = Field(
        default=(), alias="分区", description="各地分别办理的：逐个写出，或写有“成员”的集体对象，如 各乡镇"
    )
    sensitive: bool = Field(default=False, alias="敏感", description="消息只显示编号、单位和日期")
    former_ids: Names = Field(default=(), alias="曾用编号")
    notes: tuple[NoteForm, ...] = Field(default=(), alias="附注")
    remark: str = Field(default="", alias="说明")

    @property
    def stands_for_the_whole(self) -> bool:
        """Whether it is an item besides those of its areas."""
        return not self.areas

    def in_area(self, area: AreaForm) -> Self:
        """The same duty in one area: with its own id and units, without the notes and former ids of the whole."""
        units = area.units or self.units
        lead = area.lead or (LeadForm(units=units, basis=self.basis) if area.units and len(units) == 1 else None)
        change: dict[str, Any] = {
            "id": area.id,
            "title": f"{self.title}（{area.name}）",
            "basis": area.basis or self.basis,
            "units": units,
            "lead": lead or (None if area.units else self.lead),
            "cooperating": area.cooperating or self.cooperating,
        }
        return self.model_copy(update={**change, "areas": (), "notes": (), "former_ids": ()})


class ReportingForm(Form):
    """报送: when the value of a period must be reported, and how long the bot waits for it after that."""

    cadence: Cadence = Field(alias="周期")
    reference: str = Field(default="", alias="基准日")
    due: Lag = Field(alias="应报")
    grace: Grace = Field(default_factory=lambda: Grace.parse("10个工作日"), alias="宽限")
    basis: Basis = Field(alias="依据")


@dataclass(frozen=True, slots=True)
class Watch:
    """One entry of 监测: the name of a kind that watches numbers, and that kind's options (None where it takes none)."""

    name: str
    options: Form | None = None


class IndicatorForm(Form):
    """One entry of rules/indicators.yaml. `watched` holds what the file says until the loader has made it `Watch`es."""

    id: Text = Field(alias="编号", pattern=r"^I\d+$")
    title: Text = Field(alias="指标", max_length=60)
    basis: Basis = Field(
        default=Basis.PLAN, alias="依据", description="监测要求是谁定的：方案、管理员或建议；建议的确认后才提醒"
    )
    source: Anchor = Field(default="", alias="出处")
    elements: Names = Field(
        default=(), alias="要素", description="对应方案要素编号；同一任务的几个指标可以对应同一要素"
    )
    measure: str = Field(alias="计量单位")
    direction: Direction = Field(alias="方向")
    units: Names = Field(alias="责任单位", min_length=1)
    lead: LeadForm | None = Field(default=None, alias="牵头")
    provider: Text = Field(alias="数据来源", description="报送数据的单位，可与责任单位不同")
    method: str = Field(default="", alias="口径")
    reporting: ReportingForm = Field(alias="报送")
    baseline: BaselineForm | None = Field(default=None, alias="基期")
    all_targets: tuple[TargetForm, ...] = Field(default=(), alias="目标")
    watched: Annotated[tuple[Any, ...], BeforeValidator(_as_list)] = Field(
        alias="监测", min_length=1, description="监测方式的名称；要改设置时写成“趋势: {窗口: 3}”"
    )
    ladders: dict[str, str] = Field(
        default_factory=dict, alias="督办阶梯", description="监测方式 → 阶梯名称；不填用默认"
    )
    sensitive: bool = Field(default=False, alias="敏感", description="消息只显示编号、单位和日期")
    former_ids: Names = Field(default=(), alias="曾用编号")
    remark: str = Field(default="", alias="说明")

    @field_validator("all_targets")
    @classmethod
    def _told_by_baseline(cls, targets: tuple[TargetForm, ...], info: ValidationInfo) -> tuple[TargetForm, ...]:
        return tuple(target.told_by(info.data.get("baseline")) for target in targets)

    @property
    def targets(self) -> tuple[TargetForm, ...]:
        """Targets that one value can be compared with: no sums, and none that still needs its baseline."""
        return tuple(one for one in self.all_targets if one.number is not None and one.sum_from is None)

    def options(self, kind: str) -> Any:
        """The options of a kind that watches it. Raises StopIteration when that kind does not."""
        return next(watch.options for watch in self.watched if watch.name == kind)


class TaskIndicatorForm(IndicatorForm):
    """One entry of 监测指标 in a task file; units and lead are the task's unless it names its own."""

    id: Text = Field(alias="编号", pattern=r"^[A-Z]\d+(-\d+)?-I\d+$", description="任务编号加序号，如 T02-I1")
    units: Names = Field(default=(), alias="责任单位", description="不填则同任务")


class TaskForm(Form):
    """One file of rules/tasks/: a task, who is responsible, and its items (typed by their kind)."""

    ordinal: Text = Field(alias="任务", description="方案中的序号，如 五")
    citation: str = Field(default="", alias="引用", description="消息怎样引用它，如 第5条；不填则按方案的引用格式")
    id: Text = Field(
        alias="编号",
        pattern=r"^[TS]\d{2,3}(-\d{1,2})?$",
        description="T（任务）或S（其他部分）加两三位数字，如 T05、T101；分任务再加序号，如 T05-1",
    )
    title: Text = Field(alias="标题")
    units: Names = Field(alias="责任单位", min_length=1)
    units_basis: Basis = Field(default=Basis.PLAN, alias="责任依据")
    lead: LeadForm | None = Field(default=None, alias="牵头")
    guiding: Names = Field(default=(), alias="指导", description="指导单位，可以不在责任单位之内")
    items: tuple[Any, ...] = Field(default=(), alias="事项")
    indicators: tuple[Any, ...] = Field(default=(), alias="监测指标", description="这项任务里用数字衡量的要求")
    pending: tuple[PendingForm, ...] = Field(default=(), alias="待建规则")

    @property
    def chosen_lead(self) -> LeadForm | None:
        """The written lead; a task with a single unit needs none written."""
        if self.lead is None and len(self.units) == 1:
            return LeadForm(units=self.units, basis=self.units_basis)
        return self.lead

    def cited(self, plan: PlanForm) -> str:
        """How a message names it: 第（五）项, or as it or its plan says."""
        return self.citation or (plan.cite(self.ordinal) if self.id.startswith("T") else self.ordinal)


@dataclass(frozen=True, eq=False)
class Rule:
    """A form with its task, units, ladder and kind; events and rule tests name it by `id` (T05-M1, I4:报送).

    Compared by identity: a rulebook holds each rule once, and caches keyed by a rule stay cheap.
    """

    id: str
    kind: RuleKind
    form: Any
    owner: str  # task or indicator id: T05, I4, S03
    owner_title: str
    citation: str  # 第（五）项, 指标, 组织实施
    title: str
    basis: Basis
    units: tuple[str, ...]
    lead: LeadForm | None
    cooperating: tuple[str, ...]
    provider: str
    ladder: Ladder
    ladder_name: str
    sensitive: bool = False
    listed: frozenset[str] = frozenset()  # units that have a 月初清单
    guiding: tuple[str, ...] = ()

    @cached_property
    def asks_provider(self) -> bool:
        """Whether its ladder addresses the data provider; then the provider must act, not the lead."""
        return any(Role.PROVIDER in rung.roles for rung in self.ladder.rungs)

    @property
    def judges_values(self) -> bool:
        """Whether it judges the values of an indicator, and does not ask for them."""
        return bool(self.provider) and not self.asks_provider

    @property
    def shown_when(self) -> str:
        """Its dates and bounds for everybody to read; the bounds of a sensitive indicator are left out."""
        return "敏感指标" if self.sensitive and self.judges_values else self.kind.when(self.form)

    @cached_property
    def comes_monthly(self) -> bool:
        """Whether it is due every month, so that it need not stand in the 月初清单."""
        cadence = getattr(self.form, "cadence", None) or getattr(getattr(self.form, "reporting", None), "cadence", None)
        return isinstance(cadence, Cadence) and cadence.every_month

    @property
    def soft(self) -> bool:
        """Whether the plan only aims at it (力争, 原则上): then nobody above the unit is told of it."""
        return isinstance(self.form, ItemForm) and self.form.firmness is not None

    @property
    def principals(self) -> tuple[str, ...]:
        """Who must act, as written: the data provider, or the leads (confirmed or not)."""
        return (self.provider,) if self.asks_provider else (self.lead.units if self.lead else ())

    @cached_property
    def climbed(self) -> dict[tuple[Any, ...], Any]:
        """The cache of `ladder.stairs` for this rule; it goes with the rule, so that old rulebooks use no memory."""
        return {}

    @property
    def principal(self) -> str:
        """The principals as one text."""
        return "、".join(self.principals)

    @cached_property
    def fingerprint(self) -> str:
        """What a confirmation is bound to: units and dates. A change of either asks again."""
        helping = dict.fromkeys((*self.cooperating, *self.guiding))
        who = ",".join((*self.units, "|", *helping, "|", self.provider))
        return f"{who}|{self.kind.dates(self.form)}"

    @cached_property
    def lead_key(self) -> str:
        """The id under which the lead is confirmed: the task or indicator, or the item when it has a lead of its own."""
        if isinstance(self.form, IndicatorForm) and self.form.lead is not None:
            return self.form.id
        return self.id if isinstance(self.form, ItemForm) and self.form.lead is not None else self.owner


@dataclass(frozen=True, eq=False)
class Rulebook:
    """Everything the rule files say, resolved. Equal `digest` means equal in every way that matters."""

    plan: PlanForm
    units: UnitsForm
    ladders: Mapping[str, Ladder]
    tasks: tuple[TaskForm, ...]
    indicators: tuple[IndicatorForm, ...]  # those of task files too
    calendar: Calendar
    rules: tuple[Rule, ...]
    digest: str = ""

    @cached_property
    def by_id(self) -> Mapping[str, Rule]:
        """Rules by id, former ids included."""
        found = {rule.id: rule for rule in self.rules}
        for rule in self.rules:
            for former in getattr(rule.form, "former_ids", ()):
                check = f":{rule.kind.name}" if isinstance(rule.form, IndicatorForm) else ""
                found.setdefault(f"{former}{check}", rule)
        return found

    @cached_property
    def addressable(self) -> tuple[str, ...]:
        """The names that a rule may address: units and standing groups."""
        return tuple(unit.name for unit in self.units.today)

    @cached_property
    def unit_aliases(self) -> Mapping[str, str]:
        """Other spellings, former names and ids of a unit → its name today."""
        return {
            alias: self.succession.unit(unit.name)
            for unit in self.units.everyone
            for alias in (unit.name, unit.id, *unit.aliases, *unit.former_names)
        }

    @cached_property
    def succession(self) -> Succession:
        """What units and items were called before."""
        numbered = (*(one for task in self.tasks for one in task.items), *self.indicators)
        steps = {rule.id: names for rule in self.rules if (names := rule.kind.step_names(rule.form))}
        return succession(self.units.everyone, ((one.id, one.former_ids) for one in numbered), steps)

    @cached_property
    def owners(self) -> tuple[TaskForm | IndicatorForm, ...]:
        """Everything that is assigned (交办): tasks with their indicators, then those that stand by themselves."""
        return (*self.tasks, *(one for one in self.indicators if not isinstance(one, TaskIndicatorForm)))

    def rules_of(self, owner: str) -> Iterable[Rule]:
        """The rules under a task or indicator."""
        return (rule for rule in self.rules if rule.owner == owner)
