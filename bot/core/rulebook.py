"""What an admin may write: frozen forms with Chinese keys, and the rulebook they add up to.

A form is one shape of YAML in `rules/`; its field aliases are the only spelling of a key. `Rule` is a form that has found
its task, units, ladder and kind; it carries its own kind, so the core reaches a rib without importing one (design §2).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from bot.core.grammar import PlainDate
from bot.core.words import Cadence, DueDate, Grace, Lag, Offset, Span
from bot.core.workdays import Calendar

if TYPE_CHECKING:
    from bot.core.item import RuleKind


class Basis(StrEnum):
    """依据: who says so. Only the plan and a person bind; a proposal waits for `duban confirm`."""

    PLAN = "方案"
    ADMIN = "管理员"
    PROPOSED = "建议"


class Role(StrEnum):
    """对象 of a rung: in which capacity somebody is addressed."""

    LEAD = "牵头单位"
    COOPERATING = "配合单位"
    PROVIDER = "数据来源"
    SUPERVISOR = "分管领导"
    LEADING_GROUP = "领导小组"
    ADMIN = "管理员"


class Delivery(StrEnum):
    """形式 of a rung: alone, in the day's digest, or in the monthly list."""

    SINGLE = "单发"
    DIGEST = "汇总"
    MONTHLY = "月度清单"


class Direction(StrEnum):
    """方向 of an indicator."""

    HIGHER = "越高越好"
    LOWER = "越低越好"


class Aim(StrEnum):
    """措辞 of a target, kept as the plan has it so that nobody corrects 达到 into 以上."""

    REACH = "达到"
    AT_LEAST = "以上"
    KEEP = "保持"
    ABOUT = "左右"


