"""目标 of an indicator: a number, a range, or a change from the baseline, in the wording of the plan; 基期."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar, Self

from pydantic import Field, model_validator

from bot.core.rules.forms import Anchor, Form, reckonable
from bot.core.rules.words import DueDate, Precision
from bot.core.time.grammar import Word, WordError


class Direction(StrEnum):
    """方向 of an indicator."""

    HIGHER = "越高越好"
    LOWER = "越低越好"


class Aim(StrEnum):
    """措辞 of a target, in the words of the plan. What each asks of a value: `aims.py`."""

    REACH = "达到"
    AT_LEAST = "以上"
    KEEP = "保持"
    ABOUT = "左右"
    STRIVE = "力争"
    NOT_BELOW = "不低于"
    NOT_FEWER = "不少于"
    EXCEED = "超过"
    WITHIN = "以内"
    NOT_ABOVE = "不高于"
    NOT_EXCEED = "不超过"
    BELOW = "低于"
    UNDER = "以下"
    DOWN_TO = "降到"
    STEADY = "稳定"


#: The wordings of targets that are a change from the baseline.
RELATIVE_AIMS = (Aim.REACH, Aim.AT_LEAST, Aim.NOT_BELOW, Aim.ABOUT, Aim.STRIVE)

_CHANGE = re.compile(r"(下降|减少|降低|压减|增长|增加|提高|提升|上升)(?:了|到)?(\d+(?:\.\d+)?)(%|个百分点)")
_DOWN = ("下降", "减少", "降低", "压减")
_DOUBLED = {"翻一番": Decimal(100), "翻番": Decimal(100), "翻两番": Decimal(300)}


@dataclass(frozen=True, slots=True)
class Change(Word):
    """The change from the baseline that is wanted: `amount` (negative is down) in per cent of it, or in points."""

    amount: Decimal
    points: bool
    text: str

    title: ClassVar[str] = "比基期"
    about: ClassVar[str] = "和基期值相比升降多少"
    examples: ClassVar[tuple[str, ...]] = ("下降18%", "增长25%", "提高3个百分点", "翻一番")

    @classmethod
    def _read(cls, text: str) -> Self | None:
        if text in _DOUBLED:
            return cls(_DOUBLED[text], False, text)
        found = _CHANGE.fullmatch(text)
        if found is None or not reckonable(amount := Decimal(found[2])):
            return None
        return cls(-amount if found[1] in _DOWN else amount, found[3] != "%", text)

    def words(self) -> str:
        return self.text

    @property
    def is_down(self) -> bool:
        """Whether less is wanted."""
        return self.amount < 0

    def applied(self, base: Decimal) -> Decimal:
        """The value after the change."""
        return base + self.amount if self.points else base * (100 + self.amount) / 100


@dataclass(frozen=True, slots=True)
class Growth(Word):
    """年均: per cent a year, compounded from the baseline; negative is down."""

    rate: Decimal

    title: ClassVar[str] = "年均增长"
    about: ClassVar[str] = "从基期起平均每年增长百分之几；下降写负数"
    examples: ClassVar[tuple[str, ...]] = ("6%", "5.5%", "-3%")

    @classmethod
    def _read(cls, text: str) -> Self | None:
        found = re.fullmatch(r"(-?\d+(?:\.\d+)?)%", text)
        return cls(Decimal(found[1])) if found and reckonable(Decimal(found[1])) else None

    def words(self) -> str:
        return f"{self.rate}%"

    @property
    def is_down(self) -> bool:
        """Whether less is wanted."""
        return self.rate < 0

    def applied(self, base: Decimal, years: int) -> Decimal:
        """The value after so many years."""
        return base * (1 + self.rate / 100) ** years


class BaselineForm(Form):
    """基期."""

    year: int = Field(alias="年份")
    value: Decimal = Field(alias="值")
    source: str = Field(default="", alias="来源")


class TargetForm(Form):
    """One 目标 of an indicator. `number` is None for a change from a baseline that is not known yet."""

    due: DueDate = Field(alias="期限", description="某年，或与报送周期相应的半年、季度、月")
    number: Decimal | None = Field(default=None, alias="值", allow_inf_nan=False)
    upper: Decimal | None = Field(
        default=None, alias="上限", allow_inf_nan=False, description="范围的另一头，如 值: 60, 上限: 65"
    )
    change: Change | None = Field(default=None, alias="比基期", description="代替“值”，如 下降18%")
    growth: Growth | None = Field(default=None, alias="年均增长", description="代替“值”，如 6%；下降写 -3%")
    aim: Aim = Field(alias="措辞")
    sum_from: DueDate | None = Field(
        default=None, alias="累计自", description="从这年起各期数值之和，如 2026年；缺一期就先不判断"
    )
    source: Anchor = Field(default="", alias="出处")
    tolerance: Decimal = Field(
        default=Decimal(3), alias="容差", description="百分之几；“左右”只防一侧，“稳定”防两侧", ge=0
    )

    @property
    def value(self) -> Decimal:
        """The number to be met. Raises LookupError while the baseline is missing."""
        if self.number is None:
            raise LookupError("no baseline yet")
        return self.number

    @property
    def label(self) -> str:
        """The label of its item: 2027, 2027H1, 2027Q3, 2027-05, or 2030累计 for a sum; a period that ends the year is 2027."""
        year, month = self.due.on.year, self.due.on.month
        tail = f"-{month:02}"
        if (month, self.due.on.day) == (12, 31):
            tail = ""
        elif self.due.precision is Precision.HALF:
            tail = "H1"
        elif self.due.precision is Precision.QUARTER:
            tail = f"Q{month // 3}"
        return f"{year}{tail}{'累计' if self.sum_from else ''}"

    @property
    def relative(self) -> Change | Growth | None:
        """The change from the baseline, where the target is written as one."""
        return self.change or self.growth

    @model_validator(mode="after")
    def _said_in_one_way(self) -> Self:
        written = [name for name, part in (("比基期", self.change), ("年均增长", self.growth)) if part]
        ways = len(written) + (self.number is not None)
        if ways == 0:
            raise WordError("缺少“值”", "写数值；与基期相比的写“比基期: 下降18%”或“年均增长: 6%”").for_pydantic()
        if ways > 1:
            raise WordError("“值”“比基期”“年均增长”只能写一项", "删去多余的").for_pydantic()
        if written and self.aim not in RELATIVE_AIMS:
            hint = f"可以写：{'、'.join(RELATIVE_AIMS)}"
            raise WordError(f"“{written[0]}”不能用措辞“{self.aim}”", hint).for_pydantic()
        return self

    @model_validator(mode="after")
    def _ends_meet(self) -> Self:
        if self.upper is not None and (self.number is None or self.upper <= self.number):
            raise WordError(f"“上限”{self.upper}应大于“值”", "范围从小到大：值: 60, 上限: 65").for_pydantic()
        if self.sum_from and self.sum_from.on > self.due.on:
            raise WordError(f"“累计自”{self.sum_from}晚于“期限”{self.due}", "确认两个年份").for_pydantic()
        return self

    def told_by(self, baseline: BaselineForm | None) -> TargetForm:
        """The target with its number, where that comes from the baseline."""
        if baseline is None or self.number is not None:
            return self
        if self.change is not None:
            return self.model_copy(update={"number": self.change.applied(baseline.value)})
        assert self.growth is not None
        return self.model_copy(update={"number": self.growth.applied(baseline.value, self.due.on.year - baseline.year)})
