"""Units as an admin writes them in rules/units.yaml: responsible units, standing groups, and organs of the plan."""

from __future__ import annotations

from pydantic import Field

from bot.core.rules.forms import Form, Names, Text

#: Who edits the rules, and is told in place of a unit that nobody has named yet.
ADMIN = "管理员"


class UnitForm(Form):
    """One responsible unit."""

    name: Text = Field(alias="名称")
    id: Text = Field(alias="编号", pattern=r"^[a-z][a-z0-9_]*$", description="小写字母、数字和下划线，字母开头")
    kind: str = Field(default="", alias="性质")
    aliases: Names = Field(default=(), alias="别名", description="常见的其他叫法，填错时用来提示")
    former_names: Names = Field(default=(), alias="曾用名", description="改名以前的全称；按旧名留下的记录都接着算")
    merged_into: str = Field(
        default="", alias="已并入", description="机构改革后并入的单位；规则里仍可写旧单位，都按新单位督办"
    )
    month_list: bool = Field(
        default=False,
        alias="月初清单",
        description="每月第一个工作日给一份本月到期事项，代替提前8至31天的提醒，周期和报送的代替当月的汇总",
    )


class BodyForm(Form):
    """An organ of section three: named by the plan, not a responsible unit."""

    name: Text = Field(alias="名称")
    duty: str = Field(default="", alias="职责")


class GroupForm(UnitForm):
    """A standing addressee such as 各乡镇: one chat for all, and its members where some duties are each one's own."""

    members: Names = Field(default=(), alias="成员", description="责任单位的全称；“分区: 各乡镇”时每个成员各一项")


class UnitsForm(Form):
    """rules/units.yaml. A unit merged into another stays as history."""

    units: tuple[UnitForm, ...] = Field(alias="责任单位")
    groups: tuple[GroupForm, ...] = Field(
        default=(), alias="集体对象", description="如各学校：一个群，只收点名给它的事项"
    )
    bodies: tuple[BodyForm, ...] = Field(default=(), alias="机构")

    @property
    def everyone(self) -> tuple[UnitForm, ...]:
        """Units and standing groups, merged ones too."""
        return (*self.units, *self.groups)

    @property
    def today(self) -> tuple[UnitForm, ...]:
        """Those that exist: spoken to, and each with a chat."""
        return tuple(unit for unit in self.everyone if not unit.merged_into)