class Form(BaseModel):
    """Base of every form: frozen, unknown keys refused, Chinese aliases."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, str_strip_whitespace=True)


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], BeforeValidator(_as_list)]
Text = Annotated[str, Field(min_length=1)]
Anchor = Annotated[str, Field(max_length=20, description="方案原文片段，不超过20个字")]


class PlanForm(Form):
    """rules/plan.yaml: the document everything is traced to."""

    title: Text = Field(alias="方案", description="方案全称")
    status: str = Field(alias="状态", pattern="^(征求意见稿|印发)$", description="征求意见稿或印发")
    number: str = Field(default="", alias="文号")
    issued_on: PlainDate | None = Field(default=None, alias="日期")
    short: Text = Field(default="实施方案", alias="简称", description="消息里引用方案时的叫法")
    starts_on: PlainDate = Field(alias="起算日", description="此日之前的时限、周期、报送不督办")

    @property
    def citation(self) -> str:
        """How a message names the plan: 实施方案（征求意见稿）, or 实施方案（民政发〔2027〕1号）."""
        mark = self.number if self.status == "印发" else self.status
        return f"{self.short}（{mark}）" if mark else self.short


class UnitForm(Form):
    """One responsible unit."""

    name: Text = Field(alias="名称")
    id: Text = Field(alias="编号", pattern=r"^[a-z_]+$")
    kind: str = Field(default="", alias="性质")
    aliases: Names = Field(default=(), alias="别名", description="常见的其他叫法，填错时用来提示")


class BodyForm(Form):
    """An organ of section three: named by the plan, not a responsible unit."""

    name: Text = Field(alias="名称")
    duty: str = Field(default="", alias="职责")


class UnitsForm(Form):
    """rules/units.yaml."""

    units: tuple[UnitForm, ...] = Field(alias="责任单位")
    groups: tuple[UnitForm, ...] = Field(
        default=(), alias="集体对象", description="如各学校：一个群，只收点名给它的事项"
    )
    bodies: tuple[BodyForm, ...] = Field(default=(), alias="机构")


class LeadForm(Form):
    """牵头: the plan marks none, so a person confirms a proposed one."""

    unit: Text = Field(alias="单位")
    basis: Basis = Field(alias="依据")


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
    """An element of the plan that only annotates the item it stands under."""

    elements: Names = Field(alias="要素")
    text: str = Field(default="", alias="说明")


class PendingForm(Form):
    """待建规则: an element that waits for a rule kind not built yet."""

    elements: Names = Field(alias="要素")
    kind: Text = Field(alias="类型")
    title: Text = Field(alias="名称")


class ItemForm(Form):
    """What every 事项 may say, whatever its kind."""

    id: Text = Field(
        alias="编号", pattern=r"^[A-Z]\d+-[A-Z]+\d+$", description="稳定编号，如 T05-M1；名称可改，编号不改"
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
    sensitive: bool = Field(default=False, alias="敏感", description="消息只显示编号、单位和日期")
    former_ids: Names = Field(default=(), alias="曾用编号")
    notes: tuple[NoteForm, ...] = Field(default=(), alias="附注")
    remark: str = Field(default="", alias="说明")


class BaselineForm(Form):
    """基期."""

    year: int = Field(alias="年份")
    value: Decimal = Field(alias="值")
    source: str = Field(default="", alias="来源")


class TargetForm(Form):
    """One 目标 of an indicator."""

    due: DueDate = Field(alias="期限")
    value: Decimal = Field(alias="值")
    aim: Aim = Field(alias="措辞")
    source: Anchor = Field(default="", alias="出处")
    tolerance: Decimal = Field(default=Decimal(3), alias="容差", description="仅用于“左右”，百分之几，单侧", ge=0)


class ReportingForm(Form):
    """报送: when the value of a period must be handed in, and by whom it is missed."""

    cadence: Cadence = Field(alias="周期")
    reference: str = Field(default="", alias="基准日")
    due: Lag = Field(alias="应报")
    grace: Grace = Field(default_factory=lambda: Grace.parse("10个工作日"), alias="宽限")
    basis: Basis = Field(alias="依据")


class IndicatorForm(Form):
    """One entry of rules/indicators.yaml."""

    id: Text = Field(alias="编号", pattern=r"^I\d+$")
    title: Text = Field(alias="指标")
    measure: str = Field(alias="计量单位")
    direction: Direction = Field(alias="方向")
    units: Names = Field(alias="责任单位", min_length=1)
    lead: LeadForm | None = Field(default=None, alias="牵头")
    provider: Text = Field(alias="数据来源", description="报送数据的单位，可与责任单位不同")
    method: str = Field(default="", alias="口径")
    reporting: ReportingForm = Field(alias="报送")
    baseline: BaselineForm | None = Field(default=None, alias="基期")
    targets: tuple[TargetForm, ...] = Field(alias="目标", min_length=1)
    watched: Names = Field(alias="监测", min_length=1)
    ladders: dict[str, str] = Field(
        default_factory=dict, alias="督办阶梯", description="监测方式 → 阶梯名称；不填用默认"
    )
    sensitive: bool = Field(default=False, alias="敏感")


class TaskForm(Form):
    """One file of rules/tasks/: a task, who is responsible, and its items (typed by their kind)."""

    ordinal: Text = Field(alias="任务", description="方案中的序号，如 五")
    id: Text = Field(alias="编号", pattern=r"^[TS]\d{2}$")
    title: Text = Field(alias="标题")
    units: Names = Field(alias="责任单位", min_length=1)
    units_basis: Basis = Field(default=Basis.PLAN, alias="责任依据")
    lead: LeadForm | None = Field(default=None, alias="牵头")
    items: tuple[Any, ...] = Field(default=(), alias="事项")
    pending: tuple[PendingForm, ...] = Field(default=(), alias="待建规则")

    @property
    def chosen_lead(self) -> LeadForm | None:
        """The written lead; a task with a single unit needs none written."""
        if self.lead is None and len(self.units) == 1:
            return LeadForm(unit=self.units[0], basis=self.units_basis)
        return self.lead


@dataclass(frozen=True, eq=False)
class Rule:
    """A form that knows its task, units and ladder; `id` is what events and tests name (T05-M1, I4:报送).

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

    @cached_property
    def asks_provider(self) -> bool:
        """Whether its ladder speaks to the data provider; then the provider answers for it, not the lead."""
        return any(Role.PROVIDER in rung.roles for rung in self.ladder.rungs)

    @property
    def principal(self) -> str:
        """Who answers for it as written: the data provider, or the lead (confirmed or not)."""
        return self.provider if self.asks_provider else (self.lead.unit if self.lead else "")

    @cached_property
    def fingerprint(self) -> str:
        """What a confirmation is bound to: units and dates. A change of either asks again."""
        who = ",".join((*self.units, "|", *self.cooperating, "|", self.provider))
        return f"{who}|{self.kind.dates(self.form)}"

    @cached_property
    def lead_key(self) -> str:
        """Under what the lead is confirmed: the task or indicator, or the item when it names a lead of its own."""
        return self.id if isinstance(self.form, ItemForm) and self.form.lead is not None else self.owner


@dataclass(frozen=True, eq=False)
class Rulebook:
    """Everything the rule files say, resolved. Equal `digest` means equal in every way that matters."""

    plan: PlanForm
    units: UnitsForm
    ladders: Mapping[str, Ladder]
    tasks: tuple[TaskForm, ...]
    indicators: tuple[IndicatorForm, ...]
    calendar: Calendar
    rules: tuple[Rule, ...]
    digest: str = ""

    @cached_property
    def by_id(self) -> Mapping[str, Rule]:
        """Rules by id, former ids included."""
        found = {rule.id: rule for rule in self.rules}
        for rule in self.rules:
            for former in getattr(rule.form, "former_ids", ()):
                found.setdefault(former, rule)
        return found

    @cached_property
    def addressable(self) -> tuple[str, ...]:
        """Names a rule may address: units and standing groups."""
        return tuple(unit.name for unit in (*self.units.units, *self.units.groups))

    @cached_property
    def unit_aliases(self) -> Mapping[str, str]:
        """Other spellings and ids of a unit → its name."""
        return {
            alias: unit.name
            for unit in (*self.units.units, *self.units.groups)
            for alias in (unit.name, unit.id, *unit.aliases)
        }

    @cached_property
    def owners(self) -> tuple[TaskForm | IndicatorForm, ...]:
        """Everything that is assigned (交办): tasks, then indicators."""
        return (*self.tasks, *self.indicators)

    def rules_of(self, owner: str) -> Iterable[Rule]:
        """The rules under a task or indicator."""
        return (rule for rule in self.rules if rule.owner == owner)
