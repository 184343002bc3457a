"""What all forms of rule files build on: the base class, words that several forms share, and the form of the plan.

The other forms are in `rulebook.py`, targets in `targets.py`, units in `units.py`.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from bot.core.rules.words import DueDate, Grace
from bot.core.time.grammar import PlainDate, WordError


class Basis(StrEnum):
    """依据: who says so. Only the plan and a person bind; a proposal waits for `duban confirm`."""

    PLAN = "方案"
    ADMIN = "管理员"
    PROPOSED = "建议"


class Role(StrEnum):
    """对象 of a rung: in which capacity somebody is addressed."""

    LEAD = "牵头单位"
    COOPERATING = "配合单位"
    GUIDING = "指导单位"
    PROVIDER = "数据来源"
    SUPERVISOR = "分管领导"
    LEADING_GROUP = "领导小组"
    ADMIN = "管理员"


class Delivery(StrEnum):
    """形式 of a rung: alone, in the day's digest, or in the monthly list."""

    SINGLE = "单发"
    DIGEST = "汇总"
    MONTHLY = "月度清单"


class Firmness(StrEnum):
    """措辞 of an item whose date the plan only aims at: it is reminded like any other, but nobody above the unit is told."""

    IN_PRINCIPLE = "原则上"
    STRIVE = "力争"


class Form(BaseModel):
    """Base of every form: frozen, unknown keys refused, Chinese aliases."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, str_strip_whitespace=True)

    @field_validator("*")
    @classmethod
    def _can_be_reckoned_with(cls, value: Any) -> Any:
        if isinstance(value, Decimal) and not reckonable(value):
            raise ValueError("数字过大、位数过多，或不是数字")
        return value


def reckonable(value: Decimal) -> bool:
    """Whether a number may be computed with: finite, below 10**15, at most 9 decimals."""
    return value.is_finite() and value.adjusted() < 15 and int(value.as_tuple().exponent) >= -9


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], BeforeValidator(_as_list)]
Text = Annotated[str, Field(min_length=1)]
Anchor = Annotated[str, Field(max_length=20, description="方案原文片段，不超过20个字")]
Call = Annotated[str, Field(min_length=2, max_length=8, pattern=r"^[\u4e00-\u9fff]+$")]

#: Roles for which a plan may have its own word; the admin is no role of the plan.
NAMEABLE = tuple(role for role in Role if role is not Role.ADMIN)
#: The keys under which a rule file lists the units of a role.
ROLE_KEYS = {Role.LEAD: "牵头", Role.COOPERATING: "配合", Role.GUIDING: "指导"}
#: The characters of an ordinal that is only a number.
NUMERALS = frozenset("零〇一二三四五六七八九十百0123456789")


class PlanForm(Form):
    """rules/plan.yaml: the document everything is traced to."""

    title: Text = Field(alias="方案", description="方案全称")
    status: str = Field(alias="状态", pattern="^(征求意见稿|印发)$", description="征求意见稿或印发")
    number: str = Field(default="", alias="文号")
    issued_on: PlainDate | None = Field(default=None, alias="日期")
    short: Text = Field(default="实施方案", alias="简称", description="消息里引用方案时的叫法")
    starts_on: PlainDate = Field(alias="起算日", description="此日之前的时限、周期、报送不督办")
    ends_on: PlainDate | None = Field(
        default=None, alias="截止日", description="方案期末；此日之后才开始的周期和报送不再督办"
    )
    grace: Grace = Field(
        default_factory=lambda: Grace.parse("10个工作日"),
        alias="补报宽限",
        description="单位第一次听说时已经到期、或即将到期的事项，从听说之日起给这么多工作日补报，此前不算逾期",
    )
    calls: dict[Role, Call] = Field(
        default_factory=dict,
        alias="称呼",
        description="方案自己怎样叫各类单位，如 {牵头单位: 主责单位, 配合单位: 参加单位}；消息和规则文件都用它",
    )
    cites: Text = Field(
        default="第（{序号}）项",
        alias="引用格式",
        pattern=r"\{序号\}",
        description="消息怎样引用任务，如 第{序号}条；里面要有{序号}",
    )

    @property
    def citation(self) -> str:
        """How a message names the plan: 实施方案（征求意见稿）, or 实施方案（民政发〔2027〕1号）."""
        mark = self.number if self.status == "印发" else self.status
        return f"{self.short}（{mark}）" if mark else self.short

    def called(self, role: Role | str) -> str:
        """How this plan calls those in a role: 参加单位 where it says so for 配合单位."""
        return self.calls.get(Role(role), str(role))

    def called_briefly(self, role: Role | str) -> str:
        """The same without 单位, as in the keys of rule files: 参加."""
        return self.called(role).removesuffix("单位")

    def in_own_words(self, text: str) -> str:
        """A sentence of the bot with the plan's words for the roles."""
        for role, name in self.calls.items():
            text = text.replace(role.value, name)
        return text

    def cite(self, ordinal: str) -> str:
        """第（五）项 for 五; an ordinal that is no number stays as it is (组织实施, 二、（三）)."""
        return self.cites.replace("{序号}", ordinal) if NUMERALS.issuperset(ordinal) else ordinal

    @field_validator("calls")
    @classmethod
    def _one_name_for_one_role(cls, calls: dict[Role, str]) -> dict[Role, str]:
        """A name may stand for one role only, and not for another role's usual word."""
        by_name: dict[str, Role] = {role.value: role for role in Role}
        for role, name in calls.items():
            if role not in NAMEABLE:
                raise WordError(f"{role}的叫法不能改", f"可以改：{'、'.join(NAMEABLE)}").for_pydantic()
            if by_name.setdefault(name, role) is not role:
                raise WordError(f"“{name}”既指{by_name[name]}又指{role}", "每类单位各用一种叫法").for_pydantic()
        return calls

    @model_validator(mode="after")
    def _ends_after_its_start(self) -> Self:
        if self.ends_on and self.ends_on <= self.starts_on:
            problem = f"“截止日”{self.ends_on}不晚于“起算日”{self.starts_on}"
            raise WordError(problem, "截止日是方案期末，如 2030-12-31").for_pydantic()
        return self


class LeadForm(Form):
    """牵头: one unit, or the few that lead together; a proposed lead waits until a person confirms it."""

    units: Names = Field(alias="单位", min_length=1, max_length=5, description="几个单位共同牵头时写成列表")
    basis: Basis = Field(alias="依据")

    @property
    def unit(self) -> str:
        """Its name; those of several joined by 、, which stands in no unit's name."""
        return "、".join(self.units)


class AreaForm(Form):
    """One 分区 of an item: the same duty in one area, with units and, where they differ, dates of its own."""

    id: Text = Field(alias="编号", pattern=r"^[A-Z]\d+(-[A-Za-z0-9_]+)+$", description="事项编号加后缀，如 T05-M1-A1")
    name: Text = Field(alias="名称", max_length=30)
    due: DueDate | None = Field(default=None, alias="完成时限", description="不填则同事项；周期事项不填")
    result_on: PlainDate | None = Field(default=None, alias="结果公布", description="不填则同事项")
    units: Names = Field(default=(), alias="责任单位", description="不填则同事项")
    lead: LeadForm | None = Field(default=None, alias="牵头", description="只有一个责任单位时不必填")
    cooperating: Names = Field(default=(), alias="配合", description="不填则同事项")
    basis: Basis | None = Field(default=None, alias="依据", description="不填则同事项")


#: Areas written out, or the name of a 集体对象 that has members: one area for each.
Areas = Annotated[tuple[AreaForm | str, ...], BeforeValidator(_as_list)]
